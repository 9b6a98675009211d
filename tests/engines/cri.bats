#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Kubernetes' interface, see cri.bash.

source "${BATS_TEST_DIRNAME}/cri.bash"

setup_file() {
    cri_open
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
    remove_pods
    audit_end
}

# ---- pods ----------------------------------------------------------------------------------------------------------

@test "cri: the service is ready and has our handler" {
    run -0 cri Version
    contains containerd
    run -0 cri Status '{ "verbose": true }'
    [ "$(jq '[.status.conditions[] | select(.type == "RuntimeReady" or .type == "NetworkReady") | .status] | all' \
        <<<"$output")" = true ]
    [ "$(jq -r '.info.config | fromjson | .containerd.runtimes.berth.options.BinaryName' <<<"$output")" = \
        "$ENGINE_RUNTIME" ]
}

@test "cri: what the runtime says of its features reaches the kubelet" {
    [ "${BERTH_ENGINES:-host}" = sid ] || skip "containerd asks for features since 2.0"
    not_for runc "1.1.5 has neither"
    run -0 cri Status
    [ "$(jq -c '.runtime_handlers[] | select(.name == "berth").features' <<<"$output")" = \
        '{"recursive_read_only_mounts":true,"user_namespaces":true}' ]
}

@test "cri: a pod is run by the handler's binary, is ready, stops and goes away" {
    local id
    pod one
    id=$(id_of pod.one)
    [ -d "$ENGINE_WORK/runtime/k8s.io/$id" ]
    run -0 pod_status one
    [ "$(jq -c '.status | [.state // 0, .runtime_handler, .metadata.name]' <<<"$output")" = '[0,"berth","one"]' ]
    run -0 audit_list
    contains "/$ENGINE_MARK/$id"
    contains "state: $ENGINE_WORK/runtime/k8s.io/$id"
    cri StopPodSandbox "{ \"pod_sandbox_id\": \"$id\" }"
    run -0 pod_status one
    [ "$(jq '.status.state' <<<"$output")" = 1 ]
    cri RemovePodSandbox "{ \"pod_sandbox_id\": \"$id\" }"
    run ! pod_status one
    contains NOT_FOUND
    audit_end
}

@test "cri: a handler that does not exist is refused" {
    run ! cri RunPodSandbox '{ "config": { "metadata": { "name": "x", "uid": "x", "namespace": "x" } },
        "runtime_handler": "nobody" }'
    contains nobody
}

@test "cri: namespaces: a pod's containers share network, ipc and host name, not files and processes" {
    local kind
    pod one
    box one first
    box one second
    for kind in net ipc uts; do
        [ "$(namespace_of "$(pid_of first)" $kind)" = "$(namespace_of "$(pid_of second)" $kind)" ]
        [ "$(namespace_of "$(pid_of first)" $kind)" != "$(namespace_of self $kind)" ]
    done
    for kind in pid mnt; do
        [ "$(namespace_of "$(pid_of first)" $kind)" != "$(namespace_of "$(pid_of second)" $kind)" ]
    done
    run -0 exec_in second hostname
    is one
    run -0 exec_in first sh -c 'echo $PPID; ls -d /proc/[0-9]*/ | wc -l; touch /dev/shm/shared'
    [ "${lines[0]}" = 0 ]
    run -0 exec_in second ls /dev/shm
    is shared
}

@test "cri: one process namespace for the pod; a container that looks into another's" {
    pod one '.linux.security_context.namespace_options.pid = 0'
    box one first '.linux.security_context.namespace_options.pid = 0'
    run -0 exec_in first sh -c 'tr "\0" " " </proc/1/cmdline'
    is "sleep 2147483647 "
    pod two
    box two second
    launch two debug '.linux.security_context.namespace_options = { pid: 3, target_id: "'"$(id_of second)"'" }' \
        sh -c 'cat /proc/1/comm; sleep 4321'
    wait_until 10 logged debug stdout sh
    [ "$(namespace_of "$(pid_of second)" pid)" = "$(namespace_of "$(pid_of debug)" pid)" ]
}

@test "cri: a pod in the host's network, ipc and process namespaces" {
    local kind host
    host=$(cat "$ENGINE_WORK/containerd.pid")
    pod one 'del(.hostname) | .linux.security_context.namespace_options = { network: 2, pid: 2, ipc: 2 }'
    box one first '.linux.security_context.namespace_options = { network: 2, pid: 2, ipc: 2 }'
    for kind in net ipc pid; do
        [ "$(namespace_of "$(pid_of first)" $kind)" = "$(namespace_of "$host" $kind)" ]
    done
    stop first 0
    state_is first $EXITED
}

