/* SPDX-License-Identifier: Apache-2.0 */
/* table: closed sets of names with a value each, and strict numbers. Pure. */
#ifndef BERTH_BASE_TABLE_H
#define BERTH_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_value {
    const char *name;
    int64_t value;
};

#define TABLE_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The row of that name, or NULL; names match to the letter. */
const struct name_value *table_find(const struct name_value *table, size_t count, const char *name);

/* The name of that value, or NULL. */
const char *table_name(const struct name_value *table, size_t count, int64_t value);

/*
 * A decimal number and nothing else: no sign (but '-' for the signed one), no blank, no leading zero except "0"
 * itself, no hex. Returns 0, -EINVAL (not a number) or -ERANGE (outside min..max).
 */
int number_parse_u64(const char *text, uint64_t max, uint64_t *out);
int number_parse_i64(const char *text, int64_t min, int64_t max, int64_t *out);

#endif
