/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook: runs the hooks of one point. Used by life for the points of the runtime namespace and by init for
 * createContainer (before pivot) and startContainer (after). Allocates nothing.
 */
#ifndef BERTH_INIT_HOOK_H
#define BERTH_INIT_HOOK_H

#include "base/error.h"
#include "plan/hooks.h"

#include <stdbool.h>

/* Where standard output and standard error of hooks go. 0 or less: kept for the error's text. */
struct hook_output {
    int out, err;
};
#define HOOK_OUTPUT_INIT                                                                                               \
    { -1, -1 }

struct hook_call {
    int state_fd;     /* a memfd with the JSON, rewound for each hook: they share it, so seal it against writing */
    int directory_fd; /* working directory, -1 as the caller's */
    int root_fd;      /* root directory, in which the hook's path is resolved; 0 or less: the caller's */
    struct hook_output output;
    int cancel_fd;                       /* readable: end the hook that runs, the call fails; 0 or less: none */
    int (*confine)(const void *context); /* as in kernel/run.h */
    const void *context;
    const char *const *envp; /* environment of a hook that names none; NULL: an empty one */
    bool carry_on;           /* poststop: a failure is logged as a warning, the rest still runs, 0 is returned */
};

/*
 * Runs the hooks of `point` in listed order with the state on stdin.
 *
 * Stops at the first failure: the text is "error running <point> hook #<n> (<path>): exit status 1 after 12 ms,
 * output: ..." with signal, deadline ("hook ran past specified timeout of 1.0s") or errno in place of the status,
 * or that it was cancelled (EINTR); the output's end is kept, its control characters are blanks. step "hook", place
 * "/hooks/<point>/<n>", n from 0. Code: ETIMEDOUT past the deadline, ECANCELED for a status or signal, else why it
 * could not be started.
 */
int hook_run(const struct plan_hooks *hooks, enum hook_point point, const struct hook_call *call, struct error *err);

#endif
