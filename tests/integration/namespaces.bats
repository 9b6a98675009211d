#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# namespaces: eight kinds, each new, joined or the caller's, seen from inside by /proc/self/ns.
load helpers
load inside

KINDS='pid network ipc uts mount cgroup user time'

# The name of a kind below /proc/PID/ns.
link_of() {
    case $1 in
    network) echo net ;;
    mount) echo mnt ;;
    *) echo "$1" ;;
    esac
}

prepare() {
    make_bundle
    # Where the mount namespace is the caller's, nothing can be hidden.
    config '.linux |= del(.maskedPaths, .readonlyPaths)'
}

# namespaces JSON...: exactly these
namespaces() {
    config '.linux.namespaces = [$ARGS.positional[] | fromjson? // {type: .}]
            | if any(.linux.namespaces[]; .type == "uts") then . else del(.hostname) end' --args -- "$@"
}

# run_links [COMMAND...]: runs the bundle; $output has a line "net: net:[4026531833]" for each namespace of the program.
run_links() {
    run_shell 'for n in pid net ipc uts mnt cgroup user time; do echo "$n: $(readlink /proc/self/ns/$n)"; done; '"$1"
}

# The identity of a namespace of a process of the host: of_process PID KIND
of_process() {
    readlink "/proc/$1/ns/$(link_of "$2")"
}

# keep OPTION...: a process of the host in new namespaces that unshare makes; sets $keeper.
keep() {
    mkfifo "$T/kept"
    unshare "$@" sh -c 'echo >kept; exec sleep 1000' </dev/null >/dev/null 2>&1 3>&- &
    keeper=$!
    read -r -t "$PATIENCE" _ <"$T/kept"
    rm "$T/kept"
}

# What the kept namespaces are reached by: with --fork the child of unshare lives in the new ones.
kept() {
    local child
    read -r child _ <"/proc/$keeper/task/$keeper/children" || true
    echo "${child:-$keeper}"
}

drop() {
    local child
    child=$(kept)
    kill -KILL "$child" "$keeper" 2>/dev/null || true
    wait "$keeper" 2>/dev/null || true
}

# ---- new, inherited -------------------------------------------------------------------------------------------------

@test "new: each kind that is listed is of the container's own, the others are the caller's" {
    local kind
    for kind in $KINDS; do
        case $kind in
        mount | user) continue ;; # below
        esac
        namespaces mount "$kind"
        [ "$kind" = pid ] || config '(.mounts[] | select(.type == "sysfs" or .type == "proc")) |= .'
        run_links
        local other
        for other in $KINDS; do
            if [ "$other" = "$kind" ] || [ "$other" = mount ]; then
                [ "$(field "$(link_of "$other")")" != "$(of_process self "$other")" ] || fail "$other is the caller's"
            else
                same "$(field "$(link_of "$other")")" "$(of_process self "$other")" "$other, with a new $kind"
            fi
        done
    done
}

@test "new: all of them at once, time and user as well" {
    needs userns timens
    # shellcheck disable=SC2086
    namespaces $KINDS
    config '.linux |= (.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .gidMappings = .uidMappings)'
    run_links
    local kind
    for kind in $KINDS; do
        [ -n "$(field "$(link_of "$kind")")" ]
        [ "$(field "$(link_of "$kind")")" != "$(of_process self "$kind")" ] || fail "$kind is the caller's"
    done
}

@test "pid: the program is process 1 of a new one, and sees only its own" {
    namespaces mount pid
    run_shell 'echo $$; ls /proc | grep -c "^[0-9]"; exit'
    same "$(head -n 1 <<<"$output")" 1
    [ "$(tail -n 1 <<<"$output")" -le 4 ]
}

@test "network: a new one has lo, and it is up" {
    namespaces mount network
    run_shell 'cat /proc/net/dev | tail -n +3 | cut -d: -f1; cat /sys/class/net/lo/operstate /sys/class/net/lo/flags'
    has "$output" lo
    lacks "$output" eth
    # IFF_UP | IFF_LOOPBACK
    has "$output" 0x9
}

