#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rootless: containers of an ordinary user, of root in a user namespace, and of berth in a container.
load helpers
load inside

# The ordinary user; of the ids of others it may map these.
USER_ID=1000
SUB_FIRST=200000
SUB_COUNT=65536

prepare() {
    needs root userns program:setpriv program:newuidmap
    make_bundle
    config 'del(.linux.cgroupsPath, .linux.resources) | .linux.namespaces += [{type: "user"}]'
    map_own
    hand_over
    # An ordinary user cannot reach the path of the program, nor this directory.
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    cp "$BERTH" "$T/berth"
    mkdir -m 0700 "$T/xdg"
    chown "$USER_ID:$USER_ID" "$T/xdg"
    printf 'root:x:0:0:root:/root:/bin/sh\nordinary:x:%s:%s::/:/bin/sh\n' "$USER_ID" "$USER_ID" >"$T/passwd"
    echo "ordinary:$SUB_FIRST:$SUB_COUNT" >"$T/subid"
    # as COMMAND...: without any capability, in a mount namespace where this user is known; AS_GROUPS: its groups.
    cat >"$T/as" <<AS
#!/bin/bash
mount --bind "$T/passwd" /etc/passwd && mount --bind "$T/subid" /etc/subuid && mount --bind "$T/subid" /etc/subgid || exit
if [ -n "\${AS_GROUPS:-}" ]; then groups=(--groups "\$AS_GROUPS"); else groups=(--clear-groups); fi
export XDG_RUNTIME_DIR="$T/xdg"
exec setpriv --reuid $USER_ID --regid $USER_ID "\${groups[@]}" --inh-caps=-all -- "\$@"
AS
    chmod 0755 "$T/as" "$T/berth"
}

# as COMMAND...: as the ordinary user, from cgroups of the test's own.
as() {
    in_own_cgroup unshare --mount --propagation private "$T/as" "$@"
}

user_berth() {
    as "$T/berth" "$@"
}

# What helpers.bash runs at a test's end.
delete_all() {
    local dir result=0
    for dir in "$T"/xdg/berth/*; do
        [ -d "$dir" ] || continue
        user_berth delete --force "${dir##*/}" </dev/null || result=1
    done
    return "$result"
}

hand_over() {
    chown -R "$USER_ID:$USER_ID" "$B"
}

map_own() {
    config --argjson id "$USER_ID" '.linux |= (.uidMappings = [{containerID: 0, hostID: $id, size: 1}] |
        .gidMappings = .uidMappings)'
}

# Root inside is the user, the others are of its range.
map_many() {
    config --argjson id "$USER_ID" --argjson first "$SUB_FIRST" '.linux |= (.uidMappings =
        [{containerID: 0, hostID: $id, size: 1}, {containerID: 1, hostID: $first, size: 1000}] |
        .gidMappings = .uidMappings)'
}

# run_user SHELL-TEXT: $output is what the script has printed in the user's container.
run_user() {
    shell "$1"
    succeeds user_berth run --bundle "$B" "$ID"
}

# begin_user [ID]: a running container of the user.
begin_user() {
    long_running
    hand_over
    succeeds user_berth create --bundle "$B" "${1:-$ID}" && succeeds user_berth start "${1:-$ID}" &&
        same "$(wait_for ready)" up
}

user_state() {
    user_berth state "${1:-$ID}" | jq -r ".${2:-status}"
}

is_user_state() {
    [ "$(user_state "$1")" = "$2" ]
}

# No state and no cgroup is left.
user_absent() {
    local mount left
    [ ! -e "$T/xdg/berth/$ID" ] || fail "state is left: $(find "$T/xdg/berth")" || return 1
    for mount in "${CGROUP_MOUNTS[@]}"; do
        for left in "$mount$CGROUP"/*/; do
            [[ ! -d $left || $left == */own/ ]] || fail "a cgroup is left: $left" || return 1
        done
    done
}

# delegate MOUNT...: the user may make cgroups beside those that its commands run in.
delegate() {
    local mount
    in_own_cgroup true
    for mount; do
        chown "$USER_ID" "$mount$CGROUP" "$mount$CGROUP/cgroup.procs" "$mount$CGROUP/own/cgroup.procs"
        [ ! -e "$mount$CGROUP/cgroup.subtree_control" ] || chown "$USER_ID" "$mount$CGROUP/cgroup.subtree_control"
    done
}

