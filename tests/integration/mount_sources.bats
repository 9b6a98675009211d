#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# mount_sources: where the source of a bind mount leads: a path of the host to the host, whatever is mounted meanwhile;
# a path below the container's own root into the container.
load helpers

prepare() {
    make_bundle
    mkdir "$T/host"
    echo host >"$T/host/file"
    config '.root.readonly = false'
}

# bind DESTINATION SOURCE [OPTION...]: one more row of mounts[].
bind() {
    config --arg d "$1" --arg s "$2" \
        '.mounts += [{destination: $d, type: "bind", source: $s, options: $ARGS.positional}]' --args -- "${@:3}"
}

# With the namespaces and options that take other ways through the code.
variant_plain() { :; }
variant_no_pivot() { options=(--no-pivot); }
variant_hooks() { config '.hooks = {createContainer: [{path: "/bin/true"}]}'; }
variant_user() {
    config '.linux.namespaces += [{type: "user"}]
        | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
        | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*/ "$BATS_RUN_TMPDIR"/*/*/
}
variant_joined() {
    unshare --net sleep 1000 3>&- 4>&- &
    other=$!
    eventually differs "$other" net
    config --arg p "/proc/$other/ns/net" '(.linux.namespaces[] | select(.type == "network")).path = $p'
}
differs() {
    [ "$(readlink "/proc/$1/ns/$2")" != "$(readlink "/proc/self/ns/$2")" ]
}
variant_classic() {
    inject open_tree:error=ENOSYS
    BERTH_COMMAND=("${through[@]}" "$BERTH")
}
VARIANTS=(plain no_pivot hooks user joined classic)

finish() {
    [ -z "${other:-}" ] || kill "$other"
}

# in_each_variant CHECK: runs the bundle in each, its output is for CHECK.
in_each_variant() {
    local variant
    cp "$B/config.json" "$T/config.json"
    for variant in "${VARIANTS[@]}"; do
        local options=() BERTH_COMMAND=("$BERTH") other=
        cp "$T/config.json" "$B/config.json"
        "variant_$variant"
        succeeds "${BERTH_COMMAND[@]}" --root "$ROOT" run "${options[@]}" --bundle "$B" "$ID" || return 1
        [ -z "$other" ] || kill "$other"
        other=
        "$1" || fail "(variant $variant)" || return 1
    done
}

@test "the root of the host as a source is the host's, not the container's" {
    bind /x / rbind
    shell "cat /x$T/host/file; [ ! -e /x/bin/busybox ] || cmp /x/bin/busybox /bin/busybox; ls -d /x$B | sed s,^/x,,"
    in_each_variant shows_host
}
shows_host() {
    same "$output" "host
$B"
}

@test "the root of the host with rslave and ro is the host's and read-only" {
    bind /x / rbind rslave ro
    shell "cat /x$T/host/file; awk '\$5 == \"/x\" { print \$6; print \$0 ~ / master:/ }' /proc/self/mountinfo; : >/x/new"
    VARIANTS=(plain hooks joined)
    cp "$B/config.json" "$T/config.json"
    for variant in "${VARIANTS[@]}"; do
        local options=() other=
        cp "$T/config.json" "$B/config.json"
        "variant_$variant"
        # A host whose root is shared has a slave of it in the container.
        try unshare --mount --propagation shared "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        [ -z "$other" ] || kill "$other"
        other=
        same "$status" 1 "$variant: $errors"
        has "$errors" "Read-only file system"
        same "$(sed -n 1p "$T/stdout")" host
        has "$(sed -n 2p "$T/stdout")" ro
        same "$(sed -n 3p "$T/stdout")" 1 "$variant: slave of the host's"
    done
}