@test "cri: pods have addresses, ping each other, and a host port" {
    local address
    pod one '.port_mappings = [{ container_port: 8000, host_port: 18000 }]'
    pod two
    launch one server . nc -ll -p 8000 -e hostname
    box two client
    address=$(pod_status one | jq -r .status.network.ip)
    run -0 exec_in client ping -c 1 -w 10 "$address"
    contains "1 packets received"
    # 1F40 is 8000, 0A is a socket that listens.
    wait_until 10 grep -qsE ':1F40 0+:0000 0A ' "/proc/$(pid_of server)"/net/{tcp,tcp6}
    run -0 exec_in client nc -w 10 "$address" 8000
    is one
    run -0 on_host busybox nc -w 10 172.30.97.1 18000
    is one
}

@test "cri: sysctls of the pod" {
    pod one '.linux.sysctls = { "net.core.somaxconn": "777", "kernel.msgmax": "9999" }'
    box one first
    run -0 exec_in first cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax
    is $'777\n9999'
}

@test "cri: a pod with a user namespace of its own" {
    [ "${BERTH_ENGINES:-host}" = sid ] || skip "containerd has it since 2.0"
    not_for runc "1.1.5 cannot map the ids of mounts"
    local userns='{ userns_options: { mode: 0, uids: [{ host_id: 300000, length: 65536 }],
        gids: [{ host_id: 300000, length: 65536 }] } }'
    mkdir "$BATS_TEST_TMPDIR/data"
    pod one ".linux.security_context.namespace_options += $userns"
    box one first ".linux.security_context.namespace_options += $userns
        | .mounts = [{ container_path: \"/data\", host_path: (\$tmp + \"/data\") }]"
    run -0 exec_in first sh -c 'tr -s " " </proc/self/uid_map; id -u; touch /made && stat -c %u /made; hostname'
    is $' 0 300000 65536\n0\n0\none'
    [ "$(stat -c %u "/proc/$(pid_of first)")" = 300000 ]
}

# ---- containers ----------------------------------------------------------------------------------------------------

@test "cri: created, started, ended: states, exit code, both streams in the log" {
    pod one
    create one first . sh -c 'echo out; echo err >&2; printf part; exit 42'
    state_is first 0
    cri StartContainer "{ \"container_id\": \"$(id_of first)\" }"
    wait_until 10 state_is first $EXITED
    run -0 status_of first
    [ "$(jq -c '[.exit_code, .reason]' <<<"$output")" = '[42,"Error"]' ]
    logged first stdout out
    logged first stderr err
    grep -qE ' stdout [FP] part$' "$BATS_TEST_TMPDIR/logs/first.log"
    launch one second . true
    wait_until 10 state_is second $EXITED
    [ "$(status_of second | jq -r '"\(.exit_code // 0) \(.reason)"')" = "0 Completed" ]
    cri RemoveContainer "{ \"container_id\": \"$(id_of first)\" }"
    run ! status_of first
}

@test "cri: what cannot be run says so and leaves the pod alone" {
    pod one
    create one first . no-such-program
    run ! cri StartContainer "{ \"container_id\": \"$(id_of first)\" }"
    contains no-such-program
    contains "executable file not found"
    state_is first $EXITED
    [ "$(status_of first | jq -r .reason)" = StartError ]
    create one second . /bin/plain-file
    run ! cri StartContainer "{ \"container_id\": \"$(id_of second)\" }"
    [[ ${output,,} == *"permission denied"* ]]
    box one third
}

@test "cri: a terminal" {
    pod one
    launch one first '.tty = true | .stdin = true' \
        sh -c 'tty; test -t 0 && test -t 1 && echo both; stty size; sleep 4321'
    wait_until 10 logged first stdout $'both\r?'
    logged first stdout $'/dev/pts/0\r?'
}

@test "cri: ExecSync: output, error output, exit code" {
    pod one
    box one first
    run --separate-stderr exec_in first sh -c 'echo out; echo err >&2; exit 42'
    exits 42
    is out
    [ "$stderr" = err ]
    exec_in first sh -c 'head -c 300000 /dev/zero | tr "\0" x' >"$BATS_TEST_TMPDIR/out"
    [ "$(wc -c <"$BATS_TEST_TMPDIR/out")" = 300000 ]
    run ! exec_in first no-such-program
    contains "executable file not found"
    state_is first $RUNNING
}

@test "cri: ExecSync: one that takes too long is ended" {
    pod one
    box one first
    run ! cri ExecSync "{ \"container_id\": \"$(id_of first)\", \"timeout\": 1,
        \"cmd\": [\"sh\", \"-c\", \"sleep 4321\"] }"
    contains DEADLINE_EXCEEDED
    wait_until 10 eval '! exec_in first sh -c "grep -l ^sleep.4321 /proc/[0-9]*/cmdline"'
    state_is first $RUNNING
}

@test "cri: stop: TERM is honoured, otherwise KILL" {
    pod one
    box one first
    stop first 20
    state_is first $EXITED
    [ "$(status_of first | jq .exit_code)" = 9 ]
    logged first stdout bye
    launch one second . sh -c 'trap "" TERM; echo deaf; while :; do sleep 60; done'
    wait_until 10 logged second stdout deaf
    stop second 1
    [ "$(status_of second | jq .exit_code)" = 137 ]
    stop second 1
}

@test "cri: limits, and their update while it runs" {
    local pid
    pod one
    box one first '.linux.resources = { cpu_period: 100000, cpu_quota: 50000, cpu_shares: 512,
        memory_limit_in_bytes: 67108864, oom_score_adj: 600 }'
    pid=$(pid_of first)
    [ "$(cgroup_limit "$pid" memory) $(cgroup_limit "$pid" quota)" = "67108864 50000" ]
    [ "$(cat "/proc/$pid/oom_score_adj")" = 600 ]
    [[ $(cgroup_dir "$pid" memory) == */$ENGINE_MARK/$(id_of first) ]]
    cri UpdateContainerResources "$(jq -n --arg id "$(id_of first)" '{ container_id: $id,
        linux: { cpu_period: 100000, cpu_quota: 25000, cpu_shares: 256, memory_limit_in_bytes: 100663296,
            cpuset_cpus: "0" } }')"
    [ "$(cgroup_limit "$pid" memory) $(cgroup_limit "$pid" quota) $(cgroup_limit "$pid" cpus)" = "100663296 25000 0" ]
    if [ "$(cgroup_world)" = v1 ]; then [ "$(cgroup_limit "$pid" shares)" = 256 ]; fi
    state_is first $RUNNING
}

@test "cri: figures of a container" {
    pod one
    box one first '.linux.resources = { memory_limit_in_bytes: 67108864 }'
    exec_in first sh -c 'head -c 20000000 /dev/zero >/x'
    exec_in first sh -c 'head -c 10000000 /dev/zero >/dev/shm/x'
    # containerd looks at the figures at most every ten seconds or so.
    run -0 cri ContainerStats "{ \"container_id\": \"$(id_of first)\" }"
    [ "$(jq '.stats.memory.working_set_bytes.value >= 10000000 and .stats.memory.working_set_bytes.value < 67108864
        and .stats.cpu.usage_core_nano_seconds.value > 0' <<<"$output")" = true ]
}

@test "cri: out of memory is the reason given" {
    pod one
    launch one first '.linux.resources = { memory_limit_in_bytes: 16777216 }' tail /dev/zero
    wait_until 20 state_is first $EXITED
    wait_until 10 eval '[ "$(status_of first | jq -r "\"\(.exit_code) \(.reason)\"")" = "137 OOMKilled" ]'
}

@test "cri: a program killed from outside is seen to be dead, its pod is not" {
    pod one
    box one first
    kill -KILL "$(pid_of first)"
    wait_until 10 state_is first $EXITED
    [ "$(status_of first | jq .exit_code)" = 137 ]
    run -0 pod_status one
    [ "$(jq '.status.state // 0' <<<"$output")" = 0 ]
    # As a kubelet does: the next attempt.
    box one first '.metadata.attempt = 1'
}

@test "cri: a pod whose sandbox dies is not ready, and is cleared away" {
    [ "${BERTH_ENGINES:-host}" = host ] || skip "containerd 2.1 leaves such a pod's shim behind, whatever the runtime"
    local pid
    pod one
    box one first
    pid=$(pod_status one verbose | jq '.info.info | fromjson | .pid')
    kill -KILL "$pid"
    wait_until 10 eval '[ "$(pod_status one | jq .status.state)" = 1 ]'
    cri StopPodSandbox "{ \"pod_sandbox_id\": \"$(id_of pod.one)\" }"
    state_is first $EXITED
}

@test "cri: pods outlive the daemon, and the next one has them" {
    local pid
    pod one
    box one first
    pid=$(pid_of first)
    # The next daemon must live where this one did: with what is left of it, the shims.
    daemon_stop containerd
    containerd_again nsenter --net --mount --target "$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")"
    wait_until 20 cri Version
    [ "$(pid_of first)" = "$pid" ]
    run -0 exec_in first echo there
    is there
    box one second
    stop first 20
    [ "$(status_of first | jq .exit_code)" = 9 ]
}

@test "cri: a log that was moved away is opened anew" {
    pod one
    box one first
    mv "$BATS_TEST_TMPDIR/logs/first.log" "$BATS_TEST_TMPDIR/logs/old.log"
    cri ReopenContainerLog "{ \"container_id\": \"$(id_of first)\" }"
    stop first 20
    logged first stdout bye
    run ! logged old stdout bye
}

# ---- what a container is allowed -----------------------------------------------------------------------------------

@test "cri: user, groups, directory, environment" {
    pod one
    box one first '.working_dir = "/tmp" | .envs = [{ key: "WORD", value: "two words" }]
        | .linux.security_context += { run_as_user: { value: 1000 }, run_as_group: { value: 1000 },
            supplemental_groups: [2000] }'
    run -0 exec_in first sh -c 'id; pwd; echo "$WORD"'
    is $'uid=1000(tester) gid=1000(tester) groups=1000(tester),2000\n/tmp\ntwo words'
    run -0 cat "/proc/$(pid_of first)/status"
    contains $'Uid:\t1000\t1000\t1000\t1000'
}

@test "cri: restricted as the strictest pods are" {
    local show='grep -E "Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp:" /proc/self/status'
    pod one '.linux.security_context.seccomp = { profile_type: 0 }'
    box one first '.linux.security_context += { run_as_user: { value: 1000 }, readonly_rootfs: true, no_new_privs: true,
        seccomp: { profile_type: 0 }, capabilities: { drop_capabilities: ["ALL"] },
        masked_paths: ["/proc/kcore", "/proc/keys", "/sys/firmware"],
        readonly_paths: ["/proc/sys", "/proc/sysrq-trigger"] }'
    run -0 exec_in first sh -c "$show"
    is "$(printf 'Cap%s:\t0000000000000000\n' Inh Prm Eff Bnd Amb; printf 'NoNewPrivs:\t1\nSeccomp:\t2')"
    is "$(grep -E "Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp:" "/proc/$(pid_of first)/status")"
    run ! exec_in first touch /tmp/x
    contains "Read-only file system"
    run ! exec_in first unshare -U true
    run -0 exec_in first sh -c 'cat /proc/keys; (: >>/proc/sys/kernel/panic) 2>/dev/null || echo ro'
    is ro
}

