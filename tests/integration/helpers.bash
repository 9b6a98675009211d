# SPDX-License-Identifier: Apache-2.0
#
# What every integration suite stands on: `load helpers` in a .bats file gives it bundles, the runtime, expectations and
# a leak audit (audit.bash) around each test. Needs root; the runtime under test is the program that BERTH names.
#
# Of each test:
#   $T       its work directory              $ROOT    the state root, $T/state
#   $MARK    a word nobody else uses         $ID      the id of its container, begins with $MARK
#   $B       the bundle of make_bundle       $CGROUP  absolute cgroupsPath below which its containers are made
# A suite may define prepare(): it runs before each of its tests, after all this is set up; and finish(): after each,
# when its containers are deleted.
#
# The caller's own cgroup is never used: bundles have an absolute cgroupsPath, and what needs a relative one runs its
# command with in_own_cgroup. Everything works as well below cgroup2-view, where /sys/fs/cgroup is one cgroup2 mount.

bats_require_minimum_version 1.5.0
load audit

# Seconds that anything waited for may take; only a failing test ever waits that long.
: "${PATIENCE:=10}"
# Seconds that a test may take. Then all that it has started is killed, so that it fails where it hangs.
: "${TEST_LIMIT:=45}"

# Programs of busybox that containers find in /bin.
BUSYBOX_PROGRAMS='[ awk cat chmod chown cp cut date dd df dirname echo env expr false find grep head hostname id kill ln
ls mkdir mkfifo mknod mount mv nc nproc od printenv printf ps pwd readlink realpath rm rmdir sed seq sh sleep sort stat
stty tail tee test touch tr true tty umount uname unlink wc which xargs'

setup_file() {
    BERTH=$(command -v -- "${BERTH:?must name the runtime to test}") || {
        echo "BERTH: no such program" >&2
        return 1
    }
    BERTH=$(realpath "$BERTH")
    export BERTH
    make_rootfs "$BATS_FILE_TMPDIR/rootfs"
}

setup() {
    T=$BATS_TEST_TMPDIR
    ROOT=$T/state
    MARK=bt$$x
    ID=${MARK}c
    CGROUP=/$MARK
    export BERTH_TEST=$MARK
    mapfile -t CGROUP_MOUNTS < <(cgroup_mounts)
    umask 022
    cd "$T"
    if declare -F prepare >/dev/null; then
        prepare
    fi
    start_watchdog
    audit_begin
}

teardown() {
    local result=0
    cd /
    kill "$watchdog" 2>/dev/null || true
    # A test that has failed leaves what it leaves: here only the rest is to be spared from it.
    delete_all || result=1
    if declare -F finish >/dev/null; then
        finish || result=1
    fi
    [ ! -e "$T/watchdog" ] || cat "$T/watchdog"
    if [ -z "${BATS_TEST_SKIPPED:-}" ]; then
        audit_end || result=1
    fi
    ((result == 0)) && audit_remove_parents || audit_sweep
    return "$result"
}

start_watchdog() {
    (
        unset BERTH_TEST
        sleep "$TEST_LIMIT" &
        trap 'kill $!' TERM
        if wait $!; then
            echo "after $TEST_LIMIT s all processes of this test were killed" >>"$T/watchdog"
            kill -KILL $(audit_pids) || true # there may be none
            # The shell of the test is not among them: it may wait for the other side of a FIFO, and fails without one.
            mapfile -t fifos < <(find "$T" -type p)
            for fifo in "${fifos[@]}"; do exec {held}<>"$fifo"; done
            sleep 5 &
            wait $!
        fi
    ) </dev/null >/dev/null 2>&1 3>&- 4>&- &
    watchdog=$!
    disown
}

# ---- the runtime ----------------------------------------------------------------------------------------------------

# The runtime with the test's own state root.
berth() {
    "$BERTH" --root "$ROOT" "$@"
}

# in_background COMMAND...: the same, not waited for: $job is the runtime itself, its output goes to $T/job.
in_background() {
    "$BERTH" --root "$ROOT" "$@" </dev/null >"$T/job" 2>&1 3>&- 4>&- &
    job=$!
}

# Whatever containers the test has made, below its own root and the default one.
delete_all() {
    local dir result=0
    for dir in "$ROOT"/* "/run/berth/$MARK"*; do
        [ -d "$dir" ] || continue
        if ! "$BERTH" --root "${dir%/*}" delete --force "${dir##*/}" </dev/null; then
            echo "delete --force ${dir##*/} failed"
            result=1
        fi
    done
    return "$result"
}