# ---- the life of a container ----------------------------------------------------------------------------------------

@test "spec --rootless: it runs for an ordinary user" {
    rm "$B/config.json"
    succeeds user_berth spec --rootless --bundle "$B"
    config --arg mark "BERTH_TEST=$MARK" '.process.terminal = false | .process.env += [$mark] |
        .process.args = ["sh", "-c", "echo $(id -u) $(id -g) $(cat /proc/self/uid_map); hostname"]'
    succeeds user_berth run --bundle "$B" "$ID"
    same "$(xargs <<<"$output")" "0 0 0 $USER_ID 1 berth"
    same "$errors" ""
    user_absent
}

@test "create, state, list, start, kill, delete" {
    long_running
    hand_over
    succeeds user_berth create --bundle "$B" "$ID"
    same "$(user_state)" created
    [ -e "$T/xdg/berth/$ID" ]
    local pid
    pid=$(user_state "$ID" pid)
    same "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" "$USER_ID"
    succeeds user_berth list -q
    same "$output" "$ID"
    succeeds user_berth start "$ID"
    same "$(wait_for ready)" up
    same "$(user_state)" running
    refuses "still running" user_berth delete "$ID"
    succeeds user_berth kill "$ID" TERM
    eventually is_user_state "$ID" stopped
    succeeds user_berth delete "$ID"
    user_absent
}

@test "before its program runs nobody but the host's root may look into the process" {
    # Once it is in place, and where it waits for its start.
    config --arg hook "stat -c %u /proc/\$(sed 's/.*\"pid\":\([0-9]*\).*/\1/')/mem >$T/xdg/owner" \
        '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", $hook]}]'
    succeeds user_berth create --bundle "$B" "$ID"
    same "$(cat "$T/xdg/owner")" 0
    same "$(stat -c %u "/proc/$(user_state "$ID" pid)/mem")" 0
    succeeds user_berth delete --force "$ID"
}

@test "delete --force ends a container that has no cgroup" {
    begin_user
    local pid
    pid=$(user_state "$ID" pid)
    succeeds user_berth delete --force "$ID"
    [ ! -e "/proc/$pid/root/bin" ]
    user_absent
}

@test "kill --all without a cgroup reaches the first process" {
    begin_user
    succeeds user_berth kill --all "$ID" KILL
    eventually is_user_state "$ID" stopped
    succeeds user_berth delete "$ID"
}

@test "a config without a user namespace is refused" {
    config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)'
    refuses "user namespace|/linux/namespaces" user_berth create --bundle "$B" "$ID"
    user_absent
}

@test "the namespaces of another container of the user, as of a pod" {
    begin_user "${MARK}pod"
    local pid
    pid=$(user_state "${MARK}pod" pid)
    config --arg ns "/proc/$pid/ns" 'del(.linux.uidMappings, .linux.gidMappings, .hostname) | .linux.namespaces =
        [{type: "user", path: ($ns + "/user")}, {type: "network", path: ($ns + "/net")}, {type: "mount"}, {type: "pid"}]'
    run_user 'for n in user net; do readlink /proc/self/ns/$n; done; id -u'
    same "$output" "$(readlink "/proc/$pid/ns/user" "/proc/$pid/ns/net")"$'\n0'
    succeeds user_berth delete --force "${MARK}pod"
}

@test "hooks run as the user; a failing one undoes all" {
    config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "id -u >&2; exit 3"]}]'
    refuses "exit status 3|output: $USER_ID" user_berth create --bundle "$B" "$ID"
    user_absent
}

# ---- ids ------------------------------------------------------------------------------------------------------------