@test "cri: privileged" {
    pod one '.linux.security_context.privileged = true'
    box one first '.linux.security_context.privileged = true'
    run -0 exec_in first sh -c 'grep CapEff /proc/self/status; mkdir /mnt; mount -t tmpfs x /mnt && echo mounted
        ls /dev/loop-control; : >>/proc/sys/kernel/panic && echo writable'
    is $'CapEff:\t'"$(awk '/^CapEff/ { print $2 }' /proc/self/status)"$'\nmounted\n/dev/loop-control\nwritable'
}

@test "cri: mounts: written through, read-only, propagated from the host" {
    mkdir -p "$BATS_TEST_TMPDIR/data/later"
    # The mount is made where containerd's view of the host is.
    at_containerd() { nsenter --mount --target "$(cat "$ENGINE_WORK/containerd.pid")" "$@"; }
    at_containerd mount --bind "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/data"
    at_containerd mount --make-rshared "$BATS_TEST_TMPDIR/data"
    pod one
    box one first '.mounts = [{ container_path: "/rw", host_path: ($tmp + "/data") },
        { container_path: "/ro", host_path: ($tmp + "/data"), readonly: true },
        { container_path: "/slave", host_path: ($tmp + "/data"), propagation: 1 }]'
    run exec_in first sh -c 'echo written >/rw/f; cat /ro/f; touch /ro/x'
    exits 1
    contains written
    contains "Read-only file system"
    [ "$(cat "$BATS_TEST_TMPDIR/data/f")" = written ]
    at_containerd mount -t tmpfs later "$BATS_TEST_TMPDIR/data/later"
    run exec_in first sh -c 'cd /proc/self; grep -c " /slave/later " mountinfo; grep " /rw/later " mountinfo; true'
    at_containerd umount -l "$BATS_TEST_TMPDIR/data/later" "$BATS_TEST_TMPDIR/data"
    is 1
}

