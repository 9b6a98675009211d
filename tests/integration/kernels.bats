#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kernels: every command on a kernel that lacks a system call (ENOSYS), or below an outer filter that forbids it (EPERM).
# The calls are those of the table in src/kernel/sys.h, each in turn and all at once. Every command must work; what
# cannot work is refused, and nothing of it is left.
load helpers

# Some hundred commands a test.
TEST_LIMIT=150

prepare() {
    needs root
    REFUSE=$BATS_FILE_TMPDIR/refuse
    [ -x "$REFUSE" ] || gcc -O1 -Wall -o "$REFUSE" "$BATS_TEST_DIRNAME/../attack/refuse.c"
    SOURCES=$BATS_TEST_DIRNAME/../../src
    make_bundle
    # Hooks: programs that berth itself waits for.
    config '.hooks = { "createRuntime": [{ "path": "/bin/true" }], "poststop": [{ "path": "/bin/true" }] }'
}

# refused COMMAND...: berth without $calls.
refused() {
    # shellcheck disable=SC2086 # several words
    "$REFUSE" "$error" $calls -- "$BERTH" --root "$ROOT" "$@"
}

runs_in_foreground() {
    payload sh -c 'exit 7'
    exits 7 refused run --bundle "$B" "$ID" && absent
}

# The program writes the word "up" into a FIFO, and ends with status 0 at SIGTERM.
begins() {
    long_running
    succeeds refused create --bundle "$B" "$ID" && is_state "$ID" created &&
        succeeds refused start "$ID" && same "$(wait_for ready)" up &&
        succeeds refused state "$ID" && has "$output" '"running"'
}

begins_detached() {
    long_running
    succeeds refused run --detach --bundle "$B" "$ID" && same "$(wait_for ready)" up
}

is_looked_at() {
    succeeds refused ps "$ID" && has "$output" sleep &&
        succeeds refused list -q && same "$output" "$ID" &&
        succeeds refused events --stats "$ID" && succeeds refused update "$ID"
}

is_entered() {
    exits 3 refused exec "$ID" sh -c 'exit 3' &&
        exits 130 refused exec "$ID" sh -c 'kill -INT $$' &&
        succeeds refused exec --detach --pid-file "$T/pid" "$ID" sh -c 'echo entered >/ready' &&
        same "$(wait_for ready)" entered
}

is_paused() {
    succeeds refused pause "$ID" && succeeds refused state "$ID" && has "$output" '"paused"' &&
        succeeds refused resume "$ID" && is_state "$ID" running
}

ends_by() {
    succeeds refused kill "$ID" "$1" && eventually is_state "$ID" stopped &&
        succeeds refused delete "$ID" && absent
}

# Every command, without $calls.
lives() {
    runs_in_foreground && begins && is_looked_at && is_entered && is_paused && ends_by TERM &&
        begins_detached && ends_by KILL &&
        begins_detached && succeeds refused delete --force "$ID" && absent &&
        long_running && succeeds refused create --bundle "$B" "$ID" && succeeds refused delete --force "$ID" && absent
}

# ---- without pidfds -------------------------------------------------------------------------------------------------

@test "without pidfd_open and pidfd_send_signal every command works" {
    local error calls="pidfd_open pidfd_send_signal"
    for error in ENOSYS EPERM; do
        lives || fail "^ $error"
    done
}

@test "without pidfd_open events end with the container" {
    local error=EPERM calls=pidfd_open
    begins
    refused events --interval 20ms "$ID" >"$T/job" 2>&1 </dev/null 3>&- 4>&- &
    eventually [ -s "$T/job" ]
    succeeds refused kill "$ID" KILL
    wait $!
    succeeds refused delete "$ID"
}

@test "without pidfd_open a start that waits for readiness ends with the container" {
    local error=ENOSYS calls=pidfd_open
    mkdir "$B/rootfs/run"
    payload sleep 0.2
    export NOTIFY_SOCKET=$T/notify
    succeeds refused create --bundle "$B" "$ID"
    succeeds timeout "$PATIENCE" "$REFUSE" "$error" "$calls" -- "$BERTH" --root "$ROOT" start "$ID"
    is_state "$ID" stopped
    succeeds refused delete "$ID"
}

