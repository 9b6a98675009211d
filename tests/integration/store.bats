#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# store: the state directory, its modes and owners, what may lie in it, and commands that are killed at any point.
load helpers

prepare() {
    make_bundle
}

# ---- modes and owners -----------------------------------------------------------------------------------------------

# Every directory of the state has mode 0700, all else at most 0600, and all is ours.
is_private() {
    local odd
    odd=$(find "$ROOT" -type d ! -perm 0700 -printf '%m %p\n' -o ! -type d -perm /0177 -printf '%m %p\n' \
        -o ! -type d ! -type s ! -perm 0600 -printf '%m %p\n' -o ! -user "$(id -u)" -printf '%u %p\n')
    same "$odd" "" "modes in the state root"
}

@test "directories 0700 and files 0600 whatever the umask" {
    # With a filter, since that has a cache.
    config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
        [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}'
    long_running
    local mask
    for mask in 0000 0777 0022 0177; do
        umask "$mask"
        "$BERTH" --root "$ROOT" create --bundle "$B" "$ID" </dev/null
        umask 022
        is_private
        umask "$mask"
        "$BERTH" --root "$ROOT" start "$ID"
        umask 022
        same "$(wait_for ready)" up
        is_private
        umask "$mask"
        "$BERTH" --root "$ROOT" delete --force "$ID"
        umask 022
        is_private
        absent
        rm -r "$ROOT"
    done
}

@test "a state root with missing parents is made, each of them private" {
    ROOT=$T/deep/er/state
    umask 0
    begin
    umask 022
    same "$(stat -c %a "$T/deep" "$T/deep/er" "$ROOT" | xargs)" "700 700 700"
    succeeds berth delete "$ID"
    ROOT=$T/deep
    rm -r "$T/deep/er"
}

@test "a state root of another user is refused" {
    mkdir -m 0700 "$ROOT"
    chown 12345 "$ROOT"
    local command
    for command in "create --bundle $B" start state kill delete; do
        refuses "$ROOT|must belong to" berth $command "$ID"
    done
    refuses "$ROOT|must belong to" berth list
    same "$(ls -A "$ROOT")" ""
}

@test "a state root that others may write to is refused" {
    local mode
    for mode in 0777 1777 0770 0702; do
        mkdir "$ROOT"
        chmod "$mode" "$ROOT"
        refuses "$ROOT|nobody else" berth create --bundle "$B" "$ID"
        refuses "$ROOT|nobody else" berth delete --force "$ID"
        same "$(stat -c %a "$ROOT")" "${mode#0}"
        rmdir "$ROOT"
    done
}

@test "a state root that others may read is taken as it is" {
    mkdir -m 0711 "$ROOT"
    begin
    same "$(stat -c %a "$ROOT")" 711
    same "$(stat -c %a "$ROOT/$ID")" 700
}

@test "a state root that is no directory" {
    : >"$ROOT"
    refuses "$ROOT|not a directory" berth create --bundle "$B" "$ID"
    rm "$ROOT"
    ln -s nowhere "$ROOT"
    exits 1 berth create --bundle "$B" "$ID"
    rm "$ROOT"
}

@test "the default root is /run/berth for root, whatever XDG_RUNTIME_DIR says" {
    needs root
    export XDG_RUNTIME_DIR=$T/xdg
    mkdir -m 0700 "$T/xdg"
    succeeds "$BERTH" create --bundle "$B" "$ID"
    [ -d "/run/berth/$ID" ]
    same "$(stat -c %a /run/berth)" 700
    same "$(ls -A "$T/xdg")" ""
    has "$("$BERTH" list -q)" "$ID"
    succeeds "$BERTH" delete --force "$ID"
    [ ! -e "/run/berth/$ID" ]
}

# as_nobody COMMAND...: runs the runtime as an ordinary user, who need not be able to reach its path.
as_nobody() {
    python3 - "$@" <<'PYTHON'
import os, sys
program = os.open(sys.argv[1], os.O_RDONLY)
os.setgroups([]), os.setgid(65534), os.setuid(65534)
os.chdir("/")
os.execve(program, sys.argv[1:], os.environ)
PYTHON
}

