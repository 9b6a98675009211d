/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of cli/duration: what Go's time.ParseDuration takes, and what it refuses. No privilege. */
#include "cli/duration.h"
#include "tap.h"

#include <errno.h>

#define SECOND INT64_C(1000000000)

static const struct {
    const char *text;
    int64_t value;
} good[] = {
    {"5s", 5 * SECOND},
    {"1m30s", 90 * SECOND},
    {"500ms", SECOND / 2},
    {"1.5h", 5400 * SECOND},
    {"0.5s", SECOND / 2},
    {".5s", SECOND / 2},
    {"1.s", SECOND},
    {"+1s", SECOND},
    {"-1s", -SECOND},
    {"0", 0},
    {"-0", 0},
    {"0s", 0},
    {"007s", 7 * SECOND},
    {"1h1m1s1ms1us1ns", 3661 * SECOND + 1001001},
    {"1s1s", 2 * SECOND},
    {"10us", 10000},
    {"10\xc2\xb5s", 10000},
    {"10\xce\xbcs", 10000},
    {"1ns", 1},
    {"0.3ns", 0},
    {"0.100000000000000000000000000001h", 360 * SECOND},
    {"2562047h", INT64_C(2562047) * 3600 * SECOND},
    {"9223372036854775807ns", INT64_MAX},
};

static const struct {
    const char *text;
    int code;
} bad[] = {
    {"", EINVAL},
    {"5", EINVAL},
    {"1.5", EINVAL},
    {"s", EINVAL},
    {".s", EINVAL},
    {"-", EINVAL},
    {"+", EINVAL},
    {"5 s", EINVAL},
    {" 5s", EINVAL},
    {"5s ", EINVAL},
    {"5S", EINVAL},
    {"5sec", EINVAL},
    {"1d", EINVAL},
    {"--1s", EINVAL},
    {"1s-1s", EINVAL},
    {"1e3s", EINVAL},
    {"0x10s", EINVAL},
    {"1..5s", EINVAL},
    {"00", EINVAL},
    {"2562048h", ERANGE},
    {"9223372036854775808ns", ERANGE},
    {"9223372036854775807ns1ns", ERANGE},
    {"99999999999999999999999s", ERANGE},
};

int main(void) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t value = 4711;
        is_number(duration_parse(good[i].text, &value), 0, "\"%s\" is a duration", good[i].text);
        is_number(value, good[i].value, "\"%s\" in nanoseconds", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value = 4711;
        is_number(duration_parse(bad[i].text, &value), -bad[i].code, "\"%s\" is refused", bad[i].text);
        is_number(value, 4711, "\"%s\": nothing comes of it", bad[i].text);
    }
    return tap_done();
}
