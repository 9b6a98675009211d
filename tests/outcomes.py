# SPDX-License-Identifier: Apache-2.0
"""What commands may answer that work on one id at the same time: what each would say in some order of them, and nothing
else. For the tests that run such commands."""
import re

GONE = r"container does not exist"
# The container's process was killed by one command while another one waited for it.
ENDED = r"(the container's process ended|was killed|no such process|process ended)"
MAKING = r"still being created"

# Command: its words before and behind the id ("BUNDLE" stands for the bundle), and what it may say when it fails.
COMMANDS = {
    "create": (["create", "--bundle", "BUNDLE"], [], [r"already exists", ENDED]),
    "run": (["run", "--detach", "--bundle", "BUNDLE"], [], [r"already exists", ENDED]),
    "start": (["start"], [], [GONE, r"cannot start an? (already|container)", ENDED]),
    "exec": (["exec"], ["/bin/true"], [GONE, r"cannot exec in a", r"container not running", MAKING, ENDED]),
    "pause": (["pause"], [], [GONE, r"not running", ENDED]),
    "resume": (["resume"], [], [GONE, r"not paused"]),
    "kill": (["kill"], ["KILL"], [GONE, r"container not running", MAKING]),
    "term": (["kill"], ["TERM"], [GONE, r"container not running", MAKING]),
    "delete": (["delete"], [], [GONE, r"not stopped", MAKING]),
    "force": (["delete", "--force"], [], []),
    "state": (["state"], [], [GONE]),
    "list": (["list"], None, []),
    # A host may have cgroup2 without that controller.
    "update": (["update", "--pids-limit", "100"], [], [GONE, r"not running", r"controller pids is not available"]),
    "ps": (["ps"], [], [GONE, r"not running"]),
    "checkpoint": (["checkpoint"], [], [GONE, r"not running", ENDED, r"cannot be checkpointed in",
                   # Of an exec that has not come to its end: CRIU waits for that, and gives up.
                   r"criu dump failed: zombie"]),
    "events": (["events", "--stats"], [], [GONE, r"not running", MAKING]),
}


def words(name, bundle, container):
    before, behind, _ = COMMANDS[name]
    argv = [bundle if word == "BUNDLE" else word for word in before]
    return argv if behind is None else [*argv, container, *behind]


def judge(name, status, errors):
    """A word for an outcome that may be; None: it may not."""
    if status == 0:
        return "done"
    if name == "exec" and status in (137, 143):  # the program was killed with its container
        return "killed"
    if status not in (1, 255):
        return None
    return next((pattern for pattern in COMMANDS[name][2] if re.search(pattern, errors)), None)
