#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# stdio: standard streams, inherited descriptors, terminals, forwarded signals, and odd callers.
load helpers

prepare() {
    make_bundle
}

STDIO=$BATS_TEST_DIRNAME/stdio.py

stdio() {
    python3 "$STDIO" "$@"
}

# The same in the background: $job is the process itself, not a shell.
stdio_job() {
    python3 "$STDIO" "$@" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
}

# ---- streams --------------------------------------------------------------------------------------------------------

@test "input and output pass unchanged, a few megabytes of them" {
    head -c 5000000 /dev/urandom >"$T/data"
    payload cat
    berth run --bundle "$B" "$ID" <"$T/data" >"$T/copy" 3>&- 4>&-
    cmp "$T/data" "$T/copy"
    berth run --bundle "$B" "$ID" <"$T/data" 3>&- 4>&- | cmp - "$T/data"
}

@test "a reader that is gone ends the program by SIGPIPE, as anywhere" {
    payload yes
    ln -sf busybox "$B/rootfs/bin/yes"
    local status=0
    berth run --bundle "$B" "$ID" </dev/null 3>&- 4>&- 2>"$T/stderr" | head -n 1 >"$T/stdout" || status=${PIPESTATUS[0]}
    same "$(cat "$T/stdout")" y
    ((status == 0 || status == 141 || status == 1)) || fail "status $status"
    absent
}

@test "closed standard streams, each of the eight combinations" {
    long_running
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
        shell 'echo to stdout; echo to stderr >&2; exit 7'
        exits 7 closed "$which" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        case $which in
        *1*) ;;
        *) same "$output" "to stdout" "closed: $which" ;;
        esac
        case $which in
        *2*) ;;
        *1*) has "$errors" "to stderr" "closed: $which" ;;
        *) same "$errors" "to stderr" "closed: $which" ;;
        esac
        # Nothing may have been written into files that took the streams' numbers.
        absent
        long_running
        succeeds closed "$which" "$BERTH" --root "$ROOT" create --bundle "$B" --pid-file "$T/pid" "$ID"
        succeeds closed "$which" "$BERTH" --root "$ROOT" start "$ID"
        same "$(wait_for ready)" up
        same "$(cat "$T/pid")" "$(state_of "$ID" pid)"
        succeeds closed "$which" "$BERTH" --root "$ROOT" kill "$ID" KILL
        succeeds closed "$which" "$BERTH" --root "$ROOT" delete --force "$ID"
    done
}

@test "commands that print fail when standard output is closed" {
    begin
    local command
    for command in "state $ID" list 'list --format json' features --version --help; do
        try sh -c '"$@" >&-' sh "$BERTH" --root "$ROOT" $command
        same "$status" 1 "status of $command"
        has "$errors" "berth: "
    done
}

@test "an error with standard error closed: the exit status tells, the log too" {
    try sh -c '"$@" 2>&-' sh "$BERTH" --root "$ROOT" --log "$T/log" --log-format json state "$ID"
    same "$status" 1
    same "$output" ""
    same "$(jq -r .level "$T/log")" error
}

@test "a user who is not root may write to the streams by name when these are pipes" {
    config '.process.user = {"uid": 1000, "gid": 1000}'
    shell 'echo out >/dev/stdout && echo err >/dev/stderr'
    berth run --bundle "$B" "$ID" </dev/null 2>"$T/stderr" 3>&- 4>&- | cat >"$T/stdout"
    same "$(cat "$T/stdout")" out
    has "$(berth run --bundle "$B" "$ID" </dev/null 2>&1 >/dev/null 3>&- 4>&- | cat)" err
    # What is not the container's own is not given away: neither the host's /dev/null nor a file.
    local before
    before=$(stat -c '%u %g %a' /dev/null)
    shell 'id -u'
    : >"$T/file"
    berth run --bundle "$B" "$ID" </dev/null >"$T/file" 2>/dev/null 3>&- 4>&-
    same "$(stat -c '%u %g %a' /dev/null)" "$before" "owner and mode of /dev/null"
    same "$(stat -c %u "$T/file")" 0 "owner of a file"
}

