#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Docker: what is done to a container that runs (exec, attach, cp, top, stats, pause, update), how
# Docker keeps it running, and images built by it. Needs root and Debian's docker.io.

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
    if [ -e "$ENGINE_WORK/docker-live.pid" ]; then
        DOCKER_HOST=unix://$ENGINE_WORK/docker-live/sock remove_all
        daemon_stop docker-live
        # So that mounts below it stay, the daemon leaves its own one too.
        umount "$ENGINE_WORK/docker-live/data" 2>/dev/null || true
    fi
    DOCKER_HOST=unix://$ENGINE_WORK/docker/sock remove_all
    docker image prune -f >/dev/null
    audit_end
}

# terminal STEP... -- COMMAND...: see terminal.py.
terminal() {
    timeout 60 /usr/bin/python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"
}

# What runs in the container, without what the shell of `box` starts by itself.
programs() {
    docker top box -o pid,args | tail -n +2 | sed -E 's/^ *[0-9]+ +//' | grep -vx 'sleep 60' | sort
}

# ended PID CODE: waits for a client in the background, which must end with that exit code. (`run` would wait in a shell
# that is not its parent.)
ended() {
    local code=0
    wait "$1" || code=$?
    echo "exit code $code"
    [ "$code" = "$2" ]
}

# ---- exec ----------------------------------------------------------------------------------------------------------

@test "docker exec: output, error output, exit code" {
    box
    run --separate-stderr docker exec box sh -c 'echo out; echo err >&2; exit 42'
    exits 42
    is out
    [ "$stderr" = err ]
    run -0 docker exec box true
    run -137 docker exec box sh -c 'kill -KILL $$'
}

@test "docker exec: input goes in, ten megabytes come through whole" {
    box
    head -c 10000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    run bash -c '"$DOCKER" exec -i box sha256sum <"$1"' - "$BATS_TEST_TMPDIR/data"
    exits 0
    is "$(sha256sum <"$BATS_TEST_TMPDIR/data")"
}

@test "docker exec: in all of the container's namespaces and in its cgroups" {
    local kind pid
    box --memory 64m
    pid=$(state_of box Pid)
    for kind in cgroup ipc mnt net pid user uts; do
        run -0 docker exec box readlink /proc/self/ns/$kind
        is "$(namespace_of "$pid" $kind)"
    done
    run -0 docker exec box diff /proc/1/cgroup /proc/self/cgroup
    is ""
}

@test "docker exec: environment, directory, user, groups" {
    box -e FROM=create -w /srv
    run -0 docker exec -e WORD='two words' box sh -c 'echo "$FROM $WORD"; pwd; id -u; echo $HOME'
    is $'create two words\n/srv\n0\n/root'
    run -0 docker exec -w /tmp -u 1000:1000 box sh -c 'pwd; id; echo through >/proc/self/fd/1'
    is $'/tmp\nuid=1000(tester) gid=1000(tester) groups=1000(tester)\nthrough'
    run -0 docker exec -u tester box sh -c 'id -u; id -g'
    is $'1000\n1000'
    run ! docker exec -w /etc/passwd box true
}

@test "docker exec: as confined as the container" {
    local show='grep -E "Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp:" /proc/self/status'
    box --cap-drop ALL --cap-add NET_ADMIN --security-opt no-new-privileges --ulimit nofile=300:400 --read-only \
        --oom-score-adj 500
    run -0 docker exec box sh -c "$show; ulimit -Hn; cat /proc/self/oom_score_adj"
    contains $'CapEff:\t0000000000001000'
    contains $'NoNewPrivs:\t1\nSeccomp:\t2\n400\n500'
    is "$(docker exec box sh -c "${show/self/1}"; printf '400\n500')"
    run ! docker exec box touch /x
    contains "Read-only file system"
    run ! docker exec box sh -c ': >/proc/sys/kernel/panic'
}

@test "docker exec: the soft limits are the container's too" {
    not_for runc "1.1.5 raises the soft limit of open files to the hard one"
    box --ulimit nofile=300:400
    run -0 docker exec box sh -c 'ulimit -Sn; ulimit -Hn'
    is $'300\n400'
}

