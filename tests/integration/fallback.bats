#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fallback: where the kernel lacks a system call (ENOSYS), or an outer container forbids it (EPERM), the classic way
# must make the very same container. Each test prints a container from inside (tests/fault/probe.c) once as it should be
# and once with calls refused (tests/attack/refuse.c), and compares the two.
load helpers

prepare() {
    needs root
    REFUSE=$BATS_FILE_TMPDIR/refuse
    if [ ! -x "$REFUSE" ]; then
        gcc -O1 -Wall -o "$REFUSE" "$BATS_TEST_DIRNAME/../attack/refuse.c"
        gcc -O1 -Wall -static -o "$BATS_FILE_TMPDIR/rootfs/bin/probe" "$BATS_TEST_DIRNAME/../fault/probe.c"
    fi
    rich_bundle
}

# Sources of binds; what is mounted in them, with the propagation of its name, is only in the view of in_host_view.
make_sources() {
    mkdir -p "$T"/host/{plain,shared,private,tree}
    echo text >"$T/host/plain/file"
    install -m 755 /bin/true "$T/host/plain/program"
    ln -s file "$T/host/plain/link"
    cp -P "$T/host/plain/link" "$T/host/tree/"
}

# in_host_view COMMAND...: a mount namespace with mounts of each kind in $T/host.
in_host_view() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --propagation private -- sh -euc '
        cd "$0"
        for name in shared private; do
            mount -t tmpfs -o nosuid,nodev,strictatime "on-$name" "$name"
            mkdir "$name/below"
            mount -t tmpfs -o noexec,noatime "below-$name" "$name/below"
            mount --make-r$name "$name"
        done
        mount --rbind shared tree
        cd /
        exec "$@"' "$T/host" "$@"
}

# A container with every kind of mount, all paths of it asked about.
rich_bundle() {
    make_bundle
    make_sources
    mkdir -p "$B"/rootfs/{copied,masked,sealed,changed,resized}
    echo up >"$B/rootfs/copied/file"
    echo secret | tee "$B/rootfs/masked/file" >"$B/rootfs/hidden"
    echo text | tee "$B/rootfs/sealed/file" >"$B/rootfs/fixed"
    mknod "$B/rootfs/node" c 1 11
    config --arg h "$T/host" --arg questions 'r:/hidden r:/masked/file d:/masked w:/fixed c:/sealed c:/ c:/tmp c:/ro
            c:/small c:/tree/below w:/file r:/file c:/copied d:/copied c:/proc/sys w:/proc/sys/kernel/shm_rmid_forced
            r:/proc/kcore d:/sys/firmware c:/sys/fs/cgroup r:/node r:/flags/link x:/flags/program x:/bin/probe
            r:/nowhere d:/sys/fs/cgroup' '
        .process.args = ["probe", ($questions | splits("\\s+"))] |
        .root.readonly = true
        | .linux.maskedPaths += ["/hidden", "/masked", "/nowhere", "/copied/file"]
        | .linux.readonlyPaths += ["/fixed", "/sealed", "/nowhere"]
        | .process.rlimits = [{ "type": "RLIMIT_NOFILE", "soft": 300, "hard": 400 }]
        | .process.cwd = "/made/on/the/way"
        | .mounts += [
            { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
              "options": ["nosuid", "noexec", "nodev", "relatime", "ro"] },
            { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
              "options": ["nosuid", "size=64k", "mode=1777"] },
            { "destination": "/ro", "type": "bind", "source": ($h + "/plain"), "options": ["bind", "ro"] },
            { "destination": "/flags", "type": "bind", "source": ($h + "/plain"),
              "options": ["bind", "nosuid", "nodev", "noexec", "noatime", "nosymfollow"] },
            { "destination": "/strict", "type": "bind", "source": ($h + "/private"),
              "options": ["bind", "ro", "nodiratime"] },
            { "destination": "/file", "type": "bind", "source": ($h + "/plain/file"), "options": ["bind", "ro"] },
            { "destination": "/slave", "type": "bind", "source": ($h + "/shared"), "options": ["rbind", "rslave"] },
            { "destination": "/peer", "type": "bind", "source": ($h + "/shared"), "options": ["rbind", "rshared"] },
            { "destination": "/alone", "type": "bind", "source": ($h + "/shared"),
              "options": ["rbind", "rprivate", "ro"] },
            { "destination": "/default", "type": "bind", "source": ($h + "/shared"), "options": ["rbind"] },
            { "destination": "/tree", "type": "bind", "source": ($h + "/tree"), "options": ["rbind", "nosuid"] },
            { "destination": "/unbindable", "type": "bind", "source": ($h + "/private"),
              "options": ["bind", "unbindable"] },
            { "destination": "/small", "type": "tmpfs", "source": "small", "options": ["size=4k", "ro", "mode=700"] },
            { "destination": "/copied", "type": "tmpfs", "source": "copied", "options": ["tmpcopyup", "noexec"] },
            { "destination": "/loose", "type": "bind", "source": ($h + "/private"),
              "options": ["bind", "suid", "dev", "relatime"] },
            { "destination": "/wholly", "type": "bind", "source": ($h + "/shared"),
              "options": ["rbind", "rro", "rnosuid", "rnorelatime"] },
            { "destination": "/sealed/a name", "type": "bind", "source": ($h + "/tree"), "options": ["rbind"] },
            { "destination": "/changed", "type": "tmpfs", "source": "changed", "options": ["size=1m"] },
            { "destination": "/changed", "type": "bind", "source": "none",
              "options": ["remount", "bind", "nosuid", "ro"] },
            { "destination": "/resized", "type": "tmpfs", "source": "resized",
              "options": ["size=1m", "nodev", "noatime"] },
            { "destination": "/resized", "type": "tmpfs", "source": "resized", "options": ["remount", "size=2m"] },
            { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
              "options": ["nosuid", "noexec", "nodev"] }
          ]'
}