# ---- descriptors ----------------------------------------------------------------------------------------------------

@test "of a thousand inherited descriptors none reaches the container" {
    (ulimit -n 2048) 2>/dev/null || skip "needs RLIMIT_NOFILE above 1024"
    ulimit -n 2048
    payload ls /proc/self/fd
    succeeds stdio caller fds=1000 -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    # The fourth is the directory that ls reads.
    same "$(xargs <<<"$output")" "0 1 2 3"
    make_fifo ready
    shell 'ls -l /proc/self/fd >/fds; echo up >/ready; sleep 1000'
    succeeds stdio caller fds=1000 -- "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    local pid
    pid=$(state_of "$ID" pid)
    same "$(readlink "/proc/$pid/fd/"* | grep -c /etc/hostname || true)" 0 "the caller's in the waiting process"
    succeeds stdio caller fds=1000 -- "$BERTH" --root "$ROOT" start "$ID"
    same "$(wait_for ready)" up
    lacks "$(cat "$B/rootfs/fds")" /etc/hostname
    same "$(ls "/proc/$pid/fd" | xargs)" "0 1 2"
}

@test "--preserve-fds: these reach the container, and no more" {
    echo three >three && echo four >four && echo five >five
    shell 'cat <&3; cat <&4; ls /proc/self/fd | wc -l; cat <&5'
    with_descriptors() {
        "$@" 3<three 4<four 5<five
    }
    exits 1 with_descriptors berth run --preserve-fds 2 --bundle "$B" "$ID"
    # 0 to 4, the directory, and one that busybox's wc does not see.
    same "$(xargs <<<"$output")" "three four 6"
    succeeds with_descriptors berth create --preserve-fds=2 --bundle "$B" "$ID"
    succeeds berth delete "$ID"
    # Without the option: none.
    shell 'ls /proc/self/fd | wc -l'
    succeeds with_descriptors berth run --bundle "$B" "$ID"
    same "$output" 4
}

@test "LISTEN_FDS: passed on with the number and LISTEN_PID=1" {
    echo three >three && echo four >four
    shell 'echo "$LISTEN_FDS $LISTEN_PID"; cat <&3; [ ! -e /proc/self/fd/4 ] && echo none'
    activated() {
        "$@" 3<three 4<four
    }
    export LISTEN_FDS=1
    succeeds activated berth run --bundle "$B" "$ID"
    same "$(xargs <<<"$output")" "1 1 three none"
    # Meant for somebody else.
    shell 'echo "<$LISTEN_FDS$LISTEN_PID>"; [ ! -e /proc/self/fd/3 ] && echo none'
    LISTEN_PID=1 succeeds activated berth run --bundle "$B" "$ID"
    same "$(xargs <<<"$output")" "<> none"
    # Meant for the runtime, as a service manager sets it.
    shell 'echo "$LISTEN_FDS $LISTEN_PID"; cat <&3'
    succeeds activated sh -c 'export LISTEN_PID=$$; exec "$@"' sh "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(xargs <<<"$output")" "1 1 three"
    # And more behind these.
    shell 'echo "$LISTEN_FDS"; cat <&3; cat <&4'
    succeeds activated berth run --preserve-fds 1 --bundle "$B" "$ID"
    same "$(xargs <<<"$output")" "1 three four"
    LISTEN_FDS=lots refuses LISTEN_FDS berth run --bundle "$B" "$ID"
    absent
}

@test "create keeps no descriptor of the caller's pipe once it has ended" {
    payload true
    # The reader sees the end only when nobody holds the pipe; streams go to the container, so they are files here.
    exec {pipe}> >(cat >"$T/pipe"; echo ended >"$T/ended")
    berth create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&-
    exec {pipe}>&-
    eventually test -e "$T/ended"
}

# ---- terminals ------------------------------------------------------------------------------------------------------

