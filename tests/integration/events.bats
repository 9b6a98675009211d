#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# events: what is counted for a container, beside its cgroup's files; that it tells of memory running out, and ends.
load helpers
load limits

prepare() {
    make_bundle
}

# data FILTER: of the one line that events --stats prints.
data() {
    succeeds berth events --stats "$ID" || return 1
    same "$(wc -l <"$T/stdout")" 1 "lines" || return 1
    output=$(jq -c ".data$1" "$T/stdout")
}

# watch OPTION...: events in the background, with its errors in $T/watch.err; line by line in $T/watch.
watch() {
    "$BERTH" --root "$ROOT" events "$@" "$ID" </dev/null >"$T/watch" 2>"$T/watch.err" 3>&- 4>&- &
    job=$!
}

# said COUNT [TYPE]: that many lines are there, of that type.
said() {
    [ "$(jq -r ".type | select(. == \"${2:-stats}\")" "$T/watch" | wc -l)" -ge "$1" ]
}

# ended STATUS: the watch does, quietly.
ended() {
    local status=0
    wait "$job" || status=$?
    same "$status" "$1" "exit status of events" || return 1
    same "$(<"$T/watch.err")" "" "errors of events"
}

types() {
    jq -r .type "$T/watch" | uniq | tr '\n' ' '
}

# ---- statistics -----------------------------------------------------------------------------------------------------

@test "--stats: one object in one line, with every key" {
    begin_running
    data ""
    same "$(jq -r '"\(.type) \(.id) \(keys_unsorted | join(","))"' "$T/stdout")" "stats $ID type,id,data"
    same "$(jq -r '.data | keys_unsorted | join(" ")' "$T/stdout")" \
        "cpu cpuset memory pids blkio hugetlb intel_rdt network_interfaces"
    same "$(jq -c '[.data | paths((type | IN("object", "array") | not) or length == 0)
            | select(any(. == "psi" or . == "raw" or type == "number") | not) | select(.[0] != "hugetlb")
            | join(".")] | sort | map(select(startswith("blkio") | not)) | join(" ")' "$T/stdout" |
        sed -E 's/cpuset.(cpus|mems) //g; s/cpu.usage.percpu(_kernel|_user)? //g; s/memory.raw //; s/"//g')" \
        "cpu.throttling.periods cpu.throttling.throttledPeriods cpu.throttling.throttledTime cpu.usage.kernel $(
        )cpu.usage.total cpu.usage.user cpuset.cpu_exclusive cpuset.mem_exclusive cpuset.mem_hardwall $(
        )cpuset.memory_migrate cpuset.memory_pressure cpuset.memory_spread_page cpuset.memory_spread_slab $(
        )cpuset.sched_load_balance cpuset.sched_relax_domain_level intel_rdt memory.cache memory.kernel.failcnt $(
        )memory.kernel.limit memory.kernel.max memory.kernel.usage memory.kernelTCP.failcnt memory.kernelTCP.limit $(
        )memory.kernelTCP.max memory.kernelTCP.usage memory.swap.failcnt memory.swap.limit memory.swap.max $(
        )memory.swap.usage memory.usage.failcnt memory.usage.limit memory.usage.max memory.usage.usage $(
        )network_interfaces pids.current pids.limit"
    same "$(jq -r '.data.blkio | del(.psi) | map_values(type) | to_entries | map(.key + ":" + .value) | join(" ")' \
        "$T/stdout")" "ioServiceBytesRecursive:array ioServicedRecursive:array ioQueueRecursive:array $(
        )ioServiceTimeRecursive:array ioWaitTimeRecursive:array ioMergedRecursive:array ioTimeRecursive:array $(
        )sectorsRecursive:array"
}

@test "--stats: the processor time of a busy loop, not more than the files say afterwards" {
    make_fifo ready
    shell 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo up >/ready; while :; do i=$((i + 1)); done'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    local before after
    before=$(cpu_time)
    data .cpu.usage
    after=$(cpu_time)
    ((before > 0)) || fail "a busy loop took no time"
    ((before <= $(jq .total <<<"$output") && $(jq .total <<<"$output") <= after)) ||
        fail "expected $before <= total <= $after in $output"
    # Ticks are given to the one or the other; what the kernel cannot tell apart is in neither.
    ((0 < $(jq '.user + .kernel' <<<"$output") && $(jq '.user + .kernel' <<<"$output") <= 2 * after)) ||
        fail "expected user and kernel time in $output"
    if ! is_cgroup2; then
        same "$(jq '.percpu | length' <<<"$output")" "$(of cpuacct cpuacct.usage_percpu | wc -w)" "processors"
        ((before <= $(jq '.percpu | add' <<<"$output") && $(jq '.percpu | add' <<<"$output") <= after)) ||
            fail "expected $before <= all processors <= $after in $output"
    fi
}