@test "ids: several mappings by newuidmap and newgidmap" {
    map_many
    config '.process.user = {uid: 5, gid: 6, additionalGids: [7, 1000]}'
    run_user 'echo "$(id -u):$(id -g):$(id -G)"; cat /proc/self/setgroups; tr -s " " </proc/self/uid_map'
    same "$output" $'5:6:6 7 1000\nallow\n'" 0 $USER_ID 1"$'\n'" 1 $SUB_FIRST 1000"
    begin_user
    same "$(awk '/^(Uid|Gid):/ { print $2 }' "/proc/$(user_state "$ID" pid)/status")" \
        "$((SUB_FIRST + 4))"$'\n'"$((SUB_FIRST + 5))"
    succeeds user_berth kill "$ID" KILL
    eventually is_user_state "$ID" stopped
    succeeds user_berth delete "$ID"
}

@test "ids: what newuidmap refuses is told in its own words" {
    config --argjson first "$SUB_FIRST" '.linux.uidMappings += [{containerID: 1, hostID: ($first - 1), size: 2}]'
    refuses "newuidmap|not allowed|/linux/uidMappings|/etc/subuid" user_berth create --bundle "$B" "$ID"
    user_absent
    map_own
    config --argjson first "$SUB_FIRST" '.linux.gidMappings += [{containerID: 1, hostID: ($first - 1), size: 2}]'
    refuses "newgidmap|not allowed|/linux/gidMappings|/etc/subgid" user_berth create --bundle "$B" "$ID"
    user_absent
    # One id, but of somebody else.
    config '.linux.gidMappings = [{containerID: 0, hostID: 0, size: 1}]'
    refuses "newgidmap|/linux/gidMappings" user_berth create --bundle "$B" "$ID"
    user_absent
}

@test "ids: newuidmap is looked for in PATH, or where it usually is" {
    map_many
    mkdir "$T/bin"
    payload true
    refuses "newuidmap|$T/bin" as env PATH="$T/bin" "$T/berth" create --bundle "$B" "$ID"
    user_absent
    printf '#!/bin/sh\necho "not today, $#" >&2; exit 3\n' >"$T/bin/newuidmap"
    chmod 0755 "$T/bin/newuidmap"
    refuses "$T/bin/newuidmap|not today, 7" as env PATH="bin:$T/bin" "$T/berth" create --bundle "$B" "$ID"
    user_absent
    succeeds as env -u PATH "$T/berth" run --bundle "$B" "$ID"
    succeeds as env PATH= "$T/berth" run --bundle "$B" "$ID"
    # The own ids alone need nobody's help.
    map_own
    succeeds as env PATH="$T/none" "$T/berth" run --bundle "$B" "$ID"
}

@test "groups: with the own group alone they stay as they are, and more are refused" {
    export AS_GROUPS=$USER_ID,4242
    begin_user
    local status
    status=/proc/$(user_state "$ID" pid)
    same "$(cat "$status/setgroups")" deny
    same "$(awk '/^Groups:/ { $1 = ""; print }' "$status/status")" " $USER_ID 4242"
    succeeds user_berth delete --force "$ID"
    config '.process.user.additionalGids = [0]'
    refuses "cannot set any additional groups|rootless|/process/user/additionalGids" user_berth create --bundle "$B" "$ID"
    user_absent
    # Not even /proc is needed to know it.
    config '.process.user.additionalGids = [] | .mounts |= map(select(.type != "proc"))'
    run_user 'echo fine'
    same "$output" fine
}

@test "groups: where they can be set, those of the caller are dropped" {
    export AS_GROUPS=$USER_ID,4242
    map_many
    begin_user
    local status
    status=/proc/$(user_state "$ID" pid)
    same "$(cat "$status/setgroups")" allow
    same "$(awk '/^Groups:/ { $1 = ""; print }' "$status/status")" ""
    succeeds user_berth delete --force "$ID"
    config '.process.user.additionalGids = [2000]'
    refuses "/process/user/additionalGids" user_berth create --bundle "$B" "$ID"
    user_absent
}

# ---- cgroups --------------------------------------------------------------------------------------------------------

@test "cgroups: none that the user may use, and none is needed" {
    config '.linux.namespaces |= map(select(.type != "cgroup"))'
    run_user 'cat /proc/self/cgroup'
    same "$output" "$(as cat /proc/self/cgroup)"
    begin_user
    same "$(jq '.cgroups // [] | length' "$T/xdg/berth/$ID/record.json")" 0
    succeeds user_berth delete --force "$ID"
    user_absent
}