# detached_terminal: create with a console socket; its terminal is in the hands of the background job $job.
detached_terminal() {
    mkfifo "$T/tty.in"
    config '.process.terminal = true'
    stdio_job receive "$T/console" "$T/tty" "$BERTH" --root "$ROOT" create --console-socket "$T/console" \
        --bundle "$B" "$ID"
    eventually test -s "$T/tty.meta" || { cat "$T/job"; return 1; }
}

@test "--console-socket: one message, one descriptor, and the terminal's name" {
    config '.process.consoleSize = {"height": 37, "width": 91}'
    shell 'tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo terminals
           ls -l /dev/console | cut -c1; echo "to console" >/dev/console; exec >/dev/tty && echo "controlling"'
    detached_terminal
    same "$(cat "$T/tty.meta")" "/dev/pts/0 1 0"
    succeeds berth start "$ID"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    wait "$job"
    same "$(tr -d '\r' <"$T/tty")" "$(printf '%s\n' /dev/pts/0 '37 91' terminals c 'to console' controlling)"
    same "$(cat "$T/job")" ""
}

@test "--console-socket: what is typed arrives, and Ctrl-C is a signal" {
    make_fifo heard
    shell 'trap "echo interrupted >/heard; exit 3" INT; read line; echo "read $line" >/heard
        while :; do sleep 1000 & wait $!; done'
    detached_terminal
    succeeds berth start "$ID"
    echo typed >"$T/tty.in"
    same "$(wait_for heard)" "read typed"
    printf '\003' >"$T/tty.in"
    same "$(wait_for heard)" interrupted
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    wait "$job"
}

@test "--console-socket: a user who is not root owns the terminal" {
    config '.process.user = {"uid": 1000, "gid": 1000}'
    shell 'stat -L -c %u /dev/stdin; echo fine >/dev/tty; echo fine >/dev/console; echo fine >$(tty)'
    detached_terminal
    succeeds berth start "$ID"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    wait "$job"
    same "$(tr -d '\r' <"$T/tty" | xargs)" "1000 fine fine fine"
}

@test "--console-socket: run --detach" {
    shell 'echo hello'
    config '.process.terminal = true'
    mkfifo "$T/tty.in"
    exits 0 stdio receive "$T/console" "$T/tty" "$BERTH" --root "$ROOT" run --detach --console-socket "$T/console" \
        --bundle "$B" "$ID"
    same "$(tr -d '\r' <"$T/tty")" hello
    eventually is_state "$ID" stopped
}

@test "--console-socket with a path longer than a socket's may be" {
    local deep
    deep=$T/$(printf 'd%.0s' {1..150})
    mkdir "$deep"
    shell 'echo hello'
    config '.process.terminal = true'
    # The listener binds a short path; the caller names it by a long one.
    ln -s "$T" "$deep/link"
    try stdio receive "$T/console" "$T/tty" "$BERTH" --root "$ROOT" run --detach \
        --console-socket "$deep/link/console" --bundle "$B" "$ID"
    if [ "$status" -ne 0 ]; then
        has "$errors" "console" # refused with a word about it
        absent
    fi
}

# foreground SIZE: `run` on a terminal of its own, as background job $job, run by the command in $through.
through=()
foreground() {
    config '.process.terminal = true'
    [ -p "$T/tty.in" ] || mkfifo "$T/tty.in"
    stdio_job terminal "$T/tty" "$1" "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
}

@test "foreground terminal: size, output, exit status; the caller's settings are restored" {
    shell 'tty; stty size; echo "some words"; exit 9'
    foreground 30x77
    exits 9 wait "$job"
    same "$(tr -d '\r' <"$T/tty")" "$(printf '%s\n' /dev/pts/0 '30 77' 'some words')"
    same "$(cat "$T/tty.after")" "$(cat "$T/tty.before")" "settings of the caller's terminal"
    absent
}

