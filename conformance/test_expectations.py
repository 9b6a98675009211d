#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Unit tests of the table of expectations, and a check of the table itself. Run: ./test_expectations.py"""

import itertools
import os
import unittest

import expectations
import tap

HEAD = "program\twhen\tresult\tok\tnot_ok\treason\n"


def read(*rows, **facts):
    return expectations.read([HEAD, *(f"{row}\n" for row in rows)], facts)


def report(passed, failed):
    lines = ["ok"] * passed + ["not ok"] * failed + [f"1..{passed + failed}"]
    return tap.read("\n".join(lines))


class Reading(unittest.TestCase):
    def test_first_row_that_applies_counts(self):
        rows = ("p\ta\tfail\t-\t-\tbecause", "p\tb+!a\tpass\t1\t0\t", "p\talways\tpass\t2\t0\t")
        self.assertEqual(read(*rows, a=True, b=True)["p"].result, "fail")
        self.assertEqual(read(*rows, a=False, b=True)["p"].ok, 1)
        self.assertEqual(read(*rows, a=False, b=False)["p"].ok, 2)

    def test_no_row_that_applies(self):
        self.assertEqual(read("p\ta\tpass\t1\t0\t", a=False), {})

    def test_rules_of_the_table(self):
        for row in ("p\talways\tmaybe\t1\t0\twhy", "p\talways\tfail\t0\t1\t", "p\tunknown\tpass\t1\t0\t",
                    "p\talways\tpass"):
            with self.assertRaises(expectations.TableError, msg=row):
                read(row)
        with self.assertRaises(expectations.TableError):
            expectations.read(["a\tb\n"], {})


class Accepting(unittest.TestCase):
    def accepts(self, row, result, points):
        return read(row)["p"].accepts(result, points)

    def test_result_and_points_must_be_equal(self):
        row = "p\talways\tpass\t2\t0\t"
        self.assertTrue(self.accepts(row, "pass", report(2, 0)))
        self.assertFalse(self.accepts(row, "pass", report(1, 0)))
        self.assertFalse(self.accepts(row, "pass", report(3, 0)))
        self.assertFalse(self.accepts(row, "fail", report(2, 0)))

    def test_an_unexpected_pass_is_not_accepted(self):
        self.assertFalse(self.accepts("p\talways\tfail\t-\t-\twhy", "pass", report(1, 0)))

    def test_a_dash_stands_for_any_points(self):
        self.assertTrue(self.accepts("p\talways\tfail\t-\t-\twhy", "fail", report(1, 4)))

    def test_flaky_accepts_both(self):
        row = "p\talways\tflaky\t-\t-\twhy"
        self.assertTrue(self.accepts(row, "fail", report(0, 1)))
        self.assertTrue(self.accepts(row, "silent", report(0, 0)))


class TheTable(unittest.TestCase):
    def test_every_host_finds_every_program(self):
        path = os.path.join(os.path.dirname(os.path.realpath(__file__)), "expected.tsv")
        for cgroup1, resource in itertools.product((False, True), repeat=2):
            with open(path, encoding="utf-8") as file:
                table = expectations.read(file, {"cgroup1": cgroup1, "cap_sys_resource": resource})
            self.assertEqual(sum("@" not in program for program in table), 58)


if __name__ == "__main__":
    unittest.main()
