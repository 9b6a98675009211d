/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure: the command line's own failures, in the form that the library gives its. Each returns -code (EINVAL for a
 * code of 0), so `return failure_set(error, ...)` reads well. Nothing is printed here: report.c does that, once.
 */
#ifndef BERTH_CLI_FAILURE_H
#define BERTH_CLI_FAILURE_H

#include <berth/berth.h>

/* Code and text, nothing else: step and place are emptied. */
int failure_set(struct berth_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* failure_set with the text of the errno behind it: "FORMAT: No space left on device". */
int failure_code(struct berth_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "FORMAT: " before the text; what no longer fits is cut at the end. */
int failure_wrap(struct berth_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
