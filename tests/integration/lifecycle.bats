#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# lifecycle: create, start, run, state, kill, delete and list over all states of a container.
load helpers
load inside
load limits

finish() {
    [ ! -e "$T/frozen" ] || fsfreeze --unfreeze "$T/disk.mount"
    ! mountpoint -q "$T/disk.mount" || umount "$T/disk.mount"
    drop_device
}

# ---- the straight way -----------------------------------------------------------------------------------------------

@test "create, start, end, delete" {
    make_bundle
    make_fifo go
    shell 'read line </go; echo "got $line" >/result'
    succeeds berth create --bundle "$B" "$ID"
    same "$output$errors" "" "output of create"
    same "$(state_of)" created
    [ ! -e "$B/rootfs/result" ]
    succeeds berth start "$ID"
    same "$output$errors" "" "output of start"
    same "$(state_of)" running
    echo on >"$B/rootfs/go"
    eventually is_state "$ID" stopped
    same "$(cat "$B/rootfs/result")" "got on"
    succeeds berth delete "$ID"
    same "$output$errors" "" "output of delete"
    absent
}

@test "create does not run the program, nor does it wait for start" {
    make_bundle
    shell 'echo ran >/ran'
    begin
    same "$(state_of)" created
    succeeds berth delete "$ID"
    [ ! -e "$B/rootfs/ran" ]
}

# Linux looks for packets, then for the end of the other side, and holds no lock meanwhile: what is sent in between is
# behind the end (recvmsg(2) gives 0, or ECONNRESET), and there for who asks again. So only where the runtime has been
# told that there is something to be read: in the foreground, and not behind READY.
@test "the end of a process does not overtake its last words, as the kernel may have it" {
    needs program:strace
    make_bundle
    local early
    hearing() {
        inject "recvmsg:$early" ""
        "${through[@]}" "$BERTH" --root "$ROOT" "$@"
    }
    for early in {retval=0,error=ECONNRESET}:when=1; do
        shell 'echo out; exit 3'
        exits 3 hearing run --bundle "$B" "$ID" || fail "$early" || return 1
        same "$output" out
        payload /nothing
        refuses "/nothing" hearing run --bundle "$B" "$ID" || fail "$early" || return 1
        absent
    done
    begin_running
    for early in {retval=0,error=ECONNRESET}:when={1,2}; do
        exits 3 hearing exec "$ID" sh -c 'exit 3' || fail "$early" || return 1
        exits 255 hearing exec "$ID" /nothing || fail "$early" || return 1
        has "$errors" "/nothing"
    done
}

@test "run gives output, error output and exit status and leaves nothing" {
    make_bundle
    shell 'echo out; echo err >&2; exit 3'
    exits 3 berth run --bundle "$B" "$ID"
    same "$output" out
    same "$errors" err
    absent
}

@test "run: every exit status 0 to 255" {
    make_bundle
    local code
    for code in 0 1 2 42 100 125 126 127 128 129 137 200 254 255; do
        shell "exit $code"
        exits "$code" berth run --bundle "$B" "$ID"
    done
}

@test "run: 128 and the number of the signal that ended the program" {
    make_bundle
    # The first process of a PID namespace would not get its own signals; and the shell ignores QUIT.
    config '.linux.namespaces |= map(select(.type != "pid"))'
    local signal
    for signal in 1 2 6 9 10 13 14 15 31 34 64; do
        payload sh -c "kill -$signal \$\$; exit 99"
        exits $((128 + signal)) berth run --bundle "$B" "$ID"
    done
}

@test "run: a program killed from outside, by 9" {
    make_bundle
    long_running
    in_background run --bundle "$B" "$ID"
    same "$(wait_for ready)" up
    succeeds berth kill "$ID" 9
    exits 137 wait "$job"
    absent
}

@test "run: children of the program end with it" {
    make_bundle
    shell 'sleep 1000 & exit 0'
    succeeds berth run --bundle "$B" "$ID"
    absent
}