@test "uts and ipc: new ones are not the host's" {
    namespaces mount uts ipc
    config '.hostname = "of-its-own"'
    run_shell 'hostname; cat /proc/sysvipc/shm | wc -l'
    same "$output" $'of-its-own\n1'
    [ "$(hostname)" != of-its-own ]
}

@test "cgroup: the container's cgroup is the root that it sees" {
    namespaces mount cgroup
    run_shell 'cat /proc/self/cgroup'
    lacks "$output" "$MARK"
    has "$output" ":/"
    namespaces mount
    run_shell 'cat /proc/self/cgroup'
    has "$output" "$CGROUP/bundle"
}

@test "time: offsets of the clocks" {
    needs timens
    # shellcheck disable=SC2086
    namespaces ${KINDS/user/}
    config '.linux.timeOffsets = {monotonic: {secs: 1000000, nanosecs: 5}, boottime: {secs: 2000000}}'
    try berth run --bundle "$B" "$ID"
    if [ "$status" -ne 0 ]; then
        has "$errors" timeOffsets
        has "$errors" "not supported yet"
        return
    fi
    run_shell 'cat /proc/self/timens_offsets; cut -d. -f1 /proc/uptime'
    [[ $output =~ monotonic\ +1000000\ +5 ]]
    [[ $output =~ boottime\ +2000000\ +0 ]]
    local up
    up=$(cut -d. -f1 /proc/uptime)
    [ "$(tail -n 1 <<<"$output")" -ge $((2000000 + up - 5)) ]
}

@test "time: offsets without a time namespace are refused" {
    config '.linux.timeOffsets = {monotonic: {secs: 1, nanosecs: 0}}'
    refuses "timeOffsets" berth create --bundle "$B" "$ID"
    absent
}

# ---- joined ---------------------------------------------------------------------------------------------------------

@test "joined by path: each kind" {
    needs timens
    keep --net --ipc --uts --cgroup --mount --time --pid --fork
    local kind path pid
    pid=$(kept)
    for kind in network ipc uts cgroup mount time pid; do
        path=/proc/$pid/ns/$(link_of "$kind")
        # With a new mount namespace, but where one is joined.
        if [ "$kind" = mount ]; then
            namespaces "{\"type\":\"mount\",\"path\":\"$path\"}"
        else
            namespaces mount "{\"type\":\"$kind\",\"path\":\"$path\"}"
        fi
        config 'del(.hostname)'
        run_links
        same "$(field "$(link_of "$kind")")" "$(readlink "$path")" "$kind"
        local other
        for other in network ipc uts cgroup time pid user; do
            [ "$other" = "$kind" ] ||
                same "$(field "$(link_of "$other")")" "$(of_process self "$other")" "$other with a joined $kind"
        done
    done
    # All together.
    namespaces mount "{\"type\":\"network\",\"path\":\"/proc/$pid/ns/net\"}" \
        "{\"type\":\"ipc\",\"path\":\"/proc/$pid/ns/ipc\"}" "{\"type\":\"uts\",\"path\":\"/proc/$pid/ns/uts\"}" \
        "{\"type\":\"cgroup\",\"path\":\"/proc/$pid/ns/cgroup\"}" "{\"type\":\"time\",\"path\":\"/proc/$pid/ns/time\"}" \
        "{\"type\":\"pid\",\"path\":\"/proc/$pid/ns/pid\"}"
    config 'del(.hostname)'
    run_links
    for kind in network ipc uts cgroup time pid; do
        same "$(field "$(link_of "$kind")")" "$(readlink "/proc/$pid/ns/$(link_of "$kind")")" "$kind"
    done
    drop
}

@test "joined pid namespace: a process among others, reported by its number on the host" {
    keep --pid --fork --mount-proc
    local pid
    pid=$(kept)
    namespaces mount "{\"type\":\"pid\",\"path\":\"/proc/$pid/ns/pid\"}" uts ipc
    config '.hostname = "joined"'
    make_fifo ready
    shell 'echo $$ $(cat /proc/1/comm) >/ready; sleep 1000'
    begin
    succeeds berth start "$ID"
    local inside init
    read -r inside init <<<"$(wait_for ready)"
    same "$init" sleep "process 1 of the joined namespace"
    [ "$inside" -gt 1 ]
    local outside
    outside=$(state_of "$ID" pid)
    same "$(awk '/^NSpid:/ { print $NF }' "/proc/$outside/status")" "$inside"
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
    # The namespace that was joined lives on.
    kill -0 "$pid"
    drop
}