@test "--stats: v1: throttling" {
    needs cgroup1-cpu
    make_fifo ready
    resources '{"cpu": {"quota": 1000, "period": 10000}}'
    shell 'echo up >/ready; while :; do :; done'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    throttled() { (($(keyed cpu cpu.stat nr_throttled) >= 2)); }
    eventually throttled
    throttling_agrees throttled_time 1
}

@test "--stats: v2: throttling" {
    needs cgroup2-cpu
    make_fifo ready
    resources '{"cpu": {"quota": 1000, "period": 10000}}'
    shell 'echo up >/ready; while :; do :; done'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    throttled() { (($(keyed cpu cpu.stat nr_throttled) >= 2)); }
    eventually throttled
    throttling_agrees throttled_usec 1000
}

# throttling_agrees KEY SCALE: what it tells is what the file has said before, or more, and not more than afterwards.
throttling_agrees() {
    local before after index=0 key
    before=($(throttling "$@"))
    data .cpu.throttling
    after=($(throttling "$@"))
    for key in periods throttledPeriods throttledTime; do
        ((before[index] > 0 && before[index] <= $(jq ".$key" <<<"$output"))) || fail "$key: ${before[*]}, then $output"
        (($(jq ".$key" <<<"$output") <= after[index])) || fail "$key: $output, then ${after[*]}"
        index=$((index + 1))
    done
}

throttling() {
    keyed cpu cpu.stat nr_periods
    keyed cpu cpu.stat nr_throttled
    echo $(($(keyed cpu cpu.stat "$1") * $2))
}

@test "--stats: v1: limits and use of memory, processes and processors" {
    needs cgroup1-memory cgroup1-pids cgroup1-cpuset
    resources '{"memory": {"limit": 67108864, "swap": 134217728}, "pids": {"limit": 50}, "cpu": {"cpus": "0"}}'
    begin_running
    data ""
    same "$(jq -c '[.memory.usage.limit, .memory.swap.limit]' <<<"$output")" "[67108864,134217728]"
    same "$(jq -c .pids <<<"$output")" "{\"current\":$(of pids pids.current),\"limit\":50}"
    same "$(jq -c '[.cpuset.cpus, .cpuset.mems, .cpuset.sched_load_balance]' <<<"$output")" "[[0],[0],1]"
    same "$(jq .memory.usage.max <<<"$output")" "$(of memory memory.max_usage_in_bytes)" "most memory"
    same "$(jq .memory.cache <<<"$output")" "$(keyed memory memory.stat cache)" "cache"
    same "$(jq -r '.memory.raw | keys_unsorted | .[]' <<<"$output")" "$(of memory memory.stat | cut -d' ' -f1)" "raw"
    (($(jq .memory.usage.usage <<<"$output") > 0)) || fail "no memory in use: $output"
    succeeds berth update --pids-limit -1 --memory -1 "$ID"
    data ""
    same "$(jq -r '.pids.limit | tostring' <<<"$output")" "$(jq -rn '18446744073709551615 | tostring')"
    has "$(<"$T/stdout")" '"limit":18446744073709551615'
    has "$(<"$T/stdout")" "\"usage\":{\"limit\":$(of memory memory.limit_in_bytes),"
}

