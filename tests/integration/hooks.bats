#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hooks: where and when each kind runs, what it is given, and what its failure does.
load helpers

RUNTIME_POINTS='prestart createRuntime createContainer poststart poststop'
ALL_POINTS="$RUNTIME_POINTS startContainer"

# Two hook programs, the second one for startContainer, that is, inside: they note all they can see into DIR/POINT.*.
prepare() {
    make_bundle
    mkdir "$T/seen" "$B/rootfs/seen"
    cat >"$T/note" <<'SH'
#!/bin/sh
# note DIR POINT...
to=$1/$2
cat >"$to.state"
pwd >"$to.cwd"
env | sort >"$to.env"
printf '%s\n' "$@" >"$to.args"
for kind in mnt pid net ipc uts cgroup user; do
    echo "$kind $(readlink /proc/self/ns/$kind)"
done >"$to.namespaces"
ls /proc/self/fd >"$to.descriptors"
grep '^Sig' /proc/self/status >"$to.signals"
echo "$2" >>"$1/order"
SH
    chmod 755 "$T/note"
    cp "$T/note" "$B/rootfs/bin/note"
}

# hook POINT PATH ARG...: adds one.
hook() {
    local point=$1
    shift
    config --arg point "$point" '.hooks[$point] += [{"path": $ARGS.positional[0], "args": $ARGS.positional}]' \
        --args "$@"
}

# hook_shell POINT TEXT: adds a shell script.
hook_shell() {
    config --arg point "$1" --arg text "$2" \
        '.hooks[$point] += [{"path": "/bin/sh", "args": ["sh", "-c", $text]}]'
}

note_all() {
    local point
    for point in $RUNTIME_POINTS; do
        hook "$point" "$T/note" "$T/seen" "$point" "an argument"
    done
    hook startContainer /bin/note /seen startContainer "an argument"
}

# seen POINT KIND
seen() {
    if [ "$1" = startContainer ]; then
        cat "$B/rootfs/seen/$1.$2"
    else
        cat "$T/seen/$1.$2"
    fi
}

# A whole life with all hooks.
live() {
    long_running
    begin
    pid=$(state_of "$ID" pid)
    for kind in mnt pid net ipc uts cgroup user; do
        echo "$kind $(readlink "/proc/$pid/ns/$kind")"
    done >"$T/inside"
    for kind in mnt pid net ipc uts cgroup user; do
        echo "$kind $(readlink /proc/self/ns/$kind)"
    done >"$T/outside"
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    succeeds berth delete "$ID"
}

@test "each kind runs once, at its time" {
    note_all
    long_running
    begin
    same "$(xargs <"$T/seen/order")" "prestart createRuntime createContainer"
    [ ! -e "$B/rootfs/seen/order" ]
    succeeds berth start "$ID"
    same "$(wait_for ready)" up
    same "$(cat "$B/rootfs/seen/order")" startContainer
    same "$(xargs <"$T/seen/order")" "prestart createRuntime createContainer poststart"
    succeeds berth kill "$ID" KILL
    eventually is_state "$ID" stopped
    same "$(xargs <"$T/seen/order")" "prestart createRuntime createContainer poststart"
    succeeds berth delete "$ID"
    same "$(xargs <"$T/seen/order")" "prestart createRuntime createContainer poststart poststop"
    same "$(cat "$B/rootfs/seen/order")" startContainer
}

@test "run runs all of them as well, before it returns" {
    note_all
    shell 'echo program >>/seen/order'
    succeeds berth run --bundle "$B" "$ID"
    same "$(xargs <"$T/seen/order")" "prestart createRuntime createContainer poststart poststop"
    same "$(xargs <"$B/rootfs/seen/order")" "startContainer program"
}

@test "hooks of a kind run in their order" {
    local n
    for n in 1 2 3 4 5; do
        hook_shell createRuntime "echo runtime $n >>$T/order"
        hook_shell createContainer "echo container $n >>$T/order"
        hook_shell poststop "echo stop $n >>$T/order"
    done
    succeeds berth run --bundle "$B" "$ID"
    same "$(xargs <"$T/order")" "runtime 1 runtime 2 runtime 3 runtime 4 runtime 5 container 1 container 2 container 3 \
container 4 container 5 stop 1 stop 2 stop 3 stop 4 stop 5"
}

