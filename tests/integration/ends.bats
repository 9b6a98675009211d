#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ends: the end of a container's input, of its terminal, of its processes, and of the cgroup that it was in.
load helpers

prepare() {
    make_bundle
}

# fed TEXT COMMAND...: the command with a pipe as its input that holds TEXT (as of printf) and then ends.
fed() {
    # shellcheck disable=SC2059 # it is a format
    printf "$1" | timeout -s KILL "$PATIENCE" "${@:2}"
}

# ends_with STATUS TEXT: `run` of the bundle on a terminal, fed with TEXT; $output is what it has printed.
ends_with() {
    config '.process.terminal = true'
    exits "$1" fed "$2" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" || return 1
    absent
}

# on_terminal COMMAND...: it runs on a terminal of its own, whose screen goes to $T/tty.
on_terminal() {
    python3 "$BATS_TEST_DIRNAME/stdio.py" terminal "$T/tty" 24x80 "$@" </dev/null >"$T/job" 2>&1 3>&- 4>&-
}

# ---- the end of the input of a terminal -----------------------------------------------------------------------------

@test "terminal: the end of a pipe is the end of the program's input" {
    payload cat
    ends_with 0 'hi\n'
    same "$(tail -n 1 "$T/stdout")" hi
    ends_with 0 ''
    same "$output" ""
}

@test "terminal: the end behind a line that is not complete" {
    shell 'stty -echo; echo up; cat; echo " end"'
    ends_with 0 'half'
    has "$output" "half end"
}

@test "terminal: the end is there for each program that reads, as it is in a pipe" {
    shell 'cat; cat; cat; echo end'
    ends_with 0 'hi\n'
    same "$(tail -n 1 "$T/stdout")" end
}

@test "terminal: a shell that edits its command line gets the end, too" {
    payload sh
    ends_with 0 'cat\n'
    ends_with 7 'sh -c "exit 7"\n'
}

