#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Podman of the guest with the systemd cgroup manager, as root and as an ordinary user with a manager of his own. Runs in
# the guest (tests/guest/run), which is thrown away afterwards; BERTH names the runtime.

bats_require_minimum_version 1.5.0
source "${BATS_TEST_DIRNAME}/units.bash"

setup_file() {
    [ -n "${BERTH_GUEST:-}" ] || return 0
    local root=$BATS_FILE_TMPDIR/root name
    mkdir -p "$root/bin"
    cp /usr/bin/busybox "$root/bin/"
    for name in sh sleep cat true dd head; do ln -s busybox "$root/bin/$name"; done
    tar -C "$root" -cf /tmp/image.tar .
    chmod 0644 /tmp/image.tar
    podman import -q /tmp/image.tar bb >/dev/null
    install -m 0755 "${BERTH%/*}"/{berth,berth-systemd} /usr/local/bin/
}

setup() {
    [ -n "${BERTH_GUEST:-}" ] || skip "needs the guest"
    UNITS='libpod-*.scope'
}

root_podman() {
    podman --runtime /usr/local/bin/berth --cgroup-manager systemd "$@"
}

user_podman() {
    runuser -u tester -- env HOME=/home/tester XDG_RUNTIME_DIR=/run/user/1000 \
        sh -c 'cd && exec podman --runtime /usr/local/bin/berth --cgroup-manager systemd "$@"' podman "$@"
}

@test "podman and systemd: run, its exit status, no unit left" {
    run -7 root_podman run --rm --network none bb sh -c 'exit 7'
    no_units
}

@test "podman and systemd: limits in the unit; update, pause, exec, stats, stop and rm" {
    root_podman run -d --name c --network none --memory 64m --cpus 0.5 --pids-limit 50 bb sleep 1000 >/dev/null
    [ "$(property MemoryMax) $(property TasksMax) $(property CPUQuotaPerSecUSec)" = "67108864 50 500ms" ]
    [ "$(limit memory.max) $(limit pids.max) $(limit cpu.max)" = "67108864 50 50000 100000" ]
    root_podman update --memory 128m --cpus 0.25 c >/dev/null
    [ "$(property MemoryMax) $(property CPUQuotaPerSecUSec)" = "134217728 250ms" ]
    [ "$(limit memory.max) $(limit pids.max) $(limit cpu.max)" = "134217728 50 25000 100000" ]
    root_podman pause c >/dev/null
    [ "$(root_podman inspect -f '{{.State.Status}}' c) $(limit cgroup.freeze)" = "paused 1" ]
    root_podman unpause c >/dev/null
    [ "$(limit cgroup.freeze)" = 0 ]
    root_podman exec c true
    root_podman stop -t 0 c >/dev/null
    root_podman rm c >/dev/null
    no_units
}

@test "podman and systemd: stats with true numbers" {
    # Podman counts anonymous memory only, such as dd's buffer; the reader takes one byte of it and is busy.
    root_podman run -d --name s --network none --memory 200m --cpus 0.5 bb \
        sh -c 'dd if=/dev/zero bs=20M 2>/dev/null | { head -c 1 >/dev/null; echo ready; while :; do :; done; }' >/dev/null
    local deadline=$((SECONDS + 60)) stats
    until [ "$(root_podman logs s)" = ready ]; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "not ready: $(root_podman logs s)"; return 1; }
    done
    stats=$(root_podman stats --no-stream --format '{{.MemUsageBytes}} {{.PIDs}}' s)
    [[ $stats == *MiB" / 200MiB 3" ]] || { echo "stats: $stats"; return 1; }
    between "${stats%%MiB*}" 20 30
    stats=$(root_podman stats -i 2 --format '{{.CPU}}' s | head -n 3 | tail -n 1)
    between "${stats%\%}" 40 60
    root_podman rm -f -t 0 s >/dev/null
    no_units
}

@test "podman and systemd: an ordinary user's containers are scopes of his own manager" {
    loginctl enable-linger tester
    local deadline=$((SECONDS + 60))
    until [ -S /run/user/1000/bus ]; do
        [ "$SECONDS" -lt "$deadline" ]
        sleep 0.1
    done
    user_podman import -q /tmp/image.tar bb >/dev/null
    user_podman run -d --name d --network none --memory 64m bb sleep 1000 >/dev/null
    local pid cgroup
    pid=$(user_podman inspect -f '{{.State.Pid}}' d)
    cgroup=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
    [[ $cgroup == /user.slice/user-1000.slice/user@1000.service/*libpod-*.scope ]]
    [ "$(cat "/sys/fs/cgroup$cgroup/memory.max")" = 67108864 ]
    user_podman exec d true
    user_podman rm -f -t 0 d >/dev/null
    [ ! -e "/sys/fs/cgroup$cgroup" ]
}
