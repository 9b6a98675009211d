# SPDX-License-Identifier: Apache-2.0
#
# Shared by the Podman tests: podman with storage, locks, network configuration and containers.conf of this run, and the
# cgroupfs manager. Needs root.
#
# Podman calls the runtime without --root, so state lies in the runtime's own default place (/run/NAME), and decides by
# the runtime's file name what it can do: `berth` is unknown to it, unless containers.conf says more. So these are the
# lines that make berth the default runtime (podman_conf has them); undone by removing them, or for one container by
# `podman --runtime crun run ...`. A container stays with the runtime that made it.
#
#   [engine]
#   runtime = "berth"
#   runtime_supports_json = ["berth", "crun", "runc"]
#   runtime_supports_nocgroup = ["berth", "crun"]
#   [engine.runtimes]
#   berth = ["/usr/local/bin/berth"]

# shellcheck source=tests/engines/setup.bash
source "${BASH_SOURCE[0]%/*}/setup.bash"

# Words before every call of podman: nothing, or the way into namespaces that a file made.
PODMAN_ENTER=()

# No call may hang the run. On cgroup v1 conmon leaves a file named oom in its working directory: not in the test's.
podman() {
    timeout --foreground -k 5 60 "${PODMAN_ENTER[@]}" env -C "$ENGINE_WORK" ENGINE_TRAIL="$ENGINE_MARK" \
        /usr/bin/podman --runtime "${PODMAN_RUNTIME:-berth}" --root "$ENGINE_WORK/root" \
        --runroot "$ENGINE_WORK/run" --tmpdir "$ENGINE_WORK/tmp" --network-config-dir "$ENGINE_WORK/networks" \
        --cgroup-manager cgroupfs "$@"
}

# prun ARGS...: `podman run`, without network unless the arguments name one.
prun() {
    local flags=(--cgroup-parent "/$ENGINE_MARK")
    [[ " $* " == *" --network "* ]] || flags+=(--network none)
    podman run "${flags[@]}" "$@"
}

# box ARGS...: a container named box that stays in the background until it is stopped; ready when this returns.
box() {
    prun -d --name box "$@" busybox:test sh -c 'echo ready; trap "exit 0" TERM; while :; do sleep 60 & wait $!; done'
    wait_until 10 logged box ready
}

# logged CONTAINER LINE: the container's log has that line. log_of prints all of it.
log_of() {
    podman logs "$1" 2>&1
}

logged() {
    log_of "$1" | grep -qx -- "$2"
}

state_of() {
    podman inspect -f "{{.State.$2}}" "$1"
}

state_is() {
    [ "$(state_of "$1" "$2")" = "$3" ]
}

# podman_by_path: for the rest of this test, podman is given the runtime's path in place of its name. Then Podman knows
# nothing more of it, not even that it can log in JSON. It forgets such containers when it is told of the name again:
# the test removes them itself.
podman_by_path() {
    export PODMAN_RUNTIME=$ENGINE_RUNTIME
}

AUDIT_ENGINE_MOUNTS='/root/overlay$' # Podman mounts its storage directory on itself

# podman_ids: Podman's journal knows the id of every container and pod of this run.
podman_ids() {
    grep -o '"ID":"[0-9a-f]*"' "$ENGINE_WORK/tmp/events/events.log" 2>/dev/null | cut -d '"' -f 4 | sort -u
}

# State, and cgroups that are not below the run's own parent.
audit_state_paths() {
    local id
    for id in $(podman_ids); do
        compgen -G "/run/*/$id" || true
        compgen -G "/sys/fs/cgroup/libpod_parent/*$id" || true
        compgen -G "/sys/fs/cgroup/*/libpod_parent/*$id" || true
    done
}

# podman_conf: containers.conf.
# Locks in files: the default is one table in /dev/shm that all storage roots of the host share. The default limits are
# above what a host without CAP_SYS_RESOURCE may give.
podman_conf() {
    cat <<CONF
[containers]
$(has_controllers pids || echo 'pids_limit = 0')
default_capabilities = [ "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
    "SETPCAP", "SETUID", "SYS_CHROOT" ]
default_ulimits = [ "nofile=1000:1000", "nproc=1000:1000" ]
[network]
network_backend = "netavark"
[engine]
lock_type = "file"
events_backend = "file"
runtime = "berth"
runtime_supports_json = [ "berth" ]
runtime_supports_nocgroup = [ "berth" ]
[engine.runtimes]
berth = [ "$ENGINE_RUNTIME" ]
CONF
}

