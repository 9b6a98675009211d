/* SPDX-License-Identifier: Apache-2.0 */
/* tap: the little that a unit test needs. A test is a program that prints TAP and ends with `return tap_done();`. */
#ifndef BERTH_TESTS_TAP_H
#define BERTH_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool tap_point(bool passed, const char *file, int line,
                                                                    const char *format, ...) {
    va_list args;
    printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    if (!passed) {
        tap_failed++;
        printf("# at %s:%d\n", file, line);
    }
    return passed;
}

/* One point; true when it holds. */
#define ok(condition, ...) tap_point((condition), __FILE__, __LINE__, __VA_ARGS__)

/* Two strings are equal (NULL equals NULL only); prints both when not. */
#define is_text(got, want, ...)                                                                                        \
    do {                                                                                                               \
        const char *tap_got = (got), *tap_want = (want);                                                               \
        bool tap_same = tap_got && tap_want ? strcmp(tap_got, tap_want) == 0 : tap_got == tap_want;                    \
        if (!ok(tap_same, __VA_ARGS__))                                                                                \
            printf("# got \"%s\", want \"%s\"\n", tap_got ? tap_got : "(null)", tap_want ? tap_want : "(null)");       \
    } while (0)

/* Two integers are equal; prints both when not. */
#define is_number(got, want, ...)                                                                                      \
    do {                                                                                                               \
        long long tap_got = (long long)(got), tap_want = (long long)(want);                                            \
        if (!ok(tap_got == tap_want, __VA_ARGS__))                                                                     \
            printf("# got %lld, want %lld\n", tap_got, tap_want);                                                      \
    } while (0)

/* Prints the plan; the exit status of the program. */
__attribute__((unused)) static int tap_done(void) {
    printf("1..%d\n", tap_count);
    return tap_failed || !tap_count ? 1 : 0;
}

#endif
