#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# callers: what a caller may hand to the runtime, and a host may lack, beyond the usual.

load helpers

prepare() {
    make_bundle
}

# ---- pid files ------------------------------------------------------------------------------------------------------

# The identity of what a name stands for, a link itself: type, inode and device number.
identity() {
    stat -c '%F %i %t:%T' "$1"
}

# keeps FILE COMMAND...: the command succeeds, and the name FILE stands for the same file afterwards.
keeps() {
    local before
    before=$(identity "$1")
    succeeds "${@:2}"
    same "$(identity "$1")" "$before" "$1"
}

@test "--pid-file with a device: written to, not replaced" {
    mknod "$T/null" c 1 3
    mknod "$T/full" c 1 7
    keeps "$T/null" berth run --pid-file "$T/null" --bundle "$B" "$ID"
    local before
    before=$(identity "$T/full")
    refuses "pid file $T/full|no space left" berth run --pid-file "$T/full" --bundle "$B" "$ID"
    same "$(identity "$T/full")" "$before"
    absent
    long_running
    keeps "$T/null" berth create --pid-file "$T/null" --bundle "$B" "$ID"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    keeps "$T/null" berth exec --pid-file "$T/null" "$ID" true
    # What fails afterwards takes nothing away either.
    before=$(identity "$T/null")
    exits 255 berth exec --detach --pid-file "$T/null" "$ID" frobnicate
    same "$(identity "$T/null")" "$before"
}

@test "--pid-file with a FIFO: its reader gets the number; without a reader an error, at once" {
    local before
    mkfifo "$T/pid"
    before=$(identity "$T/pid")
    refuses "pid file $T/pid|no process reads the FIFO" timeout "$PATIENCE" "$BERTH" --root "$ROOT" \
        run --pid-file "$T/pid" --bundle "$B" "$ID"
    absent
    exec {held}<>"$T/pid"
    payload sleep 1000
    succeeds berth create --pid-file "$T/pid" --bundle "$B" "$ID"
    timeout "$PATIENCE" head -c "$(state_of "$ID" pid | tr -d '\n' | wc -c)" <&"$held" >"$T/read"
    exec {held}>&-
    same "$(cat "$T/read")" "$(state_of "$ID" pid)"
    same "$(identity "$T/pid")" "$before"
}

@test "--pid-file with a symbolic link: followed, and the link stays" {
    payload sleep 1000
    echo "some old and longer content" >"$T/target"
    ln -s target "$T/link"
    keeps "$T/link" berth create --pid-file "$T/link" --bundle "$B" "$ID"
    same "$(cat "$T/target")" "$(state_of "$ID" pid)"
    succeeds berth delete --force "$ID"
    # One that leads nowhere yet, one to a device, one to an open file of the caller.
    ln -s later "$T/dangling"
    keeps "$T/dangling" berth create --pid-file "$T/dangling" --bundle "$B" "$ID"
    same "$(cat "$T/later")" "$(state_of "$ID" pid)"
    succeeds berth delete --force "$ID"
    mknod "$T/null" c 1 3
    ln -s null "$T/device"
    local before
    before=$(identity "$T/null")
    keeps "$T/device" berth create --pid-file "$T/device" --bundle "$B" "$ID"
    same "$(identity "$T/null")" "$before"
    succeeds berth delete --force "$ID"
    ln -s /proc/self/fd/1 "$T/own_output"
    payload true
    keeps "$T/own_output" berth run --pid-file "$T/own_output" --bundle "$B" "$ID"
    [[ $output =~ ^[1-9][0-9]*$ ]] || tell_last "no number"
}

@test "--pid-file of a command that fails: a file is removed, behind a link it is emptied" {
    begin_running
    exits 255 berth exec --detach --pid-file "$T/pid" "$ID" frobnicate
    [ ! -e "$T/pid" ]
    ln -s target "$T/link"
    exits 255 berth exec --detach --pid-file "$T/link" "$ID" frobnicate
    [ -L "$T/link" ]
    same "$(stat -c %s "$T/target")" 0 "size of the target"
}

@test "--pid-file that is a mount of its own: written in place" {
    payload sleep 1000
    echo "some old and longer content" >"$T/pid"
    mount --bind "$T/pid" "$T/pid"
    try berth create --pid-file "$T/pid" --bundle "$B" "$ID"
    umount "$T/pid"
    same "$status" 0
    same "$(cat "$T/pid")" "$(state_of "$ID" pid)"
    succeeds berth delete --force "$ID"
    # The only writable file of a directory.
    mkdir "$T/readonly"
    echo "some old and longer content" >"$T/readonly/pid"
    mount --bind "$T/readonly" "$T/readonly"
    mount -o remount,bind,ro "$T/readonly"
    mount --bind "$T/pid" "$T/readonly/pid"
    try berth create --pid-file "$T/readonly/pid" --bundle "$B" "$ID"
    umount "$T/readonly/pid" "$T/readonly"
    same "$status" 0
    same "$(cat "$T/pid")" "$(state_of "$ID" pid)"
}

