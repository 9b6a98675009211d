/* SPDX-License-Identifier: Apache-2.0 */
/* verbs: the list of commands. Runs in the command line; needs no privilege. */
#include "cli/verb.h"

#include "base/nearest.h"
#include "cli/failure.h"

#include <errno.h>
#include <string.h>

const struct verb *const verbs[] = {
    &verb_create,  &verb_start, &verb_run,      &verb_state,  &verb_exec,   &verb_ps,   &verb_events,
    &verb_kill,    &verb_pause, &verb_resume,   &verb_update, &verb_delete, &verb_list, &verb_checkpoint,
    &verb_restore, &verb_spec,  &verb_features, &verb_help,   NULL,
};

static const char *nearest_verb(const char *name) {
    struct nearest nearest = NEAREST(name);
    for (const struct verb *const *each = verbs; *each; each++)
        nearest_try(&nearest, (*each)->name);
    return nearest.name;
}

int verb_find(const char *name, const struct verb **verb, struct berth_error *error) {
    char hint[NEAREST_HINT_SIZE];
    for (const struct verb *const *each = verbs; *each; each++) {
        if (strcmp((*each)->name, name) != 0)
            continue;
        *verb = *each;
        return 0;
    }
    const char *nearest = nearest_verb(name);
    return failure_set(error, EINVAL, "unknown command \"%s\"%s", name,
                       nearest ? nearest_hint(nearest, hint) : " (berth help lists them)");
}
