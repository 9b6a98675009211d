# SPDX-License-Identifier: Apache-2.0
#
# Shared by the engine tests: the runtime under test, images without a registry, daemons of our own. Needs root.
#
#   BERTH         the runtime under test: path of its binary (default: berth from PATH)
#   BERTH_CACHE   where the Debian image is kept between runs (default: /var/cache/berth-tests)
#   BERTH_TRACE   a directory: every call of the runtime is noted there in calls.txt, and each config.json it was given
#
# Nothing is installed, and no daemon or storage of the host is used or changed.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/engines/audit.bash
source "${BASH_SOURCE[0]%/*}/audit.bash"
# shellcheck source=tests/mirror.bash
source "${BASH_SOURCE[0]%/*}/../mirror.bash"

# ---- the run -------------------------------------------------------------------------------------------------------

# engine_open PROGRAM...: begins a file's run; where it cannot, sets ENGINE_SKIP to the reason (a file that knows one
# has set it before). (bats 1.8 takes a `skip` in setup_file for a failure when the file has a teardown_file: so every
# test skips itself, see engine_test.)
# Exports ENGINE_WORK (a new directory), ENGINE_MARK (its name, also the cgroup parent) and ENGINE_RUNTIME (the runtime
# under the name `berth`, whatever it is: engines decide by that name what they believe a runtime can do).
engine_open() {
    local program
    export ENGINE_SKIP=${ENGINE_SKIP:-}
    [ "$(id -u)" = 0 ] || ENGINE_SKIP="must run as root"
    for program in jq busybox "$@"; do
        type -P "$program" >/dev/null || ENGINE_SKIP="$program is not installed (see tests/engines/packages)"
    done
    if ldd "$(type -P busybox)" >/dev/null 2>&1; then
        ENGINE_SKIP="busybox is not static (see tests/engines/packages)"
    fi
    [ -z "$ENGINE_SKIP" ] || return 0
    BERTH=$(command -v "${BERTH:-berth}") || { echo "BERTH must be the path of the runtime under test"; return 1; }
    BERTH=$(realpath "$BERTH")
    ENGINE_WORK=$(mktemp -d /tmp/berth-engines-XXXXXX)
    ENGINE_MARK=${ENGINE_WORK##*/}
    ENGINE_RUNTIME=$ENGINE_WORK/bin/berth
    ENGINE_KIND=$("$BERTH" --version | head -n 1 | cut -d ' ' -f 1)
    export BERTH ENGINE_WORK ENGINE_MARK ENGINE_RUNTIME ENGINE_KIND
    mkdir "$ENGINE_WORK"/{bin,share}
    chmod 0755 "$ENGINE_WORK"
    runtime_install
}

# engine_opened: whether there is a run. engine_test: the first line of setup.
engine_opened() {
    [ -z "$ENGINE_SKIP" ] && [ -n "$ENGINE_WORK" ]
}

engine_test() {
    [ -z "$ENGINE_SKIP" ] || skip "$ENGINE_SKIP"
    audit_begin
    mkdir "$BATS_TEST_TMPDIR/share"
}

runtime_install() {
    if [ -z "$BERTH_TRACE" ]; then
        ln -s "$BERTH" "$ENGINE_RUNTIME"
        return
    fi
    mkdir -p "$BERTH_TRACE"
    # Engines call the runtime with few variables, or none: the script must not rely on PATH.
    cat >"$ENGINE_RUNTIME" <<EOF
#!/bin/sh
echo "\$*" >>$BERTH_TRACE/calls.txt
for id; do
    [ "\$last" = --bundle ] && bundle=\$id
    last=\$id
done
[ -z "\$bundle" ] || /bin/cp "\$bundle/config.json" "$BERTH_TRACE/\$id.json"
exec $BERTH "\$@"
EOF
    chmod 0755 "$ENGINE_RUNTIME"
}

# engine_close: ends the run; fails when it left something, and clears that away as well.
engine_close() {
    local left pid
    left=$(audit_mounts; audit_processes; audit_state)
    for pid in $(audit_pids); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    audit_state_paths | xargs -r rm -rf --one-file-system
    find /sys/fs/cgroup -path /sys/fs/cgroup/memory/process_api -prune -o -type d -path "*$ENGINE_MARK*" -print \
        2>/dev/null | sort -r | xargs -r rmdir 2>/dev/null || true
    # Never walk into a mount that was left behind: it may be a directory of the host.
    if grep -qF "$ENGINE_WORK" /proc/self/mountinfo; then
        echo "kept $ENGINE_WORK: something is mounted there"
    else
        rm -rf --one-file-system "$ENGINE_WORK"
    fi
    [ -z "$left" ] || { printf 'left behind by the run:\n%s\n' "$left"; return 1; }
}

# ---- daemons -------------------------------------------------------------------------------------------------------

# daemon_start NAME COMMAND...: runs it in the background, output to NAME.log, pid to NAME.pid, both in ENGINE_WORK.
# fd 3 belongs to bats, which would wait for the daemon if it kept it. An inherited LISTEN_FDS or NOTIFY_SOCKET is not
# for the daemon.
daemon_start() {
    local name=$1
    shift
    env -u LISTEN_FDS -u LISTEN_PID -u NOTIFY_SOCKET ENGINE_TRAIL="$ENGINE_MARK" "$@" \
        >"$ENGINE_WORK/$name.log" 2>&1 </dev/null 3>&- &
    echo $! >"$ENGINE_WORK/$name.pid"
    disown
}

# daemon_ready NAME COMMAND...: waits until the command succeeds; gives up when the daemon has died or after 30 s
# (DAEMON_PATIENCE).
daemon_ready() {
    local name=$1 pid deadline=$((SECONDS + ${DAEMON_PATIENCE:-30}))
    shift
    pid=$(cat "$ENGINE_WORK/$name.pid")
    until "$@" >/dev/null 2>&1; do
        if [ ! -d "/proc/$pid" ] || [ "$SECONDS" -ge "$deadline" ]; then
            echo "$name did not come up:"
            tail -n 20 "$ENGINE_WORK/$name.log"
            return 1
        fi
        sleep 0.05
    done
}

# daemon_stop NAME: SIGTERM, and SIGKILL when that does not end it within 20 s.
daemon_stop() {
    local pid
    pid=$(cat "$ENGINE_WORK/$1.pid" 2>/dev/null) || return 0
    kill -TERM "$pid" 2>/dev/null || return 0
    timeout 20 tail --pid="$pid" -s 0.05 -f /dev/null || kill -KILL "$pid"
    rm -f "$ENGINE_WORK/$1.pid"
}

# ---- images --------------------------------------------------------------------------------------------------------

# image_pack NAME DIR ARCHIVE [PROGRAM...]: DIR as an archive that `docker load`, `podman load` and `ctr image import`
# all take. The program is the one that runs when none is named (default: /bin/sh).
image_pack() {
    local stage=$3.d program=("${@:4}")
    mkdir "$stage"
    tar --numeric-owner --exclude=./dev/\* -C "$2" -cf "$stage/layer.tar" .
    [ "${#program[@]}" -gt 0 ] || program=(/bin/sh)
    jq -n --arg diff "sha256:$(sha256sum <"$stage/layer.tar" | cut -d ' ' -f 1)" --arg arch "$(image_arch)" '{
        architecture: $arch, os: "linux", created: "2024-01-01T00:00:00Z",
        rootfs: { type: "layers", diff_ids: [$diff] }, history: [{ created: "2024-01-01T00:00:00Z" }],
        config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: $ARGS.positional }
    }' --args "${program[@]}" >"$stage/config.json"
    jq -n --arg name "$1" '[{ Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"] }]' \
        >"$stage/manifest.json"
    tar -C "$stage" -cf "$3" manifest.json config.json layer.tar
    rm -rf "$stage"
}