@test "cgroups: a limit or a path that was asked for is an error that says why" {
    config '.linux.resources.pids.limit = 10'
    refuses "pids|permission denied|/linux/resources/pids/limit|$CGROUP" user_berth create --bundle "$B" "$ID"
    user_absent
    config 'del(.linux.resources) | .linux.resources.memory.limit = 100000000'
    refuses "memory|permission denied|/linux/resources/memory/limit" user_berth create --bundle "$B" "$ID"
    user_absent
    config --arg path "$CGROUP/named" 'del(.linux.resources) | .linux.cgroupsPath = $path'
    refuses "permission denied|$CGROUP/named|/linux/cgroupsPath" user_berth create --bundle "$B" "$ID"
    user_absent
}

@test "cgroups: device rules are beyond the user, and left to the host's file permissions" {
    config '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 3, access: "r"}]'
    run_user 'echo fine >/dev/null && echo fine'
    same "$output" fine
    same "$errors" ""
    # With a cgroup of its own as well.
    delegate "${CGROUP_MOUNTS[@]}"
    run_user 'echo fine >/dev/null && echo fine'
    same "$output" fine
    same "$errors" ""
    user_absent
}

@test "cgroups: of the hierarchies of v1 those that the user may use" {
    needs cgroup1-pids cgroup1-freezer
    delegate /sys/fs/cgroup/pids /sys/fs/cgroup/freezer
    config '.linux.resources.pids.limit = 33 | .linux.namespaces |= map(select(.type != "cgroup"))'
    add_mount /sys/fs/cgroup cgroup cgroup rw
    run_user 'cat /proc/self/cgroup; ls /sys/fs/cgroup; cat /sys/fs/cgroup/pids/pids.max; ls /sys/fs/cgroup/pids | grep -w own || true'
    has "$output" "pids:$CGROUP/$ID"
    has "$output" "freezer:$CGROUP/$ID"
    same "$(grep -c "$ID" <<<"$output")" 2
    same "$(grep -v : <<<"$output")" $'freezer\npids\n33'
    user_absent
    begin_user
    same "$(cat "/sys/fs/cgroup/pids$CGROUP/$ID/pids.max")" 33
    same "$(jq -r '[.cgroups[].controller] | sort | join(" ")' "$T/xdg/berth/$ID/record.json")" "freezer pids"
    succeeds user_berth delete --force "$ID"
    user_absent
    # One that is not among them.
    config '.linux.resources.memory.limit = 100000000'
    refuses "memory|permission denied|/linux/resources/memory/limit" user_berth create --bundle "$B" "$ID"
    user_absent
}

@test "cgroups: cgroup2 that was delegated" {
    local mount
    mount=$(cgroup2_mount)
    [ -n "$mount" ] || skip "needs a cgroup2 mount"
    delegate "$mount"
    config '.linux.namespaces |= map(select(.type != "cgroup"))'
    run_user 'cat /proc/self/cgroup'
    has "$output" "0::$CGROUP/$ID"
    begin_user
    same "$(cat "$mount$CGROUP/$ID/cgroup.procs" | head -n 1)" "$(user_state "$ID" pid)"
    succeeds user_berth kill --all "$ID" KILL
    eventually is_user_state "$ID" stopped
    succeeds user_berth delete "$ID"
    user_absent
    # Its own is where the container's would be beside, but no process may cross the line above.
    chown 0 "$mount$CGROUP/cgroup.procs"
    run_user 'cat /proc/self/cgroup'
    lacks "$output" "$ID"
    user_absent
}

@test "cgroups: one of the same name that is not the user's is left alone" {
    local mount
    in_own_cgroup true
    for mount in "${CGROUP_MOUNTS[@]}"; do
        mkdir "$mount$CGROUP/$ID"
    done
    config '.linux.namespaces |= map(select(.type != "cgroup"))'
    run_user 'cat /proc/self/cgroup'
    lacks "$output" "$ID"
    for mount in "${CGROUP_MOUNTS[@]}"; do
        rmdir "$mount$CGROUP/$ID"
    done
}

