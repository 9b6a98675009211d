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

@test "cwd: one that only the new process has, by exec" {
    begin_running
    succeeds berth exec --cwd /proc/self/task "$ID" sh -c 'pwd -P; echo /proc/$$/task'
    same "$(uniq <<<"$output" | wc -l)" 1
    succeeds berth exec --cwd /proc/self/task --user 1000 "$ID" sh -c 'pwd -P; echo /proc/$$/task'
    same "$(uniq <<<"$output" | wc -l)" 1
}

# ---- the program ----------------------------------------------------------------------------------------------------

# overriding FILTER: the program runs as user 1000 with CAP_DAC_OVERRIDE.
overriding() {
    config '.process.user = {uid: 1000, gid: 1000} |
        .process.capabilities |= with_entries(.value = ["CAP_DAC_OVERRIDE"]) |
        .process.capabilities |= (.inheritable = .bounding | .ambient = .bounding)'
}

@test "program: what capabilities let its user execute is found and executed" {
    mkdir -m 0700 "$B/rootfs/opt"
    printf '#!/bin/sh\necho ran "$0"\n' >"$B/rootfs/opt/tool"
    chmod 0744 "$B/rootfs/opt/tool"
    overriding
    payload /opt/tool
    succeeds berth run --bundle "$B" "$ID"
    same "$output" "ran /opt/tool"
    payload tool
    config '.process.env = ["PATH=/nowhere:/opt:/bin"]'
    succeeds berth run --bundle "$B" "$ID"
    same "$output" "ran /opt/tool"
    # An interpreter is judged in the same way: what is told of a failure must not be a guess.
    printf '#!/opt/interpreter\n' >"$B/rootfs/opt/script"
    printf 'no program' >"$B/rootfs/opt/interpreter"
    chmod 0744 "$B/rootfs/opt/script" "$B/rootfs/opt/interpreter"
    payload /opt/script
    exits 1 berth run --bundle "$B" "$ID"
    lacks "$errors" "ermission denied"
    # Without the capability as before; and nothing makes a file without any x a program.
    overriding
    chmod 0644 "$B/rootfs/opt/tool"
    payload /opt/tool
    refuses "/opt/tool|ermission denied" berth run --bundle "$B" "$ID"
    chmod 0744 "$B/rootfs/opt/tool"
    config 'del(.process.capabilities)'
    refuses "/opt/tool|ermission denied" berth run --bundle "$B" "$ID"
}

@test "program: a kernel without faccessat2 leaves the judgement to execve" {
    printf '#!/bin/sh\necho ran "$0"\n' >"$B/rootfs/bin/tool"
    chmod 0744 "$B/rootfs/bin/tool"
    overriding
    payload /bin/tool
    succeeds injected faccessat2:error=ENOSYS run --bundle "$B" "$ID"
    same "$output" "ran /bin/tool"
    config 'del(.process.capabilities)'
    exits 1 injected faccessat2:error=ENOSYS run --bundle "$B" "$ID"
    has "$errors" "ermission denied"
}

@test "program: of the errors along PATH, permission denied is the one that is told" {
    mkdir "$B/rootfs/one" "$B/rootfs/two" "$B/rootfs/two/tool" "$B/rootfs/three"
    printf '#!/bin/sh\n' >"$B/rootfs/one/tool"
    ln -s tool "$B/rootfs/three/tool"
    payload tool
    config '.process.env = ["PATH=/one:/two:/three:/nowhere"]'
    refuses '"tool"|ermission denied' berth create --bundle "$B" "$ID"
}

# ---- names ----------------------------------------------------------------------------------------------------------

@test "domainname and kernel.domainname: of one value, or refused" {
    config '.domainname = "one.example" | .linux.sysctl = {"kernel.domainname": "two.example"}'
    refuses "/linux/sysctl/kernel.domainname|domainname|one.example" berth create --bundle "$B" "$ID"
    config '.linux.sysctl = {"kernel/domainname": "two.example"}'
    refuses "/linux/sysctl/kernel/domainname|domainname" berth create --bundle "$B" "$ID"
    config '.linux.sysctl = {"kernel.domainname": "one.example"}'
    run_shell 'cat /proc/sys/kernel/domainname'
    same "$output" one.example
    config 'del(.domainname)'
    run_shell 'cat /proc/sys/kernel/domainname'
    same "$output" one.example
}

@test "sysctl: two spellings of one key are of one value, or refused" {
    config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "net/ipv4/ip_forward": "0"}'
    refuses "/linux/sysctl/net/ipv4/ip_forward|net.ipv4.ip_forward" berth create --bundle "$B" "$ID"
    config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "net/ipv4/ip_forward": "1"}'
    run_shell 'cat /proc/sys/net/ipv4/ip_forward'
    same "$output" 1
}