@test "without pidfd_open a process that has the pid of a dead container is no container" {
    local error=ENOSYS calls=pidfd_open
    begins
    cp "$ROOT/$ID/record.json" "$T/record"
    jq '.startTime += 1' "$T/record" >"$T/later" # as if the process were a younger one
    cat "$T/later" >"$ROOT/$ID/record.json"
    succeeds refused state "$ID"
    has "$output" '"stopped"'
    cat "$T/record" >"$ROOT/$ID/record.json"
    succeeds refused state "$ID"
    has "$output" '"running"'
    succeeds refused delete --force "$ID"
}

@test "without pidfd_open restore refuses a pidfd socket before it does anything" {
    local error calls=pidfd_open
    for error in ENOSYS EPERM; do
        refuses "pidfd socket|pidfd_open" refused restore --pidfd-socket "$T/none" --image-path "$T/none" --bundle "$B" "$ID"
        absent
    done
}

@test "without pidfd_open a restored container runs to its end" {
    local error=EPERM calls=pidfd_open dir
    dir=$("$BATS_TEST_DIRNAME/../criu" make 2>"$T/criu") || skip "no criu: $(tail -n 1 "$T/criu")"
    PATH=$dir:$PATH
    criu check >"$T/criu" 2>&1 || skip "criu cannot work here: $(tail -n 1 "$T/criu")"
    config 'del(.hooks)'
    make_fifo ready in
    shell 'echo up >/ready; read word </in; exit 9'
    "$BERTH" --root "$ROOT" run --detach --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&-
    same "$(wait_for ready)" up
    succeeds refused checkpoint --image-path "$T/images" "$ID"
    absent
    local status=0
    "$REFUSE" "$error" "$calls" -- "$BERTH" --root "$ROOT" restore --image-path "$T/images" --bundle "$B" "$ID" \
        </dev/null >/dev/null 2>"$T/stderr" 3>&- 4>&- &
    eventually is_known
    eventually is_state "$ID" running
    timeout "$PATIENCE" sh -c 'echo go >"$1"' go "$B/rootfs/in"
    wait $! || status=$?
    same "$status" 9 "exit status of restore ($(<"$T/stderr"))"
    absent
}

# ---- without close_range ---------------------------------------------------------------------------------------------

@test "without close_range no number is closed that is not open" {
    needs program:strace
    local error
    payload true
    for error in ENOSYS EPERM; do
        # With its reader strace ends: a failure is no flood.
        succeeds env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -qq -e status=failed \
            -o "|head -n 1000 >'$T/failed'" -e trace=close,close_range -e inject="close_range:error=$error" -- \
            "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        grep -q 'close_range.*INJECTED' "$T/failed" || fail "close_range was not denied: $(head "$T/failed")"
        (($(grep -c 'close(.*EBADF' "$T/failed") < 100)) || fail "closed though not open: $(head "$T/failed")"
    done
}

# ---- without clone3 -------------------------------------------------------------------------------------------------

@test "without clone3 every command works" {
    local error calls=clone3
    for error in ENOSYS EPERM; do
        lives || fail "^ $error"
    done
}

@test "without clone3 the program is in its cgroup, and in that alone, from its start" {
    local error=ENOSYS calls=clone3
    payload cat /proc/self/cgroup
    succeeds berth run --bundle "$B" "$ID"
    local expected=$output
    succeeds refused run --bundle "$B" "$ID"
    same "$output" "$expected"
    begins
    succeeds refused exec "$ID" cat /proc/self/cgroup
    same "$output" "$expected" "cgroups of exec"
    # As the host sees them: a cgroup namespace made too early would have another root.
    has "$(cat "/proc/$(state_of "$ID" pid)/cgroup")" "$CGROUP/"
    succeeds refused delete --force "$ID"
}

