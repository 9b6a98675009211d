#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# security: the known ways out of a container and around a runtime's care, as black-box tests. The root file system, what
# is mounted into it and other containers are hostile; so may be what the caller left open. CVE numbers name the class.
load helpers
load inside

prepare() {
    make_bundle
}

# ---- canaries -------------------------------------------------------------------------------------------------------

# A tree of the host that nothing may touch: $T/outside.
make_outside() {
    mkdir -p "$T/outside/dir"
    echo canary >"$T/outside/file"
    echo ptmx >"$T/outside/ptmx"
    ln -s file "$T/outside/link"
    chmod 0640 "$T/outside/file"
    outside_before=$(outside_now)
    mounts_before=$(host_mounts)
}

outside_now() {
    find "$T/outside" -printf '%p %i %y %m %U:%G %s %T@ %C@ %l\n' | sort
    cat "$T/outside/file" "$T/outside/ptmx"
}

untouched() {
    same "$(outside_now)" "$outside_before" "the tree outside${1:+, $1}"
    same "$(host_mounts)" "$mounts_before" "mounts of the host${1:+, $1}"
}

# attack_program NAME: a static program of tests/attack, at $BATS_FILE_TMPDIR/NAME.
attack_program() {
    needs program:gcc
    [ -x "$BATS_FILE_TMPDIR/$1" ] ||
        gcc -std=c17 -D_GNU_SOURCE -O1 -Wall -static -o "$BATS_FILE_TMPDIR/$1" "$BATS_TEST_DIRNAME/../attack/$1.c" 2>"$T/gcc.err" ||
        fail "$(cat "$T/gcc.err")"
}

# ---- the own program (CVE-2019-5736) --------------------------------------------------------------------------------

# A container that looks for programs to overwrite, of root with the capabilities to read everybody's /proc/PID.
# Others join its PID namespace. Sets $hunter, its process id on the host.
begin_hunter() {
    attack_program exe_writer
    make_bundle hunter
    make_fifo result end
    cp "$BATS_FILE_TMPDIR/exe_writer" "$B/rootfs/bin/exe_writer"
    config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"])'
    payload /bin/exe_writer /result 60
    begin "${MARK}hunter"
    succeeds berth start "${MARK}hunter"
    same "$(wait_for result)" ready
    hunter=$(state_of "${MARK}hunter" pid)
}

# What the hunter has to say; ends it.
end_hunter() {
    B=$T/hunter
    echo >"$B/rootfs/end"
    verdict=$(wait_for result)
    succeeds berth delete --force "${MARK}hunter"
}

join_hunter() {
    config --arg path "/proc/$hunter/ns/pid" \
        '.linux.namespaces |= map(if .type == "pid" then .path = $path else . end)'
}

@test "CVE-2019-5736: the runtime's program, executed in a container by every trick, cannot be overwritten" {
    # A copy, or a test that finds something would destroy what it tests.
    cp "$BERTH" "$T/runtime"
    BERTH=$T/runtime
    local before
    before=$(sha256sum <"$T/runtime")
    begin_hunter
    make_bundle victim
    join_hunter
    # What the image has itself is the image's affair.
    config '.root.readonly = true'
    ln -s /proc/self/exe "$B/rootfs/bin/linked"
    printf '#!/proc/self/exe\n' >"$B/rootfs/bin/script"
    chmod +x "$B/rootfs/bin/script"
    local round entry
    for round in 1 2 3 4 5; do
        for entry in /proc/self/exe linked script /bin/linked true; do
            payload "$entry" features
            try berth run --bundle "$B" "$ID"
            # As an entry point the runtime's own program may fail or not; it must not hang.
            [ "$status" -ne 124 ]
        done
        # A process that waits for start.
        payload true
        begin
        succeeds berth start "$ID"
        eventually is_state "$ID" stopped
        succeeds berth delete "$ID"
    done
    end_hunter
    same "$(sha256sum <"$T/runtime")" "$before" "the runtime's program"
    has "$verdict " "seen:$(stat -c %i "$T/runtime") " "what the hunter found"
    lacks "$verdict" written:
}

@test "the hunter of the test before can overwrite what is not protected" {
    begin_hunter
    make_bundle victim
    join_hunter
    cp /bin/busybox "$T/prey"
    bind "$T/prey" /bin/prey
    local before
    before=$(sha256sum <"$T/prey")
    # busybox goes by the name that it is called by.
    ln -sf prey "$B/rootfs/bin/cat"
    make_fifo hold
    payload /bin/cat /hold
    begin
    succeeds berth start "$ID"
    local inode
    inode=$(stat -c %i "$T/prey")
    eventually grep -qs " seen:$inode" "$T/hunter/rootfs/seen"
    echo >"$B/rootfs/hold"
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    end_hunter
    has "$verdict " "written:$inode "
    [ "$(sha256sum <"$T/prey")" != "$before" ]
}

@test "the runtime's program is neither copied to the disk nor left in memory" {
    add_probe
    payload cat /proc/self/status
    succeeds berth run --bundle "$B" "$ID"
    same "$(find "$T" /run/berth -newer "$B/config.json" -size +500k 2>/dev/null | grep -v -e /rootfs/ -e '/stdout$' || true)" ""
}

# ---- descriptors (CVE-2016-9962, CVE-2024-21626) --------------------------------------------------------------------

# with_open_directories COMMAND...: runs it with directories of the host open at 3 to 64.
with_open_directories() {
    (
        local fd
        for fd in $(seq 3 64); do
            eval "exec $fd</"
        done
        "$@"
    )
}