# The variants of the container: each takes another way through the code.
variant_plain() { :; }
variant_no-pivot() { options=(--no-pivot); }
# The root is attached at its path when hooks shall find it there.
variant_hooks() {
    config '.hooks = { "createContainer": [{ "path": "/bin/true" }] }'
}
variant_hooks-no-pivot() {
    variant_hooks
    options=(--no-pivot)
}
variant_terminal() { config '.process.terminal = true | .process.consoleSize = { "height": 25, "width": 80 }'; }
variant_shared-root() { config '.linux.rootfsPropagation = "shared"'; }
variant_private-root() { config '.linux.rootfsPropagation = "rprivate"'; }
variant_unbindable-root() { config '.linux.rootfsPropagation = "unbindable"'; }
variant_host-cgroupns() { config '.linux.namespaces |= map(select(.type != "cgroup"))'; }
variant_user() {
    # What comes from the host keeps its flags there, and what is mounted on it (mount_namespaces(7), "Restrictions").
    config '.mounts |= map(select(.destination != "/loose")
            | .options = (.options // []) - ["noatime", "nodiratime", "rnorelatime"]
            | if .options == ["bind", "unbindable"] or .destination == "/strict" then .options[0] = "rbind" else . end)
        | .linux.namespaces += [{ "type": "user" }]
        | .linux.uidMappings = [{ "containerID": 0, "hostID": 100000, "size": 65536 }]
        | .linux.gidMappings = [{ "containerID": 0, "hostID": 100000, "size": 65536 }]'
    # The user that is root in there has to get at the bundle.
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*/ "$BATS_RUN_TMPDIR"/*/*/
}
variant_sysctl() { config '.linux.sysctl = { "net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1" }'; }
variant_without-proc() {
    config '.mounts |= map(select(.destination != "/proc")) | .linux.rootfsPropagation = "shared"'
}
VARIANTS=(plain no-pivot hooks hooks-no-pivot terminal shared-root private-root unbindable-root host-cgroupns user
    sysctl without-proc)