@test "run: children end with it without a PID namespace, too" {
    make_bundle
    config '.linux.namespaces |= map(select(.type != "pid"))'
    shell 'sleep 1000 >/dev/null 2>&1 & exit 0'
    succeeds berth run --bundle "$B" "$ID"
    absent
}

@test "run --detach returns while the program runs" {
    make_bundle
    long_running
    succeeds berth run --detach --bundle "$B" "$ID"
    same "$output$errors" ""
    same "$(wait_for ready)" up
    same "$(state_of)" running
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

@test "run -d gives 0 whatever the program's exit status is" {
    make_bundle
    shell 'exit 7'
    succeeds berth run -d --bundle "$B" "$ID"
}

@test "run --keep leaves the stopped container" {
    make_bundle
    shell 'exit 5'
    exits 5 berth run --keep --bundle "$B" "$ID"
    same "$(state_of)" stopped
    same "$(state_of "$ID" pid)" 0
    refuses 'container with given ID already exists' berth run --bundle "$B" "$ID"
    succeeds berth delete "$ID"
    absent
}

@test "run of an id in use leaves the other container alone" {
    make_bundle
    begin_running
    local before
    before=$(berth state "$ID")
    refuses 'container with given ID already exists' berth run --bundle "$B" "$ID"
    same "$(berth state "$ID")" "$before"
}

# ---- pid file -------------------------------------------------------------------------------------------------------

@test "--pid-file: decimal without a newline, the pid of state" {
    make_bundle
    long_running
    succeeds berth create --pid-file "$T/pid" --bundle "$B" "$ID"
    [[ $(cat "$T/pid") =~ ^[1-9][0-9]*$ ]]
    same "$(wc -c <"$T/pid")" "$(printf %s "$(cat "$T/pid")" | wc -c)" "size of the pid file"
    same "$(cat "$T/pid")" "$(state_of "$ID" pid)"
    local pid
    pid=$(cat "$T/pid")
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    # It is the process that became the program, seen by the host.
    has "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sh -c trap"
    same "$(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")" 1
    [ -z "$(find "$T" -maxdepth 1 -name '.pid*')" ]
}

@test "--pid-file of run --detach, with a relative path, replaces an old file" {
    make_bundle
    long_running
    echo "some old and longer content" >pid
    succeeds berth run -d --pid-file pid --bundle "$B" "$ID"
    same "$(cat "$T/pid")" "$(state_of "$ID" pid)"
}

@test "--pid-file that cannot be written: refused, and nothing is left" {
    make_bundle
    refuses "$T/missing/|no such file or directory" berth create --pid-file "$T/missing/pid" --bundle "$B" "$ID"
    absent
    refuses "$T/missing/" berth run --pid-file "$T/missing/pid" --bundle "$B" "$ID"
    absent
    mkdir "$T/directory"
    refuses "$T/directory" berth create --pid-file "$T/directory" --bundle "$B" "$ID"
    absent
    [ -d "$T/directory" ]
    [ -z "$(find "$T" -maxdepth 1 -name '.directory*')" ]
}

@test "no pid file when create fails" {
    make_bundle
    payload /no/such/program
    exits 1 berth create --pid-file "$T/pid" --bundle "$B" "$ID"
    [ ! -e "$T/pid" ]
    [ -z "$(find "$T" -maxdepth 1 -name '.pid*')" ]
}

# ---- state ----------------------------------------------------------------------------------------------------------

