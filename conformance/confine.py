# SPDX-License-Identifier: Apache-2.0
"""Runs one validation program so that nothing of it, of the runtime or of its containers stays behind. Needs root.

Processes: the caller becomes a child subreaper, so whatever outlives its parent becomes a child of this process and is
ended with the program. Mounts: each program has a mount namespace of its own, with an empty /run in which runtimes keep
their state. Temporary files: TMPDIR is a folder that goes away. Control groups: the program has a group of its own, and
groups that the suite or the runtime leave at the top of the hierarchies are removed by name.

The host's own mounts and groups are never changed: all mounting happens below the caller's private mount namespace.
"""

import ctypes
import errno
import os
import re
import shutil
import signal
import time
from dataclasses import dataclass, field

CGROUP_ROOT = "/sys/fs/cgroup"
SUITE_GROUPS = ("cgrouptest", "testdir")  # names that are fixed in the suite
CONTAINER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")  # the suite's containers are named so
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CLEANUP_SECONDS = 20

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Interrupted(Exception):
    """A stop signal came."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass
class Outcome:
    """How a program ended: `status` as subprocess has it, None after a timeout."""
    status: int | None
    stdout: str
    stderr: str
    seconds: float
    left: list = field(default_factory=list)  # what had to be removed after it, one text each


# System calls

def _call(name, *arguments):
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _prctl(option, value):
    _call("prctl", option, ctypes.c_ulong(value), 0, 0, 0)


def _mount(source, target, kind, flags=0, options=None):
    _call("mount", source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags),
          options and options.encode())


def isolate_caller():
    """Makes the calling process the reaper of its descendants, gives it mounts of its own, and holds the stop signals
    back until `run` asks for them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *STOP_SIGNALS})
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _call("unshare", _CLONE_NEWNS)
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)


# Control groups

@dataclass(frozen=True)
class Hierarchy:
    """A mounted cgroup hierarchy. `name` is as /proc/PID/cgroup has it: controllers or name=...; empty for v2."""
    name: str
    mountpoint: str

    @property
    def is_v1(self):
        return self.name != ""


