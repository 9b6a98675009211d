/* SPDX-License-Identifier: Apache-2.0 */
/* document: see document.h. */
#include "life/document.h"

#include "base/error.h"
#include "base/own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
    char *data;
    size_t len, size;
};

static int buffer_take(void *context, const char *data, size_t len) {
    struct buffer *buffer = context;
    if (len > buffer->size - buffer->len) {
        size_t size = (buffer->len + len) * 2;
        char *grown = realloc(buffer->data, size);
        if (!grown)
            return -ENOMEM;
        buffer->data = grown;
        buffer->size = size;
    }
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    return 0;
}

int document_buffer(enum oci_document document, const void *value, unsigned flags, char **text, size_t *len) {
    struct buffer buffer = {.data = malloc(4096), .size = 4096};
    int r = buffer.data ? oci_write(document, value, buffer_take, &buffer, flags) : -ENOMEM;
    if (r < 0) {
        free(buffer.data);
        return r;
    }
    *text = buffer.data;
    *len = buffer.len;
    return 0;
}

int document_text(enum oci_document document, const void *value, char **json, struct berth_error *error) {
    own_memory char *text = NULL;
    size_t len;
    int r = document_buffer(document, value, OCI_WRITE_PRETTY, &text, &len);
    char *ended = r == 0 ? realloc(text, len + 1) : NULL;
    if (r == 0 && !ended)
        r = -ENOMEM;
    if (r < 0) {
        *error = (struct berth_error){.code = -r};
        snprintf(error->text, sizeof error->text, "cannot write JSON: %s", error_text(-r));
        return r;
    }
    ended[len] = '\0';
    text = NULL;
    *json = ended;
    return 0;
}
