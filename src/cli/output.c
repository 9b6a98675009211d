/* SPDX-License-Identifier: Apache-2.0 */
/* output: see output.h. Runs in the command line; needs no privilege. */
#include "cli/output.h"

#include "base/fd.h"
#include "cli/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void output_add(struct text *output, const char *text) {
    text_add(output, text, strlen(text));
}

void output_format(struct text *output, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len > 0 && text_reserve(output, (size_t)len)) {
        vsnprintf(output->data + output->len, output->room - output->len, format, again);
        output->len += (size_t)len;
    }
    va_end(again);
}

void output_column(struct text *output, const char *text, size_t width) {
    output_add(output, text);
    for (size_t len = strlen(text); len < width; len++)
        text_add(output, " ", 1);
}

/* Length of the UTF-8 sequence at the start of `text`, 0 when it is none (Unicode standard, table 3-7). */
static size_t utf8_length(const unsigned char *text) {
    static const struct {
        unsigned char first, last, low, high; /* range of the first byte, then of the second */
        size_t length;
    } forms[] = {
        {0x01, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last)
            continue;
        if (text[1] < forms[i].low || text[1] > forms[i].high)
            return 0;
        for (size_t rest = 2; rest < forms[i].length; rest++)
            if ((text[rest] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

static unsigned utf8_code(const unsigned char *text, size_t length) {
    unsigned code = length < 2 ? text[0] : text[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (text[i] & 0x3fu);
    return code;
}

/* The control characters, and those that turn the direction of writing: they make a text look like another one. */
static bool steers(unsigned code) {
    static const struct {
        unsigned first, last;
    } ranges[] = {{0x00, 0x1f}, {0x7f, 0x9f}, {0x61c, 0x61c}, {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

void output_clean(struct text *output, const char *text, bool quoted) {
    const unsigned char *c = (const unsigned char *)text;
    while (*c) {
        size_t length = utf8_length(c);
        unsigned code = utf8_code(c, length);
        if (length == 0)
            output_add(output, "\xef\xbf\xbd");
        else if (c[0] == '\n' || c[0] == '\t')
            output_add(output, c[0] == '\n' ? "\\n" : "\\t");
        else if (steers(code))
            output_format(output, "\\u%04x", code);
        else if (quoted && (c[0] == '"' || c[0] == '\\'))
            output_format(output, "\\%c", c[0]);
        else
            text_add(output, (const char *)c, length);
        c += length ? length : 1;
    }
}

int output_print(const struct text *output, struct berth_error *error) {
    if (output->failed)
        return failure_set(error, ENOMEM, "out of memory");
    int r = fd_write_all(STDOUT_FILENO, output->data, output->len);
    return r < 0 ? failure_code(error, -r, "cannot write to standard output") : 0;
}

int output_print_json(const char *json, struct berth_error *error) {
    own_output output = OUTPUT_INIT;
    output_add(&output, json);
    output_add(&output, "\n");
    return output_print(&output, error);
}

void output_drop(struct text *output) {
    free(output->data);
    *output = (struct text)OUTPUT_INIT;
}