@test "docker exec: --privileged has all capabilities; the filter stays" {
    host_has_all_caps || not_for runc "refuses capabilities that the host cannot grant"
    box
    run -0 docker exec --privileged box \
        sh -c 'grep CapEff /proc/self/status | cut -f 2; grep Seccomp: /proc/self/status'
    [ $((0x${lines[0]})) -eq "$(all_caps)" ]
    is "${lines[0]}"$'\nSeccomp:\t2'
}

@test "docker exec: what does not exist is 127 or 126, and the container runs on" {
    box
    run ! docker exec box no-such-program
    [ "$status" -ge 126 ] && [ "$status" -le 127 ]
    contains no-such-program
    contains "executable file not found"
    run docker exec box /bin/plain-file
    exits 126
    contains "permission denied"
    run ! docker exec no-such-container true
    run -0 docker exec box echo still
    is still
}

@test "docker exec: detached; it leaves nothing but what it started" {
    box
    docker exec -d box sh -c 'touch /tmp/begun; exec sleep 4321'
    wait_until 10 docker exec box test -e /tmp/begun
    wait_until 10 eval 'programs | grep -qx "sleep 4321"'
    run programs
    [ "${#lines[@]}" = 2 ]
    docker exec box sh -c 'kill $(grep -lx "sleep.4321." /proc/[0-9]*/cmdline | cut -d / -f 3)'
    wait_until 10 eval '[ "$(programs | wc -l)" = 1 ]'
}

@test "docker exec: one that runs ends with the container" {
    local client
    box
    docker exec box sh -c 'touch /tmp/begun; exec sleep 4321' 3>&- &
    client=$!
    wait_until 10 docker exec box test -e /tmp/begun
    docker rm -f box
    ended "$client" 137
    audit_end
}

@test "docker exec: several at once" {
    local n
    box
    for n in 1 2 3 4 5 6; do
        docker exec box echo "number $n" >"$BATS_TEST_TMPDIR/out.$n" 2>&1 3>&- &
    done
    wait
    run cat "$BATS_TEST_TMPDIR"/out.*
    is "$(printf 'number %s\n' 1 2 3 4 5 6)"
}

@test "docker exec -it: a terminal that follows its window, and ctrl-c" {
    box
    run terminal size:41x101 'expect:# ' 'send:stty size; tty; test -t 0 && test -t 1 && test -t 2 && echo a-ll\r' \
        'expect:41 101' expect:/dev/pts/ expect:a-ll size:17x33 \
        'send:until [ "$(stty size)" = "17 33" ]; do usleep 20000; done; echo fol""lowed\r' expect:followed \
        'send:echo beg""un; cat; echo gone-$?\r' expect:begun 'send:echoed\r' expect:echoed expect:echoed \
        'send:\x03' 'expect:# ' 'send:exit 5\r' -- "$DOCKER" exec -it -e PS1='# ' box sh
    exits 5
    run -0 programs
    [ "${#lines[@]}" = 1 ]
}

@test "docker exec -it: the terminal is the user's, and is the one that controls" {
    box
    run -0 terminal expect:done -- "$DOCKER" exec -it -u 1000:1000 box \
        sh -c 'stat -c "owner %u" $(tty); echo direct >/dev/tty; ps -o pid,pgid,sid 2>/dev/null; echo done'
    contains "owner 1000"
    contains direct
}

@test "docker exec -it: into a container that has a terminal itself" {
    drun -dit --name box busybox:test sh
    run -3 terminal 'expect:# ' 'send:tty\r' expect:/dev/pts/ 'send:exit 3\r' -- "$DOCKER" exec -it box sh
    state_is box Running true
}

# ---- attach, logs, cp ----------------------------------------------------------------------------------------------

