#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# containerd of the guest with the systemd cgroup driver, by ctr and under Kubernetes' interface. What containerd does
# besides is in tests/engines. Runs in the guest (tests/guest/run); BERTH names the runtime.

export CRI_SYSTEMD=yes
source "${BATS_TEST_DIRNAME}/../engines/cri.bash"
source "${BATS_TEST_DIRNAME}/units.bash"

export AUDIT_PATIENCE=60 DAEMON_PATIENCE=120

setup_file() {
    [ -n "${BERTH_GUEST:-}" ] || export ENGINE_SKIP="needs the guest"
    cri_open
    ! engine_opened || CTR_NAMESPACE=$ENGINE_MARK images_load ctr image import
}

teardown_file() {
    containerd_close
}

setup() {
    engine_test
    mkdir "$BATS_TEST_TMPDIR/logs"
}

teardown() {
    engine_opened || return 0
    ctr task rm --force box 2>/dev/null
    ctr container rm box 2>/dev/null
    remove_pods
    audit_end
    no_units
}

# Holds 20 MiB, says so, and is busy.
HOLD='dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; echo ready; while :; do :; done'

@test "ctr and systemd: run, limits in unit and files, exec, pause, metrics, kill, rm" {
    UNITS='ctr-*.scope'
    crun --rm --runc-systemd-cgroup --cgroup "$ENGINE_MARK.slice:ctr:box" docker.io/library/busybox:test box \
        sh -c 'exit 7' && return 1
    [ $? = 7 ]
    no_units
    crun -d --runc-systemd-cgroup --cgroup "$ENGINE_MARK.slice:ctr:box" --memory-limit 67108864 --cpus 0.5 \
        --mount type=tmpfs,src=tmpfs,dst=/dev/shm,options=size=100m docker.io/library/busybox:test box \
        sh -c "touch /tmp/x; $HOLD"
    [ "$(units)" = ctr-box.scope ]
    [ "$(property Slice) $(property MemoryMax) $(property CPUQuotaPerSecUSec)" = "$ENGINE_MARK.slice 67108864 500ms" ]
    [ "$(limit memory.max) $(limit cpu.max)" = "67108864 50000 100000" ]
    wait_until 60 ctr task exec --exec-id look box sh -c '[ "$(stat -c %s /dev/shm/x)" = 20971520 ]'
    ctr task metrics --format json box >"$BATS_TEST_TMPDIR/metrics"
    between "$(jq '.memory.usage' "$BATS_TEST_TMPDIR/metrics")" 20971520 33554432
    [ "$(jq '.memory.usage_limit' "$BATS_TEST_TMPDIR/metrics")" = 67108864 ]
    [ "$(jq '.pids.current' "$BATS_TEST_TMPDIR/metrics")" = 1 ]
    ctr task pause box
    [ "$(limit cgroup.freeze)" = 1 ]
    ctr task resume box
    [ "$(limit cgroup.freeze)" = 0 ]
    ctr task kill --signal KILL box
    wait_until 60 no_units
}

@test "cri and systemd: a pod's container, its limits, an update, its figures, its end" {
    UNITS='cri-containerd-*.scope'
    pod one
    launch one first '.linux.resources = { memory_limit_in_bytes: 67108864, cpu_quota: 50000, cpu_period: 100000 }' \
        sh -c "$HOLD"
    wait_until 60 logged first stdout ready
    local container pod id
    id=$(id_of first)
    pod=cri-containerd-$(id_of pod.one).scope
    container=cri-containerd-$id.scope
    [ "$(units | sort)" = "$(printf '%s\n' "$pod" "$container" | sort)" ]
    UNITS=$container
    [ "$(property Slice) $(property MemoryMax) $(property CPUQuotaPerSecUSec)" = "$ENGINE_MARK.slice 67108864 500ms" ]
    [ "$(limit memory.max) $(limit cpu.max)" = "67108864 50000 100000" ]
    cri UpdateContainerResources "{ \"container_id\": \"$id\", \"linux\": { \"memory_limit_in_bytes\": 134217728,
        \"cpu_quota\": 25000, \"cpu_period\": 100000 } }"
    [ "$(property MemoryMax) $(property CPUQuotaPerSecUSec)" = "134217728 250ms" ]
    [ "$(limit memory.max) $(limit cpu.max)" = "134217728 25000 100000" ]
    run -0 exec_in first cat /proc/self/cgroup
    is 0::/
    run -0 cri ContainerStats "{ \"container_id\": \"$id\" }"
    between "$(jq .stats.memory.working_set_bytes.value <<<"$output")" 20971520 33554432
    between "$(jq .stats.cpu.usage_core_nano_seconds.value <<<"$output")" 100000000 600000000000
    stop first 0
    no_units
    UNITS='cri-containerd-*.scope'
}