@test "--pid-file with the longest name that a file may have" {
    local name
    name=$(printf 'p%.0s' {1..255})
    payload sleep 1000
    succeeds berth create --pid-file "$T/$name" --bundle "$B" "$ID"
    same "$(cat "$T/$name")" "$(state_of "$ID" pid)"
    succeeds berth delete --force "$ID"
    refuses "pid file $T/${name}p|file name too long" berth create --pid-file "$T/${name}p" --bundle "$B" "$ID"
    absent
}

# ---- cgroupsPath ----------------------------------------------------------------------------------------------------

# The paths below the mounts of all cgroups of the container.
recorded_paths() {
    jq -r '.cgroups[].path' "$ROOT/$ID/record.json" | sort -u
}

@test "cgroupsPath: parts that are empty or . are dropped" {
    payload sleep 1000
    local path
    for path in "$CGROUP/x/y/" "$CGROUP//x/y" "/$CGROUP/x///y//" "$CGROUP/./x/y" "/.$CGROUP/x/./y/."; do
        config --arg path "$path" '.linux.cgroupsPath = $path'
        begin
        same "$(recorded_paths)" "$CGROUP/x/y" "$path"
        succeeds berth delete --force "$ID"
        absent
    done
}

@test "cgroupsPath: what is refused is named" {
    local long
    config --arg path "$CGROUP/a/../b" '.linux.cgroupsPath = $path'
    refuses "/linux/cgroupsPath|\"..\"" berth create --bundle "$B" "$ID"
    long=$(printf 'x%.0s' {1..256})
    config --arg path "$CGROUP/$long/y" '.linux.cgroupsPath = $path'
    refuses "/linux/cgroupsPath|256 bytes|255 at most" berth create --bundle "$B" "$ID"
    for path in / /. // . ./; do
        config --arg path "$path" '.linux.cgroupsPath = $path'
        refuses "/linux/cgroupsPath|names no cgroup" berth create --bundle "$B" "$ID"
    done
    absent
    payload true
    config --arg path "$CGROUP/${long%x}" '.linux.cgroupsPath = $path'
    succeeds berth run --bundle "$B" "$ID"
    absent
}

@test "exec --cgroup: parts that are empty or . are dropped" {
    begin_running
    local mount file path
    for mount in "${CGROUP_MOUNTS[@]}"; do
        [ -d "$mount$CGROUP/bundle" ] || continue
        mkdir "$mount$CGROUP/bundle/sub"
        for file in cpuset.cpus cpuset.mems; do
            [ ! -e "$mount$CGROUP/bundle/sub/tasks" ] || [ ! -e "$mount$CGROUP/bundle/$file" ] ||
                cat "$mount$CGROUP/bundle/$file" >"$mount$CGROUP/bundle/sub/$file"
        done
    done
    for path in sub/ //sub// ./sub/. /; do
        succeeds berth exec --cgroup "$path" "$ID" true
    done
    refuses_exec '".."' berth exec --cgroup sub/../sub "$ID" true
}

# As refuses, with the exit status of exec.
refuses_exec() {
    exits 255 "${@:2}" && has "$errors" "$1"
}

# ---- a host without /dev/null ---------------------------------------------------------------------------------------

# bare COMMAND...: runs it where /dev is a directory of the test, $T/dev, in a mount namespace of its own. Nothing of
# the host's /dev is touched. Standard input is an empty file, as the test's own is the host's /dev/null.
bare() {
    mkdir -p "$T/dev"
    : >"$T/empty"
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private sh -c 'mount --bind "$0" /dev && exec "$@"' "$T/dev" "$@" <"$T/empty"
}

# What the container shows for a masked file: the null device, which nobody can write a mode or an owner of.
MASKED='stat -c %t:%T /proc/keys; chmod 600 /proc/keys 2>/tmp/said || echo kept'

@test "a host without /dev/null: containers run, and files are masked all the same" {
    shell "$MASKED"
    succeeds bare "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" $'1:3\nkept'
    # A user namespace binds nodes.
    config '.linux.namespaces += [{"type": "user"}] | .linux.maskedPaths = ["/proc/keys"] |
        .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
    succeeds bare "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" $'1:3\nkept'
}