@test "namespaces: of the runtime or of the container" {
    note_all
    live
    local point
    for point in prestart createRuntime poststart poststop; do
        same "$(seen "$point" namespaces)" "$(cat "$T/outside")" "namespaces of $point"
    done
    # They are made of one unshare or clone: what the waiting process has, its hooks have.
    for point in createContainer startContainer; do
        same "$(seen "$point" namespaces)" "$(cat "$T/inside")" "namespaces of $point"
    done
}

@test "the state on standard input" {
    config '.annotations = {"org.example": "ä \"quoted\""}'
    note_all
    live
    local point status
    for point in $ALL_POINTS; do
        case $point in
        poststart) status=running ;;
        poststop) status=stopped ;;
        *) status=created ;; # runtime.md: after step 2 of the lifecycle
        esac
        same "$(seen "$point" state | jq -s length)" 1 "objects for $point"
        same "$(seen "$point" state | jq -r .status)" "$status" "status for $point"
        same "$(seen "$point" state | jq -r .id)" "$ID" "id for $point"
        same "$(seen "$point" state | jq -r .bundle)" "$B" "bundle for $point"
        same "$(seen "$point" state | jq -r '.annotations["org.example"]')" 'ä "quoted"' "annotations for $point"
        [[ $(seen "$point" state | jq -r .ociVersion) =~ ^1\. ]]
        if [ "$point" != poststop ]; then
            same "$(seen "$point" state | jq -r .pid)" "$pid" "pid for $point"
        fi
    done
}

@test "standard input is at its beginning for each hook" {
    hook_shell createRuntime "cat >$T/first; cat >$T/first-again"
    hook_shell createRuntime "cat >$T/second"
    hook_shell createRuntime "head -c 10 >/dev/null"
    hook_shell createContainer "cat >$T/third"
    succeeds berth run --bundle "$B" "$ID"
    [ -s "$T/first" ] && [ ! -s "$T/first-again" ]
    cmp "$T/first" "$T/second"
    cmp "$T/first" "$T/third"
}

@test "the state cannot be written by a hook" {
    hook_shell createRuntime "echo nonsense >/proc/self/fd/0; echo >&0; true"
    hook_shell createRuntime "cat >$T/second"
    succeeds berth run --bundle "$B" "$ID"
    same "$(jq -r .id "$T/second")" "$ID"
}

@test "the pid is one whose namespaces can be entered by the time createRuntime runs" {
    needs program:nsenter
    hook_shell createRuntime 'pid=$(jq .pid); nsenter --net=/proc/$pid/ns/net --uts=/proc/$pid/ns/uts \
        --mount=/proc/$pid/ns/mnt readlink /proc/self/ns/net >'"$T/net"
    long_running
    begin
    same "$(cat "$T/net")" "$(readlink "/proc/$(state_of "$ID" pid)/ns/net")"
}

@test "working directory: the bundle; the container's root for createContainer and inside" {
    note_all
    cd /
    live
    local point
    for point in prestart createRuntime poststart poststop; do
        same "$(seen "$point" cwd)" "$B" "directory of $point"
    done
    same "$(seen createContainer cwd)" "$B/rootfs"
    same "$(seen startContainer cwd)" /
}

@test "arguments: as given; the path when there are none" {
    note_all
    live
    local point
    for point in $ALL_POINTS; do
        same "$(seen "$point" args | tail -n +2 | xargs)" "$point an argument" "arguments of $point"
    done
    payload true
    printf '#!/bin/sh\necho "$# $0" >"%s/plain"\n' "$T" >"$T/plain-hook"
    chmod 755 "$T/plain-hook"
    config --arg path "$T/plain-hook" '.hooks = {"createRuntime": [{"path": $path}]}'
    succeeds berth run --bundle "$B" "$ID"
    same "$(cat "$T/plain")" "0 $T/plain-hook"
    # args[0] is the name the program is told, not the program.
    config '.hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["odd name", "-c", "echo \"$0\" >args"]}]}'
    succeeds berth run --bundle "$B" "$ID"
    same "$(cat "$B/args")" "odd name"
}

