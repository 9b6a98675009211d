/* SPDX-License-Identifier: Apache-2.0 */
/* kill: a signal to the init process, or to all processes of the container. Runs in life. */
#include "base/own.h"
#include "kernel/process.h"
#include "life/lifecycle.h"
#include "life/operations.h"

#include <errno.h>
#include <signal.h>

int operation_kill(const struct berth_runtime *runtime, const char *id, int signal, bool all, struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    int r = container_find(runtime->root, id, false, &store, &c, err);
    if (r < 0)
        return r;
    if (all && c.group.count > 0) {
        r = cgroup_signal(&c.group, signal, err);
        /* Engines send it to be sure, after the end too: nothing left to kill is what they want. */
        return r < 0 && c.status != OCI_STATUS_STOPPED ? r : 0;
    }
    r = lifecycle_check(OPERATION_KILL, c.status, id, err);
    if (r < 0)
        return r;
    r = process_signal(c.pidfd, signal);
    if (r == -ESRCH)
        return error_set(err, ESRCH, "container not running: no such process");
    if (r < 0)
        return error_code(err, -r, "send signal %d to process %lld", signal, (long long)c.record->pid);
    if (signal == SIGKILL && c.status == OCI_STATUS_PAUSED)
        return cgroup_freeze(&c.group, false, err); /* a frozen v1 task does not die before it is thawed */
    return 0;
}
