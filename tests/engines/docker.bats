#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Docker: what a container gets of what was asked for. Needs root and Debian's docker.io.

source "${BATS_TEST_DIRNAME}/docker.bash"

setup_file() {
    docker_open
}

teardown_file() {
    docker_close
}

setup() {
    engine_test
}

teardown() {
    engine_opened || return 0
    local name
    for name in docker-remap docker-shared; do
        [ -e "$ENGINE_WORK/$name.pid" ] || continue
        DOCKER_HOST=unix://$ENGINE_WORK/$name/sock remove_all
        daemon_stop "$name"
    done
    DOCKER_HOST=unix://$ENGINE_WORK/docker/sock remove_all
    audit_end
}

# ---- run, output, exit codes ---------------------------------------------------------------------------------------

@test "docker: the daemon knows the runtime and its version" {
    run docker info -f '{{json .Runtimes}} {{.DefaultRuntime}}'
    contains "$ENGINE_RUNTIME"
    [[ $output == *" berth" ]]
    run docker info -f '{{.RuncCommit.ID}}'
    exits 0
    lacks N/A
}

@test "docker: the daemon has the runtime's features" {
    sid_only "Docker asks for features since 25"
    run -0 docker info -f '{{json .Runtimes}}'
    [ "$(jq -r '.berth.status["org.opencontainers.runtime-spec.features"] | fromjson
        | (.mountOptions | index("rro") != null) and (.linux.namespaces | index("user") != null)' <<<"$output")" = \
        true ]
}

@test "docker: the audit sees a container and what it has" {
    box -v "$ENGINE_WORK/share:/data"
    run audit_list
    contains "mount: $ENGINE_WORK/docker/data/overlay2"
    contains "cgroup: "
    contains "/$ENGINE_MARK/$(docker inspect -f '{{.Id}}' box)"
    contains "state: $ENGINE_WORK/docker/exec/runtime-runc/moby/"
    contains "process: $(state_of box Pid) "
    AUDIT_PATIENCE=0 run -1 audit_end
    contains "left behind"
    docker rm -f box
    audit_end
}

@test "docker: output goes out, errors apart" {
    run --separate-stderr drun --rm busybox:test sh -c 'echo out; echo err >&2'
    exits 0
    is out
    [ "$stderr" = err ]
}

@test "docker: input goes in, ten megabytes come through whole" {
    head -c 10000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    run bash -c '"$DOCKER" run --rm -i --network none busybox:test sha256sum <"$1"' - "$BATS_TEST_TMPDIR/data"
    exits 0
    is "$(sha256sum <"$BATS_TEST_TMPDIR/data")"
}

@test "docker: a program's exit code is the client's" {
    run -42 drun --rm busybox:test sh -c 'exit 42'
    run -0 drun --rm busybox:test true
}

@test "docker: a program killed by a signal exits with 128 and the signal" {
    run -143 drun --rm --pid host busybox:test sh -c 'kill -TERM $$'
}

@test "docker: a command that does not exist is 127" {
    run -127 drun --rm busybox:test no-such-program
    contains no-such-program
    run -127 drun --rm busybox:test /no/such/program
}

@test "docker: a file that is no program, and a directory, are 126" {
    run -126 drun --rm busybox:test /bin/plain-file
    contains "permission denied"
    run -126 drun --rm busybox:test /etc
}

@test "docker: a failed create leaves nothing and says why" {
    run ! drun --name bad --sysctl net.core.no_such_thing=1 busybox:test true
    contains no_such_thing
    docker rm bad
    audit_end
}

@test "docker: a limit beyond the host's is refused at create" {
    run drun --name bad --ulimit nofile=2147483584 busybox:test true
    [ "$status" -ne 0 ]
    docker rm bad
    audit_end
}

@test "docker: a directory mounted onto a file is refused in words that the engine knows" {
    run drun --rm -v "$BATS_TEST_TMPDIR/share:/etc/passwd" busybox:test true
    [ "$status" -ne 0 ]
    contains "not a directory"
    contains "Are you trying to mount a directory onto a file"
}

@test "docker: a real Debian runs its own programs" {
    needs_debian
    run -0 drun --rm debian:test \
        sh -c 'dpkg --verify coreutils && perl -e "print qq(perl ok\n)" && su -s /bin/sh nobody -c id'
    contains "perl ok"
    contains "uid=65534(nobody) gid=65534(nogroup)"
}

@test "docker: --init puts an init in front" {
    needs_debian
    type -P docker-init >/dev/null || skip "no docker-init"
    run -0 drun --rm --init debian:test sh -c 'cat /proc/1/comm; exit 0'
    is docker-init
}

# ---- what the container sees ---------------------------------------------------------------------------------------

@test "docker: host name, environment, working directory" {
    run -0 drun --rm --hostname berthed -e WORD='two words' -w /srv/made busybox:test \
        sh -c 'hostname; echo "$WORD"; pwd'
    is $'berthed\ntwo words\n/srv/made'
}

@test "docker: user, groups, names from the image" {
    run -0 drun --rm -u 1000:1000 --group-add 2000 busybox:test id
    is "uid=1000(tester) gid=1000(tester) groups=1000(tester),2000"
    run -0 drun --rm -u tester busybox:test sh -c 'id -u; id -g; echo $HOME'
    is $'1000\n1000\n/'
}

@test "docker: a user may write to the container's own output" {
    run -0 drun --rm -u 1000:1000 busybox:test sh -c 'echo through >/dev/stdout; echo again >/proc/self/fd/2'
    contains through
    contains again
}

@test "docker: the container has the pid, mount, uts, ipc and net namespaces to itself" {
    local kind
    box
    for kind in pid mnt uts ipc net; do
        [ "$(namespace_of "$(state_of box Pid)" $kind)" != "$(namespace_of self $kind)" ]
    done
    [ "$(namespace_of "$(state_of box Pid)" user)" = "$(namespace_of self user)" ]
}

@test "docker: the program is pid 1 and sees no process of the host" {
    run -0 drun --rm busybox:test sh -c 'echo $$; for p in /proc/[0-9]*; do echo $p; done'
    is $'1\n/proc/1'
}

@test "docker: no file descriptor of the runtime is open in the container" {
    run -0 drun --rm busybox:test sh -c 'ls /proc/self/fd'
    is $'0\n1\n2\n3'
}

@test "docker: no mount of the host shows" {
    run -0 drun --rm busybox:test cat /proc/self/mountinfo
    [[ ${lines[0]} == *" / / "* ]]
    lacks "/exec/"
    lacks "/dev/hugepages"
    [ "$(cut -d ' ' -f 5 <<<"$output" | grep -cvE '^/($|proc|dev|sys|etc/(hosts|hostname|resolv.conf)$)')" = 0 ]
}

@test "docker: devices, links and terminals of the default /dev" {
    run -0 drun --rm busybox:test \
        sh -c 'for d in null zero full random urandom tty; do stat -c "%n %t:%T %a" /dev/$d; done
        for l in fd stdin stdout stderr ptmx; do echo "$l $(readlink /dev/$l)"; done
        echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c'
    contains "/dev/null 1:3 666"
    contains "/dev/full 1:7 666"
    contains "/dev/tty 5:0 666"
    contains "fd /proc/self/fd"
    contains "stdout /proc/self/fd/1"
    contains "ptmx pts/ptmx"
    [ "${lines[-2]} ${lines[-1]}" = "4 4" ]
}

# Opened for writing and never written: what got through would be the host's.
@test "docker: paths of /proc and /sys are masked or read-only" {
    run -0 drun --rm busybox:test sh -c '
        for f in kcore keys timer_list sched_debug; do 
            [ ! -e /proc/$f ] || [ "$(wc -c </proc/$f)" = 0 ] || echo "$f shows"
        done
        ls -A /sys/firmware /proc/scsi 2>/dev/null | grep -v :
        for f in /proc/sys/kernel/panic /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/profiling; do
            [ ! -e $f ] || { (: >>$f) 2>/dev/null && echo "$f can be written"; }
        done; true'
    is ""
}

@test "docker: systempaths=unconfined masks nothing" {
    run -0 drun --rm --security-opt systempaths=unconfined busybox:test \
        sh -c 'cat /proc/self/mountinfo; : >>/proc/sys/kernel/panic'
    lacks " /proc/"
}

# ---- storage -------------------------------------------------------------------------------------------------------

@test "docker: a bind volume is written through" {
    echo from-host >"$BATS_TEST_TMPDIR/share/in"
    run -0 drun --rm -v "$BATS_TEST_TMPDIR/share:/data" busybox:test sh -c 'cat /data/in; echo from-box >/data/out'
    is from-host
    [ "$(cat "$BATS_TEST_TMPDIR/share/out")" = from-box ]
}

@test "docker: a read-only volume is not" {
    run -1 drun --rm -v "$BATS_TEST_TMPDIR/share:/data:ro" busybox:test sh -c 'touch /data/out'
    contains "Read-only file system"
    [ ! -e "$BATS_TEST_TMPDIR/share/out" ]
}

@test "docker: a read-only volume is read-only to its depth, or on its top alone" {
    sid_only "Docker has recursively read-only mounts since 25"
    mkdir "$BATS_TEST_TMPDIR/share/deep"
    mount -t tmpfs deep "$BATS_TEST_TMPDIR/share/deep"
    run drun --rm -v "$BATS_TEST_TMPDIR/share:/data:ro" \
        --mount "type=bind,src=$BATS_TEST_TMPDIR/share,dst=/top,readonly,bind-recursive=writable" \
        --mount "type=bind,src=$BATS_TEST_TMPDIR/share,dst=/alone,bind-recursive=disabled" busybox:test \
        sh -c 'exec 2>&1; touch /data/deep/x; touch /top/x; touch /top/deep/y && echo open; ls /alone/deep'
    umount "$BATS_TEST_TMPDIR/share/deep"
    exits 0
    is $'touch: /data/deep/x: Read-only file system\ntouch: /top/x: Read-only file system\nopen'
}

@test "docker: one file as a volume; a named volume takes the image's content" {
    echo one >"$BATS_TEST_TMPDIR/file"
    run -0 drun --rm -v "$BATS_TEST_TMPDIR/file:/etc/one:ro" busybox:test cat /etc/one
    is one
    run -0 drun --rm -v named:/etc busybox:test sh -c 'grep -c tester /etc/passwd; touch /etc/kept'
    is 1
    run -0 drun --rm -v named:/mnt/volume busybox:test ls /mnt/volume/kept
    docker volume rm named
}

@test "docker: a volume with propagation sees what the host mounts later" {
    mount -t tmpfs shared "$BATS_TEST_TMPDIR/share"
    mount --make-rshared "$BATS_TEST_TMPDIR/share"
    mkdir "$BATS_TEST_TMPDIR/share/later"
    drun -d --name box -v "$BATS_TEST_TMPDIR/share:/data:rslave" busybox:test \
        sh -c 'echo ready; until [ -e /data/later/come ]; do usleep 20000; done; echo seen; touch /data/later/back'
    wait_until 10 logged box ready
    mount -t tmpfs later "$BATS_TEST_TMPDIR/share/later"
    touch "$BATS_TEST_TMPDIR/share/later/come"
    run wait_until 10 test -e "$BATS_TEST_TMPDIR/share/later/back"
    docker rm -f box
    umount -l "$BATS_TEST_TMPDIR/share/later" "$BATS_TEST_TMPDIR/share"
    exits 0
}

# As node exporters have it. Docker makes a slave only of a shared mount: the second daemon has "/" shared, as systemd
# makes it.
@test "docker: the host's root as a read-only volume that sees what the host mounts later" {
    local share=$BATS_TEST_TMPDIR/share mark=/left-by-$ENGINE_MARK
    dockerd_start docker-shared unshare -m --propagation shared --
    local -x DOCKER_HOST="unix://$ENGINE_WORK/docker-shared/sock"
    docker load -q -i "$(image_busybox)"
    at_docker() { nsenter --mount --target "$(cat "$ENGINE_WORK/docker-shared.pid")" "$@"; }
    echo from-host >"$share/in"
    mkdir "$share/later"
    box -v /:/host:ro,rslave --network host --pid host
    at_docker mount -t tmpfs later "$share/later"
    at_docker touch "$share/later/come"
    run --separate-stderr docker exec box \
        sh -c 'cat "/host$1/in"; cat /host/proc/1/comm; ls "/host$1/later"; touch "/host$2"' - "$share" "$mark"
    at_docker umount "$share/later"
    rm -f "$mark"
    docker rm -f box
    exits 1
    is "from-host"$'\n'"$(cat /proc/1/comm)"$'\ncome'
    [[ $stderr == *"Read-only file system"* ]]
}

# Docker itself puts a file in the place of a link at /etc/resolv.conf.
@test "docker: an image whose links lead to nothing yet" {
    echo from-host >"$BATS_TEST_TMPDIR/share/in"
    docker load -q -i "$(image_links)"
    run drun --rm --network host --dns 192.0.2.53 -v "$BATS_TEST_TMPDIR/share:/var/run/data:ro" links:test \
        sh -c 'grep ^nameserver /etc/resolv.conf; readlink /var/run; cat /run/data/in'
    docker rmi links:test
    exits 0
    is $'nameserver 192.0.2.53\n/run\nfrom-host'
}

@test "docker: tmpfs with size and mode, /dev/shm with a size" {
    run -0 drun --rm --tmpfs /scratch:size=1m,mode=1770 --shm-size 2m busybox:test sh -c 'stat -fc %T /scratch
        stat -c %a /scratch; dd if=/dev/zero of=/scratch/f bs=64k count=32 2>&1 | grep -o "No space left"
        df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2; stat -c %a /dev/shm'
    is $'tmpfs\n1770\nNo space left\n2048\n1777'
}

@test "docker: a read-only root, with tmpfs where asked" {
    run -1 drun --rm --read-only busybox:test sh -c 'touch /x'
    contains "Read-only file system"
    run -0 drun --rm --read-only --tmpfs /tmp busybox:test \
        sh -c 'touch /tmp/x && touch /dev/shm/x && echo x >/dev/null && echo ok'
    is ok
}

# ---- limits --------------------------------------------------------------------------------------------------------

@test "docker: memory, cpu, pids limits stand in the cgroup" {
    local pid
    box --memory 64m --cpus 0.5 --pids-limit 50
    pid=$(state_of box Pid)
    [ "$(cgroup_limit "$pid" memory)" = 67108864 ]
    [ "$(cgroup_limit "$pid" quota)" = 50000 ]
    [ "$(cgroup_limit "$pid" pids)" = 50 ]
    [[ $(cgroup_dir "$pid" memory) == */$ENGINE_MARK/$(docker inspect -f '{{.Id}}' box) ]]
}

@test "docker: the container reads its own limits" {
    needs_v1
    run -0 drun --rm --memory 64m --cpu-shares 512 --cpuset-cpus 0 --pids-limit 50 --memory-reservation 32m \
        busybox:test sh -c 'cd /sys/fs/cgroup
            cat memory/memory.limit_in_bytes memory/memory.soft_limit_in_bytes cpu/cpu.shares \
            cpuset/cpuset.cpus pids/pids.max; grep Cpus_allowed_list /proc/self/status
            mkdir pids/x 2>/dev/null || echo ro'
    is $'67108864\n33554432\n512\n0\n50\nCpus_allowed_list:\t0\nro'
}

@test "docker: a cgroup namespace hides the host's paths" {
    run -0 drun --rm --cgroupns private busybox:test sh -c 'cut -d : -f 3 /proc/self/cgroup | sort -u'
    is /
    run -0 drun --rm --cgroupns host busybox:test sh -c 'cut -d : -f 3 /proc/self/cgroup | sort -u'
    contains "/$ENGINE_MARK/"
}

@test "docker: the pids limit stops a flood" {
    run drun --rm --pids-limit 8 busybox:test sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done; echo unlimited'
    [ "$status" -ne 0 ]
    contains "can't fork"
    lacks unlimited
}

@test "docker: out of memory is killed and reported" {
    run -137 drun --name box --memory 16m busybox:test tail /dev/zero
    wait_until 5 state_is box OOMKilled true
}

@test "docker: ulimit, oom score" {
    run -0 drun --rm --ulimit nofile=300:400 --ulimit core=0 --oom-score-adj 500 busybox:test \
        sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj'
    is $'300\n400\n0\n500'
}

@test "docker: sysctl of the container's namespaces only" {
    local before
    before=$(cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax)
    run -0 drun --rm --sysctl net.core.somaxconn=777 --sysctl kernel.msgmax=9999 busybox:test \
        cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax
    is $'777\n9999'
    [ "$(cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax)" = "$before" ]
}

# ---- devices, capabilities, security -------------------------------------------------------------------------------

@test "docker: a device is there with the asked access, and only then" {
    [ -c /dev/fuse ] || skip "the host has no /dev/fuse"
    run -0 drun --rm --device /dev/fuse busybox:test sh -c 'stat -c %t:%T /dev/fuse; : <>/dev/fuse && echo opened'
    is $'a:e5\nopened'
    run drun --rm --device /dev/fuse:/dev/other:r busybox:test sh -c ': </dev/other && echo read; : >/dev/other'
    [ "$status" -ne 0 ]
    contains read
    contains "Operation not permitted"
    run drun --rm busybox:test sh -c 'mknod /dev/mine c 10 229 && : <>/dev/mine'
    [ "$status" -ne 0 ]
    contains "Operation not permitted"
}

@test "docker: a device rule opens what was closed" {
    [ -c /dev/fuse ] || skip "the host has no /dev/fuse"
    run -0 drun --rm --device-cgroup-rule 'c 10:229 rwm' busybox:test \
        sh -c 'mknod /dev/mine c 10 229 && : <>/dev/mine && echo opened'
    is opened
}

@test "docker: capabilities: default, none, one more, one less, none for a user" {
    local show='grep -E "Cap(Eff|Bnd|Prm)" /proc/self/status | cut -f 2 | sort -u'
    run -0 drun --rm busybox:test sh -c "$show"
    is 00000000a80425fb
    run -0 drun --rm --cap-drop ALL busybox:test sh -c "$show"
    is 0000000000000000
    run -0 drun --rm --cap-drop ALL --cap-add NET_ADMIN busybox:test sh -c "$show"
    is 0000000000001000
    run -0 drun --rm --cap-drop MKNOD --cap-drop NET_RAW busybox:test sh -c "$show"
    is 00000000a00405fb
    run -0 drun --rm -u 1000 busybox:test sh -c 'grep -E "Cap(Eff|Prm)" /proc/self/status | cut -f 2 | sort -u'
    is 0000000000000000
}

@test "docker: --privileged has all capabilities, devices and no filter" {
    host_has_all_caps || not_for runc "refuses capabilities that the host cannot grant"
    run -0 drun --rm --privileged busybox:test \
        sh -c 'grep CapEff /proc/self/status | cut -f 2; grep Seccomp: /proc/self/status
        ls /dev/loop-control /dev/kmsg; mkdir /mnt; mount -t tmpfs x /mnt && echo mounted
        : >>/proc/sys/kernel/panic && echo writable'
    [ $((0x${lines[0]})) -eq "$(all_caps)" ]
    is "${lines[0]}"$'\nSeccomp:\t0\n/dev/kmsg\n/dev/loop-control\nmounted\nwritable'
}

@test "docker: the default seccomp profile is active, and can be turned off" {
    run -0 drun --rm busybox:test grep Seccomp: /proc/self/status
    is $'Seccomp:\t2'
    run -1 drun --rm busybox:test unshare -U true
    contains "Operation not permitted"
    run -0 drun --rm --security-opt seccomp=unconfined busybox:test \
        sh -c 'grep Seccomp: /proc/self/status; unshare -U true && echo made'
    is $'Seccomp:\t0\nmade'
}

@test "docker: a seccomp profile of one's own gives the error it names" {
    cat >"$BATS_TEST_TMPDIR/profile.json" <<'JSON'
{ "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [ { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 },
                { "names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 33,
                  "args": [ { "index": 1, "value": 10, "op": "SCMP_CMP_EQ" } ] } ] }
JSON
    run drun --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" busybox:test \
        sh -c 'mkdir /x; kill -0 $$ && echo kept; kill -USR1 $$'
    contains "No space left on device"
    contains kept
    contains "Numerical argument out of domain"
}