@test "a source that leads through \"..\" at the root, or through links, is the host's" {
    ln -s "../../../../../../../../../../..$T/host/file" "$T/host/up"
    mkdir "$T/host/deep"
    ln -s "../../host/file" "$T/host/deep/file"
    # The image has files of these names, too.
    mkdir -p "$B/rootfs$T/host/deep"
    echo image | tee "$B/rootfs$T/host/file" "$B/rootfs$T/host/deep/file" >"$B/rootfs$T/host/up"
    bind /a "/usr/../..$T/host/file" bind
    bind /b "$T/host/up" bind
    bind /c "$T/host/deep/file" bind
    bind /d ../host/file bind
    bind /e "../../../../../../../../../../../../..$T/host/file" bind
    shell 'cat /a /b /c /d /e'
    in_each_variant shows_five
}
shows_five() {
    same "$output" $'host\nhost\nhost\nhost\nhost'
}

@test "mountinfo lists mounts in the order of the config" {
    mkdir "$T/host/dir"
    bind /a "$T/host/file" bind
    config '.mounts += [{destination: "/b", type: "tmpfs", source: "tmpfs"}]'
    bind /c "$T/host/dir" rbind ro
    config '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup"},
        {destination: "/d", type: "mqueue", source: "mqueue"}]'
    bind /e "$T/host/dir" bind
    shell 'awk "{ print \$5 }" /proc/self/mountinfo | grep -xE "/|/proc|/dev|/dev/pts|/dev/shm|/sys|/[a-e]|/sys/fs/cgroup"'
    VARIANTS=(plain no_pivot hooks joined)
    in_each_variant shows_order
}
shows_order() {
    same "$(echo $output)" "/ /proc /dev /dev/pts /dev/shm /sys /a /b /c /sys/fs/cgroup /d /e"
}

@test "in its mount namespace the new process names no path of the host" {
    mkdir "$T/host/dir"
    bind /a "$T/host/file" bind ro
    bind /c "$T/host/dir" rbind rslave ro
    bind /d / rbind rslave ro
    config '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"]},
            {destination: "/b", type: "tmpfs", source: "tmpfs", options: ["ro", "size=64k"]},
            {destination: "/dev/mqueue", type: "mqueue", source: "mqueue"},
            {destination: "/b", options: ["remount", "bind", "nosuid"]}]
        | .linux.maskedPaths += ["/a"] | .linux.readonlyPaths += ["/bin"]
        | .linux.devices = [{path: "/dev/x", type: "c", major: 1, minor: 5}]
        | .linux.sysctl = {"net.ipv4.ip_forward": "1"} | .process.cwd = "/made/here" | .process.terminal = true'
    payload true
    # A leak check needs ptrace for itself.
    succeeds env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -o "$T/trace" -e trace=%file,%process,unshare,setns,openat2,open_tree,move_mount,fsconfig,mount_setattr \
        "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    # From the call that makes its mount namespace to the exec of the program.
    local init
    init=$(awk '/unshare\(CLONE_NEWNS\)/ { print $1; exit }' "$T/trace")
    [ -n "$init" ] || fail "no process enters a mount namespace" || return 1
    awk -v pid="$init" '$1 == pid { if (inside) print; if (/unshare\(CLONE_NEWNS\)/) inside = 1 }
        $1 == pid && /execve/ { exit }' "$T/trace" >"$T/inside"
    grep -q pivot_root "$T/inside"
    # An absolute path is looked up from the root of the process by all calls but openat2 with RESOLVE_IN_ROOT; a link
    # is made with any text. "/" itself is what the container's root is mounted on.
    sed '/pivot_root/q' "$T/inside" | grep -F '"/' |
        grep -vE 'RESOLVE_IN_ROOT|symlinkat|"/", O_[A-Z_|]*O_PATH' >"$T/named" || true
    same "$(<"$T/named")" "" "calls that name a path of the host"
}