@test "the default root without privilege is below XDG_RUNTIME_DIR" {
    needs root
    local xdg
    xdg=$(mktemp -d "/tmp/$MARK.XXXXXX")
    chown 65534 "$xdg"
    export XDG_RUNTIME_DIR=$xdg
    try as_nobody "$BERTH" list -q
    [ "$status" -eq 0 ] || tell_last "list"
    same "$output$errors" ""
    mkdir -m 0700 "$xdg/berth" "$xdg/berth/$ID"
    echo '{"version":1,"id":"'"$ID"'","bundle":"/b","created":"2026-01-01T00:00:00Z","owner":65534,"rootfs":"/b/r"}' \
        >"$xdg/berth/$ID/record.json"
    chown -R 65534 "$xdg/berth"
    try as_nobody "$BERTH" list -q
    same "$output" "$ID"
    export XDG_RUNTIME_DIR=
    refuses "XDG_RUNTIME_DIR is not set" as_nobody "$BERTH" create "$ID"
    export XDG_RUNTIME_DIR=relative
    refuses 'XDG_RUNTIME_DIR is "relative"|not an absolute path' as_nobody "$BERTH" create "$ID"
    unset XDG_RUNTIME_DIR
    refuses XDG_RUNTIME_DIR as_nobody "$BERTH" create "$ID"
    rm -r "$xdg"
}

# ---- what may lie there ---------------------------------------------------------------------------------------------

@test "a file or a link in the place of a container: refused, and not followed" {
    mkdir -m 0700 "$ROOT" "$T/precious"
    : >"$T/precious/start"
    echo '{}' >"$T/precious/record.json"
    ln -s "$T/precious" "$ROOT/$ID"
    local command
    refuses 'already exists' berth create --bundle "$B" "$ID"
    for command in start state kill delete 'delete --force'; do
        try berth $command "$ID"
        ((status <= 1)) || tell_last "$command"
    done
    same "$(ls "$T/precious" | xargs)" "record.json start"
    rm -f "$ROOT/$ID"
    : >"$ROOT/$ID"
    refuses 'already exists' berth create --bundle "$B" "$ID"
    for command in start state kill delete; do
        exits 1 berth "$command" "$ID"
    done
    rm -f "$ROOT/$ID"
}

@test "links that lie in a container's directory are not followed on delete" {
    begin
    mkdir "$T/precious"
    echo keep >"$T/precious/notify.sock"
    ln -s "$T/precious" "$ROOT/$ID/notify"
    ln -s "$T/precious/notify.sock" "$ROOT/$ID/record.new"
    try berth delete --force "$ID"
    same "$(cat "$T/precious/notify.sock")" keep
    rm -rf "${ROOT:?}/$ID/notify"
    succeeds berth delete --force "$ID"
    absent
}

@test "an empty state directory, as of a create that was cut off at its first step, is deleted by force" {
    mkdir -m 0700 "$ROOT" "$ROOT/$ID"
    refuses 'already exists' berth create --bundle "$B" "$ID"
    refuses 'does not exist' berth state "$ID"
    exits 1 berth start "$ID"
    same "$(berth list -q)" ""
    succeeds berth delete --force "$ID"
    absent
    begin
}

@test "a damaged record is told as such" {
    begin
    local whole=$T/whole.json damage pid
    pid=$(state_of "$ID" pid)
    cp "$ROOT/$ID/record.json" "$whole"
    for damage in 'true' "head -c 20 '$whole'" 'echo []' 'head -c 300 /dev/urandom'; do
        eval "$damage" >"$ROOT/$ID/record.json"
        refuses "record" berth state "$ID"
        exits 1 berth start "$ID"
        exits 1 berth kill "$ID" 9
    done
    [ -d "/proc/$pid" ]
    cp "$whole" "$ROOT/$ID/record.json"
    succeeds berth delete --force "$ID"
    absent
}