# try without its closing of 3 and 4, which are what this is about.
try_open() {
    status=0
    with_open_directories "$@" </dev/null >"$T/stdout" 2>"$T/stderr" || status=$?
    output=$(cat "$T/stdout")
    errors=$(cat "$T/stderr")
}

@test "descriptors: the program has 0, 1 and 2, whatever the caller has" {
    add_probe
    payload probe fds
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'fd: 0\nfd: 1\nfd: 2'
    try_open "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" $'fd: 0\nfd: 1\nfd: 2' "with 60 open directories"
    try_open "$BERTH" --root "$ROOT" run --preserve-fds 2 --bundle "$B" "$ID"
    same "$output" $'fd: 0\nfd: 1\nfd: 2\nfd: 3\nfd: 4' "with two preserved"
}

# The descriptors of a process, without sockets, pipes, and what is no file of the host.
host_files_of() {
    local fd target
    for fd in "/proc/$1/fd"/*; do
        target=$(readlink "$fd")
        case $target in
        /dev/null | socket:* | pipe:* | anon_inode:* | /memfd:*) ;;
        /) # Its own root, or the host's?
            [ "$(stat -L -c %d:%i "$fd")" = "$(stat -L -c %d:%i "/proc/$1/root/")" ] || echo "${fd##*/}: the host's root" ;;
        *) echo "${fd##*/}: $target" ;;
        esac
    done
}

@test "descriptors: a created process that waits holds nothing of the host" {
    make_fifo ready
    mkdir "$T/source"
    bind "$T/source" /m
    add_mount /sys/fs/cgroup cgroup cgroup ro
    config '.hooks.createContainer = [{path: "/bin/true"}] | .hooks.startContainer = [{path: "/bin/true"}]'
    forbid_something
    shell 'echo up >/ready; sleep 1000'
    (
        local fd
        for fd in $(seq 3 40); do
            eval "exec $fd</"
        done
        exec "$BERTH" --root "$ROOT" create --bundle "$B" "$ID" </dev/null >/dev/null 2>&1
    )
    local pid
    pid=$(state_of "$ID" pid)
    same "$(host_files_of "$pid")" "" "descriptors of the process that waits"
    has "$(readlink "/proc/$pid/cwd")" "/"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    same "$(find "/proc/$pid/fd" -mindepth 1 -printf '%f ' | tr ' ' '\n' | sort -n | xargs)" "0 1 2"
}

forbid_something() {
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
}

# Creates with each of $T/configs; exit statuses and errors are in $T/answers.
try_configs() {
    local n result
    for n in $(seq 3 64); do
        result=0
        "$BERTH" --root "$ROOT" create --bundle "$B" --config "$T/configs/$n" "$ID" </dev/null >/dev/null 2>"$T/error" || result=$?
        echo "$n: $result $(cat "$T/error")"
    done >"$T/answers"
}

@test "CVE-2024-21626: a working directory through a descriptor" {
    local n cwd
    ln -s /proc/self/fd/7 "$B/rootfs/work"
    ln -s /proc/self/fd "$B/rootfs/fds"
    payload pwd
    mkdir "$T/configs"
    n=3
    while read -r cwd; do
        echo "$cwd" >"$T/configs/$n"
        n=$((n + 1))
    done <<<"$(jq -c 'range(3; 65) as $n | .process.cwd = "/proc/self/fd/\($n)"' "$B/config.json")"
    with_open_directories try_configs
    same "$(grep -c ": 1 .*/process/cwd" "$T/answers")" 62 "refusals: $(cat "$T/answers")"
    absent
    for cwd in /proc/self/fd/7/../.. /proc/self/fd/8/tmp /work /work/tmp /fds/9 /proc/thread-self/fd/7 /proc/1/fd/7 \
        /proc/self/fd/. /proc/self/task/1/fd/7; do
        config --arg cwd "$cwd" '.process.cwd = $cwd'
        try_open "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        # The list of descriptors itself is no way out.
        [ "$status" -eq 1 ] || [ "$cwd" = /proc/self/fd/. ] || tell_last "cwd $cwd"
    done
    absent
}

@test "CVE-2024-21626: a program through a descriptor" {
    cp /bin/busybox "$T/host-only"
    local path
    for path in /proc/self/fd/7/bin/sh /proc/self/fd/7/../../../bin/sh; do
        payload "$path" -c 'echo out'
        try_open "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        [ "$status" -ne 0 ] || tell_last "program $path"
        lacks "$output" out
    done
}