@test "state: all members, created and stopped" {
    make_bundle
    config '.annotations = {"org.example.key": "value", "empty": ""}'
    begin
    succeeds berth state "$ID"
    same "$(jq -r .id <<<"$output")" "$ID"
    same "$(jq -r .status <<<"$output")" created
    same "$(jq -r .bundle <<<"$output")" "$B"
    same "$(jq -r .rootfs <<<"$output")" "$B/rootfs"
    same "$(jq -c .annotations <<<"$output")" '{"org.example.key":"value","empty":""}'
    [[ $(jq -r .ociVersion <<<"$output") =~ ^1\.[0-9]+\.[0-9]+ ]]
    [[ $(jq -r .created <<<"$output") =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z$ ]]
    local pid
    pid=$(jq .pid <<<"$output")
    [ -d "/proc/$pid" ]
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth state "$ID"
    same "$(jq -r .status <<<"$output")" stopped
    same "$(jq -r '.pid // 0' <<<"$output")" 0
    same "$(jq -r .bundle <<<"$output")" "$B"
}

@test "state: times of creation lie between before and after" {
    make_bundle
    local before after created
    before=$(date +%s)
    begin
    after=$(date +%s)
    created=$(date -d "$(state_of "$ID" created)" +%s)
    ((before <= created && created <= after)) || fail "$before <= $created <= $after"
}

@test "state: the bundle is absolute however it was given" {
    make_bundle
    cd "$B"
    succeeds berth create "$ID"
    same "$(state_of "$ID" bundle)" "$B"
    succeeds berth delete "$ID"
    cd "$T"
    succeeds berth create -b bundle/../bundle/ "$ID"
    same "$(state_of "$ID" bundle)" "$B"
}

@test "state is observed: the init process is killed behind berth's back" {
    make_bundle
    begin
    kill -KILL "$(state_of "$ID" pid)"
    eventually is_state "$ID" stopped
    refuses 'cannot start a container that has stopped' berth start "$ID"
    succeeds berth delete "$ID"
    absent
}

@test "create takes a snapshot: later edits of the configuration have no effect" {
    make_bundle
    make_fifo done
    config '.hostname = "before" | .annotations = {"when": "before"} | .process.env += ["WHEN=before"]'
    config --arg T "$T" '.hooks.poststop = [{"path": "/bin/sh", "args": ["sh", "-c", "echo before >\($T)/hook"]}]'
    shell 'echo "$(hostname) $WHEN" >/done'
    begin
    config '.hostname = "after" | .annotations = {"when": "after"} | .process.env += ["WHEN=after"]'
    config '.process.args = ["false"] | .hooks.poststop[0].args = ["sh", "-c", "echo after >hook"]'
    succeeds berth start "$ID"
    same "$(wait_for done)" "before before"
    same "$(state_of "$ID" annotations.when)" before
    rm "$B/config.json"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    same "$(cat "$T/hook")" before
}

@test "the bundle may move away after create" {
    make_bundle
    long_running
    begin
    mv "$B" "$T/elsewhere"
    B=$T/elsewhere
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    same "$(state_of)" running
    succeeds berth delete --force "$ID"
    absent
}

# ---- operation x state ----------------------------------------------------------------------------------------------

@test "missing container: every command refuses, delete --force does not" {
    mkdir -m 0700 "$ROOT"
    local command
    for command in start state kill delete; do
        refuses 'container does not exist' berth "$command" "$ID"
        has "$errors" "$ID"
    done
    refuses 'container does not exist' berth kill "$ID" 9
    succeeds berth delete --force "$ID"
    same "$output$errors" ""
}

@test "missing state root: the same" {
    local command
    for command in start state kill delete; do
        refuses 'container does not exist' berth "$command" "$ID"
    done
    succeeds berth delete --force "$ID"
    [ ! -e "$ROOT" ]
}

@test "created container: start, state, kill and delete are allowed, create is not" {
    make_bundle
    make_bundle other
    begin
    refuses 'container with given ID already exists' berth create --bundle "$B" "$ID"
    same "$(state_of)" created
    succeeds berth kill "$ID" 0
    same "$(state_of)" created
    succeeds berth delete "$ID"
    absent
}

@test "created container: kill ends it" {
    make_bundle
    long_running
    begin
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    refuses 'cannot start a container that has stopped' berth start "$ID"
    succeeds berth delete "$ID"
    absent
}

