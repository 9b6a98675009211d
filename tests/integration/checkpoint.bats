#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# checkpoint: checkpoint and restore by CRIU, which is the newest Debian has (tests/criu).
load helpers

STDIO=$BATS_TEST_DIRNAME/stdio.py

prepare() {
    local dir
    if ! dir=$("$BATS_TEST_DIRNAME/../criu" make 2>"$T/criu"); then
        skip "no criu: $(tail -n 1 "$T/criu")"
    fi
    PATH=$dir:$PATH
    criu check >"$T/criu" 2>&1 || skip "criu cannot work here: $(tail -n 1 "$T/criu")"
    IMAGES=$T/images
    MANAGER=cgroupfs
    make_bundle
}

# A payload that counts what it is told, and keeps a word that nobody else knows: both are in its memory only.
counting() {
    make_fifo in out ready
    shell 'secret=$(od -An -N8 -tx1 /dev/urandom | tr -d " \n"); count=0; echo up >/ready
           while :; do read word </in; count=$((count + 1)); echo "$count $secret" >/out; done'
}

# counts [ROOTFS]: one more; prints the count and the word.
counts() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    timeout "$PATIENCE" sh -c 'echo go >"$1/in"; cat "$1/out"' counts "${1:-$B/rootfs}" ||
        fail "the container does not count any more"
}

