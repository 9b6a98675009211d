#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# experiments: that each limit and each namespace does what it is for: a real workload, and its effect measured by the
# kernel's own counters against the clock. The only tests that measure time.
load helpers
load inside
load limits

# Seconds of a measurement.
SPAN=10
TEST_LIMIT=$((TEST_LIMIT + 6 * SPAN))

prepare() {
    make_bundle
}

finish() {
    drop_device
    [ ! -e "$T/shared" ] || ! mountpoint -q "$T/shared" || umount -R "$T/shared"
}

# add_workload: puts the static program of workload.c into the container, as /bin/workload.
add_workload() {
    needs program:gcc
    if [ ! -x "$BATS_FILE_TMPDIR/workload" ]; then
        gcc -std=c17 -D_GNU_SOURCE -O1 -Wall -Wextra -static -o "$BATS_FILE_TMPDIR/workload.new" \
            "$BATS_TEST_DIRNAME/workload.c"
        mv "$BATS_FILE_TMPDIR/workload.new" "$BATS_FILE_TMPDIR/workload"
    fi
    cp "$BATS_FILE_TMPDIR/workload" "$B/rootfs/bin/workload"
}

# between VALUE LEAST MOST WHAT
between() {
    echo "# $4: $1" >&3
    (($1 >= $2 && $1 <= $3)) || fail "$4: expected $2 to $3, got $1"
}

# begin_busy [ID]: a running container that uses all the CPU that it gets.
begin_busy() {
    make_fifo ready
    shell 'echo up >/ready; while :; do :; done'
    begin "${1:-$ID}" && succeeds berth start "${1:-$ID}" && same "$(wait_for ready)" up
}

# sample COUNTER: $used, the microseconds of CPU that it has counted, and $at, the time of the clock. They are read side by
# side and without a program in between, whose start alone would be seen in the result where processors are emulated.
sample() {
    local first second
    at=${EPOCHREALTIME/[.,]/}
    read -r first second <"$1"
    if [ "$first" = usage_usec ]; then used=$second; else used=$((first / 1000)); fi
}

# measure NAME...: what the containers of those bundles use over $SPAN seconds, in thousandths of one CPU: an element of
# $share each.
measure() {
    local name i used at before=() from=() counters=()
    for name; do counters+=("$(cpu_counter "$name")"); done
    for i in "${!counters[@]}"; do
        sample "${counters[i]}"
        before+=("$used") from+=("$at")
    done
    sleep "$SPAN"
    share=()
    for i in "${!counters[@]}"; do
        sample "${counters[i]}"
        share+=("$(((used - before[i]) * 1000 / (at - from[i])))")
    done
}

# ---- processors -----------------------------------------------------------------------------------------------------

@test "a busy loop is held to 20 % and to 50 % of a CPU" {
    controller cpu
    is_cgroup2 || needs cgroup1-cpuacct
    resources '{"cpu": {"quota": 20000, "period": 100000}}'
    begin_busy
    measure bundle
    between "${share[0]}" 170 230 "thousandths of a CPU, held to 200"
    succeeds berth update --cpu-quota 50000 "$ID"
    measure bundle
    between "${share[0]}" 470 530 "thousandths of a CPU, held to 500"
}

@test "two loops on one core share it as their shares are" {
    controller cpu cpuset
    is_cgroup2 || needs cgroup1-cpuacct
    local core
    core=$(last_core)
    resources "{\"cpu\": {\"shares\": 1000, \"cpus\": \"$core\"}}"
    begin_busy
    make_bundle other
    resources "{\"cpu\": {\"shares\": 500, \"cpus\": \"$core\"}}"
    begin_busy "${ID}2"
    measure bundle other
    # On cgroup2 a weight takes the place of the shares; the two conversions that there are do not keep the ratio.
    local expected=2000
    is_cgroup2 && expected=$((1000 * $(of cpu cpu.weight) / $(of cpu cpu.weight other)))
    between $((1000 * share[0] / share[1])) $((expected * 9 / 10)) $((expected * 11 / 10)) \
        "use of the first in thousandths of the second's, expected $expected"
}

# The cores that this process may use, as one number a line.
cores() {
    local range
    for range in $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr , ' '); do
        seq "${range%-*}" "${range#*-}"
    done
}

last_core() {
    cores | tail -n 1
}

# on_core PID: the core it ran on last (proc(5), processor).
on_core() {
    sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f37
}

@test "a loop is on the core that is chosen, and on none else" {
    controller cpuset
    [ "$(cores | wc -l)" -gt 1 ] || skip "needs two cores"
    local core pid i
    resources "{\"cpu\": {\"cpus\": \"$(last_core)\"}}"
    begin_busy
    pid=$(state_of "$ID" pid)
    for core in $(last_core) $(cores | head -n 1) $(last_core); do
        succeeds berth update --cpuset-cpus "$core" "$ID"
        same "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$pid/status")" "$core"
        eventually eval "[ \"\$(on_core $pid)\" = $core ]"
        for i in {1..100}; do
            same "$(on_core "$pid")" "$core" "core, seen the ${i}th time"
        done
    done
}

