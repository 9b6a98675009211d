/* SPDX-License-Identifier: Apache-2.0 */
/* pause, resume: the freezer of a container's cgroup. Runs in life; needs write permission in the cgroup. */
#include "base/own.h"
#include "kernel/process.h"
#include "life/lifecycle.h"
#include "life/operations.h"

#include <errno.h>
#include <string.h>

/*
 * A pause that was killed before it was complete is ended by resume: cgroup2 says frozen only when all processes are,
 * so the container counts as running, and some of it is held. (The v1 freezer counts as frozen from the start.)
 */
static int check(const struct container *c, enum operation operation, struct error *err) {
    struct error unread = ERROR_INIT;
    char text[8];
    int r = container_check(c, operation, err);
    if (r == 0 || operation != OPERATION_RESUME)
        return r;
    int read = cgroup_read(&c->group, "", "cgroup.freeze", text, sizeof text, &unread);
    if (read < 0 && read != -ENOENT && read != -ENODEV)
        *err = unread;
    return read == 0 && strcmp(text, "1") == 0 ? 0 : -err->code;
}

/* What is frozen must be the container, or it would count as paused and run on; and it must not have ended. */
static int pause_living(const struct container *c, struct error *err) {
    int r = cgroup_check_holds(&c->group, (pid_t)c->record->pid, err);
    if (r == 0)
        r = cgroup_freeze(&c->group, true, err);
    const bool frozen = r == 0;
    if (r == 0 || r == -ENODEV || r == -ESRCH) {
        if (process_is_ending((pid_t)c->record->pid)) /* it has left the cgroup for good, or is about to */
            r = lifecycle_check(OPERATION_PAUSE, OCI_STATUS_STOPPED, c->id, err);
    }
    if (r < 0 && frozen)
        cgroup_thaw_all(&c->group);
    return r;
}

static int freeze(const struct berth_runtime *runtime, const char *id, enum operation operation, struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    int r = container_find(runtime->root, id, CONTAINER_CHANGE, &store, &c, err);
    if (r == 0)
        r = check(&c, operation, err);
    if (r == 0)
        r = container_check_cgroup(&c, err);
    if (r < 0)
        return r;
    if (c.group.count == 0)
        return error_set(err, ENODEV, "the container has no cgroup to freeze");
    return operation == OPERATION_PAUSE ? pause_living(&c, err) : cgroup_freeze(&c.group, false, err);
}

int operation_pause(const struct berth_runtime *runtime, const char *id, struct error *err) {
    return freeze(runtime, id, OPERATION_PAUSE, err);
}

int operation_resume(const struct berth_runtime *runtime, const char *id, struct error *err) {
    return freeze(runtime, id, OPERATION_RESUME, err);
}