@test "a host without /dev/null: standard streams that are null, or closed" {
    payload sh -c 'stat -L -c %t:%T /proc/self/fd/0 >/said; stat -L -c %t:%T /dev/null >>/said'
    exec 9</dev/null
    succeeds bare sh -c 'exec "$@" <&9' sh "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(cat "$B/rootfs/said")" $'1:3\n1:3'
    payload sh -c 'echo started >/said'
    succeeds bare sh -c 'exec "$@" <&- >&- 2>&-' sh "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(cat "$B/rootfs/said")" started
    begin_running
    succeeds bare sh -c 'exec "$@" <&9' sh "$BERTH" --root "$ROOT" exec "$ID" stat -L -c %t:%T /proc/self/fd/0
    same "$output" 1:3
    succeeds bare sh -c 'exec "$@" <&- >&- 2>&-' sh "$BERTH" --root "$ROOT" exec "$ID" sh -c 'echo executed >/said'
    same "$(cat "$B/rootfs/said")" executed
    exec 9<&-
}

@test "a host without /dev/null where none can be made: refused for a masked file alone" {
    inject mknodat:error=EPERM:when=1 ''
    through=("${through[@]/#\/dev\/null/$T/trace}") # or it would be made there
    config '.linux.maskedPaths = ["/sys/firmware", "/proc/none"]'
    succeeds bare "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    config '.linux.maskedPaths = ["/sys/firmware", "/proc/keys"]'
    refuses "maskedPaths[1]|/proc/keys|/dev/null" \
        bare "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    absent
}

# ---- a security module of the host ----------------------------------------------------------------------------------

@test "sysctl: where a detached procfs may not be written, the attached one is" {
    config '.linux.sysctl = {"net.ipv4.ip_default_ttl": "99"} | .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
        .mounts |= map(if .destination == "/proc" then . + {"type": "none", "source": "/proc", "options": ["bind"]}
            else . end)'
    payload cat /proc/sys/net/ipv4/ip_default_ttl
    # AppArmor takes a file of a detached procfs for /sys/net/..., which the profile of LXC forbids to write.
    inject openat2:error=EACCES:when=1
    through=("${through[@]:0:${#through[@]}-1}" -P sys/net/ipv4/ip_default_ttl --)
    succeeds "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" 99
    inject openat2:error=EACCES
    through=("${through[@]:0:${#through[@]}-1}" -P sys/net/ipv4/ip_default_ttl --)
    refuses "/linux/sysctl/net.ipv4.ip_default_ttl|permission denied" \
        "${through[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    absent
}

# ---- update ---------------------------------------------------------------------------------------------------------

@test "update: an empty list of processors or memory nodes leaves them as they are, as in a document" {
    needs cgroup1-cpuset
    local file=/sys/fs/cgroup/cpuset$CGROUP/bundle/cpuset.cpus
    config '.linux.resources.cpu = {"cpus": "0", "mems": "0"}'
    begin_running
    same "$(cat "$file")" 0
    succeeds berth update --cpuset-cpus "" "$ID"
    succeeds berth update --cpuset-cpus= --cpuset-mems= --pids-limit 100 "$ID"
    same "$(cat "$file")" 0
    refuses "--pids-limit|empty" berth update --pids-limit "" "$ID"
}

# ---- a file system that cannot lock ---------------------------------------------------------------------------------

# unlocked ERROR COMMAND...: berth, where no lock is to be had.
unlocked() {
    inject "flock:error=$1" ''
    "${through[@]}" "$BERTH" --root "$ROOT" "${@:2}"
}

@test "a state root that cannot be locked: commands work, and say that they are not kept apart" {
    local warning="warning: the file system of the state root cannot lock files (no locks available)"
    long_running
    succeeds unlocked ENOLCK create --bundle "$B" "$ID"
    same "$(grep -cF "$warning" <<<"$errors")" 1 "warnings"
    for command in start state pause resume 'kill %s KILL' delete; do
        [[ $command == *%s* ]] || command+=" %s"
        # shellcheck disable=SC2046,SC2059 # words of a command
        succeeds unlocked ENOLCK $(printf "$command" "$ID")
        [[ $command != start* ]] || same "$(wait_for ready)" up
        [[ $command != kill* ]] || eventually is_state "$ID" stopped
    done
    absent
    payload true
    succeeds unlocked EOPNOTSUPP run --bundle "$B" "$ID"
    has "$errors" "cannot lock files"
    absent
    # An error that says nothing about the file system is one.
    refuses "input/output error" unlocked EIO run --bundle "$B" "$ID"
    absent
}

# ---- sockets and FIFOs that nobody serves ---------------------------------------------------------------------------