# host_root_box NAME PROPAGATION: a container in the host's namespaces with the host's root on /host, read-only.
host_root_box() {
    box one "$1" '.linux.security_context.namespace_options = { network: 2, pid: 2, ipc: 2 }
        | .mounts = [{ container_path: "/host", host_path: "/", readonly: true, propagation: '"$2"' }]'
}

# `kubectl debug node` asks for no propagation, node exporters do. containerd makes a slave only of a shared mount, so
# "/" becomes shared where it is not, as systemd makes it.
@test "cri: the host's root as a mount, read-only, in the host's namespaces" {
    local data=$BATS_TEST_TMPDIR/data mark=/left-by-$ENGINE_MARK was name
    at_containerd() { nsenter --mount --target "$(cat "$ENGINE_WORK/containerd.pid")" "$@"; }
    mkdir -p "$data/later"
    echo from-host >"$data/in"
    was=$(at_containerd findmnt -no PROPAGATION /)
    [ "$was" = shared ] || at_containerd mount --make-rshared /
    pod one 'del(.hostname) | .linux.security_context.namespace_options = { network: 2, pid: 2, ipc: 2 }'
    host_root_box debug 0
    host_root_box exporter 1
    at_containerd mount -t tmpfs later "$data/later"
    for name in debug exporter; do
        run exec_in "$name" sh -c 'cat "/host$1/in"; cat /host/proc/1/comm
            grep -c " /host$1/later " /proc/self/mountinfo; touch "/host$2"' - "$data" "$mark"
        echo "$name $status: $output" >>"$BATS_TEST_TMPDIR/seen"
    done
    at_containerd umount "$data/later"
    rm -f "$mark"
    remove_pods
    [ "$was" = shared ] || at_containerd mount --make-rprivate /
    output=$(cat "$BATS_TEST_TMPDIR/seen")
    contains $'debug 1: from-host\n'"$(cat /proc/1/comm)"$'\n0\ntouch: '"/host$mark: Read-only file system"
    contains $'exporter 1: from-host\n'"$(cat /proc/1/comm)"$'\n1\ntouch: '"/host$mark: Read-only file system"
}