# begin_counting [OPTION...]: a detached container whose standard streams are the null device; it has counted to 2.
begin_counting() {
    counting
    "$BERTH" --root "$ROOT" --cgroup-manager "$MANAGER" run --detach --bundle "$B" "$@" "$ID" \
        </dev/null >/dev/null 2>&1 3>&- 4>&- || fail "cannot begin" || return 1
    same "$(wait_for ready)" up && has "$(counts)" "1 " || return 1
    WORD=$(counts)
    WORD=${WORD#2 }
}

# dumps [OPTION...]: the checkpoint succeeds and says nothing.
dumps() {
    local pid
    pid=$(state_of "$ID" pid)
    succeeds berth checkpoint --image-path "$IMAGES" "$@" "$ID" && same "$output$errors" "" "output of checkpoint" || return 1
    # Whoever has adopted the process takes its number off. CRIU wants the same one where the container has not its own.
    is_known || eventually test ! -e "/proc/$pid"
}

# revives [OPTION...]: a detached restore with the null device as standard streams; its own complaints go to $T/stderr.
revives() {
    "$BERTH" --root "$ROOT" --cgroup-manager "$MANAGER" restore --detach --bundle "$B" --image-path "$IMAGES" "$@" "$ID" \
        </dev/null >/dev/null 2>"$T/stderr" 3>&- 4>&- || fail "restore failed: $(<"$T/stderr")" || return 1
    [ ! -s "$T/stderr" ] || fail "restore said: $(<"$T/stderr")"
}

job_ends() {
    local got=0
    wait "$job" || got=$?
    same "$got" "$1" "exit status of the job ($(<"$T/job"))"
}

# ---- the straight way -----------------------------------------------------------------------------------------------

@test "a counting container goes on where it was, and is one like any other" {
    begin_counting
    dumps
    absent
    # What a restored container writes into must be waited for before it is there.
    revives --pid-file "$T/pid"
    same "$(state_of)" running
    same "$(counts)" "3 $WORD"
    same "$(<"$T/pid")" "$(state_of "$ID" pid)"
    same "$(berth list -q)" "$ID"
    succeeds berth exec "$ID" sh -c 'echo $$ >/dev/null; hostname; cat /proc/1/comm'
    same "$output" $'box\nsh'
    has "$(berth ps "$ID")" "$(<"$T/pid")"
    succeeds berth pause "$ID"
    same "$(state_of)" paused
    succeeds berth resume "$ID"
    same "$(counts)" "4 $WORD"
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

@test "again and again: three times in a row" {
    local i
    begin_counting
    for i in 3 4 5; do
        dumps
        absent
        revives
        same "$(counts)" "$i $WORD"
    done
    succeeds berth delete --force "$ID"
    absent
}

@test "--leave-running: it counts on, and the images hold the moment of the checkpoint" {
    local pid
    begin_counting
    pid=$(state_of "$ID" pid)
    dumps --leave-running
    same "$(state_of) $(state_of "$ID" pid)" "running $pid"
    same "$(counts)" "3 $WORD"
    same "$(counts)" "4 $WORD"
    succeeds berth delete --force "$ID"
    absent
    revives
    same "$(counts)" "3 $WORD" "the count after restore"
    succeeds berth delete --force "$ID"
}

@test "another id, another bundle, another cgroup" {
    begin_counting
    dumps
    mv "$B" "$T/other"
    B=$T/other
    config --arg path "$CGROUP/other" '.linux.cgroupsPath = $path'
    ID=${ID}2
    revives
    same "$(counts)" "3 $WORD"
    same "$(state_of "$ID" bundle)" "$B"
    local line
    while IFS= read -r line; do
        # Hierarchies that the test does not see belong to its caller.
        [[ $line != *"$MARK"* ]] || has "$line" "$CGROUP/other" "cgroup of the process"
    done <"/proc/$(state_of "$ID" pid)/cgroup"
    grep -q "$CGROUP/other" "/proc/$(state_of "$ID" pid)/cgroup"
    succeeds berth delete --force "$ID"
    absent
}

@test "limits and device rules are those of the configuration" {
    begin_counting
    dumps
    if is_cgroup2; then
        needs cgroup2-pids
    fi
    config '.linux.resources.pids.limit = 77'
    revives
    same "$(<"$(cgroup_dir pids)/pids.max")" 77
    succeeds berth exec "$ID" sh -c 'mknod /dev/forbidden b 7 0 2>&1; cat </dev/forbidden 2>&1; true'
    has "$output" "not permitted"
    succeeds berth delete --force "$ID"
}

@test "systemd: the scope is made again, with its limits, its device rules and all processes" {
    needs systemd cgroup2-pids
    local unit=$MARK-$MARK.scope dir=/sys/fs/cgroup/$MARK.slice/$MARK-$MARK.scope
    MANAGER=systemd
    config --arg p "$MARK.slice:$MARK:$MARK" '.linux.cgroupsPath = $p | .linux.resources.pids.limit = 77'
    begin_counting
    # A process more than that which systemd is told of.
    succeeds berth exec "$ID" sh -c 'setsid tail -f /dev/null >/dev/null 2>&1 &'
    dumps
    same "$(systemctl show --value -p LoadState "$unit")" not-found "the unit after a checkpoint"
    revives
    same "$(counts)" "3 $WORD"
    same "$(systemctl show --value -p ActiveState "$unit")" active
    same "$(systemctl show --value -p TasksMax "$unit")" 77
    same "$(<"$dir/pids.max")" 77
    same "$(wc -l <"$dir/cgroup.procs")" 2 "processes in the scope"
    grep -q "^$(state_of "$ID" pid)\$" "$dir/cgroup.procs" || fail "the process is elsewhere"
    systemctl daemon-reload
    succeeds berth exec "$ID" sh -c 'mknod /dev/forbidden b 7 0 2>&1; cat </dev/forbidden 2>&1; true'
    has "$output" "not permitted"
    succeeds berth delete --force "$ID"
    same "$(systemctl show --value -p LoadState "$unit")" not-found "the unit after a delete"
    [ ! -e "$dir" ] || fail "the cgroup is left"
    systemctl stop "$MARK.slice"
}

@test "a paused container: stays paused with --leave-running, runs when it is back" {
    begin_counting
    succeeds berth pause "$ID"
    dumps --leave-running
    same "$(state_of)" paused
    dumps
    absent
    revives
    same "$(state_of)" running
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}

@test "all namespaces and the whole tree of processes come back" {
    make_fifo ready go result
    shell 'tail -f /dev/null & (exec 5</bin/busybox; cd /tmp; tail -f /proc/uptime >/dev/null & wait) & cd /proc; umask 27; echo up >/ready; read word </go
           { echo "$(hostname) $(umask) $(pwd) $$"; ps -o args | grep -c "^tail -f"; readlink /proc/self/ns/net >/net; } >/result
           read word </go'
    "$BERTH" --root "$ROOT" run --detach --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&-
    same "$(wait_for ready)" up
    dumps
    absent
    revives
    echo on >"$B/rootfs/go"
    same "$(wait_for result)" $'box 0027 /proc 1\n2'
    [ "$(<"$B/rootfs/net")" != "$(readlink /proc/self/ns/net)" ]
    # The loopback interface is up, as in a container just made: IFF_UP and IFF_LOOPBACK.
    succeeds berth exec "$ID" cat /sys/class/net/lo/flags
    same "$output" 0x9
    succeeds berth delete --force "$ID"
}

# ---- standard streams -----------------------------------------------------------------------------------------------

# A payload that says what it is told on its standard output, and ends at "end" with status 42. Its output goes where
# the test's own function sends it.
talking() {
    make_fifo in ready
    shell 'echo up >/ready; while :; do read word </in || continue; echo "said $word"; [ "$word" != end ] || exit 42; done'
}

talk() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    timeout "$PATIENCE" sh -c 'echo "$2" >"$1/in"' talk "$B/rootfs" "$1" || fail "the container does not listen"
}

@test "foreground: waits, gives the exit status, deletes the container; output goes where restore's goes" {
    talking
    # Appended to: CRIU wants any other regular file to have the same length at restore.
    "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >>"$T/job" 2>&1 3>&- 4>&- &
    job=$!
    same "$(wait_for ready)" up
    talk one
    dumps
    job_ends 137
    same "$(<"$T/job")" "said one"
    in_background restore --bundle "$B" --image-path "$IMAGES" "$ID"
    talk two
    talk end
    job_ends 42
    same "$(<"$T/job")" $'said two\nsaid end'
    absent
}

@test "foreground: a restore whose container was deleted meanwhile leaves the next one of that id alone" {
    talking
    "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >>"$T/job" 2>&1 3>&- 4>&- &
    job=$!
    same "$(wait_for ready)" up
    dumps
    job_ends 137
    in_background restore --bundle "$B" --image-path "$IMAGES" "$ID"
    eventually is_state "$ID" running
    eventually flock --nonblock "$ROOT/$ID" true # restore is done with it, and waits
    kill -STOP "$job"
    succeeds berth delete --force "$ID"
    succeeds berth create --bundle "$B" "$ID"
    kill -CONT "$job"
    job_ends 137
    same "$(state_of)" created
}

@test "foreground: a signal is passed on" {
    make_fifo ready
    shell 'trap "echo took; exit 3" TERM; echo up >/ready; while :; do sleep 1000 & wait $!; done'
    in_background run --bundle "$B" "$ID"
    same "$(wait_for ready)" up
    dumps
    job_ends 137
    in_background restore --bundle "$B" --image-path "$IMAGES" "$ID"
    eventually is_state "$ID" running
    kill -TERM "$job"
    job_ends 3
    same "$(<"$T/job")" took
    absent
}

# through_pipe OUT VERB...: runs the verb detached with a pipe for its output, whose reader writes to OUT and is $job; for
# its input it has another one.
through_pipe() {
    local out=$1
    shift
    : | "$BERTH" --root "$ROOT" "$@" --detach --bundle "$B" "$ID" 2>&1 3>&- 4>&- | cat >"$out" 3>&- 4>&- &
    job=$!
}

@test "pipes: those of restore take the place of those of run" {
    talking
    through_pipe "$T/first" run
    same "$(wait_for ready)" up
    has "$(readlink "/proc/$(state_of "$ID" pid)/fd/1")" "pipe:"
    talk one
    dumps
    wait "$job" # its pipe has no writer any more
    same "$(<"$T/first")" "said one"
    through_pipe "$T/second" restore --image-path "$IMAGES"
    talk two
    talk end
    wait "$job"
    same "$(<"$T/second")" $'said two\nsaid end'
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
}

@test "a FIFO of the host and the same file twice as standard streams" {
    talking
    mkfifo "$T/fifo"
    exec 5<>"$T/fifo"
    "$BERTH" --root "$ROOT" run --detach --bundle "$B" "$ID" <&5 >"$T/first" 2>&1 3>&- 4>&- 5>&-
    same "$(wait_for ready)" up
    dumps
    "$BERTH" --root "$ROOT" restore --detach --bundle "$B" --image-path "$IMAGES" "$ID" <&5 >"$T/second" 2>&1 3>&- 4>&- 5>&-
    talk end
    eventually is_state "$ID" stopped
    same "$(<"$T/second")" "said end"
    exec 5>&-
    succeeds berth delete "$ID"
}

@test "a terminal: its master goes to the console socket" {
    make_fifo ready
    config '.process.terminal = true'
    shell 'stty size; echo up >/ready; while read line; do echo "heard $line"; stty size; done; echo ended'
    mkfifo "$T/tty.in" "$T/tty2.in"
    python3 "$STDIO" receive "$T/console" "$T/tty" "$BERTH" --root "$ROOT" run --detach \
        --console-socket "$T/console" --bundle "$B" "$ID" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
    same "$(wait_for ready)" up
    dumps
    job_ends 0
    refuses "$T/none|console socket" berth restore --detach --console-socket "$T/none" --bundle "$B" --image-path "$IMAGES" "$ID"
    absent
    python3 "$STDIO" receive "$T/console2" "$T/tty2" "$BERTH" --root "$ROOT" restore --detach --image-path "$IMAGES" \
        --console-socket "$T/console2" --bundle "$B" "$ID" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
    eventually is_state "$ID" running
    echo "what" >"$T/tty2.in"
    eventually grep -q "heard what" "$T/tty2"
    succeeds berth delete --force "$ID"
    job_ends 0
    has "$(<"$T/tty2.meta")" "1"
    absent
}

@test "a terminal in the foreground: that of restore's caller" {
    make_fifo ready
    config '.process.terminal = true'
    shell 'echo up >/ready; while read line; do echo "heard $line"; [ "$line" != end ] || exit 7; done'
    mkfifo "$T/tty.in" "$T/tty2.in"
    python3 "$STDIO" terminal "$T/tty" 24x80 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
    same "$(wait_for ready)" up
    dumps
    job_ends 137
    python3 "$STDIO" terminal "$T/tty2" 24x80 "$BERTH" --root "$ROOT" restore --image-path "$IMAGES" --bundle "$B" "$ID" \
        </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
    eventually is_state "$ID" running
    echo end >"$T/tty2.in"
    job_ends 7
    has "$(<"$T/tty2")" "heard end"
    absent
}

@test "a terminal without a place to go: refused before anything is made" {
    config '.process.terminal = true'
    mkdir "$IMAGES"
    echo '["","",""]' >"$IMAGES/descriptors.json"
    refuses "console socket|/process/terminal" berth restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    absent
}

# ---- mounts ---------------------------------------------------------------------------------------------------------

@test "bind mounts are found again, a tmpfs keeps what is in it, a root without mount points gets them" {
    mkdir -p "$T/volume/deep" "$T/tree"
    echo file >"$T/file"
    echo one >"$T/volume/one"
    ln -s /var/run "$B/rootfs/run"
    mkdir -p "$B/rootfs/var/run"
    config --arg t "$T" '.mounts += [
        {destination: "/volume", type: "bind", source: ($t + "/volume"), options: ["rbind", "rw"]},
        {destination: "/etc/file", type: "bind", source: ($t + "/file"), options: ["bind", "ro"]},
        {destination: "/etc/same", type: "bind", source: ($t + "/file"), options: ["bind", "ro", "nosuid", "noexec"]},
        {destination: "/run/link", type: "bind", source: ($t + "/tree"), options: ["bind"]},
        {destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["size=1m", "nodev"]},
        {destination: "/scratch/inner", type: "bind", source: ($t + "/tree"), options: ["bind"]},
        {destination: "/volume/deep", type: "tmpfs", source: "tmpfs"}] | .root.readonly = false'
    begin_counting
    succeeds berth exec "$ID" sh -c 'echo kept >/scratch/word; echo inner >/scratch/inner/word; echo deep >/volume/deep/word'
    local before
    before=$(berth exec "$ID" cat /proc/self/mountinfo | cut -d' ' -f 5-6 | sort)
    dumps
    rmdir "$B/rootfs/volume" "$B/rootfs/scratch"
    rm "$B/rootfs/etc/file"
    echo two >"$T/volume/one"
    revives
    same "$(counts)" "3 $WORD"
    succeeds berth exec "$ID" sh -c 'cat /scratch/word /scratch/inner/word /volume/deep/word /volume/one /etc/file /run/link/word'
    same "$output" $'kept\ninner\ndeep\ntwo\nfile\ninner'
    [ ! -e "$T/volume/deep/word" ]
    succeeds berth exec "$ID" sh -c 'echo x >/etc/file || echo refused'
    same "$output" refused
    same "$(berth exec "$ID" cat /proc/self/mountinfo | cut -d' ' -f 5-6 | sort)" "$before" "mounts"
    succeeds berth delete --force "$ID"
}

