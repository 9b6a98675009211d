/* SPDX-License-Identifier: Apache-2.0 */
/* pause, resume: hold a container's processes, and let them go on. Runs in the command line. */
#include "cli/verb.h"

static int pause_container(const struct call *call, struct berth_error *error) {
    return berth_pause(call->runtime, call->args[0], error);
}

static int resume_container(const struct call *call, struct berth_error *error) {
    return berth_resume(call->runtime, call->args[0], error);
}

const struct verb verb_pause = {
    .name = "pause",
    .arguments = "ID",
    .summary = "hold all processes of a container",
    .min = 1,
    .max = 1,
    .run = pause_container,
};

const struct verb verb_resume = {
    .name = "resume",
    .arguments = "ID",
    .summary = "let the processes of a paused container go on",
    .min = 1,
    .max = 1,
    .run = resume_container,
};
