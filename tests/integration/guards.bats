#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# guards: one test for each check that no other suite would miss. Each of these tests fails when its check is taken out
# of the runtime. Most checks are second lines of defence, so a test has to bring about what the first line prevents:
# a directory that is moved while the runtime enters it, a host whose /dev/null is another file, a system call that
# does nothing.
load helpers
load inside

prepare() {
    make_bundle
}

# ---- the host's own namespaces --------------------------------------------------------------------------------------

# in_own_host COMMAND...: in new uts, ipc and network namespaces, which stand for those of the host. Their names and the
# parameters that the tests set are in $T/host.before, and as they are afterwards in $T/host.
in_own_host() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --uts --ipc --net -- sh -c '
        show() {
            hostname
            cat /proc/sys/kernel/domainname /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_default_ttl
        }
        after=$1 && shift
        hostname guarded && show >"$after.before"
        "$@"
        result=$?
        show >"$after"
        exit $result' sh "$T/host" "$@"
}

# own_namespace KIND LINK FILTER...: the container joins the runtime's own namespace by path, which is allowed. Then
# each FILTER sets something that is part of that namespace: refused, and nothing of it is set.
own_namespace() {
    local path filter
    for path in "/proc/self/ns/$2" "/proc/thread-self/ns/$2"; do
        config --arg kind "$1" --arg path "$path" 'del(.hostname)
            | .linux.namespaces |= map(if .type == $kind then .path = $path else . end)'
        succeeds in_own_host "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        cp "$B/config.json" "$T/plain.json"
        for filter in "${@:3}"; do
            config "$filter"
            refuses "/linux/namespaces/|$1 namespace|the runtime's own" \
                in_own_host "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
            same "$(cat "$T/host")" "$(cat "$T/host.before")" "the host's names and parameters"
            absent
            cp "$T/plain.json" "$B/config.json"
        done
    done
}

@test "the runtime's own uts namespace, joined by path: hostname and domainname are refused" {
    own_namespace uts uts '.hostname = "stolen"' '.domainname = "stolen"'
}

@test "the runtime's own ipc and network namespaces, joined by path: sysctls of them are refused" {
    own_namespace ipc ipc '.linux.sysctl = {"kernel.shm_rmid_forced": "1"}'
    make_bundle second
    own_namespace network net '.linux.sysctl = {"net.ipv4.ip_default_ttl": "99"}'
}

# ---- the host's /dev/null -------------------------------------------------------------------------------------------

# with_null COMMAND...: where /dev/null of the host is the file $NULL, in a mount namespace of its own.
with_null() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private -- sh -c 'mount --bind "$0" /dev/null && exec "$@"' "$NULL" "$@"
}

# with_streams COMMAND...: with files as standard streams, so that only masked paths need /dev/null.
with_streams() {
    "$@" <"$T/input" >"$T/output" 2>"$T/failure"
}

# Files that are not the host's null device, each wrong in one respect: type, number, file system.
make_nulls() {
    mkdir "$T/nulls"
    mount -t tmpfs -o mode=755 nulls "$T/nulls"
    mknod -m 0666 "$T/nulls/true" c 1 3
    mknod -m 0666 "$T/nulls/zero" c 1 5
    mknod -m 0666 "$T/nulls/block" b 1 3
    mkfifo -m 0666 "$T/nulls/fifo"
    : >"$T/nulls/file"
    [ "$(stat -f -c %T "$T")" != tmpfs ] || skip "needs a work directory that is not on tmpfs"
    mknod -m 0666 "$T/foreign" c 1 3
    : >"$T/input"
}

finish() {
    ! mountpoint -q "$T/nulls" || umount "$T/nulls"
}

@test "/dev/null of the host is not the null device on a file system of root's: masked paths are refused" {
    local NULL
    make_nulls
    payload head -c 16 /proc/keys
    NULL=$T/nulls/true
    succeeds with_streams with_null "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(cat "$T/output" "$T/failure")" ""
    for NULL in "$T/nulls/zero" "$T/nulls/block" "$T/nulls/fifo" "$T/nulls/file" "$T/foreign"; do
        exits 1 with_streams with_null "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        has "$(cat "$T/failure")" "/dev/null of the host is not the null device" "with $NULL"
        absent
    done
}

@test "/dev/null of the host is not the null device: standard streams on the true one are not moved to it" {
    local NULL
    make_nulls
    # The streams of this command are the true null device: the container's stand-in for it would be the other file.
    config 'del(.linux.maskedPaths) | .mounts |= map(select(.destination | startswith("/dev") | not))'
    payload stat -L -c '%F %t:%T' /proc/self/fd/0
    NULL=$T/nulls/true
    succeeds with_null "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$output" "character special file 1:3"
    for NULL in "$T/nulls/zero" "$T/nulls/block" "$T/nulls/file" "$T/foreign"; do
        refuses "/dev/null of the host is not the null device" with_null "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        absent
    done
}

