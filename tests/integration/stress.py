#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workers that give random commands to a few ids at once, for some seconds. Every outcome must be one that some order
of the commands would have (outcomes.py); any other one is told.

  stress.py [--seconds N] [--workers N] [--seed N] BERTH ROOT BUNDLE ID...

The bundle of each is BUNDLE.ID, with a cgroup of its own.

Prints each outcome with its count, and ends with 1 where one was wrong."""
import argparse
import collections
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
import outcomes  # noqa: E402

PATIENCE = 30  # seconds that a command may take: three times what one waits for a lock
WEIGHTS = {"create": 3, "run": 3, "start": 3, "exec": 3, "force": 2, "state": 2, "checkpoint": 0}  # which needs CRIU


class Workers:
    def __init__(self, options):
        self.options = options
        self.end = time.monotonic() + options.seconds
        self.lock = threading.Lock()
        self.outcomes = collections.Counter()
        self.wrong = []

    def words(self, name, container):
        return outcomes.words(name, f"{self.options.bundle}.{container}", container)

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

    def work(self, seed):
        choose = random.Random(seed)
        names = list(outcomes.COMMANDS)
        weights = [WEIGHTS.get(name, 1) for name in names]
        while time.monotonic() < self.end:
            name = choose.choices(names, weights)[0]
            words = self.words(name, choose.choice(self.options.ids))
            status, text = self.call(words)
            verdict = outcomes.judge(name, status, text)
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