# try COMMAND...: runs it with an empty standard input; leaves $status, $output (standard output), $errors (standard
# error), and both to the byte in $T/stdout and $T/stderr. Never fails itself.
try() {
    status=0
    "$@" </dev/null >"$T/stdout" 2>"$T/stderr" 3>&- 4>&- || status=$?
    { # quiet about NUL bytes, which bash leaves out
        output=$(<"$T/stdout")
        errors=$(<"$T/stderr")
    } 2>/dev/null
}

# inject CALL:WHAT [FOLLOW]: sets $through to a command that runs berth so that strace does WHAT to the system call CALL
# of each of its processes (strace(1), --inject); with an empty FOLLOW of the one alone that is called.
inject() {
    # A leak check needs ptrace for itself.
    # shellcheck disable=SC2086 # empty is none
    through=(env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" strace ${2--f} -qq -o /dev/null -e trace="${1%%:*}"
        -e inject="$1" --)
}

# injected CALL:WHAT COMMAND...: berth, run so.
injected() {
    inject "$1"
    "${through[@]}" "$BERTH" --root "$ROOT" "${@:2}"
}

# For inject. The caller gets its result late, and what only a handshake keeps in order shows: with clone3 a child is
# far ahead of the process that makes it, with recvmsg the program of the one that is told that it runs.
LATE=delay_exit=300000

# Says why the test fails. Fails itself, so that as a last command it is the failure; elsewhere: fail ... || return 1.
fail() {
    printf '%s\n' "$@"
    return 1
}

tell_last() {
    printf '%s\n' "$@" "status: $status" "--- standard output:" "$(head -c 4096 "$T/stdout")" \
        "--- standard error:" "$(head -c 4096 "$T/stderr")"
    return 1
}

# exits N COMMAND...
exits() {
    local expected=$1
    shift
    try "$@"
    [ "$status" -eq "$expected" ] || tell_last "expected exit status $expected of: $*" || return 1
}

# succeeds COMMAND...
succeeds() {
    exits 0 "$@"
}

# refuses TEXT COMMAND...: exit status 1, nothing on standard output, and one line of the runtime on standard error
# that has TEXT (a substring in capital or small letters; several are separated by '|', each must be there).
refuses() {
    local text part parts
    text=$1
    shift
    exits 1 "$@" || return 1
    [ ! -s "$T/stdout" ] || tell_last "expected no output of: $*" || return 1
    mapfile -t parts <"$T/stderr"
    [ "${#parts[@]}" -eq 1 ] || tell_last "expected exactly one line on standard error of: $*" || return 1
    [[ $errors == "berth: "* ]] || tell_last "the error does not begin with \"berth: \"" || return 1
    IFS='|' read -ra parts <<<"$text"
    for part in "${parts[@]}"; do
        [[ ${errors,,} == *"${part,,}"* ]] || tell_last "expected \"$part\" in the error of: $*" || return 1
    done
}

# same GOT EXPECTED [WHAT]
same() {
    [ "$1" = "$2" ] || fail "${3:-value}: expected <$2>, got <$1>"
}

# has TEXT SUBSTRING [WHAT]
has() {
    [[ $1 == *"$2"* ]] || fail "${3:-text}: expected <$2> in <$1>"
}

lacks() {
    [[ $1 != *"$2"* ]] || fail "${3:-text}: expected no <$2> in <$1>"
}

# eventually COMMAND...: for what nobody announces, such as the end of a process that is not ours.
eventually() {
    local deadline=$((SECONDS + PATIENCE))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || fail "did not come true in $PATIENCE s: $*" || return 1
        sleep 0.02
    done
}

# The event a container announces by writing into a FIFO in its root file system: `wait_for ready` ends when something
# was written to $B/rootfs/ready, and prints it.
make_fifo() {
    local name
    for name; do
        mkfifo -m 0666 "$B/rootfs/$name"
    done
}

wait_for() {
    timeout "$PATIENCE" cat "$B/rootfs/$1" || fail "nobody wrote to /$1 of the container in $PATIENCE s"
}

# state_of [ID] [FIELD]
state_of() {
    berth state "${1:-$ID}" | jq -r ".${2:-status}"
}

is_state() {
    [ "$(state_of "$1")" = "$2" ]
}

# Whether the directory that holds a container's state is there.
is_known() {
    [ -e "$ROOT/${1:-$ID}" ]
}

# absent [ID]: no state of the container is left, and no cgroup (so no process either) where bundles have theirs. The
# audit at the test's end looks at all else, once.
absent() {
    local id=${1:-$ID} mount left
    ! is_known "$id" || fail "state of $id is left: $(find "$ROOT/$id")" || return 1
    for mount in "${CGROUP_MOUNTS[@]}"; do
        for left in "$mount$CGROUP"/*/; do
            [[ ! -d $left || $left == */own/ ]] || fail "a cgroup is left: $left" || return 1
        done
    done
}

# ---- bundles --------------------------------------------------------------------------------------------------------

