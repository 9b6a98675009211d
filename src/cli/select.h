/* SPDX-License-Identifier: Apache-2.0 */
/* select: one operation on several containers, which are named or matched by a regular expression. */
#ifndef BERTH_CLI_SELECT_H
#define BERTH_CLI_SELECT_H

#include "cli/verb.h"

struct selection {
    char **names; /* ids, or with `regex` POSIX extended regular expressions that match anywhere in an id (regex(7)) */
    unsigned count;
    bool regex;
    bool live; /* with `regex`: pass over stopped containers */
    int (*apply)(const struct call *call, const char *id, const void *context, struct berth_error *error);
    const void *context;
};

/*
 * Applies to each container, also when one before failed. An error that another one follows is reported at once, the
 * last one is returned. Expressions that match nothing are no failure.
 */
int selection_apply(const struct call *call, const struct selection *selection, struct berth_error *error);

#endif