@test "docker: no-new-privileges" {
    needs_debian
    run -0 drun --rm -u 1000:1000 debian:test suid-id -u
    is 0
    run -0 drun --rm -u 1000:1000 --security-opt no-new-privileges debian:test \
        sh -c 'suid-id -u; grep NoNewPrivs /proc/self/status'
    is $'1000\nNoNewPrivs:\t1'
}

@test "docker: no-new-privileges and the filter work for a user without capabilities" {
    run -0 drun --rm -u 1000:1000 --cap-drop ALL --security-opt no-new-privileges busybox:test \
        sh -c 'grep -E "NoNewPrivs|Seccomp:|CapBnd" /proc/self/status'
    is $'CapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2'
}

# ---- network and shared namespaces ---------------------------------------------------------------------------------

@test "docker: network none has a loopback that is up and nothing else" {
    run -0 drun --rm busybox:test sh -c 'ls /sys/class/net; ip addr show lo | grep -c "inet 127.0.0.1/8"'
    contains lo
    lacks eth
    [ "${lines[-1]}" = 1 ]
}

@test "docker: network host, uts host, ipc host, pid host" {
    run -0 drun --rm --network host --uts host --ipc host --pid host busybox:test \
        sh -c 'for k in net uts ipc pid; do readlink /proc/self/ns/$k; done'
    is "$(for k in net uts ipc pid; do readlink /proc/self/ns/$k; done)"
}