@test "/dev/null of the host is a link: masked paths and standard streams are refused" {
    make_nulls
    ln -s true "$T/nulls/null"
    # shellcheck disable=SC2016 # expanded by the inner shell
    local linked=(unshare --mount --propagation private -- sh -c 'mount --bind "$0" /dev && exec "$@"' "$T/nulls")
    exits 1 with_streams "${linked[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    has "$(cat "$T/failure")" "/dev/null of the host"
    config 'del(.linux.maskedPaths)'
    refuses "/dev/null of the host" "${linked[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    # Where nothing needs it, it does not matter.
    succeeds with_streams "${linked[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    absent
}

@test "CVE-2026-88265: a null device of a volume does not become a standard stream, that of a tmpfs does" {
    make_nulls
    mkdir "$T/dev"
    mknod -m 0666 "$T/dev/null" c 1 3
    config '.mounts |= map(select(.destination | startswith("/dev") | not))'
    payload stat -L -c '%d:%i' /proc/self/fd/0 /dev/null
    cp "$B/config.json" "$T/plain.json"
    bind "$T/dev" /dev
    succeeds berth run --bundle "$B" "$ID"
    [ "$(sort -u <<<"$output" | wc -l)" -eq 2 ] || fail "standard input is the volume's: $output"
    cp "$T/plain.json" "$B/config.json"
    ln "$T/nulls/true" "$T/nulls/null"
    bind "$T/nulls" /dev
    succeeds berth run --bundle "$B" "$ID"
    [ "$(sort -u <<<"$output" | wc -l)" -eq 1 ] || fail "standard input is not the container's: $output"
}

# ---- /dev/console ---------------------------------------------------------------------------------------------------

@test "CVE-2026-88264: the terminal is not bound over what /dev/console of the image links to" {
    local target
    config '.mounts |= map(select(.destination != "/dev")) | .process.terminal = true'
    mkdir "$B/rootfs/dev/pts" "$B/rootfs/dev/shm" "$T/outside"
    echo outside >"$T/outside/file"
    mkdir -p "$B/rootfs$T/outside"
    echo inside >"$B/rootfs$T/outside/file"
    # Inside, a link to a file of the image; by an absolute path, a file that the host and the image both have.
    for target in ../etc/passwd /etc/passwd "$T/outside/file" ../bin/busybox /dev/null null; do
        rm -f "$B/rootfs/dev/console"
        ln -s "$target" "$B/rootfs/dev/console"
        exits 1 berth run --bundle "$B" "$ID"
        has "$errors" "/dev/console"
        absent
    done
    same "$(cat "$T/outside/file")" outside
    # A file in that place is covered.
    rm "$B/rootfs/dev/console"
    echo file >"$B/rootfs/dev/console"
    run_shell 'stat -c "%F %t" /dev/console; wc -l </etc/passwd'
    same "$(tr -d '\r' <<<"$output")" $'character special file 88\n1'
}

# ---- capabilities ---------------------------------------------------------------------------------------------------

@test "ambient capabilities of the caller are cleared where the config grants the same ones otherwise" {
    local ambient=(setpriv --inh-caps +net_raw --ambient-caps +net_raw "$BERTH" --root "$ROOT")
    # Inheritable and permitted: the kernel would keep it in the ambient set.
    config '.process.capabilities |= (.bounding += ["CAP_NET_RAW"] | .permitted += ["CAP_NET_RAW"]
            | .effective += ["CAP_NET_RAW"] | .inheritable = ["CAP_NET_RAW"] | .ambient = [])'
    payload cat /proc/self/status
    succeeds "${ambient[@]}" run --bundle "$B" "$ID"
    same "$(field CapInh)" 0000000000002000
    same "$(field CapAmb)" 0000000000000000
    begin_running
    succeeds "${ambient[@]}" exec "$ID" cat /proc/self/status
    same "$(field CapInh)" 0000000000002000
    same "$(field CapAmb)" 0000000000000000 "of exec"
}

@test "capabilities that are not what they were set to end the create" {
    # capset says that it has done its work, and has done nothing.
    payload cat /proc/self/status
    try injected capset:retval=0 run --bundle "$B" "$ID"
    [ "$status" -eq 1 ] || tell_last "a program runs with the capabilities of its creator"
    has "$errors" "the capabilities are not what was set"
    absent
}

