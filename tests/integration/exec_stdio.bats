#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# exec_stdio: standard streams, terminals and signals of exec, and its odd callers.
load helpers
load inside

prepare() {
    make_bundle
}

stdio() {
    python3 "$BATS_TEST_DIRNAME/stdio.py" "$@"
}

exec_driver() {
    python3 "$BATS_TEST_DIRNAME/exec.py" "$@"
}

# The same in the background: $job is the process itself, not a shell.
stdio_job() {
    python3 "$BATS_TEST_DIRNAME/stdio.py" "$@" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
}

begin_with() {
    [ $# -eq 0 ] || config "$@"
    begin_running
}

# exec_refuses TEXT COMMAND...: exit status 255, no output, one line of the runtime with TEXT ('|' separates several).
exec_refuses() {
    local text=$1 part parts
    shift
    exits 255 "$@" || return 1
    [ ! -s "$T/stdout" ] || tell_last "expected no output of: $*" || return 1
    mapfile -t parts <"$T/stderr"
    [ "${#parts[@]}" -eq 1 ] || tell_last "expected exactly one line on standard error of: $*" || return 1
    [[ $errors == "berth: "* ]] || tell_last "the error does not begin with \"berth: \"" || return 1
    IFS='|' read -ra parts <<<"$text"
    for part in "${parts[@]}"; do
        [[ ${errors,,} == *"${part,,}"* ]] || tell_last "expected \"$part\" in the error of: $*" || return 1
    done
}

init_pid() {
    state_of "$ID" pid
}

# ---- streams --------------------------------------------------------------------------------------------------------

@test "input and output pass unchanged, a few megabytes of them" {
    begin_with
    head -c 5000000 /dev/urandom >"$T/data"
    berth exec "$ID" cat <"$T/data" >"$T/copy" 3>&- 4>&-
    cmp "$T/data" "$T/copy"
    berth exec "$ID" cat <"$T/data" 3>&- 4>&- | cmp - "$T/data"
    # Both streams apart.
    berth exec "$ID" sh -c 'echo out; echo err >&2' </dev/null >"$T/out" 2>"$T/err" 3>&- 4>&-
    same "$(cat "$T/out")/$(cat "$T/err")" out/err
}

@test "a reader that is gone ends the program by SIGPIPE, as anywhere" {
    ln -sf busybox "$B/rootfs/bin/yes"
    begin_with
    local status
    berth exec "$ID" yes </dev/null 3>&- 4>&- 2>"$T/stderr" | head -n 1 >"$T/stdout" && status=0 || status=$?
    same "$(cat "$T/stdout")" y
    ((status == 0 || status == 141 || status == 1)) || fail "status $status"
}

@test "closed standard streams, each of the eight combinations" {
    begin_with
    closed() { # closed WHICH COMMAND...
        case $1 in
        '') "${@:2}" ;;
        0) "${@:2}" <&- ;;
        1) "${@:2}" >&- ;;
        2) "${@:2}" 2>&- ;;
        01) "${@:2}" <&- >&- ;;
        02) "${@:2}" <&- 2>&- ;;
        12) "${@:2}" >&- 2>&- ;;
        012) "${@:2}" <&- >&- 2>&- ;;
        esac
    }
    local which
    for which in '' 0 1 2 01 02 12 012; do
        exits 7 closed "$which" "$BERTH" --root "$ROOT" exec "$ID" sh -c 'echo to stdout; echo to stderr >&2; exit 7'
        case $which in
        *1*) ;;
        *) same "$output" "to stdout" "closed: $which" ;;
        esac
        case $which in
        *2*) ;;
        *1*) has "$errors" "to stderr" "closed: $which" ;;
        *) same "$errors" "to stderr" "closed: $which" ;;
        esac
        succeeds closed "$which" "$BERTH" --root "$ROOT" exec --detach --pid-file "$T/pid" "$ID" sleep 1000
        kill -0 "$(cat "$T/pid")"
        exits 255 closed "$which" "$BERTH" --root "$ROOT" exec "$ID" frobnicate
        # What was opened meanwhile must not have been taken for a stream.
        same "$(find "$ROOT" -type f -exec grep -l -e 'to std' -e frobnicate {} +)" "" "files of the state"
    done
}