@test "created container: TERM, the default, ends it as well" {
    make_bundle
    config '.linux.namespaces |= map(select(.type != "pid"))'
    begin
    succeeds berth kill "$ID"
    eventually is_state "$ID" stopped
}

@test "created container: delete --force" {
    make_bundle
    begin
    succeeds berth delete --force "$ID"
    same "$output$errors" ""
    absent
}

@test "running container: start, create and delete are refused and do no harm" {
    make_bundle
    begin_running
    local before
    before=$(berth state "$ID")
    refuses 'cannot start an already running container' berth start "$ID"
    refuses 'container with given ID already exists' berth create --bundle "$B" "$ID"
    refuses 'container still running' berth delete "$ID"
    same "$(berth state "$ID")" "$before"
}

@test "running container: delete --force" {
    make_bundle
    begin_running
    succeeds berth delete --force "$ID"
    same "$output$errors" ""
    absent
}

@test "running container: delete -f of one that ignores TERM, with children" {
    make_bundle
    make_fifo ready
    shell "trap '' TERM INT HUP; sleep 1000 & echo up >/ready; while :; do sleep 1000; done"
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    succeeds berth delete -f "$ID"
    absent
}

@test "stopped container: start, kill and create are refused; delete is allowed" {
    make_bundle
    begin_stopped
    refuses 'cannot start a container that has stopped' berth start "$ID"
    refuses 'container not running' berth kill "$ID"
    refuses 'container not running' berth kill "$ID" 9
    refuses 'container not running' berth kill "$ID" 0
    refuses 'container with given ID already exists' berth create --bundle "$B" "$ID"
    same "$(state_of)" stopped
    succeeds berth delete "$ID"
    absent
    refuses 'container does not exist' berth delete "$ID"
}

@test "stopped container: delete --force" {
    make_bundle
    begin_stopped
    succeeds berth delete --force "$ID"
    absent
}

@test "the id is free again after delete" {
    make_bundle
    local round
    for round in 1 2 3; do
        begin
        succeeds berth start "$ID"
        eventually is_state "$ID" stopped
        succeeds berth delete "$ID"
    done
    absent
}

# A create that is held up in a hook: its container is in the state creating.
begin_creating() {
    make_bundle
    mkfifo "$T/in_hook" "$T/go_on"
    config --arg T "$T" '.hooks.createRuntime =
        [{"path": "/bin/sh", "args": ["sh", "-c", "echo here >\($T)/in_hook; cat \($T)/go_on"]}]'
    in_background create --bundle "$B" "$ID"
    creator=$job
    same "$(timeout "$PATIENCE" cat "$T/in_hook")" here
}

@test "creating container: seen by state and list; kill and create are refused; create goes on" {
    begin_creating
    same "$(state_of)" creating
    same "$(berth list --format json | jq -r '.[].status')" creating
    refuses 'container not running' berth kill "$ID" 9
    refuses 'container with given ID already exists' berth create --bundle "$B" "$ID"
    echo >"$T/go_on"
    wait "$creator"
    same "$(cat "$T/job")" ""
    same "$(state_of)" created
}

waits_for_lock() {
    grep -q -- "-> FLOCK .* $1 " /proc/locks
}

@test "creating container: start waits until create is done" {
    begin_creating
    in_background start "$ID"
    local starter=$job
    eventually waits_for_lock "$starter"
    echo >"$T/go_on"
    wait "$creator"
    wait "$starter"
    same "$(cat "$T/job")" ""
    eventually is_state "$ID" stopped
}

@test "a create that was killed is undone by delete --force, not by others" {
    begin_creating
    kill -KILL "$creator"
    wait "$creator" || true
    refuses 'container with given ID already exists' berth create --bundle "$B" "$ID"
    local command
    for command in start kill; do
        exits 1 berth "$command" "$ID"
    done
    succeeds berth delete --force "$ID"
    timeout 5 sh -c "echo >'$T/go_on'" || true # the hook, if it is still there
    absent
    config 'del(.hooks)'
    begin
    succeeds berth delete "$ID"
}