# Whether a superblock or only its mount is read-only says nothing. A shared mount is a peer of the host's where a
# detached copy of that can be made in advance; the classic bind is made behind the cut between the two propagations, so
# it is also a slave, and what is mounted in it stays inside.
normalised() {
    sed -E -e "s|$T|T|g; s|$MARK|MARK|g" -e 's/\r$//' -e '/^mount /s/ - ([^ ]+ [^ ]+) (ro|rw)/ - \1/' \
        -e '/^mount .peer/s/ shared master / shared /' -e '/^entries .sys.fs.cgroup:/d' "$1"
}

# print_container FILE REFUSAL...
print_container() {
    local file=$1
    shift
    # With descriptors of the caller that are none of the container's business.
    succeeds in_host_view "$REFUSE" "$@" -- "$BERTH" --root "$ROOT" run "${options[@]}" --bundle "$B" "$ID" \
        20</ 21>>"$T/caller" || return
    has "$output" "end of probe" || return
    same "$errors" "" "standard error" || return
    normalised "$T/stdout" >"$file"
}

# same_container REFUSAL...: the arguments of refuse.
same_container() {
    local variant options failed=0
    for variant in "${VARIANTS[@]}"; do
        options=()
        cp "$B/config.json" "$T/config.saved"
        "variant_$variant"
        if ! print_container "$T/normal" ENOSYS kexec_load || ! print_container "$T/refused" "$@"; then
            echo "^ variant $variant"
            failed=1
        elif ! diff -U0 "$T/normal" "$T/refused"; then
            echo "^ variant $variant: the container is another one (-: as it should be)"
            failed=1
        fi
        mv "$T/config.saved" "$B/config.json"
    done
    return "$failed"
}

@test "the container to compare with is what its configuration says" {
    local options=()
    print_container "$T/normal" ENOSYS kexec_load
    local line
    while read -r line; do
        grep -qxF -e "$line" "$T/normal" || fail "missing: $line" "$(cat "$T/normal")"
    done <<'END'
entries /masked: 0
make in /: Read-only file system
make in /ro: Read-only file system
make in /sealed: Read-only file system
make in /small: Read-only file system
make in /sys/fs/cgroup: Read-only file system
make in /tmp: yes
make in /tree/below: yes
write /fixed: Read-only file system
write /file: Read-only file system
write /proc/sys/kernel/shm_rmid_forced: Read-only file system
read /flags/link: Too many levels of symbolic links
read /node: Operation not permitted
execute /flags/program: Permission denied
directory /made/on/the/way
END
    grep -q '^mount /peer .* shared' "$T/normal"
    grep -q '^mount /slave .* master -' "$T/normal"
    grep -q '^mount /alone/below .* ([^)]*) - ' "$T/normal"
    grep -q '^mount / .*(ro,' "$T/normal"
    grep -q '^mount /wholly/below .*(ro,nosuid,' "$T/normal"
    grep -qF 'mount /sealed/a\040name/below of / (ro,' "$T/normal"
}

@test "the whole mount API is missing (ENOSYS)" {
    same_container ENOSYS mountapi
}

@test "the whole mount API is forbidden (EPERM)" {
    same_container EPERM mountapi
}

@test "mount_setattr is missing, as before Linux 5.12" {
    same_container ENOSYS mount_setattr
}

@test "mount_setattr is forbidden" {
    same_container EPERM mount_setattr
}

@test "openat2 is missing" {
    same_container ENOSYS openat2
}

@test "openat2 is forbidden" {
    same_container EPERM openat2
}

@test "all of these are missing" {
    same_container ENOSYS mountapi openat2 close_range
}

@test "all of these are forbidden" {
    same_container EPERM mountapi openat2 close_range
}

@test "one door to the mount API is missing or forbidden" {
    local call
    VARIANTS=(plain)
    for call in open_tree fsopen fspick; do
        same_container ENOSYS "$call"
        same_container EPERM "$call"
    done
}

@test "create and start, too" {
    config '.process.args = ["true"]'
    succeeds in_host_view "$REFUSE" EPERM mountapi openat2 -- "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    succeeds "$REFUSE" EPERM mountapi openat2 -- "$BERTH" --root "$ROOT" start "$ID"
    eventually is_state "$ID" stopped
    succeeds "$REFUSE" EPERM mountapi openat2 -- "$BERTH" --root "$ROOT" delete "$ID"
    absent
}
