#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# annotations: those that change what the runtime does and have no suite that they belong to.
load helpers

prepare() {
    make_bundle
}

# annotate NAME VALUE
annotate() {
    config --arg name "$1" --arg value "$2" '.annotations[$name] = $value'
}

# ---- run.oci.keep_original_groups -----------------------------------------------------------------------------------

# member COMMAND...: runs berth as root that is a member of two more groups.
member() {
    setpriv --groups 4242,4243 "$BERTH" --root "$ROOT" "$@"
}

# member_groups: what `id -G` says in a container that such a caller runs.
member_groups() {
    payload id -G
    succeeds member run --bundle "$B" "$ID"
}

@test "groups: the annotation keeps those of the caller, and nothing else does" {
    needs program:setpriv
    member_groups
    same "$output" 0
    annotate run.oci.keep_original_groups 0
    member_groups
    same "$output" 0 "with 0"
    annotate run.oci.keep_original_groups 1
    member_groups
    same "$output" "0 4242 4243"
    # As in crun, the name counts.
    annotate run.oci.keep_original_groups ""
    member_groups
    same "$output" "0 4242 4243" "with an empty value"
}

@test "groups: kept for another user's program, and additionalGids add none" {
    needs program:setpriv
    annotate run.oci.keep_original_groups 1
    config '.process.user = {uid: 5, gid: 6, additionalGids: [7]}'
    member_groups
    same "$output" "6 4242 4243"
    # What is no group stays an error.
    config '.process.user.additionalGids = [4294967295]'
    refuses "/process/user/additionalGids" member run --bundle "$B" "$ID"
    absent
}

@test "groups: exec keeps those of its own caller" {
    needs program:setpriv
    annotate run.oci.keep_original_groups 1
    begin_running
    succeeds member exec "$ID" id -G
    same "$output" "0 4242 4243"
    succeeds setpriv --groups 4244 "$BERTH" --root "$ROOT" exec --user 5:6 "$ID" id -G
    same "$output" "6 4244"
    # An option that would have no effect is none.
    exits 255 member exec --additional-gids 7 "$ID" id -G
    has "$errors" "--additional-gids: the container's annotation run.oci.keep_original_groups"
}

@test "groups: exec into a container without the annotation drops them" {
    needs program:setpriv
    begin_running
    succeeds member exec "$ID" id -G
    same "$output" 0
}

# The ids of an ordinary user and of others, as newuidmap grants them: here setgroups is allowed, and drops groups.
@test "groups: kept by an ordinary user with several ids, by run and by exec" {
    needs root userns program:setpriv program:newuidmap
    local user=1000
    config --argjson user "$user" 'del(.linux.cgroupsPath, .linux.resources) | .linux.namespaces += [{type: "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: $user, size: 1}, {containerID: 1, hostID: 200000, size: 1000}] |
        .linux.gidMappings = .linux.uidMappings | .mounts |= map(select(.destination != "/sys"))'
    annotate run.oci.keep_original_groups 1
    payload awk '/^Groups:/ { print NF - 1 }' /proc/self/status
    chown -R "$user:$user" "$B"
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    install -m 0755 "$BERTH" "$T/berth"
    install -d -m 0700 -o "$user" -g "$user" "$T/xdg"
    printf 'root:x:0:0:root:/root:/bin/sh\nordinary:x:%s:%s::/:/bin/sh\n' "$user" "$user" >"$T/passwd"
    echo "ordinary:200000:65536" >"$T/subid"
    cat >"$T/as" <<AS
#!/bin/bash
mount --bind "$T/passwd" /etc/passwd && mount --bind "$T/subid" /etc/subuid && mount --bind "$T/subid" /etc/subgid || exit
export XDG_RUNTIME_DIR="$T/xdg"
exec setpriv --reuid $user --regid $user --groups 4242,4243 --inh-caps=-all -- "$T/berth" "\$@"
AS
    chmod 0755 "$T/as"
    succeeds in_own_cgroup unshare --mount --propagation private "$T/as" run --bundle "$B" "$ID"
    same "$output" 2
    # More of them than can be set are no error: none is set.
    config '.process.user.additionalGids = [2000]'
    chown "$user:$user" "$B/config.json"
    succeeds in_own_cgroup unshare --mount --propagation private "$T/as" run --bundle "$B" "$ID"
    same "$output" 2
}

# ---- features -------------------------------------------------------------------------------------------------------

@test "features lists the annotations that can widen what a container may do" {
    succeeds berth features
    local name
    for name in run.oci.keep_original_groups; do
        jq -e --arg name "$name" '.potentiallyUnsafeConfigAnnotations | index($name) != null' <<<"$output" >/dev/null ||
            fail "$name is not listed"
    done
}