@test "--stats: v2: limits and use of memory, processes and processors" {
    needs cgroup2-memory cgroup2-pids cgroup2-cpuset
    resources '{"memory": {"limit": 67108864, "swap": 134217728}, "pids": {"limit": 50}, "cpu": {"cpus": "0"}}'
    begin_running
    data ""
    same "$(jq -c '[.memory.usage.limit, .memory.swap.limit]' <<<"$output")" "[67108864,134217728]"
    same "$(jq -c .pids <<<"$output")" "{\"current\":$(of pids pids.current),\"limit\":50}"
    same "$(jq -c '[.cpuset.cpus, .cpuset.mems]' <<<"$output")" "[[0],[0]]"
    same "$(jq .memory.cache <<<"$output")" "$(keyed memory memory.stat file)" "cache"
    same "$(jq -r '.memory.raw | keys_unsorted | .[]' <<<"$output")" "$(of memory memory.stat | cut -d' ' -f1)" "raw"
    (($(jq .memory.usage.usage <<<"$output") > 0)) || fail "no memory in use: $output"
    succeeds berth update --pids-limit -1 --memory -1 "$ID"
    data ""
    has "$(<"$T/stdout")" '"pids":{"current":'"$(of pids pids.current)"',"limit":18446744073709551615}'
    has "$(<"$T/stdout")" '"usage":{"limit":18446744073709551615,'
}

