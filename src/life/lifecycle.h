/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle: the states of a container and what may be done in each, as tables (runtime.md "Lifecycle", "Operations";
 * config.md "POSIX-platform Hooks"). Pure.
 */
#ifndef BERTH_LIFE_LIFECYCLE_H
#define BERTH_LIFE_LIFECYCLE_H

#include "base/error.h"
#include "oci_types.h"
#include "plan/hooks.h"

enum operation {
    OPERATION_START,
    OPERATION_KILL,
    OPERATION_DELETE,
    OPERATION_DELETE_FORCE,
    OPERATION_EXEC,
    OPERATION_EXEC_PAUSED, /* exec --ignore-paused */
    OPERATION_PROCESSES,
    OPERATION_EVENTS,
    OPERATION_PAUSE,
    OPERATION_RESUME,
    OPERATION_UPDATE,
    OPERATION_CHECKPOINT,
    OPERATION_COUNT
};

/* 0 when the operation is allowed in that state, else the refusal in the words that engines match on. */
int lifecycle_check(enum operation operation, enum oci_status status, const char *id, struct error *err);

enum hook_failure {
    HOOK_FAILURE_UNDO,    /* the create fails and is undone */
    HOOK_FAILURE_STOP,    /* the container is stopped and deleted, the command fails */
    HOOK_FAILURE_CARRY_ON /* a warning */
};

struct hook_rule {
    enum hook_point point;
    enum oci_status status; /* what the hook reads as status */
    enum hook_failure failure;
};
const struct hook_rule *lifecycle_hook(enum hook_point point);

#endif
