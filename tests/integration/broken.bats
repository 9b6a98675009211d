#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# broken: state that a full disk, a crash, an edit by hand or a flipped bit has damaged. Each command says so at once,
# touches nothing that is not the container's, and `delete --force` is the way out.
load helpers

# The sweeps make hundreds of containers.
TEST_LIMIT=300

prepare() {
    make_bundle
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
}

finish() {
    [ -z "${decoy:-}" ] || end_decoy
}

# $decoy: a process that no container knows, in the cgroups $CGROUP/decoy.
begin_decoy() {
    local made
    make_cgroups decoy
    # shellcheck disable=SC2016 # expanded by the inner shell
    bash -c 'for dir; do echo 0 >"$dir/cgroup.procs" || exit 125; done; exec sleep 1000' decoy "${made[@]}" \
        3>&- 4>&- &
    decoy=$!
    eventually grep -q sleep "/proc/$decoy/comm"
}

end_decoy() {
    local mount
    kill "$decoy"
    wait "$decoy" || true
    for mount in "${CGROUP_MOUNTS[@]}"; do
        eventually rmdir "$mount$CGROUP/decoy" 2>/dev/null || return 1
    done
}

# ---- files ----------------------------------------------------------------------------------------------------------

@test "what is no file in the place of a file of the state: refused at once, not followed" {
    local command name
    begin_running
    mv "$ROOT/$ID" "$T/whole"
    for name in record.json config.json filter; do
        cp -a "$T/whole" "$ROOT/$ID"
        rm "$ROOT/$ID/$name"
        mkfifo "$ROOT/$ID/$name"
        exits 255 timeout 5 "$BERTH" --root "$ROOT" exec "$ID" true
        has "$errors" "$name is a FIFO, not a regular file"
        rm "$ROOT/$ID/$name"
        ln -s "$T/whole/$name" "$ROOT/$ID/$name"
        exits 255 timeout 5 "$BERTH" --root "$ROOT" exec "$ID" true
        has "$errors" "$name is a symbolic link, not a regular file"
        rm -r "${ROOT:?}/$ID"
    done
    mv "$T/whole" "$ROOT/$ID"
    mkfifo "$ROOT/$ID/config.new"
    exits 1 timeout 5 "$BERTH" --root "$ROOT" update --pids-limit 99 "$ID"
    has "$errors" "keep the config"
}

@test "start and notify are links to those of another container: not followed" {
    begin "${MARK}n"
    config --arg path "$CGROUP/other" '.linux.cgroupsPath = $path'
    begin
    rm "$ROOT/$ID/start"
    ln -s "../${MARK}n/start" "$ROOT/$ID/start"
    same "$(state_of)" created
    refuses "reach the container's init process|socket" berth start "$ID"
    same "$(state_of "${MARK}n")" created
    mkdir "$T/elsewhere"
    ln -s "$T/elsewhere" "$ROOT/${MARK}n/notify"
    refuses "notify socket" berth start "${MARK}n"
    same "$(ls "$T/elsewhere")" ""
    rm "$ROOT/${MARK}n/notify"
}

# ---- the record -----------------------------------------------------------------------------------------------------

# edit FILTER: the record, as jq makes it.
edit() {
    jq "$1" <"$T/whole.json" >"$ROOT/$ID/record.json"
}

@test "a property of the record that is missing or out of range is named, and the way out" {
    local filter place command
    begin
    cp "$ROOT/$ID/record.json" "$T/whole.json"
    while read -r place filter; do
        edit "$filter"
        for command in state ps start pause resume kill delete "events --stats" "update --pids-limit 9"; do
            # shellcheck disable=SC2086 # options
            refuses "state record is damaged: |$place|berth delete --force $ID" berth $command "$ID" || return 1
        done
        exits 255 berth exec "$ID" true
        has "$errors" "state record is damaged: "
    done <<'FILTERS'
/version .version = 0
/version .version = 2
/id .id = "other"
/bundle .bundle = "b"
/rootfs del(.rootfs)
/config .config = "c"
/bootId .bootId = ""
/created del(.created)
/created .created = "yesterday"
/owner del(.owner)
/pid .pid += 4294967296
/startTime del(.startTime)
/startTime .startTime = 0
/cgroups/0/controller del(.cgroups[].controller)
/cgroups/1/path .cgroups[1] = {controller: "memory", path: "/a/../b"}
/cgroups/0/path .cgroups[0].path = "/"
/unit .unit = "other.scope"
/rootMount .rootMount = "/"
/undo .undo = ["ns"]
FILTERS
    mv "$ROOT/$ID/record.json" "$T/gone"
    refuses "state record is damaged: |record.json is missing" berth state "$ID"
    cp "$T/whole.json" "$ROOT/$ID/record.json"
    same "$(state_of)" created
}