@test "a user who is not root may write to the streams by name when these are pipes; files stay their owner's" {
    begin_with
    berth exec --user 1000:1000 "$ID" sh -c 'echo out >/dev/stdout && echo err >/dev/stderr' </dev/null 2>"$T/stderr" \
        3>&- 4>&- | cat >"$T/stdout"
    same "$(cat "$T/stdout")" out
    local before
    before=$(stat -c '%u %g %a' /dev/null)
    : >"$T/file"
    berth exec --user 1000:1000 "$ID" id -u </dev/null >"$T/file" 2>/dev/null 3>&- 4>&-
    same "$(cat "$T/file")" 1000
    same "$(stat -c %u "$T/file")" 0 "owner of a file"
    same "$(stat -c '%u %g %a' /dev/null)" "$before" "owner and mode of /dev/null"
}

# ---- signals --------------------------------------------------------------------------------------------------------

@test "the foreground forwards signals to the program" {
    begin_with
    make_fifo heard
    stdio_job caller ignore=SIGPIPE -- "$BERTH" --root "$ROOT" exec "$ID" sh -c '
        for s in 1 2 10 12 15 18 28 35 64; do trap "echo $s >/heard" $s; done
        echo up >/heard; while :; do sleep 1000 & wait $!; done'
    local signal
    same "$(wait_for heard)" up
    # INT and QUIT are not among them: a shell ignores these for its background jobs.
    for signal in 1 10 12 15 18 28 35 64 10; do
        kill "-$signal" "$job"
        same "$(wait_for heard)" "$signal"
    done
    # Process 1 has heard nothing of it.
    same "$(state_of)" running
    succeeds berth kill "$ID" KILL
    exits 137 wait "$job"
}

@test "SIGINT is forwarded when the caller does not ignore it" {
    begin_with
    make_fifo heard
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' "$BERTH" --root "$ROOT" exec "$ID" sh -c '
        trap "echo interrupted >/heard; exit 4" INT; echo up >/heard; while :; do sleep 1000 & wait $!; done' \
        </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
    same "$(wait_for heard)" up
    kill -INT "$job"
    same "$(wait_for heard)" interrupted
    exits 4 wait "$job"
}

@test "a signal that the program does not survive is its status" {
    begin_with
    make_fifo heard
    local signal
    for signal in TERM USR1 HUP RTMIN+1; do
        in_background exec "$ID" sh -c 'echo up >/heard; exec sleep 1000'
        same "$(wait_for heard)" up
        kill "-$signal" "$job"
        exits $((128 + $(kill -l "$signal"))) wait "$job"
        same "$(cat "$T/job")" ""
    done
    same "$(state_of)" running
}

@test "what the caller ignores is not forwarded, as with nohup" {
    begin_with
    make_fifo heard
    stdio_job caller ignore=SIGHUP -- "$BERTH" --root "$ROOT" exec "$ID" sh -c '
        for s in 1 10; do trap "echo $s >/heard" $s; done; echo up >/heard; while :; do sleep 1000 & wait $!; done'
    same "$(wait_for heard)" up
    kill -HUP "$job"
    kill -USR1 "$job"
    same "$(wait_for heard)" 10
    succeeds berth kill "$ID" KILL
    exits 137 wait "$job"
}

@test "the container ends under a program in the foreground" {
    begin_with
    make_fifo heard
    in_background exec "$ID" sh -c 'echo up >/heard; exec sleep 1000'
    same "$(wait_for heard)" up
    succeeds berth delete --force "$ID"
    exits 137 wait "$job"
}

# ---- odd callers ----------------------------------------------------------------------------------------------------

@test "a caller who ignores SIGCHLD, or blocks all signals, makes no difference" {
    begin_with
    local caller
    for caller in ignore=SIGCHLD ignore=SIGPIPE ignore=SIGRTMIN block block,ignore=SIGCHLD; do
        exits 6 stdio caller "$caller" -- "$BERTH" --root "$ROOT" exec "$ID" \
            sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status; exit 6'
        has "$output" "SigBlk:	0000000000000000" "signals with $caller"
        # But for QUIT, which shells of busybox may ignore on their own account.
        same "$(sed -n 's/^SigIgn:.//p' <<<"$output" | tr 4 0)" 0000000000000000 "ignored signals with $caller"
        succeeds stdio caller "$caller" -- "$BERTH" --root "$ROOT" exec --detach "$ID" sleep 1000
        exits 255 stdio caller "$caller" -- "$BERTH" --root "$ROOT" exec "$ID" frobnicate
    done
}

@test "a caller in a directory that was removed" {
    begin_with
    succeeds stdio caller gone -- "$BERTH" --root "$ROOT" exec "$ID" pwd
    same "$output" /
}