def _groups_of(pid):
    """{hierarchy name: path} of a process."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    return {name: path for _, name, path in lines}


def hierarchies():
    """The hierarchies that are mounted, whole, below /sys/fs/cgroup in the caller's view; the upper one where two are
    mounted over each other."""
    mounts = {}
    names = list(_groups_of("self"))
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            left, right = line.split(" - ")
            root, mountpoint = left.split()[3:5]
            kind, _, options = right.split()[:3]
            if mountpoint == CGROUP_ROOT:
                mounts.clear()  # what was mounted below before is covered
            if not (mountpoint + "/").startswith(CGROUP_ROOT + "/") or root != "/":
                continue
            if kind == "cgroup2":
                mounts[mountpoint] = Hierarchy("", mountpoint)
            elif kind == "cgroup":
                words = set(options.split(","))
                name = next((n for n in names if n and set(n.split(",")) <= words), None)
                if name:
                    mounts[mountpoint] = Hierarchy(name, mountpoint)
    return list(mounts.values())


def make_view(view):
    """Shows another /sys/fs/cgroup to the caller: "host" is the host's; "v1" only the version 1 hierarchies that the
    host has; "full" these and the ones that it could have for networks; "v2" a pure version 2 tree. Returns the
    hierarchies that did not exist before, for `end_hierarchies`."""
    if view == "host":
        return []
    if view == "v2":
        _mount("cgroup2", CGROUP_ROOT, "cgroup2")
        return []
    names = [name for name in _groups_of("self") if name]
    added = []
    if view == "full":
        have = {controller for name in names for controller in name.split(",")}
        added = [name for name in ("net_cls", "net_prio", "perf_event") if name not in have]
    _mount("tmpfs", CGROUP_ROOT, "tmpfs", 0, "mode=755")
    for name in names + added:
        folder = f"{CGROUP_ROOT}/{name.removeprefix('name=')}"
        os.mkdir(folder)
        _mount("cgroup", folder, "cgroup", 0, f"none,{name}" if name.startswith("name=") else name)
        for controller in name.split(",") if "," in name else ():
            os.symlink(name, f"{CGROUP_ROOT}/{controller}")
    return added


def end_hierarchies(added):
    """Takes down hierarchies that make_view added. Unmounting is not enough: a hierarchy in which a removed group is
    still on its way out outlives its last mount, until it is mounted and unmounted once more. And the end takes a
    moment, for which there is no event."""
    for name in added:
        folder = f"{CGROUP_ROOT}/{name}"
        _call("umount", folder.encode())
        deadline = time.monotonic() + CLEANUP_SECONDS
        while not _is_gone_soon(name):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the hierarchy {name} does not go away")
            _mount("cgroup", folder, "cgroup", 0, name)
            _call("umount", folder.encode())


def _is_gone_soon(name):
    for _ in range(40):
        if name not in _groups_of("self"):
            return True
        time.sleep(0.05)
    return False


class OwnGroup:
    """A group for one program wherever the caller is not at the top, and in the memory hierarchy at any rate: a
    relative or an absent cgroupsPath means below the caller's group, which is no place for tests."""

    def __init__(self, mounted):
        self.folders = []
        groups = _groups_of("self")
        for hierarchy in mounted:
            if hierarchy.is_v1 and ("memory" in hierarchy.name.split(",") or groups[hierarchy.name] != "/"):
                folder = f"{hierarchy.mountpoint}/berth-conformance-{os.getpid()}"
                os.mkdir(folder)
                self.folders.append(folder)
                if "cpuset" in hierarchy.name.split(","):  # a new cpuset is empty and takes no process
                    for name in ("cpuset.cpus", "cpuset.mems"):
                        with open(f"{hierarchy.mountpoint}/{name}", encoding="ascii") as file:
                            value = file.read()
                        _write(f"{folder}/{name}", value)

    def enter(self):
        for folder in self.folders:
            _write(f"{folder}/cgroup.procs", "0")

    def remove(self):
        """Removes it with all that was made below; says what there was below."""
        return [path for folder in self.folders for path in _remove_groups(folder)[:-1] if not _is_suite_litter(path)]


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _remove_groups(folder):
    """Removes a group and all below it, deepest first; gives back the folders that were removed."""
    removed = []
    for path, _, _ in os.walk(folder, topdown=False):
        deadline = time.monotonic() + CLEANUP_SECONDS
        while True:
            try:
                os.rmdir(path)
                removed.append(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                # A group stays busy for a moment after its last process was reaped, and there is no event to wait for.
                if error.errno == errno.EBUSY and time.monotonic() < deadline:
                    time.sleep(0.01)
                    continue
                raise
            break
    return removed


def _is_suite_litter(path):
    """The parents of the suite's relative path: a runtime removes only the group that it was told of."""
    return path.endswith(("/testdir", "/testdir/cgrouptest"))


def _processes_in(folder):
    found = []
    for path, _, _ in os.walk(folder):
        with open(f"{path}/cgroup.procs", encoding="ascii") as file:
            found += file.read().split()
    return found


def refuse_or_remove_stale_groups(mounted):
    """The fixed names of the suite must be free: groups without a process, left by a killed run, are removed."""
    for hierarchy in mounted:
        for folder in (f"{hierarchy.mountpoint}/{name}" for name in SUITE_GROUPS):
            if os.path.isdir(folder):
                if _processes_in(folder):
                    raise RuntimeError(f"{folder} is in use: does the suite run elsewhere?")
                _remove_groups(folder)


def _container_groups(mounted):
    """The groups, at the top or one below, whose names are container ids of the suite's form."""
    found = set()
    for hierarchy in mounted:
        for path, folders, _ in os.walk(hierarchy.mountpoint):
            found |= {f"{path}/{name}" for name in folders if CONTAINER_ID.search(name)}
            if path != hierarchy.mountpoint:
                folders.clear()
    return found


def _remove_suite_groups(mounted, before):
    left = []
    for hierarchy in mounted:
        for name in SUITE_GROUPS:
            removed = _remove_groups(f"{hierarchy.mountpoint}/{name}")
            left += [path for path in removed if not _is_suite_litter(path)]
    for folder in _container_groups(mounted) - before:
        left += _remove_groups(folder)
    return left


# Processes

def _children():
    """{pid: name} of all descendants of this process."""
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    head, _, tail = file.read().rpartition(")")
            except OSError:  # it has ended
                continue
            parents[int(entry)] = int(tail.split()[1])
            names[int(entry)] = head.partition("(")[2]
    found = {}
    frontier = {os.getpid()}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier and pid not in found}
        found.update((pid, names[pid]) for pid in frontier)
    return found


