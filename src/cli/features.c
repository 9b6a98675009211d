/* SPDX-License-Identifier: Apache-2.0 */
/* features: what this build can do, as JSON on standard output. Runs in the command line; needs no privilege. */
#include "cli/output.h"
#include "cli/verb.h"

static int features(const struct call *call, struct berth_error *error) {
    (void)call;
    own_memory char *json = NULL;
    int r = berth_features(&json, error);
    return r < 0 ? r : output_print_json(json, error);
}

const struct verb verb_features = {
    .name = "features",
    .arguments = "",
    .summary = "print what this build supports as JSON",
    .run = features,
};
