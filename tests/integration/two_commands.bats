#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# two_commands: more than one command at work on one id. What each of them works on is the container that it has found,
# never whichever has the id later.

load helpers

prepare() {
    make_bundle
}

# Stops the foreground's run where it only waits for the end: it holds no lock there.
pause_job() {
    eventually flock --nonblock "$ROOT/$ID" true
    kill -STOP "$job"
    eventually is_stopped "$job"
}

is_stopped() {
    [ "$(awk '/^State:/ { print $2 }' "/proc/$1/status")" = T ]
}

# ---- the end of a run -----------------------------------------------------------------------------------------------

@test "run whose container was deleted meanwhile leaves the next one of that id alone" {
    payload sh -c 'echo up >/ready; exec sleep 1000'
    make_fifo ready
    in_background run --bundle "$B" "$ID"
    same "$(wait_for ready)" up
    pause_job
    succeeds berth delete --force "$ID"
    payload sleep 1000
    begin
    local created
    created=$(state_of "$ID" created)
    kill -CONT "$job"
    exits 137 wait "$job"
    same "$(<"$T/job")" "" "what the first run says"
    same "$(state_of)" created
    same "$(state_of "$ID" created)" "$created"
    succeeds berth start "$ID"
    same "$(state_of)" running
}

@test "run whose state directory is gone removes its cgroup all the same" {
    config --arg dir "$ROOT/$ID" '.hooks.poststart = [{path: "/bin/rm", args: ["rm", "-r", $dir]}]'
    payload sh -c 'exit 3'
    exits 3 berth run --bundle "$B" "$ID"
    same "$errors" ""
    absent
}

@test "run whose state directory somebody has put another one in the place of" {
    payload sh -c 'echo up >/ready; read -r line </end'
    make_fifo ready end
    in_background run --bundle "$B" "$ID"
    same "$(wait_for ready)" up
    eventually flock --nonblock "$ROOT/$ID" true
    mv "$ROOT/$ID" "$T/moved"
    mkdir -m 700 "$ROOT/$ID"
    echo end >"$B/rootfs/end"
    exits 0 wait "$job"
    [ -d "$ROOT/$ID" ] || fail "the directory of somebody else was removed"
    rmdir "$ROOT/$ID"
    absent
}
