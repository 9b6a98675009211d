#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Podman: what is done to a container that runs. `exec` and all that rests on it (health checks, cp),
# pause, update, statistics, logs, attach, restart. Needs root.

source "${BATS_TEST_DIRNAME}/podman.bash"

setup_file() {
    podman_open python3
    engine_opened || return 0
    podman load -q -i "$(image_busybox)" >/dev/null
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

# frozen PID: whether the kernel keeps it frozen, by cgroup2 (also that of a hybrid host) or by the v1 freezer.
frozen() {
    local at
    for at in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        ! grep -qs '^frozen 1' "$at$(sed -n 's/^0:://p' "/proc/$1/cgroup")/cgroup.events" || return 0
    done
    [ "$(cgroup_world)" = v1 ] && grep -q FROZEN "$(cgroup_dir "$1" freezer)/freezer.state"
}

# run_wait PID: like `run`, for a child in the background: its status.
run_wait() {
    status=0
    wait "$1" || status=$?
}

# ---- exec -----------------------------------------------------------------------------------------------------------

@test "podman exec: output, error output, input, exit code" {
    box
    run --separate-stderr podman exec box sh -c 'echo out; echo err >&2; exit 42'
    exits 42
    is out
    [ "$stderr" = err ]
    head -c 10000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    run -0 podman exec -i box sha256sum <"$BATS_TEST_TMPDIR/data"
    is "$(sha256sum <"$BATS_TEST_TMPDIR/data")"
    run -0 podman exec box sh -c 'head -c 3000000 /dev/zero | wc -c'
    is 3000000
}

@test "podman exec: 127, 126 and 125" {
    box
    run -127 podman exec box no-such-program
    contains no-such-program
    lacks '"level"'
    run -127 podman exec box /no/such/program
    run -126 podman exec box /bin/plain-file
    run -126 podman exec box /etc
    run -127 podman exec -w /no/such/directory box true
    contains /no/such/directory
    run -125 podman exec no-such-container true
    run -125 podman exec --no-such-flag box true
    run -0 podman exec box true
}

@test "podman exec: the same without the runtime's JSON log, the runtime given by its path" {
    podman_by_path
    box
    run -127 podman exec box no-such-program
    contains no-such-program
    run -126 podman exec box /bin/plain-file
    run -0 podman exec box echo fine
    is fine
    podman rm -f -t 0 box
}

@test "podman exec: environment, working directory, user, groups" {
    box -e KEPT=kept -w /srv --group-add 2000
    run -0 podman exec -e WORD='two words' box sh -c 'echo "$KEPT/$WORD/$HOME"; pwd; id -G'
    contains $'kept/two words//root\n/srv\n'
    [[ " ${lines[2]} " == *" 2000 "* ]]
    # With a user of its own, exec has that user's groups.
    run -0 podman exec -u tester -w /tmp box sh -c 'pwd; id -u; id -g; echo "$HOME"'
    is $'/tmp\n1000\n1000\n/'
    run -0 podman exec -u 7:8 box sh -c 'id -u; id -g'
    is $'7\n8'
}

@test "podman exec: in all of the container's namespaces and in its cgroup" {
    local pid kinds="cgroup ipc mnt net pid uts"
    box
    pid=$(state_of box Pid)
    run -0 podman exec box sh -c "for k in $kinds; do readlink /proc/self/ns/\$k; done"
    is "$(for k in $kinds; do namespace_of "$pid" "$k"; done)"
    run -0 podman exec box cmp /proc/self/cgroup /proc/1/cgroup
}

@test "podman exec: in a user namespace, with and without a terminal" {
    box --uidmap 0:300000:1000 --gidmap 0:300000:1000
    run -0 podman exec box sh -c 'readlink /proc/self/ns/user; id -u; tr -s " " </proc/self/uid_map; touch /tmp/f'
    is "$(namespace_of "$(state_of box Pid)" user)"$'\n0\n 0 300000 1000'
    run -0 on_pty -- exec -it -u 5:6 box sh -c 'id -u; tty; stat -c %u "$(tty)"; : >"$(tty)" && echo opened'
    is $'5\r\n/dev/pts/0\r\n5\r\nopened\r'
    podman exec -d box sh -c 'sleep 1000'
    wait_until 10 eval 'podman top box huser args | grep "^300000 *sleep 1000"'
}

@test "podman exec: capabilities, seccomp, no-new-privileges as the container has them; --privileged" {
    local show='grep -E "^(CapBnd|CapEff|NoNewPrivs|Seccomp):" /proc/self/status | cut -f 2'
    box --cap-drop ALL --cap-add NET_ADMIN --security-opt no-new-privileges
    run -0 podman exec box sh -c "$show"
    is $'0000000000001000\n0000000000001000\n1\n2'
    run -0 podman exec -u 1000 box sh -c 'grep CapEff /proc/self/status | cut -f 2'
    run -0 podman exec --privileged box sh -c 'grep CapEff /proc/self/status | cut -f 2'
    is "$(awk '/^CapBnd/ { print $2 }' /proc/self/status)"
    run -1 podman exec box sh -c 'mount -t tmpfs x /srv'
}

@test "podman exec: limits and oom score of the container" {
    box --ulimit nofile=300:400 --ulimit nproc=900:900 --oom-score-adj 300
    run -0 podman exec box sh -c 'ulimit -Hn; cat /proc/self/oom_score_adj'
    [ "$ENGINE_KIND" = crun ] || is $'400\n300' # crun leaves the score of what it executes
    not_for runc "1.1.5 raises the soft limit of open files to the hard one"
    run -0 podman exec box sh -c 'ulimit -Sn'
    is 300
}

@test "podman exec: --preserve-fds" {
    echo through >"$BATS_TEST_TMPDIR/data"
    box
    preserved() {
        podman exec --preserve-fds 1 box sh -c 'cat <&3; ls /proc/self/fd | wc -l' 3<"$BATS_TEST_TMPDIR/data"
    }
    run -0 preserved
    is $'through\n5'
}

@test "podman exec -d: in the background, seen by top, gone with its end" {
    box
    podman exec -d box sh -c 'echo $$ >/tmp/pid; until [ -e /tmp/go ]; do usleep 20000; done; rm /tmp/pid'
    wait_until 10 podman exec box test -s /tmp/pid
    run podman top box args
    contains /tmp/go
    podman exec box touch /tmp/go
    wait_until 10 podman exec box test ! -e /tmp/pid
    wait_until 10 eval '! podman top box args | grep /tmp/go'
    run podman exec -d box no-such-program
    [ "$status" -ne 0 ]
}

# A shell that does no line editing of its own.
typed='trap "echo interrupted; exit 5" INT; while printf "> "; do read -r line && eval "$line"; done'

@test "podman exec -it: a terminal, its size, control keys, exit code" {
    box
    run on_pty 'see > ' 'say tty; stty size\r' 'see /dev/pts/0' 'see 31 97' 'see > ' \
        'size 40 120' 'say until test "$(stty size)" = "40 120"; do usleep 20000; done; echo res""ized\r' \
        'see resized' \
        'see > ' 'say test -t 0 && test -t 1 && test -t 2 && echo al""l\r' 'see all' 'see > ' \
        'say sh -c "echo sl\"\"eeps; exec sleep 1000"\r' 'see sleeps' 'say \x03' 'see interrupted' -- \
        exec -it box sh -c "$typed"
    exits 5
    run -0 podman exec -t box sh -c 'tty; stat -c %u "$(tty)"'
    is $'/dev/pts/0\r\n0\r'
    run -0 podman exec -t -u 1000 box sh -c 'stat -c %u "$(tty)"; : >"$(tty)" && echo opened'
    is $'1000\r\nopened\r'
}

# Podman 4 wants each of its keys to arrive alone: one key is enough.
@test "podman exec -it: left by its key, the program goes on" {
    box
    run on_pty 'see > ' 'say echo $$ >/tmp/pid; echo sl""eeps; sleep 1000\r' 'see sleeps' 'say \x18' -- \
        exec -it --detach-keys ctrl-x box sh -c "$typed"
    lacks "never seen"
    run -0 podman exec box sh -c 'kill -0 "$(cat /tmp/pid)" && echo alive'
    is alive
}

@test "podman exec: killed by a signal, and with its container" {
    box
    run -143 podman exec box sh -c 'kill -TERM $$'
    podman exec box sh -c 'touch /tmp/up; while :; do sleep 60; done' >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    wait_until 10 podman exec box test -e /tmp/up
    podman kill box
    # 137, or 255 where Podman found its session gone with the container.
    run_wait $!
    [ "$status" -ne 0 ]
    run podman exec box true
    [ "$status" -ne 0 ]
    contains "container state improper"
}

@test "podman exec: many at once, and one after another" {
    local n
    box
    for n in 1 2 3 4 5 6 7 8; do
        podman exec box echo "number $n" >"$BATS_TEST_TMPDIR/out.$n" 2>&1 3>&- &
    done
    wait
    run cat "$BATS_TEST_TMPDIR"/out.*
    is "$(printf 'number %s\n' 1 2 3 4 5 6 7 8)"
    for n in 1 2 3; do
        run -0 podman exec box echo "again $n"
        is "again $n"
    done
}

@test "podman exec: a container with memory and process limits" {
    needs_controllers memory pids
    box --memory 32m --pids-limit 20
    run -137 podman exec box tail /dev/zero
    run -0 podman exec box echo alive
    is alive
    run podman exec box sh -c 'for i in $(seq 30); do sleep 1000 & done'
    [ "$status" -ne 0 ]
    contains fork
}

# ---- health ---------------------------------------------------------------------------------------------------------

@test "podman healthcheck run: unhealthy, healthy, and what inspect says of it" {
    box --health-cmd 'test -e /tmp/fine || { echo not yet; exit 1; }' --health-interval disable --health-retries 1
    run -1 podman healthcheck run box
    is unhealthy
    [ "$(podman inspect -f '{{.State.Health.Status}}' box)" = unhealthy ]
    podman exec box touch /tmp/fine
    run -0 podman healthcheck run box
    run -0 podman inspect box \
        -f '{{.State.Health.Status}} {{len .State.Health.Log}} {{(index .State.Health.Log 0).ExitCode}}'
    is "healthy 2 1"
    run ! podman healthcheck run no-such-container
}

# ---- cp, commit, export, diff ---------------------------------------------------------------------------------------

@test "podman cp: in and out of a running and a stopped container; commit, export, diff" {
    local share=$BATS_TEST_TMPDIR/share
    mkdir -p "$share/tree/sub"
    echo deep >"$share/tree/sub/f"
    box -v vol:/vol
    podman cp "$share/tree" box:/srv/
    podman cp "$share/tree/sub/f" box:/vol/f
    run -0 podman exec box cat /srv/tree/sub/f /vol/f
    is $'deep\ndeep'
    podman exec box sh -c 'echo out >/tmp/o'
    podman cp box:/tmp/o "$share/o"
    [ "$(cat "$share/o")" = out ]
    run -0 podman diff box
    contains "A /srv/tree/sub/f"
    # commit pauses the container meanwhile.
    podman commit -q --pause box localhost/committed:test
    state_is box Status running
    podman stop -t 10 box
    podman cp box:/srv/tree "$share/back"
    [ "$(cat "$share/back/sub/f")" = deep ]
    run -0 eval "podman export box | tar -tf - srv/tree/sub/f"
    run -0 prun --rm localhost/committed:test cat /srv/tree/sub/f
    is deep
    podman rmi -f localhost/committed:test
}

# ---- pause, update, statistics --------------------------------------------------------------------------------------

@test "podman pause, unpause: frozen and thawed, seen by inspect and by the kernel" {
    local pid
    box
    pid=$(state_of box Pid)
    run ! frozen "$pid"
    podman pause box
    state_is box Status paused
    frozen "$pid"
    run ! podman exec box true
    run ! podman pause box
    podman unpause box
    state_is box Status running
    run ! frozen "$pid"
    run -0 podman exec box echo again
    is again
    run ! podman unpause box
}

@test "podman: a paused container can be killed and removed" {
    box
    podman pause box
    podman rm -f -t 0 box
    audit_end
    not_for crun "1.28 does not thaw what it kills, on cgroup v1"
    box
    podman pause box
    run podman stop -t 1 box
    if [ "$status" -ne 0 ]; then contains "paused"; fi
    podman kill box || podman unpause box
    podman rm -f -t 0 box
}

@test "podman update: memory, cpu, pids of a running container" {
    local pid
    podman update --help >/dev/null || skip "this Podman has no update"
    needs_controllers memory cpu cpuset
    box --memory 64m --cpus 0.5
    pid=$(state_of box Pid)
    [ "$(cgroup_limit "$pid" memory)" = 67108864 ]
    podman update --memory 32m box
    [ "$(cgroup_limit "$pid" memory)" = 33554432 ]
    podman update --memory 96m --cpus 0.25 box
    [ "$(cgroup_limit "$pid" memory)" = 100663296 ]
    [ "$(cgroup_limit "$pid" quota)" = 25000 ]
    podman update --cpuset-cpus 0 box
    [ "$(cgroup_limit "$pid" cpus)" = 0 ]
    if [ "$(cgroup_world)" = v1 ]; then
        podman update --cpu-shares 333 box
        [ "$(cgroup_limit "$pid" shares)" = 333 ]
    fi
    run -0 podman exec box echo alive
    is alive
}

@test "podman stats --no-stream, podman top" {
    needs_controllers memory pids
    box --memory 64m --pids-limit 50
    run -0 podman stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' box
    [[ $output == "box 2 "*" / 67.11MB" ]]
    run -0 podman top box pid hpid user comm args
    contains "sh -c echo ready"
    [[ ${lines[1]} =~ ^1\ +$(state_of box Pid)\ +root\ +sh ]]
}

# ---- logs, attach ---------------------------------------------------------------------------------------------------

@test "podman logs: both streams, tail, follow to the end; each driver" {
    local driver
    for driver in k8s-file json-file; do
        prun -d --name "$driver" --log-driver "$driver" busybox:test \
            sh -c 'echo one; echo two >&2; printf three; until [ -e /go ]; do usleep 20000; done; echo; echo four'
        wait_until 10 eval "podman logs $driver 2>&1 | grep -q three"
        run --separate-stderr podman logs "$driver"
        contains one
        lacks two
        [ "$stderr" = two ]
        podman logs -f "$driver" >"$BATS_TEST_TMPDIR/followed" 2>/dev/null 3>&- &
        podman exec "$driver" touch /go
        wait $!
        run cat "$BATS_TEST_TMPDIR/followed"
        is $'one\nthree\nfour'
        run -0 podman logs --tail 1 "$driver"
        is four
    done
    run -0 prun --name none --log-driver none busybox:test echo passed
    is passed
}

@test "podman attach: output, input, and the key that leaves" {
    run -0 prun -dit --name box busybox:test sh -c "$typed"
    run on_pty 'say echo att""ached; tty\r' 'see attached' 'see /dev/pts/0' 'say \x18' -- \
        attach --detach-keys ctrl-x box
    lacks "never seen"
    state_is box Status running
    run on_pty 'say echo ag""ain\r' 'see again' 'say exit 9\r' -- attach box
    lacks "never seen"
    podman wait box
    state_is box ExitCode 9
}

@test "podman attach without a terminal: output, and signals pass through" {
    local client inner
    prun -d --name box busybox:test \
        sh -c 'trap "echo term; exit 8" TERM; echo ready; while :; do usleep 100000; echo tick; done'
    wait_until 10 logged box ready
    podman attach --no-stdin box >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    client=$!
    wait_until 10 grep -q tick "$BATS_TEST_TMPDIR/out"
    kill -TERM "$(client_of "$client")"
    wait "$client" || true # its exit code is a race of Podman's with itself
    run cat "$BATS_TEST_TMPDIR/out"
    contains term
    podman wait box
    state_is box ExitCode 8
}

@test "podman run in the foreground: signals pass through to the program" {
    local client
    prun --name box busybox:test \
        sh -c 'trap "echo got-hup" HUP; trap "exit 6" TERM; echo ready; while :; do sleep 60 & wait $!; done' \
        >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    client=$!
    wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/out"
    kill -HUP "$(client_of "$client")"
    wait_until 10 grep -q got-hup "$BATS_TEST_TMPDIR/out"
    kill -TERM "$(client_of "$client")"
    run_wait "$client"
    exits 6
}

# ---- life -----------------------------------------------------------------------------------------------------------

@test "podman: a restart policy starts the program again until it has been enough" {
    prun -d --name box --restart on-failure:2 -v "$BATS_TEST_TMPDIR/share:/share" busybox:test \
        sh -c 'echo run >>/share/runs; exit 3'
    wait_until 20 eval '[ "$(wc -l <"$BATS_TEST_TMPDIR/share/runs")" = 3 ]'
    wait_until 10 state_is box Status exited
    state_is box ExitCode 3
    [ "$(podman inspect -f '{{.RestartCount}}' box)" = 2 ]
}

@test "podman: --stop-signal, --timeout, --rm, rm -f of many" {
    prun -d --name box --stop-signal USR1 busybox:test \
        sh -c 'trap "exit 4" USR1; echo ready; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
    podman stop -t 30 box
    state_is box ExitCode 4
    run prun --timeout 1 --name short busybox:test sleep 1000
    [ "$status" -ne 0 ]
    wait_until 10 state_is short Running false
    prun -d --rm --name gone busybox:test sleep 1000
    prun -d --name second busybox:test sleep 1000
    podman create --network none --cgroup-parent "/$ENGINE_MARK" --name third busybox:test true
    podman stop -t 0 gone
    wait_until 10 eval '! podman container exists gone'
    podman rm -f -t 0 box short second third
    run podman ps -aq
    is ""
    audit_end
}

@test "podman inspect, ps, info: the runtime and the container's facts" {
    local id pid
    box
    id=$(podman inspect -f '{{.Id}}' box) pid=$(state_of box Pid)
    run -0 podman inspect -f '{{.OCIRuntime}} {{.State.Running}} {{.State.Pid}} {{.State.CgroupPath}}' box
    is "berth true $pid /$ENGINE_MARK/libpod-$id"
    run -0 podman ps --no-trunc --filter status=running --format '{{.ID}} {{.Names}} {{.Pid}}'
    is "$id box $pid"
    run -0 podman info -f '{{.Host.OCIRuntime.Path}}|{{.Host.OCIRuntime.Version}}'
    contains "$ENGINE_RUNTIME|"
    contains "$("$BERTH" --version | head -n 1)"
    jq -e --arg id "$id" '.root.path and (.linux.cgroupsPath | endswith($id))' \
        "$(podman inspect -f '{{.OCIConfigPath}}' box)"
}

@test "podman: rename, wait for a condition, events" {
    box
    podman rename box other
    run -0 podman exec other echo renamed
    is renamed
    podman wait --condition running other
    podman kill other
    run -0 podman wait other
    is 137
    run -0 podman events --stream=false --filter container=other --format '{{.Status}}'
    contains $'kill\ndied'
}