@test "joined pid namespace: a new process that gets ahead of the one in between waits until the runtime knows of it" {
    needs program:strace
    keep --pid --fork --mount-proc
    local pid
    pid=$(kept)
    namespaces mount "{\"type\":\"pid\",\"path\":\"/proc/$pid/ns/pid\"}" uts ipc
    long_running
    # strace stays for as long as the container lives.
    injected clone3:$LATE create --bundle "$B" --pid-file "$T/pid" "$ID" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    local job=$!
    eventually test -s "$T/pid"
    eventually is_state "$ID" created || fail "$(<"$T/job")"
    same "$(state_of "$ID" pid)" "$(<"$T/pid")"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    succeeds berth exec "$ID" true
    succeeds berth delete --force "$ID"
    wait "$job" || true
    same "$(<"$T/job")" ""
    config '.process.terminal = true'
    payload sh -c 'tty; exit 7'
    exits 7 injected clone3:$LATE run --bundle "$B" --pid-file "$T/pid" "$ID"
    same "$(tr -d '\r' <<<"$output")" /dev/pts/0
    absent
    drop
}

@test "joined: the namespaces of another container, as of a pod" {
    make_fifo ready
    shell 'echo up >/ready; sleep 1000'
    begin "${MARK}pod"
    succeeds berth start "${MARK}pod"
    same "$(wait_for ready)" up
    local pid kind
    pid=$(state_of "${MARK}pod" pid)
    make_bundle member
    namespaces pid mount "{\"type\":\"network\",\"path\":\"/proc/$pid/ns/net\"}" \
        "{\"type\":\"ipc\",\"path\":\"/proc/$pid/ns/ipc\"}" "{\"type\":\"uts\",\"path\":\"/proc/$pid/ns/uts\"}"
    config 'del(.hostname)'
    run_links 'hostname'
    for kind in network ipc uts; do
        same "$(field "$(link_of "$kind")")" "$(readlink "/proc/$pid/ns/$(link_of "$kind")")" "$kind"
    done
    [ "$(field pid)" != "$(readlink "/proc/$pid/ns/pid")" ]
    same "$(tail -n 1 <<<"$output")" box
}

@test "joined by a bind mount of a namespace, as of CNI" {
    touch "$T/netns"
    unshare --net="$T/netns" true
    namespaces pid mount "{\"type\":\"network\",\"path\":\"$T/netns\"}"
    run_links
    same "$(field net)" "net:[$(stat -L -c %i "$T/netns")]"
    umount "$T/netns"
}

@test "joined: the caller's own, by path" {
    namespaces mount pid '{"type":"network","path":"/proc/self/ns/net"}' '{"type":"ipc","path":"/proc/thread-self/ns/ipc"}'
    run_links
    same "$(field net)" "$(of_process self network)"
    same "$(field ipc)" "$(of_process self ipc)"
}

# ---- user -----------------------------------------------------------------------------------------------------------

# with_user: all namespaces with a new user namespace, ids 0 to 65535 are 100000 to 165535 outside.
with_user() {
    needs userns
    namespaces pid network ipc uts mount cgroup user
    config '.linux |= (.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .gidMappings = .uidMappings)'
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
}

