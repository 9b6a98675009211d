/* SPDX-License-Identifier: Apache-2.0 */
/* text: see text.h. */
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static bool reserve(struct text *text, size_t more) {
    if (more < text->room - text->len)
        return true;
    size_t room = (text->len + more + 1) * 2;
    char *data = realloc(text->data, room);
    text->failed = !data;
    if (!data)
        return false;
    text->data = data;
    text->room = room;
    return true;
}

/* fopencookie(3): 0 is an error. */
static ssize_t append(void *cookie, const char *bytes, size_t len) {
    struct text *text = cookie;
    if (text->failed || !reserve(text, len))
        return 0;
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
    return (ssize_t)len;
}

FILE *text_open(struct text *text) {
    *text = (struct text){.data = NULL};
    return fopencookie(text, "w", (cookie_io_functions_t){.write = append});
}

int text_close(FILE *stream, struct text *text) {
    const bool failed = ferror(stream) != 0;
    if (fclose(stream) == 0 && !failed && !text->failed && reserve(text, 0)) {
        text->data[text->len] = '\0';
        return 0;
    }
    free(text->data);
    *text = (struct text){.data = NULL};
    return -ENOMEM;
}
