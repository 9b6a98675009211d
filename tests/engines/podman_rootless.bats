#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Podman of an ordinary user: a user of this run, with a home and a runtime directory of its own, ids
# from its own ranges, and slirp4netns for the network. The test itself needs root.
#
# The user is made in a mount namespace whose /etc is a layer above the host's: the host never knows of it. The device
# nodes that a user of this kind needs are open to it there, too.

source "${BATS_TEST_DIRNAME}/podman.bash"

USER_ID=4711

podman() {
    timeout --foreground -k 5 60 "$ENGINE_WORK/enter" /usr/bin/podman --runtime "${PODMAN_RUNTIME:-berth}" \
        --storage-driver overlay --cgroup-manager cgroupfs "$@"
}

prun() {
    local flags=()
    [[ " $* " == *" --network "* ]] || flags+=(--network none)
    podman run "${flags[@]}" "$@"
}

podman_ids() {
    grep -o '"ID":"[0-9a-f]*"' "$ENGINE_WORK/xdg/libpod/tmp/events/events.log" 2>/dev/null |
        cut -d '"' -f 4 | sort -u
}

audit_state_paths() {
    local id
    for id in $(podman_ids); do
        compgen -G "$ENGINE_WORK/xdg/*/$id" || true
        compgen -G "/run/*/$id" || true
        compgen -G "/sys/fs/cgroup/*/*/*$id" || true
    done
}