@test "a caller with few descriptors, a small stack, no core and little of anything" {
    begin_with
    few() {
        (ulimit -Sn 32 && ulimit -Ss 256 && ulimit -c 0 && ulimit -Sl 0 && "$@")
    }
    succeeds few "$BERTH" --root "$ROOT" exec "$ID" echo fine
    same "$output$errors" fine
    # Too few are an error that says so, or enough.
    local n
    for n in 3 4 5 6 8 10 12 16 20 24; do
        try bash -c "ulimit -Sn $n"' && exec "$@"' bash "$BERTH" --root "$ROOT" exec "$ID" echo fine
        case $status in
        0) same "$output" fine "with $n descriptors" ;;
        1 | 126 | 127 | 255) [ -n "$errors" ] || tell_last "with $n descriptors" ;;
        *) tell_last "with $n descriptors" ;;
        esac
    done
}

@test "a caller with no room for a process" {
    begin_with
    # Limits of processes do not bind root, so this is by a filter that forbids clone to the runtime.
    try injected clone,clone3,fork,vfork:error=EAGAIN exec "$ID" true
    same "$status" 255
    [[ $errors == *"temporarily unavailable"* ]] || tell_last "why?"
    succeeds berth exec "$ID" true
}

# ---- terminals ------------------------------------------------------------------------------------------------------

# foreground SIZE [OPTION...] -- WORD...: exec --tty on a terminal of the caller's, as background job $job, run by the
# command in $through.
through=()
foreground() {
    local size=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    [ -p "$T/tty.in" ] || mkfifo "$T/tty.in"
    rm -f "$T/tty" "$T/tty.before" "$T/tty.after"
    stdio_job terminal "$T/tty" "$size" "${through[@]}" "$BERTH" --root "$ROOT" exec --tty "${options[@]}" "$ID" "$@"
}

# The settings of the caller's terminal are those from before.
is_restored() {
    same "$(cat "$T/tty.after")" "$(cat "$T/tty.before")" "settings of the caller's terminal"
}

# The runtime's process below the driver.
runtime_pid() {
    pgrep -P "$job" -f "^$BERTH --root"
}

shown() {
    tr -d '\r' <"$T/tty"
}

@test "terminal: one of the container's, with the caller's size, before the program runs" {
    begin_with
    foreground 30x77 -- sh -c 'tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo terminals
        [ -c "$(tty)" ] && ls -1 /dev/pts; exec >/dev/tty && echo controlling; exit 9'
    exits 9 wait "$job"
    same "$(shown)" "$(printf '%s\n' /dev/pts/0 '30 77' terminals 0 ptmx controlling)"
    is_restored
}

@test "terminal: only with --tty, whatever the configuration says" {
    begin_with
    succeeds berth exec "$ID" sh -c 'test -t 0 || test -t 1 || test -t 2 || echo none'
    same "$output" none
    succeeds berth delete --force "$ID"
    config '.process.terminal = true | .process.args = ["sleep", "1000"]'
    mkfifo "$T/tty.in"
    stdio_job receive "$T/console" "$T/tty" "$BERTH" --root "$ROOT" create --console-socket "$T/console" \
        --bundle "$B" "$ID"
    eventually test -s "$T/tty.meta"
    succeeds berth start "$ID"
    succeeds berth exec "$ID" sh -c 'test -t 0 || test -t 1 || test -t 2 || echo none'
    same "$output" none
    succeeds berth exec --detach "$ID" true
    # Process 1 keeps its own.
    typed() { printf 'line\n\004' | "$@"; }
    succeeds typed "$BERTH" --root "$ROOT" exec --tty "$ID" tty
    same "$(tr -d '\r' <<<"$output" | grep dev)" /dev/pts/1
    succeeds berth delete --force "$ID"
    wait "$job" || true
}

@test "terminal: a user who is not root owns it" {
    begin_with
    foreground 24x80 --user 1000:1000 -- sh -c 'stat -L -c %u /dev/stdin; echo fine >/dev/tty; echo fine >$(tty)'
    exits 0 wait "$job"
    same "$(shown | xargs)" "1000 fine fine"
}

@test "terminal: in a user namespace" {
    needs userns
    config '.linux |= (.namespaces += [{type: "user"}] | .gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
        | .uidMappings = .gidMappings)'
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    make_fifo ready
    chown 100000:100000 "$B/rootfs" "$B/rootfs/ready"
    begin_running
    foreground 24x80 -- sh -c 'tty; stat -L -c %u /dev/stdin; echo fine >/dev/tty'
    exits 0 wait "$job" || fail "$(cat "$T/tty")"
    same "$(shown | xargs)" "/dev/pts/0 0 fine"
    is_restored
}