@test "a record whose process id belongs to somebody else by now: stopped, and nobody is killed" {
    begin
    local stranger container
    container=$(state_of "$ID" pid)
    # A process is known by its id and the time of its start, in hundredths of a second.
    until [ -n "$stranger" ] && [ "$(started "$stranger")" != "$(started "$container")" ]; do
        [ -z "$stranger" ] || { kill "$stranger" && wait "$stranger" || true; }
        sleep 1000 3>&- 4>&- &
        stranger=$!
    done
    jq --argjson pid "$stranger" '.pid = $pid' <"$ROOT/$ID/record.json" >"$T/forged"
    cp "$T/forged" "$ROOT/$ID/record.json"
    same "$(state_of)" stopped
    refuses 'container not running' berth kill "$ID" TERM
    succeeds berth kill "$ID" 9 # what is left in its cgroup
    kill -0 "$stranger"
    succeeds berth delete --force "$ID"
    kill -0 "$stranger"
    kill "$stranger"
    wait "$stranger" || true
    eventually gone "$container"
    absent
}

started() {
    sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20
}

gone() {
    ! grep -qs '^State:.[^ZX]' "/proc/$1/status"
}

# Processes of this test, among them the container's, that hold a socket whose address is in the abstract namespace.
abstract_sockets() {
    local pid inode
    unset BERTH_TEST
    for pid in $(audit_pids); do
        for inode in $(awk '$8 ~ /^@/ { print $7 }' "/proc/$pid/net/unix" /proc/net/unix 2>/dev/null || true); do
            find "/proc/$pid/fd" -lname "socket:\\[$inode\\]" -printf 'abstract socket of %p: %l\n' 2>/dev/null || true
        done
    done
}

@test "no socket in the abstract namespace, where permissions do not count" {
    begin
    [ -n "$(unset BERTH_TEST && audit_pids)" ]
    same "$(abstract_sockets)" ""
    succeeds berth delete --force "$ID"
    begin_running
    same "$(abstract_sockets)" ""
    # It can tell.
    python3 -c 'import signal, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind("\0" + sys.argv[1])
open(sys.argv[2], "w").close()
signal.pause()' "$MARK" "$T/bound" 3>&- 4>&- &
    local job=$!
    eventually test -e "$T/bound"
    has "$(abstract_sockets)" "/proc/$job/fd"
    kill "$job"
    wait "$job" || true
}

@test "the record of a created container holds what delete needs, and no more than one state" {
    begin
    jq -e '.cgroups | length > 0' "$ROOT/$ID/record.json" >/dev/null
    jq -e '.status == null' "$ROOT/$ID/record.json" >/dev/null
}

# ---- killed at any point --------------------------------------------------------------------------------------------

# How often the command is interrupted: at every call with BERTH_TEST_EXHAUSTIVE=1, else at about this many.
: "${CUTS:=16}"

# calls_of COMMAND...: runs it, and leaves in $T/calls the system calls of its own process, each as "NAME N": the Nth
# one of that name, as strace counts when it injects. (The first execve is strace's own.)
calls_of() {
    strace -o "$T/trace" -- "$@" </dev/null >"$T/stdout" 2>"$T/stderr" 3>&- 4>&- || true
    sed -nE 's/^([a-z_0-9]+)\(.*/\1/p' "$T/trace" | awk '$1 != "execve" { print $1, ++count[$1] }' >"$T/calls"
    (($(wc -l <"$T/calls") > 20)) || fail "no more than $(wc -l <"$T/calls") calls of: $*"
}

# cut_points SHARE: every so manyth line of $T/calls, so that there are CUTS / SHARE of them.
cut_points() {
    local step
    step=$(($(wc -l <"$T/calls") * $1 / CUTS + 1))
    [ -z "${BERTH_TEST_EXHAUSTIVE:-}" ] || step=1
    awk -v step="$step" 'NR % step == 1 || step == 1' "$T/calls"
}