@test "cgroups: the mount shows the container's own one or nothing that could be changed" {
    local text='mkdir /sys/fs/cgroup/x 2>/dev/null && echo changed; cat /proc/self/mountinfo'
    add_mount /sys/fs/cgroup cgroup cgroup rw
    run_user "$text"
    lacks "$output" changed
    [[ $(mount_flags /sys/fs/cgroup) == ro* ]] || fail "$(mount_line /sys/fs/cgroup)"
    config '.linux.namespaces |= map(select(.type != "cgroup"))'
    run_user "$text"
    lacks "$output" changed
    same "$(mount_type /sys/fs/cgroup)" tmpfs
    [[ $(mount_flags /sys/fs/cgroup) == ro* ]] || fail "$(mount_line /sys/fs/cgroup)"
    delegate "${CGROUP_MOUNTS[@]}"
    local place=/sys/fs/cgroup
    is_cgroup2 || place=/sys/fs/cgroup/pids
    run_user "cat /proc/self/cgroup; ls -d $place/own; cat /proc/self/mountinfo"
    has "$output" "$CGROUP/$ID"
    lacks "$output" "$place/own"
    same "$(mount_line "$place" | cut -d' ' -f4)" "$CGROUP/$ID" "root of the mount"
}

# ---- file systems and devices ---------------------------------------------------------------------------------------

@test "sysfs: the host's is bound where the network is the host's, and its cgroups are covered" {
    config '.linux.namespaces |= map(select(.type != "network"))'
    run_user 'ls /sys/fs/cgroup; ls /sys/class/net; mkdir /sys/fs/cgroup/x 2>/dev/null || echo no; cat /proc/self/mountinfo'
    same "$(mount_type /sys)" sysfs
    [[ $(mount_flags /sys) == ro,nosuid,nodev,noexec* ]] || fail "$(mount_line /sys)"
    same "$(mount_type /sys/fs/cgroup)" tmpfs
    same "$(head -n "$(ls /sys/class/net | wc -l)" <<<"$output")" "$(ls /sys/class/net)"
    # All that is below is as read-only as /sys itself.
    lacks "$(awk '$5 ~ "^/sys" && $6 !~ "^ro"' <<<"$output")" /sys
    # With the container's own on it.
    add_mount /sys/fs/cgroup cgroup cgroup ro
    run_user 'mkdir /sys/fs/cgroup/x 2>/dev/null || echo no'
    same "$output" no
}

@test "sysfs: with a network namespace of its own it is a new one" {
    run_user 'ls /sys/class/net; cat /proc/self/mountinfo'
    same "$(head -n 1 <<<"$output")" lo
    lacks "$(ls /sys/fs/cgroup; awk '$5 ~ "^/sys/"' <<<"$output")" " /sys/fs/cgroup "
}

@test "mqueue: a new one, or the host's where the ipc namespace is the host's" {
    add_mount /dev/mqueue mqueue mqueue nosuid noexec nodev
    run_user 'cat /proc/self/mountinfo'
    same "$(mount_type /dev/mqueue)" mqueue
    config '.linux.namespaces |= map(select(.type != "ipc"))'
    shell 'cat /proc/self/mountinfo'
    if [ "$(stat -f -c %T /dev/mqueue 2>/dev/null)" = mqueue ]; then
        succeeds user_berth run --bundle "$B" "$ID"
        same "$(mount_type /dev/mqueue)" mqueue
    else
        mkdir -p /dev/mqueue
        try in_own_cgroup unshare --mount --propagation private sh -c \
            'mount -t mqueue mqueue /dev/mqueue && exec "$@"' - "$T/as" "$T/berth" run --bundle "$B" "$ID"
        same "$status" 0
        same "$(mount_type /dev/mqueue)" mqueue
    fi
    has "$(mount_flags /dev/mqueue)" nosuid,nodev,noexec
}

@test "proc: without a pid namespace of its own the error says what is missing" {
    config '.linux.namespaces |= map(select(.type != "pid"))'
    refuses "mounts[0]|pid namespace|operation not permitted" user_berth create --bundle "$B" "$ID"
    user_absent
}