@test "a frozen loop uses no CPU, and a thawed one does" {
    if is_cgroup2; then needs cgroup2-cpu; else needs cgroup1-freezer cgroup1-cpuacct; fi
    begin_busy
    local used
    SPAN=1
    measure bundle
    between "${share[0]}" 50 1100 "thousandths of a CPU, running"
    succeeds berth pause "$ID"
    used=$(cpu_time)
    measure bundle
    same "$(cpu_time)" "$used" "CPU time after a second of pause"
    succeeds berth resume "$ID"
    measure bundle
    between "${share[0]}" 50 1100 "thousandths of a CPU, running again"
}

# ---- memory, processes, devices -------------------------------------------------------------------------------------

@test "a program that takes 1 GiB in steps of 100 MiB is killed at 300 MiB, and that is told" {
    controller memory
    add_workload
    payload workload allocate 100 10
    # It is the limit that ends it: with more it comes to its end.
    resources '{"memory": {"limit": 1342177280}}'
    succeeds berth run --bundle "$B" "$ID"
    same "$(tail -n 1 <<<"$output")" 1000
    resources '{"memory": {"limit": 314572800, "swap": 314572800}}'
    exits 137 berth run --keep --bundle "$B" "$ID"
    same "$output" $'100\n200'
    if is_cgroup2; then
        same "$(keyed memory memory.events oom_kill)" 1
    else
        same "$(keyed memory memory.oom_control oom_kill)" 1
    fi
    succeeds berth delete "$ID"
    # To whoever watches: that memory ran out, and the end.
    begin
    "$BERTH" --root "$ROOT" events "$ID" </dev/null >"$T/events" 2>&1 3>&- 4>&- &
    job=$!
    eventually test -s "$T/events"
    succeeds berth start "$ID"
    wait "$job"
    same "$(jq -r 'select(.type != "stats") | .type' "$T/events" | uniq)" oom
}

@test "a fork bomb stops at the limit of processes" {
    controller pids
    add_workload
    local limit=30 i now
    resources "{\"pids\": {\"limit\": $limit}}"
    payload workload fork
    begin
    succeeds berth start "$ID"
    # It is at the limit, and has been refused more: a number after "max" on either version. The processes are counted,
    # since pids.current is above the limit for the instant that the kernel takes to refuse one more.
    eventually eval '[ "$(of pids cgroup.procs | wc -l)" = '$limit' ] && [ "$(keyed pids pids.events max)" -gt 100 ]'
    for i in {1..50}; do
        now=$(of pids cgroup.procs | wc -l)
        ((now == limit)) || fail "$now processes"
    done
    # The host's processes are not held: these are new ones.
    true | cat
    succeeds berth delete --force "$ID"
    absent
}

# moved HOW: milliseconds that 4 MiB take, each way, into $milliseconds.
moved() {
    payload workload direct "$1" /dev/disk 4
    succeeds berth run --bundle "$B" "$ID"
    milliseconds=$output
}

# add_device ACCESS: the test's block device in the container, with what it may do there.
add_device() {
    config --arg n "$NUMBER" --arg access "$1" '($n | split(":") | map(tonumber)) as [$major, $minor] |
        .linux.devices = [{path: "/dev/disk", type: "b", major: $major, minor: $minor, fileMode: 438}] |
        .linux.resources.devices = [{allow: false, access: "rwm"}] + if $access == "" then [] else
            [{allow: true, type: "b", major: $major, minor: $minor, access: $access}] end'
}

@test "reads and writes of a block device are held to 1 MiB/s" {
    if is_cgroup2; then needs cgroup2-io; else needs cgroup1-blkio; fi
    make_device
    add_workload
    add_device rw
    local how
    for how in read write; do
        moved "$how"
        between "$milliseconds" 0 1500 "milliseconds for 4 MiB, $how"
    done
    config --arg n "$NUMBER" '($n | split(":") | map(tonumber)) as [$major, $minor] |
        [{major: $major, minor: $minor, rate: 1048576}] as $rate |
        .linux.resources.blockIO = {throttleReadBpsDevice: $rate, throttleWriteBpsDevice: $rate}'
    for how in read write; do
        moved "$how"
        between "$milliseconds" 3000 5000 "milliseconds for 4 MiB at 1 MiB/s, $how"
    done
}