@test "masked and read-only paths are so after restore" {
    mkdir "$B/rootfs/hidden"
    touch "$B/rootfs/hidden/secret" "$B/rootfs/covered"
    echo secret >"$B/rootfs/covered"
    config '.linux.maskedPaths += ["/hidden", "/covered"] | .linux.readonlyPaths += ["/etc"] | .root.readonly = false'
    begin_counting
    dumps
    revives
    succeeds berth exec "$ID" sh -c 'ls /hidden; cat /covered /proc/kcore; touch /etc/new || echo refused; touch /fine; ls /proc/keys'
    same "$output" $'refused\n/proc/keys'
    [ -e "$B/rootfs/fine" ]
    succeeds berth delete --force "$ID"
}

@test "a read-only root and the cgroup file system" {
    config '.root.readonly = true | .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
    mkdir -p "$B/rootfs"
    begin_counting
    dumps
    revives
    same "$(counts)" "3 $WORD"
    succeeds berth exec "$ID" sh -c 'touch /new || echo refused; ls /sys/fs/cgroup | wc -l'
    has "$output" refused
    lacks "$output" $'\n0'
    succeeds berth delete --force "$ID"
}

@test "the cgroup file system without a cgroup namespace" {
    config '.linux.namespaces |= map(select(.type != "cgroup")) | .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup",
        source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
    local before
    begin_counting
    before=$(berth exec "$ID" grep "/sys/fs/cgroup.* ro," /proc/mounts | sort)
    has "$before" " ro,nosuid,nodev,noexec,"
    dumps
    revives
    same "$(counts)" "3 $WORD"
    same "$(berth exec "$ID" grep "/sys/fs/cgroup.* ro," /proc/mounts | sort)" "$before"
    succeeds berth delete --force "$ID"
}