# tmp_open DIR...: where the host keeps /tmp from its users, another one, with those directories of the host's in it.
tmp_open() {
    local dir fd
    declare -A kept=()
    [ "$(stat -c %a /tmp)" != 1777 ] || return 0
    for dir; do
        [[ $dir == /tmp/* ]] || continue
        exec {fd}<"$dir"
        kept[$dir]=$fd
    done
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    for dir in "${!kept[@]}"; do
        mkdir -p "$dir"
        mount --no-canonicalize --bind "/proc/self/fd/${kept[$dir]}" "$dir" # else mount follows the link by name
        fd=${kept[$dir]}
        exec {fd}<&-
    done
}

# user_host WORK USER_ID: makes the user, in a mount namespace of its own, and stays there.
user_host() {
    local work=$1
    mount -t overlay -o "lowerdir=/etc,upperdir=$work/etc.upper,workdir=$work/etc.work" overlay /etc
    mount --bind "$work/dev/tun" /dev/net/tun
    mount --bind "$work/dev/fuse" /dev/fuse
    useradd --uid "$2" --no-create-home --home-dir "$work/home" --shell /bin/sh --no-log-init berther
    # Where the host's useradd gives no ranges; never those of the host's users, which nobody uses here.
    printf 'berther:500000:65536\n' | tee /etc/subuid >/etc/subgid
    chown "$2:$2" "$work/home" "$work/xdg"
    touch "$work/holder.up"
    exec sleep infinity
}

setup_file() {
    podman_open useradd newuidmap newgidmap setpriv nsenter python3
    engine_opened || return 0
    local host
    mkdir -m 0700 "$ENGINE_WORK/home" "$ENGINE_WORK/xdg"
    mkdir "$ENGINE_WORK"/{etc.upper,etc.work,dev}
    mknod -m 0666 "$ENGINE_WORK/dev/tun" c 10 200
    mknod -m 0666 "$ENGINE_WORK/dev/fuse" c 10 229
    # A user's limits are those it has.
    sed -i '/^default_ulimits/d' "$ENGINE_WORK/containers.conf"
    daemon_start holder unshare --mount --propagation private \
        bash -ec "$(declare -f tmp_open user_host)
            tmp_open '$ENGINE_WORK' '${BATS_RUN_TMPDIR:-}' '${BERTH%/*}'
            user_host '$ENGINE_WORK' $USER_ID"
    daemon_ready holder test -e "$ENGINE_WORK/holder.up"
    host=$(cat "$ENGINE_WORK/holder.pid")
    # A cgroup of its own, which the user cannot write to, as on any host without a session manager.
    cat >"$ENGINE_WORK/enter" <<EOF_ENTER
#!/bin/bash
ENGINE_MARK=$ENGINE_MARK
$(declare -f cgroup_join)
cgroup_join user
exec nsenter -t $host -m setpriv --reuid $USER_ID --regid $USER_ID --init-groups --bounding-set -all \\
    env -i -C "$ENGINE_WORK/home" HOME="$ENGINE_WORK/home" USER=berther XDG_RUNTIME_DIR="$ENGINE_WORK/xdg" TERM=xterm \\
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin CONTAINERS_CONF="$ENGINE_WORK/containers.conf" \\
    PODMAN_IGNORE_CGROUPSV1_WARNING=1 ENGINE_TRAIL="$ENGINE_MARK" "\$@"
EOF_ENTER
    chmod 0755 "$ENGINE_WORK/enter"
    sed -i 's/--bounding-set -all //' "$ENGINE_WORK/enter" # newuidmap is set-user-id
    podman load -q -i "$(image_busybox)" >/dev/null
}

teardown_file() {
    engine_opened || return 0
    local pid
    podman rmi -a -f >/dev/null
    # The process that keeps the user's namespaces between two calls.
    pid=$(cat "$ENGINE_WORK/xdg/libpod/tmp/pause.pid")
    kill -KILL "$pid"
    wait_until 10 test ! -d "/proc/$pid"
    daemon_stop holder
    engine_close
}

setup() {
    [ -n "$ENGINE_SKIP" ] || AUDIT_MOUNTINFO=/proc/$(cat "$ENGINE_WORK/xdg/libpod/tmp/pause.pid")/mountinfo
    engine_test
    chmod 0755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" 2>/dev/null || true
    [ -n "$ENGINE_SKIP" ] || chown "$USER_ID:$USER_ID" "$BATS_TEST_TMPDIR/share"
}

teardown() {
    engine_opened || return 0
    podman_clear
    audit_end
}

# ---- run ------------------------------------------------------------------------------------------------------------

@test "podman rootless: output, input, exit codes" {
    run --separate-stderr prun --rm busybox:test sh -c 'echo out; echo err >&2; exit 42'
    exits 42
    is out
    [ "$stderr" = err ]
    head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    run -0 prun --rm -i busybox:test sha256sum <"$BATS_TEST_TMPDIR/data"
    is "$(sha256sum <"$BATS_TEST_TMPDIR/data")"
    run -127 prun --rm busybox:test no-such-program
    run -126 prun --rm busybox:test /bin/plain-file
}

@test "podman rootless: ids: root is the user, the others are of its range" {
    local pid
    box
    pid=$(state_of box Pid)
    [ "$(stat -c %u "/proc/$pid")" = "$USER_ID" ]
    run -0 podman exec box sh -c 'id -u; tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map'
    is $'0\n 0 4711 1\n 1 500000 65536\n 0 4711 1\n 1 500000 65536'
    prun -d --name other -u 1000:1000 busybox:test sleep 1000
    [ "$(stat -c %u:%g "/proc/$(state_of other Pid)")" = 500999:500999 ]
}

@test "podman rootless: keep-id, a map of one's own, added groups" {
    run -0 prun --rm --userns keep-id busybox:test sh -c 'id -u; id -g'
    is $'4711\n4711'
    run -0 prun --rm --uidmap 0:1:2000 --gidmap 0:1:2000 busybox:test sh -c 'id -u; touch /f; stat -c %u:%g /f'
    is $'0\n0:0'
    run -0 prun --rm --group-add 2000 busybox:test id -G
    contains 2000
}

@test "podman rootless: volumes, read-write and read-only, owners in and outside" {
    echo from-host >"$BATS_TEST_TMPDIR/share/in"
    run prun --rm -v "$BATS_TEST_TMPDIR/share:/data" -v "$BATS_TEST_TMPDIR/share:/same:ro" busybox:test \
        sh -c 'cat /data/in; touch /data/root; touch /data/other && chown 5:6 /data/other; touch /same/x'
    exits 1
    contains from-host
    contains "Read-only file system"
    [ "$(stat -c %u "$BATS_TEST_TMPDIR/share/root")" = "$USER_ID" ]
    [ "$(stat -c %u:%g "$BATS_TEST_TMPDIR/share/other")" = 500004:500005 ]
    run -0 prun --rm -v kept:/vol busybox:test sh -c 'echo kept >/vol/f'
    run -0 prun --rm -v kept:/vol:noexec,nosuid busybox:test sh -c 'cat /vol/f; grep -c " /vol .*noexec" /proc/mounts'
    is $'kept\n1'
    podman volume rm kept
}

@test "podman rootless: what the container sees: tmpfs, read-only root, proc, sys, dev" {
    run -0 prun --rm --tmpfs /scratch:size=1m --read-only busybox:test sh -c 'stat -fc %T /scratch; touch /scratch/x
        touch /x 2>/dev/null || echo ro; ls -A /sys/firmware; wc -c </proc/keys; ls /dev | sort | tr "\n" " "
        echo x >/dev/null; head -c 4 /dev/zero | wc -c'
    contains $'tmpfs\nro\n0\n'
    contains "full"
    contains "urandom zero"
    [[ $output == *"zero 4" ]]
    run -0 prun --rm --hostname berthed --shm-size 1m busybox:test \
        sh -c 'hostname; df -k /dev/shm | tail -n 1 | awk "{ print \$2 }"'
    is $'berthed\n1024'
}

@test "podman rootless: capabilities, no-new-privileges, seccomp" {
    run -0 prun --rm busybox:test sh -c 'grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status | cut -f 2'
    is $'00000000800405fb\n00000000800405fb\n0\n2'
    run -0 prun --rm --cap-drop all --security-opt no-new-privileges busybox:test \
        sh -c 'grep -E "^(CapEff|CapBnd|NoNewPrivs):" /proc/self/status | cut -f 2'
    is $'0000000000000000\n0000000000000000\n1'
}

@test "podman rootless: --privileged, host devices" {
    run -0 prun --rm --privileged busybox:test \
        sh -c 'mkdir /mnt; mount -t tmpfs x /mnt && echo mounted; grep Seccomp: /proc/self/status'
    is $'mounted\nSeccomp:\t0'
    run -0 prun --rm --device /dev/fuse busybox:test sh -c ': <>/dev/fuse && echo opened'
    is opened
}

@test "podman rootless: namespaces of the host, of another container" {
    # For the host's ipc namespace Podman binds the host's /dev/mqueue, which not every host has.
    local kinds="net pid uts" ipc=()
    [ ! -d /dev/mqueue ] || { kinds+=" ipc" && ipc=(--ipc host); }
    run -0 prun --rm --network host --pid host --uts host "${ipc[@]}" busybox:test \
        sh -c 'for k; do readlink /proc/self/ns/$k; done' sh $kinds
    is "$(for k in $kinds; do readlink /proc/self/ns/"$k"; done)"
    box --ipc shareable
    run -0 prun --rm --network container:box --ipc container:box --pid container:box busybox:test \
        sh -c 'for k in net ipc pid; do readlink /proc/self/ns/$k; done'
    is "$(for k in net ipc pid; do namespace_of "$(state_of box Pid)" $k; done)"
}

@test "podman rootless: limits of processes and files" {
    run -0 prun --rm --ulimit nofile=300:400 --oom-score-adj 500 busybox:test \
        sh -c 'ulimit -Hn; cat /proc/self/oom_score_adj'
    is $'400\n500'
}

@test "podman rootless: a terminal" {
    run on_pty 'see /dev/pts/0' 'see 31 97' 'say hello\r' -- \
        run --rm -it --network none busybox:test sh -c 'tty; stty size; read -r word; echo got-$word; exit 4'
    exits 4
    contains got-hello
}

@test "podman rootless: hooks of the container's life, --init, secrets" {
    type -P catatonit >/dev/null || skip "catatonit is not installed (see tests/engines/packages)"
    run -0 prun --rm --init busybox:test cat /proc/1/comm
    is podman-init
    printf s3cret | podman secret create word -
    run -0 prun --rm --secret word busybox:test cat /run/secrets/word
    is s3cret
    podman secret rm word
}

# ---- exec -----------------------------------------------------------------------------------------------------------

@test "podman rootless: exec: output, codes, user, background, namespaces" {
    box
    run -42 podman exec box sh -c 'echo out; exit 42'
    is out
    run -127 podman exec box no-such-program
    run -126 podman exec box /bin/plain-file
    run -0 podman exec -u 1000 -w /tmp -e WORD=word box sh -c 'id -u; pwd; echo $WORD'
    is $'1000\n/tmp\nword'
    run -0 podman exec box sh -c 'for k in user mnt; do readlink /proc/self/ns/$k; done'
    is "$(namespace_of "$(state_of box Pid)" user)"$'\n'"$(namespace_of "$(state_of box Pid)" mnt)"
    podman exec -d box sh -c 'echo done >/tmp/d'
    wait_until 10 podman exec box grep -q done /tmp/d
}

@test "podman rootless: exec on a terminal" {
    box
    # Podman sends the size while the command starts (podman#10560; at creation since podman#28957).
    run on_pty 'see /dev/pts/0' 'see 31-97' 'say hello\r' -- \
        exec -it box sh -c 'tty; until [ "$(stty size)" = "31 97" ]; do usleep 20000; done; echo 31-97; read -r word
            echo got-$word; exit 4'
    exits 4
    contains got-hello
}

# ---- life -----------------------------------------------------------------------------------------------------------

@test "podman rootless: stop, start, restart, kill, wait, logs, top, cp" {
    box
    podman stop -t 20 box
    state_is box ExitCode 0
    podman start box
    podman restart -t 0 box
    wait_until 10 eval '[ "$(podman logs box | grep -c ready)" = 3 ]'
    run -0 podman top box pid huser comm
    [[ ${lines[1]} =~ ^1\ +$USER_ID\ +sh ]]
    echo inward >"$BATS_TEST_TMPDIR/share/f"
    chmod 0644 "$BATS_TEST_TMPDIR/share/f"
    podman cp "$BATS_TEST_TMPDIR/share/f" box:/srv/f
    run -0 podman exec box cat /srv/f
    is inward
    podman kill box
    run -0 podman wait box
    is 137
}

@test "podman rootless: a health check" {
    box --health-cmd 'test -e /tmp/fine' --health-interval disable --health-retries 1
    run -1 podman healthcheck run box
    podman exec box touch /tmp/fine
    run -0 podman healthcheck run box
}

@test "podman rootless: a pod of two containers" {
    type -P catatonit >/dev/null || skip "catatonit is not installed (see tests/engines/packages)"
    podman pod create --name pod --network none --hostname podded
    podman run -d --pod pod --name server busybox:test sh -c 'echo pong | nc -l -p 5000; sleep 1000'
    run -0 podman run --pod pod --name client busybox:test \
        sh -c 'until nc 127.0.0.1 5000 </dev/null 2>/dev/null; do usleep 50000; done
            hostname; readlink /proc/self/ns/net'
    is $'pong\npodded\n'"$(namespace_of "$(state_of server Pid)" net)"
    podman pod rm -f -t 0 pod
}

# ---- network --------------------------------------------------------------------------------------------------------

@test "podman rootless: slirp4netns, and a published port" {
    type -P slirp4netns >/dev/null || skip "slirp4netns is not installed"
    prun -d --name box --network slirp4netns -p 127.0.0.1:18077:5000 busybox:test \
        sh -c 'ip -o -4 addr show tap0; echo ready; while :; do nc -l -p 5000 -e echo pong; done'
    wait_until 10 logged box ready
    run log_of box
    contains 10.0.2.100/24
    wait_until 10 eval 'busybox nc -w 2 127.0.0.1 18077 </dev/null | grep pong'
}

@test "podman rootless: pasta" {
    type -P pasta >/dev/null || skip "pasta is not installed"
    run prun --rm --network pasta busybox:test ip -o -4 addr show
    [[ $output != *"network not found"* ]] || skip "this Podman does not know pasta"
    exits 0
}

@test "podman rootless: a bridge: two containers ping each other" {
    podman network create net1
    prun -d --name one --network net1 --cap-add NET_RAW busybox:test sleep 1000
    prun -d --name two --network net1 --cap-add NET_RAW busybox:test sleep 1000
    run -0 podman exec one ping -c 1 -W 5 "$(podman inspect -f '{{.NetworkSettings.Networks.net1.IPAddress}}' two)"
    wait_until 10 podman exec one ping -c 1 -W 5 two
    podman rm -f -t 0 one two
    podman network rm net1
}

# ---- build ----------------------------------------------------------------------------------------------------------

@test "podman rootless: build with RUN steps" {
    printf 'FROM localhost/busybox:test\nRUN id -u >/srv/id\nRUN cat /srv/id /proc/1/comm >/srv/two\n' \
        >"$BATS_TEST_TMPDIR/share/Containerfile"
    run podman build --isolation oci --network host --pull-never --layers=false -t localhost/built:test \
        "$BATS_TEST_TMPDIR/share"
    exits 0
    run -0 prun --rm localhost/built:test head -n 1 /srv/two
    is 0
    podman rmi -f localhost/built:test
}