image_arch() {
    dpkg --print-architecture | sed 's/^i386$/386/; s/^armhf$/arm/; s/^ppc64el$/ppc64le/'
}

# image_busybox: a root file system of one program; prints the archive's path. The image is busybox:test.
image_busybox() {
    local dir=$ENGINE_WORK/busybox applet
    if [ ! -e "$dir.tar" ]; then
        mkdir -p "$dir"/{bin,dev,etc,proc,sys,tmp,root,srv}
        chmod 1777 "$dir/tmp"
        cp "$(command -v busybox)" "$dir/bin/busybox"
        for applet in $("$dir/bin/busybox" --list); do
            [ -e "$dir/bin/$applet" ] || ln -s busybox "$dir/bin/$applet"
        done
        printf 'root:x:0:0:root:/root:/bin/sh\ntester:x:1000:1000::/:/bin/sh\n' >"$dir/etc/passwd"
        printf 'root:x:0:\ntester:x:1000:\n' >"$dir/etc/group"
        printf 'not a program\n' >"$dir/bin/plain-file"
        chmod 0644 "$dir/bin/plain-file"
        image_pack busybox:test "$dir" "$dir.tar"
    fi
    echo "$dir.tar"
}

# root_with_links DIR: a copy of that root file system with links whose targets only a running system has, as images of
# systemd-resolved's distributions have them.
root_with_links() {
    cp -a "$ENGINE_WORK/busybox" "$1"
    ln -s ../run/systemd/resolve/stub-resolv.conf "$1/etc/resolv.conf"
    mkdir "$1/var"
    ln -s /run "$1/var/run"
}

