/* SPDX-License-Identifier: Apache-2.0 */
/* log: see log.h. Runs in life; the new process is silent, what it has to say goes over the handoff. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static struct {
    enum log_level level;
    log_sink *sink;
    void *context;
    int64_t last_step; /* log_clock */
} target;

bool log_wanted(enum log_level level) {
    return target.sink && level >= target.level;
}

void log_configure(enum log_level level, log_sink *sink, void *context) {
    target.level = level;
    target.sink = sink;
    target.context = context;
    target.last_step = log_wanted(LOG_LEVEL_DEBUG) ? log_clock() : 0;
}

int64_t log_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void log_step(const char *name, const char *format, ...) {
    if (!log_wanted(LOG_LEVEL_DEBUG))
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const int64_t now = log_clock();
    log_debug("step %s%s%s (%lld us)", name, *text ? ": " : "", text, (long long)(now - target.last_step));
    target.last_step = now;
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
