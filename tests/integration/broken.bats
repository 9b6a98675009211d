#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# broken: state that a full disk, a crash, an edit by hand or a flipped bit has damaged. Each command says so at once,
# touches nothing that is not the container's, and `delete --force` is the way out.
load helpers

prepare() {
    make_bundle
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
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