@test "terminal: no input at all, closed or empty, is its end" {
    payload cat
    config '.process.terminal = true'
    closed() { timeout -s KILL "$PATIENCE" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" <&-; }
    empty() { timeout -s KILL "$PATIENCE" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null; }
    succeeds closed
    succeeds empty
}

@test "terminal: input that is more than the terminal holds, for a program that comes to read it late" {
    make_fifo ready go
    shell 'stty -echo; echo up >/ready; read x </go; n=$(wc -l); echo; echo "$n"'
    config '.process.terminal = true'
    seq 1 100000 >"$T/input"
    timeout -s KILL "$PATIENCE" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" <"$T/input" >"$T/screen" 3>&- 4>&- &
    job=$!
    same "$(wait_for ready)" up
    echo go >"$B/rootfs/go"
    exits 0 wait "$job"
    same "$(tail -n 1 "$T/screen")" 100000
}

@test "terminal: the end comes while output still waits for its reader" {
    make_fifo ready
    shell 'stty -echo; echo up >/ready; seq 1 50000; cat; echo end'
    config '.process.terminal = true'
    fed 'last\n' "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" 3>&- 4>&- |
        { wait_for ready >/dev/null && cat; } >"$T/screen"
    same "${PIPESTATUS[0]}" 0
    grep -v '^last$' "$T/screen" | cmp - <(seq 1 50000; echo end)
}

@test "terminal: a program in raw mode reads the end as the key ^D" {
    make_fifo ready
    shell 'stty raw -echo; echo up >/ready; head -c 3 | od -An -tx1'
    config '.process.terminal = true'
    { wait_for ready >/dev/null && printf ab; } |
        timeout -s KILL "$PATIENCE" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" >"$T/screen" 3>&- 4>&-
    same "$(xargs <"$T/screen")" "61 62 04"
}

@test "terminal: the key is the one that the terminal has for it" {
    make_fifo ready
    shell 'stty raw -echo eof ^X; echo up >/ready; head -c 3 | od -An -tx1'
    config '.process.terminal = true'
    { wait_for ready >/dev/null && printf ab; } |
        timeout -s KILL "$PATIENCE" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" >"$T/screen" 3>&- 4>&-
    same "$(xargs <"$T/screen")" "61 62 18"
}

@test "exec -t: the end of a pipe is the end of the program's input" {
    begin_running
    exits 0 fed 'hi\n' "$BERTH" --root "$ROOT" exec -t "$ID" cat
    same "$(tail -n 1 "$T/stdout")" hi
    exits 0 fed 'half' "$BERTH" --root "$ROOT" exec -t "$ID" sh -c 'cat; cat; echo " end"'
    has "$output" " end"
    exits 3 fed 'exit 3\n' "$BERTH" --root "$ROOT" exec -t "$ID" sh
}

# ---- line ends ------------------------------------------------------------------------------------------------------

@test "terminal: lines in a pipe or a file end in a line feed alone" {
    shell 'printf "one\ntwo\n"'
    config '.process.terminal = true'
    "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null 3>&- 4>&- | cat >"$T/stdout"
    cmp "$T/stdout" <(printf 'one\ntwo\n')
    "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >"$T/stdout" 3>&- 4>&-
    cmp "$T/stdout" <(printf 'one\ntwo\n')
    config '.process.terminal = false'
    begin_running
    "$BERTH" --root "$ROOT" exec -t "$ID" printf 'one\ntwo\n' </dev/null 3>&- 4>&- | cat >"$T/stdout"
    cmp "$T/stdout" <(printf 'one\ntwo\n')
}

@test "terminal: output that cannot be written is not lost in silence; a reader who goes away is nothing to tell" {
    shell 'seq 1 20000; exit 4'
    config '.process.terminal = true'
    full() { "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" >/dev/full; }
    exits 4 full
    has "$errors" "the output of the container's terminal is lost from here on: no space left on device"
    "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null 2>"$T/stderr" 3>&- 4>&- | head -n 1 >"$T/stdout" || true
    same "$(cat "$T/stdout")$(cat "$T/stderr")" 1
    absent
}

@test "terminal: on a screen each line begins at its left edge, once" {
    shell 'printf "one\ntwo\n"'
    config '.process.terminal = true'
    on_terminal "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cmp "$T/tty" <(printf 'one\r\ntwo\r\n')
    config '.process.terminal = false'
    begin_running
    on_terminal "$BERTH" --root "$ROOT" exec -t "$ID" printf 'one\ntwo\n'
    cmp "$T/tty" <(printf 'one\r\ntwo\r\n')
}

@test "terminal: a program that draws by itself has its line feeds on the screen as they are" {
    shell 'stty raw; printf "one\ntwo\n"'
    config '.process.terminal = true'
    on_terminal "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cmp "$T/tty" <(printf 'one\ntwo\n')
}

@test "terminal: keys from a terminal, output through a filter that writes on it" {
    shell 'printf "one\ntwo\n"'
    config '.process.terminal = true'
    on_terminal sh -c '"$@" | cat' sh "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cmp "$T/tty" <(printf 'one\r\ntwo\r\n')
}

@test "terminal: output on a screen, input from elsewhere" {
    shell 'printf "one\ntwo\n"'
    config '.process.terminal = true'
    on_terminal sh -c '"$@" </dev/null' sh "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cmp "$T/tty" <(printf 'one\r\ntwo\r\n')
}

@test "--console-socket: the terminal that is handed over is as the kernel makes it, as runc's" {
    payload stty -a
    config '.process.terminal = true'
    python3 "$BATS_TEST_DIRNAME/stdio.py" receive "$T/console" "$T/tty" "$BERTH" --root "$ROOT" run --detach \
        --console-socket "$T/console" --bundle "$B" "$ID" </dev/null >"$T/job" 2>&1 3>&- 4>&-
    has " $(tr -d '\r' <"$T/tty" | xargs) " " onlcr "
}

# ---- signals before the program -------------------------------------------------------------------------------------

@test "kill: a created container ends by what ends a program, and by nothing else" {
    local signal
    for signal in CHLD CONT URG WINCH; do
        begin
        succeeds berth kill "$ID" "$signal"
        same "$(state_of)" created "after $signal"
        succeeds berth start "$ID"
        eventually is_state "$ID" stopped
        succeeds berth delete "$ID"
    done
    for signal in TERM INT HUP QUIT USR1 USR2 ALRM PIPE ABRT XCPU RTMIN+3 RTMAX; do
        begin
        succeeds berth kill "$ID" "$signal"
        eventually is_state "$ID" stopped || fail "not by $signal"
        refuses "container not running" berth kill "$ID" TERM
        refuses "cannot start a container that has stopped" berth start "$ID"
        succeeds berth delete "$ID"
        absent
    done
}

@test "kill: a created container without a PID namespace of its own ends the same way" {
    config '.linux.namespaces |= map(select(.type != "pid"))'
    begin
    succeeds berth kill "$ID" TERM
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

@test "kill: whoever waits for a created container learns the signal from its exit status" {
    cat >"$T/parent.py" <<'PYTHON'
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
berth, root, bundle, name = sys.argv[1:]
runtime = [berth, "--root", root]
subprocess.run(runtime + ["create", "--bundle", bundle, "--pid-file", "pid", name], check=True)
subprocess.run(runtime + ["kill", name, "TERM"], check=True)
print(os.waitstatus_to_exitcode(os.waitpid(int(open("pid").read()), 0)[1]))
PYTHON
    succeeds timeout "$PATIENCE" python3 "$T/parent.py" "$BERTH" "$ROOT" "$B" "$ID"
    same "$output" 143
}

@test "kill: startContainer hooks do not survive it either, and start tells" {
    make_fifo heard
    config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "echo up >/heard; exec sleep 1000"]}]'
    begin
    in_background start "$ID"
    same "$(wait_for heard)" up
    succeeds berth kill "$ID" TERM
    exits 1 wait "$job"
    has "$(cat "$T/job")" "the container's process ended before it could start its program"
    eventually is_state "$ID" stopped
}

