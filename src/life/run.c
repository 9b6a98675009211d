/* SPDX-License-Identifier: Apache-2.0 */
/* run: create, start, and in the foreground the wait for the end and the delete. Runs in life. */
#include "base/log.h"
#include "base/own.h"
#include "kernel/process.h"
#include "life/create.h"
#include "life/hold.h"
#include "life/lifecycle.h"
#include "life/notify.h"
#include "life/operations.h"
#include "life/relay.h"

#include <errno.h>
#include <unistd.h>

int operation_create(const struct berth_runtime *runtime, const struct berth_create *request, struct error *err) {
    own_creation creation;
    creation_init(&creation);
    creation.runtime = runtime;
    creation.request = request;
    int r = create_container(&creation, CREATE_GATED | CREATE_DETACHED, err);
    if (r == 0)
        undo_commit(&creation.undo);
    return r;
}

int run_take_down(struct creation *c, struct error *err) {
    own_container container = CONTAINER_INIT;
    bool in_use;
    int r = container_reopen(&c->dir, &c->record, &container, err);
    /* A delete removes the state directory last: where the cgroup is left, somebody has removed that by hand. */
    if (r == 0)
        r = cgroup_exists(&container.group, &in_use, err);
    if (r <= 0)
        return r;
    return container_destroy(&c->store, &container, true, err);
}

/* In the foreground readiness is passed on by a process beside us, which ends with the container at the latest. */
static int notify_aside(struct creation *c, struct error *err) {
    struct error ignored;
    if (c->notify < 0)
        return 0;
    pid_t pid = fork();
    if (pid < 0)
        return error_sys(err, "make a process for the notify socket");
    if (pid == 0) {
        c->undo.count = 0;
        fd_drop(&c->dir); /* or the lock that we take at the end would be this process's, too */
        _exit(notify_relay(c->notify, c->pidfd, c->pid, &ignored) < 0);
    }
    fd_drop(&c->notify);
    return 0;
}

int operation_run(const struct berth_runtime *runtime, const struct berth_create *request, unsigned flags, int *status,
                  struct error *err) {
    own_relay relay = RELAY_INIT; /* closed behind the undo: a signal that is pending ends us there */
    own_creation c;
    bool detach = flags & BERTH_RUN_DETACH;
    creation_init(&c);
    c.runtime = runtime;
    c.request = request;
    int r = detach ? 0 : relay_open(&relay, err);
    c.relay = detach ? NULL : &relay;
    if (r == 0)
        r = create_container(&c, detach ? CREATE_DETACHED : 0, err);
    if (r == 0)
        r = container_hooks(&c.arena, &c.record, HOOK_POSTSTART, relay.stop_fd, err);
    if (r < 0) {
        c.hooks_begun |= c.pid > 0;
        return r;
    }
    undo_commit(&c.undo);
    store_unlock(c.dir);   /* from here on others may work on the container */
    cgroup_drop(&c.group); /* what is not needed any more: the caller may have left us few descriptors */
    hold_drop(&c.plan, &c.held);
    *status = 0;
    if (detach)
        return c.notify >= 0 ? notify_relay(c.notify, c.pidfd, c.pid, err) : 0;
    r = notify_aside(&c, err);
    if (r == 0)
        r = relay_wait(&relay, c.pidfd, c.master, status, err);
    if (r == 0)
        log_step("wait", "process %d has ended with status %d", (int)c.pid, *status);
    if (r == 0 && flags & BERTH_RUN_KEEP)
        return 0;
    /* The exit status of the payload, or why it is not known, is the answer, whatever the clean-up has to say. */
    struct error unclean = ERROR_INIT;
    if (run_take_down(&c, &unclean) < 0)
        log_warning("%s", unclean.text);
    return r;
}
