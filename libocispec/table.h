/* SPDX-License-Identifier: Apache-2.0 */
/* table: the rows that generate.py makes of the schema, and that reader.c and writer.c are driven by. Private.
 *
 * Rows name each other and their texts by number: no pointer, so nothing to relocate when a position independent
 * program starts, and the tables stay in pages that processes share. */
#ifndef OCI_TABLE_H
#define OCI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci.h"

enum oci_shape {
    OCI_SINGLE, /* the value itself; of an object, the pointer to it */
    OCI_ARRAY,  /* { size_t count; T *items; } */
    OCI_MAP,    /* { size_t count; struct { const char *key; T value; } *items; } */
};

enum oci_kind {
    OCI_IGNORED, /* known, accepted whatever it is, not kept */
    OCI_STRING,
    OCI_BOOL,
    OCI_INT32,
    OCI_INT64,
    OCI_UINT8,
    OCI_UINT16,
    OCI_UINT32,
    OCI_UINT64,
    OCI_ENUM,
    OCI_OBJECT,
};

/* Rules for strings that a type cannot say; check.c. */
enum oci_check {
    OCI_CHECK_NONE,
    OCI_CHECK_NON_EMPTY,
    OCI_CHECK_SEMVER,
    OCI_CHECK_PAGE_SIZE,
    OCI_CHECK_CPU_LIST,
    OCI_CHECK_NET_DEVICE,
    OCI_CHECK_BANDWIDTH_SCHEMA,
    OCI_CHECK_ONE_LINE,
    OCI_CHECK_CAPABILITY,
};

/* A text in oci_texts; there it ends in NUL. */
struct oci_text {
    uint16_t offset;
    uint8_t length;
};

/* One property. For arrays and maps kind, type, check and range are those of the items. */
struct oci_field {
    struct oci_text name;
    uint8_t shape;         /* enum oci_shape */
    uint8_t kind;          /* enum oci_kind */
    uint8_t type;          /* row of oci_enums or oci_objects */
    uint8_t check;         /* enum oci_check, of strings */
    uint8_t key_check;     /* enum oci_check, of the keys of a map */
    uint8_t range;         /* row of oci_ranges */
    uint8_t min_items;     /* of an array */
    uint16_t offset;       /* of the member */
    uint16_t has_offset;   /* of its has_ member, for single numbers and booleans */
    uint16_t item_size;    /* of one item, for arrays and maps */
    uint16_t value_offset; /* of the value in a map's item */
};

struct oci_range {
    int64_t least;
    uint64_t greatest;
};

struct oci_object {
    uint64_t required; /* bit n: the n-th property */
    uint16_t first;    /* row of oci_fields */
    uint16_t size;     /* of the struct */
    uint8_t count;     /* of its rows */
    bool needs_any;    /* one property must be there, no matter which */
};

struct oci_enum {
    uint16_t first; /* row of oci_values; the constant of the n-th is n + 1, for 0 is UNSET */
    uint16_t count;
};

extern const char oci_texts[];
extern const struct oci_field oci_fields[];
extern const struct oci_range oci_ranges[];
extern const struct oci_object oci_objects[];
extern const struct oci_enum oci_enums[];
extern const struct oci_text oci_values[];
extern const uint8_t oci_documents[]; /* enum oci_document -> row of oci_objects */

/* The text of a constant, NULL for UNSET and beyond the end. */
const char *oci_enum_name(unsigned type, unsigned value);

/* The constant of a text, 0 for NULL or if there is none. */
unsigned oci_enum_parse(unsigned type, const char *text);

/* The same for text[len], which need not end in NUL. */
unsigned oci_enum_find(unsigned type, const char *text, size_t len);

/* NULL if text[len] keeps the rule, else what is wrong with it, to be put after "the value is ". */
const char *oci_check_fault(enum oci_check check, const char *text, size_t len);

/* The length of the longest piece from the start of text[len] that is valid UTF-8 (RFC 3629). */
size_t oci_utf8_length(const char *text, size_t len);

/* The one definition of what every array and map struct begins with. They are different types to the compiler, so
 * their members are only ever copied in and out. */
struct oci_list {
    size_t count;
    void *items;
};

#endif