# image_links: the same as an archive; prints its path. The image is links:test.
image_links() {
    local dir=$BATS_TEST_TMPDIR/links
    root_with_links "$dir"
    image_pack links:test "$dir" "$dir.tar"
    echo "$dir.tar"
}

# image_debian: a real minimal Debian 12; prints the archive's path, or fails with a reason. The image is debian:test.
# Made once and kept: it takes most of a minute. Has a set-user-id /usr/bin/suid-id more than Debian.
image_debian() {
    local cache=${BERTH_CACHE:-/var/cache/berth-tests} archive mirror
    archive=$cache/engines-bookworm-$(dpkg --print-architecture).tar
    mkdir -p "$cache"
    (
        flock 9
        [ ! -e "$archive" ] || exit 0
        command -v debootstrap >/dev/null || { echo "debootstrap is not installed"; exit 1; }
        mirror=$(debian_mirror)
        [ -n "$mirror" ] || { echo "no Debian mirror in the host's apt sources"; exit 1; }
        rm -rf --one-file-system "$archive".*
        # debootstrap mounts things in its target: in a mount namespace of its own they cannot stay behind.
        unshare -m --propagation private debootstrap --variant=minbase bookworm "$archive.root" "$mirror" \
            >"$archive.log" 2>&1 || { echo "debootstrap failed, see $archive.log"; exit 1; }
        rm -rf "$archive.root"/var/cache/apt/archives/*.deb "$archive.root"/var/lib/apt/lists/* \
            "$archive.root"/usr/share/{doc,man,locale}/*
        cp "$archive.root/usr/bin/id" "$archive.root/usr/bin/suid-id"
        chmod 4755 "$archive.root/usr/bin/suid-id"
        image_pack debian:test "$archive.root" "$archive.new" && rm -rf --one-file-system "$archive.root"
        mv "$archive.new" "$archive"
    ) 9>"$archive.lock" || return
    echo "$archive"
}

# images_load COMMAND...: loads both images with the engine's command; where Debian is not to be had, notes why.
images_load() {
    local archive
    archive=$(image_busybox)
    "$@" "$archive" >/dev/null || return
    if archive=$(image_debian); then
        "$@" "$archive" >/dev/null
    else
        echo "$archive" >"$ENGINE_WORK/no-debian"
    fi
}

needs_debian() {
    [ ! -e "$ENGINE_WORK/no-debian" ] || skip "no Debian image: $(cat "$ENGINE_WORK/no-debian")"
}

# ---- what tests ask ------------------------------------------------------------------------------------------------

# wait_until SECONDS COMMAND...
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "waited in vain for: $*"; return 1; }
        sleep 0.02
    done
}

# contains TEXT: $output has it, literally.
contains() {
    [[ $output == *"$1"* ]] || { printf 'expected to contain: %s\noutput: %s\n' "$1" "$output"; return 1; }
}

lacks() {
    [[ $output != *"$1"* ]] || { printf 'must not contain: %s\noutput: %s\n' "$1" "$output"; return 1; }
}

# is TEXT: $output is exactly that.
is() {
    [ "$output" = "$1" ] || { printf 'expected: %s\noutput:   %s\n' "$1" "$output"; return 1; }
}

# exits CODE: the status of the last `run`.
exits() {
    [ "$status" -eq "$1" ] || { printf 'expected exit %s, got %s\noutput: %s\n' "$1" "$status" "$output"; return 1; }
}

# The runtime under test says what it is in the first word of --version. What a peer cannot do is skipped with a reason;
# berth is never skipped by this.
not_for() {
    [ "$ENGINE_KIND" != "$1" ] || skip "$1 $2"
}

# Whether every capability that the kernel knows may be granted on this host.
host_has_all_caps() {
    local last bounding
    last=$(cat /proc/sys/kernel/cap_last_cap)
    bounding=$(awk '/^CapBnd/ { print $2 }' /proc/self/status)
    [ $((0x$bounding)) -eq $(((1 << (last + 1)) - 1)) ]
}

cgroup_world() {
    if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then echo v2; else echo v1; fi
}

# cgroup_dir PID CONTROLLER: the directory of the process' cgroup in that controller's hierarchy.
cgroup_dir() {
    if [ "$(cgroup_world)" = v2 ]; then
        echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")"
    else
        awk -F: -v want="$2" '{
            n = split($2, have, ",")
            for (i = 1; i <= n; i++) if (have[i] == want) { print "/sys/fs/cgroup/" $2 $3; exit }
        }' "/proc/$1/cgroup"
    fi
}

# cgroup_limit PID WHAT: memory (bytes), quota (µs of a period of 100 ms), shares, pids or cpus; v1's words.
cgroup_limit() {
    local row controller v1 v2
    declare -A table=(
        [memory]="memory memory.limit_in_bytes memory.max"
        [quota]="cpu cpu.cfs_quota_us cpu.max"
        [shares]="cpu cpu.shares cpu.weight"
        [pids]="pids pids.max pids.max"
        [cpus]="cpuset cpuset.cpus cpuset.cpus"
    )
    row=${table[$2]}
    read -r controller v1 v2 <<<"$row"
    if [ "$(cgroup_world)" = v2 ]; then
        cut -d ' ' -f 1 "$(cgroup_dir "$1" "$controller")/$v2"
    else
        cat "$(cgroup_dir "$1" "$controller")/$v1"
    fi
}

# frozen PID: yes or no, as the kernel says of the process' cgroup. A host with both kinds has two ways to do it.
frozen() {
    local unified
    unified=$(awk '$(NF - 2) == "cgroup2" { print $5; exit }' /proc/self/mountinfo)
    if grep -qsx 'frozen 1' "$unified$(sed -n 's/^0:://p' "/proc/$1/cgroup")/cgroup.events" ||
        grep -qsx FROZEN "$(cgroup_dir "$1" freezer)/freezer.state"; then
        echo yes
    else
        echo no
    fi
}

# has_controllers NAME...: whether limits of those kinds can be set here. A cgroup2 mount beside the v1 hierarchies that
# hold the controllers has none.
has_controllers() {
    local name
    [ "$(cgroup_world)" = v2 ] || return 0
    for name; do
        grep -qw "$name" /sys/fs/cgroup/cgroup.controllers || return
    done
}

needs_controllers() {
    has_controllers "$@" || skip "cgroup2 without the controllers $*"
}

# needs_v1: for tests that name v1 files inside the container.
needs_v1() {
    [ "$(cgroup_world)" = v1 ] || skip "the host has no cgroup v1 hierarchies"
}

# namespace_of PID KIND: such as "mnt:[4026531841]".
namespace_of() {
    readlink "/proc/$1/ns/$2"
}