@test "kill: what the program gets is its own again" {
    make_fifo ready
    shell 'grep SigCgt /proc/1/status >/ready; exec sleep 1000'
    begin
    succeeds berth start "$ID"
    has "$(wait_for ready)" "SigCgt:"
    # The first process of a PID namespace has no default actions: what it does not handle does not reach it.
    succeeds berth kill "$ID" TERM
    same "$(state_of)" running
}

# ---- a container that is dying --------------------------------------------------------------------------------------

@test "kill KILL, then delete: as often as it is tried" {
    local n
    payload sleep 1000
    for n in $(seq 20); do
        begin
        succeeds berth start "$ID"
        succeeds berth kill "$ID" KILL
        succeeds berth delete "$ID"
    done
    absent
}

# A container whose process cannot die before a child of it can, which the freezer of version 1 holds.
begin_frozen_below() {
    make_fifo frozen
    config '.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]}]'
    shell 'cd /sys/fs/cgroup/freezer && mkdir sub && { sleep 1000 & } && echo $! >sub/cgroup.procs &&
        echo FROZEN >sub/freezer.state && until grep -q FROZEN sub/freezer.state; do :; done
        echo done >/frozen; sleep 1000'
    begin
    succeeds berth start "$ID"
    same "$(wait_for frozen)" done
}

@test "delete waits for a process that is dying, and sees to it that it can" {
    is_cgroup1 freezer || skip "needs the freezer of cgroup v1 below /sys/fs/cgroup"
    begin_frozen_below
    refuses "container still running" berth delete "$ID"
    succeeds berth kill "$ID" KILL
    succeeds berth delete "$ID"
    absent
}

@test "exec into a container that is dying says so" {
    is_cgroup1 freezer || skip "needs the freezer of cgroup v1 below /sys/fs/cgroup"
    begin_frozen_below
    succeeds berth kill "$ID" KILL
    exits 255 berth exec "$ID" true
    has "$errors" "cannot exec in a stopped container"
}

@test "ps and pause of a container that is dying do not look for it elsewhere" {
    is_cgroup1 freezer || skip "needs the freezer of cgroup v1 below /sys/fs/cgroup"
    begin_frozen_below
    succeeds berth kill "$ID" KILL
    succeeds berth ps --format json "$ID"
    refuses "container not running" berth pause "$ID"
    succeeds berth delete "$ID"
}

@test "pause, kill KILL, delete" {
    local n
    for n in 1 2 3 4 5; do
        begin_running
        succeeds berth pause "$ID"
        refuses "container paused" berth delete "$ID"
        succeeds berth kill "$ID" KILL
        succeeds berth delete "$ID"
    done
    begin_running
    succeeds berth pause "$ID"
    kill -KILL "$(state_of "$ID" pid)" # by somebody who does not thaw it
    succeeds berth delete "$ID"
    absent
}

@test "delete: a program whose first thread has ended is running all the same" {
    command -v gcc >/dev/null || skip "needs gcc, for a program of two threads"
    cat >"$T/threads.c" <<'C'
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static void *second(void *unused) {
    char text[512] = "";
    do { /* until the first is a zombie */
        int fd = open("/proc/1/stat", O_RDONLY);
        (void)!read(fd, text, sizeof text - 1);
        close(fd);
    } while (!strstr(text, ") Z"));
    int ready = open("/ready", O_WRONLY);
    (void)!write(ready, "up\n", 3);
    close(ready);
    pause();
    return unused;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, second, NULL);
    pthread_exit(NULL);
}
C
    gcc -static -pthread -o "$B/rootfs/bin/threads" "$T/threads.c"
    make_fifo ready
    payload threads
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    same "$(state_of)" running
    refuses "container still running" berth delete "$ID"
    succeeds berth kill "$ID" KILL
    succeeds berth delete "$ID"
    absent
}