@test "foreground terminal: the size is there before the program" {
    # The hook runs between the program's start and the runtime's wait for it, and does not end before the program has
    # looked.
    make_fifo heard
    shell 'stty size >/heard'
    config --arg T "$T" --arg fifo "$B/rootfs/heard" \
        '.hooks.poststart = [{"path": "/bin/sh", "args": ["sh", "-c", "cat \($fifo) >\($T)/size"]}]'
    foreground 30x77
    exits 0 wait "$job"
    same "$(cat "$T/size")" "30 77"
}

@test "foreground terminal: what is typed arrives once, Ctrl-C reaches the program and not the runtime" {
    make_fifo heard
    shell 'trap "echo interrupted >/heard" INT; echo up >/heard; read line; echo "read $line" >/heard
           while :; do sleep 1000 & wait $!; done'
    foreground 24x80
    same "$(wait_for heard)" up
    echo typed >"$T/tty.in"
    same "$(wait_for heard)" "read typed"
    printf '\003' >"$T/tty.in"
    same "$(wait_for heard)" interrupted
    same "$(state_of)" running
    succeeds berth kill "$ID" KILL
    exits 137 wait "$job"
    same "$(grep -c typed "$T/tty")" 1 "echoes of what was typed"
    same "$(cat "$T/tty.after")" "$(cat "$T/tty.before")" "settings of the caller's terminal"
}

@test "foreground terminal: raw before the program starts: what it asks the terminal for is not echoed" {
    needs program:strace
    make_fifo heard
    shell 'echo up >/heard; read line; echo "read $line" >/heard'
    inject recvmsg:$LATE
    foreground 24x80
    same "$(wait_for heard)" up
    echo typed >"$T/tty.in"
    same "$(wait_for heard)" "read typed"
    exits 0 wait "$job"
    same "$(grep -c typed "$T/tty")" 1 "echoes of what was typed"
    same "$(cat "$T/tty.after")" "$(cat "$T/tty.before")" "settings of the caller's terminal"
}

@test "foreground terminal: hooks behind the start can be interrupted by Ctrl-C" {
    # The hooks of one kind run in the container, those of the other on the host.
    local kind fifo
    make_fifo heard
    long_running
    for kind in startContainer poststart; do
        fifo=/heard
        [ "$kind" = startContainer ] || fifo=$B/rootfs/heard
        config --arg kind "$kind" --arg fifo "$fifo" \
            '.hooks = {($kind): [{path: "/bin/sh", args: ["sh", "-c", "echo up >\($fifo); exec sleep 1000"]}]}'
        through=(env --default-signal=INT) # the shell lets its background ignore it
        foreground 24x80
        same "$(wait_for heard)" up
        printf '\003' >"$T/tty.in"
        wait "$job" && fail "not interrupted"
        same "$(cat "$T/tty.after")" "$(cat "$T/tty.before")" "settings of the caller's terminal"
        absent
    done
}

@test "foreground terminal: a change of size is passed on" {
    make_fifo heard
    shell 'trap "stty size >/heard" WINCH; echo up >/heard; while :; do sleep 1000 & wait $!; done'
    foreground 24x80
    same "$(wait_for heard)" up
    echo @41x123 >"$T/tty.in"
    same "$(wait_for heard)" "41 123"
    succeeds berth kill "$ID" KILL
    exits 137 wait "$job"
}

@test "foreground terminal: no byte of much output is lost at the end" {
    shell 'stty -opost; seq 1 60000; echo the end'
    foreground 24x80
    exits 0 wait "$job"
    seq 1 60000 >"$T/expected"
    echo the end >>"$T/expected"
    cmp "$T/expected" "$T/tty"
}

@test "foreground terminal: without a terminal of the caller's" {
    config '.process.terminal = true'
    shell 'test -t 0 && test -t 1 && stty -opost && cat && exit 4'
    typed() { printf 'line\n\004' | "$@"; }
    exits 4 typed "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    has "$output" line
}