# crowded SOCKET COMMAND...: runs it with a socket whose queue of connections is full, and that nobody accepts from.
crowded() {
    python3 - "$@" <<'PYTHON'
import socket, subprocess, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(0)
waiting = []
try:
    while True:
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        waiting.append(one)
        one.connect(sys.argv[1])
except BlockingIOError:
    pass
sys.exit(subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL).returncode)
PYTHON
}

@test "a console or pidfd socket that accepts no connection: an error, at once" {
    local at_once=(timeout 5 "$BERTH" --root "$ROOT")
    config '.process.terminal = true'
    refuses "console socket|$T/socket|its queue is full" \
        crowded "$T/socket" "${at_once[@]}" create --console-socket "$T/socket" --bundle "$B" "$ID"
    absent
    rm "$T/socket"
    config '.process.terminal = false'
    refuses "pidfd socket|$T/socket|its queue is full" \
        crowded "$T/socket" "${at_once[@]}" create --pidfd-socket "$T/socket" --bundle "$B" "$ID"
    absent
    rm "$T/socket"
    begin_running
    exits 255 crowded "$T/socket" "${at_once[@]}" exec --tty --detach --console-socket "$T/socket" "$ID" true
    has "$errors" "its queue is full"
}

@test "--log with a FIFO: without a reader an error, at once; with one it gets the lines" {
    mkfifo "$T/log"
    refuses "cannot open the log $T/log|no process reads the FIFO" \
        timeout "$PATIENCE" "$BERTH" --root "$ROOT" --log "$T/log" run --bundle "$B" "$ID"
    absent
    exec 9<>"$T/log"
    succeeds "$BERTH" --root "$ROOT" --debug --log "$T/log" run --bundle "$B" "$ID"
    timeout "$PATIENCE" head -n 1 <&9 >"$T/line"
    exec 9>&-
    has "$(cat "$T/line")" level=debug
}

@test "a caller that reads no messages any more: the command goes on" {
    mkfifo "$T/pipe"
    exec 8<>"$T/pipe" 9>"$T/pipe"
    exec 8<&-
    payload sleep 1000
    status=0
    "$BERTH" --root "$ROOT" --debug create --bundle "$B" "$ID" </dev/null >"$T/output" 2>&9 3>&- 4>&- || status=$?
    exec 9>&-
    same "$status" 0
    same "$(state_of)" created
}

# ---- the caller's terminal ------------------------------------------------------------------------------------------

# at_terminal SETTINGS COMMAND...: berth in the background, at a terminal with these settings (stty(1)).
at_terminal() {
    rm -f "$T/tty" "$T/tty.before" "$T/tty.after"
    # shellcheck disable=SC2016 # expanded by the inner shell
    python3 "$BATS_TEST_DIRNAME/stdio.py" terminal "$T/tty" 24x80 sh -c 'stty $0; exec "$@"' "$1" \
        "$BERTH" --root "$ROOT" "${@:2}" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
}

# reads BYTES WHAT: the bytes of the line that the program reads, when a letter of two bytes is typed and taken back.
reads() {
    same "$(wait_for ready)" up || return 1
    printf 'x\303\244\177\n' >"$T/tty.in"
    same "$(wait_for line)" "$1" "$2" || return 1
    exits 0 wait "$job"
}

@test "a terminal in UTF-8: backspace takes a whole letter, as on the caller's" {
    local program='echo up >/ready; head -n 1 | od -An -tx1 >/line'
    mkfifo "$T/tty.in"
    begin_running
    make_fifo line
    at_terminal iutf8 exec --tty "$ID" sh -c "$program"
    reads " 78 0a" "exec at a UTF-8 terminal"
    at_terminal -iutf8 exec --tty "$ID" sh -c "$program"
    reads " 78 c3 0a" "exec at another terminal"
    succeeds berth delete --force "$ID"
    config '.process.terminal = true'
    shell "$program"
    at_terminal iutf8 run --bundle "$B" "$ID"
    reads " 78 0a" "run at a UTF-8 terminal"
    at_terminal -iutf8 run --bundle "$B" "$ID"
    reads " 78 c3 0a" "run at another terminal"
    # Nothing else of the caller's settings.
    shell 'stty -a >/line'
    at_terminal iutf8 run --bundle "$B" "$ID"
    wait_for line >"$T/plain"
    wait "$job"
    at_terminal 'iutf8 -echo -icrnl erase ^H' run --bundle "$B" "$ID"
    wait_for line >"$T/other"
    wait "$job"
    has "$(cat "$T/plain")" " iutf8"
    cmp "$T/plain" "$T/other"
}
