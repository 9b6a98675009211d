#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# two_commands: more than one command at work on one id. What each of them works on is the container that it has found,
# never whichever has the id later.

load helpers

: "${STRESS_SECONDS:=40}" # of the last test
TEST_LIMIT=$((TEST_LIMIT + STRESS_SECONDS))

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

# ---- the beginning of a container ------------------------------------------------------------------------------------

# A create that is killed before its directory has the id leaves it under another name; delete --force locks and removes it.
@test "create waits for a delete that clears up behind a killed create" {
    needs program:strace
    local aside
    try injected renameat2:error=EIO:signal=KILL create --bundle "$B" "$ID"
    aside=$(echo "$ROOT"/.new.*)
    [ -d "$aside" ] || fail "the killed create has left nothing"
    make_fifo held go
    flock "$aside" sh -c 'echo up >"$0/held"; read -r line <"$0/go"; rmdir "$1"' "$B/rootfs" "$aside" 3>&- 4>&- &
    same "$(wait_for held)" up
    env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" strace -qq -o "$T/calls" -e trace=flock "$BERTH" --root "$ROOT" create --bundle "$B" "$ID" \
        </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
    eventually grep -q EAGAIN "$T/calls"
    echo >"$B/rootfs/go"
    wait "$job" || fail "$(<"$T/job")"
    same "$(state_of)" created
}

# ---- a run that is not done yet -------------------------------------------------------------------------------------

has_pid() {
    [ "$(jq '.pid // 0' "$ROOT/$ID/record.json" 2>/dev/null)" -gt 0 ]
}

# slow_run CALL: a run whose container's process takes two seconds more for CALL, and ends when told to; strace follows
# it to its end. Waits until the record names the process.
slow_run() {
    needs program:strace
    make_fifo end
    payload sh -c 'read -r line </end'
    inject "$1:delay_enter=2000000:when=1"
    "${through[@]}" "$BERTH" --root "$ROOT" run --detach --bundle "$B" "$ID" >"$T/job" 2>&1 </dev/null 3>&- 4>&- &
    job=$!
    eventually has_pid
}

end_slow_run() {
    eventually is_state "$ID" running
    succeeds berth exec "$ID" true
    echo >"$B/rootfs/end"
    wait "$job" || fail "$(<"$T/job")"
}

@test "a run is being created until its program runs: nothing gets into what is half made" {
    slow_run pivot_root
    same "$(state_of)" creating
    exits 255 berth exec "$ID" true
    has "$errors" "cannot exec in a container that is still being created"
    refuses "still being created" berth kill "$ID" KILL
    refuses "still being created" berth ps "$ID"
    end_slow_run
}

@test "an exec during a run does not make the session keyring in the container's stead" {
    slow_run keyctl
    exits 255 berth exec "$ID" true
    has "$errors" "still being created"
    end_slow_run
}

# ---- the end of a container while others are at it -------------------------------------------------------------------

@test "kill of a paused container that another command deletes meanwhile" {
    payload sleep 1000
    begin
    succeeds berth start "$ID"
    succeeds berth pause "$ID"
    inject pidfd_send_signal:delay_exit=1500000:when=1 ""
    "${through[@]}" "$BERTH" --root "$ROOT" kill "$ID" KILL >"$T/job" 2>&1 </dev/null 3>&- 4>&- &
    job=$!
    eventually has_kill_pending
    succeeds berth delete --force "$ID"
    wait "$job" || fail "$(<"$T/job")"
    same "$(<"$T/job")" ""
}

# The container's first process has SIGKILL, or is gone.
has_kill_pending() {
    local pid
    pid=$(jq .pid "$ROOT/$ID/record.json") || return 1
    [ ! -e "/proc/$pid" ] || grep -qE '^(Shd|Sig)Pnd:.*[13579bdf]..$' "/proc/$pid/status"
}

# ---- all of them at once ---------------------------------------------------------------------------------------------

@test "eight workers on two ids: each outcome is that of some order, and nothing is left" {
    local got=0 id ids=("${MARK}c" "${MARK}d")
    payload sleep 1000
    for id in "${ids[@]}"; do
        cp -a "$B" "$T/bundle.$id"
        jq --arg path "$CGROUP/$id" '.linux.cgroupsPath = $path' "$B/config.json" >"$T/bundle.$id/config.json"
    done
    mkdir -m 700 "$ROOT"
    python3 "$BATS_TEST_DIRNAME/stress.py" --seconds "$STRESS_SECONDS" --seed "$RANDOM" "$BERTH" "$ROOT" "$T/bundle" \
        "${ids[@]}" >"$T/log" || got=1
    for id in "${ids[@]}"; do
        succeeds berth delete --force "$id"
    done
    same "$(ls -A "$ROOT")" "" "what is left of the state"
    ((got == 0)) || fail "$(<"$T/log")"
}