@test "docker: with --pid host the host's processes are seen" {
    run -0 drun --rm --pid host busybox:test sh -c "tr '\\0' ' ' </proc/$(cat "$ENGINE_WORK/docker.pid")/cmdline"
    contains "$ENGINE_WORK/docker/data"
}

@test "docker: a container in another's network, ipc and pid namespace talks to it" {
    box --ipc shareable
    drun -d --name server --network container:box busybox:test sh -c 'echo pong | nc -l -p 5000'
    run -0 --separate-stderr drun --rm --network container:box --ipc container:box --pid container:box busybox:test \
        sh -c 'for k in net ipc pid; do readlink /proc/self/ns/$k; done
               for i in $(seq 100); do nc 127.0.0.1 5000 </dev/null && break; usleep 50000; done; cat /proc/1/comm'
    is "$(for k in net ipc pid; do namespace_of "$(state_of box Pid)" $k; done)"$'\npong\nsh'
}

# ---- terminal ------------------------------------------------------------------------------------------------------

@test "docker: -t gives a terminal" {
    run -0 drun --rm -t busybox:test \
        sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all; ls -l /dev/console | cut -c 1'
    is $'/dev/pts/0\r\nall\r\nc\r'
}

@test "docker: -it takes input, and the window's size" {
    run -0 timeout 20 script -qec "stty rows 41 cols 101; $DOCKER run --rm -it --network none busybox:test \
        sh -c 'until [ \"\$(stty size)\" = \"41 101\" ]; do usleep 20000; done; read word
        echo got-\$word-\$(stty size)'" \
        /dev/null <<<hello
    contains "got-hello-41 101"
}