@test "list: each damaged container is named, the others are listed" {
    begin "${MARK}n"
    config --arg path "$CGROUP/other" '.linux.cgroupsPath = $path'
    begin
    cp "$ROOT/$ID/record.json" "$T/whole.json"
    edit 'del(.cgroups[].controller)'
    local format
    for format in --quiet "--format json" "--format table"; do
        # shellcheck disable=SC2086 # options
        succeeds berth list $format
        has "$output" "${MARK}n"
        lacks "$output" "$ID"
        has "$errors" "$ID: state record is damaged: /cgroups/0/controller is missing (berth delete --force $ID"
    done
    cp "$T/whole.json" "$ROOT/$ID/record.json"
}

@test "list: what is no directory in the state root is in no container's way" {
    begin
    mkfifo "$ROOT/fifo"
    : >"$ROOT/file"
    ln -s "$ID" "$ROOT/link"
    succeeds timeout 5 "$BERTH" --root "$ROOT" list --quiet
    same "$output" "$ID"
    has "$errors" "$ROOT/fifo"
    exits 1 timeout 5 "$BERTH" --root "$ROOT" delete --force fifo
    [ -p "$ROOT/fifo" ]
    rm "$ROOT/fifo" "$ROOT/file" "$ROOT/link"
}

# The cgroups and the process that a delete could not know of.
end_left() {
    local mount
    for mount in "${CGROUP_MOUNTS[@]}"; do
        [ ! -d "$mount$CGROUP/bundle" ] || eventually rmdir "$mount$CGROUP/bundle" || return 1
    done
}

@test "a record that names another cgroup: what is in there stays" {
    begin_decoy
    begin
    cp "$ROOT/$ID/record.json" "$T/whole.json"
    edit ".cgroups[].path = \"$CGROUP/decoy\""
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    refuses "not running" berth kill "$ID" KILL
    succeeds berth delete --force "$ID"
    kill -0 "$decoy"
    end_left
}

@test "a record that names another cgroup in one hierarchy: what is in there stays" {
    needs cgroup1-memory
    begin_decoy
    begin
    cp "$ROOT/$ID/record.json" "$T/whole.json"
    edit ".cgroups |= map(if .controller == \"memory\" then .path = \"$CGROUP/decoy\" else . end)"
    succeeds berth delete --force "$ID"
    has "$errors" "1 cgroup(s) left alone that are not known for the container's: /sys/fs/cgroup/memory$CGROUP/decoy"
    kill -0 "$decoy"
    end_left
}

@test "delete --force: a record that cannot be read just now is no damage" {
    needs program:strace
    local failure
    local -x ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # which needs ptrace for itself
    begin
    for failure in EMFILE ENOMEM EACCES; do
        refuses "state record: open record.json" strace -o /dev/null -qq -P record.json \
            -e inject=openat:error=$failure -- "$BERTH" --root "$ROOT" delete --force "$ID" || return 1
        lacks "$errors" damaged
    done
    same "$(state_of)" created
}

# ---- flipped bits ---------------------------------------------------------------------------------------------------

# flip FILE OFFSET: flips a bit of the byte there, from the end if it is negative.
flip() {
    python3 - "$@" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as stream:
    data = bytearray(stream.read())
    data[int(sys.argv[2])] ^= 1
    stream.seek(0)
    stream.write(data)
PYTHON
}

