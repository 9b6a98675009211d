/* SPDX-License-Identifier: Apache-2.0 */
/* pause, resume: the freezer of a container's cgroup. Runs in life; needs write permission in the cgroup. */
#include "base/own.h"
#include "kernel/process.h"
#include "life/lifecycle.h"
#include "life/operations.h"

#include <errno.h>
#include <string.h>

/*
 * A pause that was killed before it was complete: cgroup2 says frozen only when all processes are, so the container
 * counts as running, and some of it is held. (The v1 freezer counts as frozen from the start.)
 */
static bool is_half_frozen(const struct cgroup *group) {
    struct error ignored = ERROR_INIT;
    char text[8];
    return cgroup_read(group, "", "cgroup.freeze", text, sizeof text, &ignored) == 0 && strcmp(text, "1") == 0;
}

static int freeze(const struct berth_runtime *runtime, const char *id, enum operation operation, struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    int r = container_find(runtime->root, id, true, &store, &c, err);
    if (r == 0 && !(operation == OPERATION_RESUME && is_half_frozen(&c.group)))
        r = container_check(&c, operation, err);
    if (r == 0)
        r = container_check_cgroup(&c, err);
    if (r < 0)
        return r;
    if (c.group.count == 0)
        return error_set(err, ENODEV, "the container has no cgroup to freeze");
    /* What is frozen must be the container, or it would count as paused and run on. */
    if (operation == OPERATION_PAUSE)
        r = cgroup_check_holds(&c.group, (pid_t)c.record->pid, err);
    if (r == -ENODEV && process_is_ending((pid_t)c.record->pid)) /* so it has, for good */
        return lifecycle_check(operation, OCI_STATUS_STOPPED, id, err);
    if (r < 0)
        return r;
    return cgroup_freeze(&c.group, operation == OPERATION_PAUSE, err);
}

int operation_pause(const struct berth_runtime *runtime, const char *id, struct error *err) {
    return freeze(runtime, id, OPERATION_PAUSE, err);
}

int operation_resume(const struct berth_runtime *runtime, const char *id, struct error *err) {
    return freeze(runtime, id, OPERATION_RESUME, err);
}