# ---- LISTEN_FDS -----------------------------------------------------------------------------------------------------

# listening COMMAND...: with a file at 3, and LISTEN_PID of its own when $own is set.
listening() {
    if [ -n "${own:-}" ]; then
        sh -c 'export LISTEN_PID=$$; exec "$@"' sh "$BERTH" --root "$ROOT" "$@" 3<"$T/three"
    else
        berth "$@" 3<"$T/three"
    fi
}

@test "LISTEN_FDS without LISTEN_PID, and no such descriptors: a leftover of the environment, and nothing is passed on" {
    shell 'echo "<$LISTEN_FDS$LISTEN_PID$LISTEN_FDNAMES>"; [ ! -e /proc/self/fd/3 ] && echo none'
    LISTEN_FDS=1 LISTEN_FDNAMES=web succeeds berth run --bundle "$B" "$ID"
    same "$output" $'<>\nnone'
    has "$errors" LISTEN_FDS
    # One of the two is as little as none.
    echo three >"$T/three"
    LISTEN_FDS=2 succeeds listening run --bundle "$B" "$ID"
    same "$output" $'<>\nnone'
    # With LISTEN_PID they were promised to us.
    own=yes LISTEN_FDS=2 refuses "preserved-fd 4" listening run --bundle "$B" "$ID"
}

@test "LISTEN_FDNAMES goes along with the descriptors" {
    echo three >"$T/three"
    shell 'echo "$LISTEN_FDS $LISTEN_PID <$LISTEN_FDNAMES>"; cat <&3'
    LISTEN_FDS=1 LISTEN_FDNAMES=web succeeds listening run --bundle "$B" "$ID"
    same "$output" $'1 1 <web>\nthree'
    own=yes LISTEN_FDS=1 LISTEN_FDNAMES= succeeds listening run --bundle "$B" "$ID"
    same "$output" $'1 1 <>\nthree'
    shell 'echo "<$LISTEN_FDNAMES>"'
    LISTEN_PID=1 LISTEN_FDS=1 LISTEN_FDNAMES=web succeeds listening run --bundle "$B" "$ID"
    same "$output" "<>" "of another process"
}

# ---- exec --cap -----------------------------------------------------------------------------------------------------

@test "exec --cap: what the configuration has inheritable becomes ambient, so that another user's program has it" {
    config '.process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], inheritable: ["CAP_KILL"]} | .process.noNewPrivileges = false'
    begin_running
    succeeds berth exec --user 1000 --cap CAP_KILL --cap CAP_SETUID "$ID" cat /proc/self/status
    same "$(field CapInh) $(field CapPrm) $(field CapEff) $(field CapAmb) $(field CapBnd)" \
        "0000000000000020 0000000000000020 0000000000000020 0000000000000020 00000000000000a1"
}

# ---- tmpcopyup ------------------------------------------------------------------------------------------------------

@test "tmpcopyup: files of an overlay whose layers are on different file systems" {
    # The kernel then gives each layer's files another device number than the directories (overlayfs, xino=off).
    mkdir "$T/low" "$T/high" && mount -t tmpfs low "$T/low" && mount -t tmpfs high "$T/high"
    mkdir "$T/high/upper" "$T/high/work" && cp -a "$B/rootfs/." "$T/low"
    mkdir "$T/low/srv" && echo lower >"$T/low/srv/lower"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/low/srv/socket"
    mount -t overlay -o "xino=off,lowerdir=$T/low,upperdir=$T/high/upper,workdir=$T/high/work" overlay "$B/rootfs" ||
        { umount "$T/low" "$T/high" && skip "needs overlayfs"; }
    echo upper >"$B/rootfs/srv/upper"
    add_mount /srv tmpfs tmpfs tmpcopyup
    shell 'cat /srv/lower /srv/upper; [ -S /srv/socket ] && echo socket'
    try berth run --bundle "$B" "$ID"
    umount "$B/rootfs" "$T/low" "$T/high"
    same "$output" $'lower\nupper\nsocket'
}

# ---- read back ------------------------------------------------------------------------------------------------------

# What the program is, in one line.
IDENTITY='id -u; id -g; cat /proc/self/status | grep -E "^(Groups|Cap|NoNewPrivs)" | sort'

