# SPDX-License-Identifier: Apache-2.0
"""What the stdio suite needs of a caller and of the other end that a shell cannot be. `stdio.py VERB ARGUMENT...`:

caller WHAT,... -- COMMAND...    becomes COMMAND, as a caller in the state that WHAT says:
    ignore=SIGNAL  block  fds=N  pdeathsig  gone  (signals ignored, all blocked, N inheritable descriptors from 3 on,
    a parent-death signal, a working directory that was removed)
receive SOCKET OUT COMMAND...    listens on SOCKET, runs COMMAND, and keeps the terminal it is sent: writes the
    message's data and the number of descriptors to OUT.meta, all output of the terminal to OUT until its end. Lines from the
    FIFO OUT.in are typed.
terminal OUT SIZE COMMAND...     runs COMMAND on a terminal of its own of SIZE (ROWSxCOLUMNS); writes the output to OUT,
    types what arrives in the FIFO OUT.in; a line "@ROWSxCOLUMNS" there resizes instead. Exits as COMMAND does.
    Its terminal settings before and after go to OUT.before and OUT.after.
notify SOCKET OUT COMMAND...     runs COMMAND with a datagram socket bound to SOCKET, and writes what it gets, one
    datagram a line, to OUT.
"""

import array
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios


def caller(what, dashes, *command):
    assert dashes == "--"
    for word in what.split(","):
        name, _, value = word.partition("=")
        if name == "ignore":
            signal.signal(getattr(signal, value), signal.SIG_IGN)
        elif name == "block":
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        elif name == "fds":
            for _ in range(int(value)):
                os.set_inheritable(os.open("/etc/hostname", os.O_RDONLY), True)
        elif name == "pdeathsig":
            import ctypes

            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        elif name == "gone":
            os.mkdir("gone")
            os.chdir("gone")
            os.rmdir("../gone")
        else:
            raise SystemExit(f"caller: {word}?")
    os.execvp(command[0], command)


def resize(fd, size):
    rows, columns = size.split("x")
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", int(rows), int(columns), 0, 0))


def copy_terminal(master, out, on_line=None):
    """Copies from the terminal to the file `out`, and from the FIFO out.in to the terminal, until the former ends."""
    typed = os.open(out + ".in", os.O_RDWR) if os.path.exists(out + ".in") else -1
    with open(out, "wb", buffering=0) as log:
        while True:
            ready, _, _ = select.select([fd for fd in (master, typed) if fd >= 0], [], [])
            if typed in ready:
                data = os.read(typed, 65536)
                if data.startswith(b"@") and on_line:
                    on_line(data[1:].strip().decode())
                else:
                    os.write(master, data)
            if master in ready:
                try:
                    data = os.read(master, 65536)
                except OSError:  # EIO: nobody has the other end open any more
                    return
                if not data:
                    return
                log.write(data)


def receive(path, out, *command):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()
    listener.settimeout(20)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    connection, _ = listener.accept()
    data, ancillary, _, _ = connection.recvmsg(4096, 4096)
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload[: len(payload) // fds.itemsize * fds.itemsize])
    rest = connection.recv(1)  # the end: one message and no more
    status = process.wait()
    with open(out + ".meta", "w") as meta:
        print(f"{data.decode()} {len(fds)} {len(rest)}", file=meta)
    if status == 0:
        copy_terminal(fds[0], out)
    raise SystemExit(status)


def terminal(out, size, *command):
    master, slave = os.openpty()
    resize(slave, size)
    with open(out + ".before", "w") as before:
        print(termios.tcgetattr(slave), file=before)

    def adopt():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=adopt)
    if os.fork() == 0:
        # The copying; the slave that the parent holds keeps the terminal alive until the settings were read.
        os.close(slave)
        copy_terminal(master, out, lambda text: resize(master, text))
        os._exit(0)
    status = process.wait()
    with open(out + ".after", "w") as after:
        print(termios.tcgetattr(slave), file=after)
    os.close(slave)
    os.wait()
    raise SystemExit(128 - status if status < 0 else status)


def notify(path, out, *command):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.settimeout(0.1)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    with open(out, "w") as log:
        while True:
            ended = process.poll() is not None  # asked first: what came before the end is read after it
            try:
                data, ancillary, _, _ = listener.recvmsg(65536, 4096)
            except TimeoutError:
                if ended:
                    break
                continue
            print(data.decode().replace("\n", " "), file=log)
            for _, _, payload in ancillary:
                for fd in struct.unpack(f"{len(payload) // 4}i", payload):
                    os.close(fd)  # a barrier: closing it is the answer
    raise SystemExit(process.returncode)


if __name__ == "__main__":
    {"caller": caller, "receive": receive, "terminal": terminal, "notify": notify}[sys.argv[1]](*sys.argv[2:])
