#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Tests that a program is run as asked and that nothing of it stays. Needs root. Run: ./test_confine.py"""

import os
import signal
import tempfile
import unittest

import confine


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root")
    confine.isolate_caller()


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Confined(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="berth-confine-test-")
        self.addCleanup(holder.cleanup)
        self.scratch = holder.name
        self.keep = os.path.join(holder.name, "keep")  # what the script wants to tell beside its output

    def run_script(self, script, seconds=20, **options):
        environment = {"PATH": os.environ["PATH"], "KEEP": self.keep}
        return confine.run(["/bin/sh", "-c", script], "/", environment, self.scratch, seconds, **options)

    def kept(self):
        with open(self.keep, encoding="ascii") as file:
            return file.read().split()

    def group_of_memory(self):
        return next((h.mountpoint for h in confine.hierarchies() if h.name == "memory"), None)

    def test_output_and_status(self):
        outcome = self.run_script("echo out; echo err >&2; exit 3")
        self.assertEqual((outcome.stdout, outcome.stderr, outcome.status), ("out\n", "err\n", 3))
        self.assertEqual(outcome.left, [])

    def test_standard_input_is_empty(self):
        self.assertEqual(self.run_script("cat | wc -c").stdout.strip(), "0")

    def test_signals_are_not_held_back_in_the_program(self):
        self.assertEqual(self.run_script("kill -TERM $$; echo alive").status, -signal.SIGTERM)

    def test_a_command_that_does_not_exist_is_a_failure(self):
        outcome = confine.run(["/does/not/exist"], "/", {}, self.scratch, 5)
        self.assertEqual(outcome.status, 127)
        self.assertIn("/does/not/exist", outcome.stderr)

    def test_daemons_are_ended(self):
        outcome = self.run_script("(setsid sleep 1000 & echo $! >$KEEP)")
        self.assertFalse(exists(int(self.kept()[0])))
        self.assertEqual(len(outcome.left), 1)
        self.assertIn(f"({self.kept()[0]})", outcome.left[0])

    def test_orphans_that_ended_are_collected_while_the_program_runs(self):
        # Until its parent collects it, an ended process still has a folder in /proc: the loop ends only when we do so.
        outcome = self.run_script("(sh -c 'echo $$ >$KEEP' &); until test -s $KEEP; do :; done; "
                                  "while test -d /proc/$(cat $KEEP); do :; done; echo gone")
        self.assertEqual((outcome.stdout, outcome.left), ("gone\n", []))

    def test_a_timeout_ends_the_program(self):
        outcome = self.run_script("echo $$ >$KEEP; echo begun; sleep 1000", seconds=0.5)
        self.assertEqual((outcome.status, outcome.stdout), (None, "begun\n"))
        self.assertFalse(exists(int(self.kept()[0])))

    def test_a_stop_signal_ends_the_program_and_cleans(self):
        with self.assertRaises(confine.Interrupted) as caught:
            self.run_script("echo $$ >$KEEP; mkdir $TMPDIR/a; kill -TERM $PPID; sleep 1000")
        self.assertEqual(caught.exception.number, signal.SIGTERM)
        self.assertFalse(exists(int(self.kept()[0])))
        self.assertFalse(os.path.exists(f"{self.scratch}/tmp"))

    def test_temporary_files_and_mounts_go_away(self):
        outcome = self.run_script("mkdir $TMPDIR/m && mount -t tmpfs none $TMPDIR/m && touch $TMPDIR/m/f /run/f && "
                                  "echo $TMPDIR")
        self.assertEqual(outcome.status, 0, outcome.stderr)
        self.assertFalse(os.path.exists(outcome.stdout.strip()))
        self.assertFalse(os.path.exists("/run/f"))
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            self.assertNotIn(outcome.stdout.strip(), file.read())

    def test_fixed_and_container_groups_are_removed(self):
        memory = self.group_of_memory()
        if not memory:
            self.skipTest("no version 1 memory hierarchy")
        identity = "01234567-89ab-cdef-0123-456789abcdef"
        outcome = self.run_script(f"cd {memory} && "
                                  f"mkdir -p cgrouptest/below testdir/cgrouptest/container {identity} && "
                                  f"echo $$ >cgrouptest/below/cgroup.procs && sleep 1000 & "
                                  f"until test -d {memory}/{identity}; do :; done")
        self.assertEqual(outcome.status, 0, outcome.stderr)
        for name in ("cgrouptest", "testdir", identity, f"berth-conformance-{os.getpid()}"):
            self.assertFalse(os.path.exists(f"{memory}/{name}"), name)
        self.assertIn(f"{memory}/{identity}", outcome.left)
        self.assertIn(f"{memory}/cgrouptest", outcome.left)
        self.assertNotIn(f"{memory}/testdir", outcome.left)

    def test_the_program_has_a_memory_group_of_its_own(self):
        if not self.group_of_memory():
            self.skipTest("no version 1 memory hierarchy")
        self.assertIn(f"memory:/berth-conformance-{os.getpid()}\n", self.run_script("cat /proc/self/cgroup").stdout)

    def test_frozen_processes_are_ended(self):
        freezer = next((h.mountpoint for h in confine.hierarchies() if h.name == "freezer"), None)
        if not freezer:
            self.skipTest("no version 1 freezer")
        outcome = self.run_script(f"mkdir {freezer}/cgrouptest && sleep 1000 & pid=$!; cd {freezer}; "
                                  "until test -d cgrouptest; do :; done; echo $pid >cgrouptest/cgroup.procs; "
                                  "echo FROZEN >cgrouptest/freezer.state; "
                                  "until grep -q FROZEN cgrouptest/freezer.state; do :; done; echo $pid >$KEEP")
        self.assertEqual(outcome.status, 0, outcome.stderr)
        self.assertFalse(exists(int(self.kept()[0])))

    def test_user_namespace_has_every_capability(self):
        outcome = self.run_script("grep CapEff /proc/self/status; id -u; readlink /proc/self/ns/user; "
                                  "mount -t tmpfs none /mnt", in_user_namespace=True)
        self.assertEqual(outcome.status, 0, outcome.stderr)
        capabilities, identity, namespace = outcome.stdout.splitlines()
        self.assertTrue(int(capabilities.split()[1], 16) >> 24 & 1, "CAP_SYS_RESOURCE is missing")
        self.assertEqual(identity, "0")
        self.assertNotEqual(namespace, os.readlink("/proc/self/ns/user"))


if __name__ == "__main__":
    unittest.main()
