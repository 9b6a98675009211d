# SPDX-License-Identifier: Apache-2.0
"""The table of expected results, and what it says about one result. The columns are explained in README.md."""

import csv
from dataclasses import dataclass

COLUMNS = ["program", "when", "result", "ok", "not_ok", "reason"]
RESULTS = ("pass", "silent", "fail", "flaky")


class TableError(Exception):
    """The table breaks its own rules."""


@dataclass(frozen=True)
class Expectation:
    program: str
    result: str
    ok: int | None
    not_ok: int | None
    reason: str

    def accepts(self, result, report):
        """Is this what was expected? A flaky program may end either way."""
        if self.result == "flaky":
            return True
        return self.result == result and (self.ok, self.not_ok) in ((report.passed, report.failed), (None, None))

    def __str__(self):
        points = "" if self.ok is None else f" {self.ok}/{self.not_ok}"
        return f"{self.result}{points}"


def _applies(when, facts):
    """`when` is `always`, or facts joined with +, each of which a ! negates."""
    def holds(term):
        name = term.removeprefix("!")
        if name not in facts:
            raise TableError(f"unknown fact {name}")
        return facts[name] != term.startswith("!")
    return when == "always" or all([holds(term) for term in when.split("+")])


def _points(text):
    return None if text == "-" else int(text)


def read(lines, facts):
    """{program: Expectation}: of the rows of a program the first whose `when` holds counts."""
    table = {}
    rows = csv.DictReader((line for line in lines if not line.startswith("#") and line.strip()), delimiter="\t",
                          quoting=csv.QUOTE_NONE)
    if rows.fieldnames != COLUMNS:
        raise TableError(f"the columns must be {' '.join(COLUMNS)}")
    for row in rows:
        if None in row.values() or None in row:
            raise TableError(f"{row['program']}: a row has {len(COLUMNS)} columns")
        if row["result"] not in RESULTS:
            raise TableError(f"{row['program']}: unknown result {row['result']}")
        if row["result"] != "pass" and not row["reason"]:
            raise TableError(f"{row['program']}: only a pass needs no reason")
        if _applies(row["when"], facts) and row["program"] not in table:
            table[row["program"]] = Expectation(row["program"], row["result"], _points(row["ok"]),
                                                _points(row["not_ok"]), row["reason"])
    return table
