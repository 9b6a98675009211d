/* SPDX-License-Identifier: Apache-2.0 */
/* start: lets the waiting init process go on and waits until its program runs. Runs in life. */
#include "base/own.h"
#include "life/create.h"
#include "life/lifecycle.h"
#include "life/operations.h"

#include <errno.h>
#include <unistd.h>

int start_poststart(const struct store *store, const char *id, const struct oci_record *record, struct error *err) {
    own_arena arena = ARENA_INIT;
    int r = container_hooks(&arena, record, HOOK_POSTSTART, err);
    if (r >= 0)
        return 0;
    own_container container = CONTAINER_INIT;
    struct error ignored = ERROR_INIT;
    if (container_open(store, id, false, &container, &ignored) == 0)
        (void)container_destroy(store, &container, true, &ignored);
    return r;
}

int operation_start(const struct berth_runtime *runtime, const char *id, struct error *err) {
    own_store store = STORE_INIT;
    own_container container = CONTAINER_INIT;
    own_fd gate = -1, state = -1;
    int r = store_open(runtime->root, false, &store, err);
    if (r == -ENOENT)
        return error_set(err, ENOENT, "container does not exist: %s", id);
    if (r == 0)
        r = container_open(&store, id, true, &container, err);
    if (r == 0)
        r = lifecycle_check(OPERATION_START, container.status, id, err);
    if (r < 0)
        return r;
    r = store_gate_connect(container.dir, &gate);
    if (r < 0)
        return error_code(err, -r, "reach the container's init process");
    if (container.record->hooks && container.record->hooks->start_container.count > 0) {
        state = container_state_fd(container.record, lifecycle_hook(HOOK_START_CONTAINER)->status);
        if (state < 0)
            return error_code(err, -state, "state for startContainer hooks");
    }
    r = create_launch(gate, state, container.pidfd, &container.group, cgroup_oom_kills(&container.group), err);
    if (r < 0)
        return r;
    unlinkat(container.dir, "start", 0);
    return start_poststart(&store, id, container.record, err);
}
