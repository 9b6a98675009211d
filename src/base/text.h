/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: a stream that writes into memory. In place of open_memstream(3), which with musl drops what it has no memory
 * for and reports no error.
 */
#ifndef BERTH_BASE_TEXT_H
#define BERTH_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct text {
    char *data; /* malloc'd, with a NUL byte behind its end */
    size_t len, room;
    bool failed;
};

/* The stream, or NULL: no memory. `text` must outlive the stream. */
FILE *text_open(struct text *text);

/* Ends the stream: 0, and text->data is the caller's to free; or -ENOMEM, and it is NULL: something is missing. */
int text_close(FILE *stream, struct text *text);

#endif
