# SPDX-License-Identifier: Apache-2.0
"""Reads what a validation program says in the Test Anything Protocol, and judges it.

The usual consumers (prove, tap) are no use for this suite: a program may print several TAP documents one after the
other, die after a plan of `1..0`, exit 0 after a failure, or print no point at all and only a diagnostic when something
is wrong. So every point is counted, and the judgement is made here, in one place: `judge`.
"""

import json
import re
from dataclasses import dataclass, field

VERSION = re.compile(r"TAP version \d+\s*$")
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#.*)?$")
POINT = re.compile(r"(not )?ok\b\s*(\d+)?\s*-?\s*(.*)$")
DIRECTIVE = re.compile(r"(?:^|\s)#\s*(skip|todo)\b", re.IGNORECASE)
BAIL_OUT = re.compile(r"Bail out!\s*(.*)$")
BLOCK_START = re.compile(r"\s+---\s*$")
BLOCK_END = re.compile(r"\s+\.\.\.\s*$")


@dataclass
class Point:
    """One line of `ok` or `not ok`, with the diagnostics that follow it."""
    ok: bool
    description: str
    directive: str = ""  # "", "skip" or "todo"
    diagnostics: list = field(default_factory=list)

    @property
    def failed(self):
        return not self.ok and self.directive != "todo"


@dataclass
class Report:
    """All that a program printed."""
    points: list = field(default_factory=list)
    orphans: list = field(default_factory=list)  # diagnostics that belong to no point
    faults: list = field(default_factory=list)   # where the stream contradicts itself

    @property
    def passed(self):
        """Points that were tried and did not fail."""
        return sum(not point.failed and point.directive != "skip" for point in self.points)

    @property
    def failed(self):
        return sum(point.failed for point in self.points)


class _Document:
    """The state between a version line and the next: the numbering and the plan begin anew there."""

    def __init__(self):
        self.count = 0
        self.plan = None

    def fault(self):
        if self.plan is not None and self.plan != self.count:
            return f"the plan says {self.plan} points, {self.count} came"
        if self.plan is None and self.count:
            return f"the plan is missing after {self.count} points"
        return None


def read(text):
    """Reads the whole output of a program. Lines that are not TAP are skipped, as TAP asks."""
    report = Report()
    document = _Document()
    block = None
    for line in text.splitlines():
        if block is not None:
            if BLOCK_END.match(line):
                _add_diagnostic(report, document, "\n".join(block))
                block = None
            else:
                block.append(line)
        elif BLOCK_START.match(line):
            block = []
        elif VERSION.match(line):
            _close(report, document)
            document = _Document()
        elif match := PLAN.match(line):
            if document.plan is not None:
                report.faults.append("a second plan")
            document.plan = int(match[1])
        elif match := POINT.match(line):
            _add_point(report, document, match)
        elif match := BAIL_OUT.match(line):
            report.faults.append(f"bail out: {match[1]}")
    if block is not None:
        report.faults.append("the output ends inside a diagnostic")
    _close(report, document)
    return report


def _close(report, document):
    fault = document.fault()
    if fault:
        report.faults.append(fault)


def _add_point(report, document, match):
    document.count += 1
    if match[2] and int(match[2]) != document.count:
        report.faults.append(f"point {document.count} says that it is number {match[2]}")
    directive = DIRECTIVE.search(match[3])
    report.points.append(Point(ok=match[1] is None, description=match[3].strip(),
                               directive=directive[1].lower() if directive else ""))


def _add_diagnostic(report, document, text):
    """The programs write JSON, which is YAML too; what is not JSON is kept as text."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    (report.points[-1].diagnostics if document.count else report.orphans).append(value)


def _error_in(diagnostic):
    """The error that a diagnostic tells of, or None. Text that is no JSON is searched for a key of that name."""
    if isinstance(diagnostic, dict):
        return diagnostic.get("error") or None
    match = re.search(r"^\s*[\"']?error[\"']?\s*:\s*(\S.*)$", str(diagnostic), re.MULTILINE)
    return match[1] if match else None


def judge(report, status):
    """Says what a program's output and exit status mean: ("pass" | "silent" | "fail", list of reasons).

    `status` is the exit status as subprocess has it (negative: a signal), or None after a timeout.
    "silent" is a pass without a point: the hook programs print a diagnostic with an `error` only when something is
    wrong, and nothing when all is well. With points, diagnostics do not count: an expected refusal is an `ok` with an
    `error`.
    """
    reasons = [f"not ok: {point.description}" for point in report.points if point.failed]
    reasons += report.faults
    if not report.points:
        reasons += [f"error: {error}" for error in map(_error_in, report.orphans) if error]
    elif all(point.directive == "skip" for point in report.points):
        reasons.append("every point was skipped")
    if status is None:
        reasons.append("timed out")
    elif status < 0:
        reasons.append(f"ended by signal {-status}")
    elif status > 0:
        reasons.append(f"exit status {status}")
    if reasons:
        return "fail", reasons
    return ("pass" if report.points else "silent"), []
