#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under containerd alone: `ctr run --runc-binary`, what ctr does to tasks, and whole configurations handed
# through to the runtime. Needs root and Debian's containerd.

source "${BATS_TEST_DIRNAME}/containerd.bash"

BUSYBOX=docker.io/library/busybox:test
DEBIAN=docker.io/library/debian:test

# box ARGS...: a container named box in the background; ready when this returns.
box() {
    crun --detach --null-io --mount "type=bind,src=$BATS_TEST_TMPDIR/share,dst=/share,options=rbind:rw" "$@" \
        "$BUSYBOX" box \
        sh -c 'trap "exit 9" TERM; touch /share/ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 test -e "$BATS_TEST_TMPDIR/share/ready"
}

# box_pid: of the task box. box_status: RUNNING, STOPPED, CREATED or nothing.
box_pid() {
    ctr task ls | awk '$1 == "box" { print $2 }'
}

box_status() {
    ctr task ls | awk '$1 == "box" { print $3 }'
}

box_is() {
    [ "$(box_status)" = "$1" ]
}

# spec_run FILTER: runs as `box` a configuration as containerd itself would write it, with a root file system of this
# test's own, changed by the jq filter ($tmp is the test's directory).
spec_run() {
    cp -a "$ENGINE_WORK/busybox" "$BATS_TEST_TMPDIR/rootfs"
    ctr oci spec | jq --arg root "$BATS_TEST_TMPDIR/rootfs" --arg mark "$ENGINE_MARK" --arg tmp "$BATS_TEST_TMPDIR" \
        ".root.path = \$root | .root.readonly = false | .process.terminal = false | .process.env = [\"PATH=/bin\"]
        | .linux.cgroupsPath = \"/\" + \$mark + \"/box\" | $1" >"$BATS_TEST_TMPDIR/config.json"
    crun --rm --config "$BATS_TEST_TMPDIR/config.json" box
}

setup_file() {
    containerd_open
    engine_opened || return 0
    containerd_start "" 'disabled_plugins = ["io.containerd.grpc.v1.cri"]'
    mkdir "$ENGINE_WORK/fifo"
    images_load ctr image import
}

teardown_file() {
    containerd_close
}

setup() {
    engine_test
}

teardown() {
    engine_opened || return 0
    ctr task ls -q | while read -r id; do
        ctr task rm -f "$id"
    done >/dev/null
    ctr container ls -q | while read -r id; do
        ctr container rm "$id"
    done >/dev/null
    audit_end
}

# ---- run, output, exit codes ---------------------------------------------------------------------------------------

@test "containerd: output, error output, exit code" {
    run --separate-stderr crun --rm "$BUSYBOX" box sh -c 'echo out; echo err >&2; exit 42'
    exits 42
    is out
    [ "$stderr" = err ]
}

@test "containerd: the audit sees a container and what it has" {
    box
    run audit_list
    contains "mount: $ENGINE_WORK/state/io.containerd.runtime.v2.task/$ENGINE_MARK/box/rootfs"
    contains "/$ENGINE_MARK/box"
    contains "state: $ENGINE_WORK/runtime/$ENGINE_MARK/box"
    contains "process: $(box_pid) "
    AUDIT_PATIENCE=0 run -1 audit_end
    contains "left behind"
    ctr task rm -f box
    ctr container rm box
    audit_end
}

@test "containerd: a command that does not exist, a file that is no program" {
    run crun --rm "$BUSYBOX" box no-such-program
    [ "$status" -ne 0 ]
    contains "no-such-program"
    contains "executable file not found"
    run crun --rm "$BUSYBOX" box /bin/plain-file
    [ "$status" -ne 0 ]
    [[ ${output,,} == *"permission denied"* ]]
}

@test "containerd: the runtime's own message comes through its JSON log" {
    run spec_run '.linux.sysctl = { "net.core.no_such_thing": "1" } | .process.args = ["true"]'
    [ "$status" -ne 0 ]
    contains no_such_thing
    lacks "log.json"
    lacks "unable to retrieve OCI runtime error"
}