@test "user: uid 0 inside is nobody special outside" {
    with_user
    chown 100000:100000 "$B/rootfs/root"
    run_shell 'id -u; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups | tr -s " "; stat -c "%u" / /root
               touch /root/made; touch /etc/new 2>/dev/null || echo refused'
    same "$output" $'0\n 0 100000 65536\n 0 100000 65536\nallow\n65534\n0\nrefused'
    same "$(stat -c %u:%g "$B/rootfs/root/made")" 100000:100000
    make_fifo ready
    shell 'echo up >/ready; sleep 1000'
    begin
    local pid
    pid=$(state_of "$ID" pid)
    same "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" 100000 "uid of the created process"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    same "$(awk '/^(Uid|Gid):/ { print $2, $3, $4, $5 }' "/proc/$pid/status" | sort -u)" "100000 100000 100000 100000"
    same "$(awk '/^Groups:/ { $1 = ""; print }' "/proc/$pid/status")" "" groups
}

@test "user: other ids, groups, several rows of mappings, the whole range" {
    with_user
    config '.linux |= (.uidMappings = [{containerID: 0, hostID: 200000, size: 1}, {containerID: 5, hostID: 5000, size: 10},
                                       {containerID: 4294967294, hostID: 300000, size: 1}] | .gidMappings = .uidMappings)'
    config '.process.user = {uid: 7, gid: 8, additionalGids: [6, 4294967294]}'
    make_fifo ready
    shell 'echo "$(id -u):$(id -g):$(id -G)" >/ready; sleep 1000'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" "7:8:8 6 4294967294"
    local pid
    pid=$(state_of "$ID" pid)
    same "$(awk '/^(Uid|Gid):/ { print $2 }' "/proc/$pid/status")" $'5002\n5003'
    same "$(awk '/^Groups:/ { print $2, $3 }' "/proc/$pid/status")" "5001 300000"
    same "$(awk '{ print $1, $2, $3 }' "/proc/$pid/uid_map")" $'0 200000 1\n5 5000 10\n4294967294 300000 1'
}

@test "user: ids that are not mapped are refused by name" {
    with_user
    config '.process.user.uid = 65536'
    refuses "uid 65536" berth create --bundle "$B" "$ID"
    absent
    config '.process.user = {uid: 0, gid: 70000}'
    refuses "gid 70000" berth create --bundle "$B" "$ID"
    absent
    config '.process.user = {uid: 0, gid: 0, additionalGids: [70000]}'
    refuses "/process/user/additionalGids" berth create --bundle "$B" "$ID"
    absent
}

@test "user: mappings and namespace belong together; malformed ones" {
    needs userns
    local filter
    while read -r filter; do
        cp "$B/config.json" "$T/saved"
        config "$filter"
        refuses "" berth create --bundle "$B" "$ID"
        [[ $errors == *appings* ]] || fail "mappings are not named: $errors"
        absent
        mv "$T/saved" "$B/config.json"
    done <<'TABLE'
.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]
.linux.gidMappings = [{containerID: 0, hostID: 0, size: 1}]
.linux.namespaces += [{type: "user"}]
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]
.linux.namespaces += [{type: "user"}] | .linux.gidMappings = [{containerID: 0, hostID: 0, size: 1}]
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 0}] | .linux.gidMappings = .linux.uidMappings
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0}] | .linux.gidMappings = .linux.uidMappings
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 10}, {containerID: 5, hostID: 100, size: 10}] | .linux.gidMappings = .linux.uidMappings
TABLE
}

@test "user: the mqueue file system belongs to the container's root" {
    with_user
    add_mount /dev/mqueue mqueue mqueue
    payload stat -c '%a %u %g' /dev/mqueue
    succeeds berth run --bundle "$B" "$ID"
    same "$output" "1777 0 0"
    # Root outside is another user inside.
    config '.linux.uidMappings += [{containerID: 70000, hostID: 0, size: 1}] | .linux.gidMappings = .linux.uidMappings'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" "1777 0 0"
}

# in_mounts TEXT: the bundle is run in a mount namespace of its own, after TEXT.
in_mounts() {
    try unshare --mount --propagation private sh -c "$1"' && exec "$@"' - "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
}

