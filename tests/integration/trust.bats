#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# trust: what berth takes from its surroundings: its own program file, the environment of its caller, names that others
# can choose as well. Each test is an attempt to make use of it.
load helpers

prepare() {
    make_bundle
}

# attack_program NAME: a static program of tests/attack, at $BATS_FILE_TMPDIR/NAME.
attack_program() {
    needs program:gcc
    [ -x "$BATS_FILE_TMPDIR/$1" ] ||
        gcc -std=c17 -D_GNU_SOURCE -O1 -Wall -static -o "$BATS_FILE_TMPDIR/$1" "$BATS_TEST_DIRNAME/../attack/$1.c" 2>"$T/gcc.err" ||
        fail "$(cat "$T/gcc.err")"
}

all_capabilities() {
    "$BERTH" features | jq .linux.capabilities
}

# ---- the own program ------------------------------------------------------------------------------------------------

# own_copy: BERTH becomes a copy on a mount of its own, $T/own. A test that finds a hole destroys only that.
own_copy() {
    mkdir "$T/own"
    cp "$BERTH" "$T/own/berth"
    mount --bind "$T/own" "$T/own"
    BERTH=$T/own/berth
}

owner=
finish() {
    [ -z "$owner" ] || {
        kill "$owner"
        wait "$owner" || true
    }
    ! mountpoint -q "$T/own" || umount --lazy "$T/own"
    ! mountpoint -q "$T/disk" || umount --lazy "$T/disk"
}

# A container whose program keeps open each program that it sees in /proc, and tries to write to it.
begin_writer() {
    attack_program exe_writer
    cp "$BATS_FILE_TMPDIR/exe_writer" "$B/rootfs/bin/exe_writer"
    make_fifo result end
    config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"])'
    payload /bin/exe_writer /result 60
    begin
    succeeds berth start "$ID"
    same "$(wait_for result)" ready
}

# Until the writer has seen the program whose inode this is.
seen_by_writer() {
    succeeds berth exec "$ID" /proc/self/exe features
    grep -q " seen:$1\$" "$B/rootfs/seen"
}

# Whether the program was protected although its mount, which was read-only, is made writable.
outlives_remount() {
    local before
    before=$(sha256sum <"$BERTH")
    begin_writer
    eventually seen_by_writer "$(stat -c %i "$BERTH")"
    "$@"
    echo >"$B/rootfs/end"
    verdict=$(wait_for result)
    lacks "$verdict" written: "what the writer has to tell"
    same "$(sha256sum <"$BERTH")" "$before" "the program of the host"
}

@test "own program: a read-only mount that the host makes writable later" {
    own_copy
    mount -o remount,ro,bind "$T/own"
    outlives_remount mount -o remount,rw,bind "$T/own"
}

@test "own program: a read-only file system that the host makes writable later" {
    mkdir "$T/disk"
    mount -t tmpfs -o size=64m disk "$T/disk"
    cp "$BERTH" "$T/disk/berth"
    BERTH=$T/disk/berth
    mount -o remount,ro "$T/disk"
    outlives_remount mount -o remount,rw "$T/disk"
}

@test "own program: a privileged container cannot change, clone or move the mount that berth runs from" {
    local before attacker
    attack_program exe_mount
    mkdir "$T/disk"
    mount -t tmpfs -o size=64m disk "$T/disk"
    cp "$BERTH" "$T/disk/berth"
    BERTH=$T/disk/berth
    before=$(sha256sum <"$BERTH")
    make_fifo result order
    cp "$BATS_FILE_TMPDIR/exe_mount" "$B/rootfs/bin/exe_mount"
    config --argjson all "$(all_capabilities)" '.process.capabilities |= map_values($all)'
    payload /bin/exe_mount /result /order
    begin
    succeeds berth start "$ID"
    same "$(wait_for result)" ready
    attacker=$B
    # A process of berth's that waits for its start, in the PID namespace of the attacker.
    make_bundle waiting
    config --arg path "/proc/$(state_of "$ID" pid)/ns/pid" \
        '.linux.namespaces |= map(if .type == "pid" then .path = $path else . end)'
    begin "${MARK}waiting"
    B=$attacker
    awk '/^NSpid:/ { print $NF }' "/proc/$(state_of "${MARK}waiting" pid)/status" >"$B/rootfs/order"
    same "$(wait_for result)" tried
    succeeds berth delete --force "${MARK}waiting"
    echo end >"$B/rootfs/order"
    same "$(wait_for result)" end
    same "$(sha256sum <"$BERTH")" "$before" "the program of the host"
}