@test "a device is denied, may be read, may be written" {
    is_cgroup2 || needs cgroup1-devices
    make_device
    local try='dd if=/dev/disk of=/dev/null bs=512 count=1 2>/dev/null && echo read
        dd if=/dev/zero of=/dev/disk bs=512 count=1 conv=notrunc 2>/dev/null && echo written; true'
    add_device ''
    run_shell "$try"
    same "$output" ""
    add_device r
    run_shell "$try"
    same "$output" read
    add_device rw
    run_shell "$try"
    same "$output" $'read\nwritten'
}

# ---- namespaces -----------------------------------------------------------------------------------------------------

@test "a message queue and a hostname are not seen outside" {
    local name key=0x62657274
    name=$(uname -n)
    add_workload
    config '.hostname = "experiment"'
    make_fifo ready
    shell "workload queue $key && hostname >/ready; exec sleep 1000"
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" experiment
    succeeds berth exec "$ID" awk '$1 == '$((key))' { print "there" }' /proc/sysvipc/msg
    same "$output" there
    same "$(awk '$1 == '$((key))' { print "there" }' /proc/sysvipc/msg)" "" "outside"
    same "$(uname -n)" "$name"
}

@test "pid 1 and uid 0 inside are another pid and an unprivileged uid outside" {
    needs userns
    config '.linux |= (.namespaces += [{type: "user"}] |
        .uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .gidMappings = .uidMappings)'
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    chown 100000:100000 "$B/rootfs/root"
    make_fifo ready
    shell 'touch /root/made; echo "$$ $(id -u) $(stat -c %u /root/made)" >/ready; exec sleep 1000'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" "1 0 0"
    local pid
    pid=$(state_of "$ID" pid)
    [ "$pid" -gt 1 ]
    same "$(awk '/^NSpid:/ { print $2, $NF }' "/proc/$pid/status")" "$pid 1"
    same "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status")" "100000 100000 100000 100000"
    same "$(stat -c %u "$B/rootfs/root/made")" 100000
}

# shared_mount PROPAGATION: a running container that sees $T/shared, a mount with peers, as /shared.
shared_mount() {
    mkdir -p "$T/shared"
    mount -t tmpfs tmpfs "$T/shared"
    mount --make-shared "$T/shared"
    mkdir "$T/shared"/{inside,outside}
    bind "$T/shared" /shared "$1"
    config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
    begin_running
    mount -t tmpfs tmpfs "$T/shared/outside"
    touch "$T/shared/outside/file"
    succeeds berth exec "$ID" sh -c 'mount -t tmpfs tmpfs /shared/inside && touch /shared/inside/file &&
        ls /shared/inside /shared/outside'
}

@test "a private mount is not seen by the host, nor the host's by it" {
    shared_mount private
    same "$output" $'/shared/inside:\nfile\n\n/shared/outside:'
    same "$(ls "$T/shared/inside")" ""
}

@test "a slave mount sees the host's mounts, and shows it none" {
    shared_mount slave
    same "$output" $'/shared/inside:\nfile\n\n/shared/outside:\nfile'
    same "$(ls "$T/shared/inside")" ""
}

# ---- what is counted ------------------------------------------------------------------------------------------------

@test "the cgroup's counters are those of events --stats" {
    controller memory pids cpu
    is_cgroup2 || needs cgroup1-cpuacct cgroup1-freezer
    resources '{"cpu": {"quota": 20000, "period": 100000}, "memory": {"limit": 67108864}, "pids": {"limit": 20}}'
    make_fifo ready
    shell 'dd if=/dev/zero of=/dev/shm/held bs=1M count=20 2>/dev/null; sleep 1000 & echo up >/ready; while :; do :; done'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    eventually eval '[ "$(keyed cpu cpu.stat nr_throttled)" -gt 2 ]'
    # Nothing moves while they are compared.
    succeeds berth pause "$ID"
    agrees() {
        succeeds berth events --stats "$ID" || return 1
        [ "$(jq -c "$filter" "$T/stdout")" = "$(counters)" ]
    }
    local filter='[.data.cpu.usage.total, .data.cpu.throttling.throttledPeriods, .data.pids.current, .data.pids.limit,
        .data.memory.usage.usage, .data.memory.usage.limit]'
    counters() {
        local memory=memory.usage_in_bytes limit=memory.limit_in_bytes
        if is_cgroup2; then memory=memory.current limit=memory.max; fi
        jq -nc '$ARGS.positional' --jsonargs "$(cpu_time)" "$(keyed cpu cpu.stat nr_throttled)" "$(of pids pids.current)" \
            "$(of pids pids.max)" "$(of memory $memory)" "$(of memory $limit)"
    }
    eventually agrees || fail "$(counters)" "$(jq -c "$filter" "$T/stdout")"
    between "$(jq .data.pids.current "$T/stdout")" 2 2 "processes"
    between "$(jq .data.memory.usage.usage "$T/stdout")" 20971520 31457280 "bytes, of which 20 MiB in a tmpfs"
    berth resume "$ID"
}