@test "user: the host's mqueue stands in only for its own ipc namespace, and nothing else for an mqueue or a sysfs" {
    with_user
    mkdir -p /dev/mqueue
    add_mount /dev/mqueue mqueue mqueue
    config '.linux.namespaces |= map(select(.type != "ipc"))'
    payload stat -f -c %t /dev/mqueue
    in_mounts 'mount -t mqueue mqueue /dev/mqueue'
    same "$status $output" "0 19800202"
    in_mounts 'mount -t tmpfs not-mqueue /dev/mqueue'
    same "$status $output" "1 "
    has "$errors" "mount mqueue on /dev/mqueue"
    touch "$T/ipc"
    unshare --ipc="$T/ipc" true
    config --arg path "$T/ipc" '.linux.namespaces += [{type: "ipc", path: $path}]'
    in_mounts 'mount -t mqueue mqueue /dev/mqueue'
    umount "$T/ipc"
    same "$status $output" "1 "
    has "$errors" "mount mqueue on /dev/mqueue"
    config '.linux.namespaces |= map(select(.type | IN("ipc", "network") | not))
            | .mounts |= map(select(.type != "mqueue")) | del(.linux.resources, .linux.cgroupsPath)'
    payload true
    in_mounts 'mount -t tmpfs not-sysfs /sys'
    same "$status $output" "1 "
    has "$errors" "mount sysfs on /sys"
}

@test "user: mounts, devices, read-only root, masked paths, sysctl and a terminal-less program work inside" {
    with_user
    mkdir "$T/source"
    echo text >"$T/source/file"
    bind "$T/source" /m ro nosuid
    add_mount /dev/mqueue mqueue mqueue
    add_mount /made/by/mount tmpfs t
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev ro
    chown 100000:100000 "$B/rootfs"
    mkdir "$B/rootfs/secret"
    echo secret >"$B/rootfs/secret/file"
    config '.root.readonly = true | .linux.maskedPaths = ["/proc/keys", "/secret"] | .linux.readonlyPaths = ["/proc/sys"]
            | .linux.sysctl = {"net.ipv4.ip_forward": "1"} | .hostname = "userns"'
    run_shell 'cd /dev; for d in null zero full random urandom tty; do stat -c "%n: %F %t:%T" $d; done; echo x >null
               head -c 2 zero | wc -c; cat /m/file /proc/sys/net/ipv4/ip_forward; hostname; ls -A /secret; cat /proc/keys
               touch /new /m/new 2>/dev/null || echo read-only; readlink fd; touch /made/by/mount/x && echo fine'
    same "$(field null)" "character special file 1:3"
    same "$(field tty)" "character special file 5:0"
    same "$(tail -n 7 <<<"$output")" $'2\ntext\n1\nuserns\nread-only\n/proc/self/fd\nfine'
}

@test "user: devices of the host are bound, pipes are made" {
    with_user
    config '.linux.devices = [{path: "/dev/kmsg", type: "c", major: 1, minor: 11}, {path: "/dev/pipe", type: "p", fileMode: 416}]'
    run_shell 'stat -c "%n: %F %t:%T" /dev/kmsg /dev/pipe'
    same "$output" $'/dev/kmsg: character special file 1:b\n/dev/pipe: fifo 0:0'
}

@test "user: the capabilities are the container's, not the host's" {
    with_user
    config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_SYS_NICE", "CAP_NET_ADMIN"])'
    run_shell 'mount -t tmpfs t /tmp && echo mounted; mknod /tmp/node c 1 3 2>/dev/null || echo no-node
               busybox nice -n -5 true 2>/dev/null || echo no-nice; cat /proc/self/status'
    same "$(head -n 3 <<<"$output")" $'mounted\nno-node\nno-nice'
    same "$(field CapEff)" 0000000028a01420 "audit_write kill net_bind_service net_admin sys_admin sys_nice mknod"
}