@test "terminal: a new process that gets ahead of the one in between waits until the runtime knows of it" {
    needs program:strace
    begin_with
    inject clone3:$LATE
    foreground 24x80 -- sh -c 'tty; exit 7'
    exits 7 wait "$job" || fail "$(cat "$T/tty")"
    same "$(shown | xargs)" /dev/pts/0
    is_restored
    exits 7 injected clone3:$LATE exec "$ID" sh -c 'exit 7'
}

@test "terminal: what is typed arrives once; Ctrl-C reaches the program and not the runtime" {
    begin_with
    make_fifo heard
    foreground 24x80 -- sh -c 'trap "echo interrupted >/heard; exit 3" INT; echo up >/heard
        read line; echo "read $line" >/heard; while :; do sleep 1000 & wait $!; done'
    same "$(wait_for heard)" up
    echo typed >"$T/tty.in"
    same "$(wait_for heard)" "read typed"
    printf '\003' >"$T/tty.in"
    same "$(wait_for heard)" interrupted
    exits 3 wait "$job"
    same "$(grep -c typed "$T/tty")" 1 "echoes of what was typed"
    is_restored
}

@test "terminal: raw before the program starts: what it asks the terminal for is not echoed" {
    needs program:strace
    begin_with
    make_fifo heard
    inject recvmsg:$LATE
    foreground 24x80 -- sh -c 'echo up >/heard; read line; echo "read $line" >/heard'
    same "$(wait_for heard)" up
    echo typed >"$T/tty.in"
    same "$(wait_for heard)" "read typed"
    exits 0 wait "$job"
    same "$(grep -c typed "$T/tty")" 1 "echoes of what was typed"
    is_restored
}

@test "terminal: a change of size is passed on" {
    begin_with
    make_fifo heard
    foreground 24x80 -- sh -c 'trap "stty size >/heard" WINCH; echo up >/heard; while :; do sleep 1000 & wait $!; done'
    same "$(wait_for heard)" up
    echo @41x123 >"$T/tty.in"
    same "$(wait_for heard)" "41 123"
    echo @10x20 >"$T/tty.in"
    same "$(wait_for heard)" "10 20"
    succeeds berth kill "$ID" KILL
    exits 137 wait "$job"
}

@test "terminal: the caller's settings are restored, however it ends" {
    begin_with
    make_fifo heard
    local runtime end waiting='trap "exit 5" TERM; echo up >/heard; while :; do sleep 1000 & wait $!; done'
    for end in status signal failure cwd terminated hangup killed container; do
        [ "$end" != container ] || [ "$(state_of)" = running ]
        case $end in
        status) foreground 24x80 -- sh -c 'exit 5' ;;
        signal) foreground 24x80 -- sh -c 'kill -9 $$' ;;
        failure) foreground 24x80 -- frobnicate ;;
        cwd) foreground 24x80 --cwd /no/such -- true ;;
        hangup) foreground 24x80 -- sh -c "${waiting/TERM/HUP}" ;;
        *) foreground 24x80 -- sh -c "$waiting" ;;
        esac
        case $end in
        terminated | hangup | killed | container)
            same "$(wait_for heard)" up
            runtime=$(runtime_pid)
            case $end in
            terminated) kill -TERM "$runtime" ;;
            hangup) kill -HUP "$runtime" ;;
            killed) kill -KILL "$(pgrep -P "$runtime")" ;;
            container) kill -KILL "$(init_pid)" ;;
            esac
            ;;
        esac
        case $end in
        status | terminated | hangup) exits 5 wait "$job" ;;
        failure | cwd) exits 255 wait "$job" ;;
        *) exits 137 wait "$job" ;;
        esac || fail "end: $end; $(cat "$T/tty")" || return 1
        is_restored || fail "end: $end" || return 1
    done
}

@test "terminal: an error in the foreground is on the terminal, once, readable" {
    begin_with
    foreground 24x80 -- frobnicate
    exits 255 wait "$job"
    same "$(shown | wc -l)" 1 "lines: $(cat "$T/tty")"
    has "$(shown)" 'exec: "frobnicate": executable file not found in $PATH'
}

@test "terminal: no byte of ten megabytes is lost at the end" {
    begin_with
    foreground 24x80 -- sh -c 'stty -opost; seq 1 1400000; echo the end'
    exits 0 wait "$job"
    seq 1 1400000 >"$T/expected"
    echo the end >>"$T/expected"
    cmp "$T/expected" "$T/tty"
}