@test "submounts of a bind mount, which no line of the configuration names" {
    mkdir -p "$T/volume/sub"
    mount -t tmpfs -o size=64k tmpfs "$T/volume/sub"
    echo below >"$T/volume/sub/file"
    # Of another file system than the volume: where mounts are shared, CRIU cannot tell the two apart (berth-restore(1)).
    mkdir -p "$T/volume/two words" "$T/other"
    mount -t tmpfs -o size=64k tmpfs "$T/other"
    mkdir "$T/other/tree"
    mount --bind "$T/other/tree" "$T/volume/two words"
    config --arg t "$T" '.mounts += [{destination: "/volume", type: "bind", source: ($t + "/volume"), options: ["rbind"]}]'
    begin_counting
    same "$(berth exec "$ID" cat /volume/sub/file)" below
    dumps
    revives
    same "$(counts)" "3 $WORD"
    # The same file systems, not copies of them.
    echo new >"$T/volume/sub/file"
    echo new >"$T/other/tree/file"
    same "$(berth exec "$ID" sh -c 'cat /volume/sub/file /volume/two*/file')" $'new\nnew'
    succeeds berth delete --force "$ID"
    umount "$T/volume/sub" "$T/volume/two words" "$T/other"
}

# ---- namespaces -----------------------------------------------------------------------------------------------------

# holder FLAG: a process in a namespace of its own, $holder.
holder() {
    unshare "$@" sh -c 'echo up; exec sleep infinity' </dev/null >"$T/holder" 2>/dev/null 3>&- 4>&- &
    holder=$!
    eventually grep -q up "$T/holder"
}

release() {
    kill -KILL "$holder"
    wait "$holder" || true
}

@test "a joined network namespace is joined again" {
    holder --net
    nsenter -t "$holder" -n ip address add 10.9.8.7/32 dev lo
    config --arg path "/proc/$holder/ns/net" '(.linux.namespaces[] | select(.type == "network")).path = $path'
    begin_counting
    dumps
    revives
    same "$(counts)" "3 $WORD"
    same "$(readlink "/proc/$(state_of "$ID" pid)/ns/net")" "$(readlink "/proc/$holder/ns/net")"
    succeeds berth delete --force "$ID"
    has "$(nsenter -t "$holder" -n ip address show dev lo)" 10.9.8.7 "what the namespace has"
    release
}

