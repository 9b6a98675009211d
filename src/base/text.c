/* SPDX-License-Identifier: Apache-2.0 */
/* text: see text.h. */
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

bool text_reserve(struct text *text, size_t more) {
    if (text->failed)
        return false;
    if (more < text->room - text->len)
        return true;
    size_t room = (text->len + more + 1) * 2;
    char *data = realloc(text->data, room);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->room = room;
    return true;
}

bool text_add(struct text *text, const char *bytes, size_t len) {
    if (len == 0)
        return !text->failed;
    if (!text_reserve(text, len))
        return false;
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
    return true;
}

/* fopencookie(3): 0 is an error. */
static ssize_t append(void *cookie, const char *bytes, size_t len) {
    return text_add(cookie, bytes, len) ? (ssize_t)len : 0;
}

FILE *text_open(struct text *text) {
    *text = (struct text){.data = NULL};
    return fopencookie(text, "w", (cookie_io_functions_t){.write = append});
}

int text_close(FILE *stream, struct text *text) {
    const bool failed = ferror(stream) != 0;
    if (fclose(stream) == 0 && !failed && text_reserve(text, 0)) {
        text->data[text->len] = '\0';
        return 0;
    }
    free(text->data);
    *text = (struct text){.data = NULL};
    return -ENOMEM;
}