# killed_at NAME N COMMAND...: the command is killed as it enters its Nth system call of that name.
killed_at() {
    local name=$1 n=$2
    shift 2
    # strace ends by the same signal. The shell in between is the one that says "Killed".
    try bash -c '"$@"; exit $?' bash strace -o /dev/null -e "inject=$name:signal=KILL:when=$n" -- "$@"
    [ "$status" -eq 137 ]
}

# After whatever happened: nobody hangs, delete --force cleans up all, and the id is free.
recovers() {
    try timeout 20 "$BERTH" --root "$ROOT" state "$ID"
    ((status <= 1)) || tell_last "state after $1" || return 1
    try timeout 20 "$BERTH" --root "$ROOT" list
    # Before the root was made there is none.
    [ "$status" -eq 0 ] || [ ! -e "$ROOT" ] || tell_last "list after $1" || return 1
    try timeout 20 "$BERTH" --root "$ROOT" delete --force "$ID"
    [ "$status" -eq 0 ] || tell_last "delete --force after $1" || return 1
    eventually absent >"$T/absent" || { echo "after $1:" && tail -n 30 "$T/absent" && return 1; }
    try timeout 20 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    [ "$status" -eq 0 ] || tell_last "run after $1" || return 1
    ! is_known || fail "state is left of run after $1"
}

