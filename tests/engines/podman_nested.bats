#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under a Podman that itself runs in a privileged container of the runtime. Needs root, and a host whose
# /bin is in /usr: the outer container's programs are the host's, read-only.

source "${BATS_TEST_DIRNAME}/podman.bash"

setup_file() {
    podman_open
    engine_opened || return 0
    [ -L /bin ] || ENGINE_SKIP="the host's /bin is not in /usr"
    local root=$ENGINE_WORK/outer name
    mkdir -p "$root"/{etc,usr,proc,sys,dev,run,tmp,root,inner,var/tmp,var/lib,var/cache}
    chmod 1777 "$root/tmp" "$root/var/tmp"
    for name in /bin /sbin /lib*; do
        [ ! -L "$name" ] || cp -P "$name" "$root/"
    done
    # Copied: the inner runtime must not depend on what of the host's else is seen inside.
    cp "$BERTH" "$root/runtime"
    ENGINE_RUNTIME=/runtime podman_conf >"$root/containers.conf"
    cp "$(image_busybox)" "$root/image.tar"
    cat >"$root/inner.sh" <<'EOF_INNER'
inner() {
    podman --root /inner/root --runroot /run/inner --cgroup-manager cgroupfs "$@"
}
inner load -q -i /image.tar
EOF_INNER
}

teardown_file() {
    podman_close
}

setup() {
    engine_test
}

teardown() {
    engine_opened || return 0
    podman_clear
    audit_end
}

# outer SCRIPT FLAG...: runs the script in the outer container, where `inner` is its own Podman.
outer() {
    local script=$1
    shift
    prun --rm --privileged "$@" -v /usr:/usr:ro -v /etc:/etc:O -v inner:/inner --tmpfs /run --tmpfs /var/tmp \
        -e CONTAINERS_CONF=/containers.conf --rootfs "$ENGINE_WORK/outer" sh -ec ". /inner.sh; $script"
}

nested_life='
    inner run --rm --network none busybox:test sh -c "echo nested; id -u; tr \"\0\" \" \" </proc/1/cmdline | cut -c 1-5"
    inner run -d --name box --network none busybox:test \
        sh -c "trap \"exit 5\" TERM; while :; do sleep 60 & wait \$!; done"
    inner exec box sh -c "echo inner-exec; exit 0"
    inner exec box no-such-program || echo "exec: $?"
    inner stop -t 20 box
    inner inspect -f "exit {{.State.ExitCode}}" box
    inner rm -f -t 0 box
    inner ps -aq | wc -l'

@test "podman nested: run, exec, stop, rm in a private cgroup namespace" {
    run outer "$nested_life" --cgroupns private
    exits 0
    contains $'nested\n0\nsh -c\n'
    contains inner-exec
    contains "exec: 127"
    contains "exit 5"
    is "${output%0}0"
}

@test "podman nested: run, exec, stop, rm in the host's cgroup namespace" {
    run outer "$nested_life" --cgroupns host
    exits 0
    contains nested
    contains inner-exec
    contains "exit 5"
}

@test "podman nested: the inner container is inside the outer one's limits, and has its own" {
    needs_controllers memory
    run outer 'inner run --rm --network none --memory 32m busybox:test sh -c "
            cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true"
        inner run --rm --network none --memory 32m busybox:test tail /dev/zero || echo "killed: $?"' \
        --cgroupns private --memory 256m
    exits 0
    contains 33554432
    contains "killed: 137"
}

@test "podman nested: a user namespace inside" {
    run outer 'inner run --rm --network none --uidmap 0:300000:1000 --gidmap 0:300000:1000 busybox:test \
        sh -c "tr -s \" \" </proc/self/uid_map; id -u"' --cgroupns private
    exits 0
    contains $' 0 300000 1000\n0'
}

@test "podman nested: the outer container dies with inner containers running: nothing stays" {
    run outer 'inner run -d --name box --network none busybox:test sleep 1000; inner ps -q | wc -l' --cgroupns private
    exits 0
    podman_clear
    audit_end
}