# ---- KILL without a PID namespace of its own ------------------------------------------------------------------------

# A container whose process has two children, in the PID namespace NAMESPACE (a row of the config; "": the host's).
# $pids: all three, as the host knows them.
begin_family() {
    make_fifo ready
    config --argjson row "${1:-null}" '.linux.namespaces |= map(select(.type != "pid")) + [$row | values]'
    shell 'sleep 1000 & sleep 1000 & echo up >/ready; '"${2:-wait}"
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    pids=$(cat "$(group_dir)/cgroup.procs")
}

# Whether none of $pids runs any more.
all_gone() {
    local pid
    for pid in $pids; do
        case $(ps -o state= -p "$pid") in '' | Z*) ;; *) return 1 ;; esac
    done
}

is_empty() {
    [ ! -s "$1" ]
}

@test "kill KILL: without a PID namespace of its own all processes of the container end" {
    begin_family
    same "$(wc -w <<<"$pids")" 3
    succeeds berth kill "$ID" KILL
    eventually all_gone
    succeeds berth delete "$ID"
    # And when it is paused.
    rm "$B/rootfs/ready"
    begin_family
    succeeds berth pause "$ID"
    succeeds berth kill "$ID" KILL
    eventually all_gone
    succeeds berth delete "$ID"
    absent
}

@test "kill KILL: in the PID namespace of another container, too, and the other one lives" {
    local other
    begin_running "${MARK}o"
    other=$(state_of "${MARK}o" pid)
    make_bundle second
    config --arg path "/proc/$other/ns/pid" '.linux.namespaces |= map(select(.type != "pid")) +
        [{"type": "pid", "path": $path}]'
    make_fifo ready
    shell 'sleep 1000 & sleep 1000 & echo up >/ready; wait'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    pids=$(cat "$(cgroup_dir freezer second)/cgroup.procs")
    succeeds berth kill "$ID" KILL
    eventually all_gone
    same "$(state_of "${MARK}o")" running
    succeeds berth delete "$ID"
}

@test "kill: another signal than KILL is for the container's first process alone" {
    begin_family
    succeeds berth kill "$ID" HUP
    eventually is_state "$ID" stopped
    same "$(wc -l <"$(group_dir)/cgroup.procs")" 2
}

@test "kill KILL: what a container has left behind ends, then there is nothing to kill" {
    begin_family "" exit
    eventually is_state "$ID" stopped
    pids=$(cat "$(group_dir)/cgroup.procs")
    same "$(wc -w <<<"$pids")" 2
    refuses "container not running" berth kill "$ID" TERM
    succeeds berth kill "$ID" KILL
    eventually all_gone
    eventually is_empty "$(group_dir)/cgroup.procs"
    refuses "container not running" berth kill "$ID" KILL
    succeeds berth delete "$ID"
    absent
}

@test "kill KILL: a stopped container with a PID namespace of its own is not running" {
    local n
    for n in $(seq 10); do
        payload true
        begin
        succeeds berth start "$ID"
        eventually is_state "$ID" stopped
        refuses "container not running" berth kill "$ID" KILL
        succeeds berth delete "$ID"
    done
}

# ---- a container that has left its cgroup ---------------------------------------------------------------------------

finish() {
    local mount left
    for mount in "${CGROUP_MOUNTS[@]}"; do
        [ -d "$mount$CGROUP/elsewhere" ] || continue
        left=$(cat "$mount$CGROUP/elsewhere/cgroup.procs")
        [ -z "$left" ] || kill -KILL $left # nobody else knows of them
        eventually rmdir "$mount$CGROUP/elsewhere" 2>/dev/null
    done
}

# leave [MOUNT...]: all processes of the container go to another cgroup (in all hierarchies, or those mounted there), as
# a container of the host's cgroup namespace can do by itself.
leave() {
    local mount pid file
    for mount in "${@:-${CGROUP_MOUNTS[@]}}"; do
        mkdir "$mount$CGROUP/elsewhere"
        for file in cpuset.cpus cpuset.mems; do
            if [ -e "$mount$CGROUP/elsewhere/$file" ] && ! is_cgroup2; then
                cat "$mount$CGROUP/bundle/$file" >"$mount$CGROUP/elsewhere/$file"
            fi
        done
        for pid in $(cat "$mount$CGROUP/bundle/cgroup.procs"); do
            echo "$pid" >"$mount$CGROUP/elsewhere/cgroup.procs"
        done
    done
}

