/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: bytes that grow in memory, also behind a stream: open_memstream(3) of musl drops what it has no memory for and
 * reports no error.
 */
#ifndef BERTH_BASE_TEXT_H
#define BERTH_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct text {
    char *data; /* malloc'd; NULL: nothing was added */
    size_t len, room;
    bool failed; /* out of memory: data is not whole */
};

/* Room for `more` bytes and one behind them. False: out of memory, now or before. */
bool text_reserve(struct text *text, size_t more);

/* Adds bytes. False: as text_reserve. */
bool text_add(struct text *text, const char *bytes, size_t len);

/* The stream, or NULL: no memory. `text` must outlive the stream. */
FILE *text_open(struct text *text);

/* Ends the stream: 0, and text->data, with a NUL byte at its end, is the caller's to free; or -ENOMEM, and it is NULL:
 * something is missing. */
int text_close(FILE *stream, struct text *text);

#endif
