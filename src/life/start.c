/* SPDX-License-Identifier: Apache-2.0 */
/* start: lets the waiting init process go on and waits until its program runs. Runs in life. */
#include "base/log.h"
#include "base/own.h"
#include "handoff/handoff.h"
#include "kernel/process.h"
#include "life/attend.h"
#include "life/lifecycle.h"
#include "life/notify.h"
#include "life/operations.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define GATE_SECONDS 10

static int refuse_ended(struct error *err) {
    return error_set(err, ECANCELED, "the container's process ended before it could start its program");
}

/* Tells the waiting init process to go on, and waits until its program runs: an error is what stopped it. */
static int launch(int channel, int state_fd, const struct container *c, struct error *err) {
    unsigned long oom_before = cgroup_oom_kills(&c->group);
    struct handoff_message message = {.fd = -1};
    bool heard = false, hooks = c->record->hooks && c->record->hooks->start_container.count > 0;
    int r = handoff_send(channel, HANDOFF_START, state_fd, log_wanted(LOG_LEVEL_DEBUG) ? HANDOFF_TELL : NULL);
    while (r == 0) {
        r = handoff_receive(channel, HANDOFF_TO_LIFE, &message);
        if (r > 0 && (message.kind == HANDOFF_WARNING || message.kind == HANDOFF_DEBUG ||
                      message.kind == HANDOFF_READY || message.kind == HANDOFF_HOOKS)) {
            heard |= message.kind == HANDOFF_READY;
            hooks &= message.kind != HANDOFF_HOOKS;
            if (message.kind == HANDOFF_WARNING)
                log_warning("%s", message.error.text);
            if (message.kind == HANDOFF_DEBUG)
                log_debug("%s", message.error.text);
            r = 0;
            continue;
        }
        if (r == 0 && (!heard || hooks) && attend_memory(c->pidfd, &c->group, oom_before, err) < 0)
            return -err->code;
        if (r == 0 && (!heard || hooks))
            return refuse_ended(err);
        if (r == 0)
            break; /* closed by the exec */
        if (r > 0 && message.kind == HANDOFF_ERROR) {
            *err = message.error;
            return err->code > 0 ? -err->code : -EPROTO;
        }
        fd_drop(&message.fd);
        r = r < 0 ? r : -EPROTO;
    }
    if (r == -EPIPE || r == -ECONNRESET)
        return refuse_ended(err);
    if (r < 0)
        return error_code(err, -r, "talk to the container's process");
    return attend_memory(c->pidfd, &c->group, oom_before, err);
}

/* A failing hook stops and deletes the container (config.md, runtime-spec 1.3). */
static int run_poststart(const struct store *store, struct container *c, struct error *err) {
    struct error unclean = ERROR_INIT;
    int r = container_hooks(&c->arena, c->record, HOOK_POSTSTART, -1, err);
    if (r < 0 && container_destroy(store, c, true, &unclean) < 0)
        log_warning("%s", unclean.text);
    return r < 0 ? r : 0;
}

int operation_start(const struct berth_runtime *runtime, const char *id, struct error *err) {
    own_store store = STORE_INIT;
    own_container container = CONTAINER_INIT;
    own_fd gate = -1, state = -1, notify = -1;
    int r = container_find(runtime->root, id, CONTAINER_START, &store, &container, err);
    if (r == 0)
        r = container_check(&container, OPERATION_START, err);
    if (r < 0)
        return r;
    log_step("container", "%s, process %lld", id, (long long)container.record->pid);
    r = store_gate_connect(container.dir, GATE_SECONDS, &gate);
    if (r == -ECONNREFUSED || r == -ENOENT) /* somebody was there when we looked at the state */
        return refuse_ended(err);
    if (r == -EBUSY)
        return error_set(err, EBUSY, "the container's init process has not answered for %d seconds: is it stopped?",
                         GATE_SECONDS);
    if (r < 0)
        return error_code(err, -r, "reach the container's init process");
    if (container.record->hooks && container.record->hooks->start_container.count > 0) {
        state = container_state_fd(container.record, lifecycle_hook(HOOK_START_CONTAINER)->status);
        if (state < 0)
            return error_code(err, -state, "state for startContainer hooks");
    }
    r = notify_listen(container.dir, &notify, err);
    if (r == 0)
        r = launch(gate, state, &container, err);
    if (r < 0) {
        /* A failing startContainer hook ends the container (config.md); what else fails leaves it stopped. */
        struct error unclean = ERROR_INIT;
        if (strcmp(err->step, "hook") == 0 && container_destroy(&store, &container, true, &unclean) < 0)
            log_warning("%s", unclean.text);
        return r;
    }
    unlinkat(container.dir, "start", 0);
    log_step("start", "process %lld runs its program", (long long)container.record->pid);
    r = run_poststart(&store, &container, err);
    if (r < 0 || notify < 0 || !notify_host_socket())
        return r;
    fd_drop(&container.dir); /* with it the lock: readiness may take as long as it likes */
    return notify_relay(notify, container.pidfd, (pid_t)container.record->pid, err);
}