@test "cri: an image whose links lead to nothing yet" {
    CTR_NAMESPACE=k8s.io ctr image import "$(image_links)"
    wait_until 20 image_known links:test
    mkdir "$BATS_TEST_TMPDIR/data"
    echo from-host >"$BATS_TEST_TMPDIR/data/in"
    pod one '.dns_config.servers = ["192.0.2.53"]'
    box one first '.image.image = "docker.io/library/links:test"
        | .mounts = [{ container_path: "/var/run/data", host_path: ($tmp + "/data"), readonly: true }]'
    run exec_in first sh -c 'cat /etc/resolv.conf; readlink /etc/resolv.conf; readlink /var/run; cat /run/data/in'
    remove_pods
    CTR_NAMESPACE=k8s.io ctr image rm docker.io/library/links:test
    exits 0
    is $'nameserver 192.0.2.53\n../run/systemd/resolve/stub-resolv.conf\n/run\nfrom-host'
}

@test "cri: a mount that is read-only to its depth" {
    [ "${BERTH_ENGINES:-host}" = sid ] || skip "containerd has it since 2.0"
    mkdir -p "$BATS_TEST_TMPDIR/data/deep"
    at_containerd() { nsenter --mount --target "$(cat "$ENGINE_WORK/containerd.pid")" "$@"; }
    at_containerd mount -t tmpfs deep "$BATS_TEST_TMPDIR/data/deep"
    pod one
    box one first '.mounts = [{ container_path: "/ro", host_path: ($tmp + "/data"), readonly: true },
        { container_path: "/rro", host_path: ($tmp + "/data"), readonly: true, recursive_read_only: true }]'
    run exec_in first sh -c 'touch /ro/deep/x && echo open; touch /rro/x 2>/dev/null || echo closed; touch /rro/deep/x'
    at_containerd umount -l "$BATS_TEST_TMPDIR/data/deep"
    exits 1
    contains $'open\nclosed\n'
    contains "Read-only file system"
}

@test "cri: a device with its access" {
    [ -c /dev/fuse ] || skip "the host has no /dev/fuse"
    pod one
    box one first '.devices = [{ container_path: "/dev/other", host_path: "/dev/fuse", permissions: "r" }]'
    run ! exec_in first sh -c ': </dev/other && echo read; : >/dev/other'
    contains read
    contains "Operation not permitted"
}