@test "docker: a terminal for a user: it is theirs and /dev/tty opens" {
    run -0 drun --rm -t -u 1000:1000 busybox:test sh -c 'stat -c %u /dev/pts/0; echo direct >/dev/tty'
    is $'1000\r\ndirect\r'
}

# ---- life ----------------------------------------------------------------------------------------------------------

@test "docker: create, then start" {
    docker create --name box --network none busybox:test echo started
    state_is box Status created
    run -0 docker start -a box
    is started
    state_is box ExitCode 0
}

@test "docker: detached: inspect's pid is the program" {
    local pid
    box
    pid=$(state_of box Pid)
    [ "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d ' ' -f 1-2)" = "sh -c" ]
    [ "$(cat "/proc/$pid/root/etc/hostname")" = "$(docker inspect -f '{{.Config.Hostname}}' box)" ]
    grep -q "^NSpid:.*$pid.*1$" "/proc/$pid/status"
    docker rm -f box
    [ ! -e "/proc/$pid" ]
}

@test "docker: stop: SIGTERM is honoured" {
    drun -d --name box busybox:test \
        sh -c 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    docker stop -t 30 box
    state_is box ExitCode 7
    logged box bye
}

@test "docker: stop: SIGTERM ignored becomes SIGKILL" {
    drun -d --name box busybox:test sh -c 'trap "echo no" TERM; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    docker stop -t 1 box
    state_is box ExitCode 137
    logged box no
}