@test "--stats: v2: pressure, where the kernel tells it" {
    needs cgroup2
    begin_running
    [ -e "$(cgroup_dir "")/memory.pressure" ] || skip "needs a kernel with pressure stall information"
    data ""
    for section in cpu memory blkio; do
        same "$(jq -c ".$section.psi | map_values(keys_unsorted | join(\" \"))" <<<"$output")" \
            '{"some":"avg10 avg60 avg300 total","full":"avg10 avg60 avg300 total"}' "$section"
    done
    echo 0 >"$(cgroup_dir "")/cgroup.pressure" 2>/dev/null || return 0 # Linux 6.1
    data ""
    same "$(jq -c '[.cpu, .memory, .blkio | has("psi")]' <<<"$output")" "[false,false,false]"
}

@test "--stats: created and paused containers have them too" {
    long_running
    begin
    data .cpu.usage.total
    ((output > 0)) || fail "creating it took no time"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    succeeds berth pause "$ID"
    local before
    before=$(cpu_time)
    data .cpu.usage.total
    same "$output" "$before"
    same "$(state_of)" paused
    succeeds berth resume "$ID"
}

# ---- refusals -------------------------------------------------------------------------------------------------------

@test "containers that do not run, or are not there" {
    refuses "does not exist" berth events --stats "$ID"
    refuses "does not exist" berth events "$ID"
    begin_stopped
    refuses "container with id $ID is not running" berth events --stats "$ID"
    refuses "container with id $ID is not running" berth events "$ID"
}

@test "a container without a cgroup" {
    long_running
    succeeds berth --cgroup-manager disabled create --bundle "$B" "$ID"
    refuses "no cgroup" berth events --stats "$ID"
    refuses "no cgroup" berth events "$ID"
}

@test "--interval: Go's durations above 0" {
    local bad
    for bad in 5 5.5 s 5x "5 s" 1s2; do
        refuses "--interval|invalid duration|\"$bad\"" berth events --interval "$bad" "$ID"
    done
    for bad in 0 0s -5s -1ns 0.1ns; do
        refuses "duration interval must be greater than 0" berth events --interval="$bad" --stats "$ID"
    done
    refuses "too long" berth events --interval 2562048h "$ID"
    refuses "unexpected argument" berth events "$ID" more
    refuses "argument is missing" berth events
}

# ---- the wait -------------------------------------------------------------------------------------------------------

@test "a line after each interval, until it is killed" {
    begin_running
    watch --interval 50ms
    eventually said 2
    kill "$job"
    ended 143
    same "$(types)" "stats "
    same "$(jq -r .id "$T/watch" | sort -u)" "$ID"
    is_state "$ID" running
}

@test "it ends with the container, whatever the interval" {
    begin_running
    watch --interval 24h
    watching "$job"
    succeeds berth kill "$ID" KILL
    ended 0
    same "$(<"$T/watch")" ""
}

# watching PID: it has come to wait, in poll(2) or ppoll(2).
watching() {
    eventually grep -qE '^(7|271) ' "/proc/$1/syscall"
}

@test "it ends when the container is deleted, which is no want of memory" {
    begin_running
    watch --interval 24h
    watching "$job"
    kill -STOP "$job" # so that it hears of all at once: the end, and the cgroup that is gone
    succeeds berth delete --force "$ID"
    kill -CONT "$job"
    ended 0
    same "$(<"$T/watch")" ""
}

@test "it waits without looking" {
    begin_running
    watch --interval 24h
    watching "$job"
    local before
    before=$(grep ctxt_switches "/proc/$job/status")
    # As long as a container takes to live.
    succeeds berth run --bundle "$(make_bundle other && payload true && echo "$B")" "${MARK}other"
    same "$(grep ctxt_switches "/proc/$job/status")" "$before" "context switches of the waiting events"
    kill "$job"
    ended 143
}

@test "a reader that goes away is its quiet end" {
    begin_running
    local codes
    set +e
    berth events --interval 20ms "$ID" 2>"$T/watch.err" | head -n 1 >"$T/watch"
    codes="${PIPESTATUS[*]}"
    set -e
    same "$codes" "0 0"
    same "$(<"$T/watch.err")" ""
    same "$(types)" "stats "
    # Without a line to write, too.
    mkfifo "$T/pipe"
    "$BERTH" --root "$ROOT" events --interval 24h "$ID" </dev/null >"$T/pipe" 2>"$T/watch.err" 3>&- 4>&- &
    job=$!
    exec 9<"$T/pipe"
    watching "$job"
    exec 9<&-
    ended 0
}

@test "what cannot be written is an error" {
    begin_running
    status=0
    "$BERTH" --root "$ROOT" events --stats "$ID" >/dev/full 2>"$T/watch.err" || status=$?
    same "$status" 1
    has "$(<"$T/watch.err")" "cannot write to standard output"
    status=0
    "$BERTH" --root "$ROOT" events --interval 20ms "$ID" >/dev/full 2>"$T/watch.err" || status=$?
    same "$status" 1
    has "$(<"$T/watch.err")" "cannot write to standard output"
}

# ---- memory ---------------------------------------------------------------------------------------------------------

# exhausting: a container that uses more memory than it may each time that somebody writes into /go, and tells how that
# ended in /ready.
exhausting() {
    make_fifo ready go
    resources '{"memory": {"limit": 8388608, "swap": 8388608}}'
    shell 'echo up >/ready
        while read -r word </go; do
            sh -c "x=0123456789abcdef; while :; do x=\$x\$x; done"
            echo $? >/ready
        done'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
}

memory_runs_out() {
    exhausting
    watch --interval 50ms
    eventually said 1
    echo go >"$B/rootfs/go"
    same "$(wait_for ready)" 137 "exit status of what used too much"
    eventually said 1 oom
    same "$(jq -c 'select(.type == "oom")' "$T/watch" | sort -u)" "{\"type\":\"oom\",\"id\":\"$ID\"}"
    local count
    count=$(jq -c 'select(.type == "oom")' "$T/watch" | wc -l)
    echo go >"$B/rootfs/go"
    same "$(wait_for ready)" 137 "exit status of what used too much"
    eventually said $((count + 1)) oom
    is_state "$ID" running
    succeeds berth kill "$ID" KILL
    ended 0
}

@test "oom: v1: each time that memory runs out" {
    needs cgroup1-memory
    memory_runs_out
}

@test "oom: v2: each time that memory runs out" {
    needs cgroup2-memory
    memory_runs_out
}

# The first process itself is killed: its end must not come before what ended it.
last_of_it() {
    make_fifo ready go
    resources '{"memory": {"limit": 8388608, "swap": 8388608}}'
    shell 'echo up >/ready; read -r word </go; x=0123456789abcdef; while :; do x=$x$x; done'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    watch --interval 24h
    watching "$job"
    kill -STOP "$job" # so that it hears of both at once
    echo go >"$B/rootfs/go"
    eventually is_state "$ID" stopped
    kill -CONT "$job"
    ended 0
    same "$(uniq "$T/watch")" "{\"type\":\"oom\",\"id\":\"$ID\"}"
}

@test "oom: v1: the last thing of a container" {
    needs cgroup1-memory
    last_of_it
}

@test "oom: v2: the last thing of a container" {
    needs cgroup2-memory
    last_of_it
}

@test "oom: v2: what was before does not count" {
    needs cgroup2-memory
    exhausting
    echo go >"$B/rootfs/go"
    same "$(wait_for ready)" 137
    watch --interval 50ms
    eventually said 2
    kill "$job"
    ended 143
    same "$(types)" "stats "
}