@test "user: joined, the others new, mappings with it refused or the same" {
    needs userns
    keep --user --map-root-user --net
    local pid
    pid=$(kept)
    namespaces "{\"type\":\"user\",\"path\":\"/proc/$pid/ns/user\"}" pid mount ipc uts network cgroup
    run_links 'id -u'
    same "$(field user)" "$(readlink "/proc/$pid/ns/user")"
    local kind
    for kind in pid mount ipc uts network cgroup; do
        [ "$(field "$(link_of "$kind")")" != "$(of_process self "$kind")" ] || fail "$kind is the caller's"
        [ "$(field "$(link_of "$kind")")" != "$(of_process "$pid" "$kind")" ] || fail "$kind is the joined one's"
    done
    same "$(tail -n 1 <<<"$output")" 0
    # With a namespace that belongs to the joined one.
    namespaces "{\"type\":\"user\",\"path\":\"/proc/$pid/ns/user\"}" "{\"type\":\"network\",\"path\":\"/proc/$pid/ns/net\"}" \
        pid mount ipc uts
    run_links
    same "$(field user)" "$(readlink "/proc/$pid/ns/user")"
    same "$(field net)" "$(readlink "/proc/$pid/ns/net")"
    drop
}

# ---- the caller's mount namespace -----------------------------------------------------------------------------------

@test "mount namespace of the caller: the program runs in the root file system, and delete takes the mounts away" {
    namespaces pid ipc uts network
    config '.mounts |= map(select(.destination == "/proc"))'
    make_fifo ready
    local before
    before=$(host_mounts)
    shell 'echo $(cat /etc/passwd | wc -l) $(readlink /proc/self/ns/mnt) >/ready; sleep 1000'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" "1 $(of_process self mount)"
    succeeds berth delete --force "$ID"
    same "$(host_mounts)" "$before" "mounts of the host"
    # In the foreground, too.
    run_shell 'pwd'
    same "$output" /
    same "$(host_mounts)" "$before"
    # And when it fails in the middle.
    add_mount /tmp nosuchfs none
    refuses nosuchfs berth create --bundle "$B" "$ID"
    absent
    same "$(host_mounts)" "$before"
}

# ---- errors ---------------------------------------------------------------------------------------------------------

@test "errors: twice the same, unknown kinds, paths of the wrong kind" {
    local kind
    for kind in $KINDS; do
        config --arg kind "$kind" '.linux.namespaces = [{type: "mount"}, {type: "pid"}, {type: $kind}, {type: $kind}]'
        refuses "/linux/namespaces" berth create --bundle "$B" "$ID"
        absent
    done
    config '.linux.namespaces = [{type: "mount"}, {type: "network", path: "/proc/self/ns/net"}, {type: "network"}] | del(.hostname)'
    refuses "/linux/namespaces/2" berth create --bundle "$B" "$ID"
    absent
    namespaces mount '{"type": "net"}'
    refuses "/linux/namespaces/1" berth create --bundle "$B" "$ID"
    absent
    config '.linux.namespaces = [{type: "mount"}, {}]'
    refuses "/linux/namespaces/1" berth create --bundle "$B" "$ID"
    absent
    local path
    echo text >"$T/file"
    mkfifo "$T/fifo"
    for path in /proc/self/ns/uts "$T/file" "$T/fifo" "$T" /dev/null /dev/zero "$T/missing" /proc/self/ns /proc/self/exe \
        /proc/self/ns/pid_for_children; do
        namespaces mount "{\"type\":\"network\",\"path\":\"$path\"}"
        refuses "network|/linux/namespaces/1" berth create --bundle "$B" "$ID"
        absent
    done
    namespaces mount '{"type":"network","path":"ns/net"}'
    refuses "/linux/namespaces/1" berth create --bundle "$B" "$ID"
    absent
}

@test "errors: a path that is longer than any" {
    # CVE-2021-43784: a length that does not fit the field it is sent in.
    local path
    path=$(printf '/x%.0s' $(seq 35000))
    printf '{"type":"network","path":"%s"}' "$path" >"$T/row"
    config --slurpfile row "$T/row" '.linux.namespaces = [{type: "mount"}, $row[0]] | del(.hostname)'
    refuses "too long" berth create --bundle "$B" "$ID"
    absent
}

@test "errors: more mappings than the kernel takes" {
    needs userns
    namespaces pid mount user
    config '.linux.uidMappings = [range(65536) | {containerID: ., hostID: (100000 + 2 * .), size: 1}]
            | .linux.gidMappings = .linux.uidMappings'
    refuses "" berth create --bundle "$B" "$ID"
    absent
}