@test "joined ipc and uts namespaces are joined again" {
    holder --ipc --uts
    nsenter -t "$holder" -u hostname joined
    config --arg proc "/proc/$holder/ns/" 'del(.hostname) | (.linux.namespaces[] | select(.type | IN("ipc", "uts"))) |=
        (.path = $proc + .type)'
    begin_counting
    dumps
    revives
    same "$(counts)" "3 $WORD"
    local kind
    for kind in ipc uts; do
        same "$(readlink "/proc/$(state_of "$ID" pid)/ns/$kind")" "$(readlink "/proc/$holder/ns/$kind")" "$kind"
    done
    succeeds berth delete --force "$ID"
    release
}

@test "a joined pid namespace is joined again" {
    holder --pid --fork --kill-child
    local inner
    inner=$(pgrep -P "$holder")
    config --arg path "/proc/$inner/ns/pid" '(.linux.namespaces[] | select(.type == "pid")).path = $path'
    begin_counting
    dumps
    revives
    same "$(counts)" "3 $WORD"
    same "$(readlink "/proc/$(state_of "$ID" pid)/ns/pid")" "$(readlink "/proc/$inner/ns/pid")"
    succeeds berth delete --force "$ID"
    release
}

@test "the host's network, ipc, pid and uts namespaces" {
    config 'del(.hostname) | .linux.namespaces |= map(select(.type | IN("mount", "cgroup")))'
    begin_counting
    dumps
    revives
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}

@test "a user namespace" {
    needs userns
    config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
        | .linux.gidMappings = .linux.uidMappings'
    chown -R 100000:100000 "$B/rootfs"
    counting
    chown 100000:100000 "$B"/rootfs/{in,out,ready}
    "$BERTH" --root "$ROOT" run --detach --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&-
    same "$(wait_for ready)" up
    has "$(counts)" "1 "
    dumps
    same "$(stat -c '%u %g %a' "$IMAGES")" "0 100000 710"
    revives
    has "$(counts)" "2 "
    same "$(stat -c %u "/proc/$(state_of "$ID" pid)")" 100000
    succeeds berth delete --force "$ID"
}

@test "without a mount namespace of its own: refused, it runs on" {
    config '.linux.namespaces |= map(select(.type != "mount")) | del(.linux.maskedPaths, .linux.readonlyPaths)
        | .mounts = [] | .root.readonly = false'
    begin_counting
    refuses "mount namespace" berth checkpoint --image-path "$IMAGES" "$ID"
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}

# ---- hooks ----------------------------------------------------------------------------------------------------------

@test "hooks: poststop after a checkpoint; prestart and createRuntime at restore, with the new process" {
    local point
    for point in prestart createRuntime createContainer startContainer poststart poststop; do
        config --arg point "$point" --arg t "$T" '.hooks[$point] = [{path: "/bin/sh",
            args: ["sh", "-c", ("printf \"%s \" " + $point + " >>" + $t + "/hooks; cat >>" + $t + "/hooks; echo >>" + $t + "/hooks")]}]'
    done
    config 'del(.hooks.startContainer)'
    begin_counting
    : >"$T/hooks"
    dumps --leave-running
    same "$(<"$T/hooks")" "" "hooks of a checkpoint that leaves it running"
    dumps
    same "$(cut -d' ' -f1 "$T/hooks")" poststop
    : >"$T/hooks"
    revives
    same "$(cut -d' ' -f1 "$T/hooks")" $'prestart\ncreateRuntime'
    same "$(cut -d' ' -f2- "$T/hooks" | jq -r '"\(.id) \(.pid)"' | sort -u)" "$ID $(state_of "$ID" pid)"
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}

@test "a hook that fails: nothing is left, and the images are good for another try" {
    begin_counting
    dumps
    config --arg t "$T" '.hooks = {prestart: [{path: "/bin/sh", args: ["sh", "-c", "echo sorry; exit 3"]}],
        poststop: [{path: "/bin/touch", args: ["touch", ($t + "/stopped")]}]}'
    refuses "prestart hook #0|exit status 3|sorry" berth restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    absent
    [ -e "$T/stopped" ] || fail "poststop hooks were due"
    config 'del(.hooks)'
    revives
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}

@test "a signal while a hook runs: the restore is taken back" {
    begin_counting
    dumps
    mkfifo "$T/hooked"
    config --arg t "$T" '.hooks = {prestart: [{path: "/bin/sh", args: ["sh", "-c", ("echo in >" + $t + "/hooked; exec sleep 1000")]}]}'
    in_background restore --bundle "$B" --image-path "$IMAGES" "$ID"
    timeout "$PATIENCE" cat "$T/hooked"
    kill -TERM "$job"
    job_ends 143
    absent
}