@test "CAP_SYS_ADMIN, kept for the filter that a create without noNewPrivileges loads, is the only one and goes" {
    # Bits: CAP_KILL 5, CAP_NET_BIND_SERVICE 10, CAP_SYS_ADMIN 21, CAP_AUDIT_WRITE 29.
    local wanted=0000000020000420 spared=0000000020200420 status_file
    config '.process.noNewPrivileges = false | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
                syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}
            | .hooks.startContainer = [{path: "/bin/cp", args: ["cp", "/proc/1/status", "/found"]}]'
    payload true
    begin
    status_file=/proc/$(state_of "$ID" pid)/status
    same "$(awk '/^Cap(Prm|Eff):/ { print $2 }' "$status_file" | xargs)" "$spared $spared" "while it waits"
    succeeds berth start "$ID"
    # The hook runs behind the filter.
    same "$(awk '/^Cap(Prm|Eff):/ { print $2 }' "$B/rootfs/found" | xargs)" "$wanted $wanted" "behind the filter"
    same "$(awk '/^Seccomp:/ { print $2 }' "$B/rootfs/found")" 2 "filter"
}

@test "a seccomp filter that the kernel does not take ends the run and the exec" {
    local privileges
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
    for privileges in true false; do
        config ".process.noNewPrivileges = $privileges"
        payload cat /proc/self/status
        try injected seccomp:error=ENOMEM run --bundle "$B" "$ID"
        [ "$status" -eq 1 ] || tell_last "a program runs without its filter (noNewPrivileges: $privileges)"
        has "$errors" "load seccomp filter (config /linux/seccomp)"
        absent
        begin_running
        try injected seccomp:error=ENOMEM exec "$ID" cat /proc/self/status
        [ "$status" -eq 255 ] || tell_last "exec: a program runs without its filter (noNewPrivileges: $privileges)"
        has "$errors" "load seccomp filter"
        succeeds berth delete --force "$ID"
    done
}

# ---- the session keyring --------------------------------------------------------------------------------------------

