/* SPDX-License-Identifier: Apache-2.0 */
/* lifecycle: see lifecycle.h. Pure. */
#include "life/lifecycle.h"

#include <errno.h>
#include <stddef.h>

/*
 * operation x state -> NULL: allowed, else why not, as a format for the id. `delete` of a created container without
 * --force is allowed, which runtime.md forbids, since runc and crun allow it and engines rely on that.
 */
/* clang-format off */
static const char *const refusals[OPERATION_COUNT][OCI_STATUS_PAUSED + 1] = {
    [OPERATION_START] =
        {
            [OCI_STATUS_CREATING] = "cannot start a container that is still being created",
            [OCI_STATUS_CREATED] = NULL,
            [OCI_STATUS_RUNNING] = "cannot start an already running container",
            [OCI_STATUS_STOPPED] = "cannot start a container that has stopped",
            [OCI_STATUS_PAUSED] = "cannot start an already running container: container paused",
        },
    [OPERATION_KILL] =
        {
            [OCI_STATUS_CREATING] = "container not running: it is still being created",
            [OCI_STATUS_CREATED] = NULL,
            [OCI_STATUS_RUNNING] = NULL,
            [OCI_STATUS_STOPPED] = "container not running",
            [OCI_STATUS_PAUSED] = NULL,
        },
    [OPERATION_DELETE] =
        {
            [OCI_STATUS_CREATING] = "cannot delete a container that is still being created",
            [OCI_STATUS_CREATED] = NULL,
            [OCI_STATUS_RUNNING] = "cannot delete a container that is not stopped: container still running",
            [OCI_STATUS_STOPPED] = NULL,
            [OCI_STATUS_PAUSED] = "cannot delete a container that is not stopped: container paused",
        },
    [OPERATION_DELETE_FORCE] = {NULL},
    [OPERATION_EXEC] =
        {
            [OCI_STATUS_CREATING] = "cannot exec in a container that is still being created",
            [OCI_STATUS_CREATED] = NULL,
            [OCI_STATUS_RUNNING] = NULL,
            [OCI_STATUS_STOPPED] = "cannot exec in a stopped container",
            [OCI_STATUS_PAUSED] = "cannot exec in a paused container (use --ignore-paused to override)",
        },
    [OPERATION_EXEC_PAUSED] =
        {
            [OCI_STATUS_CREATING] = "cannot exec in a container that is still being created",
            [OCI_STATUS_CREATED] = NULL,
            [OCI_STATUS_RUNNING] = NULL,
            [OCI_STATUS_STOPPED] = "cannot exec in a stopped container",
            [OCI_STATUS_PAUSED] = NULL,
        },
    /* stopped: what the container left running, none as a rule; runc answers so, engines ask without looking */
    [OPERATION_PROCESSES] =
        {
            [OCI_STATUS_CREATING] = "container not running: it is still being created",
            [OCI_STATUS_CREATED] = NULL,
            [OCI_STATUS_RUNNING] = NULL,
            [OCI_STATUS_STOPPED] = NULL,
            [OCI_STATUS_PAUSED] = NULL,
        },
    [OPERATION_EVENTS] =
        {
            [OCI_STATUS_CREATING] = "container with id %s is not running: it is still being created",
            [OCI_STATUS_CREATED] = NULL,
            [OCI_STATUS_RUNNING] = NULL,
            [OCI_STATUS_STOPPED] = "container with id %s is not running",
            [OCI_STATUS_PAUSED] = NULL,
        },
    [OPERATION_PAUSE] =
        {
            [OCI_STATUS_CREATING] = "container not running: it is still being created",
            [OCI_STATUS_CREATED] = NULL,
            [OCI_STATUS_RUNNING] = NULL,
            [OCI_STATUS_STOPPED] = "container not running",
            [OCI_STATUS_PAUSED] = "container not running: it is paused already",
        },
    [OPERATION_RESUME] =
        {
            [OCI_STATUS_CREATING] = "container not paused",
            [OCI_STATUS_CREATED] = "container not paused",
            [OCI_STATUS_RUNNING] = "container not paused",
            [OCI_STATUS_STOPPED] = "container not paused",
            [OCI_STATUS_PAUSED] = NULL,
        },
    [OPERATION_UPDATE] =
        {
            [OCI_STATUS_CREATING] = "container not running: it is still being created",
            [OCI_STATUS_CREATED] = NULL,
            [OCI_STATUS_RUNNING] = NULL,
            [OCI_STATUS_STOPPED] = "container not running",
            [OCI_STATUS_PAUSED] = NULL,
        },
    [OPERATION_CHECKPOINT] =
        {
            [OCI_STATUS_CREATING] = "container cannot be checkpointed in creating state",
            [OCI_STATUS_CREATED] = "container cannot be checkpointed in created state",
            [OCI_STATUS_RUNNING] = NULL,
            [OCI_STATUS_STOPPED] = "container cannot be checkpointed in stopped state",
            [OCI_STATUS_PAUSED] = NULL,
        },
};
/* clang-format on */

int lifecycle_check(enum operation operation, enum oci_status status, const char *id, struct error *err) {
    const char *refusal = refusals[operation][status];
    return refusal ? error_set(err, EINVAL, refusal, id) : 0; /* most do not name it */
}

/* config.md: prestart, createRuntime, createContainer and startContainer fail the operation; poststart (1.3) stops the
 * container; poststop is logged only. "created" for the points within create is what crun says and the suite wants. */
static const struct hook_rule rules[HOOK_POINT_COUNT] = {
    [HOOK_PRESTART] = {HOOK_PRESTART, OCI_STATUS_CREATED, HOOK_FAILURE_UNDO},
    [HOOK_CREATE_RUNTIME] = {HOOK_CREATE_RUNTIME, OCI_STATUS_CREATED, HOOK_FAILURE_UNDO},
    [HOOK_CREATE_CONTAINER] = {HOOK_CREATE_CONTAINER, OCI_STATUS_CREATED, HOOK_FAILURE_UNDO},
    [HOOK_START_CONTAINER] = {HOOK_START_CONTAINER, OCI_STATUS_CREATED, HOOK_FAILURE_STOP},
    [HOOK_POSTSTART] = {HOOK_POSTSTART, OCI_STATUS_RUNNING, HOOK_FAILURE_STOP},
    [HOOK_POSTSTOP] = {HOOK_POSTSTOP, OCI_STATUS_STOPPED, HOOK_FAILURE_CARRY_ON},
};

const struct hook_rule *lifecycle_hook(enum hook_point point) {
    return &rules[point];
}