make_rootfs() {
    local name
    mkdir -p "$1"/{bin,dev,etc,proc,root,sys,tmp}
    cp /bin/busybox "$1/bin/busybox"
    for name in $BUSYBOX_PROGRAMS; do
        ln -s busybox "$1/bin/$name"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
}

# make_bundle [NAME]: $T/NAME (default: bundle) with a root file system of busybox and a configuration that has all
# namespaces but time and user, the usual mounts, and `true` to run; its cgroup is $CGROUP/NAME. Sets B.
make_bundle() {
    local name=${1:-bundle}
    B=$T/$name
    mkdir "$B"
    cp -a "$BATS_FILE_TMPDIR/rootfs" "$B/rootfs"
    base_config "$name" >"$B/config.json"
}

base_config() {
    cat <<JSON
{
  "ociVersion": "1.2.0",
  "root": { "path": "rootfs" },
  "hostname": "box",
  "process": {
    "args": ["true"],
    "cwd": "/",
    "env": ["PATH=/bin", "BERTH_TEST=$MARK"],
    "user": { "uid": 0, "gid": 0 },
    "capabilities": {
      "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    },
    "noNewPrivileges": true
  },
  "mounts": [
    { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
      "options": ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
      "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"] },
    { "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
      "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"] },
    { "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"] }
  ],
  "linux": {
    "cgroupsPath": "$CGROUP/$1",
    "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
    "namespaces": [
      { "type": "pid" }, { "type": "network" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" },
      { "type": "cgroup" }
    ],
    "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
    "readonlyPaths": ["/proc/bus", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  }
}
JSON
}

# config [JQ OPTIONS] FILTER: edits the bundle's configuration: config '.hostname = "x"', config --arg v "$v" '.a = $v'
config() {
    jq "$@" <"$B/config.json" >"$B/config.json.new"
    mv "$B/config.json.new" "$B/config.json"
}

# payload WORD...: what the container runs.
payload() {
    config '.process.args = $ARGS.positional' --args -- "$@"
}

# shell TEXT: a shell script as payload.
shell() {
    payload sh -c "$1"
}

# run_shell TEXT: runs a shell script in the container to its end, exit status 0; $output is what it has printed.
run_shell() {
    shell "$1"
    succeeds berth run --bundle "$B" "$ID"
}

# A payload that runs until it is killed, with a process id 1 that takes TERM.
# It writes "up" into /ready once it can.
long_running() {
    [ -p "$B/rootfs/ready" ] || make_fifo ready
    shell "trap 'exit 0' TERM; echo up >/ready; while :; do sleep 1000 & wait \$!; done"
}

# begin [ID]: a created container of $B; its standard streams are files, so that nobody waits for their end.
begin() {
    succeeds berth create --bundle "$B" "${1:-$ID}"
}

# begin_running [ID]: a running container of $B, whose program has come to run.
begin_running() {
    long_running
    begin "${1:-$ID}" && succeeds berth start "${1:-$ID}" && same "$(wait_for ready)" up
}

# begin_stopped [ID]: one whose program has ended.
begin_stopped() {
    payload true
    begin "${1:-$ID}" && succeeds berth start "${1:-$ID}" && eventually is_state "${1:-$ID}" stopped
}

# ---- what a test needs of its host ----------------------------------------------------------------------------------

# needs NAME...: skips the test, with the reason, unless the host has each of them.
needs() {
    local name
    for name; do
        case $name in
        root) [ "$EUID" -eq 0 ] || skip "needs root" ;;
        cap_*) has_capability "$name" || skip "needs the capability ${name^^}, which the caller lacks" ;;
        cgroup1) is_cgroup1 "" || skip "needs cgroup v1 below /sys/fs/cgroup" ;;
        cgroup1-*) is_cgroup1 "${name#*-}" || skip "needs the ${name#*-} controller of cgroup v1" ;;
        cgroup2) is_cgroup2 || skip "needs /sys/fs/cgroup to be cgroup2" ;;
        cgroup2-*) has_controller "${name#*-}" || skip "needs the ${name#*-} controller of cgroup v2" ;;
        userns) unshare --user true 2>/dev/null || skip "needs user namespaces" ;;
        systemd) has_systemd || skip "needs a host that runs systemd" ;;
        no-systemd) ! has_systemd || skip "needs a host that does not run systemd" ;;
        apparmor) has_apparmor || skip "needs AppArmor" ;;
        no-apparmor) ! has_apparmor || skip "needs a host without AppArmor" ;;
        selinux) has_selinux || skip "needs SELinux" ;;
        no-selinux) ! has_selinux || skip "needs a host without SELinux" ;;
        timens) unshare --time true 2>/dev/null || skip "needs time namespaces" ;;
        static) ldd "$BERTH" 2>&1 | grep -qE 'statically|not a dynamic' || skip "needs a static runtime" ;;
        program:*) command -v "${name#*:}" >/dev/null || skip "needs the program ${name#*:}" ;;
        *) fail "needs $name: no such need" ;;
        esac
    done
}

