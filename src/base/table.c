/* SPDX-License-Identifier: Apache-2.0 */
/* table: see table.h. Pure; runs everywhere. */
#include "base/table.h"

#include <errno.h>
#include <string.h>

const struct name_value *table_find(const struct name_value *table, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const char *table_name(const struct name_value *table, size_t count, int64_t value) {
    for (size_t i = 0; i < count; i++)
        if (table[i].value == value)
            return table[i].name;
    return NULL;
}

int number_parse_u64(const char *text, uint64_t max, uint64_t *out) {
    if (!*text || (text[0] == '0' && text[1]))
        return -EINVAL;
    uint64_t value = 0;
    bool overflow = false;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9')
            return -EINVAL;
        overflow |= __builtin_mul_overflow(value, (uint64_t)10, &value);
        overflow |= __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value);
    }
    if (overflow || value > max)
        return -ERANGE;
    *out = value;
    return 0;
}

int number_parse_i64(const char *text, int64_t min, int64_t max, int64_t *out) {
    bool negative = *text == '-';
    uint64_t magnitude;
    if (negative && text[1] == '0')
        return -EINVAL;
    int r = number_parse_u64(text + negative, (uint64_t)INT64_MAX + (negative ? 1 : 0), &magnitude);
    if (r < 0)
        return r;
    int64_t value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    if (value < min || value > max)
        return -ERANGE;
    *out = value;
    return 0;
}