@test "containerd: killed by a signal is 128 and the signal" {
    run -137 crun --rm --memory-limit 16000000 "$BUSYBOX" box tail /dev/zero
}

@test "containerd: a real Debian runs its own programs" {
    needs_debian
    run -0 crun --rm "$DEBIAN" box sh -c 'perl -e "print qq(perl ok\n)"; cat /etc/debian_version'
    contains "perl ok"
    [[ ${lines[1]} == 12.* ]]
}

# ---- what the container sees ---------------------------------------------------------------------------------------

@test "containerd: environment, working directory, read-only root" {
    run -0 crun --rm --env 'WORD=two words' --cwd /tmp "$BUSYBOX" box sh -c 'echo "$WORD"; pwd'
    is $'two words\n/tmp'
    run -1 crun --rm --read-only "$BUSYBOX" box touch /x
    contains "Read-only file system"
}

@test "containerd: bind mounts, read-write and read-only, and tmpfs" {
    run crun --rm --mount "type=bind,src=$BATS_TEST_TMPDIR/share,dst=/data,options=rbind:rw" \
        --mount "type=bind,src=$BATS_TEST_TMPDIR/share,dst=/same,options=rbind:ro" \
        --mount "type=tmpfs,src=tmpfs,dst=/scratch,options=size=64k:mode=0711" \
        "$BUSYBOX" box sh -c 'echo written >/data/f; cat /same/f; stat -c %a /scratch
            df -k /scratch | tail -n 1 | tr -s " " | cut -d " " -f 2; touch /same/x 2>&1'
    exits 1
    contains $'written\n711\n64\n'
    contains "Read-only file system"
}

@test "containerd: the host's root as a read-only mount" {
    local share=$BATS_TEST_TMPDIR/share mark=/left-by-$ENGINE_MARK
    echo from-host >"$share/in"
    run crun --rm --mount type=bind,src=/,dst=/host,options=rbind:rslave:ro "$BUSYBOX" box \
        sh -c 'cat "/host$1/in"; cat /host/proc/1/comm; touch "/host$2" 2>&1' - "$share" "$mark"
    rm -f "$mark"
    exits 1
    contains $'from-host\n'"$(cat /proc/1/comm)"$'\n'
    contains "Read-only file system"
}

@test "containerd: memory and cpu limits" {
    local pid
    box --memory-limit 67108864 --cpus 0.5 --cpu-shares 512
    pid=$(box_pid)
    [ "$(cgroup_limit "$pid" memory)" = 67108864 ]
    [ "$(cgroup_limit "$pid" quota)" = 50000 ]
    if [ "$(cgroup_world)" = v1 ]; then [ "$(cgroup_limit "$pid" shares)" = 512 ]; fi
    [[ $(cgroup_dir "$pid" memory) == */$ENGINE_MARK/box ]]
}

@test "containerd: the shim finds the cgroup and reads its figures" {
    box --memory-limit 67108864
    run -0 ctr task metrics box
    contains 67108864
    contains "pids.current"
}

@test "containerd: a device, and none without" {
    [ -c /dev/fuse ] || skip "the host has no /dev/fuse"
    run -0 crun --rm --device /dev/fuse "$BUSYBOX" box sh -c ': <>/dev/fuse && echo opened'
    is opened
    run -1 crun --rm "$BUSYBOX" box \
        sh -c 'ls /dev/fuse 2>/dev/null || echo none; mknod /dev/fuse c 10 229 && : <>/dev/fuse'
    contains none
    contains "Operation not permitted"
}

