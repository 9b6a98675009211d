/* SPDX-License-Identifier: Apache-2.0 */
/* verbs: the list of commands. Runs in the command line; needs no privilege. */
#include "cli/verb.h"

#include <string.h>

const struct verb *const verbs[] = {
    &verb_create, &verb_start, &verb_run,  &verb_state,    &verb_exec, &verb_kill,
    &verb_delete, &verb_list,  &verb_spec, &verb_features, NULL,
};

const struct verb *verb_find(const char *name) {
    const struct verb *const *verb = verbs;
    while (*verb && strcmp((*verb)->name, name) != 0)
        verb++;
    return *verb;
}