# The freezer stands in for `pause`.
freeze() {
    if is_cgroup2; then
        echo 1 >"$(cgroup_dir -)/cgroup.freeze"
        eventually grep -q 'frozen 1' "$(cgroup_dir -)/cgroup.events"
    else
        echo FROZEN >"$(cgroup_dir freezer)/freezer.state"
        eventually grep -q FROZEN "$(cgroup_dir freezer)/freezer.state"
    fi
}

@test "paused container: state and list say so; start and delete are refused" {
    make_bundle
    begin_running
    freeze
    same "$(state_of)" paused
    same "$(berth list --format json | jq -r '.[].status')" paused
    refuses 'cannot start an already running container' berth start "$ID"
    refuses 'container paused' berth delete "$ID"
    same "$(state_of)" paused
    succeeds berth delete --force "$ID"
    absent
}

@test "paused container: KILL ends it" {
    make_bundle
    begin_running
    freeze
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

# ---- kill -----------------------------------------------------------------------------------------------------------

@test "kill: numbers and names in any spelling reach the program" {
    make_bundle
    make_fifo ready heard
    # The shell of busybox tells which trap it is by its number.
    shell 'for s in 1 2 3 10 12 14 15 34 35 64; do trap "echo $s >/heard" $s; done
           echo up >/ready; while :; do sleep 1000 & wait $!; done'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    local signal expected
    while read -r signal expected; do
        succeeds berth kill "$ID" "$signal"
        same "$output$errors" ""
        same "$(wait_for heard)" "$expected" "signal $signal"
    done <<'SIGNALS'
HUP 1
hup 1
SIGHUP 1
sigHup 1
1 1
INT 2
USR1 10
SIGUSR2 12
TERM 15
15 15
RTMIN 34
RTMIN+1 35
SIGRTMIN+1 35
RTMAX 64
64 64
SIGNALS
    succeeds berth kill "$ID"
    same "$(wait_for heard)" 15 "default signal"
}

@test "kill: what is no signal is refused by name" {
    make_bundle
    begin_running
    local signal
    for signal in NOSUCH SIGSIG 65 999 12345678901 0x9 9x '' KILL,TERM '9 9'; do
        refuses "$signal" berth kill "$ID" "$signal"
    done
    for signal in -1 -9; do # which look like options, and are refused as such or as signals
        exits 1 berth kill "$ID" "$signal"
        exits 1 berth kill "$ID" -- "$signal"
    done
    same "$(state_of)" running
}

@test "kill signals the init process only, kill --all every process" {
    make_bundle
    make_fifo ready heard
    shell 'sh -c "trap \"echo child >/heard\" USR1; echo up >/ready; while :; do sleep 0.05; done" &
           trap "" USR1
           while :; do wait; done'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    succeeds berth kill --all "$ID" USR1
    same "$(wait_for heard)" child
    same "$(state_of)" running
    succeeds berth kill -a "$ID" KILL
    eventually is_state "$ID" stopped
}

@test "kill --all without a PID namespace ends all processes" {
    make_bundle
    config '.linux.namespaces |= map(select(.type != "pid"))'
    make_fifo ready
    shell 'sleep 1000 & sh -c "echo up >/ready; sleep 1000" & sleep 1000'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    succeeds berth kill --all "$ID" 9
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

@test "kill --all after the end is no error, as engines send it to be sure" {
    make_bundle
    begin_stopped
    succeeds berth kill --all "$ID" 9
    succeeds berth kill --all "$ID" TERM
}

@test "delete without a PID namespace ends what the container has left behind" {
    make_bundle
    config '.linux.namespaces |= map(select(.type != "pid"))'
    make_fifo ready
    shell 'sh -c "echo up >/ready; sleep 1000" & exit 0'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

@test "kill and delete --regex" {
    make_bundle
    local name
    for name in a1 a2 b1; do
        make_bundle "$name"
        begin "$MARK$name"
    done
    succeeds berth kill --regex "^${MARK}a" KILL
    eventually is_state "${MARK}a1" stopped
    eventually is_state "${MARK}a2" stopped
    same "$(state_of "${MARK}b1")" created
    succeeds berth delete --regex "^${MARK}a"
    ! is_known "${MARK}a1"
    ! is_known "${MARK}a2"
    is_known "${MARK}b1"
    succeeds berth delete --force --regex "${MARK}"
    absent "${MARK}b1"
}

# ---- delete ---------------------------------------------------------------------------------------------------------

@test "delete leaves the root file system and foreign files alone" {
    make_bundle
    payload touch /made
    succeeds berth run --bundle "$B" "$ID"
    [ -e "$B/rootfs/made" ]
    [ -e "$B/config.json" ]
}

@test "delete removes cgroups that the container has made below its own" {
    make_bundle
    begin_running
    local dir
    dir=$(cgroup_dir pids)
    [ -d "$dir" ]
    mkdir -p "$dir/sub/deeper" "$dir/other"
    succeeds berth delete --force "$ID"
    absent
    [ ! -d "$dir" ]
}

@test "delete: a cgroup that was removed meanwhile is no hindrance" {
    make_bundle
    begin_stopped
    rmdir "$(cgroup_dir pids)"
    succeeds berth delete "$ID"
    absent
}

@test "two containers do not mind each other" {
    make_bundle one
    begin_running "${MARK}1"
    make_bundle two
    begin_running "${MARK}2"
    succeeds berth delete --force "${MARK}1"
    same "$(state_of "${MARK}2")" running
    succeeds berth delete --force "${MARK}2"
    absent "${MARK}1"
    absent "${MARK}2"
}

@test "eight containers at once" {
    local n jobs=()
    for n in 1 2 3 4 5 6 7 8; do
        make_bundle "b$n"
        shell "exit $n"
        berth run --bundle "$B" "$MARK$n" </dev/null >"$T/out$n" 2>&1 3>&- &
        jobs+=($!)
    done
    for n in 1 2 3 4 5 6 7 8; do
        local status=0
        wait "${jobs[n - 1]}" || status=$?
        same "$status" "$n" "exit status of container $n: $(cat "$T/out$n")"
    done
    absent
}

@test "of several creates with one id exactly one wins" {
    make_bundle
    local n jobs=() won=0
    for n in 1 2 3 4 5 6; do
        berth create --bundle "$B" "$ID" </dev/null >"$T/out$n" 2>&1 3>&- &
        jobs+=($!)
    done
    for n in 1 2 3 4 5 6; do
        if wait "${jobs[n - 1]}"; then
            won=$((won + 1))
        else
            has "$(cat "$T/out$n")" 'container with given ID already exists'
        fi
    done
    same "$won" 1 "creates that succeeded"
    same "$(state_of)" created
}

@test "of several starts exactly one wins" {
    make_bundle
    make_fifo ready
    shell 'echo x >>/count; echo up >/ready; sleep 1000'
    begin
    local n jobs=() won=0
    for n in 1 2 3 4 5; do
        berth start "$ID" </dev/null >"$T/out$n" 2>&1 3>&- &
        jobs+=($!)
    done
    for n in 1 2 3 4 5; do
        wait "${jobs[n - 1]}" && won=$((won + 1))
    done
    same "$won" 1 "starts that succeeded"
    same "$(wait_for ready)" up
    same "$(wc -l <"$B/rootfs/count")" 1
}

@test "state and list while containers come and go: never an error but for the missing one" {
    make_bundle
    local n
    mkdir -m 0700 "$ROOT"
    while [ ! -e "$T/enough" ]; do
        berth list --format json || echo "list failed: $?"
        berth state "$ID" || true
    done </dev/null >"$T/watch" 2>&1 3>&- &
    local watcher=$!
    for n in 1 2 3 4 5 6 7 8; do
        succeeds berth run --bundle "$B" "$ID"
    done
    touch "$T/enough"
    wait "$watcher"
    # What is said in between is a state, a list, or that there is no such container.
    local odd
    odd=$(grep -E '^berth: |list failed' "$T/watch" | grep -v 'does not exist' | sort | uniq -c || true)
    same "$odd" "" "errors"
}

# ---- commands that others keep waiting ------------------------------------------------------------------------------

@test "create is killed while a createContainer hook hangs: delete --force does not wait for the hook" {
    make_bundle
    make_fifo hangs
    config --arg text "echo >$B/rootfs/hangs; sleep 1000" \
        '.hooks.createContainer = [{"path": "/bin/sh", "args": ["sh", "-c", $text]}]'
    long_running
    in_background create --bundle "$B" "$ID"
    wait_for hangs
    kill -KILL "$job"
    wait "$job" || true
    succeeds timeout 5 "$BERTH" --root "$ROOT" delete --force "$ID"
    absent
}

@test "delete --force ends a start that a startContainer hook holds up" {
    make_bundle
    make_fifo hangs
    config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "echo >/hangs; sleep 1000"]}]'
    long_running
    begin
    in_background start "$ID"
    wait_for hangs
    succeeds timeout 5 "$BERTH" --root "$ROOT" delete --force "$ID"
    absent
    local result=0
    wait "$job" || result=$?
    same "$result" 1
}

