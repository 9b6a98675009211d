/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: where warnings and debug lines go. The only global state of the tree: one sink a process, set once by the
 * caller of the library. Errors are not logged, they are returned.
 */
#ifndef BERTH_BASE_LOG_H
#define BERTH_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

typedef void log_sink(void *context, enum log_level level, const char *message);

/* Messages below `level` are dropped before they are formatted. sink NULL: all are dropped (the state at start). */
void log_configure(enum log_level level, log_sink *sink, void *context);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether somebody gets messages of that level: for what is costly to compose. */
bool log_wanted(enum log_level level);

/*
 * A debug line for a step that is done: "step NAME: WHAT (123 us)", the time since the step before; the first one
 * counts from log_configure. `format` may be "": then there is nothing to say but the name.
 */
void log_step(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The clock of such lines, in microseconds. */
int64_t log_clock(void);

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)

#endif
