/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error: what went wrong, as one value without allocation. It is also the payload of an error packet between the
 * processes of one create (handoff/), so it holds no pointer.
 *
 * Convention of the whole tree: a function that can fail returns 0 (or a count) or a negative errno, takes a
 * `struct error *` as its last parameter, and leaves its out parameters untouched on failure. Nobody below cli/ prints
 * an error that it returns.
 */
#ifndef BERTH_BASE_ERROR_H
#define BERTH_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

struct error {
    int code;        /* errno value, 0 when nothing failed */
    char step[36];   /* the step that failed, as "mount" or "exec"; the innermost one that named itself */
    char place[104]; /* JSON pointer into the config, as "/mounts/1"; empty where none applies */
    char text[880];  /* the message for people; cut at its end when too long, the errno text is always kept */
};

#define ERROR_INIT                                                                                                     \
    { .code = 0 }

/* Sets code and text; returns -code. A code of 0 is taken for EINVAL. */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set, with the text of `code` appended: "FORMAT: permission denied". */
int error_code(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* error_code with the current errno. */
int error_sys(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A refusal of a value in the config: EINVAL, with the JSON pointer it stands at, which is appended to the text. */
int error_refuse(struct error *err, const char *place, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Out of memory; returns -ENOMEM. */
int error_memory(struct error *err);

/*
 * As error_code, with the step and the place in the config (either may be NULL) that the error belongs to; the place is
 * in the text, too: "FORMAT (config /mounts/1): permission denied". No call notes step and place before the text is
 * set, since setting the text forgets them.
 */
int error_at(struct error *err, int code, const char *step, const char *place, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Puts "FORMAT: " before the text. Returns -err->code, so `return error_wrap(err, ...)` reads well. */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * For an error that is set already: notes step and place (either may be NULL) unless an inner call has, and wraps the
 * text as error_wrap does; format NULL: the text stays as it is. Returns -err->code.
 */
int error_blame(struct error *err, const char *step, const char *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The text for an errno ("permission denied"), good until the next call. */
const char *error_text(int code);

#endif
