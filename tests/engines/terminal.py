#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A person at a terminal: runs a command on a pty of its own and plays both sides' lines in turn.

    terminal.py STEP... -- COMMAND [ARG...]

Steps: size:ROWSxCOLS   set the window's size (the command is told by SIGWINCH, as always)
       expect:TEXT      wait until TEXT comes, after what was found before
       send:TEXT        type TEXT; Python's escapes (\\r, \\x03) are understood
After the last step the rest of the output is read to its end. Everything that came is printed; the exit code is the
command's, or 99 when a step or the end took longer than 30 s (the command is killed then).
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

PATIENCE = 30


class Terminal:
    def __init__(self, command):
        self.came = b""
        self.found = 0
        self.open = True
        self.deadline = time.monotonic() + PATIENCE
        # The command may not run before the first size is set: it waits for this pipe's end.
        ready, self.go = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.close(self.go)
            os.read(ready, 1)
            os.execvp(command[0], command)
        os.close(ready)

    def release(self):
        if self.go is not None:
            os.close(self.go)
            self.go = None

    def size(self, text):
        rows, columns = (int(word) for word in text.split("x"))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, text):
        self.release()
        wanted = text.encode()
        while (at := self.came.find(wanted, self.found)) < 0:
            self.read(f"no {text!r} came")
        self.found = at + len(wanted)

    def send(self, text):
        self.release()
        os.write(self.fd, text.encode().decode("unicode_escape").encode())

    def read(self, complaint):
        left = self.deadline - time.monotonic()
        if not self.open or left <= 0 or not select.select([self.fd], [], [], left)[0]:
            raise TimeoutError(complaint)
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # EIO: nobody has the other end open any more
            piece = b""
        self.open = piece != b""
        self.came += piece

    def end(self):
        self.release()
        while self.open:
            self.read("the command does not end")


def main():
    split = sys.argv.index("--")
    terminal = Terminal(sys.argv[split + 1:])
    verbs = {"size": terminal.size, "expect": terminal.expect, "send": terminal.send}
    failure = None
    try:
        for step in sys.argv[1:split]:
            verb, _, text = step.partition(":")
            verbs[verb](text)
        terminal.end()
    except TimeoutError as error:
        failure = error
        os.kill(terminal.pid, 9)
    sys.stdout.write(terminal.came.decode(errors="replace").replace("\r\n", "\n"))
    _, status = os.waitpid(terminal.pid, 0)
    if failure:
        print(f"\nterminal.py: {failure}")
        return 99
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