# What the user, the group and others may do to the session keyring, as keyctl_describe(3) has it: a byte for each.
# In it (keyctl_setperm(3)): view 1, read 2, write 4, search 8, link 16, setattr 32.
keyring_permissions() {
    local all
    all=$(field keyring | cut -d';' -f4)
    printf '%06x' $((16#$all & 0xffffff))
}

@test "the session keyring: its user may search it, nobody else anything, in a user namespace as well" {
    add_probe
    payload probe keyring
    succeeds berth run --bundle "$B" "$ID"
    same "$(keyring_permissions)" 080000 "user, group, others"
    begin_running
    succeeds berth exec "$ID" probe keyring
    same "$(keyring_permissions)" 080000 "of exec"
    succeeds berth delete --force "$ID"
    needs userns
    config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
            | .linux.gidMappings = .linux.uidMappings'
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    payload probe keyring
    succeeds berth run --bundle "$B" "$ID"
    same "$(keyring_permissions)" 080000 "user, group, others in a user namespace"
    # The first user namespace has all ids; another one can as well.
    config '.linux.uidMappings[0] |= (.hostID = 0 | .size = 4294967295) | .linux.gidMappings = .linux.uidMappings'
    succeeds berth run --bundle "$B" "$ID"
    same "$(keyring_permissions)" 080000 "user, group, others in a user namespace with all ids"
    same "$(field keyring | cut -d';' -f1-3)" "keyring;0;0"
}

@test "the session keyring: that none can be made is said once" {
    local reason
    for reason in EPERM ENOSYS; do
        succeeds injected "keyctl:error=$reason" run --bundle "$B" "$ID"
        same "$(grep -c 'session keyring not made' <<<"$errors")" 1 "$reason"
    done
}

# ---- the start ------------------------------------------------------------------------------------------------------

# gate.py: stands at the container's start socket in the place of its init process. It takes the START of a true
# `start`, sends everything else of that size to the init process first, and START itself at the end.
write_gate() {
    needs program:python3
    cat >"$T/gate.py" <<'PYTHON'
import os, socket, struct, sys

place, init = sys.argv[1:]
os.rename(place, init)
gate = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
gate.bind(place)
gate.listen(16)
print("ready", flush=True)
start = b""
while not start:  # whoever goes away without a word has only looked whether somebody listens
    caller = gate.accept()[0]
    start = caller.recv(65536)
kind = struct.unpack_from("=I", start)[0]

def answer(packet, fds=()):
    """What the init process says to the packet: b"" is the end of the connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as there:
        there.settimeout(20)
        there.connect(init)
        if packet is not None:
            socket.send_fds(there, [packet], fds) if fds else there.send(packet)
        said = there.recv(65536)
        # A packet that is no message is answered by one word, an error, and the end.
        return struct.unpack_from("=I", said)[0] if said else 0, there.recv(65536) if said else b""

seen = set()
for other in [k for k in range(0, 40) if k != kind] + [2**31, 2**32 - 1]:
    for fds in (), (0,), (0, 1):
        seen.add(answer(struct.pack("=I", other) + start[4:], fds))
for packet in b"", b"x", start[:4], start[:-1], start + b"x", start[::-1], bytes(len(start)):
    seen.add(answer(packet))
seen.add(answer(start, (0, 1)))
errors = {kind for kind, _ in seen} - {0}
print("ends", all(end == b"" for _, end in seen), "errors", len(errors), flush=True)
sys.stdin.readline()
there = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
there.connect(init)
there.send(start)
while said := there.recv(65536):
    if struct.unpack_from("=I", said)[0] in errors:
        sys.exit("START is refused like the others")
    caller.send(said)
PYTHON
}

@test "a created container starts by START alone, whatever else is sent to its start socket" {
    local said
    write_gate
    long_running
    begin
    mkfifo "$T/gate.in" "$T/gate.out"
    python3 "$T/gate.py" "$ROOT/$ID/start" "$T/init" <"$T/gate.in" >"$T/gate.out" 2>"$T/gate.err" 3>&- 4>&- &
    local gate=$!
    exec 8>"$T/gate.in" 9<"$T/gate.out"
    read -r -t "$PATIENCE" said <&9 || fail "$(cat "$T/gate.err")"
    same "$said" ready
    in_background start "$ID"
    read -r -t "$PATIENCE" said <&9 || fail "$(cat "$T/gate.err")"
    # Each connection was ended, some after an error. A process that starts would have said READY.
    same "$said" "ends True errors 1"
    same "$(state_of)" created
    same "$(readlink "/proc/$(state_of "$ID" pid)/exe" | grep -c busybox || true)" 0 "the program runs"
    echo go >&8
    same "$(wait_for ready)" up
    wait "$job" || fail "$(cat "$T/job")"
    exec 8>&- 9<&-
    wait "$gate" || fail "$(cat "$T/gate.err")"
    same "$(state_of)" running
}

# ---- the working directory ------------------------------------------------------------------------------------------

# stray COMMAND...: runs berth, and moves the working directory out of the volume while the new process has entered it
# and is about to ask for its name: the call is held up until then.
stray() {
    local inode link pid
    inode=$(stat -c %d:%i "$T/volume/shown/work")
    inject getcwd:delay_enter=3000000
    "${through[@]}" "$BERTH" --root "$ROOT" "$@" </dev/null >"$T/stdout" 2>"$T/stderr" 3>&- 4>&- &
    job=$!
    eventually find_in_directory "$inode" || return 1
    mv "$T/volume/shown/work" "$T/volume/hidden/work"
    status=0
    wait "$job" || status=$?
    output=$(<"$T/stdout") errors=$(<"$T/stderr")
    mv "$T/volume/hidden/work" "$T/volume/shown/work"
}

# find_in_directory DEVICE:INODE: whether a process of the runtime is in that directory.
find_in_directory() {
    local pid
    for pid in $(grep -lsxE 'berth:\[(INIT|JOIN)\]' /proc/[0-9]*/comm | cut -d/ -f3); do
        [ "$(stat -L -c %d:%i "/proc/$pid/cwd" 2>/dev/null)" != "$1" ] || return 0
    done
    return 1
}

@test "CVE-2024-21626: a working directory that is moved out of the container while it is entered is refused" {
    needs program:strace
    mkdir -p "$T/volume/shown/work" "$T/volume/hidden"
    bind "$T/volume/shown" /v
    config '.process.cwd = "/v/work"'
    payload ls ..
    stray run --bundle "$B" "$ID"
    [ "$status" -eq 1 ] || tell_last "the program has a working directory outside of its root"
    has "$errors" "/process/cwd"
    has "$errors" "outside of the container"
    absent
    config '.process.cwd = "/"'
    begin_running
    stray exec --cwd /v/work "$ID" ls ..
    [ "$status" -eq 255 ] || tell_last "the program of exec has a working directory outside of its root"
    has "$errors" "outside of the container"
}

@test "CVE-2024-21626: exec with a working directory through a descriptor, also through one that is handed on" {
    local cwd
    long_running
    begin_running
    for cwd in /proc/self/fd/3 /proc/self/fd/3/.. /proc/self/fd/7 /proc/thread-self/fd/3/tmp /proc/1/fd/3 /dev/fd/3; do
        for preserve in 0 5; do
            status=0
            (
                exec 3</ 4</tmp 5</ 6</ 7</
                exec "$BERTH" --root "$ROOT" exec --preserve-fds "$preserve" --cwd "$cwd" "$ID" pwd
            ) </dev/null >"$T/stdout" 2>"$T/stderr" || status=$?
            [ "$status" -eq 255 ] || tell_last "exec --cwd $cwd --preserve-fds $preserve"
            has "$(cat "$T/stderr")" "/process/cwd"
        done
    done
    # And of a create that hands descriptors on.
    succeeds berth delete --force "$ID"
    for cwd in /proc/self/fd/3 /proc/self/fd/7/tmp /dev/fd/3; do
        config --arg cwd "$cwd" '.process.cwd = $cwd'
        status=0
        (
            exec 3</ 4</tmp 5</ 6</ 7</
            exec "$BERTH" --root "$ROOT" run --preserve-fds 5 --bundle "$B" "$ID"
        ) </dev/null >"$T/stdout" 2>"$T/stderr" || status=$?
        [ "$status" -eq 1 ] || tell_last "run with cwd $cwd"
        absent
    done
}

# ---- the source of a bind mount -------------------------------------------------------------------------------------

# swap_source FILE COMMAND...: runs berth; while the new process is about to make mounts, $T/source and $T/FILE change
# places.
swap_source() {
    inject setsid:delay_enter=2000000
    "${through[@]}" "$BERTH" --root "$ROOT" "${@:2}" </dev/null >"$T/stdout" 2>"$T/stderr" 3>&- 4>&- &
    job=$!
    eventually is_init_there || return 1
    mv -T "$T/source" "$T/swap" && mv -T "$T/$1" "$T/source" && mv -T "$T/swap" "$T/$1"
    status=0
    wait "$job" || status=$?
    output=$(<"$T/stdout") errors=$(<"$T/stderr")
}

# Whether the new process of this test is there: it is in the container's cgroup.
is_init_there() {
    local pid
    for pid in $(grep -lsxE 'berth:\[(INIT|JOIN)\]' /proc/[0-9]*/comm | cut -d/ -f3); do
        ! grep -qs "$MARK" "/proc/$pid/cgroup" || return 0
    done
    return 1
}

@test "the source of a bind mount is exchanged for a link while the container is created: the link is not followed" {
    needs program:strace
    mkdir "$T/source" "$T/outside"
    echo held >"$T/source/file"
    echo outside >"$T/outside/file"
    ln -s outside "$T/other"
    bind "$T/source" /m ro
    payload cat /m/file
    swap_source other run --bundle "$B" "$ID"
    [ -L "$T/source" ] || fail "the source was not exchanged"
    # It failed, or what was held before is what is shown.
    [ "$status" -eq 1 ] || same "$output" held || return 1
    lacks "$output" outside
    absent
}

@test "the source of a bind mount is exchanged for another directory: one of both, read-only, or none" {
    needs program:strace
    mkdir "$T/source" "$T/other"
    echo held >"$T/source/file"
    echo other >"$T/other/file"
    bind "$T/source" /m ro
    shell 'cat /m/file; echo written 2>/dev/null >/m/file; mkdir /m/made 2>/dev/null; cat /m/file'
    swap_source other run --bundle "$B" "$ID"
    same "$(cat "$T/source/file" "$T/other/file")" $'other\nheld' "both directories"
    [ ! -e "$T/source/made" ] && [ ! -e "$T/other/made" ] || fail "a read-only mount was written to"
    [ "$status" -eq 1 ] || [ "$output" = $'held\nheld' ] || [ "$output" = $'other\nother' ] || tell_last "a third tree"
    absent
}

@test "CVE-2019-19921: the directory made for a procfs is exchanged for a link: the link is not followed" {
    needs program:strace
    local result=0
    rmdir "$B/rootfs/proc"
    shell '[ ! -e /tmp/self ] && [ ! -e /tmp/version ]'
    # The directory is made, and opened by a call that comes late: by then there is a link in its place.
    inject openat:delay_enter=1500000
    "${through[@]:0:${#through[@]}-1}" -P proc -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null \
        >"$T/stdout" 2>"$T/stderr" 3>&- 4>&- &
    job=$!
    eventually test -d "$B/rootfs/proc"
    rmdir "$B/rootfs/proc"
    ln -s tmp "$B/rootfs/proc"
    wait "$job" || result=$?
    [ "$result" -eq 1 ] || fail "exit status $result: $(cat "$T/stderr")" || return 1
    has "$(cat "$T/stderr")" "must be mounted on ordinary directory"
    absent
}

# ---- mounts of the host ---------------------------------------------------------------------------------------------

# leak_test: a container that may mount does so below its bind of the host's shared mount $T/tree; it stays there.
leak_test() {
    local before
    before=$(host_mounts)
    run_shell 'mount -t tmpfs inner /m/inner && grep -c " /m/inner " /proc/self/mountinfo'
    same "$output" 1
    # While it runs: what came out of it would go with it.
    shell 'mount -t tmpfs inner /m/inner; echo $? >/ready; read x </go'
    begin
    succeeds berth start "$ID"
    same "$(wait_for ready)" 0 "mount in the container"
    same "$(host_mounts)" "$before" "mounts of the host"
    succeeds berth delete --force "$ID"
    same "$(host_mounts)" "$before" "mounts of the host after delete"
}

@test "nothing leaks out of binds of a shared mount that are made in the host's mount namespace" {
    mkdir -p "$T/tree/inner"
    mount --bind "$T/tree" "$T/tree"
    mount --make-shared "$T/tree"
    make_fifo ready go
    config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
    cp "$B/config.json" "$T/plain.json"
    # A namespace that is joined, or ids that are mapped, make the runtime clone the source itself.
    config '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/net" else . end)'
    bind "$T/tree" /m
    leak_test
    cp "$T/plain.json" "$B/config.json"
    bind "$T/tree" /m
    config '.mounts[-1] |= (.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .gidMappings = .uidMappings)'
    leak_test
    umount "$T/tree"
}

@test "the mounts of the host's nodes share nothing with the host, where its /dev does" {
    # shellcheck disable=SC2016 # expanded by the inner shell
    local shared=(unshare --mount --propagation private -- sh -c 'mount --rbind /dev /dev && mount --make-rshared /dev
        exec "$@"' sh)
    payload cat /proc/self/mountinfo
    succeeds "${shared[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    is_mounted /proc/keys
    same "$(mount_peers /proc/keys)" "" "peers of a masked file's cover"
    needs userns
    config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
            | .linux.gidMappings = .linux.uidMappings'
    succeeds "${shared[@]}" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    is_mounted /dev/zero
    same "$(mount_peers /dev/zero)" "" "peers of a device"
}

@test "--no-pivot: below the container's root there is neither a /proc nor a /sys of the host" {
    local hooks
    config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"])'
    # The root is taken off the mount namespace; who joins that namespace anew is at the host's root.
    shell 'cd /proc/self/ns && umount -l / && exec busybox nsenter --mount=mnt \
        /bin/sh -c "ls -d /tmp /proc/self /proc/1 /sys/kernel 2>/dev/null"'
    for hooks in '{}' '{createContainer: [{path: "/bin/true"}]}'; do
        config ".hooks = $hooks"
        try berth run --no-pivot --bundle "$B" "$ID"
        same "$output" /tmp "what is there, with hooks $hooks"
        absent
    done
}

@test "cgroup2 in a cgroup namespace that is the host's, joined by path, is the host's mount and no new one" {
    local source
    # The source of the host's mount tells it from a new one, which would take the host's its options.
    source=$(berth_cgroup2_view awk '$2 == "/sys/fs/cgroup" { s = $1 } END { print s }' /proc/self/mounts)
    [ "$source" != cgroup ] || skip "needs a cgroup2 mount whose source is not \"cgroup\""
    config '.linux.namespaces |= map(if .type == "cgroup" then .path = "/proc/self/ns/cgroup" else . end)'
    add_mount /sys/fs/cgroup cgroup cgroup nosuid noexec nodev ro
    payload cat /proc/self/mountinfo
    succeeds berth_cgroup2 run --bundle "$B" "$ID"
    same "$(mount_type /sys/fs/cgroup)" cgroup2
    same "$(mount_line /sys/fs/cgroup | sed 's/.* - //' | cut -d' ' -f2)" "$source"
}

# berth_cgroup2_view COMMAND...: where berth_cgroup2 runs the runtime.
berth_cgroup2_view() {
    if is_cgroup2; then "$@"; else "$BATS_TEST_DIRNAME/cgroup2-view" "$@"; fi
}

@test "cgroup2: devices that a container is denied stay denied in a cgroup below its own, whatever is allowed there" {
    [ -c /dev/fuse ] || skip "needs /dev/fuse"
    [ -n "$(cgroup2_mount)" ] || skip "needs cgroup2"
    local outer=$B
    long_running
    succeeds berth_cgroup2 run --detach --bundle "$B" "$ID"
    same "$(wait_for ready)" up
    make_bundle inner
    # c 10:229 is /dev/fuse.
    config '.linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 229, access: "rwm"}]
        | .linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229}]'
    payload dd if=/dev/fuse of=/dev/null count=0
    succeeds berth_cgroup2 run --bundle "$B" "${MARK}inner"
    config --arg path "$CGROUP/bundle/inner" '.linux.cgroupsPath = $path'
    exits 1 berth_cgroup2 run --bundle "$B" "${MARK}inner"
    has "$errors" "Operation not permitted"
    B=$outer
    succeeds berth_cgroup2 delete --force "$ID"
}

# ---- descriptors ----------------------------------------------------------------------------------------------------

# found_nothing: the hook below has found the connection to the runtime, the state that it reads, itself, and the
# program's standard streams.
found_nothing() {
    same "$(grep -c '^socket:' "$B/rootfs/found")" 1 "sockets among $(xargs <"$B/rootfs/found")" || return 1
    same "$(grep -vE '^(socket:.*|pipe:.*|/memfd:.*|anon_inode:\[pidfd\]|.*/(null|stdout|stderr))$' \
        "$B/rootfs/found" || true)" ""
}

@test "a startContainer hook that may look into everybody finds nothing in its parent but what the program gets" {
    config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"])
            | .hooks.startContainer = [{path: "/bin/sh", env: ["PATH=/bin"],
                args: ["sh", "-c", "for f in /proc/1/fd/*; do readlink $f; done >/found"]}]'
    payload true
    succeeds berth run --bundle "$B" "$ID"
    found_nothing
    begin
    succeeds berth start "$ID"
    found_nothing
}

# ---- the own program ------------------------------------------------------------------------------------------------

@test "where its mount cannot be cloned, the runtime runs from a copy of its program that is sealed" {
    needs program:gcc program:python3
    gcc -O1 -Wall -o "$T/refuse" "$BATS_TEST_DIRNAME/../attack/refuse.c"
    # F_GET_SEALS of fcntl(2), asked of the program that runs the hook.
    cat >"$T/seals.py" <<'PYTHON'
import fcntl, os, sys
program = os.open(f"/proc/{os.getppid()}/exe", os.O_RDONLY)
open(sys.argv[1], "w").write(str(fcntl.fcntl(program, 1034)))
PYTHON
    config --arg t "$T" '.hooks.createRuntime = [{path: "/usr/bin/env",
        args: ["env", "python3", "\($t)/seals.py", "\($t)/seals"]}]'
    payload true
    succeeds "$T/refuse" ENOSYS open_tree -- "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    # Seal 1, shrink 2, grow 4, write 8.
    same "$(($(cat "$T/seals") & 15))" 15
}

# ---- the environment ------------------------------------------------------------------------------------------------

@test "hooks of the runtime get its caller's environment, and nothing that the runtime tells itself" {
    local point
    for point in prestart createRuntime createContainer poststart poststop; do
        config --arg point "$point" --arg out "$T/env.$point" '.hooks[$point] = [{path: "/bin/sh",
            args: ["sh", "-c", "env >\($out)"]}]'
    done
    payload true
    env --ignore-environment PATH="$PATH" CALLER=yes BERTH_TEST="$MARK" sh -c 'env >"$0"; exec "$@"' "$T/env" \
        "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null
    for point in prestart createRuntime createContainer poststart poststop; do
        same "$(grep -vE '^(_|PWD|SHLVL|OLDPWD)=' "$T/env.$point" | sort)" \
            "$(grep -vE '^(_|PWD|SHLVL|OLDPWD)=' "$T/env" | sort)" "environment of a $point hook"
    done
}

# ---- files of the image ---------------------------------------------------------------------------------------------

@test "HOME is not read from an /etc/passwd that is no regular file, though somebody writes to it" {
    rm "$B/rootfs/etc/passwd"
    mkfifo "$B/rootfs/etc/passwd"
    exec {held}<>"$B/rootfs/etc/passwd"
    echo root:x:0:0:root:/elsewhere:/bin/sh >&"$held"
    run_shell 'echo $HOME'
    same "$output" /
    exec {held}>&-
}

@test "what is no regular file is passed over on the way through PATH" {
    mkdir "$B/rootfs/first"
    mkfifo -m 0777 "$B/rootfs/first/printf"
    mknod -m 0777 "$B/rootfs/first/date" c 1 3
    config '.process.env |= map(if startswith("PATH=") then "PATH=/first:/bin" else . end)'
    payload printf found
    succeeds berth run --bundle "$B" "$ID"
    same "$output" found
    payload date +%%
    succeeds berth run --bundle "$B" "$ID"
    same "$output" %
    payload /first/printf found
    exits 1 berth run --bundle "$B" "$ID"
    has "${errors,,}" "permission denied"
}

# ---- the state directory --------------------------------------------------------------------------------------------

@test "exec refuses a damaged filter in the state directory, and runs nothing without it" {
    local filter damage
    config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
    begin_running
    filter=$ROOT/$ID/filter
    cp "$filter" "$T/filter"
    succeeds berth exec "$ID" grep -x 'Seccomp:.2' /proc/self/status
    for damage in gone empty head short long none many magic; do
        cp "$T/filter" "$filter"
        case $damage in
        gone) rm "$filter" ;;
        empty) : >"$filter" ;;
        head) truncate -s 12 "$filter" ;;
        short) truncate -s -8 "$filter" ;;
        long) head -c 8 /dev/zero >>"$filter" ;;
        none) # the magic number, the checksum, a count of 0 and no instruction
            truncate -s 16 "$filter" && truncate -s 24 "$filter" ;;
        many) # a count of 4097, more than the kernel takes, and so many of them
            truncate -s 16 "$filter" && printf '\001\020' >>"$filter" && truncate -s $((24 + 4097 * 8)) "$filter" ;;
        magic) printf x | dd of="$filter" conv=notrunc status=none ;;
        esac
        exits 255 berth exec "$ID" cat /proc/self/status
        has "$errors" "seccomp filter" "damage: $damage"
        lacks "$errors" "load seccomp filter" "damage: $damage"
        same "$output" ""
    done
    cp "$T/filter" "$filter"
    succeeds berth exec "$ID" grep -x 'Seccomp:.2' /proc/self/status
}

# ---- checkpoint -----------------------------------------------------------------------------------------------------

# needs_criu: the newest that Debian has (tests/criu).
needs_criu() {
    local dir
    dir=$("$BATS_TEST_DIRNAME/../criu" make 2>"$T/criu") || skip "no criu: $(tail -n 1 "$T/criu")"
    PATH=$dir:$PATH
    criu check >"$T/criu" 2>&1 || skip "criu cannot work here: $(tail -n 1 "$T/criu")"
}

@test "checkpoint of a user namespace: an image directory that is the caller's keeps its owner and mode" {
    needs_criu
    needs userns
    config '.linux.namespaces += [{"type": "user"}]
        | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
        | .linux.gidMappings = .linux.uidMappings'
    chown -R 100000:100000 "$B/rootfs"
    make_fifo ready
    chown 100000:100000 "$B/rootfs/ready"
    long_running
    succeeds berth run --detach --bundle "$B" "$ID"
    same "$(wait_for ready)" up
    mkdir -m 0700 "$T/images"
    # Refused before anything is asked of CRIU.
    refuses "status fd 5 is not writable" berth checkpoint --image-path "$T/images" --status-fd 5 "$ID" 5</dev/null
    same "$(state_of)" running
    succeeds berth checkpoint --image-path "$T/images" --leave-running "$ID"
    same "$(stat -c '%u %g %a' "$T/images")" "0 0 700"
    [ -s "$T/images/inventory.img" ]
}

# ---- the waiting process --------------------------------------------------------------------------------------------

@test "CVE-2016-9962: a process that waits for start is closed to other processes of the same user" {
    local pid spy
    add_probe
    make_fifo ready
    cp "$B/rootfs/bin/probe" "$T/probe"
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    # No capabilities, so that nothing but its being undumpable keeps its user out.
    config '.process.user = {uid: 4242, gid: 4242} | .process.capabilities = {}'
    chmod 0666 "$B/rootfs/ready"
    shell 'echo up >/ready; exec sleep 1000'
    spy=(setpriv --reuid 4242 --regid 4242 --clear-groups "$T/probe")
    begin
    pid=$(state_of "$ID" pid)
    same "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" 4242
    same "$(stat -c %u:%g "/proc/$pid"/{environ,fd,mem} | sort -u)" 0:0 "owner of its files in /proc"
    succeeds "${spy[@]}" "spy=$pid"
    same "$output" "spy: nothing"
    # The program itself is its user's.
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    same "$(stat -c %u "/proc/$pid/environ")" 4242
    succeeds "${spy[@]}" "spy=$pid"
    has "$output" "fd0 fd1 fd2"
}

# spy_by_hook: a createContainer hook spies at the new process, which has made it and waits for it. It has the same user
# and the same capabilities. What it finds is in $T/found.
spy_by_hook() {
    cp "$B/rootfs/bin/probe" "$T/probe"
    chmod 0755 "$T" "${T%/*}" "${T%/*/*}" "${T%/*/*/*}"
    config --arg probe "$T/probe" --arg found "$T/found" '.hooks.createContainer = [{path: "/bin/sh",
        args: ["sh", "-c", "exec \($probe) spy=$PPID >\($found) 2>&1"]}]'
    install -m 0666 /dev/null "$T/found"
}

@test "CVE-2016-9962: the new process is closed to root of its user namespace before it has a root of its own" {
    needs userns
    add_probe
    spy_by_hook
    # The same ids as outside: to change them is no change, which would close it as well.
    config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
            | .linux.gidMappings = .linux.uidMappings'
    succeeds berth run --bundle "$B" "$ID"
    same "$(cat "$T/found")" "spy: nothing"
}

@test "CVE-2016-9962: the new process is closed to a root without CAP_SYS_PTRACE before it has a root of its own" {
    add_probe
    spy_by_hook
    # With CAP_SYS_PTRACE nothing is closed to root, so the runtime and the hook go without.
    succeeds setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    same "$(cat "$T/found")" "spy: nothing"
}