@test "containerd: capabilities, privileges, seccomp" {
    run -0 crun --rm --cap-add CAP_NET_ADMIN --cap-drop CAP_MKNOD "$BUSYBOX" box \
        sh -c 'grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status'
    is $'CapEff:\t00000000a00435fb\nNoNewPrivs:\t1\nSeccomp:\t0'
    run -1 crun --rm --seccomp "$BUSYBOX" box unshare -U true
    contains "Operation not permitted"
    run -0 crun --rm --allow-new-privs "$BUSYBOX" box grep NoNewPrivs /proc/self/status
    is $'NoNewPrivs:\t0'
}

@test "containerd: --privileged" {
    run -0 crun --rm --privileged "$BUSYBOX" box \
        sh -c 'mkdir /mnt && mount -t tmpfs x /mnt && echo mounted; grep CapEff /proc/self/status'
    is $'mounted\nCapEff:\t'"$(awk '/^CapEff/ { print $2 }' /proc/self/status)"
}

@test "containerd: host network, a namespace by path" {
    run -0 crun --rm --net-host "$BUSYBOX" box readlink /proc/self/ns/net
    is "$(readlink /proc/self/ns/net)"
    box
    run -0 crun --rm --with-ns "network:/proc/$(box_pid)/ns/net" --with-ns "ipc:/proc/$(box_pid)/ns/ipc" \
        "$BUSYBOX" second \
        sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/ipc'
    is "$(namespace_of "$(box_pid)" net)"$'\n'"$(namespace_of "$(box_pid)" ipc)"
}

@test "containerd: a user namespace" {
    run -0 crun --rm --uidmap 0:300000:1000 --gidmap 0:300000:1000 "$BUSYBOX" box \
        sh -c 'tr -s " " </proc/self/uid_map; id -u; touch /x && stat -c %u:%g /x; echo x >/dev/null && echo null'
    is $' 0 300000 1000\n0\n0:0\nnull'
}

@test "containerd: without pivot_root" {
    run -0 crun --rm --no-pivot "$BUSYBOX" box \
        sh -c 'ls /bin/busybox; ls -d /proc/1/root/work /proc/1/root/usr 2>/dev/null | wc -l'
    is $'/bin/busybox\n0'
}

# ---- terminal ------------------------------------------------------------------------------------------------------

@test "containerd: a terminal" {
    local flags
    mapfile -t flags < <(crun_flags)
    run -0 timeout 20 script -qec "stty rows 41 cols 101
        $CTR --address $ENGINE_WORK/sock --namespace $ENGINE_MARK run --rm -t ${flags[*]} $BUSYBOX box \
        sh -c 'tty; until [ \"\$(stty size)\" = \"41 101\" ]; do usleep 20000; done; read w; echo got-\$w'" \
        /dev/null <<<hello
    contains /dev/pts/0
    contains got-hello
}

# ---- life ----------------------------------------------------------------------------------------------------------

@test "containerd: TERM honoured, exit status kept until the task is removed" {
    box
    ctr task kill -s SIGTERM box
    wait_until 10 box_is STOPPED
    run ctr task rm box
    contains "exit code 9"
}

@test "containerd: KILL, by name and to all" {
    box
    ctr task kill -s SIGKILL --all box
    wait_until 10 box_is STOPPED
    run ctr task rm box
    contains "exit code 137"
}

@test "containerd: kill of a dead task, removal of an unknown one" {
    box
    ctr task kill -s SIGKILL box
    wait_until 10 box_is STOPPED
    run ctr task kill -s SIGTERM box
    [ "$status" -eq 0 ] || contains "process already finished"
    run ctr task rm unknown
    [ "$status" -ne 0 ]
}

@test "containerd: an id used again" {
    local n
    for n in 1 2 3; do
        run -0 crun --rm "$BUSYBOX" box echo "round $n"
        is "round $n"
    done
}

