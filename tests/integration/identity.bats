#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# identity: what a program is allowed by its user and capabilities, and that nothing is set by halves.
load helpers
load inside

prepare() {
    make_bundle
}

# ---- the working directory ------------------------------------------------------------------------------------------

@test "cwd: a directory that root alone may enter, for another user's program, by create and by exec" {
    mkdir -m 0700 "$B/rootfs/private"
    mkdir -m 0755 "$B/rootfs/private/inner"
    config '.process.cwd = "/private/inner" | .process.user = {uid: 1000, gid: 1000}'
    run_shell 'id -u; readlink /proc/self/cwd; stat -c %a .; ls /private 2>/dev/null || echo closed'
    same "$output" $'1000\n/private/inner\n755\nclosed'
    config '.process.cwd = "/"'
    begin_running
    succeeds berth exec --user 1000:1000 --cwd /private "$ID" readlink /proc/self/cwd
    same "$output" /private
}

@test "cwd: a directory that root may not enter, but the program's user may" {
    # Root of a user namespace has no say over what belongs to an id that is not mapped (capabilities(7)).
    needs userns
    mkdir -m 0750 "$B/rootfs/theirs" && chown 5000:101000 "$B/rootfs/theirs"
    config '.process.cwd = "/theirs" | .process.user = {uid: 1000, gid: 1000} | .linux.namespaces += [{type: "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
    chown 100000:100000 "$B/rootfs"
    shell 'readlink /proc/self/cwd'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" /theirs
    # Neither of the two.
    chmod 0700 "$B/rootfs/theirs"
    refuses "/process/cwd|ermission denied" berth run --bundle "$B" "$ID"
}
