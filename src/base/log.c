/* SPDX-License-Identifier: Apache-2.0 */
/* log: see log.h. Runs in life; the new process is silent, what it has to say goes over the handoff. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
    enum log_level level;
    log_sink *sink;
    void *context;
} target;

void log_configure(enum log_level level, log_sink *sink, void *context) {
    target.level = level;
    target.sink = sink;
    target.context = context;
}

bool log_wanted(enum log_level level) {
    return target.sink && level >= target.level;
}

void log_write(enum log_level level, const char *format, ...) {
    if (!log_wanted(level))
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    target.sink(target.context, level, line);
}