# lose_cgroup [MOUNT...]: and the container's own one is removed.
lose_cgroup() {
    local mount
    leave "$@"
    for mount in "${@:-${CGROUP_MOUNTS[@]}}"; do
        eventually rmdir "$mount$CGROUP/bundle"
    done
}

@test "lost cgroup: exec follows the container's first process, everywhere" {
    begin_running
    lose_cgroup
    same "$(state_of)" running
    succeeds berth exec --detach --pid-file "$T/pid" "$ID" sleep 1000
    same "$(cat "/proc/$(cat "$T/pid")/cgroup")" "$(cat "/proc/$(state_of "$ID" pid)/cgroup")"
    config '.process.terminal = false'
    exits 3 berth exec "$ID" sh -c 'exit 3'
    exits 3 berth exec -t "$ID" sh -c 'exit 3'
    exits 255 berth exec --cgroup /sub "$ID" true
    has "$errors" "$CGROUP/bundle has been removed"
    succeeds berth delete --force "$ID"
}

@test "lost cgroup: exec does not follow into the root cgroup" {
    begin_running
    lose_cgroup
    state_of "$ID" pid >"${CGROUP_MOUNTS[-1]}/cgroup.procs"
    exits 255 berth exec "$ID" true
    has "$errors" "cgroup ${CGROUP_MOUNTS[-1]}$CGROUP/bundle has been removed"
    has "$errors" "is in the root cgroup"
}

@test "lost cgroup: pause, update and events say so, ps and delete do their work" {
    begin_running
    lose_cgroup
    refuses "$CGROUP/bundle has been removed" berth pause "$ID"
    refuses "$CGROUP/bundle has been removed" berth update --pids-limit 100 "$ID"
    refuses "$CGROUP/bundle has been removed" berth events --stats "$ID"
    succeeds berth ps --format json "$ID"
    has "$output" "$(state_of "$ID" pid)"
    same "$(state_of)" running
    succeeds berth kill "$ID" TERM
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
}

@test "lost cgroup: ps knows nothing else to go by without a PID namespace" {
    config '.linux.namespaces |= map(select(.type != "pid"))'
    begin_running
    lose_cgroup
    refuses "$CGROUP/bundle has been removed" berth ps "$ID"
    succeeds berth delete --force "$ID"
}

@test "lost cgroup: events ends with it, without a line of zeros" {
    begin_running
    in_background events --interval 20ms "$ID"
    eventually grep -q stats "$T/job"
    lose_cgroup
    exits 1 wait "$job"
    has "$(tail -n 1 "$T/job")" "$CGROUP/bundle has been removed"
}

@test "lost cgroup: of one hierarchy only" {
    local mount=/sys/fs/cgroup/pids
    is_cgroup1 pids || skip "needs more than one hierarchy"
    begin_running
    lose_cgroup "$mount"
    refuses "$mount$CGROUP/bundle has been removed" berth events --stats "$ID"
    refuses "$mount$CGROUP/bundle has been removed" berth update --pids-limit 100 "$ID"
    succeeds berth exec --detach --pid-file "$T/pid" "$ID" sleep 1000
    same "$(cat "/proc/$(cat "$T/pid")/cgroup")" "$(cat "/proc/$(state_of "$ID" pid)/cgroup")"
    succeeds berth pause "$ID"
    same "$(state_of)" paused
    succeeds berth resume "$ID"
    succeeds berth delete --force "$ID"
}

@test "left cgroup: what is there, but without the container" {
    begin_running
    leave
    refuses "has left cgroup|$CGROUP/bundle" berth pause "$ID"
    same "$(state_of)" running
    succeeds berth ps --format json "$ID"
    has "$output" "$(state_of "$ID" pid)"
    succeeds berth kill --all "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
}

@test "lost cgroup: it is another container's now" {
    begin_running
    lose_cgroup
    succeeds berth create --bundle "$B" "${MARK}n"
    exits 255 berth exec "$ID" true
    has "$errors" "has been removed, and is another container's now"
    refuses "another container's now" berth pause "$ID"
    refuses "another container's now" berth events --stats "$ID"
    refuses "another container's now" berth update --pids-limit 100 "$ID"
    succeeds berth kill --all "$ID" KILL
    same "$(state_of "${MARK}n")" created
    succeeds berth delete "$ID"
    same "$(state_of "${MARK}n")" created
}
