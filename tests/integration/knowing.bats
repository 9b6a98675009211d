#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# knowing: a look at the world that fails is never taken for an answer. The command fails with the reason, or its output
# names what is missing.

load helpers

prepare() {
    make_bundle
}

# blinded PATH CALL:WHAT COMMAND...: berth, strace doing WHAT to each CALL on that path, as berth gives it to the kernel.
blinded() {
    local path=$1
    inject "$2"
    "${through[@]::${#through[@]}-1}" -P "$path" -- "$BERTH" --root "$ROOT" "${@:3}"
}

# The file that says whether the container is frozen.
freezer_file() {
    local dir
    dir=$(group_dir)
    [ -e "$dir/cgroup.events" ] && echo cgroup.events || echo freezer.state
}

# ---- the state of a container ---------------------------------------------------------------------------------------

@test "state and list of a created container whose start socket cannot be tried" {
    payload true
    begin
    refuses "state $ID: |started|too many open files" injected connect:error=EMFILE state "$ID"
    refuses "started|too many open files" injected socket:error=EMFILE state "$ID"
    # The other containers are still listed, and the reason why this one is not is told.
    succeeds injected connect:error=EMFILE list
    lacks "$output" "$ID"
    has "$errors" "list: $ID: "
    has "$errors" "too many open files"
    refuses "too many open files" injected socket:error=EMFILE:when=1 start "$ID"
    same "$(state_of)" created
    # A signal is for whatever lives, and delete --force for everything.
    succeeds injected connect:error=EMFILE kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds injected connect:error=EMFILE delete --force "$ID"
    absent
}

@test "state of a paused container whose freezer cannot be read" {
    begin_running
    succeeds berth pause "$ID"
    refuses "state $ID: |frozen|too many open files" blinded "$(freezer_file)" openat:error=EMFILE state "$ID"
    exits 255 blinded "$(freezer_file)" openat:error=EMFILE exec "$ID" true
    has "$errors" "frozen: too many open files"
    refuses "delete $ID: |frozen|too many open files" blinded "$(freezer_file)" openat:error=EMFILE delete "$ID"
    same "$(state_of)" paused
    succeeds blinded "$(freezer_file)" openat:error=EMFILE:when=1 delete --force "$ID"
    absent
}

@test "state of a create in progress whose lock cannot be tried" {
    mkdir -p -m 700 "$ROOT/$ID"
    refuses "state $ID: |being created|no locks available" injected flock:error=ENOLCK state "$ID"
    succeeds berth delete --force "$ID"
}

@test "state of a create in progress whose record cannot be read again" {
    mkdir -p -m 700 "$ROOT/$ID"
    refuses "state $ID: |state record|too many open files" blinded record.json openat:error=EMFILE:when=2 state "$ID"
    succeeds berth delete --force "$ID"
}

@test "a process whose end cannot be asked for has not ended" {
    begin_running
    refuses "state $ID: |process|cannot allocate memory" injected poll:error=ENOMEM state "$ID"
    same "$(state_of)" running
}

@test "a process whose threads cannot be listed is not taken for one that is about to end" {
    begin_running
    local before=$SECONDS
    refuses "still running" blinded "/proc/$(state_of "$ID" pid)/task" getdents64:error=ENOMEM delete "$ID"
    ((SECONDS - before < 5)) || fail "delete waited for the end of a process that lives"
    same "$(state_of)" running
}
