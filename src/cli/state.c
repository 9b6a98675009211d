/* SPDX-License-Identifier: Apache-2.0 */
/* state: one container as JSON on standard output. Runs in the command line. */
#include "cli/output.h"
#include "cli/verb.h"

static int state(const struct call *call, struct berth_error *error) {
    own_memory char *json = NULL;
    int r = berth_state(call->runtime, call->args[0], &json, error);
    return r < 0 ? r : output_print_json(json, error);
}

const struct verb verb_state = {
    .name = "state",
    .arguments = "ID",
    .summary = "print the state of a container as JSON",
    .min = 1,
    .max = 1,
    .run = state,
};
