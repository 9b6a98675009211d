/* SPDX-License-Identifier: Apache-2.0 */
/* failure: see failure.h. Runs in the command line, before or between calls of the library; needs no privilege. */
#include "cli/failure.h"

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void failure_format(struct berth_error *error, int code, const char *format, va_list args) {
    memset(error, 0, sizeof *error);
    error->code = code > 0 ? code : EINVAL;
    vsnprintf(error->text, sizeof error->text, format, args);
}

int failure_set(struct berth_error *error, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    failure_format(error, code, format, args);
    va_end(args);
    return -error->code;
}

int failure_code(struct berth_error *error, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    failure_format(error, code, format, args);
    va_end(args);
    size_t len = strlen(error->text);
    snprintf(error->text + len, sizeof error->text - len, ": %s", error_text(error->code));
    return -error->code;
}

int failure_wrap(struct berth_error *error, const char *format, ...) {
    char text[sizeof error->text];
    memcpy(text, error->text, sizeof text);
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    size_t len = strlen(error->text);
    snprintf(error->text + len, sizeof error->text - len, ": %s", text);
    return error->code > 0 ? -error->code : -EINVAL;
}