# podman_open PROGRAM...: begins a file's run. Images are still to be loaded (podman_opened tells whether there is one).
podman_open() {
    engine_open podman conmon "$@"
    engine_opened || return 0
    mkdir "$ENGINE_WORK/networks"
    podman_conf >"$ENGINE_WORK/containers.conf"
    export CONTAINERS_CONF=$ENGINE_WORK/containers.conf
    # Podman 5 would say on cgroup v1, with every call, that its days are numbered.
    export PODMAN_IGNORE_CGROUPSV1_WARNING=1
    unset NOTIFY_SOCKET XDG_RUNTIME_DIR
}

# podman_clear: removes everything that a test may have left to Podman.
podman_clear() {
    unset PODMAN_RUNTIME
    # Podman's own cleanup process may be at work on the same container: then it is tried again.
    wait_until 10 podman pod rm -f -a -t 0
    wait_until 10 podman rm -f -a -t 0 -v
}

podman_close() {
    engine_opened || return 0
    podman rmi -a -f >/dev/null
    umount "$ENGINE_WORK/root/overlay" 2>/dev/null
    engine_close
}

# cgroup_join NAME: moves this process into a cgroup of that name below the run's, in every hierarchy.
cgroup_join() {
    local at dir
    for at in /sys/fs/cgroup /sys/fs/cgroup/*; do
        [ -w "$at/cgroup.procs" ] && [ ! -L "$at" ] && mountpoint -q "$at" || continue
        for dir in "$at/$ENGINE_MARK" "$at/$ENGINE_MARK/$1"; do
            mkdir -p "$dir"
            [ ! -e "$dir/cpuset.cpus" ] || [ -n "$(cat "$dir/cpuset.cpus")" ] || {
                cat "$at/cpuset.cpus" >"$dir/cpuset.cpus"
                cat "$at/cpuset.mems" >"$dir/cpuset.mems"
            } 2>/dev/null
        done
        echo "$BASHPID" >"$dir/cgroup.procs"
    done
}

# client_of PID: the podman below a background call of the functions above.
client_of() {
    local pid=$1 child
    while child=$(pgrep -P "$pid") && [ -n "$child" ]; do
        pid=${child%%$'\n'*}
    done
    echo "$pid"
}

# on_pty STEP... -- ARGS...: `podman ARGS` on a terminal of 31 rows and 97 columns; prints what came out and exits as
# podman does. A step is `say TEXT` (types it; \r is the return key), `see TEXT` (waits until the output, from where the
# last such step ended, has it) or `size ROWS COLUMNS` (the terminal changes).
on_pty() {
    local steps=()
    while [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    shift
    timeout --foreground -k 5 40 python3 - "${steps[@]}" -- \
        bash -c "$(declare -p PODMAN_ENTER); $(declare -f podman); podman \"\$@\"" podman "$@" <<'EOF_PYTHON'
import fcntl, os, pty, select, struct, sys, termios, time

def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

split = sys.argv.index("--")
steps, command = sys.argv[1:split], sys.argv[split + 1:]
# The size is there before the program: it must not start before it may read.
go_read, go_write = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.close(go_write)
    os.read(go_read, 1)
    os.execvp(command[0], command)
resize(fd, 31, 97)
os.close(go_read)
os.write(go_write, b"x")
seen, mark = b"", 0

def read_more(patience):
    global seen
    if not select.select([fd], [], [], patience)[0]:
        return False
    try:
        data = os.read(fd, 65536)
    except OSError:
        return False
    seen += data
    return bool(data)

def give_up(why):
    os.write(1, seen + f"\n{why}\n".encode())
    os.kill(pid, 15)
    sys.exit(99)

for step in steps:
    verb, _, text = step.partition(" ")
    want = text.replace("\\r", "\r").encode().decode("unicode_escape").encode("latin-1")
    if verb == "say":
        os.write(fd, want)
    elif verb == "size":
        resize(fd, *map(int, text.split()))
    elif verb == "see":
        deadline = time.monotonic() + 15
        while seen.find(want, mark) < 0:
            if not read_more(max(0, deadline - time.monotonic())):
                give_up(f"never seen: {text}")
        mark = seen.find(want, mark) + len(want)
    else:
        give_up(f"no such step: {step}")
while read_more(20):
    pass
os.write(1, seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF_PYTHON
}