@test "environment: the runtime's by default, exactly env when given" {
    note_all
    export SOME_VALUE="of the caller"
    config '.process.env += ["SOME_VALUE=of the container"]'
    live
    local point
    for point in $RUNTIME_POINTS; do
        has "$(seen "$point" env)" "SOME_VALUE=of the caller" "environment of $point"
    done
    has "$(seen startContainer env)" "SOME_VALUE=of the container"
    lacks "$(seen startContainer env)" "SOME_VALUE=of the caller"

    payload true
    config --arg T "$T" '.hooks = {"createRuntime": [
        {"path": "/bin/sh", "args": ["sh", "-c", "tr \"\\0\" \"\\n\" </proc/$$/environ >\($T)/given"],
         "env": ["PATH=/bin", "C="]},
        {"path": "/bin/sh", "args": ["sh", "-c", "/bin/cat /proc/$$/environ >\($T)/empty"], "env": []}]}'
    succeeds berth run --bundle "$B" "$ID"
    same "$(xargs <"$T/given")" "PATH=/bin C="
    [ ! -s "$T/empty" ]
}

@test "descriptors and signals: nothing of the caller or the runtime" {
    note_all
    long_running
    with_odd_caller() {
        # 20 open directories, and signals ignored and blocked, as only Python can.
        python3 - "$@" <<'PYTHON'
import os, signal, sys
for n in range(20):
    os.set_inheritable(os.open("/etc", os.O_RDONLY | os.O_DIRECTORY), True)
for number in (signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2, signal.SIGCHLD, signal.SIGALRM})
os.execv(sys.argv[1], sys.argv[1:])
PYTHON
    }
    succeeds with_odd_caller "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
    succeeds with_odd_caller "$BERTH" --root "$ROOT" start "$ID"
    same "$(wait_for ready)" up
    succeeds with_odd_caller "$BERTH" --root "$ROOT" delete --force "$ID"
    local point line
    for point in $ALL_POINTS; do
        # 0 to 2, and the directory that ls itself has open.
        same "$(seen "$point" descriptors | xargs)" "0 1 2 3" "descriptors of $point"
        line=$(seen "$point" signals | grep SigBlk)
        same "${line##*[[:space:]]}" 0000000000000000 "blocked signals of $point"
        # A shell of busybox ignores QUIT on its own account.
        line=$(seen "$point" signals | grep SigIgn)
        same "$((0x${line##*[[:space:]]} & ~4))" 0 "ignored signals of $point"
    done
}

@test "umask: 022 for the hooks of create, the program's own for startContainer" {
    local point
    for point in prestart createRuntime createContainer; do
        hook_shell "$point" "umask >$T/seen/$point.umask"
    done
    hook_shell startContainer 'umask >/seen/startContainer.umask'
    config '.process.user.umask = 7'
    succeeds berth run --bundle "$B" "$ID"
    for point in prestart createRuntime createContainer; do
        same "$(seen "$point" umask)" 0022 "$point"
    done
    same "$(seen startContainer umask)" 0007 startContainer
}

@test "createContainer: runs in the container's mounts before they become its root" {
    mkdir "$B/rootfs/mnt"
    hook_shell createContainer "mount -t tmpfs -o size=64k from-hook '$B/rootfs/mnt' && echo hello >'$B/rootfs/mnt/file'
        grep ' $B/rootfs/proc ' /proc/self/mounts >$T/proc"
    run_shell 'cat /mnt/file; grep from-hook /proc/mounts'
    has "$output" hello
    has "$output" "from-hook /mnt tmpfs"
    [ -s "$T/proc" ]
    [ ! -e "$B/rootfs/mnt/file" ]
}

@test "createContainer: what a path means is the runtime's affair, startContainer: the container's" {
    printf '#!/bin/sh\necho outside >>"%s/which"\n' "$T" >"$T/same-name"
    mkdir -p "$B/rootfs$T"
    printf '#!/bin/sh\necho inside >>/which\n' >"$B/rootfs$T/same-name"
    chmod 755 "$T/same-name" "$B/rootfs$T/same-name"
    hook createContainer "$T/same-name"
    hook startContainer "$T/same-name"
    hook createRuntime "$T/same-name"
    succeeds berth run --bundle "$B" "$ID"
    same "$(xargs <"$T/which")" "outside outside"
    same "$(cat "$B/rootfs/which")" inside
}

@test "startContainer: with the rights of the container" {
    config '.process.user = {"uid": 1234, "gid": 2345}'
    chmod 777 "$B/rootfs"
    hook_shell startContainer 'id -u >/who; id -g >>/who; hostname >>/who
        grep -E "^(CapEff|NoNewPrivs)" /proc/self/status >>/who'
    run_shell 'cat /who; echo; id -u; id -g; hostname; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status'
    same "$(sed '/^$/,$d' "$T/stdout")" "$(sed '1,/^$/d' "$T/stdout")"
    same "$(sed -n 1p "$T/stdout")" 1234
}