@test "docker attach: input, output and the exit code" {
    drun -d -i --name box busybox:test \
        sh -c 'read -r word; echo "got $word"; until [ -e /tmp/go ]; do usleep 20000; done; exit 6'
    mkfifo "$BATS_TEST_TMPDIR/input"
    "$DOCKER" attach box <"$BATS_TEST_TMPDIR/input" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    # The end of the input would end the attachment.
    exec 9>"$BATS_TEST_TMPDIR/input"
    echo hello >&9
    wait_until 10 grep -qx "got hello" "$BATS_TEST_TMPDIR/out"
    docker exec box touch /tmp/go
    ended $! 6
    exec 9>&-
}

@test "docker attach: to a terminal, and away from it by ctrl-p ctrl-q" {
    drun -dit --name box busybox:test sh -c 'while read -r word; do echo "got $word"; done'
    run terminal 'send:first\r' 'expect:got first' 'send:\x10\x11' -- "$DOCKER" attach box
    contains "read escape sequence"
    state_is box Running true
    run terminal 'send:second\r' 'expect:got second' 'send:\x04' -- "$DOCKER" attach box
    exits 0
    state_is box Running false
}

@test "docker attach: a signal to the client reaches the program" {
    local client
    drun -d --name box busybox:test \
        sh -c 'trap "echo hup; exit 8" HUP; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    "$DOCKER" attach --no-stdin box >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    client=$!
    # Attached once its end of the stream is there: what the program says from now on comes out here too.
    wait_until 10 eval 'docker exec box sh -c "echo ping >/proc/1/fd/1"; grep -q ping "$BATS_TEST_TMPDIR/out"'
    kill -HUP "$client"
    ended "$client" 8
    grep -qx hup "$BATS_TEST_TMPDIR/out"
}

@test "docker logs: follow to the end, the tail, since when" {
    drun -d --name box busybox:test \
        sh -c 'echo one; echo two; until [ -e /tmp/go ]; do usleep 20000; done; echo three'
    wait_until 10 logged box two
    docker logs -f box >"$BATS_TEST_TMPDIR/out" 3>&- &
    wait_until 10 grep -qx two "$BATS_TEST_TMPDIR/out"
    docker exec box touch /tmp/go
    wait $!
    run cat "$BATS_TEST_TMPDIR/out"
    is $'one\ntwo\nthree'
    run -0 docker logs --tail 1 box
    is three
    run -0 docker logs -t --tail 1 box
    [[ $output == 20*T*Z" three" ]]
}

@test "docker cp: into a running container and out of it, files and directories" {
    box -v "$BATS_TEST_TMPDIR/share:/data"
    mkdir -p "$BATS_TEST_TMPDIR/tree/deep"
    echo content >"$BATS_TEST_TMPDIR/tree/deep/file"
    chmod 0640 "$BATS_TEST_TMPDIR/tree/deep/file"
    docker cp "$BATS_TEST_TMPDIR/tree" box:/srv/
    run -0 docker exec box sh -c 'cat /srv/tree/deep/file; stat -c "%a %u" /srv/tree/deep/file'
    is $'content\n640 0'
    docker exec box sh -c 'echo from-box >/srv/tree/back; echo through >/data/f'
    docker cp box:/srv/tree "$BATS_TEST_TMPDIR/out"
    run -0 cat "$BATS_TEST_TMPDIR/out/back" "$BATS_TEST_TMPDIR/out/deep/file"
    is $'from-box\ncontent'
    run -0 bash -c '"$DOCKER" cp box:/data/f - | tar -xO'
    is through
    # The container sees as many mounts as before, and the stopped one can be copied from as well.
    run docker exec box sh -c 'grep -c . /proc/self/mountinfo'
    is "$(grep -c . "/proc/$(state_of box Pid)/mountinfo")"
    docker stop box
    run -0 bash -c '"$DOCKER" cp box:/srv/tree/back - | tar -xO'
    is from-box
}

# ---- top, stats, pause, update -------------------------------------------------------------------------------------

