/* SPDX-License-Identifier: Apache-2.0 */
/* kill: a signal to a container. Runs in the command line. */
#include "cli/failure.h"
#include "cli/select.h"
#include "cli/signals.h"

#include "base/nearest.h"
#include "base/table.h"

#include <errno.h>
#include <signal.h>

struct kill_options {
    bool all, regex;
};

#define FIELD(member) offsetof(struct kill_options, member)

static const struct option_row rows[] = {
    OPTION_ROW(FLAG, FIELD(all), "all", 'a', NULL, "send it to every process of the container"),
    OPTION_ROW(FLAG, FIELD(regex), "regex", 'r', NULL,
               "ID is a regular expression: all containers that match and are not stopped"),
};

static int kill_one(const struct call *call, const char *id, const void *context, struct berth_error *error) {
    const struct kill_options *options = call->options;
    return berth_kill(call->runtime, id, *(const int *)context, options->all, error);
}

static int kill_selected(const struct call *call, struct berth_error *error) {
    const struct kill_options *options = call->options;
    int signal = SIGTERM;
    char hint[NEAREST_HINT_SIZE];
    if (call->count > 1 && signal_parse(call->args[1], &signal) < 0)
        return failure_set(error, EINVAL, "kill %s: unknown signal \"%s\"%s", call->args[0], call->args[1],
                           nearest_hint(signal_nearest(call->args[1]), hint));
    struct selection selection = {
        .names = call->args, .count = 1, .regex = options->regex, .live = true, .apply = kill_one, .context = &signal};
    return selection_apply(call, &selection, error);
}

const struct verb verb_kill = {
    .name = "kill",
    .arguments = "ID [SIGNAL]",
    .summary = "send a signal to a container (default: TERM)",
    .details = "SIGNAL is a number or a name: 9, KILL, SIGKILL, sigkill, RTMIN+3.\n",
    .options = {rows, TABLE_COUNT(rows)},
    .options_size = sizeof(struct kill_options),
    .min = 1,
    .max = 2,
    .run = kill_selected,
};
