/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: text that grows, for what goes to standard output or the log in one piece. Running out of memory is noted
 * and told by output_print alone, so that what composes a text need not check each line of it.
 */
#ifndef BERTH_CLI_OUTPUT_H
#define BERTH_CLI_OUTPUT_H

#include "base/own.h"
#include "base/text.h"

#include <berth/berth.h>

#define OUTPUT_INIT                                                                                                    \
    { .data = NULL }
#define own_output own(output_drop) struct text

void output_add(struct text *output, const char *text);
void output_format(struct text *output, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text, then blanks up to `width` bytes. */
void output_column(struct text *output, const char *text, size_t width);

/*
 * The text as one line of valid UTF-8 that no terminal takes for commands: control characters become \n, \t or
 * \u001b, those that turn the direction of writing \u202e, a byte that is no UTF-8 becomes U+FFFD. `quoted`: '"' and
 * '\' are escaped too, as inside a JSON string.
 */
void output_clean(struct text *output, const char *text, bool quoted);

/* Writes all of it to standard output. */
int output_print(const struct text *output, struct berth_error *error);

/* Writes a text and the newline that ends it to standard output. */
int output_print_json(const char *json, struct berth_error *error);

void output_drop(struct text *output);

#endif