@test "docker top: the container's processes by the host's pids, and no others" {
    local pid
    box
    pid=$(state_of box Pid)
    docker exec -d box sleep 4321
    wait_until 10 eval 'programs | grep -qx "sleep 4321"'
    run -0 docker top box -o pid,args
    [[ ${lines[0]} =~ ^PID\ +COMMAND ]]
    [[ $output =~ (^|$'\n')$pid\ +sh\ -c ]]
    [ "${#lines[@]}" = 4 ]
    run -0 docker top box
    [[ ${lines[0]} =~ ^UID\ +PID\ +PPID ]]
    docker stop box
    run ! docker top box
    contains "is not running"
}

@test "docker stats: figures of this container's cgroup" {
    box --memory 64m --pids-limit 50
    docker exec -d box sh -c 'head -c 20000000 /dev/zero >/dev/shm/x; touch /tmp/full; exec sleep 4321'
    wait_until 10 docker exec box test -e /tmp/full
    run -0 docker stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}} {{.CPUPerc}}' box
    [[ $output =~ ^box\ 3\ (19|2[0-9])(\.[0-9]+)?MiB\ /\ 64MiB\ [0-9.]+%$ ]] || is "box 3 2x.xMiB / 64MiB x.xx%"
}

@test "docker pause, unpause: nothing of it runs; what waits goes on" {
    local pid
    drun -d --name box busybox:test sh -c 'trap "echo usr1" USR1; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    pid=$(state_of box Pid)
    docker pause box
    state_is box Status paused
    [ "$(frozen "$pid")" = yes ]
    # Not by docker kill, which ends the pause for all signals.
    kill -USR1 "$pid"
    run ! docker exec box true
    contains "is paused"
    run ! docker pause box
    run ! logged box usr1
    docker unpause box
    state_is box Status running
    [ "$(frozen "$pid")" = no ]
    wait_until 10 logged box usr1
    run -0 docker exec box true
    run ! docker unpause box
}

@test "docker: a paused container can be looked at, stopped and removed" {
    box
    docker pause box
    run -0 programs
    contains "sh -c"
    run -0 docker stats --no-stream --format '{{.PIDs}}' box
    is 2
    docker stop -t 1 box
    state_is box Status exited
    docker start box
    docker pause box
    docker rm -f box
    audit_end
}

@test "docker update: memory, cpus, pids, shares of a running container" {
    local pid
    box --memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 50 --cpu-shares 512
    pid=$(state_of box Pid)
    docker update --memory 96m --memory-swap 96m --cpus 0.25 --pids-limit 60 --cpu-shares 256 --cpuset-cpus 0 box
    [ "$(cgroup_limit "$pid" memory)" = 100663296 ]
    [ "$(cgroup_limit "$pid" quota)" = 25000 ]
    [ "$(cgroup_limit "$pid" pids)" = 60 ]
    [ "$(cgroup_limit "$pid" cpus)" = 0 ]
    if [ "$(cgroup_world)" = v1 ]; then [ "$(cgroup_limit "$pid" shares)" = 256 ]; fi
    run -0 docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}' box
    is "100663296 60"
    # One alone leaves the others as they are.
    docker update --pids-limit -1 box
    [ "$(cgroup_limit "$pid" pids)" = max ]
    [ "$(cgroup_limit "$pid" memory)" = 100663296 ]
    [ "$(cgroup_limit "$pid" quota)" = 25000 ]
    state_is box Pid "$pid"
    # And they stand when the container is started again.
    docker restart -t 5 box
    [ "$(cgroup_limit "$(state_of box Pid)" memory)" = 100663296 ]
}

@test "docker update: devices stay as closed as they were" {
    [ -c /dev/fuse ] || skip "the host has no /dev/fuse"
    box --device /dev/fuse
    docker update --pids-limit 60 box
    run -0 docker exec box \
        sh -c '(: <>/dev/fuse) && echo opened; mknod /dev/mine c 1 11; (: <>/dev/mine) || echo closed'
    contains opened
    contains closed
    contains "Operation not permitted"
}

@test "docker update: what the kernel refuses is refused, with its words" {
    box --memory 64m --memory-swap 64m
    run ! docker update --cpuset-cpus 4095 box
    docker exec box sh -c 'head -c 30000000 /dev/zero >/dev/shm/x'
    run ! docker update --memory 8m --memory-swap 8m box
    contains memory
    state_is box Running true
}