@test "own program: the memory copy can be executed where vm.memfd_noexec makes others not executable" {
    [ -e /proc/sys/vm/memfd_noexec ] || skip "needs Linux 6.3"
    attack_program refuse
    payload echo copied
    # The sysctl is that of a PID namespace.
    # shellcheck disable=SC2016 # expanded by the inner shell
    succeeds unshare --pid --fork --mount-proc sh -c 'echo 1 >/proc/sys/vm/memfd_noexec && exec "$@"' sh \
        "$BATS_FILE_TMPDIR/refuse" ENOSYS open_tree mount_setattr -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" copied
}

@test "environment: BERTH_SELFEXE of the caller does not lead to a program of berth's" {
    mkdir "$T/x"
    printf '#!/bin/sh\necho executed >"%s/x/executed"\nexit 1\n' "$T" >"$T/x/berth-systemd"
    chmod +x "$T/x/berth-systemd"
    # shellcheck disable=SC2016 # expanded by the inner shell
    config '.linux.cgroupsPath = "system.slice:berth:" + $ARGS.positional[0]' --args "$ID"
    try env BERTH_SELFEXE="$T/x/berth" unshare --mount --propagation private sh -c '
        mount -t tmpfs run /run && mkdir -p /run/systemd/system || exit 99
        exec "$@"' sh "$BERTH" --root "$ROOT" --systemd-cgroup run --bundle "$B" "$ID"
    [ "$status" -eq 1 ] || tell_last "nothing can be executed here without systemd"
    has "$errors" systemd
    [ ! -e "$T/x/executed" ] || fail "the program beside BERTH_SELFEXE was executed"
}

@test "environment: BERTH_SELFEXE is seen by no hook and no program of the container" {
    local point
    for point in prestart createRuntime createContainer poststart; do
        config --arg point "$point" --arg to "$T/env.$point" \
            '.hooks[$point] = [{"path": "/bin/sh", "args": ["sh", "-c", "env >" + $to]}]'
    done
    config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "env >/env.startContainer"]}]'
    payload env
    succeeds env BERTH_SELFEXE=/x/berth "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    lacks "$output" BERTH_SELFEXE
    same "$(ls "$T"/env.* | wc -l)" 4
    lacks "$(cat "$T"/env.* "$B/rootfs/env.startContainer")" BERTH_SELFEXE
}

@test "own program: a copy that does not know itself makes no other of its kind" {
    needs program:strace
    payload sh -c true
    begin
    try env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" timeout 20 strace -f -qq -o "$T/calls" -e trace=execveat,memfd_create,readlink -e inject=readlink:error=EACCES \
        "$BERTH" --root "$ROOT" exec "$ID" sh -c 'exit 7'
    [ "$status" -eq 7 ] || tell_last "exec where no name of a descriptor can be read"
    same "$(grep -c execveat "$T/calls")" 2 "programs executed by descriptor"
    same "$(grep -c memfd_create "$T/calls")" 1 "memory copies"
}

# ---- session keyrings -----------------------------------------------------------------------------------------------

# A running container $ID that keeps the key "secret" in its session keyring. Sets $serial.
begin_keeper() {
    attack_program keyring
    cp "$BATS_FILE_TMPDIR/keyring" "$B/rootfs/bin/keyring"
    make_fifo ready end
    payload sh -c 'exec keyring put secret value get secret serial hold /end >/out'
    config '.linux.maskedPaths = []'
    begin
    succeeds berth start "$ID"
    eventually grep -q serial "$B/rootfs/out"
    has "$(cat "$B/rootfs/out")" "get: value"
    serial=$(sed -n 's/^serial: //p' "$B/rootfs/out")
}

# hold_keyring WORD...: a process of the host's that does these and keeps its session keyring until $held is closed.
hold_keyring() {
    mkfifo "$T/held"
    exec {held}<>"$T/held"
    "${as[@]}" "$BATS_FILE_TMPDIR/keyring" "$@" hold - <"$T/held" >"$T/holder" 2>&1 3>&- 4>&- {held}>&- &
    eventually grep -q "^show: " "$T/holder"
}