@test "a source below the container's own root is what earlier rows have put there" {
    mkdir -p "$T/host/a/x" "$T/host/b" "$T/host/secret" "$B/rootfs/mnt"
    echo b >"$T/host/b/file"
    echo secret >"$T/host/secret/file"
    echo image >"$B/rootfs/mnt/file"
    bind /mnt "$T/host/a" rbind
    bind /mnt/x "$T/host/b" rbind
    bind /final "$B/rootfs/mnt" rbind
    bind /relative rootfs/mnt/../mnt rbind
    ln -s "$B/rootfs" "$T/host/link"
    bind /linked "$T/host/link/mnt" rbind
    bind /itself "$B/rootfs/" rbind
    bind /made-above "$B/rootfs/dev/shm" bind
    # A link of the image does not lead to the host.
    ln -s "$T/host/secret" "$B/rootfs/lure"
    mkdir -p "$B/rootfs$T/host/secret"
    bind /lured "$B/rootfs/lure" bind
    shell 'cat /final/x/file /relative/x/file /linked/x/file /itself/mnt/x/file; ls /lured; stat -f -c %T /made-above'
    VARIANTS=(plain no_pivot user joined classic)
    in_each_variant shows_rows
}
shows_rows() {
    same "$output" $'b\nb\nb\nb\ntmpfs'
}

@test "a source below the container's own root that is not there is refused with its place" {
    bind /x "$B/rootfs/nowhere" bind
    refuses "mounts[5]|/nowhere in the container's root|No such file" berth run --bundle "$B" "$ID"
    absent
}

@test "idmap with ranges in the option: uids and gids, of the host's or (@) of the container's" {
    mkdir "$T/share"
    touch "$T/share/five"
    chown 5:6 "$T/share/five"
    bind /a "$T/share" bind 'idmap=uids=0-1000-10;gids=0-2000-6#6-3000-1'
    shell 'stat -c %u:%g /a/five'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" 1005:3000
    config 'del(.mounts[-1])'
    variant_user
    mkdir -p "$B/rootfs/a"
    bind /a "$T/share" rbind 'ridmap=uids=@0-20-10;gids=@0-30-10'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" 25:36
    config '.mounts[-1].options = ["rbind", "ridmap=uids=@0-65530-10;gids=@0-30-10"]'
    refuses "/mounts/5|@0-65530-10|not mapped" berth run --bundle "$B" "$ID"
}

@test "copy-symlink: a source that is a link becomes one; anything else is bound" {
    ln -s ../some/where "$T/host/link"
    bind /etc/copy "$T/host/link" bind copy-symlink
    bind /etc/plain "$T/host/file" bind copy-symlink
    shell 'readlink /etc/copy; cat /etc/plain'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'../some/where\nhost'
    succeeds berth run --bundle "$B" "$ID" # the link is there already
    ln -sfn elsewhere "$B/rootfs/etc/copy"
    refuses "mounts[5]|/etc/copy is there already|../some/where" berth run --bundle "$B" "$ID"
    same "$(readlink "$B/rootfs/etc/copy")" elsewhere
}

@test "src-nofollow binds a link itself, dest-nofollow mounts over one" {
    ln -s /bin/busybox "$T/host/link"
    ln -s /etc/target "$B/rootfs/etc/link"
    echo target >"$B/rootfs/etc/target"
    bind /etc/link "$T/host/file" bind dest-nofollow
    bind /etc/bound "$T/host/link" bind src-nofollow
    shell 'cat /etc/link; cat /etc/target; awk "\$5 ~ \"^/etc\" { print \$5 }" /proc/self/mountinfo; readlink /etc/bound'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" $'host\ntarget\n/etc/link\n/etc/bound\n/bin/busybox'
}

@test "copy-symlink, src-nofollow and dest-nofollow of another mount than a bind are refused" {
    local option
    for option in copy-symlink src-nofollow dest-nofollow; do
        config --arg o "$option" '.mounts[5] = {destination: "/x", type: "tmpfs", source: "x", options: [$o]}'
        refuses "/mounts/5|$option is for bind mounts only" berth run --bundle "$B" "$ID"
    done
}