@test "berth is killed in the middle of a restore: delete --force cleans up" {
    begin_counting
    dumps
    mkfifo "$T/hooked" "$T/wait"
    config --arg t "$T" '.hooks = {prestart: [{path: "/bin/sh", args: ["sh", "-c", ("echo in >" + $t + "/hooked; cat " + $t + "/wait")]}]}'
    in_background restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    timeout "$PATIENCE" cat "$T/hooked"
    kill -KILL "$job"
    job_ends 137
    timeout "$PATIENCE" sh -c ': >"$1"' go "$T/wait"
    succeeds berth delete --force "$ID"
    absent
}

# ---- what cannot be done --------------------------------------------------------------------------------------------

@test "states: only what runs or is paused can be written; unknown ids" {
    refuses "does not exist" berth checkpoint --image-path "$IMAGES" "$ID"
    begin
    refuses "container cannot be checkpointed in created state" berth checkpoint --image-path "$IMAGES" "$ID"
    succeeds berth pause "$ID"
    refuses "container cannot be checkpointed in created state" berth checkpoint --image-path "$IMAGES" "$ID"
    succeeds berth delete --force "$ID"
    begin_stopped
    refuses "container cannot be checkpointed in stopped state" berth checkpoint --image-path "$IMAGES" "$ID"
    succeeds berth delete "$ID"
    [ ! -e "$IMAGES" ] || fail "a refusal has made the image path"
}

@test "no criu: a clear error, and nothing has changed" {
    begin_counting
    dumps --leave-running
    local before
    before=$(ls -l "$IMAGES")
    mkdir "$T/bin"
    PATH=$T/bin refuses "criu was not found in PATH" "$BERTH" --root "$ROOT" checkpoint --image-path "$T/new" "$ID"
    [ ! -e "$T/new" ]
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
    PATH=$T/bin refuses "criu was not found in PATH" "$BERTH" --root "$ROOT" restore --detach --bundle "$B" \
        --image-path "$IMAGES" "$ID"
    same "$(ls -l "$IMAGES")" "$before"
    absent
}

@test "a bad image path, work path, parent path, page server or status descriptor" {
    begin_counting
    touch "$T/file"
    refuses "$T/none/images|no such file" berth checkpoint --image-path "$T/none/images" "$ID"
    refuses "$T/file|not a directory" berth checkpoint --image-path "$T/file" "$ID"
    refuses "work path|$T/none/work" berth checkpoint --image-path "$IMAGES" --work-path "$T/none/work" "$ID"
    refuses "relative" berth checkpoint --image-path "$IMAGES" --parent-path "$T" "$ID"
    refuses "--parent-path|../none" berth checkpoint --image-path "$IMAGES" --parent-path ../none "$ID"
    refuses "page server|ADDRESS:PORT" berth checkpoint --image-path "$IMAGES" --page-server 127.0.0.1 "$ID"
    refuses "page server|ADDRESS:PORT" berth checkpoint --image-path "$IMAGES" --page-server 127.0.0.1:70000 "$ID"
    refuses "status fd 77" berth checkpoint --image-path "$IMAGES" --status-fd 77 "$ID"
    [ ! -e "$IMAGES" ] || fail "a refusal has made the image path"
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
    refuses "$IMAGES|no such file" berth restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    refuses "images: open directory checkpoint" berth restore --detach --bundle "$B" "$ID"
    mkdir "$IMAGES"
    refuses "descriptors.json" berth restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    absent
}

@test "the list of streams is a new file, whatever has its name in the image path" {
    begin_counting
    mkdir "$IMAGES" "$T/other"
    mkfifo "$IMAGES/descriptors.json"
    succeeds timeout "$PATIENCE" "$BERTH" --root "$ROOT" checkpoint --image-path "$IMAGES" --leave-running "$ID"
    [ -f "$IMAGES/descriptors.json" ]
    echo precious >"$T/other/file"
    ln -f "$T/other/file" "$IMAGES/descriptors.json"
    succeeds berth checkpoint --image-path "$IMAGES" --leave-running "$ID"
    same "$(<"$T/other/file")" precious
    same "$(jq length "$IMAGES/descriptors.json")" 3
    rm "$IMAGES/descriptors.json"
    mkdir "$IMAGES/descriptors.json"
    refuses "descriptors.json|file exists" berth checkpoint --image-path "$IMAGES" "$ID"
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}

@test "a checkpoint that fails leaves the container running, and says why" {
    local pid
    config --arg t "$T" '.mounts += [{destination: "/volume", type: "bind", source: $t, options: ["bind"]}]'
    begin_counting
    pid=$(state_of "$ID" pid)
    # The configuration is not the container's any more: CRIU finds a mount that it knows nothing of.
    config 'del(.mounts[-1])'
    refuses "criu dump failed|volume|log: $IMAGES/dump.log" berth checkpoint --image-path "$IMAGES" "$ID"
    [ -s "$IMAGES/dump.log" ]
    same "$(state_of) $(state_of "$ID" pid)" "running $pid"
    same "$(counts)" "3 $WORD"
    refuses "log: $T/work/dump.log" berth checkpoint --image-path "$IMAGES" --work-path "$T/work" "$ID"
    [ -s "$T/work/dump.log" ]
    same "$(counts)" "4 $WORD"
    succeeds berth delete --force "$ID"
}

