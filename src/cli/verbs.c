/* SPDX-License-Identifier: Apache-2.0 */
/* verbs: the list of commands. Runs in the command line; needs no privilege. */
#include "cli/verb.h"

#include <string.h>

const struct verb *const verbs[] = {
    &verb_create, &verb_start,      &verb_run,     &verb_state,  &verb_exec,     &verb_ps,
    &verb_events, &verb_kill,       &verb_pause,   &verb_resume, &verb_update,   &verb_delete,
    &verb_list,   &verb_checkpoint, &verb_restore, &verb_spec,   &verb_features, NULL,
};

const struct verb *verb_find(const char *name) {
    const struct verb *const *verb = verbs;
    while (*verb && strcmp((*verb)->name, name) != 0)
        verb++;
    return *verb;
}
