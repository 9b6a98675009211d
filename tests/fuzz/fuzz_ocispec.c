/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_ocispec: any bytes as any kind of document. Needs no privilege.
 *
 * What is read must, written and read again, be written the same; what is refused must say why and where. Memory errors
 * are for the sanitizers to find:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined ... fuzz_ocispec.c    (the corpus: tests/unit/ocispec)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci.h"

#define claim(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Each piece on its own, so that the address sanitizer sees where it ends. */
struct piece {
    struct piece *next;
    max_align_t memory[];
};

static void *pool_alloc(void *ctx, size_t size) {
    struct piece **pool = ctx, *piece = calloc(1, sizeof(*piece) + size);
    if (!piece)
        return NULL;
    piece->next = *pool;
    *pool = piece;
    return piece->memory;
}

static void pool_free(struct piece *pool) {
    while (pool) {
        struct piece *next = pool->next;
        free(pool);
        pool = next;
    }
}

struct text {
    char *bytes;
    size_t len;
};

static int text_append(void *ctx, const char *data, size_t len) {
    struct text *text = ctx;
    text->bytes = realloc(text->bytes, text->len + len);
    claim(text->bytes);
    memcpy(text->bytes + text->len, data, len);
    text->len += len;
    return 0;
}

static void count_unknown(void *ctx, const char *pointer, const char *near) {
    claim(pointer[0] == '/' && (!near || *near));
    ++*(size_t *)ctx;
}

static const char *last_of(const char *word, const char *const *names, size_t count) {
    claim(word && count > 0);
    return names[count - 1];
}

static void claim_explained(const struct oci_error *error, int result, size_t len) {
    claim(error->code == -result && error->text[0] && error->line >= 1 && error->column >= 1);
    claim(error->line <= len + 1 && error->column <= len + 1);
    claim(memchr(error->text, '\0', sizeof(error->text)) && !strpbrk(error->text, "\n\r\x1b"));
    claim(strncmp(error->text, error->pointer, strlen(error->pointer)) == 0);
}

static void try_kind(enum oci_document kind, const char *bytes, size_t len) {
    struct piece *pool = NULL;
    struct oci_allocator allocator = {.alloc = pool_alloc, .ctx = &pool};
    size_t unknown = 0;
    struct oci_read_options options = {.unknown = count_unknown, .ctx = &unknown, .nearest = last_of};
    struct oci_error error;
    struct text first = {0}, second = {0};
    void *value = NULL;
    int result = oci_read(kind, &allocator, &options, bytes, len, &value, &error);
    if (result != 0) {
        claim(!value);
        claim_explained(&error, result, len);
    } else {
        claim(oci_write(kind, value, text_append, &first, OCI_WRITE_PRETTY) == 0);
        value = NULL;
        claim(oci_read(kind, &allocator, NULL, first.bytes, first.len, &value, &error) == 0);
        claim(oci_write(kind, value, text_append, &second, OCI_WRITE_PRETTY) == 0);
        claim(first.len == second.len && memcmp(first.bytes, second.bytes, first.len) == 0);
    }
    free(first.bytes);
    free(second.bytes);
    pool_free(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (unsigned kind = OCI_DOCUMENT_CONFIG; kind <= OCI_DOCUMENT_RECORD; kind++)
        try_kind((enum oci_document)kind, (const char *)data, size);
    return 0;
}