@test "a restore that fails leaves nothing but its log" {
    begin_counting
    dumps
    # Of the files without which there is no restoring.
    mv "$IMAGES/pstree.img" "$T/pstree.img"
    refuses "criu restore failed|log: $IMAGES/restore.log" berth restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    absent
    mv "$T/pstree.img" "$IMAGES/pstree.img"
    rm "$B/rootfs/bin/busybox"
    refuses "criu restore failed|busybox" berth restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    absent
    cp /bin/busybox "$B/rootfs/bin/busybox"
    refuses "pid file" berth restore --detach --bundle "$B" --image-path "$IMAGES" --pid-file "$T/none/pid" "$ID"
    absent
    refuses "$T/none" berth restore --detach --bundle "$B" --image-path "$IMAGES" --pidfd-socket "$T/none" "$ID"
    absent
    revives
    same "$(counts)" "3 $WORD"
    # An id in use is refused before anything is touched.
    refuses "already exists" berth restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    same "$(counts)" "4 $WORD"
    succeeds berth delete --force "$ID"
}

# A criu of our own making: a shell script, in front of the true one.
false_criu() {
    mkdir -p "$T/bin"
    printf '#!/bin/sh\n%s\n' "$1" >"$T/bin/criu"
    chmod +x "$T/bin/criu"
    PATH=$T/bin:$PATH
}

@test "a criu that dies, or says what nobody understands, in the middle" {
    begin_counting
    local freezer
    freezer=$(is_cgroup2 && echo "/sys/fs/cgroup$CGROUP/bundle/cgroup.freeze" || echo "/sys/fs/cgroup/freezer$CGROUP/bundle/freezer.state")
    false_criu 'exit 3'
    refuses "criu dump failed|without an answer, by exit status 3" berth checkpoint --image-path "$IMAGES" "$ID"
    false_criu 'echo garbage >&3; cat <&3 >/dev/null'
    refuses "criu" berth checkpoint --image-path "$IMAGES" "$ID"
    false_criu 'kill -KILL $$'
    refuses "criu dump failed" berth checkpoint --image-path "$IMAGES" "$ID"
    # One that has frozen the container before.
    if is_cgroup2; then
        false_criu "echo 1 >$freezer; exit 3"
    else
        false_criu "echo FROZEN >$freezer; exit 3"
    fi
    refuses "criu dump failed" berth checkpoint --image-path "$IMAGES" "$ID"
    same "$(state_of)" running
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
    echo '["","",""]' >"$IMAGES/descriptors.json"
    false_criu 'exit 3'
    refuses "criu restore failed" berth restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    printf 'not a program' >"$T/bin/criu"
    refuses "criu|exec format" berth restore --detach --bundle "$B" --image-path "$IMAGES" "$ID"
    absent
}

@test "a criu that dies while the container is about to freeze" {
    can_stick
    local fuse stuck
    begin_counting
    stick
    false_criu "echo 1 >$(group_dir)/cgroup.freeze; exit 3"
    refuses "criu dump failed" berth checkpoint --image-path "$IMAGES" "$ID"
    same "$(cat "$(group_dir)/cgroup.freeze")" 0
    same "$(counts)" "3 $WORD"
    unstick
    wait "$stuck" || true
    succeeds berth delete --force "$ID"
}