# ---- kept alive ----------------------------------------------------------------------------------------------------

@test "docker: restart always: killed from outside it comes back; killed by its owner it does not" {
    local pid
    box --restart always
    pid=$(state_of box Pid)
    kill -KILL "$pid"
    wait_until 20 eval '[ "$(state_of box Running) $(docker inspect -f "{{.RestartCount}}" box)" = "true 1" ]'
    [ "$(state_of box Pid)" != "$pid" ]
    docker kill box
    state_is box Running false
    [ "$(docker inspect -f '{{.RestartCount}}' box)" = 1 ]
    docker update --restart no box
    run -0 docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' box
    is no
}

@test "docker: restart on failure stops at success" {
    drun -d --name box --restart on-failure -v "$BATS_TEST_TMPDIR/share:/data" busybox:test \
        sh -c 'echo >>/data/tries; [ "$(wc -l </data/tries)" -ge 3 ]'
    wait_until 20 state_is box Status exited
    [ "$(docker inspect -f '{{.RestartCount}} {{.State.ExitCode}}' box)" = "2 0" ]
}

@test "docker: a health check: starting, healthy, unhealthy, and healthy again" {
    box --health-cmd 'echo looked; test -e /tmp/well' --health-interval 100ms --health-retries 2 --health-timeout 20s \
        --health-start-period 60s
    state_is box Health.Status starting
    docker exec box touch /tmp/well
    wait_until 20 state_is box Health.Status healthy
    docker exec box rm /tmp/well
    wait_until 20 state_is box Health.Status unhealthy
    run -0 docker inspect -f '{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}' box
    [[ ${lines[-1]} == "1 looked" ]]
    docker exec box touch /tmp/well
    wait_until 20 state_is box Health.Status healthy
    state_is box Running true
}

@test "docker: a health check that takes too long is ended" {
    box --health-cmd 'sleep 4321' --health-interval 100ms --health-retries 1 --health-timeout 1s
    wait_until 20 state_is box Health.Status unhealthy
    run -0 docker inspect -f '{{(index .State.Health.Log 0).Output}}' box
    contains "exceeded timeout"
    docker rm -f box
    audit_end
}

@test "docker wait: the exit code, as soon as there is one" {
    box
    docker wait box >"$BATS_TEST_TMPDIR/out" 3>&- &
    docker kill -s TERM box
    wait $!
    run cat "$BATS_TEST_TMPDIR/out"
    is 0
}

@test "docker: live-restore: containers outlive the daemon, and the next one has them" {
    local pid dir=$ENGINE_WORK/docker-live
    dockerd_start docker-live --live-restore
    export DOCKER_HOST=unix://$dir/sock
    docker load -q -i "$(image_busybox)"
    box
    pid=$(state_of box Pid)
    daemon_stop docker-live
    [ -d "/proc/$pid" ]
    dockerd_start docker-live --live-restore
    state_is box Pid "$pid"
    run -0 docker exec box echo there
    is there
    docker stop box
    state_is box ExitCode 0
}

# ---- build ---------------------------------------------------------------------------------------------------------

# build NAME [ARGS...]: Dockerfile on the input; the context is the test's share directory.
build() {
    local name=$1
    shift
    cat >"$BATS_TEST_TMPDIR/share/Dockerfile"
    docker build -t "$name" --network none "$@" "$BATS_TEST_TMPDIR/share"
}

