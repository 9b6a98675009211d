/* SPDX-License-Identifier: Apache-2.0 */
/* start: the process of a created container. Runs in the command line. */
#include "cli/verb.h"

static int start(const struct call *call, struct berth_error *error) {
    return berth_start(call->runtime, call->args[0], error);
}

const struct verb verb_start = {
    .name = "start",
    .arguments = "ID",
    .summary = "start the process of a created container",
    .min = 1,
    .max = 1,
    .run = start,
};
