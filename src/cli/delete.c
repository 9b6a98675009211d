/* SPDX-License-Identifier: Apache-2.0 */
/* delete: what a container left. Runs in the command line. */
#include "cli/select.h"

#include "base/table.h"

struct delete_options {
    bool force, regex;
};

#define FIELD(member) offsetof(struct delete_options, member)

static const struct option_row rows[] = {
    OPTION_ROW(FLAG, FIELD(force), "force", 'f', NULL,
               "kill a running container first; one that does not exist is no error"),
    OPTION_ROW(FLAG, FIELD(regex), "regex", 'r', NULL, "each ID is a regular expression: all containers that match"),
};

static int delete_one(const struct call *call, const char *id, const void *context, struct berth_error *error) {
    const struct delete_options *options = context;
    return berth_delete(call->runtime, id, options->force, error);
}

static int delete_selected(const struct call *call, struct berth_error *error) {
    const struct delete_options *options = call->options;
    struct selection selection = {
        .names = call->args, .count = call->count, .regex = options->regex, .apply = delete_one, .context = options};
    return selection_apply(call, &selection, error);
}

const struct verb verb_delete = {
    .name = "delete",
    .arguments = "ID...",
    .summary = "delete containers that are stopped or not yet started",
    .options = {rows, TABLE_COUNT(rows)},
    .options_size = sizeof(struct delete_options),
    .min = 1,
    .max = VERB_ANY,
    .run = delete_selected,
};