# In another container of the same user, with the words of keyring.
in_other() {
    make_bundle other
    cp "$BATS_FILE_TMPDIR/keyring" "$B/rootfs/bin/keyring"
    config '.linux.maskedPaths = []'
    payload keyring "$@"
    succeeds berth run --bundle "$B" "${MARK}other"
}

@test "keyring: another container of the same user cannot join it, neither by a name that it guesses nor by one it sees" {
    begin_keeper
    in_other join "_ses.$ID" get secret
    lacks "$output" value

    B=$T/other
    payload sh -c "grep -F _ses.$ID. /proc/keys; true"
    succeeds berth run --bundle "$B" "${MARK}other"
    same "$output" "" "keyrings of the first that the second sees"
}

@test "keyring: another container of the same user can do nothing with its number" {
    begin_keeper
    in_other list "$serial" describe "$serial" link "$serial" get secret search "$serial" secret
    lacks "$output" value
    lacks "$output" "$ID"
    has "$output" "list: Permission denied"
    has "$output" "describe: Permission denied"
    has "$output" "link: Permission denied"
}

@test "keyring: one that a user of the host made before is not taken" {
    local as=(setpriv --reuid 65534 --regid 65534 --clear-groups --)
    attack_program keyring
    chmod 755 "$BATS_FILE_TMPDIR/keyring"
    hold_keyring join "_ses.$ID" open show
    begin_keeper
    succeeds berth exec "$ID" keyring show
    exec {held}>&-
    has "$output" "show: keyring;0;0;"
}

@test "keyring: exec joins that of the container, as root and as another user" {
    begin_keeper
    succeeds berth exec "$ID" keyring show get secret put more other
    same "$output" "show: keyring;0;0;3f080000;_ses.$ID.$(jq -r .keyring "$ROOT/$ID/record.json" | sed 's/.*\.//')
get: value
put: "
    succeeds berth exec --user 7:8 "$ID" keyring get secret get more serial
    same "$output" "get: value
get: other
serial: $serial"
}

@test "keyring: with a user namespace: exec joins it, nobody else may do anything" {
    needs userns
    config '.linux.namespaces += [{"type": "user"}]
        | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] | .linux.gidMappings = .linux.uidMappings'
    chmod -R a+rX "$T" "$BATS_FILE_TMPDIR"
    chmod 777 "$B/rootfs"
    begin_keeper
    succeeds berth exec --user 7:8 "$ID" keyring show get secret
    has "$output" "show: keyring;0;0;3f080000;_ses.$ID."
    has "$output" "get: value"
}

@test "keyring: its name is another one each time, and has 128 bits that nobody knows" {
    local n
    for n in 1 2; do
        begin
        jq -r .keyring "$ROOT/$ID/record.json" >>"$T/names"
        succeeds berth delete --force "$ID"
    done
    same "$(sort -u "$T/names" | grep -cxE "_ses\.$ID\.[0-9a-f]{32}")" 2
}

@test "keyring: root of another container does not see its name while it is made" {
    needs program:strace
    until [ -e "$T/over" ]; do
        grep -F "_ses.$ID" /proc/keys >>"$T/shown" || true
    done 3>&- 4>&- &
    succeeds injected "keyctl:$LATE" run --bundle "$B" "$ID"
    touch "$T/over"
    wait $!
    same "$(sort -u "$T/shown")" "" "keyrings that were shown"
}

@test "keyring: a name that is known all the same: exec takes no keyring of another user" {
    local as=(setpriv --reuid 65534 --regid 65534 --clear-groups --) record
    attack_program keyring
    chmod 755 "$BATS_FILE_TMPDIR/keyring"
    begin_keeper
    hold_keyring join _ses.known open show
    record=$ROOT/$ID/record.json
    jq '.keyring = "_ses.known"' "$record" >"$T/record"
    cat "$T/record" >"$record"
    try berth exec "$ID" true
    exec {held}>&-
    [ "$status" -ne 0 ]
    has "$errors" "keyring"
    has "$errors" "user 65534"
}