# forge CALL TIMES COMMAND...: the call does nothing and reports success, each time only once: the first, the second
# time and so on. The command must fail, or its program be what it is without that, that is, $good.
forge() {
    local call=$1 times=$2 n
    shift 2
    for ((n = 1; n <= times; n++)); do
        try injected "$call:retval=0:when=$n" "$@"
        [ "$status" -eq 0 ] || continue
        same "$output" "$good" "$call $n of $* does nothing" || return 1
    done
}

forge_all() {
    forge capset 3 "$@" && forge setgroups 2 "$@" && forge setresuid 2 "$@" && forge setresgid 2 "$@" &&
        forge prctl "$prctls" "$@"
}

@test "whatever of the identity is not set although the kernel says so, fails the create and the exec" {
    config '.process.user = {uid: 1000, gid: 1001, additionalGids: [7, 5]} |
        .process.capabilities = (["bounding", "effective", "permitted", "inheritable", "ambient"] | map({(.): ["CAP_KILL"]}) | add)'
    shell "$IDENTITY"
    succeeds berth run --bundle "$B" "$ID"
    good=$output
    has "$good" "CapBnd:"$'\t'0000000000000020
    # As many as there are capabilities, for the bounding set, and those before and after.
    prctls=60
    forge_all run --bundle "$B" "$ID"
    begin_running
    forge_all exec "$ID" sh -c "$IDENTITY"
}

# ---- hooks of the container -----------------------------------------------------------------------------------------

# hook_shell TEXT: a startContainer hook, a shell script.
hook_shell() {
    config --arg text "$1" '.hooks.startContainer += [{path: "/bin/sh", args: ["sh", "-c", $text]}]'
}

@test "a startContainer hook runs inside the seccomp filter, with noNewPrivileges and without" {
    local nnp
    hook_shell 'mkdir /made 2>/message; grep ^Seccomp: /proc/self/status >/seccomp; true'
    payload true
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}'
    for nnp in true false; do
        config --argjson nnp "$nnp" '.process.noNewPrivileges = $nnp'
        succeeds berth run --bundle "$B" "$ID"
        [ ! -e "$B/rootfs/made" ] || fail "a hook outside of the filter, noNewPrivileges $nnp" || return 1
        has "$(cat "$B/rootfs/message")" "not permitted"
        same "$(field Seccomp "$(cat "$B/rootfs/seccomp")")" 2
        rm "$B/rootfs/seccomp"
    done
}

@test "a filter that a startContainer hook cannot live with is the hook's failure, and none that the runtime needs" {
    local action
    hook_shell true
    payload true
    config '.process.noNewPrivileges = true'
    # What init itself calls between the hook and the program is not forbidden by a filter that comes after it.
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["clone", "clone3", "fork", "vfork", "sendmsg", "waitid", "poll", "ppoll", "pipe2"], action: "SCMP_ACT_ERRNO"}]}'
    succeeds berth run --bundle "$B" "$ID"
    # An answer with an errno to the hook's execve; and a signal. The program is not started then.
    for action in SCMP_ACT_ERRNO SCMP_ACT_KILL_PROCESS; do
        shell 'echo ran'
        config --arg a "$action" '.linux.seccomp.syscalls = [{names: ["execve", "execveat"], action: $a}]'
        try berth run --bundle "$B" "$ID"
        [ "$status" -ne 0 ] || tell_last "execve $action"
        has "$errors" "startContainer hook #0 (/bin/sh)"
        same "$output" ""
    done
}

# ---- standard streams -----------------------------------------------------------------------------------------------

in_user_namespace() {
    needs userns
    chown -R 100000:100000 "$B/rootfs"
    config '.linux.namespaces += [{type: "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
}

@test "pipes are the program's user's in a user namespace, too: by run, by exec, in a joined one" {
    local user holder
    in_user_namespace
    for user in 0 1000; do
        config --argjson u "$user" '.process.user.uid = $u'
        shell 'stat -L -c %u /proc/self/fd/1; echo out >/dev/stdout; echo err >/dev/stderr'
        berth run --bundle "$B" "$ID" </dev/null 2>"$T/stderr" 3>&- 4>&- | cat >"$T/stdout"
        same "$(cat "$T/stdout")" "$user"$'\nout' "user $user: $(cat "$T/stderr")"
        has "$(berth run --bundle "$B" "$ID" </dev/null 2>&1 >/dev/null 3>&- 4>&- | cat)" err
    done
    begin_running
    for user in 0 1000; do
        berth exec --user "$user" "$ID" sh -c 'stat -L -c %u /proc/self/fd/1; echo out >/dev/stdout' </dev/null \
            2>"$T/stderr" 3>&- 4>&- | cat >"$T/stdout"
        same "$(cat "$T/stdout")" "$user"$'\nout' "exec, user $user: $(cat "$T/stderr")"
    done
    holder=$(state_of "$ID" pid)
    shell 'stat -L -c %u /proc/self/fd/1; echo out >/dev/stdout'
    config --arg p "/proc/$holder/ns/user" '(.linux.namespaces[] | select(.type == "user")).path = $p |
        del(.linux.uidMappings, .linux.gidMappings) | .linux.cgroupsPath += "2"'
    berth run --bundle "$B" "${ID}2" </dev/null 2>"$T/stderr" 3>&- 4>&- | cat >"$T/stdout"
    same "$(cat "$T/stdout")" $'1000\nout' "joined: $(cat "$T/stderr")"
}