@test "docker build: RUN steps of every kind, and the image runs" {
    echo copied >"$BATS_TEST_TMPDIR/share/file"
    run -0 build built:test --build-arg WORD=given <<'EOF2'
FROM busybox:test
ARG WORD
ENV KEPT=kept
WORKDIR /srv/deep
COPY --chown=1000:1000 file .
RUN echo "$WORD $KEPT $(pwd)" >said && stat -c %u file >>said
RUN ["sh", "-c", "umask >>said; id -u >>said"]
USER tester
RUN id -u >/tmp/who && ! touch /root-only 2>/dev/null
USER root
RUN mkdir -m 1711 /made && ln -s /made /link && mkfifo /made/fifo && chown 5:6 /made/fifo
RUN ls /sys/class/net >net && hostname >/dev/null && ! mknod /made/x b 7 7 2>/dev/null || true
VOLUME /vol
ENTRYPOINT ["cat"]
CMD ["said", "/tmp/who"]
EOF2
    run -0 drun --rm built:test
    is $'given kept /srv/deep\n1000\n0022\n0\n1000'
    run -0 drun --rm --entrypoint stat built:test -c '%A %u:%g' /made /link /made/fifo /vol
    is $'drwx--x--t 0:0\nlrwxrwxrwx 0:0\nprw-r--r-- 5:6\ndrwxr-xr-x 0:0'
    docker rmi built:test
    audit_end
}

@test "docker build: a step that fails fails the build with its code" {
    run -7 build failing:test <<'EOF2'
FROM busybox:test
RUN echo before; exit 7
RUN echo never reached
EOF2
    contains before
    contains "returned a non-zero code: 7"
    lacks "Step 3/3"
    run build failing:test <<'EOF2'
FROM busybox:test
RUN ["/no/such/program"]
EOF2
    [ "$status" -ne 0 ]
    contains 'exec: "/no/such/program"'
    contains "no such file or directory"
}

@test "docker build: limits and stages" {
    run -0 build staged:test --memory 64m --ulimit nofile=123:123 <<'EOF2'
FROM busybox:test AS first
RUN ulimit -n >/limit; \
    cat /sys/fs/cgroup/memory*/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null >>/limit; true
FROM busybox:test
COPY --from=first /limit /limit
EOF2
    run -0 drun --rm staged:test cat /limit
    is $'123\n67108864'
    docker rmi staged:test
}

@test "docker build: a real Debian's package database and programs" {
    needs_debian
    run -0 build deb:test <<'EOF2'
FROM debian:test
RUN useradd -m somebody && su somebody -c 'cd && umask 027 && echo mine >file' && dpkg --audit
RUN mkdir -p pkg/DEBIAN && printf 'Package: own\nVersion: 1\nArchitecture: all\nMaintainer: none\nDescription: none\n' \
    >pkg/DEBIAN/control && dpkg-deb -b pkg own.deb && dpkg -i own.deb && dpkg -s own
EOF2
    contains "Setting up own (1)"
    run -0 drun --rm deb:test sh -c 'stat -c "%U %a" /home/somebody/file; dpkg -s own | grep -c "^Status: install ok"'
    is $'somebody 640\n1'
    docker rmi deb:test
}

# ---- configuration -------------------------------------------------------------------------------------------------

@test "docker: taking the runtime out of daemon.json again, without a restart" {
    type -P runc >/dev/null || skip "runc is not installed"
    box
    # Without the line the daemon would have to be started anew: a reload leaves alone what is not there.
    jq '.["default-runtime"] = "runc"' "$ENGINE_WORK/docker.json" >"$ENGINE_WORK/docker.json.new"
    cp "$ENGINE_WORK/docker.json" "$ENGINE_WORK/docker.json.old"
    mv "$ENGINE_WORK/docker.json.new" "$ENGINE_WORK/docker.json"
    kill -HUP "$(cat "$ENGINE_WORK/docker.pid")"
    wait_until 10 eval '[ "$(docker info -f "{{.DefaultRuntime}}")" = runc ]'
    # New containers are runc's, those that run stay what they are, and berth can still be asked for by name.
    drun --name other busybox:test true
    run -0 docker inspect -f '{{.HostConfig.Runtime}}' box other
    is $'berth\nrunc'
    run -0 docker exec box echo alive
    run -0 drun --rm --runtime berth busybox:test echo asked
    is asked
    docker restart -t 5 box
    docker stop box
    state_is box ExitCode 0
    mv "$ENGINE_WORK/docker.json.old" "$ENGINE_WORK/docker.json"
    kill -HUP "$(cat "$ENGINE_WORK/docker.pid")"
    wait_until 10 eval '[ "$(docker info -f "{{.DefaultRuntime}}")" = berth ]'
}