@test "devpts: a group that is not mapped is named" {
    config '(.mounts[] | select(.type == "devpts") | .options) += ["gid=5"]'
    refuses "gid=5|not mapped|/mounts/2" user_berth create --bundle "$B" "$ID"
    user_absent
    map_many
    run_user 'stat -c %g /dev/pts/ptmx; cat /proc/self/mountinfo'
    has "$(mount_super /dev/pts)" "gid=$((SUB_FIRST + 4))"
}

@test "devices: the nodes of the host are bound" {
    run_user 'cd /dev; for d in null zero full random urandom tty; do stat -c "%n: %t:%T" $d; done; head -c 2 zero | wc -c'
    same "$output" $'null: 1:3\nzero: 1:5\nfull: 1:7\nrandom: 1:8\nurandom: 1:9\ntty: 5:0\n2'
    config '.linux.devices = [{path: "/dev/no-such", type: "c", major: 1, minor: 11}]'
    refuses "/dev/no-such" user_berth create --bundle "$B" "$ID"
    user_absent
}

@test "binds, read-only root, masked and read-only paths" {
    mkdir "$T/source" "$B/rootfs/secret"
    echo text >"$T/source/file"
    echo secret >"$B/rootfs/secret/file"
    bind "$T/source" /m ro nosuid
    config '.root.readonly = true | .linux.maskedPaths += ["/secret", "/etc/group"]'
    hand_over
    run_user 'cat /m/file; ls -A /secret; cat /etc/group; touch /new /m/new 2>/dev/null || echo read-only
              echo x 2>/dev/null >/proc/sys/kernel/hostname || echo refused'
    same "$output" $'text\nread-only\nrefused'
    # What the user cannot reach, the container cannot either.
    mkdir -m 0700 "$T/closed"
    touch "$T/closed/file"
    bind "$T/closed/file" /etc/closed
    refuses "$T/closed/file|permission denied|mounts[6]" user_berth create --bundle "$B" "$ID"
    user_absent
}

# ---- limits ---------------------------------------------------------------------------------------------------------

@test "limits: what takes privileges of the host is an error that names them" {
    config '.process.oomScoreAdj = 500'
    run_user 'cat /proc/self/oom_score_adj'
    same "$output" 500
    config '.process.oomScoreAdj = -500'
    refuses "CAP_SYS_RESOURCE|/process/oomScoreAdj" user_berth create --bundle "$B" "$ID"
    user_absent
    config 'del(.process.oomScoreAdj) | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 128}]'
    run_user 'ulimit -n; ulimit -H -n'
    same "$output" $'64\n128'
    config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 1073741816}]'
    refuses "rlimit|/process/rlimits/0" user_berth create --bundle "$B" "$ID"
    user_absent
}

# ---- root in a user namespace ---------------------------------------------------------------------------------------

# in_userns COMMAND...: as root of a user namespace that knows the user's id alone.
in_userns() {
    as unshare --user --map-root-user "$@"
}

@test "root in a user namespace: state below XDG_RUNTIME_DIR, cgroups not needed" {
    config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings) |
            .linux.resources.devices = [{allow: false, access: "rwm"}]'
    shell 'id -u; cat /proc/self/setgroups; stat -c %t:%T /dev/null; tr -s " " </proc/self/uid_map'
    succeeds in_userns "$T/berth" run --bundle "$B" "$ID"
    same "$output" $'0\ndeny\n1:3\n'" 0 $USER_ID 1"
    same "$errors" ""
    long_running
    hand_over
    succeeds in_userns "$T/berth" create --bundle "$B" "$ID"
    [ -e "$T/xdg/berth/$ID" ]
    succeeds in_userns "$T/berth" start "$ID"
    same "$(wait_for ready)" up
    succeeds in_userns "$T/berth" delete --force "$ID"
    user_absent
}

@test "root in a user namespace: a container with a user namespace of its own" {
    config '.linux |= (.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .gidMappings = .uidMappings)'
    shell 'id -u; tr -s " " </proc/self/uid_map'
    succeeds in_userns "$T/berth" run --bundle "$B" "$ID"
    same "$output" $'0\n 0 0 1'
    config '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 2}]'
    refuses "/linux/uidMappings|operation not permitted" in_userns env PATH= "$T/berth" create --bundle "$B" "$ID"
    user_absent
}