@test "/dev/null at a stream is the container's; if that cannot be opened for a shortage, nothing runs" {
    local n
    shell 'readlink /proc/self/fd/0; stat -L -c %d /proc/self/fd/0 /dev/null | uniq | wc -l'
    succeeds berth run --bundle "$B" "$ID"
    good=$output
    same "$good" $'/dev/null\n1'
    # One after the other; the call that opens it is among them.
    for n in {1..45}; do
        try injected "openat2:error=ENOMEM:when=$n" run --bundle "$B" "$ID"
        [ "$status" -ne 0 ] || same "$output" "$good" "stream after openat2 $n failed" || return 1
    done
}

# ---- pids.limit -----------------------------------------------------------------------------------------------------

@test "pids.limit 0 asks for nothing: by create the limit stays away, by update it stays as it is" {
    is_cgroup2 && needs cgroup2-pids || needs cgroup1-pids
    config '.linux.resources.pids.limit = 0'
    begin_running
    same "$(cat "$(cgroup_dir pids)/pids.max")" max
    succeeds berth update --pids-limit 20 "$ID"
    same "$(cat "$(cgroup_dir pids)/pids.max")" 20
    succeeds berth update --pids-limit 0 "$ID"
    same "$(cat "$(cgroup_dir pids)/pids.max")" 20
    echo '{"pids": {"limit": 0}}' >"$T/resources"
    succeeds berth update --resources "$T/resources" "$ID"
    same "$(cat "$(cgroup_dir pids)/pids.max")" 20
    succeeds berth update --pids-limit -1 "$ID"
    same "$(cat "$(cgroup_dir pids)/pids.max")" max
}

# ---- who enters a container -----------------------------------------------------------------------------------------

# begin_spy: a container that notes the permitted capabilities of all processes that come up in it. A tracer with
# CAP_SYS_PTRACE gets hold of these processes, and of what they may do.
begin_spy() {
    [ -p "$B/rootfs/ready" ] || make_fifo ready
    shell 'echo up >/ready; while :; do grep -h -e ^CapPrm -e ^CapEff /proc/[2-9]*/status /proc/[1-9][0-9]*/status 2>/dev/null
        done | while read line; do echo "$line"; done >/seen'
    begin && succeeds berth start "$ID" && same "$(wait_for ready)" up
}

# never_more MASK: no process that the spy has seen had another capability than these.
never_more() {
    local name caps
    [ -s "$B/rootfs/seen" ] || fail "the spy has seen nothing" || return 1
    while read -r name caps; do
        ((16#$caps & ~16#$1)) || continue
        fail "$name of a process that enters the container: $caps" || return 1
    done < <(sort -u "$B/rootfs/seen")
    : >"$B/rootfs/seen"
}

# visits MASK: programs enter the container, at full speed and held up on their way.
visits() {
    local n call
    for n in {1..10}; do
        succeeds berth exec "$ID" true
        succeeds berth exec --user 1000 "$ID" true
    done
    never_more "$1" || return 1
    # What a new process calls at first and at last.
    for call in setsid prlimit64 close_range; do
        succeeds injected "$call:delay_enter=300000" exec --user 1000 "$ID" true
        never_more "$1" "held up in $call" || return 1
    done
}

@test "exec: a process is in the container with no more capabilities than it, even if it is held up" {
    local mine
    mine=$(jq -r '.process.capabilities.bounding[]' "$B/config.json" | xargs)
    same "$mine" "CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE"
    begin_spy
    visits 20000420
}

@test "exec: the same in a user namespace, with no_new_privs and a filter, and without both" {
    in_user_namespace
    begin_spy
    visits 20000420
    succeeds berth delete --force "$ID"
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO"}]}'
    begin_spy
    visits 20000420
    succeeds berth delete --force "$ID"
    config '.process.noNewPrivileges = false | del(.linux.seccomp)'
    begin_spy
    visits 20000420
}
