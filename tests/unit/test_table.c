/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of base/table: lookup by name and by value, and numbers that are read strictly. No privilege. */
#include "base/table.h"
#include "tap.h"

#include <errno.h>

static const struct name_value colours[] = {{"red", 1}, {"green", 2}, {"Green", 3}, {"lime", 2}, {"", 9}, {"r", -1}};

static void test_lookup(void) {
    size_t n = TABLE_COUNT(colours);
    is_number(n, 6, "TABLE_COUNT counts rows");
    ok(table_find(colours, n, "red") == &colours[0], "a name gives its row");
    ok(table_find(colours, n, "r") == &colours[5], "a shorter name is another name");
    ok(table_find(colours, n, "reds") == NULL, "a longer one, too");
    ok(table_find(colours, n, "Green") == &colours[2], "names match to the letter");
    ok(table_find(colours, n, "RED") == NULL, "and in no other case");
    ok(table_find(colours, n, "") == &colours[4], "an empty name is a name");
    ok(table_find(colours, 1, "green") == NULL, "rows behind the count are not looked at");
    ok(table_find(colours, 0, "red") == NULL, "an empty table has nothing");
    is_text(table_name(colours, n, 1), "red", "a value gives its name");
    is_text(table_name(colours, n, 2), "green", "the first of two");
    is_text(table_name(colours, n, -1), "r", "negative values, too");
    is_text(table_name(colours, n, 7), NULL, "an unknown value has none");
    is_text(table_name(colours, 0, 1), NULL, "nor has any in an empty table");
}

struct unsigned_case {
    const char *text;
    uint64_t max;
    int result;
    uint64_t value;
};