@test "delete --force names the process that no signal reaches, and works once it can" {
    local stuck
    needs program:mkfs.ext4 program:fsfreeze
    make_bundle
    make_device
    mkfs.ext4 -q "$DEVICE"
    mkdir "$T/disk.mount"
    mount "$DEVICE" "$T/disk.mount"
    add_mount /data bind "$T/disk.mount" bind
    make_fifo ready
    make_fifo go
    shell 'echo up >/ready; (read x </go; echo x >/data/file) & wait'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
    touch "$T/frozen"
    fsfreeze --freeze "$T/disk.mount"
    echo >"$B/rootfs/go"
    eventually is_stuck
    stuck=$(stuck_process)
    exits 1 berth delete --force "$ID"
    has "$errors" "container init still running: process $(state_of "$ID" pid) does not die, since process $stuck is in state D"
    same "$(state_of)" running
    rm "$T/frozen"
    fsfreeze --unfreeze "$T/disk.mount"
    succeeds berth delete --force "$ID"
    absent
}

# The child of the container's process, in uninterruptible sleep.
stuck_process() {
    ps --ppid "$(state_of "$ID" pid)" -o state=,pid= | awk '$1 == "D" { print $2 }'
}

is_stuck() {
    [ -n "$(stuck_process)" ]
}

@test "a created container whose init process is stopped: state, list and delete do not wait for it" {
    local n pid
    make_bundle
    long_running
    begin
    pid=$(state_of "$ID" pid)
    kill -STOP "$pid"
    for n in $(seq 40); do # more than wait at a socket
        succeeds timeout 5 "$BERTH" --root "$ROOT" state "$ID"
        same "$(jq -r .status <<<"$output")" created
    done
    succeeds timeout 5 "$BERTH" --root "$ROOT" list
    succeeds timeout 5 "$BERTH" --root "$ROOT" delete --force "$ID"
    absent
}

@test "a payload that freezes a sub-cgroup of its own can be killed and deleted" {
    is_cgroup1 freezer || skip "needs the freezer of cgroup v1 below /sys/fs/cgroup"
    make_bundle
    config '.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]}]'
    make_fifo frozen
    shell 'cd /sys/fs/cgroup/freezer && mkdir -p sub/deep && { sleep 1000 & } && echo $! >sub/deep/cgroup.procs &&
        echo FROZEN >sub/deep/freezer.state && echo done >/frozen; sleep 1000'
    berth run --detach --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&-
    same "$(wait_for frozen)" done
    succeeds berth delete --force "$ID"
    absent
}
