#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workers that give random commands to a few ids at once, for some seconds. Every outcome must be one that some order
of the commands would have: the answers that each command may give are listed here, and any other one is told.

  stress.py [--seconds N] [--workers N] [--seed N] BERTH ROOT BUNDLE ID...

Prints each outcome with its count, and ends with 1 where one was wrong."""
import argparse
import collections
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 30  # seconds that a command may take: three times what one waits for a lock
GONE = r"container does not exist"
ENDED = r"(the container's process ended|was killed|no such process|process ended)"

# Command: its words before and behind the id, and what it may say when it fails.
COMMANDS = {
    "create": (["create", "--bundle", "BUNDLE"], [], [r"already exists"]),
    "run": (["run", "--detach", "--bundle", "BUNDLE"], [], [r"already exists", ENDED]),
    "start": (["start"], [], [GONE, r"cannot start an? (already|container)", ENDED]),
    "exec": (["exec"], ["true"], [GONE, r"cannot exec in a", r"container not running", ENDED]),
    "pause": (["pause"], [], [GONE, r"not running", r"cannot pause", ENDED]),
    "resume": (["resume"], [], [GONE, r"not paused"]),
    "kill": (["kill"], ["KILL"], [GONE, r"container not running"]),
    "term": (["kill"], ["TERM"], [GONE, r"container not running"]),
    "delete": (["delete"], [], [GONE, r"not stopped", r"cannot delete"]),
    "force": (["delete", "--force"], [], []),
    "state": (["state"], [], [GONE]),
    "update": (["update", "--pids-limit", "100"], [], [GONE, r"not running", r"cannot update"]),
    "ps": (["ps"], [], [GONE, r"not running", r"cannot list"]),
}
WEIGHTS = {"create": 3, "run": 3, "start": 3, "exec": 3, "force": 2, "state": 2}


class Workers:
    def __init__(self, options):
        self.options = options
        self.end = time.monotonic() + options.seconds
        self.lock = threading.Lock()
        self.outcomes = collections.Counter()
        self.wrong = []

    def command(self, name, container):
        before, behind, allowed = COMMANDS[name]
        words = [self.options.bundle if word == "BUNDLE" else word for word in before]
        return [*words, container, *behind], allowed

    def call(self, words):
        # A file, not a pipe, whose other end a detached container would keep open.
        with tempfile.TemporaryFile() as errors:
            with subprocess.Popen([self.options.berth, "--root", self.options.root, *words], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=errors) as process:
                try:
                    process.wait(timeout=PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    return None, f"no answer in {PATIENCE} s"
            errors.seek(0)
            return process.returncode, errors.read().decode(errors="replace").strip()

    def judge(self, name, status, text, allowed):
        if status == 0:
            return "done"
        if name == "exec" and status in (137, 143):  # the program was killed with its container
            return "killed"
        for pattern in allowed:
            if status in (1, 255) and re.search(pattern, text):
                return pattern
        return None

    def work(self, seed):
        choose = random.Random(seed)
        names = list(COMMANDS) + ["list"]
        weights = [WEIGHTS.get(name, 1) for name in names]
        while time.monotonic() < self.end:
            name = choose.choices(names, weights)[0]
            if name == "list":
                words, allowed = ["list"], []
            else:
                words, allowed = self.command(name, choose.choice(self.options.ids))
            status, text = self.call(words)
            verdict = self.judge(name, status, text, allowed)
            with self.lock:
                self.outcomes[f"{name}: {verdict or 'WRONG'}"] += 1
                if verdict is None:
                    self.wrong.append(f"{' '.join(words)}: status {status}: {text}")

    def run(self):
        threads = [threading.Thread(target=self.work, args=(self.options.seed + n,)) for n in range(self.options.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for outcome, count in sorted(self.outcomes.items()):
            print(f"{count:6} {outcome}")
        print(f"{sum(self.outcomes.values()):6} commands")
        for line in self.wrong[:20]:
            print(f"wrong: {line}")
        return 1 if self.wrong else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("berth")
    parser.add_argument("root")
    parser.add_argument("bundle")
    parser.add_argument("ids", nargs="+")
    return Workers(parser.parse_args()).run()


sys.exit(main())
