#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Unit tests of the TAP reader and of its judgement. Run: ./test_tap.py"""

import unittest

import tap


def verdict(text, status=0):
    return tap.judge(tap.read(text), status)[0]


class Points(unittest.TestCase):
    def test_counts_ok_and_not_ok(self):
        report = tap.read("TAP version 13\nok 1 - a\nnot ok 2 - b\nok 3 - c\n1..3\n")
        self.assertEqual((report.passed, report.failed), (2, 1))
        self.assertEqual(report.faults, [])

    def test_number_and_description_are_optional(self):
        report = tap.read("ok\nnot ok\nok 3\nok - named\n1..4\n")
        self.assertEqual((report.passed, report.failed), (3, 1))
        self.assertEqual(report.points[3].description, "named")

    def test_words_that_begin_like_a_point_are_none(self):
        self.assertEqual(tap.read("okay\nnot okay\nnothing\nok1\n").points, [])

    def test_indented_points_do_not_count(self):
        self.assertEqual(tap.read("    ok 1 - nested\n    not ok 2 - nested\n").points, [])

    def test_skip_counts_for_the_plan_only(self):
        report = tap.read("ok 1 # SKIP no device\nok 2 - # skip\nok 3 - a\n1..3\n")
        self.assertEqual([p.directive for p in report.points], ["skip", "skip", ""])
        self.assertEqual((report.passed, report.failed, report.faults), (1, 0, []))

    def test_failing_todo_is_no_failure(self):
        report = tap.read("not ok 1 # TODO later\n1..1\n")
        self.assertEqual((report.passed, report.failed), (1, 0))
        self.assertEqual(tap.judge(report, 0), ("pass", []))

    def test_a_hash_in_the_description_is_no_directive(self):
        report = tap.read("not ok 1 - issue #todoist and C# skipping\n1..1\n")
        self.assertEqual(report.failed, 1)

    def test_carriage_returns_are_line_ends(self):
        self.assertEqual(tap.read("ok 1 - a\r\n1..1\r\n").faults, [])


class Diagnostics(unittest.TestCase):
    def test_block_belongs_to_the_point_before_it(self):
        report = tap.read('ok 1 - a\n  ---\n  {"x": 1}\n  ...\nok 2 - b\n1..2\n')
        self.assertEqual(report.points[0].diagnostics, [{"x": 1}])
        self.assertEqual(report.points[1].diagnostics, [])

    def test_block_before_any_point_is_an_orphan(self):
        report = tap.read('TAP version 13\n  ---\n  {"error": "e"}\n  ...\n1..0\n')
        self.assertEqual(report.orphans, [{"error": "e"}])

    def test_points_inside_a_block_do_not_count(self):
        report = tap.read("ok 1 - a\n  ---\nnot ok 2 - inside\n  ...\n1..1\n")
        self.assertEqual((report.passed, report.failed), (1, 0))

    def test_block_of_a_second_document_is_not_given_to_the_first(self):
        report = tap.read('ok 1 - a\n1..1\nTAP version 13\n  ---\n  {"error": "e"}\n  ...\n1..0\n')
        self.assertEqual(report.points[0].diagnostics, [])
        self.assertEqual(report.orphans, [{"error": "e"}])

    def test_comments_and_noise_are_skipped(self):
        report = tap.read("# not ok 7\nhello\n\nok 1 - a\n1..1\n")
        self.assertEqual((report.passed, report.failed, report.faults), (1, 0, []))


class Streams(unittest.TestCase):
    def test_documents_are_counted_apart(self):
        report = tap.read("TAP version 13\nok 1 - a\n1..1\nTAP version 13\nok 1 - b\nok 2 - c\n1..2\n")
        self.assertEqual((report.passed, report.faults), (3, []))

    def test_plan_that_differs_is_a_fault(self):
        self.assertEqual(verdict("1..3\nok 1 - a\nok 2 - b\n"), "fail")

    def test_missing_plan_is_a_fault(self):
        self.assertEqual(verdict("TAP version 13\nok 1 - a\n"), "fail")

    def test_second_plan_is_a_fault(self):
        self.assertEqual(verdict("1..1\nok 1 - a\n1..1\n"), "fail")

    def test_wrong_number_is_a_fault(self):
        self.assertEqual(verdict("ok 1 - a\nok 3 - b\n1..2\n"), "fail")

    def test_bail_out_is_a_fault(self):
        self.assertEqual(verdict("ok 1 - a\n1..1\nBail out! no disk\n"), "fail")

    def test_unclosed_block_is_a_fault(self):
        self.assertEqual(verdict('ok 1 - a\n1..1\n  ---\n  {"x": 1}\n'), "fail")


class Judgement(unittest.TestCase):
    def test_pass(self):
        self.assertEqual(verdict("TAP version 13\nok 1 - a\n1..1\n"), "pass")

    def test_a_failed_point_fails_in_spite_of_exit_status_0(self):
        self.assertEqual(verdict("not ok 1 - a\n1..1\n", 0), "fail")

    def test_plan_of_0_with_an_exit_status_is_no_skip(self):
        self.assertEqual(verdict("TAP version 13\n1..0\n", 1), "fail")

    def test_nothing_wrong_and_no_point_is_silent(self):
        self.assertEqual(verdict("TAP version 13\n1..0\n"), "silent")
        self.assertEqual(verdict(""), "silent")

    def test_error_without_a_point_fails(self):
        self.assertEqual(verdict('TAP version 13\n  ---\n  {"error": "hooks MUST be called"}\n  ...\n1..0\n'), "fail")
        self.assertEqual(verdict("TAP version 13\n  ---\n  error: hooks MUST be called\n  ...\n1..0\n"), "fail")

    def test_empty_error_without_a_point_is_silent(self):
        self.assertEqual(verdict('TAP version 13\n  ---\n  {"error": ""}\n  ...\n1..0\n'), "silent")

    def test_error_beside_a_passed_point_is_an_expected_refusal(self):
        self.assertEqual(verdict('ok 1 - a\n  ---\n  {"error": "exit status 1"}\n  ...\n1..1\n'), "pass")

    def test_nothing_but_skips_is_no_pass(self):
        self.assertEqual(verdict("1..1\nok 1 # SKIP no device\n"), "fail")

    def test_signals_and_timeouts_fail(self):
        self.assertEqual(tap.judge(tap.read("ok 1\n1..1\n"), -9), ("fail", ["ended by signal 9"]))
        self.assertEqual(tap.judge(tap.read("ok 1\n1..1\n"), None), ("fail", ["timed out"]))

    def test_reasons_name_the_failed_points(self):
        report = tap.read("ok 1 - fine\nnot ok 2 - broken\n1..2\n")
        self.assertEqual(tap.judge(report, 0), ("fail", ["not ok: broken"]))


if __name__ == "__main__":
    unittest.main()