@test "keyring: a name that is known all the same: create takes none that is there already" {
    needs program:strace
    local as=() name
    attack_program keyring
    # The kernel's random numbers become zeros.
    name=_ses.$ID.$(printf '%032d' 0)
    hold_keyring join "$name" open show
    inject "getrandom:poke_exit=@arg1=$(printf '%032d' 0):when=$(count_getrandom)" ""
    try "${through[@]}" "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    exec {held}>&-
    [ "$status" -ne 0 ] || tell_last "a keyring that somebody had made was taken"
    has "$errors" "session keyring that was to be made is somebody else's"
    absent
}

# The calls of getrandom that a create makes: the last one is for the name, those before are the C library's.
count_getrandom() {
    strace -qq -o "$T/calls" -e trace=getrandom -- "$BERTH" --root "$ROOT" create --bundle "$B" "${MARK}count" \
        </dev/null >/dev/null 2>&1
    "$BERTH" --root "$ROOT" delete --force "${MARK}count"
    wc -l <"$T/calls"
}

@test "keyring: a container of an older berth, whose name can be guessed: exec gets one of its own" {
    begin_keeper
    jq 'del(.keyring)' "$ROOT/$ID/record.json" >"$T/record"
    cat "$T/record" >"$ROOT/$ID/record.json"
    local as=()
    hold_keyring join "_ses.$ID" open put secret wrong show
    succeeds berth exec "$ID" keyring show get secret
    exec {held}>&-
    has "$output" "show: keyring;0;0;3f080000;_ses.$ID."
    lacks "$output" wrong
    lacks "$output" value
}

# ---- createContainer hooks ------------------------------------------------------------------------------------------

# A mount namespace that somebody else owns, held by the process $owner: there /bin, /usr and the directory $T/hooks are
# other ones, whose programs write the word "attacker" into $T/out.
begin_foreign_mounts() {
    mkdir "$T/hooks" "$T/evil" "$T/out"
    printf '#!/bin/busybox sh\necho attacker >>"%s/out/attacker"\n' "$T" >"$T/evil/sh"
    cp /bin/busybox "$T/evil/busybox"
    chmod 755 "$T/evil/sh"
    cp "$T/evil/sh" "$T/evil/hook"
    mkfifo "$T/owned"
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private sh -c '
        mount --bind "$1/evil" "$1/hooks"
        mount --bind "$1/evil" "$(realpath /bin)"
        echo owned >"$1/owned"
        exec busybox sleep 1000' sh "$T" </dev/null >/dev/null 2>&1 3>&- 4>&- &
    owner=$!
    same "$(cat "$T/owned")" owned
}

join_foreign_mounts() {
    config --arg path "/proc/$owner/ns/mnt" \
        '.linux.namespaces |= map(if .type == "mount" then .path = $path else . end)
         | del(.linux.maskedPaths, .linux.readonlyPaths) | .mounts = []'
}

create_container_hook() {
    config '.hooks.createContainer = [{"path": $ARGS.positional[0], "args": $ARGS.positional}]' --args -- "$@"
}

@test "createContainer: in a mount namespace that somebody else owns, the hook is the runtime's" {
    begin_foreign_mounts
    printf '#!/bin/sh\necho script "$@" >>"%s/out/hook"\nreadlink /proc/self/ns/mnt >"%s/out/ns"\n' "$T" "$T" >"$T/hooks/hook"
    chmod 755 "$T/hooks/hook"
    join_foreign_mounts
    create_container_hook "$T/hooks/hook" an argument
    payload true
    try berth run --bundle "$B" "$ID"
    [ ! -e "$T/out/attacker" ] || fail "a program of the namespace was executed as the hook"
    same "$status" 0
    same "$(cat "$T/out/hook")" "script an argument"
    same "$(cat "$T/out/ns")" "$(readlink "/proc/$owner/ns/mnt")" "the mount namespace of the hook"
    # A dynamic program of the runtime's, whose name is the attacker's there.
    create_container_hook "$(realpath /bin/sh)" -c "echo program >>'$T/out/hook'"
    succeeds berth run --bundle "$B" "$ID"
    [ ! -e "$T/out/attacker" ] || fail "a program of the namespace was executed as the hook"
    same "$(tail -n 1 "$T/out/hook")" program
}