declare -gA CAPABILITY_BITS=([cap_dac_override]=1 [cap_net_admin]=12 [cap_sys_module]=16 [cap_sys_ptrace]=19
    [cap_sys_admin]=21 [cap_sys_boot]=22 [cap_sys_nice]=23 [cap_sys_resource]=24 [cap_sys_time]=25 [cap_mknod]=27)

has_capability() {
    local effective
    effective=$(awk '/^CapEff:/ { print $2 }' /proc/self/status)
    (((16#$effective >> ${CAPABILITY_BITS[$1]:?}) & 1))
}

has_systemd() {
    [ -d /run/systemd/system ]
}

has_apparmor() {
    [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]
}

has_selinux() {
    [ -e /sys/fs/selinux/enforce ]
}

is_cgroup2() {
    [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
}

# is_cgroup1 CONTROLLER: "" for any.
is_cgroup1() {
    ! is_cgroup2 && grep -qE " /sys/fs/cgroup/[^ ]* cgroup ([^ ]*,)?${1:-[^ ]*}[, ]" /proc/self/mounts
}

has_controller() {
    is_cgroup2 && grep -qw "$1" /sys/fs/cgroup/cgroup.controllers
}

# cgroup_dir CONTROLLER [NAME]: the directory of the container's cgroup (of the bundle NAME) in either world.
cgroup_dir() {
    if is_cgroup2; then
        echo "/sys/fs/cgroup$CGROUP/${2:-bundle}"
    else
        echo "/sys/fs/cgroup/$1$CGROUP/${2:-bundle}"
    fi
}

# make_cgroups NAME: the cgroups $CGROUP/NAME of all hierarchies, ready for processes. Sets the array made.
make_cgroups() {
    local dir
    made=()
    for dir in "${CGROUP_MOUNTS[@]}"; do
        mkdir -p "$dir$CGROUP/$1"
        if [ -e "$dir/cpuset.mems" ] && ! is_cgroup2; then
            # A parent's before its child's.
            cat "$dir/cpuset.cpus" >"$dir$CGROUP/cpuset.cpus"
            cat "$dir/cpuset.mems" >"$dir$CGROUP/cpuset.mems"
            cat "$dir/cpuset.cpus" >"$dir$CGROUP/$1/cpuset.cpus"
            cat "$dir/cpuset.mems" >"$dir$CGROUP/$1/cpuset.mems"
        fi
        made+=("$dir$CGROUP/$1")
    done
}

# in_own_cgroup COMMAND...: runs it as a process of the cgroups $CGROUP/own, for what looks at the caller's cgroup.
in_own_cgroup() {
    local made
    make_cgroups own
    # shellcheck disable=SC2016 # expanded by the inner shell
    bash -c 'while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 125; shift; done; shift; "$@"' \
        in_own_cgroup "${made[@]}" -- "$@"
}

# Those that are to be seen: a mount that another one covers stands in the list as well.
cgroup_mounts() {
    is_cgroup2 && echo /sys/fs/cgroup && return
    awk '$2 ~ "^/sys/fs/cgroup" && $3 ~ "^cgroup2?$" { print $2 }' /proc/self/mounts
}

# The directory of the container's cgroup that freezes it and lists its processes: of cgroup2 where there is one.
group_dir() {
    if ! is_cgroup2 && [ -d "/sys/fs/cgroup/unified$CGROUP" ]; then
        echo "/sys/fs/cgroup/unified$CGROUP/bundle"
    else
        cgroup_dir freezer
    fi
}

# can_stick: skips the test where stick makes no such process.
can_stick() {
    [ -c /dev/fuse ] || skip "needs FUSE"
    is_cgroup2 || [ -d /sys/fs/cgroup/unified ] || skip "needs cgroup2: the freezer of version 1 stops such a process"
}

# stick: $stuck, a process in the container's cgroup that cannot be stopped: it waits for a file system that does not
# answer, until unstick.
stick() {
    mkdir "$T/deaf"
    exec {fuse}<>/dev/fuse
    mount -i -t fuse -o "fd=$fuse,rootmode=40000,user_id=0,group_id=0" deaf "$T/deaf"
    sh -c 'echo 0 >"$1"; exec stat "$2"' sh "$(group_dir)/cgroup.procs" "$T/deaf" >/dev/null 2>&1 3>&- 4>&- {fuse}>&- &
    stuck=$!
    eventually grep -q fuse "/proc/$stuck/wchan"
}

unstick() {
    umount --lazy "$T/deaf"
    exec {fuse}>&-
}