@test "poststart: the program runs already" {
    hook_shell poststart "tr '\\0' ' ' </proc/\$(jq .pid)/cmdline >$T/cmdline"
    long_running
    begin
    succeeds berth start "$ID"
    has "$(cat "$T/cmdline")" "sh -c trap"
}

@test "poststop: the container is gone already" {
    hook_shell poststop "grep '^State:.[^ZX]' /proc/\$(cat $T/pid)/status >$T/left 2>/dev/null
        ls -d '$(cgroup_dir pids)' >>$T/left 2>/dev/null; true"
    long_running
    succeeds berth create --pid-file "$T/pid" --bundle "$B" "$ID"
    succeeds berth delete --force "$ID"
    same "$(cat "$T/left")" ""
}

@test "a hook may ask for the state of its own container" {
    local point
    for point in prestart createRuntime createContainer poststart; do
        hook_shell "$point" "'$BERTH' --root '$ROOT' state '$ID' >'$T/$point.asked'"
    done
    long_running
    begin
    succeeds berth start "$ID"
    for point in prestart createRuntime createContainer; do
        same "$(jq -r .status "$T/$point.asked")" creating "status at $point"
    done
    same "$(jq -r .status "$T/poststart.asked")" running
}

# ---- failures -------------------------------------------------------------------------------------------------------

# A poststop hook that tells that it ran.
watch_poststop() {
    hook_shell poststop "echo poststop >>$T/poststop"
}

@test "a failing prestart, createRuntime or createContainer hook undoes create" {
    local point
    for point in prestart createRuntime createContainer; do
        config 'del(.hooks)'
        hook "$point" /bin/true
        hook_shell "$point" 'echo the reason >&2; echo more; exit 42'
        hook_shell "$point" "touch $T/after"
        watch_poststop
        rm -f "$T/poststop"
        refuses "$point hook #1|/bin/sh|exit status 42|the reason|more" \
            berth --log "$T/log" --log-format json create --pid-file "$T/pid" --bundle "$B" "$ID"
        same "$(jq -r .path "$T/log")" "/hooks/$point/1"
        rm "$T/log"
        absent
        [ ! -e "$T/after" ]
        [ ! -e "$T/pid" ]
        same "$(cat "$T/poststop")" poststop "poststop after a failed $point"
        refuses "$point hook #1" berth run --bundle "$B" "$ID"
        absent
    done
}

@test "a failing startContainer hook stops and destroys the container" {
    hook startContainer /bin/true
    hook_shell startContainer 'echo the reason; exit 3'
    watch_poststop
    shell 'touch /ran'
    begin
    refuses "startContainer hook #1|exit status 3|the reason" berth start "$ID"
    absent
    [ ! -e "$B/rootfs/ran" ]
    same "$(cat "$T/poststop")" poststop
    rm "$T/poststop"
    refuses "startContainer hook #1|exit status 3|the reason" berth run --bundle "$B" "$ID"
    absent
    [ ! -e "$B/rootfs/ran" ]
    same "$(cat "$T/poststop")" poststop
}

@test "a failing poststart hook stops and destroys the container" {
    hook_shell poststart 'echo the reason; exit 4'
    hook_shell poststart "touch $T/after"
    watch_poststop
    long_running
    begin
    refuses "poststart hook #0|exit status 4|the reason" berth start "$ID"
    absent
    [ ! -e "$T/after" ]
    same "$(cat "$T/poststop")" poststop
    rm "$T/poststop"
    refuses "poststart hook #0|exit status 4|the reason" berth run --detach --bundle "$B" "$ID"
    absent
    same "$(cat "$T/poststop")" poststop
    rm "$T/poststop"
    refuses "poststart hook #0" berth run --bundle "$B" "$ID"
    absent
}

@test "a failing poststop hook is a warning, and the rest run" {
    hook_shell poststop "echo 1 >>$T/order"
    hook_shell poststop 'echo the reason; exit 5'
    hook poststop /no/such/hook
    hook_shell poststop "echo 4 >>$T/order"
    begin
    succeeds berth delete "$ID"
    has "$errors" "poststop hook #1"
    has "$errors" "the reason"
    has "$errors" "/no/such/hook"
    same "$(xargs <"$T/order")" "1 4"
    absent
    shell 'exit 7'
    exits 7 berth run --bundle "$B" "$ID"
    has "$errors" "poststop hook #1"
    same "$(xargs <"$T/order")" "1 4 1 4"
    absent
}