static const struct unsigned_case unsigned_cases[] = {
    {"0", UINT64_MAX, 0, 0},
    {"1", UINT64_MAX, 0, 1},
    {"9", 9, 0, 9},
    {"10", 9, -ERANGE, 0},
    {"0", 0, 0, 0},
    {"1", 0, -ERANGE, 0},
    {"4294967294", UINT32_MAX - 1, 0, 4294967294},
    {"4294967295", UINT32_MAX - 1, -ERANGE, 0},
    {"4294967295", UINT32_MAX, 0, UINT32_MAX},
    {"4294967296", UINT32_MAX, -ERANGE, 0},
    {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
    {"18446744073709551616", UINT64_MAX, -ERANGE, 0},                    /* overflow by the last addition */
    {"18446744073709551620", UINT64_MAX, -ERANGE, 0},                    /* by the multiplication */
    {"36893488147419103232", UINT64_MAX, -ERANGE, 0},                    /* 2^65: 0 when it wraps around */
    {"340282366920938463463374607431768211456", UINT64_MAX, -ERANGE, 0}, /* 2^128 */
    {"18446744073709551617", 100, -ERANGE, 0},                           /* 1 when it wraps around */
    /* Not numbers. A text is looked at to its end even when it is too large by then. */
    {"99999999999999999999x", UINT64_MAX, -EINVAL, 0},
    {"", UINT64_MAX, -EINVAL, 0},
    {" ", UINT64_MAX, -EINVAL, 0},
    {" 1", UINT64_MAX, -EINVAL, 0},
    {"1 ", UINT64_MAX, -EINVAL, 0},
    {"1\n", UINT64_MAX, -EINVAL, 0},
    {"\t1", UINT64_MAX, -EINVAL, 0},
    {"+1", UINT64_MAX, -EINVAL, 0},
    {"-1", UINT64_MAX, -EINVAL, 0},
    {"-0", UINT64_MAX, -EINVAL, 0},
    {"-", UINT64_MAX, -EINVAL, 0},
    {"00", UINT64_MAX, -EINVAL, 0},
    {"01", UINT64_MAX, -EINVAL, 0},
    {"0x1", UINT64_MAX, -EINVAL, 0},
    {"0b1", UINT64_MAX, -EINVAL, 0},
    {"1a", UINT64_MAX, -EINVAL, 0},
    {"a", UINT64_MAX, -EINVAL, 0},
    {"1:2", UINT64_MAX, -EINVAL, 0},
    {"1:", UINT64_MAX, -EINVAL, 0},
    {":1", UINT64_MAX, -EINVAL, 0},
    {"1.0", UINT64_MAX, -EINVAL, 0},
    {"1e3", UINT64_MAX, -EINVAL, 0},
    {"1_000", UINT64_MAX, -EINVAL, 0},
    {"\xd9\xa1", UINT64_MAX, -EINVAL, 0}, /* a digit of another script */
    {"1\xff", UINT64_MAX, -EINVAL, 0},
    {"/", UINT64_MAX, -EINVAL, 0}, /* the neighbours of the digits */
    {":", UINT64_MAX, -EINVAL, 0},
};

static void test_unsigned(void) {
    for (size_t i = 0; i < TABLE_COUNT(unsigned_cases); i++) {
        const struct unsigned_case *c = &unsigned_cases[i];
        uint64_t value = 77;
        is_number(number_parse_u64(c->text, c->max, &value), c->result, "u64 \"%s\" up to %llu", c->text,
                  (unsigned long long)c->max);
        ok(value == (c->result ? 77 : c->value), "u64 \"%s\": %s", c->text,
           c->result ? "out is untouched" : "its value");
    }
}

struct signed_case {
    const char *text;
    int64_t min, max;
    int result;
    int64_t value;
};

static const struct signed_case signed_cases[] = {
    {"0", INT64_MIN, INT64_MAX, 0, 0},
    {"-1", INT64_MIN, INT64_MAX, 0, -1},
    {"-10", INT64_MIN, INT64_MAX, 0, -10},
    {"9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX},
    {"9223372036854775808", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN},
    {"-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"18446744073709551615", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"-18446744073709551616", INT64_MIN, INT64_MAX, -ERANGE, 0},
    {"-1000", -1000, 1000, 0, -1000},
    {"-1001", -1000, 1000, -ERANGE, 0},
    {"1000", -1000, 1000, 0, 1000},
    {"1001", -1000, 1000, -ERANGE, 0},
    {"5", 6, 9, -ERANGE, 0},
    {"-5", 6, 9, -ERANGE, 0},
    {"", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"-", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"--1", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"-+1", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"+1", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"- 1", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {" -1", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"-0", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"-01", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"01", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"-1x", INT64_MIN, INT64_MAX, -EINVAL, 0},
    {"0x10", INT64_MIN, INT64_MAX, -EINVAL, 0},
};

static void test_signed(void) {
    for (size_t i = 0; i < TABLE_COUNT(signed_cases); i++) {
        const struct signed_case *c = &signed_cases[i];
        int64_t value = 77;
        is_number(number_parse_i64(c->text, c->min, c->max, &value), c->result, "i64 \"%s\"", c->text);
        is_number(value, c->result ? 77 : c->value, "i64 \"%s\": %s", c->text,
                  c->result ? "out is untouched" : "its value");
    }
}

/* Every text of one and two bytes: digits only, and no zero in front. */
static void test_short_texts(void) {
    int wrong = 0;
    for (int a = 1; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            const char text[3] = {(char)a, (char)b, '\0'};
            uint64_t value = 0;
            bool digits = a >= '0' && a <= '9' && (b == 0 || (a != '0' && b >= '0' && b <= '9'));
            uint64_t want = b ? (uint64_t)((a - '0') * 10 + (b - '0')) : (uint64_t)(a - '0');
            int r = number_parse_u64(text, UINT64_MAX, &value);
            wrong += digits ? r != 0 || value != want : r != -EINVAL;
        }
    }
    is_number(wrong, 0, "all texts of one or two bytes are read or refused as they should");
}

int main(void) {
    test_lookup();
    test_unsigned();
    test_signed();
    test_short_texts();
    return tap_done();
}