@test "foreground terminal: input and output that cannot be read are said to be lost" {
    needs program:strace
    config '.process.terminal = true'
    shell 'echo first; exit 4'
    exits 4 bash -c '"$@" </' run "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    has "$output" first
    same "$errors" "berth: warning: the input of the container's terminal is lost from here on: is a directory"
    # strace -P goes by the descriptor's link, which names the terminal's master as the container's devpts does.
    exits 4 env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" strace -qq -o /dev/null -P /ptmx -e trace=read -e inject=read:error=ENOMEM -- \
        "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$errors" "berth: warning: the output of the container's terminal is lost from here on: cannot allocate memory"
    same "$output" ""
}

@test "foreground terminal: the settings are restored when the runtime is told to end, too" {
    make_fifo heard
    shell 'trap "exit 5" TERM; echo up >/heard; while :; do sleep 1000 & wait $!; done'
    foreground 24x80
    same "$(wait_for heard)" up
    local runtime
    runtime=$(pgrep -P "$job" -f "^$BERTH --root")
    kill -TERM "$runtime"
    exits 5 wait "$job"
    same "$(cat "$T/tty.after")" "$(cat "$T/tty.before")" "settings of the caller's terminal"
}

# ---- signals --------------------------------------------------------------------------------------------------------

@test "run in the foreground forwards signals to the program" {
    make_fifo heard
    shell 'for s in 1 2 10 12 15 18 28 34 64; do trap "echo $s >/heard" $s; done
           echo up >/heard; while :; do sleep 1000 & wait $!; done'
    # INT and QUIT are not among them: a shell ignores these for its background jobs.
    stdio_job caller ignore=SIGPIPE -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    local signal
    same "$(wait_for heard)" up
    for signal in 1 10 12 15 18 28 34 64 10; do
        kill "-$signal" "$job"
        same "$(wait_for heard)" "$signal"
    done
    succeeds berth kill "$ID" KILL
    exits 137 wait "$job"
}

@test "run: what the caller ignores is not forwarded, as with nohup" {
    make_fifo heard
    shell 'for s in 1 10; do trap "echo $s >/heard" $s; done; echo up >/heard; while :; do sleep 1000 & wait $!; done'
    stdio_job caller ignore=SIGHUP -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(wait_for heard)" up
    kill -HUP "$job"
    kill -USR1 "$job"
    same "$(wait_for heard)" 10
    succeeds berth kill "$ID" KILL
    exits 137 wait "$job"
}

@test "run: a signal that the program does not survive" {
    config '.linux.namespaces |= map(select(.type != "pid"))'
    make_fifo ready
    shell 'echo up >/ready; exec sleep 1000'
    in_background run --bundle "$B" "$ID"
    same "$(wait_for ready)" up
    kill -TERM "$job"
    exits 143 wait "$job"
    absent
}

@test "a caller who ignores SIGCHLD, or blocks all signals, makes no difference" {
    shell 'grep -E "^Sig(Blk|Ign)" /proc/self/status; exit 6'
    local caller
    for caller in ignore=SIGCHLD ignore=SIGPIPE ignore=SIGRTMIN block block,ignore=SIGCHLD; do
        exits 6 stdio caller "$caller" -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        has "$output" "SigBlk:	0000000000000000" "signals with $caller"
        # But for QUIT, which shells of busybox may ignore on their own account.
        same "$(sed -n 's/^SigIgn:.//p' <<<"$output" | tr 4 0)" 0000000000000000 "ignored signals with $caller"
        succeeds stdio caller "$caller" -- "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
        succeeds stdio caller "$caller" -- "$BERTH" --root "$ROOT" start "$ID"
        eventually is_state "$ID" stopped
        succeeds stdio caller "$caller" -- "$BERTH" --root "$ROOT" delete "$ID"
    done
}

@test "hooks run under such a caller, too" {
    config '.hooks.createRuntime = [{"path": "/bin/sh", "args": ["sh", "-c", "exit 0"]}] |
        .hooks.createContainer = .hooks.createRuntime | .hooks.poststop = .hooks.createRuntime'
    succeeds stdio caller ignore=SIGCHLD,block -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$errors" ""
    config '.hooks.createContainer[0].args = ["sh", "-c", "exit 9"]'
    exits 1 stdio caller ignore=SIGCHLD,block -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    has "$errors" "exit status 9"
}

