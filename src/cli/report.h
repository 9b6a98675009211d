/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: the one place that tells people and engines what happened.
 *
 * An error goes to standard error as `berth: TEXT` and, with --log, as one line into the log. What the library logs
 * below that goes to the log, or without one to standard error as `berth: warning: TEXT`. A log line is one JSON
 * object {level, msg, time} (an error adds code, step, path and errno; what is empty is left out) or one line of
 * key="value" pairs with the same keys. Engines parse the JSON log, some the whole file as a single object: there
 * nothing below an error is written unless the caller asked for more.
 */
#ifndef BERTH_CLI_REPORT_H
#define BERTH_CLI_REPORT_H

#include <berth/berth.h>

enum report_level { REPORT_DEBUG, REPORT_INFO, REPORT_WARNING, REPORT_ERROR, REPORT_LEVEL_UNSET = -1 };
enum report_format { REPORT_TEXT, REPORT_JSON };

struct report_config {
    const char *log; /* NULL, "PATH", "file:PATH", "journald:ID" or "syslog:ID" (ID empty: berth) */
    enum report_format format;
    enum report_level level; /* UNSET: warnings; errors only in a JSON log */
};

struct report_target;

struct report {
    const struct report_target *target; /* NULL: no log, standard error alone */
    enum report_format format;
    int fd;                 /* the log file or the journal's socket */
    const char *identifier; /* ID of journald: and syslog: */
};

#define REPORT_INIT                                                                                                    \
    { .fd = -1 }

/*
 * Opens the log (a file: append, created 0644) and makes *report the sink of the library's messages: it must live as
 * long as calls are made, and config->log with it. On failure *report stays one without a log.
 */
int report_open(const struct report_config *config, struct report *report, struct berth_error *error);

/* Tells one error. */
void report_error(struct report *report, const struct berth_error *error);

#endif