# interrupts SHARE VERB OPTION...: the command VERB is killed at many points, each time from the same beginning.
interrupts() {
    local share=$1 name n verb=$2 cuts=0 missed=0
    shift
    payload true
    # What is made once for all, such as the state root, is not to be among the calls.
    succeeds berth run --bundle "$B" "$ID"
    begin_for "$verb"
    calls_of "$BERTH" --root "$ROOT" "$@"
    succeeds berth delete --force "$ID"
    while read -r name n; do
        begin_for "$verb"
        cuts=$((cuts + 1))
        killed_at "$name" "$n" "$BERTH" --root "$ROOT" "$@" || missed=$((missed + 1))
        recovers "the death of $verb in $name $n" || return 1
    done < <(cut_points "$share")
    # The number of reads and waits varies a little from one run to the next, with a sanitizer that of others, too.
    ((missed * (${#ASAN_OPTIONS} ? 2 : 5) < cuts)) || fail "$missed of $cuts calls were not reached"
}

begin_for() {
    case $1 in
    start | delete) begin ;;
    esac
}

@test "create killed at any call: delete --force cleans up, the id is free" {
    needs program:strace
    interrupts 1 create --bundle "$B" "$ID"
}

@test "create killed at any call without a PID namespace" {
    needs program:strace
    config '.linux.namespaces |= map(select(.type != "pid"))'
    interrupts 3 create --bundle "$B" "$ID"
}

@test "create killed at any call with a user namespace" {
    needs program:strace userns
    config '.linux.namespaces += [{"type": "user"}] |
        .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] |
        .linux.gidMappings = .linux.uidMappings'
    chmod 755 "$BATS_RUN_TMPDIR"
    interrupts 3 create --bundle "$B" "$ID"
}

@test "run killed at any call" {
    needs program:strace
    interrupts 2 run --bundle "$B" "$ID"
}

@test "start killed at any call" {
    needs program:strace
    interrupts 2 start "$ID"
}

@test "delete killed at any call is repeated" {
    needs program:strace
    interrupts 2 delete --force "$ID"
}

@test "the new process is killed at a step: create fails with a word about it, and nothing is left" {
    needs program:strace
    local call n tried=0
    payload true
    for call in unshare,setns mount,fsmount,move_mount,open_tree pivot_root,umount2 sethostname mknodat,symlinkat \
        setresuid,setresgid,setgroups,setuid,setgid capset prctl chdir,fchdir; do
        for n in 1 2 4; do
            try injected "$call:signal=KILL:when=$n" run --bundle "$B" "$ID"
            # 0: never called so often. 137: the runtime's own process makes the call, too; see the tests above.
            if [ "$status" -eq 1 ]; then
                tried=$((tried + 1))
                has "$errors" "berth: run $ID: " "error after the death in $call $n" || return 1
                absent || fail "after the death in $call $n" || return 1
            elif [ "$status" -eq 137 ]; then
                # Killed before the container was asked for, or left behind as in the tests above.
                recovers "run killed in $call $n" || return 1
            elif [ "$status" -ne 0 ]; then
                fail "exit status $status after the death in $call $n: $errors" || return 1
            fi
        done
    done
    ((tried >= 5)) || fail "the new process was killed $tried times only"
}

@test "the record is written whole: a full file system undoes create" {
    mkdir "$T/small"
    mount -t tmpfs -o size=4k,nr_inodes=3,mode=700 small "$T/small"
    ROOT=$T/small
    try berth create --bundle "$B" "$ID"
    [ "$status" -eq 1 ] || tell_last "expected a failure"
    has "${errors,,}" "no space left on device"
    [ ! -e "$ROOT/$ID" ]
    umount "$T/small"
    ROOT=$T/state
    absent
}

# held_up CALL COMMAND...: berth in the background, whose first CALL returns late; waits until it is in there.
held_up() {
    inject "$1:delay_exit=1500000:when=1" ""
    "${through[@]}" "$BERTH" --root "$ROOT" "${@:2}" >"$T/job" 2>&1 </dev/null 3>&- 4>&- &
    job=$!
}

has_entry() {
    [ -n "$(ls -A "$ROOT" 2>/dev/null)" ]
}

@test "state during a create never says that it was cut off" {
    local call
    for call in mkdirat flock renameat2 openat; do
        rm -rf "$ROOT"
        mkdir -p -m 700 "$ROOT"
        held_up "$call" create --bundle "$B" "$ID"
        while kill -0 "$job" 2>/dev/null; do
            try berth state "$ID"
            lacks "$errors" "cut off" "$call" || return 1
            [ "$status" -eq 1 ] || has creating,created "$(jq -r .status <<<"$output")" || return 1
        done
        wait "$job" || fail "$call: $(<"$T/job")"
        same "$(state_of)" created
        succeeds berth delete --force "$ID"
    done
}

@test "a create that ends between two looks of state is seen" {
    mkdir -p -m 700 "$ROOT"
    # No record yet when state looks for it; no lock any more when state looks for that, 3 s later.
    held_up renameat2 create --bundle "$B" "$ID"
    eventually is_known
    inject flock:delay_enter=3000000:when=1 ""
    succeeds "${through[@]}" "$BERTH" --root "$ROOT" state "$ID"
    same "$(jq -r .status <<<"$output")" created
    wait "$job" || fail "$(<"$T/job")"
}

@test "a create that is killed before its directory has its name leaves nothing in the way" {
    mkdir -p -m 700 "$ROOT"
    held_up mkdirat create --bundle "$B" "$ID"
    eventually has_entry
    kill -KILL "$(pgrep -P "$job")" || fail "no create"
    wait "$job" || true
    succeeds berth list --quiet
    same "$output" ""
    succeeds berth create --bundle "$B" "$ID" # takes what is there
    same "$(ls -A "$ROOT")" "$ID"
    succeeds berth delete --force "$ID"
    held_up mkdirat create --bundle "$B" "$ID"
    eventually has_entry
    kill -KILL "$(pgrep -P "$job")" || fail "no create"
    wait "$job" || true
    succeeds berth delete --force "$ID"
    same "$(ls -A "$ROOT")" ""
}

@test "two creates of one id: one is refused, at once" {
    mkdir -p -m 700 "$ROOT"
    held_up renameat2 create --bundle "$B" "$ID"
    eventually has_entry
    refuses "already exists" berth create --bundle "$B" "$ID"
    wait "$job" || fail "$(<"$T/job")"
    same "$(state_of)" created
}