@test "the container outlives its creator's parent-death signal" {
    long_running
    # As containerd's shim sets it for the runtime: it must not pass to the container.
    (stdio caller pdeathsig -- "$BERTH" --root "$ROOT" create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&-)
    same "$(state_of)" created
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
}

# ---- other odd callers ----------------------------------------------------------------------------------------------

@test "a caller in a directory that was removed" {
    payload pwd
    succeeds stdio caller gone -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" /
}

@test "a caller with few descriptors, a small stack, no core and little of anything" {
    few() {
        (ulimit -Sn 32 && ulimit -Ss 256 && ulimit -c 0 && ulimit -Sl 0 && "$@")
    }
    succeeds few "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$errors" ""
}

@test "a caller that may open next to no file: it works, and the program has the caller's limit" {
    few() {
        (ulimit -Sn 8 && "$@")
    }
    shell 'ulimit -Sn'
    succeeds few "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" 8
    same "$errors" ""
    config '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]'
    succeeds few "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" 100
}

@test "limits of the caller that leave no room: an error, not a death half-way" {
    if ! has_capability cap_sys_resource; then # else the limit would be raised
        try bash -c 'ulimit -n 8; exec "$@"' - "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        same "$status" 1
        has "$errors" "too many open files"
        absent
    fi
    # The limit must not be that of the files that this test writes.
    try bash -c '(ulimit -f 0; exec "$@") 2>&1 | cat; exit "${PIPESTATUS[0]}"' - \
        "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$status" 1
    has "$output" "berth: run $ID: "
    has "$output" "file too large"
    absent
}

@test "the caller's umask, environment and arguments do not pass to the program" {
    export SECRET_OF_THE_CALLER=1
    shell 'umask; touch /made; stat -c %a /made; rm /made; env | grep -c SECRET; tr "\0" " " </proc/1/cmdline; echo'
    local mask
    for mask in 0 0777; do
        umask "$mask"
        try "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        umask 022
        chmod 644 "$T/stdout" "$T/stderr"
        output=$(cat "$T/stdout")
        same "$(sed -n 1p <<<"$output")" 0022 "umask"
        same "$(sed -n 2p <<<"$output")" 644 "mode"
        same "$(sed -n 3p <<<"$output")" 0 "variables of the caller"
        lacks "$(sed -n 4p <<<"$output")" berth "command line"
    done
}

@test "NOTIFY_SOCKET: readiness is passed on with the host's process id" {
    needs program:python3
    mkdir "$B/rootfs/run"
    # A program in the container that says READY=1 on the socket it was given; busybox has no datagram sockets of that
    # kind, so this is a static program of the host's own compiler, where there is one.
    command -v gcc >/dev/null || skip "needs gcc, for a program that speaks sd_notify(3)"
    cat >"$T/ready.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (!path)
        return 3;
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    if (sendto(fd, "STATUS=early\nREADY=1\n", 21, 0, (struct sockaddr *)&to, sizeof to) != 21)
        return 4;
    pause();
}
C
    gcc -static -o "$B/rootfs/bin/notifier" "$T/ready.c"
    payload notifier
    export NOTIFY_SOCKET=$T/notify
    succeeds stdio notify "$T/notify" "$T/told" "$BERTH" --root "$ROOT" run --detach --bundle "$B" "$ID"
    has "$(cat "$T/told")" "READY=1"
    has "$(cat "$T/told")" "MAINPID=$(state_of "$ID" pid)"
    succeeds berth delete --force "$ID"
    succeeds stdio notify "$T/notify2" "$T/told" env NOTIFY_SOCKET="$T/notify2" sh -c '
        "$1" --root "$2" create --bundle "$3" "$4" && "$1" --root "$2" start "$4"' sh "$BERTH" "$ROOT" "$B" "$ID"
    has "$(cat "$T/told")" "READY=1"
    has "$(cat "$T/told")" "MAINPID=$(state_of "$ID" pid)"
}
