# SPDX-License-Identifier: Apache-2.0
"""What the exec suites need of a caller that a shell cannot be. `exec.py VERB ARGUMENT...`:

reap OUT COMMAND...              runs COMMAND, which leaves a process behind and its number in OUT.pid, as the subreaper
    of that. Writes to OUT, one "name: value" each: status (COMMAND's), parent and self (of the process, and of the
    subreaper), ended (how the process ended, once it has).
unreaped OUT COMMAND...          the same, but the process stays a zombie until something is written to the FIFO
    OUT.end. Says "up" on the FIFO OUT.up when COMMAND has ended.
measured OUT COMMAND...          runs COMMAND; writes "SECONDS KIB" to OUT: how long it took, and the most memory that one
    of its processes had. Exits as COMMAND does.
descriptor SOCKET OUT COMMAND... listens on SOCKET, runs COMMAND; writes to OUT the data that came and the process of the
    pidfd that came with it. Exits as COMMAND does.
stalled OUT COMMAND...           runs COMMAND on a terminal that nobody reads until COMMAND has had to wait; writes to
    OUT what it printed, to OUT.cpu the seconds of CPU time it took while this driver took half a second itself.
unread OUT COMMAND...            runs COMMAND on a terminal and types until nobody takes any more of it; writes OUT.cpu as
    above, sends COMMAND a SIGTERM, and writes the terminal's settings before and after to OUT.before and OUT.after.
unmounted COMMAND...             runs COMMAND; fails when meanwhile anything was mounted or unmounted in the mount namespace
    of this driver.
racing N STATUSES COMMAND...     runs COMMAND N times at once; exits 0 when each has ended with one of STATUSES (such as
    0,137) and has printed nothing but the line "here" or, if it failed, one line of error.
"""

import array
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import termios
import time

PATIENCE = float(os.environ.get("PATIENCE", "10"))


def become_subreaper():
    assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER


def quiet(command):
    """The exit status of a command whose streams are nobody's."""
    nothing = subprocess.DEVNULL
    return subprocess.run(command, stdin=nothing, stdout=nothing, stderr=nothing, check=False).returncode


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[1]


def ending(pid):
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def reap(out, *command):
    become_subreaper()
    status = quiet(command)
    with open(out, "w") as log:
        print(f"status: {status}\nself: {os.getpid()}", file=log)
        if status == 0:
            with open(out + ".pid") as text:
                pid = int(text.read())
            print(f"parent: {parent_of(pid)}\nended: {ending(pid)}", file=log)


def unreaped(out, *command):
    become_subreaper()
    status = quiet(command)
    with open(out + ".up", "w") as up:
        print("up" if status == 0 else f"status {status}", file=up)
    with open(out + ".end") as end:
        end.read()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def measured(out, *command):
    begin = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    with open(out, "w") as log:
        print(f"{time.monotonic() - begin:.3f} {usage.ru_maxrss}", file=log)
    code = os.waitstatus_to_exitcode(status)
    raise SystemExit(128 - code if code < 0 else code)


def descriptor(path, out, *command):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()
    listener.settimeout(PATIENCE)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    connection, _ = listener.accept()
    data, ancillary, _, _ = connection.recvmsg(4096, 4096)
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload[: len(payload) // fds.itemsize * fds.itemsize])
    with open(f"/proc/self/fdinfo/{fds[0]}") as info:
        pid = [line.split()[1] for line in info if line.startswith("Pid:")][0]
    with open(out, "w") as log:
        print(f"{data.decode()} {len(fds)} {pid}", file=log)
    raise SystemExit(process.wait())


def cpu_seconds(pid):
    with open(f"/proc/{pid}/schedstat") as stat:
        return int(stat.read().split()[0]) / 1e9


def take_cpu(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def drain(master, out):
    with open(out, "wb") as log:
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:  # EIO: nobody has the other end open any more
                return
            log.write(data)


def on_terminal(out, command):
    """The process, and both ends of its terminal."""
    master, slave = os.openpty()
    note_settings(out + ".before", slave)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))

    def adopt():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    return subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=adopt), master, slave


def note_cpu(out, process):
    before = cpu_seconds(process.pid)
    take_cpu(0.5)
    with open(out + ".cpu", "w") as log:
        print(f"{cpu_seconds(process.pid) - before:.3f}", file=log)


def note_settings(path, slave):
    with open(path, "w") as log:
        print(termios.tcgetattr(slave), file=log)


def stalled(out, *command):
    process, master, slave = on_terminal(out, command)
    os.close(slave)
    select.select([master], [], [])
    take_cpu(0.3)  # until it has filled what the kernel takes
    note_cpu(out, process)
    drain(master, out)
    status = process.wait()
    raise SystemExit(128 - status if status < 0 else status)


def type_until_stuck(master):
    os.set_blocking(master, False)
    refused = 0
    while refused < 5:
        try:
            os.write(master, b"x" * 1024)
            refused = 0
        except BlockingIOError:
            refused += 1
            take_cpu(0.05)


def unread(out, *command):
    process, master, slave = on_terminal(out, command)
    select.select([master], [], [])  # the program runs
    os.read(master, 64)
    type_until_stuck(master)
    note_cpu(out, process)
    process.terminate()
    status = process.wait(PATIENCE)
    note_settings(out + ".after", slave)
    raise SystemExit(128 - status if status < 0 else status)


def unmounted(*command):
    with open("/proc/self/mountinfo") as mounts:
        mounts.read()
        watch = select.poll()
        watch.register(mounts, select.POLLPRI)
        watch.poll(0)
        status = quiet(command)
        if any(events & select.POLLPRI for _, events in watch.poll(0)):
            raise SystemExit("something was mounted")
    raise SystemExit(status)


def racing(count, statuses, *command):
    allowed = [int(word) for word in statuses.split(",")]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) for _ in range(int(count))
    ]
    failures = 0
    for process in processes:
        output, errors = process.communicate(timeout=3 * PATIENCE)
        code = process.returncode
        status = 128 - code if code < 0 else code
        told = errors.count(b"\n") == 1 if status == 255 else errors == b""
        said = output == b"here\n" if status == 0 else output in (b"", b"here\n")
        if status not in allowed or not told or not said:
            print(f"status {status}, output {output}, errors {errors}")
            failures += 1
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    VERBS = {
        "reap": reap,
        "unreaped": unreaped,
        "measured": measured,
        "descriptor": descriptor,
        "stalled": stalled,
        "unread": unread,
        "unmounted": unmounted,
        "racing": racing,
    }
    VERBS[sys.argv[1]](*sys.argv[2:])