# ---- a container in a container -------------------------------------------------------------------------------------

# outer: turns the bundle into one whose program may do what root can do in it, with berth and a bundle of its own in
# /nest: what `inner TEXT` makes of it runs TEXT in the inner container.
outer() {
    local root=$B/rootfs
    mkdir -p "$root"/{nest,run}
    cp "$T/berth" "$root/bin/berth"
    cp -a "$BATS_FILE_TMPDIR/rootfs" "$root/nest/rootfs"
    cp "$B/config.json" "$T/inner.json"
    config --argjson all "$(jq -c .linux.capabilities < <("$BERTH" features))" '.process.capabilities |=
        (.bounding = $all | .effective = $all | .permitted = $all | del(.inheritable, .ambient)) |
        .process.noNewPrivileges = false | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
}

# inner FILTER TEXT: the inner configuration, changed by the jq filter, runs TEXT; $output is what it prints.
inner() {
    jq --arg text "$2" "$1"' | .process.args = ["sh", "-c", $text]' <"$T/inner.json" >"$B/rootfs/nest/config.json"
}

@test "nested: in a container of the user, with and without another user namespace" {
    needs static
    outer
    inner '.linux |= (.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .gidMappings = .uidMappings)' \
        'echo inner $(id -u) $$; ls /sys/class/net; stat -c %t:%T /dev/null'
    hand_over
    payload berth run --bundle /nest c
    succeeds user_berth run --bundle "$B" "$ID"
    same "$output" $'inner 0 1\nlo\n1:3'
    inner '.linux |= (del(.uidMappings, .gidMappings) | .namespaces |= map(select(.type != "user")))' \
        'echo inner $(id -u) $$; stat -c %t:%T /dev/null'
    hand_over
    succeeds user_berth run --bundle "$B" "$ID"
    same "$output" $'inner 0 1\n1:3'
    user_absent
}

@test "nested: where the outer container covers parts of /proc, the error says so" {
    needs static
    outer
    config '.linux.maskedPaths = ["/proc/uptime"]'
    inner '.linux |= (.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .gidMappings = .uidMappings)' true
    hand_over
    payload berth run --bundle /nest c
    exits 1 user_berth run --bundle "$B" "$ID"
    has "$errors" "mount proc on /proc (mounts[0])"
    has "$errors" maskedPaths
    # Covered parts of /sys are no obstacle: the outer one is bound, and stays covered.
    config '.linux.maskedPaths = ["/sys/firmware"]'
    inner '.linux |= (.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .gidMappings = .uidMappings |
           .maskedPaths = [])' 'ls /sys/firmware; echo fine'
    hand_over
    succeeds user_berth run --bundle "$B" "$ID"
    same "$output" fine
}

@test "nested: in a container of root with a user namespace, and in one without" {
    needs static
    outer
    config --arg path "$CGROUP/outer" '.linux.cgroupsPath = $path | .linux.resources.devices = [{allow: true, access: "rwm"}] |
        .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev rw
    inner '.linux |= (.uidMappings = [{containerID: 0, hostID: 1000, size: 1000}] | .gidMappings = .uidMappings) |
           .process.user = {uid: 3, gid: 4, additionalGids: [5]}' \
        'echo inner $(id -u) $(id -G) $$; tr -s " " </proc/self/uid_map'
    chown -R 101000:101000 "$B"
    chown -R 100000:100000 "$B/rootfs"
    chown -R 101000:101000 "$B/rootfs/nest/rootfs"
    payload berth run --bundle /nest c
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'inner 3 4 5 1\n 0 1000 1000'
    # Privileged: the container's root is the host's.
    config 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))'
    chown -R 0:0 "$B"
    inner 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user")) |
           .linux.cgroupsPath = "/in" | .linux.resources.devices = [{allow: true, access: "rwm"}]' \
        'echo inner $(id -u) $$; grep -c . /proc/self/uid_map; cat /proc/self/cgroup'
    succeeds berth run --bundle "$B" "$ID"
    same "$(head -n 2 <<<"$output")" $'inner 0 1\n1'
}
