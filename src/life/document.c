/* SPDX-License-Identifier: Apache-2.0 */
/* document: see document.h. */
#include "life/document.h"

#include "base/error.h"
#include "base/own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* An oci_sink into a stream of memory, which fails for lack of memory alone. */
static int stream_take(void *stream, const char *data, size_t len) {
    return fwrite(data, 1, len, stream) == len ? 0 : -ENOMEM;
}

int document_text(enum oci_document document, const void *value, char **json, struct berth_error *error) {
    own_memory char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    int r = stream ? oci_write(document, value, stream_take, stream, OCI_WRITE_PRETTY) : -ENOMEM;
    if (stream && fclose(stream) != 0 && r == 0)
        r = -ENOMEM;
    if (r < 0) {
        *error = (struct berth_error){.code = -r};
        snprintf(error->text, sizeof error->text, "cannot write JSON: %s", error_text(-r));
        return r;
    }
    *json = text;
    text = NULL;
    return 0;
}
