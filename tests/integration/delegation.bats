#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# delegation: a container that has its cgroup mounted writable in a cgroup namespace of its own may make cgroups in it,
# and share out what it has, but never raise it. cgroup2 only (config-linux.md "Cgroup ownership", cgroups(7)).
load helpers
load inside
load limits

prepare() {
    needs cgroup2
    make_bundle
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev rw
}

# user_namespace [FIRST]: the bundle's container has one, with its root at FIRST outside.
user_namespace() {
    config --argjson first "${1:-100000}" '.linux.namespaces += [{type: "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: $first, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
    chown -R "${1:-100000}:${1:-100000}" "$B/rootfs"
}

# owned_by UID DIRECTORY: it and what the kernel lists as delegatable are that user's, and nothing else is.
owned_by() {
    local list wrong
    list=$(cat /sys/kernel/cgroup/delegate 2>/dev/null || printf '%s\n' cgroup.procs cgroup.subtree_control cgroup.threads)
    wrong=$(cd "$2" && stat -c '%n %u' . * | awk -v owner="$1" -v list=". ${list//$'\n'/ }" '
        BEGIN { n = split(list, names, " "); for (i = 1; i <= n; i++) want[names[i]] = owner }
        $2 != want[$1] + 0; END { if (NR < 5) print "no files" }')
    same "$wrong" "" "owners that are wrong"
}

@test "delegation: to the user that the container's root is outside" {
    user_namespace
    begin
    owned_by 100000 "$(cgroup_dir "")"
}

@test "delegation: to the process's user, where ids are the host's, and in a joined user namespace" {
    config '.process.user = {uid: 1000, gid: 1000}'
    begin
    owned_by 1000 "$(cgroup_dir "")"
    make_bundle other
    user_namespace 200000
    begin "$ID-other"
    make_bundle third
    add_mount /sys/fs/cgroup cgroup cgroup rw
    config --arg path "/proc/$(berth state "$ID-other" | jq .pid)/ns/user" '.process.user = {uid: 5, gid: 6} |
        .linux.namespaces += [{type: "user", path: $path}]'
    begin "$ID-third"
    owned_by 200005 "$(cgroup_dir "" third)"
    owned_by 0 "$(cgroup_dir "" other)"
}

@test "delegation: none for a mount that is not writable, or where the host's cgroups are seen" {
    user_namespace
    config '.mounts |= map(if .destination == "/sys/fs/cgroup" then .options -= ["rw"] | .options += ["ro"] else . end)'
    begin
    owned_by 0 "$(cgroup_dir "")"
    succeeds berth delete --force "$ID"
    config '.mounts |= map(if .destination == "/sys/fs/cgroup" then .options -= ["ro"] else . end)'
    begin
    owned_by 100000 "$(cgroup_dir "")"
    succeeds berth delete --force "$ID"
    config 'del(.mounts[] | select(.destination == "/sys/fs/cgroup"))'
    begin
    owned_by 0 "$(cgroup_dir "")"
    succeeds berth delete --force "$ID"
    user_namespace_without_cgroup_namespace
    begin
    owned_by 0 "$(cgroup_dir "")"
}

user_namespace_without_cgroup_namespace() {
    add_mount /sys/fs/cgroup bind /sys/fs/cgroup rbind rw
    config '.linux.namespaces |= map(select(.type != "cgroup"))'
}

@test "delegation: a scope of systemd's, before and after a daemon-reload" {
    needs systemd
    local dir=/sys/fs/cgroup/$MARK.slice/$MARK-$MARK.scope
    user_namespace
    config --arg path "$MARK.slice:$MARK:$MARK" '.linux.cgroupsPath = $path'
    succeeds berth --systemd-cgroup create --bundle "$B" "$ID"
    owned_by 100000 "$dir"
    systemctl daemon-reload
    owned_by 100000 "$dir"
    succeeds berth delete --force "$ID"
    systemctl stop "$MARK.slice"
}

@test "delegation: the payload shares out its limits, and cannot raise them" {
    needs cgroup2-pids
    user_namespace
    resources '{"pids": {"limit": 20}}'
    run_shell 'cd /sys/fs/cgroup && mkdir init a && echo 0 >init/cgroup.procs && echo +pids >cgroup.subtree_control &&
        echo 5 >a/pids.max && cat a/pids.max pids.max
        echo 100 2>&1 >pids.max || echo refused'
    same "$(sed '/denied/d' <<<"$output")" $'5\n20\nrefused'
    absent
}

@test "delegation: cgroups of the payload, threaded ones too, are no obstacle to exec, ps, kill and delete" {
    user_namespace
    make_fifo ready
    shell 'cd /sys/fs/cgroup && mkdir -p a/b c && echo threaded >c/cgroup.type && echo 0 >c/cgroup.threads && echo 1 >a/cgroup.freeze
        echo up >/ready; while :; do sleep 1000; done'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
    succeeds berth exec "$ID" cat /proc/self/cgroup
    has "$output" "0::/"
    succeeds berth ps --format json "$ID"
    has "$output" "$(berth state "$ID" | jq .pid)"
    succeeds berth pause "$ID"
    succeeds berth resume "$ID"
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    absent
}

@test "the host's cgroup2 keeps its options, also where the container has the host's cgroup namespace" {
    local mode
    grep -q ' cgroup2 rw.*,nsdelegate' /proc/self/mountinfo || skip "needs a cgroup2 mount with the option nsdelegate"
    for mode in rw ro; do
        config --arg mode "$mode" '.linux.namespaces |= map(select(.type != "cgroup")) |
            .mounts |= map(if .destination == "/sys/fs/cgroup" then .options = ["nosuid", "noexec", "nodev", $mode] else . end)'
        run_shell "grep ' /sys/fs/cgroup ' /proc/self/mounts; cat /proc/self/cgroup; ls -d /sys/fs/cgroup$CGROUP/bundle"
        has "$output" " cgroup2 $mode,nosuid,nodev,noexec,"
        same "$(tail -n 2 <<<"$output")" "0::$CGROUP/bundle"$'\n'"/sys/fs/cgroup$CGROUP/bundle"
        grep -q ' cgroup2 rw.*,nsdelegate' /proc/self/mountinfo || fail "the option is gone"
    done
}

# ---- a container in a container -------------------------------------------------------------------------------------

# nest FILTER SCRIPT: the bundle has berth and an inner bundle in /nest, its configuration changed by the jq filter, and
# runs the script as the root of a user namespace, with every capability in there.
nest() {
    local root=$B/rootfs
    needs static
    mkdir -p "$root"/{nest,run}
    cp "$BERTH" "$root/bin/berth"
    cp -a "$BATS_FILE_TMPDIR/rootfs" "$root/nest/rootfs"
    jq "$1" <"$B/config.json" >"$root/nest/config.json"
    config --argjson all "$(jq -c .linux.capabilities < <("$BERTH" features))" --arg script "$2" '.process.capabilities |=
        (.bounding = $all | .effective = $all | .permitted = $all) | .process.args = ["sh", "-ec", $script] |
        .process.noNewPrivileges = false | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
    user_namespace
}

INNER='del(.mounts[] | select(.destination == "/sys/fs/cgroup")) | .linux.cgroupsPath = "/inner"'

@test "delegation: a nested runtime makes its cgroup in it, and leaves none" {
    nest "$INNER | .process.args = [\"grep\", \"^0\", \"/proc/self/cgroup\"] |
        .linux.namespaces |= map(select(.type != \"cgroup\"))" \
        'mkdir /sys/fs/cgroup/own; echo $$ >/sys/fs/cgroup/own/cgroup.procs
        berth run --bundle /nest c; cd /sys/fs/cgroup; echo */'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'0::/inner\nown/'
    absent
}

@test "delegation: a nested runtime limits and pauses its container" {
    needs cgroup2-pids
    nest "$INNER | .linux.resources.pids.limit = 7 | .process.args = [\"sleep\", \"1000\"]" \
        'mkdir /sys/fs/cgroup/own; echo $$ >/sys/fs/cgroup/own/cgroup.procs
        berth run --detach --bundle /nest c </dev/null >/dev/null
        cat /sys/fs/cgroup/inner/pids.max
        berth pause c; grep frozen /sys/fs/cgroup/inner/cgroup.events; berth resume c
        berth update --pids-limit 9 c; cat /sys/fs/cgroup/inner/pids.max; berth delete --force c
        cd /sys/fs/cgroup; echo */'
    resources '{"pids": {"limit": 50}}'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'7\nfrozen 1\n9\nown/'
    absent
}