@test "docker: kill: any signal" {
    drun -d --name box busybox:test sh -c 'trap "echo usr1" USR1; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    docker kill -s USR1 box
    wait_until 10 logged box usr1
    state_is box Running true
    docker kill box
    state_is box ExitCode 137
}

@test "docker: logs keep both streams" {
    run drun --name box busybox:test sh -c 'echo out; echo err >&2'
    run --separate-stderr docker logs box
    is out
    [ "$stderr" = err ]
}

@test "docker: a stopped container starts again, also by restart" {
    box
    docker stop box
    docker start box
    state_is box Running true
    docker restart box
    state_is box Running true
    wait_until 10 test 3 = "$(docker logs box | grep -c ready)"
}

@test "docker: restart on failure" {
    drun -d --name box --restart on-failure:2 busybox:test sh -c 'echo try; exit 9'
    wait_until 20 state_is box Status exited
    [ "$(docker inspect -f '{{.RestartCount}}' box)" = 2 ]
    [ "$(docker logs box | grep -c try)" = 3 ]
}

@test "docker: rm refuses a running container, rm -f does not" {
    box
    run docker rm box
    [ "$status" -ne 0 ]
    docker rm -f box
    audit_end
}

@test "docker: when pid 1 ends its children end too" {
    drun -d --name box busybox:test sh -c 'sleep 4321 & sleep 4322 & exit 3'
    wait_until 10 state_is box Status exited
    state_is box ExitCode 3
    docker rm box
    audit_end
}