@test "without clone3 a user namespace, a joined PID namespace and a terminal" {
    needs userns
    local error calls=clone3 pid
    for error in ENOSYS EPERM; do
        begins
        pid=$(state_of "$ID" pid)
        cp "$B/config.json" "$T/config.json"
        payload sh -c 'ps -o comm | grep -c sleep; tty'
        config --arg path "/proc/$pid/ns/pid" '.process.terminal = true | .linux.cgroupsPath += "-2"
            | .linux.namespaces |= map(if .type == "pid" then .path = $path else . end)'
        succeeds refused run --bundle "$B" "${MARK}d"
        has "$output" $'1\n/dev/' "container in the PID namespace of another one"
        config '.linux.namespaces |= map(del(.path)) + [{ "type": "user" }]
            | .linux.uidMappings = [{ "containerID": 0, "hostID": 100000, "size": 65536 }]
            | .linux.gidMappings = .linux.uidMappings'
        chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*/ "$BATS_RUN_TMPDIR"/*/*/
        payload sh -c 'head -n 1 /proc/self/uid_map | tr -s " "; exit 5'
        exits 5 refused run --bundle "$B" "${MARK}d"
        has "$output" "0 100000 65536"
        mv "$T/config.json" "$B/config.json"
        succeeds refused delete --force "$ID"
    done
}

@test "without clone3 a new time namespace is refused, and nothing is left" {
    needs timens
    local error calls=clone3
    config '.linux.namespaces += [{ "type": "time" }] | del(.hooks)'
    for error in ENOSYS EPERM; do
        refuses "time namespace|clone3" refused run --bundle "$B" "$ID"
        absent
    done
}

@test "without clone3 a process that cannot be moved into its cgroup is refused, in the same words" {
    needs cgroup2 program:strace
    local error
    for error in ENOSYS EPERM; do
        refuses "make the new process in its cgroup|delegated to uid 0" "$REFUSE" "$error" clone3 -- \
            env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -qq -o /dev/null -P cgroup.procs \
            -e trace=openat -e inject=openat:error=EACCES -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        absent
    done
}

# ---- every call of the table ------------------------------------------------------------------------------------------

# The table's lines of system calls; those of flags begin with a capital letter.
table_calls() {
    sed -n '/^ \* *call or flag /,/^ \*\//p' "$SOURCES/kernel/sys.h" | grep -E '^ \*   [a-z0-9_]+ +[0-9]+\.'
}

newer_calls() {
    table_calls | awk '{ print $2 }'
}

# Where the table says that there is no other way.
is_refused() {
    local command
    payload true
    for command in run create "run --detach"; do
        # shellcheck disable=SC2086 # words
        exits 1 refused $command --bundle "$B" "$ID" && same "$output" "" && has "$errors" "berth: ${command%% *} $ID: " &&
            absent || return 1
    done
}

# each_call: with each call refused in turn. All failures are told.
each_call() {
    local star calls since way failed=0 expected
    while read -r star calls since way; do
        expected=lives
        [[ $way != none:* ]] || expected=is_refused
        if ! "$expected"; then
            echo "^ $calls: $error"
            failed=1
            berth delete --force "$ID" || true
        fi
    done < <(table_calls)
    return "$failed"
}

@test "the table has every call newer than Linux 4.18 that berth makes" {
    local call number
    # From Linux 5.1 on a call has the same number on all architectures, 424 or higher.
    for call in $(grep -rhoE '\bSYS_[a-z0-9_]+' "$SOURCES" | sed 's/^SYS_//' | sort -u); do
        number=$(printf '#include <sys/syscall.h>\nSYS_%s\n' "$call" | gcc -E -P - | tail -n 1)
        [[ $number =~ ^[0-9]+$ ]] || fail "SYS_$call has no number here"
        if ((number >= 424)); then
            newer_calls | grep -qx "$call" || fail "$call is not in the table of src/kernel/sys.h"
        fi
    done
}

@test "each newer call is missing in turn" {
    local error=ENOSYS
    each_call
}

@test "each newer call is forbidden in turn" {
    local error=EPERM
    each_call
}

@test "all newer calls are missing at once" {
    local error=ENOSYS calls
    calls=$(newer_calls)
    lives
}

@test "all newer calls are forbidden at once" {
    local error=EPERM calls
    calls=$(newer_calls)
    lives
}
