/* SPDX-License-Identifier: Apache-2.0 */
/* kill: a signal to the init process, or to all processes of the container. Runs in life. */
#include "base/own.h"
#include "kernel/process.h"
#include "life/lifecycle.h"
#include "life/operations.h"

#include <errno.h>
#include <signal.h>

/* Whether a process that lives is left in the cgroup; one that has ended is listed for another moment. */
static int look_for_survivors(struct container *c, bool *found, struct error *err) {
    pid_t *pids = NULL;
    size_t count = 0;
    int r = cgroup_processes(&c->arena, &c->group, &pids, &count, err);
    *found = false;
    for (size_t i = 0; r == 0 && i < count && !*found; i++)
        *found = !process_is_ending(pids[i]);
    return r;
}

/* In a PID namespace of its own all end with the first process; in another one they stay behind. */
static int kill_survivors(struct container *c, struct error *err) {
    bool found = false;
    int r = look_for_survivors(c, &found, err);
    if (r == 0 && !found)
        r = container_check(c, OPERATION_KILL, err);
    return r == 0 && found ? cgroup_signal(&c->group, SIGKILL, err) : r;
}

static int signal_init(const struct container *c, int signal, struct error *err) {
    int r = process_signal(c->pidfd, signal);
    if (r == -ESRCH)
        return error_set(err, ESRCH, "container not running: no such process");
    if (r < 0)
        return error_code(err, -r, "send signal %d to process %lld", signal, (long long)c->record->pid);
    return 0;
}

/* A frozen v1 task does not die before it is thawed. Without the cgroup somebody else has ended and deleted it. */
static int thaw(const struct container *c, struct error *err) {
    struct error why = ERROR_INIT;
    int r = cgroup_freeze(&c->group, false, &why);
    if (r == 0 || r == -ENOENT || r == -ENODEV)
        return 0;
    *err = why;
    return r;
}

/* SIGKILL is to end the container, not only its first process (as with runc). */
static int kill_container(struct container *c, struct error *err) {
    bool first = true;
    int r = process_is_first((pid_t)c->record->pid, &first); /* gone meanwhile: signal_init says so */
    if (r < 0 && r != -ESRCH)
        return error_code(err, -r, "look at process %lld", (long long)c->record->pid);
    r = signal_init(c, SIGKILL, err);
    if (r == 0 && !first && c->group.count > 0)
        return cgroup_signal(&c->group, SIGKILL, err);
    return r == 0 && container_may_be_paused(c) && c->group.count > 0 ? thaw(c, err) : r;
}

/* The first process, too, when it has left the container's cgroup. */
static int signal_all(const struct container *c, int signal, struct error *err) {
    struct error ended = ERROR_INIT;
    int r = c->pidfd >= 0 ? cgroup_check_holds(&c->group, (pid_t)c->record->pid, err) : 0;
    if (r == -ENODEV)
        (void)signal_init(c, signal, &ended);
    else if (r < 0)
        return r;
    return cgroup_signal(&c->group, signal, err);
}

int operation_kill(const struct berth_runtime *runtime, const char *id, int signal, bool all, struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    int r = container_find(runtime->root, id, CONTAINER_USE, &store, &c, err);
    if (r < 0)
        return r;
    if (all && c.group.count > 0) {
        r = signal_all(&c, signal, err);
        /* Engines send it to be sure, after the end too: a cgroup that has gone is what they want. */
        return r == -ENODEV && c.status == OCI_STATUS_STOPPED ? 0 : r;
    }
    if (signal == SIGKILL && c.status == OCI_STATUS_STOPPED)
        return kill_survivors(&c, err);
    r = container_check(&c, OPERATION_KILL, err);
    if (r < 0)
        return r;
    return signal == SIGKILL ? kill_container(&c, err) : signal_init(&c, signal, err);
}
