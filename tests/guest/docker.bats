#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Docker of the guest with the systemd cgroup driver. What Docker does besides is in tests/engines. Runs in the guest
# (tests/guest/run); BERTH names the runtime.

source "${BATS_TEST_DIRNAME}/../engines/docker.bash"
source "${BATS_TEST_DIRNAME}/units.bash"

export DOCKER_SYSTEMD=yes AUDIT_PATIENCE=60 DAEMON_PATIENCE=120

setup_file() {
    [ -n "${BERTH_GUEST:-}" ] || export ENGINE_SKIP="needs the guest"
    docker_open
}

teardown_file() {
    docker_close
}

setup() {
    engine_test
    UNITS='docker-*.scope'
}

teardown() {
    engine_opened || return 0
    remove_all
    audit_end
    no_units
}

# stat_of FIELD: what `docker stats` says of the container named box.
stat_of() {
    docker stats --no-stream --format "{{.$1}}" box
}

@test "docker and systemd: run, its exit status" {
    run -7 drun --rm busybox:test sh -c 'exit 7'
    run docker info -f '{{.CgroupDriver}} {{.CgroupVersion}} {{.DefaultRuntime}}'
    is "systemd 2 berth"
}

@test "docker and systemd: limits in the unit and in the files, by run and by update" {
    box --memory 64m --cpus 0.5 --pids-limit 50 --cpu-shares 512 --cpuset-cpus 1
    [ "$(units)" = "docker-$(docker inspect -f '{{.Id}}' box).scope" ]
    [ "$(property Slice)" = "$ENGINE_MARK.slice" ]
    [ "$(property MemoryMax) $(property TasksMax) $(property CPUQuotaPerSecUSec)" = "67108864 50 500ms" ]
    [ "$(property AllowedCPUs)" = 1 ]
    [ "$(limit memory.max) $(limit memory.swap.max) $(limit pids.max)" = "67108864 67108864 50" ]
    [ "$(limit cpu.max) $(limit cpuset.cpus)" = "50000 100000 1" ]
    [ "$(property CPUWeight)" = "$(limit cpu.weight)" ]
    docker update --memory 128m --memory-swap 256m --pids-limit 60 --cpus 0.25 box >/dev/null
    [ "$(property MemoryMax) $(property TasksMax) $(property CPUQuotaPerSecUSec)" = "134217728 60 250ms" ]
    [ "$(limit memory.max) $(limit memory.swap.max) $(limit pids.max)" = "134217728 134217728 60" ]
    [ "$(limit cpu.max) $(limit cpuset.cpus)" = "25000 100000 1" ]
    # What systemd believes is what holds after it has read its configuration anew.
    systemctl daemon-reload
    [ "$(limit memory.max) $(limit pids.max) $(limit cpu.max)" = "134217728 60 25000 100000" ]
}

@test "docker and systemd: pause, unpause, exec, stop and rm" {
    box
    docker pause box >/dev/null
    [ "$(state_of box Status) $(limit cgroup.freeze)" = "paused 1" ]
    docker unpause box >/dev/null
    [ "$(state_of box Status) $(limit cgroup.freeze)" = "running 0" ]
    run -0 docker exec box cat /proc/self/cgroup
    is "0::/"
    run -3 docker exec box sh -c 'exit 3'
    docker stop -t 30 box >/dev/null
    [ "$(state_of box ExitCode)" = 0 ]
    no_units
    docker rm box >/dev/null
}

@test "docker and systemd: stats with true numbers" {
    drun -d --name box --memory 200m --cpus 0.5 busybox:test \
        sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; echo ready; while :; do :; done' >/dev/null
    wait_until 60 logged box ready
    local usage
    usage=$(stat_of MemUsage)
    between "${usage%%MiB*}" 20 30
    [[ $usage == *"/ 200MiB" ]]
    between "$(stat_of CPUPerc | tr -d %)" 40 60
    [ "$(stat_of PIDs)" = 1 ]
}

@test "docker and systemd: what runs out of memory is killed, and Docker is told" {
    run -137 drun --name box --memory 32m --memory-swap 32m busybox:test \
        dd if=/dev/zero of=/dev/shm/x bs=1M count=60
    [ "$(docker inspect -f '{{.State.OOMKilled}}' box)" = true ]
}

@test "docker and systemd: devices, denied and allowed, and after a daemon-reload" {
    box --device /dev/loop-control:/dev/there:r
    run -0 docker exec box sh -c ': </dev/there && echo read'
    is read
    run -1 docker exec box sh -c ': >/dev/there'
    contains "Operation not permitted"
    systemctl daemon-reload
    run -1 docker exec box sh -c ': >/dev/there'
    contains "Operation not permitted"
    run -0 docker exec box sh -c ': </dev/there && echo read'
}
