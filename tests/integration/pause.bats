#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pause, resume and ps: a container's processes held, let go on, and listed.
load helpers

prepare() {
    make_bundle
}

# begin_answering: a running container that writes "yes" into /out for each line it reads from /in.
begin_answering() {
    make_fifo ready in out
    shell 'echo up >/ready; while :; do read line </in && echo yes >/out; done'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
}

# The container reads the question when it runs; nobody waits for that.
ask() {
    timeout "$PATIENCE" sh -c 'echo question >"$1"' ask "$B/rootfs/in" &
}

# legacy COMMAND...: runs it where no cgroup2 is to be seen beside the hierarchies of version 1.
legacy() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private -- \
        sh -c 'mount -t tmpfs none /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' legacy "$@"
}

berth_legacy() {
    legacy "$BERTH" --root "$ROOT" "$@"
}

freezer_says() {
    local dir
    dir=$(group_dir)
    grep -s '^frozen' "$dir/cgroup.events" || cat "$dir/freezer.state"
}

# pids_of [ARGUMENT...]: what ps says in JSON, sorted.
pids_of() {
    berth ps --format json "${@:-$ID}" | jq -c sort
}

# The processes of the container's cgroup and those below as the kernel lists them, as JSON.
pids_in_cgroup() {
    cat "$(group_dir)"{,/*}/cgroup.procs 2>/dev/null | jq -sc sort
}

# What try has run was refused with these words.
refuses_last() {
    local part parts
    [ "$status" -eq 1 ] || tell_last "expected exit status 1" || return 1
    IFS='|' read -ra parts <<<"$1"
    for part in "${parts[@]}"; do
        has "$errors" "$part" "the error"
    done
}

# ---- pause and resume -----------------------------------------------------------------------------------------------

@test "pause holds the processes, resume lets them go on" {
    begin_answering
    ask
    same "$(wait_for out)" yes
    succeeds berth pause "$ID"
    same "$output$errors" ""
    same "$(state_of)" paused
    [[ $(freezer_says) == @("frozen 1"|FROZEN) ]] || fail "the freezer says $(freezer_says)"
    ask
    exits 124 timeout 0.5 cat "$B/rootfs/out"
    succeeds berth resume "$ID"
    same "$output$errors" ""
    same "$(state_of)" running
    [[ $(freezer_says) == @("frozen 0"|THAWED) ]] || fail "the freezer says $(freezer_says)"
    same "$(wait_for out)" yes
}

@test "pause and resume, again and again, of processes that fork all the time" {
    make_fifo ready
    shell 'for n in 1 2 3; do while :; do /bin/true; done & done; echo up >/ready; wait'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
    local turn
    for turn in {1..10}; do
        succeeds berth pause "$ID"
        same "$(state_of)" paused
        succeeds berth resume "$ID"
        same "$(state_of)" running
    done
}

@test "a created container is paused, not started, resumed, started" {
    long_running
    begin
    succeeds berth pause "$ID"
    same "$(state_of)" paused
    refuses "cannot start|paused" berth start "$ID"
    succeeds berth resume "$ID"
    same "$(state_of)" created
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
}

@test "pause and resume are refused where they mean nothing" {
    refuses "container does not exist" berth pause "$ID"
    mkdir -m 0700 "$ROOT"
    refuses "container does not exist" berth pause "$ID"
    refuses "container does not exist" berth resume "$ID"
    begin_running
    refuses "resume $ID: container not paused" berth resume "$ID"
    succeeds berth pause "$ID"
    refuses "pause $ID: container not running" berth pause "$ID"
    same "$(state_of)" paused
    succeeds berth resume "$ID"
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    refuses "pause $ID: container not running" berth pause "$ID"
    refuses "resume $ID: container not paused" berth resume "$ID"
    refuses "argument is missing" berth pause
    refuses "unexpected argument" berth resume "$ID" "$ID"
}

@test "a paused container is killed, and deleted by force" {
    begin_running
    succeeds berth pause "$ID"
    refuses "container paused" berth delete "$ID"
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
    begin_running
    succeeds berth pause "$ID"
    succeeds berth delete --force "$ID"
    absent
}

@test "a signal that comes while it is paused is there when it goes on" {
    begin_running
    succeeds berth pause "$ID"
    succeeds berth kill "$ID" TERM
    same "$(state_of)" paused
    succeeds berth resume "$ID"
    eventually is_state "$ID" stopped
}

@test "without a cgroup there is no pause, and it says so" {
    long_running
    succeeds berth --cgroup-manager disabled create --bundle "$B" "$ID"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    refuses "pause $ID: the container has no cgroup" berth pause "$ID"
    same "$(state_of)" running
    refuses "container not paused" berth resume "$ID"
}

@test "a pause that cannot be complete is taken back" {
    can_stick
    local fuse stuck
    begin_answering
    stick
    # One that was killed on the way is ended by resume: some processes are held, so the container is not paused.
    echo 1 >"$(group_dir)/cgroup.freeze"
    same "$(state_of)" running
    succeeds berth resume "$ID"
    same "$(cat "$(group_dir)/cgroup.freeze")" 0
    refuses "container not paused" berth resume "$ID"
    try berth pause "$ID"
    unstick
    refuses_last "pause $ID|does not freeze within"
    wait "$stuck" || true
    same "$(state_of)" running
    same "$(freezer_says)" "frozen 0"
    ask
    same "$(wait_for out)" yes
    succeeds berth pause "$ID"
    same "$(state_of)" paused
}

@test "the freezer of cgroup v1: held, let go on, killed" {
    needs cgroup1-freezer
    make_fifo ready in out
    shell 'while :; do /bin/true; done & echo up >/ready; while :; do read line </in && echo yes >/out; done'
    succeeds berth_legacy create --bundle "$B" "$ID"
    succeeds berth_legacy start "$ID"
    same "$(wait_for ready)" up
    succeeds berth_legacy pause "$ID"
    same "$(berth_legacy state "$ID" | jq -r .status)" paused
    same "$(cat "$(cgroup_dir freezer)/freezer.state")" FROZEN
    refuses "container not running" berth_legacy pause "$ID"
    ask
    exits 124 timeout 0.5 cat "$B/rootfs/out"
    same "$(berth_legacy ps -f json "$ID" | jq -c sort)" "$(jq -sc sort "$(cgroup_dir freezer)/cgroup.procs")"
    succeeds berth_legacy resume "$ID"
    same "$(cat "$(cgroup_dir freezer)/freezer.state")" THAWED
    same "$(wait_for out)" yes
    succeeds berth_legacy pause "$ID"
    succeeds berth_legacy kill "$ID" KILL
    eventually is_state "$ID" stopped
    same "$(cat "$(cgroup_dir freezer)/freezer.state")" THAWED
}

# ---- ps -------------------------------------------------------------------------------------------------------------

# begin_family: a running container of three processes.
begin_family() {
    make_fifo ready
    shell 'sleep 1001 & sleep 1002 & echo up >/ready; wait'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
}

@test "ps in JSON: the processes of the container, as the host numbers them, in one line" {
    begin_family
    local init
    init=$(state_of "$ID" pid)
    succeeds berth ps --format json "$ID"
    same "$(wc -l <"$T/stdout")" 1 lines
    same "$(jq -c sort <<<"$output")" "$(pids_in_cgroup)"
    same "$(jq length <<<"$output")" 3
    same "$(jq "index($init) != null" <<<"$output")" true "the init process is among them"
    succeeds berth ps -f json "$ID"
    same "$(jq -c sort <<<"$output")" "$(pids_in_cgroup)"
    succeeds berth ps --format=json "$ID"
    # Who has gone into a cgroup below belongs to it still.
    local dir child
    dir=$(group_dir)
    mkdir "$dir/below"
    child=$(pgrep -P "$init" | head -n1)
    echo "$child" >"$dir/below/cgroup.procs"
    same "$(pids_of)" "$(pids_in_cgroup)"
    same "$(pids_of | jq length)" 3
}

@test "ps as a table: the lines that ps(1) has for these processes, with its heading" {
    begin_family
    local pid
    succeeds berth ps "$ID"
    has "$(head -n1 "$T/stdout")" "PID"
    same "$(head -n1 "$T/stdout")" "$(ps -ef | head -n1)" heading
    same "$(sed 1d "$T/stdout" | awk '{ print $2 }' | jq -sc sort)" "$(pids_in_cgroup)"
    has "$output" "sleep 1001"
    succeeds berth ps --format table "$ID"
    has "$output" "sleep 1002"
}

@test "ps: what stands behind the id is for ps(1)" {
    begin_family
    succeeds berth ps "$ID" -e -o pid,args
    same "$(head -n1 "$T/stdout" | awk '{ print $1, $2, NF }')" "PID COMMAND 2"
    same "$(sed 1d "$T/stdout" | awk '{ print $1 }' | jq -sc sort)" "$(pids_in_cgroup)"
    succeeds berth ps "$ID" aux
    same "$(sed 1d "$T/stdout" | awk '{ print $2 }' | jq -sc sort)" "$(pids_in_cgroup)"
    succeeds berth ps "$ID" -e -o comm,pid
    same "$(sed 1d "$T/stdout" | awk '{ print $NF }' | jq -sc sort)" "$(pids_in_cgroup)"
}

@test "ps: what ps(1) cannot do is told" {
    begin_family
    refuses "ps $ID: ps ended with exit status 1|unknown" berth ps "$ID" --no-such-option
    refuses "no column PID" berth ps "$ID" -e -o comm
    refuses "cannot run ps" env PATH=/nonexistent "$BERTH" --root "$ROOT" ps "$ID"
    refuses "nothing may stand behind the id" berth ps --format json "$ID" -ef
    refuses "table, json" berth ps --format yaml "$ID"
    refuses "container does not exist" berth ps "$ID-not"
    refuses "argument is missing" berth ps --format json
    # A column with blanks before it hides the number.
    bash -c 'echo "odd name" >/proc/$$/comm; read -r <"$1"' odd "$B/rootfs/ready" </dev/null >/dev/null 2>&1 3>&- 4>&- &
    local odd=$!
    eventually grep -q 'odd name' "/proc/$odd/comm"
    refuses "columns with blanks" berth ps "$ID" -e -o comm,pid
    kill -KILL "$odd"
    wait "$odd" || true
}

@test "ps of a caller that ignores the end of its children" {
    begin_family
    succeeds bash -c 'trap "" CHLD; exec "$@"' ignore "$BERTH" --root "$ROOT" ps "$ID"
    has "$output" "sleep 1001"
    refuses "exit status 1" bash -c 'trap "" CHLD; exec "$@"' ignore "$BERTH" --root "$ROOT" ps "$ID" --no-such-option
}

@test "ps of a created, a paused and a stopped container" {
    payload true
    begin
    same "$(pids_of)" "[$(state_of "$ID" pid)]"
    succeeds berth pause "$ID"
    same "$(pids_of)" "[$(state_of "$ID" pid)]"
    succeeds berth resume "$ID"
    succeeds berth start "$ID"
    eventually is_state "$ID" stopped
    succeeds berth ps --format json "$ID"
    same "$output" "[]"
    succeeds berth ps "$ID"
    same "$output" "$(ps -ef | head -n1)"
}

@test "ps of a stopped container shows what its program has left" {
    config '.linux.namespaces |= map(select(.type != "pid"))'
    make_fifo ready
    shell 'sleep 1001 & echo up >/ready'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
    eventually is_state "$ID" stopped
    succeeds berth ps "$ID"
    has "$output" "sleep 1001"
    same "$(pids_of)" "$(pids_in_cgroup)"
    same "$(pids_of | jq length)" 1
    succeeds berth delete "$ID"
    absent
}

@test "ps without a cgroup: the pid namespace of its own, or else the init process alone" {
    make_fifo ready
    shell 'sleep 1001 & sleep 1002 & echo up >/ready; wait'
    succeeds berth --cgroup-manager disabled create --bundle "$B" "$ID"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    local init
    init=$(state_of "$ID" pid)
    same "$(pids_of)" "$( (echo "$init"; pgrep -P "$init") | jq -sc sort)"
    same "$(pids_of | jq length)" 3
    succeeds berth delete --force "$ID"
    config '.linux.namespaces |= map(select(.type != "pid"))'
    succeeds berth --cgroup-manager disabled create --bundle "$B" "$ID"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    init=$(state_of "$ID" pid)
    same "$(pids_of)" "[$init]"
    local children
    children=$(pgrep -P "$init")
    succeeds berth delete --force "$ID"
    kill -KILL $children
}