@test "containerd: the pid file" {
    box --pid-file "$BATS_TEST_TMPDIR/pid"
    [ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(box_pid)" ]
    [ "$(cat "$ENGINE_WORK/state/io.containerd.runtime.v2.task/$ENGINE_MARK/box/init.pid" | wc -l)" = 0 ]
}

@test "containerd: a shim that dies takes its container along" {
    local pid shim
    box
    pid=$(box_pid)
    shim=$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")
    grep -q containerd-shim "/proc/$shim/cmdline"
    kill -KILL "$shim"
    wait_until 10 test ! -e "/proc/$pid"
    ctr task rm -f box || true
    ctr container rm box
    audit_end
}

@test "containerd: several at once" {
    local n
    for n in 1 2 3 4 5 6; do
        # Not on the output: where much goes on, ctr stops copying before it has opened both ends.
        crun --rm --mount "type=bind,src=$BATS_TEST_TMPDIR/share,dst=/share,options=rbind:rw" "$BUSYBOX" "box$n" \
            sh -c "echo number $n >/share/out.$n" 3>&- &
    done
    wait
    run cat "$BATS_TEST_TMPDIR"/share/out.*
    is "$(printf 'number %s\n' 1 2 3 4 5 6)"
}

# ---- what is done to a task that runs ------------------------------------------------------------------------------

# texec NAME ARGS...: one more process in box, known as NAME.
texec() {
    local name=$1
    shift
    ctr task exec --fifo-dir "$ENGINE_WORK/fifo" --exec-id "$name" "$@" </dev/null
}

# Pids and names of what runs in box, as the runtime's ps says.
tasks_of() {
    ctr task ps box | tail -n +2
}

@test "containerd: exec: output, error output, exit code, input" {
    box
    run --separate-stderr texec one box sh -c 'echo out; echo err >&2; exit 42'
    exits 42
    is out
    [ "$stderr" = err ]
    run -0 bash -c 'echo hello | timeout 60 "$CTR" --address "$1/sock" -n "$2" task exec --fifo-dir "$1/fifo" \
        --exec-id two box sh -c "read -r w; echo got-\$w"' - "$ENGINE_WORK" "$ENGINE_MARK"
    is got-hello
}

@test "containerd: exec: directory, user, namespaces, and as confined as the container" {
    local kind
    box --cap-drop CAP_MKNOD --seccomp
    run -0 texec one --cwd /tmp --user 1000:1000 box \
        sh -c 'pwd; id -u; id -g; grep -E "CapEff|CapBnd|NoNewPrivs|Seccomp:" /proc/self/status'
    is $'/tmp\n1000\n1000\n'"$(grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' "/proc/$(box_pid)/status" |
        sed -E '/CapEff/s/[0-9a-f]{16}/0000000000000000/')"
    for kind in cgroup ipc mnt net pid user uts; do
        run -0 texec "n$kind" box readlink /proc/self/ns/$kind
        is "$(namespace_of "$(box_pid)" $kind)"
    done
}

@test "containerd: exec: what does not exist is said to, and the task runs on" {
    box
    run texec one box no-such-program
    [ "$status" -ne 0 ]
    contains no-such-program
    contains "executable file not found"
    run texec two box /bin/plain-file
    [ "$status" -ne 0 ]
    [[ ${output,,} == *"permission denied"* ]]
    run -0 texec three box echo still
    is still
    [ "$(tasks_of | wc -l)" = 2 ]
}

@test "containerd: exec: in the background; ps knows it by its name, kill ends it" {
    local pid
    box
    texec second --detach box sleep 4321
    # A start that has returned means that the program runs.
    pid=$(tasks_of | awk '/second/ { print $1 }')
    [ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = "sleep 4321 " ]
    grep -q "/$ENGINE_MARK/box" "/proc/$pid/cgroup"
    run tasks_of
    [ "${#lines[@]}" = 3 ]
    [[ $output =~ (^|$'\n')$(box_pid)\  ]]
    ctr task kill -s SIGKILL --exec-id second box
    wait_until 10 test ! -e "/proc/$pid"
    box_is RUNNING
    [ "$(tasks_of | wc -l)" = 2 ]
}

