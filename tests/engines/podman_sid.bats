#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under the newest Podman: the other files' lists once more, inside a Debian sid root that has Podman 5,
# conmon, crun, runc, Buildah and netavark. Needs root and debootstrap; the root is made once and kept (BERTH_CACHE).
#
# Inside, the cgroup hierarchies are the host's (of a hybrid host the v1 ones), or nothing but cgroup2. Where the host
# gives cgroup2 no controllers, limits cannot be seen there, and those tests are not asked for.
#
#   PODMAN_SID_VIEWS   `host`, `v2`, or both (default)

source "${BATS_TEST_DIRNAME}/podman.bash"

PEERS=$BATS_TEST_DIRNAME/../bench/peers

# sid_root: prints the root's path; makes it when it is not there.
sid_root() {
    local cache=${BERTH_CACHE:-/var/cache/berth-tests} root plain
    root=$cache/sid-podman
    (
        flock 9
        [ ! -e "$root" ] || exit 0
        plain=$("$PEERS" make) || exit
        rm -rf --one-file-system "$root.part"
        cp -a "$plain" "$root.part"
        # The packages that debootstrap's own lists name: a mirror that stands still works too.
        unshare --mount --pid --fork --propagation private bash -ec "
            mount --bind '$root.part' '$root.part'
            mount -t proc proc '$root.part/proc'
            mount -t tmpfs tmpfs '$root.part/tmp'
            mount --rbind /dev '$root.part/dev'
            printf '#!/bin/sh\nexit 101\n' >'$root.part/usr/sbin/policy-rc.d'
            chmod 0755 '$root.part/usr/sbin/policy-rc.d'
            export DEBIAN_FRONTEND=noninteractive
            chroot '$root.part' apt-get install -y --no-install-recommends -o Acquire::Check-Valid-Until=false \
                podman conmon crun runc buildah netavark aardvark-dns nftables iptables iproute2 catatonit passt \
                slirp4netns uidmap fuse-overlayfs bats jq busybox-static python3 procps util-linux gawk
            chroot '$root.part' apt-get clean" >"$root.log" 2>&1 || { echo "making it failed, see $root.log"; exit 1; }
        mv "$root.part" "$root"
    ) 9>"$root.lock" || return
    echo "$root"
}

# list VIEW FILE FILTER...: runs that file's tests inside; prints what fails, and the count.
list() {
    local view=$1 file=$2
    shift 2
    [[ " ${PODMAN_SID_VIEWS:-host v2} " == *" $view "* ]] || skip "not asked for (PODMAN_SID_VIEWS)"
    timeout -k 10 900 "$PEERS" enter --root "$SID_ROOT" --bind "$SID_STAGE" --cgroup "$view" -- \
        env BERTH=/mnt/bin/berth BERTH_CACHE=/mnt/cache TERM=xterm bats --tap "$@" "/mnt/tests/engines/$file.bats" \
        >"$BATS_TEST_TMPDIR/tap" 2>&1 </dev/null 3>&- || true
    grep -E -A 20 '^not ok' "$BATS_TEST_TMPDIR/tap" || true
    echo "$(grep -c '^ok' "$BATS_TEST_TMPDIR/tap") ok"
    grep -E '^ok .*# skip' "$BATS_TEST_TMPDIR/tap" | sed "s/^/# $view: /" >&3 || true
    [ "$(grep -c '^ok' "$BATS_TEST_TMPDIR/tap")" -gt 0 ]
    ! grep -q '^not ok' "$BATS_TEST_TMPDIR/tap"
}

setup_file() {
    engine_open debootstrap unshare
    engine_opened || return 0
    if ! SID_ROOT=$(sid_root); then
        ENGINE_SKIP="no sid root: $SID_ROOT"
        return 0
    fi
    # What the tests need of this tree, and the runtime, under /mnt inside.
    SID_STAGE=$ENGINE_WORK/stage
    mkdir -p "$SID_STAGE"/{tests,bin,cache}
    cp -a "$BATS_TEST_DIRNAME" "$BATS_TEST_DIRNAME/../mirror.bash" "$SID_STAGE/tests/"
    cp "$BERTH" "$SID_STAGE/bin/berth"
    if image_debian >/dev/null; then
        cp "$(image_debian)" "$SID_STAGE/cache/"
    fi
    export SID_ROOT SID_STAGE
}

teardown_file() {
    engine_opened || return 0
    engine_close
}

audit_state_paths() {
    :
}

setup() {
    engine_test
}

teardown() {
    engine_opened || return 0
    audit_end
}

@test "podman of sid: which one it is" {
    run -0 "$PEERS" enter --root "$SID_ROOT" -- sh -c 'podman --version; conmon --version | head -n 1
        crun --version | head -n 1; buildah --version
        dpkg-query -W podman conmon crun runc buildah netavark aardvark-dns passt slirp4netns'
    echo "$output" | sed 's/^/# /' >&3
    [[ ${lines[0]} =~ ^podman\ version\ [5-9] ]]
}

@test "podman of sid: run (host's hierarchies)" { list host podman; }
@test "podman of sid: exec and its like (host's hierarchies)" { list host podman_exec; }
@test "podman of sid: pods, Kubernetes files (host's hierarchies)" { list host podman_pod; }
@test "podman of sid: networks (host's hierarchies)" { list host podman_private; }
@test "podman of sid: an ordinary user (host's hierarchies)" { list host podman_rootless; }
@test "podman of sid: Buildah (host's hierarchies)" { list host buildah; }
@test "podman of sid: in a container (host's hierarchies)" { list host podman_nested; }
@test "podman of sid: run (cgroup2)" { list v2 podman; }
@test "podman of sid: exec and its like (cgroup2)" { list v2 podman_exec; }
@test "podman of sid: pods, Kubernetes files (cgroup2)" { list v2 podman_pod; }
@test "podman of sid: an ordinary user (cgroup2)" { list v2 podman_rootless; }