@test "a flipped bit in the filter or the config kept at create: exec refuses" {
    local file
    begin_running
    cp -r "$ROOT/$ID" "$T/whole"
    succeeds berth exec "$ID" true
    flip "$ROOT/$ID/filter" -1
    exits 255 berth exec "$ID" true
    has "$errors" "the container's seccomp filter in the state directory is damaged"
    cp "$T/whole/filter" "$ROOT/$ID/filter"
    # Without the property the process would get its privileges back.
    file=$ROOT/$ID/config.json
    flip "$file" "$(grep -bo noNewPrivileges "$file" | cut -d: -f1)"
    exits 255 berth exec "$ID" true
    has "$errors" "the content of config.json does not fit its checksum"
    refuses "does not fit its checksum" berth update --pids-limit 99 "$ID"
    cp "$T/whole/config.json" "$file"
    try berth update --pids-limit 99 "$ID" # the host may have no such controller
    lacks "$errors" checksum
    succeeds berth exec "$ID" true
    file=$ROOT/$ID/record.json
    flip "$file" "$(grep -bo bundle "$file" | head -1 | cut -d: -f1)"
    refuses "state record is damaged: the content of record.json does not fit its checksum" berth state "$ID"
    cp "$T/whole/record.json" "$file"
    is_state "$ID" running
}

@test "a flipped bit in the cache of filters: compiled anew" {
    local entry
    payload true
    succeeds berth run --bundle "$B" "$ID"
    entry=$(find "$ROOT/.cache/seccomp" -type f)
    flip "$entry" -1
    succeeds berth --debug run --bundle "$B" "$ID"
    has "$errors" "in the cache is damaged: compiled anew"
    succeeds berth --debug run --bundle "$B" "$ID"
    lacks "$errors" "in the cache is damaged"
}

# ---- the way out ----------------------------------------------------------------------------------------------------

is_alive() {
    grep -qs '^State:.[^ZX]' "/proc/$1/status"
}

ended() {
    ! is_alive "$1"
}

# discards WARNING...: a forced delete, with these warnings, leaves no state.
discards() {
    local warning
    succeeds timeout 5 "$BERTH" --root "$ROOT" delete --force "$ID"
    for warning; do
        has "$errors" "$warning" || return 1
    done
    ! is_known
}

@test "delete --force: what a damaged record still names is ended, the rest is told" {
    local filter warning pid
    while read -r filter warning; do
        begin
        pid=$(state_of "$ID" pid)
        cp "$ROOT/$ID/record.json" "$T/whole.json"
        edit "$filter"
        discards "warning: delete $ID: state record is damaged: " "$warning" || return 1
        eventually ended "$pid"
        end_left
    done <<'FILTERS'
del(.cgroups[].controller) /cgroups/0/controller is missing: such cgroups may be left
del(.startTime) /startTime is missing: its process, unless that is in its cgroup, may be left
del(.created) /created is not a time: its cgroups may be left
.unit="ssh.service" /unit is not that of the container's cgroup: its unit of systemd may be left
.rootMount="/" /rootMount is not the container's root: the mount of its root may be left
del(.owner) /owner is missing
FILTERS
}

@test "delete --force: a record that cannot be read, or is another container's: the state alone is removed" {
    local pid other damage
    begin "${MARK}n"
    other=$(state_of "${MARK}n" pid)
    config --arg path "$CGROUP/other" '.linux.cgroupsPath = $path'
    for damage in 'echo "{" >' 'mkfifo' 'mkdir -p' 'ln -s ../../precious' "cp '$ROOT/${MARK}n/record.json'" ':'; do
        begin
        pid=$(state_of "$ID" pid)
        cp "$ROOT/$ID/record.json" "$T/whole.json"
        echo keep >"$T/precious"
        rm "$ROOT/$ID/record.json"
        eval "$damage \"$ROOT/$ID/record.json\""
        discards "state record is damaged: " "processes, cgroups and mounts of the container may be left" || return 1
        is_alive "$pid"
        is_alive "$other"
        same "$(cat "$T/precious")" keep
        # Its state is put back, so that all of it can be removed.
        mkdir -m 0700 "$ROOT/$ID"
        cp "$T/whole.json" "$ROOT/$ID/record.json"
        succeeds berth delete --force "$ID"
        eventually ended "$pid"
    done
}