@test "poststop does not run when nothing was created" {
    watch_poststop
    payload /no/such/program
    config '.root.path = "missing"'
    exits 1 berth create --bundle "$B" "$ID"
    [ ! -e "$T/poststop" ]
}

@test "a hook that is not there, not executable, or ended by a signal" {
    local point
    for point in createRuntime createContainer startContainer; do
        config 'del(.hooks)'
        hook "$point" /no/such/hook
        refuses "$point hook #0|/no/such/hook|no such file or directory" berth run --bundle "$B" "$ID"
        absent
        config 'del(.hooks)'
        hook "$point" /etc/passwd
        refuses "$point hook #0|/etc/passwd|permission denied" berth run --bundle "$B" "$ID"
        absent
        config 'del(.hooks)'
        hook_shell "$point" 'kill -SEGV $$'
        refuses "$point hook #0|/bin/sh|signal 11" berth run --bundle "$B" "$ID"
        absent
    done
}

@test "timeout: the hook and what it has started are killed" {
    local point
    for point in createRuntime startContainer; do
        config 'del(.hooks)'
        hook_shell "$point" 'echo still here; sleep 1000 & sleep 1000'
        config --arg point "$point" '.hooks[$point][0].timeout = 1'
        watch_poststop
        rm -f "$T/poststop"
        refuses "$point hook #0|hook ran past specified timeout of 1.0s|still here" berth run --bundle "$B" "$ID"
        absent
        same "$(cat "$T/poststop")" poststop
    done
}

@test "timeout: not for one that ends in time" {
    hook_shell createRuntime 'exit 0'
    config '.hooks.createRuntime[0].timeout = 1000'
    succeeds berth run --bundle "$B" "$ID"
}

@test "a hook that ends but leaves a process behind with its output does not hold create up" {
    mkfifo "$T/hold"
    hook_shell createRuntime "cat $T/hold & exit 0"
    long_running
    begin
    same "$(state_of)" created
    timeout 5 sh -c "echo >'$T/hold'"
}

@test "output of a hook: kept within bounds, and no escape sequences" {
    hook_shell createRuntime 'head -c 3000000 /dev/zero | tr "\0" x; echo
        printf "\033[31mred\033[0m\n"; echo last words; exit 1'
    refuses "createRuntime hook #0|last words" berth create --bundle "$B" "$ID"
    (($(stat -c %s "$T/stderr") < 2048)) || fail "the error has $(stat -c %s "$T/stderr") bytes"
    if grep -q $'\033' "$T/stderr"; then
        fail "an escape character in the message"
    fi
    absent
}

@test "output of a hook that succeeds is not the caller's" {
    hook_shell createRuntime 'echo noise; echo noise >&2'
    hook_shell poststop 'echo noise; echo noise >&2'
    run_shell 'echo result'
    same "$output" result
    same "$errors" ""
}

@test "a hook that does not read its input" {
    config '.annotations = {"long": ("x" * 200000)}'
    hook createRuntime /bin/true
    hook createContainer /bin/true
    hook poststop /bin/true
    succeeds berth run --bundle "$B" "$ID"
}

@test "a container that dies while hooks run" {
    hook_shell createRuntime 'kill -KILL $(jq .pid)'
    watch_poststop
    exits 1 berth create --bundle "$B" "$ID"
    has "$errors" "berth: "
    absent
}

@test "a signal to berth ends a hook that hangs in the foreground: nothing is left" {
    local point result fifo
    make_fifo hangs
    long_running
    for point in prestart createRuntime createContainer startContainer poststart; do
        fifo=$B/rootfs/hangs
        [ "$point" != startContainer ] || fifo=/hangs
        config 'del(.hooks)'
        hook_shell "$point" "echo >$fifo; sleep 1000"
        in_background run --bundle "$B" "$ID"
        wait_for hangs || fail "the $point hook never ran: $(cat "$T/job")" || return 1
        kill -TERM "$job"
        result=0
        wait "$job" || result=$?
        same "$result" 143
        absent || fail "after the $point hook" || return 1
    done
}
