#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Podman and conmon: `podman run`, what the container sees, its limits, and how it ends. Needs root.

source "${BATS_TEST_DIRNAME}/podman.bash"

setup_file() {
    podman_open
    engine_opened || return 0
    images_load podman load -q -i
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

# ---- run, output, exit codes ----------------------------------------------------------------------------------------

@test "podman: the audit sees a container and what it has" {
    box
    run audit_list
    contains "mount: $ENGINE_WORK/root/overlay"
    contains "/$ENGINE_MARK/libpod-$(podman inspect -f '{{.Id}}' box)"
    contains "state: /run/"
    contains "process: $(state_of box Pid) "
    AUDIT_PATIENCE=0 run -1 audit_end
    contains "left behind"
    podman rm -f -t 0 box
    audit_end
}

@test "podman: output goes out, errors apart, input goes in" {
    run --separate-stderr prun --rm busybox:test sh -c 'echo out; echo err >&2; exit 42'
    exits 42
    is out
    [ "$stderr" = err ]
    head -c 10000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    run -0 prun --rm -i busybox:test sha256sum <"$BATS_TEST_TMPDIR/data"
    is "$(sha256sum <"$BATS_TEST_TMPDIR/data")"
}

@test "podman: a command that does not exist is 127" {
    run -127 prun --rm busybox:test no-such-program
    contains no-such-program
    run -127 prun --rm busybox:test /no/such/program
}

@test "podman: a file that is no program, and a directory, are 126" {
    run -126 prun --rm busybox:test /bin/plain-file
    run -126 prun --rm busybox:test /etc
}

@test "podman: the same without the runtime's JSON log, the runtime given by its path" {
    podman_by_path
    run -127 prun --rm busybox:test no-such-program
    contains no-such-program
    run -126 prun --rm busybox:test /etc
    run -0 prun --rm busybox:test echo fine
    is fine
}

@test "podman: a failed create leaves nothing and says why" {
    run ! prun --name bad --sysctl net.core.no_such_thing=1 busybox:test true
    contains no_such_thing
    podman rm bad
    audit_end
}

@test "podman: a real Debian runs its own programs" {
    needs_debian
    run -0 prun --rm debian:test \
        sh -c 'dpkg --verify coreutils && perl -e "print qq(perl ok\n)" && su -s /bin/sh nobody -c id'
    contains "perl ok"
    contains "uid=65534(nobody) gid=65534(nogroup)"
}

@test "podman: a root file system that is only a directory" {
    run -0 prun --rm --rootfs "$ENGINE_WORK/busybox" sh -c 'ls /bin/plain-file; touch /srv/left'
    is /bin/plain-file
    [ -e "$ENGINE_WORK/busybox/srv/left" ]
    rm "$ENGINE_WORK/busybox/srv/left"
}

@test "podman: a root file system whose links lead to nothing yet" {
    local root=$BATS_TEST_TMPDIR/share/root
    root_with_links "$root"
    echo from-host >"$BATS_TEST_TMPDIR/share/in"
    run -0 prun --rm --network host --dns 192.0.2.53 -v "$BATS_TEST_TMPDIR/share:/var/run/data:ro" --rootfs "$root" \
        sh -c 'grep ^nameserver /etc/resolv.conf; readlink /etc/resolv.conf; readlink /var/run; cat /run/data/in'
    is $'nameserver 192.0.2.53\n../run/systemd/resolve/stub-resolv.conf\n/run\nfrom-host'
}

# ---- what the container sees ----------------------------------------------------------------------------------------

@test "podman: host name, environment, working directory, umask, user" {
    run -0 prun --rm --hostname berthed -e WORD='two words' -w /srv --umask 0077 busybox:test \
        sh -c 'hostname; echo "$WORD"; pwd; umask'
    is $'berthed\ntwo words\n/srv\n0077'
    run -0 prun --rm -u 1000:1000 --group-add 2000 busybox:test id
    is "uid=1000(tester) gid=1000(tester) groups=1000(tester),2000"
    run -0 prun --rm -u tester busybox:test id -u
    is 1000
}

@test "podman: volumes, read-write and read-only" {
    echo from-host >"$BATS_TEST_TMPDIR/share/in"
    run prun --rm -v "$BATS_TEST_TMPDIR/share:/data" -v "$BATS_TEST_TMPDIR/share:/same:ro" busybox:test \
        sh -c 'cat /data/in; echo from-box >/data/out; touch /same/x'
    exits 1
    contains from-host
    contains "Read-only file system"
    [ "$(cat "$BATS_TEST_TMPDIR/share/out")" = from-box ]
    [ ! -e "$BATS_TEST_TMPDIR/share/x" ]
}

@test "podman: the host's root as a read-only volume" {
    local share=$BATS_TEST_TMPDIR/share mark=/left-by-$ENGINE_MARK
    echo from-host >"$share/in"
    run prun --rm -v /:/x:ro,rslave busybox:test \
        sh -c 'cat "/x$1/in"; cat /x/proc/1/comm; touch "/x$2"' - "$share" "$mark"
    rm -f "$mark"
    exits 1
    contains "from-host"$'\n'"$(cat /proc/1/comm)"$'\n'
    contains "Read-only file system"
}

@test "podman: a volume of Podman's own, kept between containers, also with ids mapped along or changed" {
    local map=(--uidmap 0:300000:1000 --gidmap 0:300000:1000)
    prun --rm -v kept:/data busybox:test sh -c 'echo kept >/data/f; chown 5:6 /data/f'
    run -0 prun --rm -v kept:/data busybox:test cat /data/f
    is kept
    if [ "$ENGINE_KIND" != runc ]; then
        run -0 prun --rm "${map[@]}" -v kept:/data:idmap busybox:test stat -c %u:%g /data/f
        is 5:6
    fi
    run -0 prun --rm "${map[@]}" -v kept:/data:U busybox:test sh -c 'stat -c %u:%g /data/f; echo more >>/data/f'
    is 0:0
    podman volume rm kept
}

@test "podman: a volume that is a layer of its own: what is written goes away" {
    echo below >"$BATS_TEST_TMPDIR/share/f"
    run -0 prun --rm -v "$BATS_TEST_TMPDIR/share:/data:O" busybox:test \
        sh -c 'cat /data/f; echo above >/data/f; cat /data/f'
    is $'below\nabove'
    [ "$(cat "$BATS_TEST_TMPDIR/share/f")" = below ]
}

@test "podman: propagation of a volume: shared reaches the host, private does not" {
    local share=$BATS_TEST_TMPDIR/share mode
    mount --bind "$share" "$share"
    mount --make-shared "$share"
    for mode in rshared rprivate; do
        run -0 prun --rm --privileged -v "$share:/data:$mode" busybox:test \
            sh -c 'mkdir -p /data/at && mount -t tmpfs inner /data/at && touch /data/at/f && echo mounted'
        is mounted
        [ "$mode $(find "$share/at" -name f | wc -l)" = "rshared 1" ] || [ "$mode" = rprivate ]
        ! mountpoint -q "$share/at" || umount "$share/at"
    done
    [ ! -e "$share/at/f" ]
    umount "$share"
}

@test "podman: a volume's options: noexec, nosuid" {
    cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/share/busybox"
    run -0 prun --rm -v "$BATS_TEST_TMPDIR/share:/data" busybox:test /data/busybox echo runs
    is runs
    run prun --rm -v "$BATS_TEST_TMPDIR/share:/data:noexec,nosuid" busybox:test \
        sh -c 'grep " /data " /proc/mounts; /data/busybox echo runs'
    contains noexec
    contains nosuid
    contains "Permission denied"
}

@test "podman: tmpfs, which takes the image's content along" {
    needs_debian
    run -0 prun --rm --tmpfs /etc:size=8m debian:test \
        sh -c 'stat -fc %T /etc; cut -d . -f 1 /etc/debian_version; touch /etc/x'
    is $'tmpfs\n12'
    run -0 prun --rm --mount type=tmpfs,dst=/new,tmpfs-size=1m,tmpfs-mode=0711 \
        --mount type=tmpfs,dst=/etc/apt,notmpcopyup debian:test \
        sh -c 'stat -c %a /new; ls /etc/apt | wc -l; df -k --output=size /new | tail -n 1 | tr -d " "'
    is $'711\n0\n1024'
}

@test "podman: a tmpfs has the asked mode also where the image has a directory" {
    not_for runc "1.1.5 gives it the mode of the directory below"
    run -0 prun --rm --mount type=tmpfs,dst=/srv,tmpfs-mode=0711,notmpcopyup busybox:test stat -c %a /srv
    is 711
}

@test "podman: a read-only root, with and without tmpfs" {
    run prun --rm --read-only busybox:test sh -c 'touch /tmp/x && touch /run/x && echo tmp; touch /x'
    contains tmp
    contains "Read-only file system"
    run -1 prun --rm --read-only --read-only-tmpfs=false busybox:test touch /tmp/x
}

@test "podman: paths of /proc and /sys are masked or read-only, and unmasked on demand" {
    run -0 prun --rm busybox:test \
        sh -c 'ls -A /sys/firmware; (: >>/proc/sys/kernel/panic) 2>/dev/null || echo refused; wc -c </proc/keys'
    is $'refused\n0'
    run -0 prun --rm --security-opt unmask=ALL busybox:test sh -c 'ls -A /sys/firmware | wc -l'
    is "$(find /sys/firmware -mindepth 1 -maxdepth 1 | wc -l)"
    run -0 prun --rm --security-opt mask=/etc:/bin/plain-file busybox:test sh -c 'ls -A /etc; wc -c </bin/plain-file'
    is 0
}

@test "podman: secrets, as files and in the environment" {
    printf s3cret >"$BATS_TEST_TMPDIR/data"
    podman secret create word "$BATS_TEST_TMPDIR/data"
    run -0 prun --rm --secret word --secret word,type=env,target=WORD --secret word,target=/srv/w,mode=0400,uid=1000 \
        busybox:test sh -c 'cat /run/secrets/word; echo; echo "$WORD"; stat -c %a:%u /srv/w'
    is $'s3cret\ns3cret\n400:1000'
    podman secret rm word
}

@test "podman: --init: the program is not process 1, and orphans are reaped" {
    type -P catatonit >/dev/null || skip "catatonit is not installed (see tests/engines/packages)"
    run -7 prun --rm --init busybox:test sh -c 'cat /proc/1/comm; test $$ -gt 1
        orphan=$(sh -c "sleep 0.01 >/dev/null & echo \$!")
        while [ -d /proc/$orphan ]; do usleep 10000; done; exit 7'
    is podman-init
}

@test "podman: --systemd=always: mounts, environment and stop signal that systemd wants" {
    prun -d --name box --systemd=always busybox:test sh -c 'trap "exit 3" 37
        stat -fc "%n %T" /run /run/lock /tmp /var/log/journal; echo "$container"
        touch /run/x
        mkdir /sys/fs/cgroup/systemd/inner 2>/dev/null && rmdir /sys/fs/cgroup/systemd/inner && echo writable
        echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    run log_of box
    contains $'/run tmpfs\n/run/lock tmpfs\n/tmp tmpfs\n/var/log/journal tmpfs\npodman\n'
    if [ "$(cgroup_world)" = v1 ]; then contains writable; fi
    podman stop -t 30 box
    state_is box ExitCode 3
}

# ---- limits ---------------------------------------------------------------------------------------------------------

@test "podman: memory, cpu, pids limits" {
    local pid
    needs_controllers memory cpu cpuset pids
    box --memory 64m --cpus 0.5 --cpu-shares 512 --pids-limit 50 --cpuset-cpus 0
    pid=$(state_of box Pid)
    [ "$(cgroup_limit "$pid" memory)" = 67108864 ]
    [ "$(cgroup_limit "$pid" quota)" = 50000 ]
    [ "$(cgroup_limit "$pid" pids)" = 50 ]
    [ "$(cgroup_limit "$pid" cpus)" = 0 ]
    if [ "$(cgroup_world)" = v1 ]; then [ "$(cgroup_limit "$pid" shares)" = 512 ]; fi
}

@test "podman: the container reads its own limits" {
    needs_v1
    run -0 prun --rm --memory 64m --pids-limit 50 busybox:test \
        sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max; mkdir pids/x 2>/dev/null || echo ro'
    is $'67108864\n50\nro'
}

@test "podman: out of memory is killed" {
    needs_controllers memory
    run -137 prun --memory 16m busybox:test tail /dev/zero
    run -137 prun --memory 16m busybox:test sh -c 'tail /dev/zero; exit $?'
    contains Killed
}

@test "podman: ulimit, oom score, sysctl" {
    run -0 prun --rm --ulimit nofile=300:400 --ulimit nproc=900:900 --oom-score-adj 500 \
        --sysctl net.core.somaxconn=777 --sysctl kernel.msgmax=9999 busybox:test \
        sh -c 'ulimit -Sn; ulimit -Hn; 
            cat /proc/self/oom_score_adj /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax'
    is $'300\n400\n500\n777\n9999'
}

@test "podman: without cgroups" {
    not_for runc "cannot run without cgroups"
    run -0 podman run --rm --network none --cgroups disabled busybox:test cat /proc/self/cgroup
    lacks libpod-
}

# By its nature Podman leaves its own half; it must be empty, as soon as the monitor in it has ended, which may be a
# moment after the run.
cgroups_split_sweep() {
    wait_until 10 cgroups_split_remove
}
cgroups_split_remove() {
    find /sys/fs/cgroup -path /sys/fs/cgroup/memory/process_api -prune -o \
        -type d -path "*/$ENGINE_MARK/split*" -print | sort -r | xargs rmdir
}

@test "podman: --cgroups=split: below the caller's cgroup" {
    cgroups_split_run() {
        cgroup_join split
        # Podman looks at the line of cgroup2, also where cgroup2 is not mounted and that line cannot change.
        grep -q "^0::/$ENGINE_MARK/split" /proc/self/cgroup || return 77
        prun_split
    }
    prun_split() {
        podman run --rm --network none --cgroups split --cgroupns host busybox:test cat /proc/self/cgroup
    }
    run eval '(cgroups_split_run)'
    [ "$status" -ne 77 ] || cgroups_split_sweep
    [ "$status" -ne 77 ] || skip "a v1 host without its cgroup2: Podman cannot tell its own cgroup"
    exits 0
    contains ":/$ENGINE_MARK/split/libpod-payload-"
    lacks libpod_parent
    cgroups_split_sweep
}

@test "podman: a cgroup namespace" {
    run -0 prun --rm --cgroupns private busybox:test sh -c 'cut -d : -f 3 /proc/self/cgroup | sort -u'
    is /
}

# ---- devices, capabilities, security --------------------------------------------------------------------------------

@test "podman: a device with the asked access, and a rule" {
    [ -c /dev/fuse ] || skip "the host has no /dev/fuse"
    run -0 prun --rm --device /dev/fuse busybox:test sh -c ': <>/dev/fuse && echo opened'
    is opened
    run -1 prun --rm --device /dev/fuse:/dev/other:r busybox:test sh -c ': </dev/other && echo read; : >/dev/other'
    contains read
    contains "Operation not permitted"
    run -1 prun --rm --cap-add MKNOD busybox:test sh -c 'mknod /srv/mine c 10 229 && : <>/srv/mine'
    contains "Operation not permitted"
}

@test "podman: capabilities: default, none, one more, a user's" {
    local show='grep -E "Cap(Eff|Bnd|Prm)" /proc/self/status | cut -f 2 | sort -u'
    run -0 prun --rm busybox:test sh -c "$show"
    is 00000000800405fb
    run -0 prun --rm --cap-drop ALL busybox:test sh -c "$show"
    is 0000000000000000
    run -0 prun --rm --cap-drop ALL --cap-add NET_ADMIN busybox:test sh -c "$show"
    is 0000000000001000
    # Asked for explicitly, a capability reaches a user's program: inheritable and ambient are set.
    run -0 prun --rm -u 1000 --cap-add NET_ADMIN busybox:test \
        sh -c 'grep -E "Cap(Eff|Amb)" /proc/self/status | cut -f 2'
    is $'0000000000001000\n0000000000001000'
}

@test "podman: --privileged" {
    run -0 prun --rm --privileged busybox:test \
        sh -c 'grep CapEff /proc/self/status | cut -f 2; grep Seccomp: /proc/self/status
        mkdir /mnt; mount -t tmpfs x /mnt && echo mounted; : >>/proc/sys/kernel/panic && echo writable'
    is "$(awk '/^CapBnd/ { print $2 }' /proc/self/status)"$'\nSeccomp:\t0\nmounted\nwritable'
}

@test "podman: the default seccomp profile is active, and can be turned off" {
    run -1 prun --rm busybox:test sh -c 'grep Seccomp: /proc/self/status; mount -t tmpfs x /srv'
    contains $'Seccomp:\t2'
    run -0 prun --rm --security-opt seccomp=unconfined busybox:test grep Seccomp: /proc/self/status
    is $'Seccomp:\t0'
    cat >"$BATS_TEST_TMPDIR/profile.json" <<'JSON'
{ "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [ { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 } ] }
JSON
    run -1 prun --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" busybox:test mkdir /x
    contains "No space left on device"
}

@test "podman: no-new-privileges" {
    needs_debian
    run -0 prun --rm -u 1000:1000 debian:test suid-id -u
    is 0
    run -0 prun --rm -u 1000:1000 --security-opt no-new-privileges debian:test \
        sh -c 'suid-id -u; grep NoNewPrivs /proc/self/status'
    is $'1000\nNoNewPrivs:\t1'
}

@test "podman: personality" {
    not_for runc "1.1.5 does not know personality"
    run -0 prun --rm --personality LINUX32 busybox:test uname -m
    is i686
}

# ---- namespaces -----------------------------------------------------------------------------------------------------

@test "podman: network none has a loopback that is up and nothing else" {
    run -0 prun --rm busybox:test sh -c 'ip -o link | wc -l; ip addr show lo | grep -c "inet 127.0.0.1/8"'
    is $'1\n1'
}

@test "podman: network, uts, ipc, pid of the host" {
    run -0 prun --rm --network host --uts host --ipc host --pid host busybox:test \
        sh -c 'for k in net uts ipc pid; do readlink /proc/self/ns/$k; done'
    is "$(for k in net uts ipc pid; do readlink /proc/self/ns/$k; done)"
}

@test "podman: a container in another's namespaces talks to it" {
    box --ipc shareable
    prun -d --name server --network container:box busybox:test sh -c 'echo pong | nc -l -p 5000'
    run -0 prun --rm --network container:box --ipc container:box --pid container:box busybox:test \
        sh -c 'for k in net ipc pid; do readlink /proc/self/ns/$k; done
               for i in $(seq 100); do nc 127.0.0.1 5000 </dev/null && break; usleep 50000; done; cat /proc/1/comm'
    is "$(for k in net ipc pid; do namespace_of "$(state_of box Pid)" $k; done)"$'\npong\nsh'
}

@test "podman: --uidmap: ids, terminal, volume, limits" {
    local map=(--uidmap 0:300000:1000 --gidmap 0:300000:1000) limits=()
    ! has_controllers memory || limits=(--memory 64m)
    chown 300005:300006 "$BATS_TEST_TMPDIR/share"
    run -0 prun --rm "${map[@]}" "${limits[@]}" -v "$BATS_TEST_TMPDIR/share:/data" busybox:test \
        sh -c 'tr -s " " </proc/self/uid_map; id -u; stat -c %u:%g / /data; touch /data/f /x; stat -c %u /x
            echo x >/dev/null && echo null; hostname changed 2>/dev/null || echo no'
    is $' 0 300000 1000\n0\n0:0\n5:6\n0\nnull\nno'
    [ "$(stat -c %u:%g "$BATS_TEST_TMPDIR/share/f")" = 300000:300000 ]
    run -0 prun --rm -t "${map[@]}" busybox:test sh -c 'tty; stat -c %u /dev/console'
    is $'/dev/pts/0\r\n0\r'
    run -0 prun --rm "${map[@]}" -u 5:6 busybox:test sh -c 'id -u; id -g'
    is $'5\n6'
}

@test "podman: --uidmap with a volume whose ids are mapped along" {
    not_for runc "1.1.5 has no idmapped mounts"
    mkdir "$BATS_TEST_TMPDIR/share/sub"
    chown 5:6 "$BATS_TEST_TMPDIR/share/sub"
    run -0 prun --rm --uidmap 0:300000:1000 --gidmap 0:300000:1000 -v "$BATS_TEST_TMPDIR/share:/data:idmap" \
        busybox:test sh -c 'stat -c %u:%g /data/sub; touch /data/f'
    is 5:6
    [ "$(stat -c %u:%g "$BATS_TEST_TMPDIR/share/f")" = 0:0 ]
}

@test "podman: a shared user namespace" {
    prun -d --name box --uidmap 0:300000:1000 --gidmap 0:300000:1000 busybox:test sleep 1000
    run -0 prun --rm --userns container:box busybox:test sh -c 'readlink /proc/self/ns/user; id -u'
    is "$(namespace_of "$(state_of box Pid)" user)"$'\n0'
    [ "${lines[0]}" != "$(namespace_of self user)" ]
}

# ---- terminal, file descriptors, notify -----------------------------------------------------------------------------

@test "podman: -t gives a terminal" {
    run -0 prun --rm -t busybox:test \
        sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all; test -c /dev/console && echo console'
    is $'/dev/pts/0\r\nall\r\nconsole\r'
}

@test "podman: -it takes input, and the window's size" {
    declare -f podman prun >"$BATS_TEST_TMPDIR/functions"
    cat >"$BATS_TEST_TMPDIR/session" <<'EOF'
. "$BATS_TEST_TMPDIR/functions"
stty rows 41 cols 101
prun --rm -it busybox:test sh -c 'until [ "$(stty size)" = "41 101" ]; do usleep 20000; done; read word; echo got-$word'
EOF
    run -0 timeout 20 script -qec "bash $BATS_TEST_TMPDIR/session" /dev/null <<<hello
    contains got-hello
}

@test "podman: --preserve-fds" {
    echo through >"$BATS_TEST_TMPDIR/data"
    preserved() {
        prun --rm --preserve-fds 1 busybox:test sh -c 'cat <&3; ls /proc/self/fd | wc -l' 3<"$BATS_TEST_TMPDIR/data"
    }
    run -0 preserved
    is $'through\n5'
}

@test "podman: the container's READY reaches the notify socket" {
    needs_debian
    cat >"$BATS_TEST_TMPDIR/listen.py" <<'EOF'
import os, socket, sys
path, ready = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(path)
listener.settimeout(20)
open(ready, "w").close()
while True:
    data = listener.recv(4096).decode()
    print(data, flush=True)
    if "READY=1" in data:
        break
EOF
    python3 "$BATS_TEST_TMPDIR/listen.py" "$BATS_TEST_TMPDIR/notify" "$BATS_TEST_TMPDIR/up" \
        >"$BATS_TEST_TMPDIR/said" 3>&- &
    local listener=$!
    wait_until 10 test -e "$BATS_TEST_TMPDIR/up"
    NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify prun -d --name box --sdnotify container debian:test perl -MSocket -e '
        socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
        send($s, "READY=1", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die "$ENV{NOTIFY_SOCKET}: $!";
        sleep 1000'
    wait $listener
    run cat "$BATS_TEST_TMPDIR/said"
    contains READY=1
}

# ---- hooks ----------------------------------------------------------------------------------------------------------

@test "podman: hooks of a hooks directory run in their order" {
    local stage
    mkdir "$BATS_TEST_TMPDIR/hooks.d"
    cat >"$BATS_TEST_TMPDIR/hook" <<EOF
#!/bin/sh
echo "\$1 \$(tr -d '\n')" >>"$BATS_TEST_TMPDIR/hooks"
EOF
    chmod 0755 "$BATS_TEST_TMPDIR/hook"
    for stage in prestart createRuntime createContainer poststart poststop; do
        jq -n --arg stage "$stage" --arg hook "$BATS_TEST_TMPDIR/hook" \
            '{ version: "1.0.0", hook: { path: $hook, args: ["hook", $stage] }, when: { always: true },
               stages: [$stage] }' \
            >"$BATS_TEST_TMPDIR/hooks.d/$stage.json"
    done
    hooked() {
        podman --hooks-dir "$BATS_TEST_TMPDIR/hooks.d" run --network none --cgroup-parent "/$ENGINE_MARK" \
            --name box busybox:test sh -c 'echo ran'
    }
    run -0 hooked
    is ran
    podman rm -f box
    wait_until 10 grep -q ^poststop "$BATS_TEST_TMPDIR/hooks"
    run cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/hooks"
    # Podman 5 writes prestart hooks into the configuration as the last of createRuntime.
    is $'prestart\ncreateRuntime\ncreateContainer\npoststart\npoststop' ||
        is $'createRuntime\nprestart\ncreateContainer\npoststart\npoststop'
}

# ---- life -----------------------------------------------------------------------------------------------------------

@test "podman: create, init, start" {
    podman create --network none --cgroup-parent "/$ENGINE_MARK" --name box busybox:test sh -c 'echo started'
    podman init box
    run podman logs box
    is ""
    state_is box Status initialized || state_is box Status created
    run -0 podman start -a box
    is started
}

@test "podman: a container that was created and never started goes away" {
    local pid
    podman create --network none --cgroup-parent "/$ENGINE_MARK" --name box busybox:test sleep 1000
    podman init box
    pid=$(state_of box Pid)
    [ -d "/proc/$pid" ]
    podman rm -f -t 0 box
    [ ! -d "/proc/$pid" ]
    audit_end
}

@test "podman: detached: inspect's pid is the program" {
    local pid
    box
    pid=$(state_of box Pid)
    [ "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d ' ' -f 1-2)" = "sh -c" ]
    grep -q "^NSpid:.*$pid.*1$" "/proc/$pid/status"
}

@test "podman: stop: SIGTERM is honoured" {
    prun -d --name box busybox:test \
        sh -c 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    podman stop -t 30 box
    state_is box ExitCode 7
    logged box bye
}

@test "podman: stop: SIGTERM ignored becomes SIGKILL" {
    prun -d --name box busybox:test sh -c 'trap "echo no" TERM; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    podman stop -t 1 box
    state_is box ExitCode 137
    logged box no
}

@test "podman: kill: any signal; wait" {
    prun -d --name box busybox:test sh -c 'trap "echo usr1" USR1; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    podman kill -s USR1 box
    wait_until 10 logged box usr1
    state_is box Status running
    podman kill box
    run -0 podman wait box
    is 137
}

@test "podman: a stopped container starts again, also by restart" {
    box
    podman stop -t 10 box
    podman start box
    state_is box Status running
    podman restart -t 10 box
    state_is box Status running
    wait_until 10 eval '[ "$(podman logs box | grep -c ready)" = 3 ]'
}

@test "podman: with the host's pid namespace, children end with the container" {
    prun -d --name box --pid host busybox:test \
        sh -c "sh -c 'trap \"\" TERM HUP; while :; do sleep 60; done' $ENGINE_MARK & echo ready; wait"
    wait_until 10 logged box ready
    podman rm -f -t 0 box
    audit_end
}

@test "podman: a program killed from outside is seen to be dead" {
    box
    kill -KILL "$(state_of box Pid)"
    run -0 podman wait box
    is 137
}

@test "podman: several at once" {
    local n
    for n in 1 2 3 4 5 6; do
        prun --rm busybox:test echo "number $n" >"$BATS_TEST_TMPDIR/out.$n" 2>&1 3>&- &
    done
    wait
    run cat "$BATS_TEST_TMPDIR"/out.*
    is "$(printf 'number %s\n' 1 2 3 4 5 6)"
}