@test "norelatime and nostrictatime leave a noatime source alone" {
    local option
    bind /x "$T/host" rbind OPTION
    shell 'awk "\$5 == \"/x\" { print \$6 }" /proc/self/mountinfo | tr , "\n" | grep atime'
    for option in norelatime rnorelatime nostrictatime rnostrictatime; do
        config --arg o "$option" '.mounts[-1].options[1] = $o'
        try unshare --mount --propagation private sh -euc 'mount --bind "$0" "$0"; mount -o remount,bind,noatime "$0"
            exec "$@"' "$T/host" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        same "$output$errors" noatime "$option"
    done
}

@test "a thousand mounts with sixty-four open files" {
    local n
    jq -n --arg s "$T/host" '[range(500) | {destination: "/b/\(.)", type: "bind", source: $s, options: ["rbind", "ro"]},
        {destination: "/t/\(.)", type: "tmpfs", source: "tmpfs", options: ["size=4k", "ro"]}]' >"$T/rows"
    config --slurpfile rows "$T/rows" '.mounts += $rows[0]'
    shell 'awk "\$5 ~ \"^/[bt]/\" { n++; ro += \$6 ~ \"^ro\"; last = \$5 } END { print n, ro, last }" /proc/self/mountinfo
        cat /b/499/file; ulimit -Hn'
    cp "$B/config.json" "$T/config.json"
    for n in plain joined classic; do
        local options=() BERTH_COMMAND=("$BERTH") other=
        cp "$T/config.json" "$B/config.json"
        "variant_$n"
        succeeds prlimit --nofile=64:64 setpriv --bounding-set -sys_resource --inh-caps -sys_resource \
            "${BERTH_COMMAND[@]}" --root "$ROOT" run --bundle "$B" "$ID" || fail "(variant $n)"
        [ -z "$other" ] || kill "$other"
        other=
        same "$output" $'1000 1000 /t/499\nhost\n64' "$n"
    done
}

@test "behind a user namespace: a bind without the mounts below it, unless the host's flags would be lost" {
    needs userns
    variant_user
    mkdir "$T/host/below" "$B/rootfs/x" # whoever is root in there may not make it
    bind /x "$T/host" bind
    shell 'cat /x/file; ls /x/below; touch /x/below/new 2>/dev/null || echo not ours'
    local mounts='mount --bind "$0" "$0"; mount -t tmpfs below "$0/below"; touch "$0/below/hidden"'
    try unshare --mount --propagation private sh -euc "$mounts"'; exec "$@"' "$T/host" \
        "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output$errors" $'host\nnot ours'
    for flag in ro nosuid nodev noexec; do
        try unshare --mount --propagation private sh -euc "$mounts; mount -o remount,bind,$flag "'"$0"; exec "$@"' \
            "$T/host" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        same "$status" 1 "$flag"
        has "$errors" "mounts[5]"
        has "$errors" "nothing may be mounted below it"
        absent
    done
}

@test "behind a user namespace: a device that the host has not at that path is made, with its mode and owner" {
    needs userns
    variant_user
    config '.linux.devices = [{path: "/dev/other", type: "c", major: 1, minor: 5, fileMode: 416, uid: 7, gid: 8}]
        | .linux.resources.devices += [{allow: true, type: "c", major: 1, minor: 5, access: "rwm"}]
        | .process.user = {uid: 7, gid: 8}'
    shell 'stat -c "%t:%T %a %u:%g" /dev/other; head -c 3 /dev/other | wc -c; chmod 777 /dev/other 2>&1 | grep -c Read-only'
    try berth run --bundle "$B" "$ID"
    if [ "$status" -ne 0 ]; then # before Linux 6.15
        has "$errors" "/linux/devices/0"
        has "$errors" "device /dev/other: the host has none there"
        absent
        return
    fi
    same "$output" $'1:5 640 7:8\n3\n1'
    [ ! -e /dev/other ]
}