@test "CVE-2016-9962: a process that waits for start is closed to root in a PID namespace that it shares" {
    add_probe
    make_fifo ready go
    shell 'echo up >/ready; read pid </go; probe spy=$pid >/ready 2>&1; read pid </go'
    begin "${MARK}spy"
    succeeds berth start "${MARK}spy"
    same "$(wait_for ready)" up
    local spy=$B
    hunter=$(state_of "${MARK}spy" pid)
    make_bundle waiting
    join_hunter
    begin
    local pid inside
    pid=$(state_of "$ID" pid)
    inside=$(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")
    B=$spy
    echo "$inside" >"$B/rootfs/go"
    same "$(wait_for ready)" "spy: nothing"
    succeeds berth delete --force "$ID"
    succeeds berth delete --force "${MARK}spy"
}

@test "the spy of the test before sees what is open" {
    add_probe
    make_fifo ready
    shell 'sleep 1000 & probe spy=$! >/ready; kill $!'
    begin
    succeeds berth start "$ID"
    has "$(wait_for ready)" "fd0 fd1 fd2 exe cwd root"
}

# ---- a hostile root file system -------------------------------------------------------------------------------------

@test "CVE-2019-19921, CVE-2023-27561: /proc and /sys of the image are links" {
    make_outside
    local name target
    for name in proc sys; do
        rmdir "$B/rootfs/$name"
        for target in "$T/outside/dir" ../../outside/dir /tmp ../tmp . /proc /dev/shm; do
            ln -s "$target" "$B/rootfs/$name"
            exits 1 berth create --bundle "$B" "$ID"
            absent
            rm "$B/rootfs/$name"
        done
        mkdir "$B/rootfs/$name"
    done
    untouched
}

@test "CVE-2026-41579, CVE-2026-47766: /dev of the image is a link, with and without a mount there" {
    make_outside
    rmdir "$B/rootfs/dev"
    mkdir "$B/rootfs/inside"
    local target mounted
    for mounted in yes no; do
        for target in "$T/outside" ../../outside ../../../outside /inside; do
            ln -s "$target" "$B/rootfs/dev"
            try berth run --bundle "$B" "$ID"
            untouched "/dev is a link to $target, mounted: $mounted"
            absent
            rm -r "$B/rootfs/dev"
        done
        config '.mounts |= map(select(.destination | startswith("/dev") | not))'
    done
}

@test "CVE-2019-18837 and kin: links on the way of mounts, devices, paths and the working directory stay inside" {
    make_outside
    local link inside
    mkdir "$T/source"
    echo source >"$T/source-file"
    for inside in no yes; do
        for link in "$T/outside" ../../outside ../../../../../../../../../../../../../../../../../../"${T#/}/outside"; do
            # What the link leads to, seen from inside, is there or not.
            [ "$inside" = no ] || mkdir -p "$B/rootfs$T/outside" "$B/rootfs/outside"
            rm -rf "$B/rootfs/esc"
            ln -s "$link" "$B/rootfs/esc"
            config '.mounts = (.mounts | map(select(.destination | startswith("/esc") | not))) | del(.linux.devices)
                    | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | .process.cwd = "/"'
            add_rows "$(mount_row /esc/tmpfs tmpfs t)" "$(mount_row /esc/dir bind "$T/source" bind)" \
                "$(mount_row /esc/deep/bind bind "$T/source" bind)" "$(mount_row /esc/file bind "$T/source-file" bind)" \
                "$(mount_row /esc/made bind "$T/source-file" bind)"
            config '.linux.devices = [{path: "/esc/null", type: "c", major: 1, minor: 3}, {path: "/esc/ptmx", type: "p"}]
                    | .process.cwd = "/esc/cwd" | .linux.maskedPaths = ["/esc/file", "/esc/dir"] | .linux.readonlyPaths = ["/esc"]'
            try berth run --bundle "$B" "$ID"
            untouched "through $link"
            absent
            [ "$inside" = no ] || same "$status" 0 "status through $link: $errors"
        done
    done
    # What they named was made inside.
    [ -d "$B/rootfs$T/outside/deep/bind" ]
    [ -d "$B/rootfs/outside/deep/bind" ]
}

@test "CVE-2026-88264: /dev/console of the image is a link, with a terminal" {
    make_outside
    config '.mounts |= map(select(.destination != "/dev")) | .process.terminal = true'
    mkdir "$B/rootfs/dev/pts" "$B/rootfs/dev/shm"
    local target sealed
    for sealed in false true; do
        config --argjson r "$sealed" '.root.readonly = $r'
        for target in "$T/outside/new" ../../../outside/new "$T/outside/file" ../../../outside/file /proc/self/fd/0; do
            rm -f "$B/rootfs/dev/console"
            ln -s "$target" "$B/rootfs/dev/console"
            try berth run --bundle "$B" "$ID"
            untouched "/dev/console is a link to $target"
            absent
        done
    done
}

@test "CVE-2025-52565: /dev/pts is a directory of somebody else, with a terminal" {
    make_outside
    mkdir "$T/pts"
    config '.mounts |= map(select(.destination != "/dev/pts")) | .process.terminal = true'
    bind "$T/pts" /dev/pts
    # stat(1) of busybox follows no link.
    payload stat -c '%F %t' /dev/console
    local kind n
    for kind in nothing link file host-ptmx; do
        rm -rf "${T:?}/pts"/*
        for n in 0 1 2 3; do
            ln -s ../../outside/file "$T/pts/$n"
        done
        case $kind in
        link) ln -s "$T/outside/ptmx" "$T/pts/ptmx" ;;
        file) echo text >"$T/pts/ptmx" ;;
        host-ptmx) mknod -m 0666 "$T/pts/ptmx" c 5 2 ;;
        nothing) ;;
        esac
        try berth run --bundle "$B" "$ID"
        untouched "$kind"
        absent
        # Refused, or a true terminal: 136 is 88 in hexadecimal.
        [ "$status" -ne 0 ] || same "$(tr -d '\r' <<<"$output")" "character special file 88" "/dev/console with $kind as ptmx"
    done
}

@test "CVE-2026-88265: /dev/null of the image is a link or something else, standard streams closed or on null" {
    make_outside
    config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .process.user = {uid: 1000, gid: 1000}'
    local target
    for target in "$T/outside/file" ../../../outside/file "$T/outside/new" /etc/passwd; do
        rm -f "$B/rootfs/dev/null"
        ln -s "$target" "$B/rootfs/dev/null"
        try berth run --bundle "$B" "$ID"
        untouched "/dev/null is a link to $target"
        try bash -c '"$@" <&- >&- 2>&-' bash "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        untouched "/dev/null is a link to $target, nothing open"
        absent
        same "$(stat -c %u "$B/rootfs/etc/passwd")" 0 "owner of a file inside"
    done
    # The same with a /dev that the caller brings, where no device is made.
    mkdir "$T/dev"
    ln -s /etc/passwd "$T/dev/null"
    bind "$T/dev" /dev
    payload true
    succeeds berth run --bundle "$B" "$ID"
    same "$(stat -c %u:%a "$B/rootfs/etc/passwd")" 0:644
    # A device that only looks like it: written by whoever made the volume.
    rm "$T/dev/null"
    mknod -m 0600 "$T/dev/null" c 1 3
    succeeds berth run --bundle "$B" "$ID"
    same "$(stat -c %u:%a "$T/dev/null")" 0:600
}

@test "standard streams that are files of the host stay their owner's" {
    config '.process.user = {uid: 1000, gid: 1000}'
    echo text >"$T/input"
    chmod 0600 "$T/input"
    shell 'cat; echo out; echo err >&2'
    status=0
    berth run --bundle "$B" "$ID" <"$T/input" >"$T/out" 2>"$T/err" 3>&- 4>&- || status=$?
    same "$status" 0
    same "$(cat "$T/out" "$T/err")" $'text\nout\nerr'
    same "$(stat -c %u "$T/input" "$T/out" "$T/err" | sort -u)" 0
}

@test "CVE-2025-31133: masked paths do not trust the container's /dev/null" {
    mkdir "$T/dev"
    config '.mounts |= map(select(.destination | startswith("/dev") | not))'
    bind "$T/dev" /dev
    echo secret >"$B/rootfs/secret"
    config '.linux.maskedPaths = ["/secret", "/proc/keys"]'
    local core before
    core=/proc/sys/kernel/core_pattern
    before=$(cat $core)
    for kind in link-to-core link-to-file zero fifo none; do
        rm -f "$T/dev/null"
        case $kind in
        link-to-core) ln -s /proc/sys/kernel/core_pattern "$T/dev/null" ;;
        link-to-file) ln -s /etc/passwd "$T/dev/null" ;;
        zero) mknod "$T/dev/null" c 1 5 ;;
        fifo) mkfifo "$T/dev/null" ;;
        none) ;;
        esac
        run_shell 'stat -c "%n: %t:%T" /secret /proc/keys; wc -c </proc/keys; cat /secret'
        same "$output" $'/secret: 1:3\n/proc/keys: 1:3\n0' "/dev/null is $kind"
    done
    same "$(cat $core)" "$before"
}

@test "CVE-2015-1331: a state root that others can write to is refused; links in it are not followed" {
    make_outside
    mkdir "$T/open" "$T/foreign"
    chmod 0777 "$T/open"
    chown 1000 "$T/foreign"
    local dir
    for dir in "$T/open" "$T/foreign"; do
        exits 1 "$BERTH" --root "$dir" run --bundle "$B" "$ID"
        has "$errors" "$dir"
        same "$(ls -A "$dir")" ""
    done
    begin
    ln -s "$T/outside" "$ROOT/$ID/link"
    mkdir -p "$ROOT/$ID/deep"
    ln -s "$T/outside/file" "$ROOT/$ID/deep/link"
    try berth delete --force "$ID"
    untouched "after delete"
    rm -rf "${ROOT:?}/$ID"
    ln -s "$T/outside" "$ROOT/$ID"
    local command
    for command in state start kill 'delete --force' 'delete'; do
        # shellcheck disable=SC2086
        try berth $command "$ID"
        untouched "after $command of a link"
    done
    exits 1 berth create --bundle "$B" "$ID"
    untouched "after create of a link"
    rm -f "$ROOT/$ID"
}

# ---- races (CVE-2021-30465, CVE-2024-45310, CVE-2025-31133, CVE-2025-52881) -----------------------------------------

# race A B [A B]...: exchanges the names until end_race.
race() {
    attack_program racer
    mkfifo "$T/race"
    "$BATS_FILE_TMPDIR/racer" "$@" >"$T/race" 2>"$T/race.err" 3>&- 4>&- &
    racer=$!
    exec 9<"$T/race"
    local word
    read -r -t "$PATIENCE" word <&9
    same "$word" ready
}

end_race() {
    kill -TERM "$racer"
    wait "$racer" || fail "the racer: $(cat "$T/race.err")"
    local rounds
    read -r -t "$PATIENCE" rounds <&9
    exec 9<&-
    rm "$T/race"
    [ "$rounds" -gt "$1" ] || fail "the racer came to $rounds rounds only"
}

@test "a volume in which names are exchanged while containers are created: no mount, file or device outside" {
    make_outside
    mkdir -p "$T/volume"/{one,two,three,source} "$B/rootfs/tmp/outside"
    local up=../../../../../../../../../..
    ln -s / "$T/volume/one.link"
    ln -s "$up${T}/outside" "$T/volume/two.link"
    ln -s "$T/outside" "$T/volume/three.link"
    echo text >"$T/volume/source/file"
    bind "$T/volume" /v
    add_rows "$(mount_row /v/one/dir tmpfs t)" "$(mount_row /v/two/dir bind "$T/volume/source" bind)" \
        "$(mount_row /v/three/file bind "$T/volume/source/file" bind)" "$(mount_row /v/two/a/b/c tmpfs t)"
    config '.linux.devices = [{path: "/v/two/null", type: "c", major: 1, minor: 3}, {path: "/v/three/ptmx", type: "p"}]
            | .process.cwd = "/v/two/cwd" | .linux.maskedPaths += ["/v/three/dir", "/v/two/file"]
            | .linux.readonlyPaths += ["/v/three"]'
    local root_before root_now n ran=0 refused=0
    root_before=$(ls -A /)
    race "$T/volume/one" "$T/volume/one.link" "$T/volume/two" "$T/volume/two.link" "$T/volume/three" "$T/volume/three.link"
    payload true
    for n in $(seq 300); do
        if "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >/dev/null 2>>"$T/errors" 3>&- 4>&-; then
            ran=$((ran + 1))
        else
            refused=$((refused + 1))
        fi
    done
    end_race 1000
    root_now=$(ls -A /)
    same "$root_now" "$root_before" "the root of the host"
    untouched "after $ran containers and $refused refusals"
    absent
    # Both happen, or there was no race: what is tried must be able to succeed.
    [ "$ran" -gt 0 ] || fail "no container ran at all: $(sort "$T/errors" | uniq -c | head)"
}

@test "/dev/null of a volume is exchanged while paths are masked: nothing is shown, nothing is written" {
    mkdir "$T/dev"
    mknod -m 0666 "$T/dev/null" c 1 3
    ln -s /proc/sys/kernel/core_pattern "$T/dev/other"
    echo secret >"$B/rootfs/secret"
    config '.mounts |= map(select(.destination | startswith("/dev") | not))'
    bind "$T/dev" /dev
    config '.linux.maskedPaths = ["/secret", "/proc/keys", "/proc/timer_list"]'
    local before n
    before=$(cat /proc/sys/kernel/core_pattern)
    payload cat /secret /proc/keys
    race "$T/dev/null" "$T/dev/other"
    for n in $(seq 100); do
        "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null 3>&- 4>&-
    done >"$T/shown"
    end_race 1000
    same "$(cat "$T/shown")" "" "what is masked"
    same "$(cat /proc/sys/kernel/core_pattern)" "$before"
}

# ---- what the host has locked ---------------------------------------------------------------------------------------

# with_admin: a user namespace of its own, in which the container's root may mount and unmount.
with_admin() {
    needs userns
    config '.linux.namespaces += [{type: "user"}] | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])
            | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
            | .linux.gidMappings = .linux.uidMappings'
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
}

# guard TREE: makes it a mount of the host that is read-only, without set-user-ID programs and devices, and in which
# TREE/secret is covered by an empty file system. Only root of the host may write to what is there.
guard() {
    mkdir -p "$1/secret" "$1/open"
    echo TOPSECRET >"$1/secret/key"
    chmod 0777 "$1/open"
    mount --bind "$1" "$1"
    mount --make-private "$1"
    mount -o remount,bind,ro,nosuid,nodev "$1"
    mount -t tmpfs -o size=4k cover "$1/secret"
}

unguard() {
    umount "$1/secret" "$1"
    same "$(ls -A "$1/open")" "" "what was written to $1"
}

# attack_guard POINT [FLAGS]: a shell script of the container that tries to undo all that. Its first word is the mount.
attack_guard() {
    cat <<SH
awk -v p=$1 '\$2 == p { split(\$4, o, ","); for (i in o) has[o[i]] = 1 } END { print ("ro" in has) ("nosuid" in has) ("nodev" in has) }' /proc/self/mounts
for o in rw ro,suid,nodev ro,nosuid,dev ro,nosuid,nodev,noatime; do
    mount -o remount,bind,\$o none $1 2>/dev/null && echo "remount \$o"
    touch ${1%/}/open/file 2>/dev/null && echo written
done
umount ${1%/}/secret 2>/dev/null && echo unmounted
umount -l ${1%/}/secret 2>/dev/null && echo detached
mkdir /dev/again && mount -o bind $1 /dev/again 2>/dev/null && cat /dev/again/secret/key
cat ${1%/}/secret/key 2>/dev/null
echo end
SH
}

@test "user namespace: flags and covers of a mount of the host hold for a container that may mount" {
    with_admin
    guard "$T/guarded"
    mkdir "$B/rootfs/v"
    bind "$T/guarded" /v rbind
    run_shell "$(attack_guard /v)"
    same "$output" $'111\nend'
    # A process in between makes the new one, where something is joined as well.
    config '(.linux.namespaces[] | select(.type == "uts")) += {path: "/proc/self/ns/uts"} | del(.hostname)'
    run_shell "$(attack_guard /v)"
    same "$output" $'111\nend' "with a joined namespace"
    unguard "$T/guarded"
}

@test "user namespace: flags and covers of the root file system's mount hold as well" {
    with_admin
    guard "$B/rootfs"
    run_shell "$(attack_guard /)"
    same "$output" $'111\nend'
    # At its path, where hooks look for it, it is the same mount.
    config '.hooks.createContainer = [{path: "/bin/true"}]'
    run_shell "$(attack_guard /)"
    same "$output" $'111\nend' "with hooks"
    unguard "$B/rootfs"
}

@test "user namespace: what the host has locked stays so in an id-mapped mount" {
    with_admin
    guard "$T/guarded"
    mkdir "$B/rootfs/v"
    bind "$T/guarded" /v rbind ridmap
    shell "stat -c %u /v/open; $(attack_guard /v)"
    try berth run --bundle "$B" "$ID"
    same "$status" 0 "$errors"
    same "$output" $'0\n111\nend'
    unguard "$T/guarded"
}

@test "user namespace: what the host has locked stays so in one that is joined" {
    needs userns
    mkfifo "$T/owned"
    unshare --user sh -c 'echo >owned; exec sleep 1000' </dev/null >/dev/null 2>&1 3>&- 4>&- &
    local owner=$!
    read -r -t "$PATIENCE" _ <"$T/owned"
    echo 0 100000 65536 >"/proc/$owner/uid_map"
    echo 0 100000 65536 >"/proc/$owner/gid_map"
    with_admin
    config --arg path "/proc/$owner/ns/user" 'del(.linux.uidMappings, .linux.gidMappings)
        | (.linux.namespaces[] | select(.type == "user")) += {path: $path}'
    guard "$T/guarded"
    guard "$B/rootfs"
    # The mount point of the other one is there already.
    bind "$T/guarded" /tmp rbind
    run_shell "$(attack_guard /tmp); rmdir /dev/again; $(attack_guard /)"
    kill "$owner"
    wait "$owner" || true
    same "$output" $'111\nend\n111\nend'
    unguard "$B/rootfs"
    unguard "$T/guarded"
}

@test "user namespace: without recursion, a bind would uncover what the host has covered: refused" {
    with_admin
    guard "$T/guarded"
    mkdir "$B/rootfs/v"
    bind "$T/guarded" /v
    refuses "$T/guarded|mounts[" berth create --bundle "$B" "$ID"
    absent
    bind "$T/guarded/open" /v
    config '.mounts |= (.[:-2] + .[-1:])'
    payload true
    succeeds berth run --bundle "$B" "$ID"
    unguard "$T/guarded"
}

@test "user namespace: sources are found with the rights of the host, whoever is root inside" {
    with_admin
    mkdir -p "$T/closed/source" "$B/rootfs/v" "$B/rootfs/w"
    echo text >"$T/closed/source/file"
    ln -s ../source "$T/closed/source/link"
    mv "$B/rootfs" "$T/closed/rootfs"
    chmod 0700 "$T/closed"
    bind "$T/closed/source" /v
    bind "$T/closed/source/link/link/link/file" /w/../v/file2
    config --arg path "$T/closed/rootfs" '.root.path = $path | .mounts[-1].destination = "/etc/group"'
    payload cat /v/file /etc/group
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'text\ntext'
}

@test "user namespace: the same locks where the runtime may not go into the container's mount namespace" {
    needs program:strace
    with_admin
    guard "$T/guarded"
    mkdir "$B/rootfs/v"
    bind "$T/guarded" /v rbind
    shell "$(attack_guard /v)"
    # Nobody calls setns here but the process that clones sources in the container's mount namespace.
    succeeds injected setns:error=EPERM run --bundle "$B" "$ID"
    same "$output" $'111\nend'
    # Ids can be mapped in a tree only that was cloned for the container before.
    config '.mounts[-1].options += ["ridmap"]'
    refuses "$T/guarded|mounts[" injected setns:error=EPERM run --bundle "$B" "$ID"
    absent
    unguard "$T/guarded"
}

@test "user namespace: the process that clones sources fails or is killed, or the runtime is: nothing is left" {
    needs program:strace
    with_admin
    refuses "without a word" injected setns:signal=KILL create --bundle "$B" "$ID"
    absent
    refuses "join the namespaces" injected setns:error=ENOMEM create --bundle "$B" "$ID"
    absent
    injected setns:delay_enter=20000000 create --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 3>&- 4>&- &
    local job=$! runtime tracer
    eventually cloner
    read -r runtime tracer <<<"$(awk '/^(PPid|TracerPid):/ { printf "%s ", $2 }' "/proc/$cloner/status")"
    kill -KILL "$runtime"
    eventually doomed
    kill -KILL "$tracer"
    wait "$job" || true
    succeeds berth delete --force "$ID"
    absent
}

# Finds the process of this test that clones sources: $cloner.
cloner() {
    local dir
    for dir in $(grep -lsx 'berth:\[CLONE\]' /proc/[0-9]*/comm); do
        cloner=${dir//[^0-9]/}
        # Nobody has an environment any more once he is dead.
        if { tr '\0' '\n' <"/proc/$cloner/environ"; } 2>/dev/null | grep -qx "BERTH_TEST=$MARK"; then
            return 0
        fi
    done
    return 1
}

# It is dead, or has a KILL to die of once its tracer lets it.
doomed() {
    local pending
    ! cloner || { pending=$(awk '/^ShdPnd:/ { print $2 }' "/proc/$cloner/status") && ((16#$pending & 1 << 8)); }
}

# ---- a hostile config, ids, the caller ------------------------------------------------------------------------------

@test "ids that are paths: refused by every command, and nothing is touched" {
    make_outside
    mkdir -p "$ROOT/x"
    rmdir "$ROOT/x"
    local id command
    for id in .. . ../outside ./x a/b /etc "$T/outside" .hidden '' ' ' 'a b' $'a\nb' 'é' 'a*' 'a%s%n' "$(printf 'a%.0s' {1..2000})" \
        '../../outside' 'x/../../outside' $'a\tb' '~' 'a\b' 'a:b'; do
        for command in 'create --bundle' 'run --bundle'; do
            # shellcheck disable=SC2086
            exits 1 berth $command "$B" -- "$id"
        done
        for command in start state kill delete; do
            exits 1 berth "$command" -- "$id"
        done
        try berth delete --force -- "$id"
        untouched "after the id '$id'"
    done
    same "$(find "$ROOT" -mindepth 1 -not -path '*/.cache*' 2>/dev/null)" "" "the state root"
    for id in a A0 _x +x a.b-c_d+e; do
        payload true
        succeeds berth run --bundle "$B" "$id"
    done
}

@test "configurations that are too large, too deep or too clever: a clear error, soon" {
    local -A makers=(
        [deep]='"\"x\":" + ("[" * 10000) + ("]" * 10000)'
        [objects]='"\"x\":" + ("{\"a\":" * 5000) + "1" + ("}" * 5000)'
        [large]='"\"x\":\"" + ("a" * 20000000) + "\""'
        [nul]='"\"hostname\":\"a\\u0000b\""'
        [args]='"\"process\":{\"cwd\":\"/\",\"args\":[\"/bin/true\\u0000x\"]}"'
        [number]='"\"x\":" + ("9" * 5000)'
    )
    local name started limit=(prlimit --as=1073741824)
    # A build with the address sanitizer needs terabytes of it.
    [ -z "${ASAN_OPTIONS:-}" ] || limit=()
    for name in "${!makers[@]}"; do
        jq -nr "\"{\\\"ociVersion\\\":\\\"1.2.0\\\",\" + (${makers[$name]}) + \",\\\"root\\\":{\\\"path\\\":\\\"rootfs\\\"}}\"" >"$T/config.json"
        started=$SECONDS
        try "${limit[@]}" timeout 20 "$BERTH" --root "$ROOT" create --bundle "$B" --config "$T/config.json" "$ID"
        if [ "$status" -eq 0 ]; then
            # A huge number in a property that nobody knows does no harm.
            [ "$name" = number ] || fail "$name was accepted"
            succeeds berth delete --force "$ID"
        else
            same "$status" 1 "$name: $errors"
            [ "$(wc -c <"$T/stderr")" -lt 4096 ] || fail "$name: an error of $(wc -c <"$T/stderr") bytes"
        fi
        [ $((SECONDS - started)) -le 10 ] || fail "$name took $((SECONDS - started)) s"
        absent
    done
    # Large, but not too large.
    config '.annotations = ([range(20000) | {key: "org.example.\(.)", value: ("v" * 50)}] | from_entries)
            | .process.env += [range(20000) | "V\(.)=x"]'
    payload true
    succeeds berth run --bundle "$B" "$ID"
}

@test "CVE-2024-25621: state is for its owner only, whatever the umask" {
    local mask
    for mask in 0 0777; do
        umask "$mask"
        try berth create --bundle "$B" "$ID"
        umask 022
        same "$status" 0 "create with umask $mask: $errors"
        same "$(stat -c %a "$ROOT" "$ROOT/$ID" | sort -u)" 700 "directories with umask $mask"
        same "$(find "$ROOT" -perm /077)" "" "what others may read or write with umask $mask"
        same "$(find "$ROOT" -type f -not -perm 0600)" "" "modes of files with umask $mask"
        succeeds berth delete --force "$ID"
        rm -r "$ROOT"
    done
}

@test "CVE-2022-29162 and kin: no inheritable and no ambient capabilities that nobody asked for" {
    payload grep -E 'CapInh|CapAmb' /proc/self/status
    config '.process.capabilities.bounding += ["CAP_NET_RAW"] | .process.noNewPrivileges = false'
    # Not even those of a caller that has them.
    succeeds setpriv --inh-caps +net_raw,+chown --ambient-caps +net_raw "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(field CapInh)$(field CapAmb)" 00000000000000000000000000000000
    mkdir "$T/spec"
    succeeds berth spec --bundle "$T/spec"
    same "$(jq -c '.process.capabilities | [.inheritable // [], .ambient // []]' "$T/spec/config.json")" '[[],[]]'
}

@test "CVE-2016-10124, CVE-2017-5226: the caller's terminal cannot be typed into" {
    needs program:python3
    add_probe
    payload probe tiocsti session
    # A terminal of its own whose slave is everything that the runtime has, as a user's shell would hand it on.
    cat >"$T/in_terminal.py" <<'PYTHON'
import os, pty, select, sys, termios
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while True:
    try:
        part = os.read(master, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
status = os.waitpid(pid, 0)[1]
sys.stdout.write(seen.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(status))
PYTHON
    succeeds python3 "$T/in_terminal.py" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    [ -n "$(field tiocsti)" ] && [ "$(field tiocsti)" != "done" ] || fail "TIOCSTI: $output"
    [ "$(field tioclinux)" != "done" ] || fail "TIOCLINUX: $output"
    same "$(field tty)" "No such device or address"
    lacks "$output" '!'
}

@test "the configuration of spec: dangerous files of /proc and /sys are out of reach" {
    rm "$B/config.json"
    succeeds berth spec --bundle "$B"
    config --arg c "$CGROUP/bundle" '.process.terminal = false | .linux.cgroupsPath = $c | .root.readonly = false'
    config --arg mark "$MARK" '.process.env += ["BERTH_TEST=\($mark)"]'
    run_shell 'for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/vm/panic_on_oom \
                   /proc/irq/default_smp_affinity /sys/kernel/uevent_helper /sys/power/state /sys/fs/cgroup/*/release_agent \
                   /sys/fs/cgroup/release_agent; do
                   if [ -e $f ] && sh -c "echo x >$f" 2>/dev/null; then echo "$f can be written"; fi
               done
               for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug; do
                   if [ -s $f ] || [ "$(head -c 1 $f 2>/dev/null | wc -c)" != 0 ]; then echo "$f can be read"; fi
               done
               ls -A /sys/firmware /proc/acpi /proc/scsi 2>/dev/null | grep -v : | grep . ; mkdir /sys/fs/cgroup/x 2>/dev/null && echo cgroup
               mount -t tmpfs t /tmp 2>/dev/null && echo mount; mknod /tmp/d b 7 0 2>/dev/null && echo node; echo end'
    same "$output" end
}

@test "CVE-2019-14271: code of the image is not run outside of it" {
    mkdir -p "$B/rootfs/lib" "$B/rootfs/etc/ld.so.conf.d"
    echo 'passwd: evil' >"$B/rootfs/etc/nsswitch.conf"
    echo /evil.so >"$B/rootfs/etc/ld.so.preload"
    mkfifo "$B/rootfs/etc/localtime" "$B/rootfs/etc/locale.alias"
    ln -s /dev/zero "$B/rootfs/etc/group"  2>/dev/null || ln -sf /dev/zero "$B/rootfs/etc/group"
    config '.process.env += ["LD_PRELOAD=/evil.so", "LD_LIBRARY_PATH=/", "MALLOC_TRACE=/trace", "TZ=:/etc/localtime"]'
    payload /bin/true
    succeeds timeout "$PATIENCE" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    [ ! -e "$B/rootfs/trace" ] || fail "something read the container's environment"
}

@test "a root file system in which /proc is exchanged while containers are created: no procfs without its masks" {
    local kind n found=0 refused=0 bad='' said
    mkdir -p "$B/rootfs"/{proc,sys,fake,real}
    touch "$B/rootfs/fake/keys"
    # The payload says what it can do with any procfs that it finds; nothing is written.
    shell 'n=0
        for d in /proc /fake /real; do
            cd $d && [ -d sys/kernel ] || continue # once in there, names outside do not matter
            n=$((n + 1))
            (: >>sys/kernel/core_pattern) 2>/dev/null && echo "sys is writable"
            [ -c keys ] || echo "keys is not masked"
        done
        echo "found $n"'
    for kind in directory link; do
        if [ "$kind" = link ]; then
            rm -rf "$B/rootfs/fake"
            ln -s /real "$B/rootfs/fake"
        fi
        race "$B/rootfs/proc" "$B/rootfs/fake"
        for n in $(seq 60); do
            if "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >"$T/said" 2>>"$T/errors" 3>&- 4>&-; then
                said=$(cat "$T/said")
                case $said in *" is "*) bad="with a $kind: $said" ;; esac
                ! grep -q 'found [1-9]' "$T/said" || found=$((found + 1))
            else
                refused=$((refused + 1))
            fi
        done
        end_race 1000
        # Which of the two is called proc is a matter of luck.
        [ ! -L "$B/rootfs/proc" ] || mv -T --exchange "$B/rootfs/proc" "$B/rootfs/fake" 2>/dev/null ||
            { mv "$B/rootfs/proc" "$B/rootfs/swap" && mv "$B/rootfs/fake" "$B/rootfs/proc" && mv "$B/rootfs/swap" "$B/rootfs/fake"; }
    done
    same "$bad" ""
    [ "$found" -gt 0 ] || fail "no container had a procfs at all; $refused refused: $(tail -n 3 "$T/errors")"
}

# The host's nodes as they were, whatever a failing test has done to them.
nodes_restore() {
    chmod 0666 /dev/null /dev/zero
    chown 0:0 /dev/null /dev/zero
}

@test "the host's /dev/null keeps its mode, owner and times, whatever the container does to what it gets of it" {
    local before
    trap nodes_restore RETURN
    before=$(stat -c '%a %u:%g %Y' /dev/null)
    config '.process.capabilities |= with_entries(.value += ["CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE"])'
    local tamper='for f in /proc/keys /proc/timer_list /proc/self/fd/0 /dev/null; do
        chmod 0600 $f; chown 1:1 $f; touch -d 2001-01-01 $f; echo lost >$f || exit 9; done 2>/dev/null; exit 0'
    shell "$tamper"
    succeeds berth run --bundle "$B" "$ID"
    same "$(stat -c '%a %u:%g %Y' /dev/null)" "$before" "masked paths"
    # No /dev of its own: standard streams stay what the caller has given.
    config '.mounts |= map(select(.destination | startswith("/dev") | not))'
    succeeds berth run --bundle "$B" "$ID"
    same "$(stat -c '%a %u:%g %Y' /dev/null)" "$before" "standard input"
    long_running
    begin_running
    succeeds berth exec "$ID" sh -c "$tamper"
    same "$(stat -c '%a %u:%g %Y' /dev/null)" "$before" "standard input of exec"
}

@test "the host's device nodes in a user namespace with the same ids keep their mode, owner and times" {
    needs userns
    local before
    trap nodes_restore RETURN
    before=$(stat -c '%a %u:%g %Y' /dev/null /dev/zero)
    config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 65536}] |
        .linux.gidMappings = .linux.uidMappings |
        .process.capabilities |= with_entries(.value += ["CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE"])'
    shell 'for f in /dev/null /dev/zero; do chmod 0600 $f; chown 1:1 $f; touch -d 2001-01-01 $f; done 2>/dev/null
        echo lost >/dev/null && head -c 1 /dev/zero | wc -c'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" 1
    same "$(stat -c '%a %u:%g %Y' /dev/null /dev/zero)" "$before"
}
