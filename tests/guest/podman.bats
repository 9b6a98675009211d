#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Podman of the guest with the systemd cgroup manager, as root and as an ordinary user with a manager of his own. Runs in
# the guest (tests/guest/run), which is thrown away afterwards; BERTH names the runtime.

bats_require_minimum_version 1.5.0

setup_file() {
    [ -n "${BERTH_GUEST:-}" ] || return 0
    local root=$BATS_FILE_TMPDIR/root name
    mkdir -p "$root/bin"
    cp /usr/bin/busybox "$root/bin/"
    for name in sh sleep cat true; do ln -s busybox "$root/bin/$name"; done
    tar -C "$root" -cf /tmp/image.tar .
    chmod 0644 /tmp/image.tar
    podman import -q /tmp/image.tar bb >/dev/null
    install -m 0755 "${BERTH%/*}"/{berth,berth-systemd} /usr/local/bin/
}

setup() {
    [ -n "${BERTH_GUEST:-}" ] || skip "needs the guest"
}

root_podman() {
    podman --runtime /usr/local/bin/berth --cgroup-manager systemd "$@"
}

user_podman() {
    runuser -u tester -- env HOME=/home/tester XDG_RUNTIME_DIR=/run/user/1000 \
        sh -c 'cd && exec podman --runtime /usr/local/bin/berth --cgroup-manager systemd "$@"' podman "$@"
}

units() {
    systemctl "$@" list-units --all --plain --no-legend 'libpod-*.scope' | awk '$2 != "not-found" && $1 !~ /conmon/ { print $1 }'
}

no_units() {
    local deadline=$((SECONDS + 60))
    while [ -n "$(units "$@")" ]; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "left: $(units "$@")"; return 1; }
        sleep 0.1
    done
}

property() {
    systemctl show --value -p "$1" "$(units)"
}

@test "podman and systemd: run, its exit status, no unit left" {
    run -7 root_podman run --rm --network none bb sh -c 'exit 7'
    no_units
}

@test "podman and systemd: limits in the unit; update, pause, exec, stats, stop and rm" {
    root_podman run -d --name c --network none --memory 64m --cpus 0.5 --pids-limit 50 bb sleep 1000 >/dev/null
    [ "$(property MemoryMax)" = 67108864 ]
    [ "$(property TasksMax)" = 50 ]
    [ "$(property CPUQuotaPerSecUSec)" = 500ms ]
    [ "$(cat "/sys/fs/cgroup$(property ControlGroup)/memory.max")" = 67108864 ]
    root_podman update --memory 128m c >/dev/null
    [ "$(property MemoryMax)" = 134217728 ]
    root_podman pause c >/dev/null
    [ "$(root_podman inspect -f '{{.State.Status}}' c)" = paused ]
    root_podman unpause c >/dev/null
    root_podman exec c true
    [[ "$(root_podman stats --no-stream --format "pids={{.PIDs}}" c)" == *pids=1* ]]
    root_podman stop -t 0 c >/dev/null
    root_podman rm c >/dev/null
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