# A criu that says "pre-dump" when the FIFO $T/notify is opened, and keeps what it is answered in $T/answer.
@test "a signal in the middle of a checkpoint: CRIU is told to stop, the container runs on" {
    begin_counting
    mkfifo "$T/notify"
    false_criu "exec python3 -c '
import os, socket
s = socket.socket(fileno=3)
s.recv(65536)
open(\"$T/notify\", \"w\").close()
open(\"$T/notify\").close()
s.send(bytes([8, 6, 16, 1, 42, 10, 10, 8]) + b\"pre-dump\")
open(\"$T/answer\", \"wb\").write(s.recv(65536))
s.send(bytes([8, 1, 16, 0, 56, 4]))
'"
    in_background checkpoint --image-path "$IMAGES" "$ID"
    timeout "$PATIENCE" cat "$T/notify"
    kill -TERM "$job"
    timeout "$PATIENCE" sh -c ': >"$1"' go "$T/notify"
    job_ends 143
    same "$(od -An -tx1 "$T/answer")" " 08 06 18 00" "answer to the notification"
    same "$(state_of)" running
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}

@test "criu gets no descriptor but what it needs" {
    begin_counting
    false_criu "ls -l /proc/\$\$/fd >$T/fds"
    exec 7<"$T/criu" 60<"$T/criu"
    refuses "criu dump failed" berth checkpoint --image-path "$IMAGES" "$ID"
    exec 7<&- 60<&-
    # A few from 10 on are the shell's own.
    same "$(awk '/->/ && ($9 < 10 || $9 > 40) { print $9 }' "$T/fds" | sort -n | tr '\n' ' ')" "0 1 2 3 4 "
    succeeds berth delete --force "$ID"
}

# ---- memory in several steps ----------------------------------------------------------------------------------------

@test "--pre-dump and --parent-path: what has not changed is written once" {
    begin_counting
    if ! berth checkpoint --image-path "$T/first" --pre-dump "$ID" 2>"$T/errors"; then
        has "$(<"$T/errors")" "criu cannot track memory on this kernel"
        [ ! -e "$T/first" ] || fail "a refusal has made the image path"
        same "$(counts)" "3 $WORD"
        succeeds berth delete --force "$ID"
        skip "$(<"$T/errors")"
    fi
    same "$(state_of)" running
    same "$(counts)" "3 $WORD"
    dumps --parent-path ../first
    absent
    revives
    same "$(counts)" "4 $WORD"
    succeeds berth delete --force "$ID"
}

# ---- the command line -----------------------------------------------------------------------------------------------

@test "options as engines give them, and errors as they look for them" {
    local option
    succeeds berth checkpoint --help
    for option in image-path work-path parent-path leave-running tcp-established tcp-skip-in-flight link-remap ext-unix-sk \
        shell-job lazy-pages status-fd page-server file-locks pre-dump manage-cgroups-mode empty-ns auto-dedup; do
        has "$output" "--$option" "help of checkpoint"
    done
    succeeds berth restore --help
    for option in bundle image-path work-path tcp-established ext-unix-sk shell-job file-locks manage-cgroups-mode detach \
        pid-file console-socket no-subreaper no-pivot empty-ns auto-dedup lazy-pages lsm-profile lsm-mount-context; do
        has "$output" "--$option" "help of restore"
    done
    refuses "flag needs an argument" berth restore --lsm-mount-context
    refuses "argument is missing" berth restore
    refuses "argument is missing" berth checkpoint
    refuses "manage-cgroups-mode" berth checkpoint --manage-cgroups-mode hard "$ID"
    refuses "empty-ns" berth checkpoint --empty-ns pid "$ID"
    begin_counting
    dumps --work-path "$T/work" --file-locks --manage-cgroups-mode soft --tcp-established --ext-unix-sk --shell-job \
        --empty-ns network
    [ -s "$T/work/dump.log" ]
    revives -no-subreaper --no-pivot --work-path "$T/work" --file-locks --tcp-established --ext-unix-sk --shell-job \
        --manage-cgroups-mode=soft --empty-ns=network
    [ -s "$T/work/restore.log" ]
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}

@test "established TCP connections need their option, and go on" {
    make_fifo ready in hold
    # What is written to /in goes over the connection to /got. No sleep takes part: CRIU, which gives up the first time,
    # lets it go on as interrupted (EINTR), which for a newer busybox is its end.
    shell 'nc -l -p 5000 <>/hold >/got & until nc -z 127.0.0.1 5001 || grep -q ":1388 .* 0A" /proc/net/tcp*; do :; done
           nc 127.0.0.1 5000 <>/in & until grep -q ":1388 .* 01" /proc/net/tcp*; do :; done; echo up >/ready; wait'
    "$BERTH" --root "$ROOT" run --detach --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&-
    same "$(wait_for ready)" up
    echo one >"$B/rootfs/in"
    eventually grep -q one "$B/rootfs/got"
    refuses "criu dump failed|tcp" berth checkpoint --image-path "$IMAGES" "$ID"
    dumps --tcp-established
    revives --tcp-established
    echo two >"$B/rootfs/in"
    eventually grep -q two "$B/rootfs/got"
    succeeds berth delete --force "$ID"
}

@test "--page-server: memory goes there" {
    local port=$((20000 + RANDOM % 10000))
    begin_counting
    mkdir "$T/pages" "$IMAGES"
    criu page-server -D "$T/pages" --address 127.0.0.1 --port "$port" --status-fd 5 5>"$T/serving" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
    eventually test -s "$T/serving"
    dumps --page-server "127.0.0.1:$port"
    job_ends 0
    compgen -G "$T/pages/pages-*.img" >/dev/null && ! compgen -G "$IMAGES/pages-*.img"
    cp "$T"/pages/*.img "$IMAGES"
    revives
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}

@test "--manage-cgroups-mode ignore: the container is in its cgroup all the same" {
    begin_counting
    dumps --manage-cgroups-mode ignore
    revives --manage-cgroups-mode ignore
    same "$(counts)" "3 $WORD"
    grep -q "$CGROUP/bundle" "/proc/$(state_of "$ID" pid)/cgroup"
    succeeds berth delete --force "$ID"
}

@test "file locks need their option" {
    make_fifo ready
    cp /usr/bin/flock "$T/flock" 2>/dev/null || skip "needs the program flock"
    config '.mounts += [{destination: "/usr", type: "bind", source: "/usr", options: ["rbind", "ro"]},
        {destination: "/lib", type: "bind", source: "/lib", options: ["rbind", "ro"]},
        {destination: "/lib64", type: "bind", source: "/lib64", options: ["rbind", "ro"]}]'
    shell 'exec 5>/locked; /usr/bin/flock 5; echo up >/ready; while :; do sleep 1000; done'
    "$BERTH" --root "$ROOT" run --detach --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&-
    same "$(wait_for ready)" up
    refuses "lock" berth checkpoint --image-path "$IMAGES" "$ID"
    same "$(state_of)" running
    dumps --file-locks
    revives --file-locks
    ! flock --nonblock "$B/rootfs/locked" true || fail "the lock is gone"
    succeeds berth delete --force "$ID"
}

@test "org.criu.config: settings of the caller overrule" {
    echo "log-file other.log" >"$T/criu.conf"
    config --arg file "$T/criu.conf" '.annotations = {"org.criu.config": $file}'
    begin_counting
    dumps
    [ -s "$IMAGES/other.log" ]
    revives
    same "$(counts)" "3 $WORD"
    succeeds berth delete --force "$ID"
}