@test "containerd: exec: on a terminal that follows its window" {
    box
    run /usr/bin/python3 "$BATS_TEST_DIRNAME/terminal.py" size:41x101 'expect:# ' 'send:stty size; tty\r' \
        'expect:41 101' expect:/dev/pts/ size:17x33 \
        'send:until [ "$(stty size)" = "17 33" ]; do usleep 20000; done; echo fol""lowed\r' expect:followed \
        'send:exit 5\r' -- "$CTR" --address "$ENGINE_WORK/sock" --namespace "$ENGINE_MARK" \
        task exec --fifo-dir "$ENGINE_WORK/fifo" --exec-id one -t box env 'PS1=# ' sh
    exits 5
}

@test "containerd: attach to a task on a terminal" {
    local flags
    mapfile -t flags < <(crun_flags)
    /usr/bin/python3 "$BATS_TEST_DIRNAME/terminal.py" -- "$CTR" --address "$ENGINE_WORK/sock" -n "$ENGINE_MARK" \
        run "${flags[@]}" --detach --tty "$BUSYBOX" box sh -c 'while read -r word; do echo "got $word"; done; exit 4'
    run /usr/bin/python3 "$BATS_TEST_DIRNAME/terminal.py" 'send:hello\r' 'expect:got hello' 'send:\x04' \
        -- "$CTR" --address "$ENGINE_WORK/sock" --namespace "$ENGINE_MARK" task attach box
    exits 4
    box_is "" # attach has removed it
}

@test "containerd: pause and resume" {
    local pid
    box
    pid=$(box_pid)
    ctr task pause box
    box_is PAUSED
    [ "$(frozen "$pid")" = yes ]
    run ! texec one box true
    contains paused
    run -0 tasks_of
    ctr task resume box
    box_is RUNNING
    [ "$(frozen "$pid")" = no ]
    run -0 texec two box echo awake
    is awake
}

@test "containerd: a paused task is killed and removed" {
    box
    ctr task pause box
    ctr task kill -s SIGKILL box
    ctr task resume box || true
    wait_until 10 box_is STOPPED
    ctr task rm box
    box_is ""
    ctr container rm box
    audit_end
}

@test "containerd: a stopped task is removed and its container started again" {
    local n
    box
    for n in 1 2; do
        ctr task kill -s SIGTERM box
        wait_until 10 box_is STOPPED
        ctr task rm box || true # with the task's exit code
        rm "$BATS_TEST_TMPDIR/share/ready"
        ctr task start --detach --null-io box
        wait_until 10 test -e "$BATS_TEST_TMPDIR/share/ready"
    done
    run -0 texec one box echo again
    is again
}

@test "containerd: tasks outlive the daemon, and the next one has them" {
    local pid
    box
    pid=$(box_pid)
    daemon_stop containerd
    [ -d "/proc/$pid" ]
    containerd_again
    box_is RUNNING
    [ "$(box_pid)" = "$pid" ]
    run -0 texec one box echo there
    is there
    ctr task pause box
    box_is PAUSED
    # This time without a farewell.
    kill -KILL "$(cat "$ENGINE_WORK/containerd.pid")"
    containerd_again
    ctr task resume box
    ctr task kill -s SIGTERM box
    wait_until 10 box_is STOPPED
    run ctr task rm box
    contains "exit code 9"
}

@test "containerd: out of memory is an event" {
    local events
    "$CTR" --address "$ENGINE_WORK/sock" --namespace "$ENGINE_MARK" events >"$BATS_TEST_TMPDIR/events" 3>&- &
    events=$!
    box --memory-limit 16000000
    wait_until 10 grep -q /tasks/start "$BATS_TEST_TMPDIR/events"
    run ! texec one box tail /dev/zero
    wait_until 10 grep -q "/tasks/oom.*box" "$BATS_TEST_TMPDIR/events"
    kill "$events"
    box_is RUNNING
}

# ---- whole configurations ------------------------------------------------------------------------------------------