@test "terminal: the last words of many short programs" {
    begin_with
    local n
    for n in {1..20}; do
        foreground 24x80 -- echo "word $n"
        exits 0 wait "$job"
        same "$(shown)" "word $n"
    done
}

@test "terminal: a reader that has stopped: no busy loop, and nothing is lost" {
    begin_with
    exits 3 timeout 40 python3 "$BATS_TEST_DIRNAME/exec.py" stalled "$T/tty" "$BERTH" --root "$ROOT" exec --tty "$ID" \
        sh -c 'stty -opost; seq 1 200000; exit 3'
    awk '{ exit !($1 < 0.1) }' "$T/tty.cpu" || fail "CPU time while it could only wait: $(cat "$T/tty.cpu") s of 0.5"
    seq 1 200000 | cmp - "$T/tty"
}

@test "terminal: a caller without one: input from a pipe, from nowhere, and closed" {
    begin_with
    typed() { printf 'line\n\004' | "$@"; }
    exits 4 typed "$BERTH" --root "$ROOT" exec --tty "$ID" \
        sh -c 'test -t 0 && test -t 1 && stty -opost && cat && exit 4'
    has "$output" line
    exits 5 timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec --tty "$ID" sh -c 'echo hi; exit 5'
    same "$(tr -d '\r' <<<"$output")" hi
    exits 6 timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec --tty "$ID" sh -c 'exit 6' <&-
}

@test "terminal: a process file asks for it" {
    begin_with
    echo '{"args": ["sh", "-c", "tty; stty size"], "cwd": "/", "env": ["PATH=/bin"], "terminal": true,
           "consoleSize": {"height": 11, "width": 22}, "user": {"uid": 0, "gid": 0}}' >"$T/process.json"
    mkfifo "$T/tty.in"
    stdio_job receive "$T/console" "$T/tty" "$BERTH" --root "$ROOT" exec --process "$T/process.json" --detach \
        --console-socket "$T/console" "$ID"
    exits 0 wait "$job"
    same "$(shown)" $'/dev/pts/0\n11 22'
    exec_refuses "console|socket" berth exec --detach --process "$T/process.json" "$ID"
}

@test "--console-socket: one message, one descriptor, and the terminal's name" {
    begin_with
    mkfifo "$T/tty.in"
    make_fifo go
    stdio_job receive "$T/console" "$T/tty" "$BERTH" --root "$ROOT" exec --detach --tty --pid-file "$T/pid" \
        --console-socket "$T/console" "$ID" sh -c 'tty; read word </go; read line; echo "read $line"'
    eventually test -s "$T/tty.meta" || fail "$(cat "$T/job")"
    same "$(cat "$T/tty.meta")" "/dev/pts/0 1 0"
    same "$(find "/proc/$(cat "$T/pid")/fd" -mindepth 1 -lname '/dev/pts/0' | wc -l)" 3
    echo go >"$B/rootfs/go"
    echo typed >"$T/tty.in"
    exits 0 wait "$job"
    same "$(shown)" $'/dev/pts/0\ntyped\nread typed'
    same "$(cat "$T/job")" ""
}

@test "--console-socket: nobody listens, no socket, no terminal, or no detaching: refused, and nothing runs" {
    begin_with
    exec_refuses "$T/nobody" berth exec --detach --tty --console-socket "$T/nobody" "$ID" touch /made
    touch "$T/file"
    exec_refuses "$T/file" berth exec --detach --tty --console-socket "$T/file" "$ID" touch /made
    local options
    for options in '--detach --tty' "--detach --console-socket $T/nobody" "--console-socket $T/nobody" \
        "--tty --console-socket $T/nobody"; do
        # shellcheck disable=SC2086
        try berth exec $options "$ID" touch /made
        ((status == 255 || status == 1)) || tell_last "with $options"
        has "$errors" "console"
    done
    [ ! -e "$B/rootfs/made" ]
}

@test "terminal: more than one at a time" {
    begin_with
    make_fifo heard end
    foreground 24x80 -- sh -c 'echo up >/heard; read line </end'
    same "$(wait_for heard)" up
    local first=$job
    typed() { printf 'line\n\004' | "$@"; }
    succeeds typed "$BERTH" --root "$ROOT" exec --tty "$ID" tty
    has "$output" /dev/pts/1
    echo >"$B/rootfs/end"
    exits 0 wait "$first"
}