@test "docker: a program killed from outside is seen to be dead" {
    box
    kill -KILL "$(state_of box Pid)"
    wait_until 10 state_is box Status exited
    state_is box ExitCode 137
}

@test "docker: a shim that dies takes its container along" {
    local pid shim
    box
    pid=$(state_of box Pid)
    shim=$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")
    grep -q containerd-shim "/proc/$shim/cmdline"
    kill -KILL "$shim"
    wait_until 10 state_is box Running false
    docker rm box
    audit_end
}

@test "docker: several at once" {
    local n
    for n in 1 2 3 4 5 6; do
        drun --rm busybox:test echo "number $n" >"$BATS_TEST_TMPDIR/out.$n" 2>&1 3>&- &
    done
    wait
    run cat "$BATS_TEST_TMPDIR"/out.*
    is "$(printf 'number %s\n' 1 2 3 4 5 6)"
}

# ---- user namespaces -----------------------------------------------------------------------------------------------

# A second daemon whose containers are remapped. It finds its id ranges in /etc/subuid: in a mount namespace of its own
# it gets a file that says what the test needs, and the host's stays as it is.
remapped_start() {
    local ranges=$ENGINE_WORK/ranges
    echo daemon:200000:65536 >"$ranges"
    [ -e /etc/subuid ] && [ -e /etc/subgid ] || skip "the host has no /etc/subuid"
    dockerd_start docker-remap unshare -m --propagation private sh -c \
        'mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid && exec "$@"' "$ranges" -- --userns-remap daemon
    export DOCKER_HOST="unix://$ENGINE_WORK/docker-remap/sock"
    docker load -q -i "$(image_busybox)"
}

@test "docker: userns-remap: ids, mounts, terminal, limits, signals" {
    remapped_start
    run -0 drun --rm --memory 64m busybox:test \
        sh -c 'cat /proc/self/uid_map | tr -s " "; id -u; stat -c %u / /dev /dev/shm | sort -u
        touch /x && stat -c %u /x; echo x >/dev/null && echo null'
    is $' 0 200000 65536\n0\n0\n0\nnull'
    run -0 drun --rm -t busybox:test sh -c 'tty; stat -c %u /dev/console'
    is $'/dev/pts/0\r\n0\r'
    run -0 drun --rm --userns host busybox:test sh -c 'cat /proc/self/uid_map | tr -s " "'
    is " 0 0 4294967295"
    box -u 1000:1000
    run -0 ps -o uid= -p "$(state_of box Pid)"
    [ "${output// /}" = 201000 ]
    run -0 drun --rm --network container:box busybox:test id -u
    docker stop box
    state_is box ExitCode 0
}