@test "delete --force: directories and FIFOs in the place of files of the state, not through a link or into a mount" {
    local name
    begin
    mkdir "$T/precious"
    echo keep >"$T/precious/file"
    for name in config.json notify record.new start; do
        rm -f "$ROOT/$ID/$name"
        mkdir -p "$ROOT/$ID/$name/deep/er"
        mkfifo "$ROOT/$ID/$name/deep/fifo"
        ln -s "$T/precious" "$ROOT/$ID/$name/deep/er/link"
    done
    mount --bind "$T/precious" "$ROOT/$ID/notify/deep/er"
    refuses "remove state directory|busy" berth delete --force "$ID"
    same "$(cat "$T/precious/file")" keep
    umount "$ROOT/$ID/notify/deep/er"
    succeeds berth delete --force "$ID"
    absent
    same "$(cat "$T/precious/file")" keep
}

# ---- another boot ---------------------------------------------------------------------------------------------------

@test "a state root that has survived a reboot: stopped, and what has its pid or cgroups now is not the container's" {
    local pid hook=$T/hook
    printf '#!/bin/sh\ncat >"%s/told"\n' "$T" >"$hook"
    chmod +x "$hook"
    config --arg hook "$hook" '.hooks.poststop = [{path: $hook}]'
    begin_running
    pid=$(state_of "$ID" pid)
    cp "$ROOT/$ID/record.json" "$T/whole.json"
    same "$(jq -r .bootId "$T/whole.json")" "$(cat /proc/sys/kernel/random/boot_id)"
    edit '.bootId = "00000000-0000-4000-8000-000000000000"'
    same "$(state_of)" stopped
    same "$(state_of "$ID" pid)" 0
    refuses "stopped" berth start "$ID"
    refuses "not running" berth kill "$ID" KILL
    refuses "not running" berth pause "$ID"
    try berth kill --all "$ID" KILL
    same "$(berth ps --format json "$ID" | jq -c .)" '[]'
    succeeds berth delete "$ID"
    ! is_known
    same "$(jq -r .id "$T/told")" "$ID"
    is_alive "$pid"
    mkdir -m 0700 "$ROOT/$ID"
    cp "$T/whole.json" "$ROOT/$ID/record.json"
    same "$(state_of)" running
    # A damaged one as well.
    edit '.bootId = "00000000-0000-4000-8000-000000000000" | del(.owner)'
    discards "/owner is missing"
    is_alive "$pid"
    mkdir -m 0700 "$ROOT/$ID"
    cp "$T/whole.json" "$ROOT/$ID/record.json"
}

@test "a state root in memory does not outlive the boot: none is asked for" {
    needs program:strace
    mkdir -m 0700 "$ROOT"
    mount -t tmpfs -o mode=0700 state "$ROOT"
    local -x ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # which needs ptrace for itself
    succeeds strace -o "$T/trace" -e trace=openat "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    same "$(jq .bootId "$ROOT/$ID/record.json")" null
    succeeds strace -o "$T/trace2" -e trace=openat "$BERTH" --root "$ROOT" state "$ID"
    lacks "$(cat "$T/trace" "$T/trace2")" boot_id
    succeeds berth delete --force "$ID"
    umount "$ROOT"
}

# ---- every damage, every command ------------------------------------------------------------------------------------

# sweep MODE: broken.py, with a neighbour and a decoy beside it.
sweep() {
    begin_decoy
    begin_running "${MARK}n"
    payload sleep 1000
    config --arg path "$CGROUP/swept" '.linux.cgroupsPath = $path'
    try env ROOT="$ROOT" python3 "$BATS_TEST_DIRNAME/broken.py" "$1" \
        "$BATS_TEST_DIRNAME/../../libocispec/schema/record.json" "$B" "$ID" "${MARK}n" "$CGROUP/decoy" "$decoy"
    [ "$status" -eq 0 ] || tell_last "$1"
    kill -0 "$decoy"
}

@test "each property of the record missing" {
    sweep fields
}

@test "each property of the record with odd values" {
    sweep values
}

@test "each file of the state in odd guises" {
    sweep files
}

@test "flipped bits in each file of the state" {
    sweep flips
}