@test "createContainer: in a mount namespace that somebody else owns, errors are about the runtime's files" {
    begin_foreign_mounts
    join_foreign_mounts
    create_container_hook "$T/hooks/hook"
    refuses "createContainer hook #0|$T/hooks/hook|no such file" berth run --bundle "$B" "$ID"
    lacks "$errors" interpreter
    printf '#!/no/such/interpreter\n' >"$T/hooks/hook"
    chmod 755 "$T/hooks/hook"
    refuses "createContainer hook #0|$T/hooks/hook|its interpreter" berth run --bundle "$B" "$ID"
    [ ! -e "$T/out/attacker" ] || fail "a program of the namespace was executed as the hook"
}

# ---- the state root -------------------------------------------------------------------------------------------------

# link_of UID TARGET: $T/shared/link, in a directory where everybody may make links.
link_of() {
    mkdir -p "$T/shared"
    chmod 1777 "$T/shared"
    ln -sfn "$2" "$T/shared/link"
    chown -h "$1" "$T/shared/link"
}

@test "state root: a link of another user is not followed, in whatever place it stands" {
    local root
    mkdir -m 700 "$T/precious" "$T/precious/inner"
    link_of 65534 "$T/precious"
    chmod 755 "$T/shared"
    ln -s shared/link "$T/own"
    for root in "$T/shared/link" "$T/shared/link/" "$T/shared/link/." "$T/shared/link/inner" "$T/shared/link/new/root" "$T/own"; do
        refuses "state root|symbolic link" "$BERTH" --root "$root" create --bundle "$B" "$ID"
        refuses "state root|symbolic link" "$BERTH" --root "$root" state "$ID"
    done
    same "$(find "$T/precious" -mindepth 1)" "$T/precious/inner"
}

@test "state root: a link of another user whose target is missing makes no directory there" {
    link_of 65534 "$T/missing"
    chmod 755 "$T/shared"
    refuses "state root|symbolic link" "$BERTH" --root "$T/shared/link" create --bundle "$B" "$ID"
    [ ! -e "$T/missing" ]
}

@test "state root: links of root and of the caller are followed, relative, absolute and one behind the other" {
    mkdir -m 700 "$T/mine"
    mkdir "$T/a"
    ln -s ../mine "$T/a/relative"
    ln -s "$T/a/relative" "$T/a/absolute"
    ln -s a/../a/absolute "$T/chain"
    long_running
    succeeds "$BERTH" --root "$T/chain" create --bundle "$B" "$ID"
    [ -d "$T/mine/$ID" ]
    same "$("$BERTH" --root "$T/a/absolute/" state "$ID" | jq -r .status)" created
    succeeds "$BERTH" --root "$T/a/relative" delete --force "$ID"
    ln -s loop "$T/loop"
    refuses "state root|symbolic link" "$BERTH" --root "$T/loop" list
}

@test "state root: in a user namespace, a link of the host's root is followed, one of another user's in a shared place is not" {
    needs userns
    local enter=(setpriv --reuid 1000 --regid 1000 --clear-groups -- unshare --user --map-root-user --)
    cp "$BERTH" "$T/program"
    chmod -R a+rX "$T" "$BATS_RUN_TMPDIR"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T"
    mkdir "$T/mine"
    chmod 700 "$T/mine"
    chown 1000:1000 "$T/mine"
    ln -s mine "$T/of-root"
    succeeds "${enter[@]}" "$T/program" --root "$T/of-root" list
    link_of 65533 "$T/mine"
    chmod 777 "$T/shared"
    refuses "state root|symbolic link" "${enter[@]}" "$T/program" --root "$T/shared/link" list
}

# ---- /proc ----------------------------------------------------------------------------------------------------------

@test "procfs: a container is made as well where the kernel tells no mount ids by statx, with and without openat2" {
    needs program:strace
    local calls
    for calls in statx statx,openat2; do
        payload sh -c 'cat /proc/self/oom_score_adj; echo made'
        config '.process.oomScoreAdj = 500 | .linux.sysctl = {"net.ipv4.ip_forward": "1"}'
        succeeds injected "$calls:error=ENOSYS" run --bundle "$B" "$ID"
        same "$(xargs <<<"$output")" "500 made"
    done
}