def _thaw(pid, mounted):
    """SIGKILL does not reach a process that a version 1 freezer holds."""
    for hierarchy in mounted:
        if hierarchy.name == "freezer":
            try:
                path = _groups_of(pid)["freezer"]
                if path != "/":
                    _write(f"{hierarchy.mountpoint}{path}/freezer.state", "THAWED")
            except OSError:  # the process or its group has ended
                pass


def _reap():
    """Collects the children that have ended: {pid: status as subprocess has it}."""
    ended = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


def _end_descendants(mounted):
    """Ends and collects all descendants; says which there were (the ones that had ended already don't count)."""
    deadline = time.monotonic() + CLEANUP_SECONDS
    ended = []
    _reap()
    while alive := _children():
        ended += [f"process {name} ({pid})" for pid, name in alive.items() if f"process {name} ({pid})" not in ended]
        for pid in alive:
            _thaw(pid, mounted)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"cannot end {', '.join(ended)}")
        signal.sigtimedwait({signal.SIGCHLD}, 0.2)
        _reap()
    return ended


def _wait(pid, seconds):
    """Waits for the program, and collects orphans at once meanwhile as a host's init would: runtimes look at them.
    Returns its status, or None when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        ended = _reap()
        if pid in ended:
            return ended[pid]
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return None
        came = signal.sigtimedwait({signal.SIGCHLD, *STOP_SIGNALS}, remaining)
        if came and came.si_signo != signal.SIGCHLD:
            raise Interrupted(came.si_signo)


# One program

def _become(command, folder, environment, group, streams, user_namespace):
    """In the child: everything up to the program's first instruction. Never returns."""
    os.setsid()
    group.enter()
    _call("unshare", _CLONE_NEWNS)
    _mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    if user_namespace:
        ready, go = user_namespace
        _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS)
        os.write(ready, b"x")
        os.read(go, 1)
        os.setgid(0)
        os.setuid(0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(folder)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    os.execve(command[0], command, environment)


def _start(command, folder, environment, group, streams, in_user_namespace):
    """Starts the program. In a user namespace the ids are mapped onto themselves: it has every capability there, also
    those that the host withholds. Not all ids, or runtimes take the namespace for the host's."""
    ready = go = None
    if in_user_namespace:
        ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _become(command, folder, environment, group, streams, ready and (ready[1], go[0]))
        except BaseException as error:  # whatever it is must not unwind into the parent's code
            os.write(streams[2], f"{command[0]}: {error}\n".encode())
        finally:
            os._exit(127)
    if in_user_namespace:
        os.close(ready[1])
        os.close(go[0])
        if os.read(ready[0], 1):
            for name in ("uid_map", "gid_map"):
                _write(f"/proc/{pid}/{name}", "0 0 65536\n")
            os.write(go[1], b"x")
        os.close(ready[0])
        os.close(go[1])
    return pid


def run(command, folder, environment, scratch, seconds, in_user_namespace=False):
    """Runs one program to its end and removes everything that it left, also when it is interrupted."""
    mounted = hierarchies()
    before = _container_groups(mounted)
    temporary = os.path.join(scratch, "tmp")
    os.mkdir(temporary, 0o755)
    environment = {**environment, "TMPDIR": temporary}
    out, err = (os.path.join(scratch, name) for name in ("stdout", "stderr"))
    group = OwnGroup(mounted)
    left = []
    begun = time.monotonic()
    try:
        with open("/dev/null", "rb") as stdin, open(out, "wb") as stdout, open(err, "wb") as stderr:
            streams = [file.fileno() for file in (stdin, stdout, stderr)]
            pid = _start(command, folder, environment, group, streams, in_user_namespace)
            status = _wait(pid, seconds)
        elapsed = time.monotonic() - begun
    finally:
        left += _end_descendants(mounted)
        left += group.remove()
        left += _remove_suite_groups(mounted, before)
        shutil.rmtree(temporary)
    texts = []
    for path in (out, err):
        with open(path, encoding="utf-8", errors="replace") as file:
            texts.append(file.read())
        os.unlink(path)
    return Outcome(status, *texts, elapsed, left)


def stop_requested():
    """Raises Interrupted when a stop signal came between two programs."""
    came = signal.sigtimedwait(STOP_SIGNALS, 0)
    if came:
        raise Interrupted(came.si_signo)
