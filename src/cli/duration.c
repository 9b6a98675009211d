/* SPDX-License-Identifier: Apache-2.0 */
/* duration: see duration.h. Runs in the command line; needs no privilege. */
#include "cli/duration.h"

#include "base/table.h"

#include <errno.h>
#include <string.h>

#define DIGITS "0123456789"

static const struct name_value units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, /* U+00B5, micro sign */
    {"\xce\xbcs", 1000}, /* U+03BC, Greek mu */
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", INT64_C(60) * 1000000000},
    {"h", INT64_C(3600) * 1000000000},
};

/* The unit at the start of the text: whatever stands up to the next number. NULL: no such unit. */
static const struct name_value *take_unit(const char **at) {
    const size_t len = strcspn(*at, DIGITS ".");
    char name[4] = "";
    if (len == 0 || len >= sizeof name)
        return NULL;
    memcpy(name, *at, len);
    *at += len;
    return table_find(units, TABLE_COUNT(units), name);
}

/* Digits as a number; those of a fraction that nothing more can come of are stepped over. */
static int take_digits(const char **at, uint64_t most, uint64_t *value, double *scale) {
    for (*value = 0; **at >= '0' && **at <= '9'; ++*at) {
        const unsigned digit = (unsigned)(**at - '0');
        if (*value > (most - digit) / 10) {
            if (scale)
                continue;
            return -ERANGE;
        }
        *value = *value * 10 + digit;
        if (scale)
            *scale *= 10;
    }
    return 0;
}

/* One number with its unit, as nanoseconds. */
static int take_part(const char **at, uint64_t *out) {
    uint64_t whole, fraction = 0;
    double scale = 1;
    const char *begin = *at;
    int r = take_digits(at, INT64_MAX, &whole, NULL);
    if (r < 0)
        return r;
    size_t digits = (size_t)(*at - begin);
    if (**at == '.') {
        begin = ++*at;
        take_digits(at, INT64_MAX / 10, &fraction, &scale);
        digits += (size_t)(*at - begin);
    }
    const struct name_value *unit = digits ? take_unit(at) : NULL;
    if (!unit)
        return -EINVAL;
    if (whole > (uint64_t)(INT64_MAX / unit->value))
        return -ERANGE;
    *out = whole * (uint64_t)unit->value + (uint64_t)((double)fraction * ((double)unit->value / scale));
    return *out > INT64_MAX ? -ERANGE : 0;
}

int duration_parse(const char *text, int64_t *out) {
    const bool negative = *text == '-';
    const char *at = text + (negative || *text == '+');
    uint64_t sum = 0, part;
    if (*at == '\0')
        return -EINVAL;
    for (bool zero = strcmp(at, "0") == 0; *at && !zero;) {
        int r = take_part(&at, &part);
        if (r < 0)
            return r;
        if (part > INT64_MAX - sum)
            return -ERANGE;
        sum += part;
    }
    *out = negative ? -(int64_t)sum : (int64_t)sum;
    return 0;
}