@test "containerd: hooks run in their order, with the state on their input" {
    cat >"$BATS_TEST_TMPDIR/hook" <<EOF
#!/bin/sh
read -r state
echo "\$1 \$state" >>"$BATS_TEST_TMPDIR/hooks"
EOF
    chmod 0755 "$BATS_TEST_TMPDIR/hook"
    run -0 spec_run '.process.args = ["sh", "-c", "cat /started; echo ran"]
        | .hooks = (["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
            | map({ key: ., value: [{ path: ($tmp + "/hook"), args: ["hook", .] }] }) | from_entries)
        | .hooks.startContainer = [{ path: "/bin/sh", args: ["sh", "-c", "read -r s; echo \"$s\" >/started"] }]'
    contains '"id":"box"'
    contains ran
    wait_until 10 grep -q ^poststop "$BATS_TEST_TMPDIR/hooks"
    run cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/hooks"
    is $'prestart\ncreateRuntime\ncreateContainer\npoststart\npoststop'
    run bash -c 'cut -d " " -f 2- "$1" | jq -r "[.id, .bundle != null, .status] | @text"' - "$BATS_TEST_TMPDIR/hooks"
    [ "$(grep -c '"box",true' <<<"$output")" = 5 ]
    [[ ${lines[4]} == *stopped* ]]
}

@test "containerd: a hook that fails stops the container, and its words are heard" {
    run spec_run '.process.args = ["echo", "ran"]
        | .hooks.createRuntime = [{ path: "/bin/sh", args: ["sh", "-c", "echo the hook objects >&2; exit 3"] }]'
    [ "$status" -ne 0 ]
    contains "the hook objects"
    lacks ran
    ctr container rm box || true
    audit_end
}

@test "containerd: rlimits, oom score, umask, groups" {
    run -0 spec_run '.process.args = ["sh", "-c", "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; umask; id -G"]
        | .process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }] | .process.oomScoreAdj = 300
        | .process.user = { uid: 5, gid: 6, umask: 63, additionalGids: [7, 8] }'
    is $'100\n200\n300\n0077\n6 7 8'
}

@test "containerd: hostname, domainname in a configuration" {
    not_for runc "1.1.5 does not know domainname"
    run -0 spec_run '.process.args = ["sh", "-c", "hostname; cat /proc/sys/kernel/domainname"]
        | .hostname = "h" | .domainname = "d.example"'
    is $'h\nd.example'
}

@test "containerd: devices listed in a configuration" {
    run -0 spec_run '.process.args = ["stat", "-c", "%n %t:%T %a %u:%g", "/dev/one", "/dev/deep/two"]
        | .linux.devices = [{ path: "/dev/one", type: "c", major: 1, minor: 5, fileMode: 384, uid: 1, gid: 2 },
                            { path: "/dev/deep/two", type: "p", fileMode: 420 }]'
    is $'/dev/one 1:5 600 1:2\n/dev/deep/two 0:0 644 0:0'
}

@test "containerd: a user namespace in a configuration: oom score, limits, sysctl, host name" {
    # Not below the test's own directory, which the mapped root may not search.
    cp -a "$ENGINE_WORK/busybox" "$ENGINE_WORK/share/owned"
    chown -R 300000:300000 "$ENGINE_WORK/share/owned"
    run -0 spec_run '.process.args = ["sh", "-c", "cat /proc/self/oom_score_adj; ulimit -n
            cat /proc/sys/net/core/somaxconn; hostname; id -u; touch /x && stat -c %u /x"]
        | .root.path = "/tmp/" + $mark + "/share/owned" | .process.oomScoreAdj = 300 | .hostname = "mapped"
        | .process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }]
        | .linux.sysctl = { "net.core.somaxconn": "777" } | .linux.namespaces += [{ type: "user" }]
        | .linux.uidMappings = [{ containerID: 0, hostID: 300000, size: 1000 }]
        | .linux.gidMappings = .linux.uidMappings'
    is $'300\n100\n777\nmapped\n0\n0'
}
