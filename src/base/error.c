/* SPDX-License-Identifier: Apache-2.0 */
/* error: see error.h. Runs everywhere, needs nothing, allocates nothing. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *error_text(int code) {
    /* Engines written in Go match the words of their own library, which begins them in lower case. No locale is ever
     * set, so strerror gives the C locale's text; one buffer is enough for a library of one thread. */
    static char text[96];
    snprintf(text, sizeof text, "%s", strerror(code));
    if (text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z')
        text[0] = (char)(text[0] - 'A' + 'a');
    return text;
}

static void text_append(struct error *err, const char *suffix) {
    /* A full text gives way to the suffix: the reason at the end is worth more than the tail of a long path. */
    size_t want = strlen(suffix), len = strlen(err->text), room = sizeof err->text - 1;
    if (want > room)
        want = room;
    if (len + want > room)
        len = room - want;
    memcpy(err->text + len, suffix, want);
    err->text[len + want] = '\0';
}

static void append_reason(struct error *err) {
    char suffix[128];
    snprintf(suffix, sizeof suffix, ": %s", error_text(err->code));
    text_append(err, suffix);
}

static int error_format(struct error *err, int code, bool reason, const char *format, va_list args) {
    err->code = code > 0 ? code : EINVAL;
    err->step[0] = '\0';
    err->place[0] = '\0';
    vsnprintf(err->text, sizeof err->text, format, args);
    if (reason)
        append_reason(err);
    return -err->code;
}

int error_set(struct error *err, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = error_format(err, code, false, format, args);
    va_end(args);
    return r;
}

int error_code(struct error *err, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = error_format(err, code, true, format, args);
    va_end(args);
    return r;
}

int error_sys(struct error *err, const char *format, ...) {
    int code = errno;
    va_list args;
    va_start(args, format);
    int r = error_format(err, code, true, format, args);
    va_end(args);
    return r;
}

/* Notes the step and the place unless an inner call has noted them already. */
static void note(struct error *err, const char *step, const char *place) {
    if (step && !err->step[0])
        snprintf(err->step, sizeof err->step, "%s", step);
    if (place && !err->place[0])
        snprintf(err->place, sizeof err->place, "%s", place);
}

static void append_place(struct error *err, const char *place) {
    char suffix[sizeof err->place + 16];
    snprintf(suffix, sizeof suffix, " (config %.*s)", (int)sizeof err->place - 1, place);
    text_append(err, suffix);
}

int error_at(struct error *err, int code, const char *step, const char *place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = error_format(err, code, false, format, args);
    va_end(args);
    if (place && *place)
        append_place(err, place);
    append_reason(err);
    note(err, step, place);
    return r;
}

int error_refuse(struct error *err, const char *place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = error_format(err, EINVAL, false, format, args);
    va_end(args);
    if (place && *place)
        append_place(err, place);
    note(err, "config", place);
    return r;
}

int error_memory(struct error *err) {
    return error_set(err, ENOMEM, "out of memory");
}

/* What is kept of the end of a chain that has grown too long: the reason stands there. The middle is cut. */
#define WRAP_TAIL ((size_t)200)

static int wrap(struct error *err, const char *format, va_list args) {
    char joined[2 * sizeof err->text + 3];
    const size_t room = sizeof err->text - 1;
    int n = vsnprintf(joined, sizeof err->text, format, args);
    size_t prefix = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
    n = snprintf(joined + prefix, sizeof joined - prefix, ": %s", err->text);
    size_t len = prefix + (n < 0 ? 0 : (size_t)n);
    if (len > room) {
        memmove(joined + room - WRAP_TAIL, joined + len - WRAP_TAIL, WRAP_TAIL + 1);
        memcpy(joined + room - WRAP_TAIL - 3, "...", 3);
    }
    snprintf(err->text, sizeof err->text, "%.*s", (int)room, joined);
    return err->code ? -err->code : -EINVAL;
}

int error_wrap(struct error *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = wrap(err, format, args);
    va_end(args);
    return r;
}

int error_blame(struct error *err, const char *step, const char *place, const char *format, ...) {
    note(err, step, place);
    if (!format)
        return err->code ? -err->code : -EINVAL;
    va_list args;
    va_start(args, format);
    int r = wrap(err, format, args);
    va_end(args);
    return r;
}
