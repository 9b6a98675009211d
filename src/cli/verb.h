/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb: a command of berth as one row of data. Each stands in a file of its own name with its options, the struct
 * they are parsed into, and a short function that calls the library. verbs.c lists them.
 */
#ifndef BERTH_CLI_VERB_H
#define BERTH_CLI_VERB_H

#include "base/arena.h"
#include "cli/options.h"
#include "cli/report.h"

#include <berth/berth.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct verb;

/* What a verb is called with. All of it lives until the process ends. */
struct call {
    const struct verb *verb;
    const struct berth_runtime *runtime;
    const void *options; /* the verb's own struct */
    char *const *argv;   /* of main, as it came */
    char **args;         /* the positionals, as many as the verb allows */
    unsigned count;
    struct arena *arena;
    struct report *report;
};

#define VERB_ANY UINT_MAX /* no upper bound of positionals */

struct verb {
    const char *name;
    const char *arguments; /* for help: "ID [SIGNAL]"; empty when there is none */
    const char *summary;   /* for help: what it does, in a few words */
    const char *details;   /* for help: more lines, each ended by a newline; may be NULL */
    const char *surplus;   /* what to say about one argument too many; may be NULL */
    struct option_table options;
    enum option_order order;
    size_t options_size; /* of the struct that the options go into; it starts zeroed: all defaults */
    unsigned min, max;   /* positionals */
    int failure;         /* exit status when it fails; 0: the usual 1 */
    bool enters;         /* makes a process in a container: the program protects itself first (berth_protect) */
    /* Returns the exit status, or a negative errno with *error filled, which is then reported. */
    int (*run)(const struct call *call, struct berth_error *error);
};

extern const struct verb verb_checkpoint, verb_create, verb_delete, verb_events, verb_exec, verb_features, verb_help,
    verb_kill, verb_list, verb_pause, verb_ps, verb_restore, verb_resume, verb_run, verb_spec, verb_start, verb_state,
    verb_update;

/* All verbs, in the order that help shows them; ended by NULL. */
extern const struct verb *const verbs[];

/* The verb of that name; an unknown one fails, with the name that was probably meant: -EINVAL. */
int verb_find(const char *name, const struct verb **verb, struct berth_error *error);

#endif
