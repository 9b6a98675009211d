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

finish() {
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