# ---- hostile terminals ----------------------------------------------------------------------------------------------

@test "CVE-2016-10124: nothing can be put into the input of the caller's terminal" {
    add_probe
    begin_with '.process.capabilities |= map_values(. + ["CAP_SYS_TTY_CONFIG"])'
    mkfifo "$T/tty.in"
    stdio_job terminal "$T/tty" 24x80 "$BERTH" --root "$ROOT" exec "$ID" probe tiocsti session
    exits 0 wait "$job"
    output=$(shown)
    lacks "$(field tiocsti)" done
    lacks "$(field tioclinux)" done
    has "$(field tty)" "No such device or address"
    # Of its own terminal it may do as it likes: that is not the caller's.
    foreground 24x80 -- probe tiocsti
    exits 0 wait "$job"
    is_restored
}

# in_mounts WORD...: a program of busybox in the container's mount namespace, with the host's privileges.
in_mounts() {
    nsenter -t "$(init_pid)" -m -- /bin/busybox "$@"
}

@test "CVE-2025-52565 and kin: /dev/pts and /dev/ptmx of a running container are replaced" {
    begin_with
    local kind outside
    mkdir -p "$T/outside"
    echo canary >"$T/outside/file"
    mknod -m 0666 "$T/outside/ptmx" c 5 2
    outside=$(find "$T/outside" -printf '%p %i %y %m %U:%G %s %T@ %C@\n')
    in_mounts mkdir /tmp/fake
    for kind in ptmx-link ptmx-link-up ptmx-file ptmx-host ptmx-fifo pts-link pts-empty pts-links no-dev; do
        case $kind in
        ptmx-link) in_mounts rm -f /dev/ptmx && in_mounts ln -s /tmp/fake/ptmx /dev/ptmx ;;
        ptmx-link-up) in_mounts rm -f /dev/ptmx && in_mounts ln -s "../../../../../..$T/outside/ptmx" /dev/ptmx ;;
        ptmx-file) in_mounts rm -f /dev/ptmx && in_mounts touch /dev/ptmx ;;
        ptmx-host) in_mounts rm -f /dev/ptmx && in_mounts mknod /dev/ptmx c 5 2 ;;
        ptmx-fifo) in_mounts rm -f /dev/ptmx && in_mounts mkfifo /dev/ptmx ;;
        pts-link) in_mounts umount /dev/pts && in_mounts rmdir /dev/pts && in_mounts ln -s /tmp/fake /dev/pts ;;
        pts-empty) in_mounts rm -f /dev/pts && in_mounts mkdir /dev/pts ;;
        pts-links)
            for n in 0 1 2 3 4 5 6 7 8 9; do
                in_mounts ln -s /etc/passwd "/dev/pts/$n"
            done
            in_mounts mknod /dev/pts/ptmx c 5 2
            ;;
        no-dev) in_mounts umount -l /dev ;;
        esac
        try timeout "$PATIENCE" "$BERTH" --root "$ROOT" exec --tty "$ID" sh -c 'test -t 1 && echo terminal'
        case $status in
        0) same "$(tr -d '\r' <<<"$output")" terminal "with $kind" ;;
        255) [ -n "$errors" ] ;;
        *) tell_last "with $kind" ;;
        esac
        same "$(find "$T/outside" -printf '%p %i %y %m %U:%G %s %T@ %C@\n')" "$outside" "the tree outside, with $kind"
        same "$(stat -c %u:%a "$B/rootfs/etc/passwd")" 0:644 "with $kind"
        # Without a terminal there is no harm in all that.
        succeeds berth exec "$ID" echo fine
    done
}

@test "terminal: a program that leaves a child behind on it" {
    begin_with
    foreground 24x80 -- sh -c '(trap "" HUP; exec sleep 1000) & echo left; exit 6'
    # The runtime does not wait for whoever still has the terminal open.
    exits 6 wait "$job"
    same "$(shown)" left
    is_restored
}

@test "terminal: a program that does not read what is typed: no busy loop, and it can still be ended" {
    begin_with
    exits 143 timeout 30 python3 "$BATS_TEST_DIRNAME/exec.py" unread "$T/tty" "$BERTH" --root "$ROOT" exec --tty "$ID" \
        sh -c 'stty raw -echo; echo up; exec sleep 1000'
    awk '{ exit !($1 < 0.1) }' "$T/tty.cpu" || fail "CPU time while it could only wait: $(cat "$T/tty.cpu") s of 0.5"
    is_restored
}
