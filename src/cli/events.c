/* SPDX-License-Identifier: Apache-2.0 */
/* events: what is counted for a container, and when memory ran out, a line each. Runs in the command line. */
#include "cli/duration.h"
#include "cli/failure.h"
#include "cli/output.h"
#include "cli/verb.h"

#include "base/fd.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

struct events_options {
    const char *interval;
    bool stats;
};

#define FIELD(member) offsetof(struct events_options, member)

static const struct option_row rows[] = {
    OPTION_ROW(TEXT, FIELD(interval), "interval", 0, "DURATION",
               "from one line of statistics to the next, as 500ms or 1m30s (default: 5s)"),
    OPTION_ROW(FLAG, FIELD(stats), "stats", 0, NULL, "print one line of statistics and end"),
};

enum { READER_GONE = 1 };

static int print_line(void *context, const char *line) {
    struct berth_error *error = context;
    own_output output = OUTPUT_INIT;
    output_add(&output, line);
    output_add(&output, "\n");
    int r = output_print(&output, error);
    return r == -EPIPE ? READER_GONE : r;
}

static int print_stats(const struct call *call, struct berth_error *error) {
    own_memory char *json = NULL;
    int r = berth_stats(call->runtime, call->args[0], &json, error);
    return r < 0 ? r : print_line(error, json);
}

static int events(const struct call *call, struct berth_error *error) {
    const struct events_options *options = call->options;
    const char *interval = options->interval ? options->interval : "5s";
    struct berth_events request = {.id = call->args[0], .reader = STDOUT_FILENO};
    int r = duration_parse(interval, &request.interval);
    if (r < 0)
        return failure_set(error, -r, "events: --interval: %s: \"%s\" (a number and a unit, as 500ms, 5s or 1m30s)",
                           r == -ERANGE ? "too long a duration" : "invalid duration", interval);
    if (request.interval <= 0)
        return failure_set(error, EINVAL, "events: duration interval must be greater than 0, found \"%s\"", interval);
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is the end, not a failure */
    r = options->stats ? print_stats(call, error) : berth_events(call->runtime, &request, print_line, error, error);
    return r == READER_GONE ? 0 : r;
}

const struct verb verb_events = {
    .name = "events",
    .arguments = "ID",
    .summary = "print statistics of a container and its memory events",
    .details = "Each is a JSON object in a line of its own; it ends when the container does.\n",
    .options = {rows, TABLE_COUNT(rows)},
    .options_size = sizeof(struct events_options),
    .min = 1,
    .max = 1,
    .run = events,
};
