/* SPDX-License-Identifier: Apache-2.0 */
/* oci: reads and writes the documents of the OCI runtime specification 1.3.0 as C structs (oci_types.h, generated from
 * schema/). Runs anywhere, needs no privilege, keeps no state and takes no lock.
 *
 * A document read is complete and of the right types, its numbers fit, its closed sets of words are enums, and what the
 * specification requires inside an object is there. Whether the values make sense together is for the caller to say. */
#ifndef OCI_H
#define OCI_H

#include <stddef.h>

#include "oci_types.h"

/* Where everything that is read goes: zeroed memory, aligned for any type, which the caller frees all at once when it
 * is done with the document (after a failure too). NULL means out of memory. Calls are few: the strings of a document
 * share one piece no bigger than the document. */
struct oci_allocator {
    void *(*alloc)(void *ctx, size_t size);
    void *ctx;
};

/* Why a document was refused. */
struct oci_error {
    int code;          /* a positive errno: EINVAL, ENOMEM, E2BIG (one of the limits below) */
    unsigned line;     /* where the offending value begins, from 1; 0 if no place is to blame */
    unsigned column;   /* in characters, from 1 */
    char pointer[256]; /* RFC 6901, "" for the document; longer ones end in "..."; control characters shown as ? */
    char text[512];    /* one line, the pointer included: "/process/user/uid: expected an integer, found a string" */
};

/* Limits of a document. The specification names none: these keep a hostile document from costing much. */
enum {
    OCI_MAX_SIZE = 16 * 1024 * 1024, /* bytes */
    OCI_MAX_DEPTH = 64,              /* objects and arrays inside each other */
    OCI_MAX_VALUES = 1000000,        /* objects, arrays and plain values in all */
};

enum oci_document {
    OCI_DOCUMENT_CONFIG,    /* struct oci_config: config.json of a bundle */
    OCI_DOCUMENT_PROCESS,   /* struct oci_process: exec --process */
    OCI_DOCUMENT_RESOURCES, /* struct oci_resources: update --resources */
    OCI_DOCUMENT_STATE,     /* struct oci_state: the state command, and what hooks read */
    OCI_DOCUMENT_FEATURES,  /* struct oci_features: the features command */
    OCI_DOCUMENT_RECORD,    /* struct oci_record: the runtime's own file about a container */
};

struct oci_read_options {
    /* Called once for each property that the schema does not know (for a debug log), but not for what is inside it.
     * pointer is as in struct oci_error and valid during the call only. near: the property that was probably meant, or
     * NULL. May be NULL. */
    void (*unknown)(void *ctx, const char *pointer, const char *near);
    void *ctx;
    /* Which of count names a misspelt word was probably meant to be, NULL for none. What is said of an unknown word of
     * an enum or an unknown property names it. May be NULL. */
    const char *(*nearest)(const char *word, const char *const *names, size_t count);
};

enum oci_write_flags {
    OCI_WRITE_PRETTY = 1, /* a line for each value, indented by two spaces; else no white space at all */
};

/* Takes the next piece of a document that is being written. 0, or a negative errno, which ends the writing. */
typedef int oci_sink(void *ctx, const char *data, size_t len);

/* Reads one document out of text[len], which need not end in NUL and can be freed afterwards.
 *
 * *out is a struct of the kind of document. Returns 0 or a negative errno (error->code is the same, positive), and then
 * leaves *out alone. options may be NULL, error must not.
 *
 * Refused: anything but exactly one JSON object in valid UTF-8 (RFC 8259; \u escapes of NUL or of half a surrogate pair
 * too), a key twice in one object, a value of the wrong type or out of range, 1.0 or 1e3 for an integer, an unknown
 * word of a closed set, a required property missing, and what exceeds the limits. A null for a property is the same as
 * no property: Go's encoder writes it for an empty list. Unknown properties are accepted, as the specification wants,
 * and not kept; so are vm, windows, solaris, zos and freebsd. */
int oci_read(enum oci_document document, const struct oci_allocator *allocator, const struct oci_read_options *options,
             const char *text, size_t len, void **out, struct oci_error *error);

/* Writes one document: the present members of the struct in the order of the schema, without a newline at the end.
 * Reading it back gives an equal struct. sink gets the text in pieces. flags: enum oci_write_flags.
 *
 * Returns 0, what the sink returned, -EILSEQ for a string that is not UTF-8 (JSON cannot say it) or -EINVAL for a NULL
 * among the items of an array or map or a value that no enum has. Requirements and ranges are not checked. */
int oci_write(enum oci_document document, const void *value, oci_sink *sink, void *ctx, unsigned flags);

/* The same for one kind each, with its type and without options. */
int oci_config_read(const struct oci_allocator *allocator, const char *text, size_t len, struct oci_config **out,
                    struct oci_error *error);
int oci_process_read(const struct oci_allocator *allocator, const char *text, size_t len, struct oci_process **out,
                     struct oci_error *error);
int oci_resources_read(const struct oci_allocator *allocator, const char *text, size_t len, struct oci_resources **out,
                       struct oci_error *error);
int oci_state_read(const struct oci_allocator *allocator, const char *text, size_t len, struct oci_state **out,
                   struct oci_error *error);
int oci_features_read(const struct oci_allocator *allocator, const char *text, size_t len, struct oci_features **out,
                      struct oci_error *error);
int oci_record_read(const struct oci_allocator *allocator, const char *text, size_t len, struct oci_record **out,
                    struct oci_error *error);

int oci_config_write(const struct oci_config *config, oci_sink *sink, void *ctx, unsigned flags);
int oci_process_write(const struct oci_process *process, oci_sink *sink, void *ctx, unsigned flags);
int oci_resources_write(const struct oci_resources *resources, oci_sink *sink, void *ctx, unsigned flags);
int oci_state_write(const struct oci_state *state, oci_sink *sink, void *ctx, unsigned flags);
int oci_features_write(const struct oci_features *features, oci_sink *sink, void *ctx, unsigned flags);
int oci_record_write(const struct oci_record *record, oci_sink *sink, void *ctx, unsigned flags);

#endif
