/* SPDX-License-Identifier: Apache-2.0 */
/* attend: see attend.h. */
#include "life/attend.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "handoff/handoff.h"
#include "init/hook.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "kernel/tty.h"
#include "life/container.h"
#include "life/hold.h"
#include "life/idmaps.h"
#include "life/inside.h"
#include "life/lifecycle.h"
#include "life/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MENDS_MAX 100
#define SCANT_MEMORY ((uint64_t)1024 * 1024)
#define SCANT_MS 500

extern char **environ;

static int refuse_memory(const struct cgroup *group, const char *when, struct error *err) {
    const uint64_t limit = cgroup_memory_limit(group);
    if (limit == UINT64_MAX)
        return error_set(err, ENOMEM,
                         "the new process was killed by the OOM killer %s: memory limit of a parent cgroup", when);
    return error_set(err, ENOMEM,
                     "the new process was killed by the OOM killer %s: memory limit %" PRIu64 " bytes is too small",
                     when, limit);
}

int attend_memory(int pidfd, const struct cgroup *group, unsigned long oom_before, struct error *err) {
    const int patience = cgroup_memory_limit(group) < SCANT_MEMORY ? SCANT_MS : 0;
    if (process_wait(pidfd, patience) < 0 || cgroup_oom_kills(group) <= oom_before)
        return 0;
    return refuse_memory(group, "at its exec", err);
}

int attend_death(int pidfd, const struct cgroup *group, unsigned long oom_before, const char *when, struct error *err) {
    int status = 0;
    if (pidfd < 0 || process_reap(pidfd, &status) < 0)
        return error_set(err, ESRCH, "the new process ended %s without a word", when);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && cgroup_oom_kills(group) > oom_before)
        return refuse_memory(group, when, err);
    if (WIFSIGNALED(status))
        return error_set(err, ECANCELED, "the new process was killed by signal %d (%s) %s", WTERMSIG(status),
                         strsignal(WTERMSIG(status)), when);
    return error_set(err, ECANCELED, "the new process ended with status %d %s", WEXITSTATUS(status), when);
}

/* A limit above our own hard limit can be set only from outside of a new user namespace. */
static int raise_hard_limits(const struct creation *c, struct error *err) {
    const struct plan_process *process = &c->plan.process;
    for (size_t i = 0; c->plan.namespaces.recipe.map_ids && i < process->rlimit_count; i++) {
        const struct plan_rlimit *l = &process->rlimits[i];
        struct rlimit now;
        if (sys_prlimit(c->pid, l->resource, NULL, &now) < 0 || now.rlim_max >= l->hard)
            continue;
        now.rlim_max = l->hard;
        int r = sys_prlimit(c->pid, l->resource, &now, NULL);
        if (r < 0)
            return error_at(err, -r, "rlimits", l->place, "raise hard limit RLIMIT_%s to %llu", l->name,
                            (unsigned long long)l->hard);
    }
    return 0;
}

/* From outside: in a user namespace of its own the process does not own the file. */
static int set_oom_score(const struct creation *c, struct error *err) {
    const struct plan_process *process = &c->plan.process;
    char path[48], value[16];
    if (!process->has_oom_score_adj)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)c->pid);
    int len = snprintf(value, sizeof value, "%d", process->oom_score_adj);
    own_fd fd = fd_open(path, O_WRONLY);
    int r = fd < 0 ? -errno : fd_write_all(fd, value, (size_t)len);
    if (r == 0)
        return 0;
    return error_at(err, -r, "oom score", "/process/oomScoreAdj", "set oom_score_adj to %s%s", value,
                    r == -EACCES ? ", lowering it needs CAP_SYS_RESOURCE" : "");
}

/* Born straight into its only cgroup, it needs no move. */
static bool born_in_place(const struct creation *c) {
    return c->group.count == 0 || (c->group.world == CGROUP_UNIFIED && cgroup_clone_fd(&c->group) >= 0);
}

bool attend_places(const struct creation *c) {
    const struct spawn_recipe *recipe = &c->plan.namespaces.recipe;
    return recipe->refork || recipe->map_ids || hold_inside(&c->plan) || !born_in_place(c) || c->outside;
}

/* It is systemd that moves it, or on cgroup v1 the device rules are not in place for a moment. */
static bool waits_for_unit(const struct creation *c) {
    return c->record.unit && (c->outside || c->group.world != CGROUP_UNIFIED);
}

/*
 * On cgroup v1 systemd removes empty directories in the hierarchies that the slice has no use for just now: before
 * cgroup.procs is opened (ENOENT), or between that and the write (ENODEV).
 */
static int enter_cgroups(struct creation *c, struct error *err) {
    bool cloned = cgroup_clone_fd(&c->group) >= 0;
    int r = cgroup_enter(&c->group, c->pid, cloned, err);
    for (int attempt = 0; (r == -ENOENT || r == -ENODEV) && c->record.unit && attempt < MENDS_MAX; attempt++) {
        r = cgroup_mend(&c->group, err);
        if (r == 0) {
            c->record.cgroups_marked = cgroup_claim(&c->group, c->record.created);
            r = cgroup_enter(&c->group, c->pid, cloned, err);
        }
    }
    return r;
}

/* Everything that only the parent can do to the new process before it may go on. */
static int place(struct creation *c, struct error *err) {
    int r = c->plan.namespaces.recipe.map_ids ? idmaps_write(c->pid, &c->plan.namespaces, err) : 0;
    if (r == 0)
        r = raise_hard_limits(c, err);
    if (r == 0)
        r = set_oom_score(c, err);
    if (r == 0 && !born_in_place(c) && !c->outside)
        r = enter_cgroups(c, err);
    if (r == 0 && waits_for_unit(c))
        r = create_register(c, err);
    if (r == 0)
        r = inside_send_sources(c, err);
    if (r == 0 && attend_places(c)) {
        r = handoff_send(c->channel, HANDOFF_PLACED, -1, NULL);
        if (r < 0 && r != -EPIPE)
            return error_code(err, -r, "let the new process go on");
        r = 0; /* dead already: what it had to say is read next */
    }
    /* It goes about its own work meanwhile, and cannot get to its program before us. */
    if (r == 0 && !waits_for_unit(c))
        r = create_register(c, err);
    if (r < 0)
        return r;
    r = process_start_time(c->pid, &c->record.start_time);
    if (r < 0)
        return error_code(err, -r, "start time of the new process");
    c->record.has_start_time = true;
    c->record.has_pid = true;
    c->record.pid = c->pid;
    log_step("place", "process %d", (int)c->pid);
    return 0;
}

static int on_born(struct creation *c, struct handoff_message *message, struct error *err) {
    int status;
    (void)process_reap(c->pidfd, &status); /* the process in between has done its work */
    fd_drop(&c->pidfd);
    c->pidfd = fd_take(&message->fd);
    c->pid = process_pid(c->pidfd);
    return c->pid < 0 ? error_code(err, -c->pid, "pid of the new process") : 0;
}

static bool stops_for_hooks(const struct creation *c) {
    const struct plan_hooks *hooks = &c->plan.hooks;
    return hooks->at[HOOK_PRESTART].count + hooks->at[HOOK_CREATE_RUNTIME].count +
               hooks->at[HOOK_CREATE_CONTAINER].count >
           0;
}

static int send_start(struct creation *c, struct error *err) {
    const struct plan_hooks *hooks = &c->plan.hooks;
    own_fd state = -1;
    /* Hooks behind START are to be interrupted by Ctrl-C. */
    if (c->relay && c->master >= 0 && hooks->at[HOOK_START_CONTAINER].count + hooks->at[HOOK_POSTSTART].count == 0)
        relay_raw(c->relay);
    if (hooks->at[HOOK_START_CONTAINER].count > 0) {
        state = container_state_fd(&c->record, lifecycle_hook(HOOK_START_CONTAINER)->status);
        if (state < 0)
            return error_code(err, -state, "state for startContainer hooks");
    }
    int r = handoff_send(c->channel, HANDOFF_START, state, NULL);
    return r < 0 && r != -EPIPE ? error_code(err, -r, "let the new process start") : 0;
}

static int on_console(struct creation *c, struct handoff_message *message, struct error *err) {
    if (!c->request->console_socket) {
        c->master = fd_take(&message->fd);
        relay_fit(c->master);
        if (!c->plan.process.rows) /* the program finds the size of our terminal, when we have one, from its start */
            (void)tty_copy_size(STDIN_FILENO, c->master);
        return c->gated || stops_for_hooks(c) ? 0 : send_start(c, err);
    }
    int r = tty_send(c->request->console_socket, message->fd, message->error.text, err);
    fd_drop(&message->fd);
    if (r < 0)
        return error_wrap(err, "console socket");
    return c->gated || stops_for_hooks(c) ? 0 : send_start(c, err);
}

static int on_hooks(struct creation *c, struct error *err) {
    static const enum hook_point points[] = {HOOK_PRESTART, HOOK_CREATE_RUNTIME};
    own_fd state = -1;
    c->hooks_begun = true;
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        fd_drop(&state);
        state = container_state_fd(&c->record, lifecycle_hook(points[i])->status);
        if (state < 0)
            return error_code(err, -state, "state for hooks");
        const struct hook_call call = {.state_fd = state,
                                       .directory_fd = c->held.bundle,
                                       .output = c->held.hook_output,
                                       .cancel_fd = c->relay ? c->relay->stop_fd : 0,
                                       .envp = (const char *const *)environ};
        int r = hook_run(&c->plan.hooks, points[i], &call, err);
        if (r < 0)
            return r;
    }
    fd_drop(&state);
    state = container_state_fd(&c->record, lifecycle_hook(HOOK_CREATE_CONTAINER)->status);
    int r = state < 0 ? state : handoff_send(c->channel, HANDOFF_HOOKED, state, NULL);
    if (r < 0 && r != -EPIPE)
        return error_code(err, -r, "go on after hooks");
    return c->gated ? 0 : send_start(c, err);
}

/*
 * The process is where it belongs. A run now commits and lets it go on to its program in advance: it finds START
 * waiting when it gets there, and nobody has to be woken for it. Only behind hooks, and a terminal that is to be sized,
 * START comes later.
 */
static int on_placed(struct creation *c, struct error *err) {
    if (c->gated)
        return 0;
    int r = store_write(c->dir, &c->record, err);
    if (r == 0)
        r = notify_listen(c->dir, &c->notify, err);
    if (r == 0)
        r = create_announce(c, err);
    return r < 0 || stops_for_hooks(c) || c->plan.process.terminal ? r : send_start(c, err);
}

/* One message; *last is what to say of a death after it. */
static int answer(struct creation *c, struct handoff_message *message, const char **last, struct error *err) {
    int r = 0;
    switch (message->kind) {
    case HANDOFF_BORN:
        *last = "after it was born";
        r = on_born(c, message, err);
        if (r == 0)
            r = place(c, err);
        return r < 0 ? r : on_placed(c, err);
    case HANDOFF_CONSOLE:
        *last = "after it had made its terminal";
        return on_console(c, message, err);
    case HANDOFF_HOOKS:
        *last = "after the hooks";
        return on_hooks(c, err);
    case HANDOFF_WARNING:
        log_warning("%s", message->error.text);
        return 0;
    case HANDOFF_DEBUG:
        log_debug("%s", message->error.text);
        return 0;
    case HANDOFF_ERROR:
        *err = message->error;
        return err->code > 0 ? -err->code : -EPROTO;
    case HANDOFF_READY:
        *last = "at its exec";
        return 0;
    default:
        return error_set(err, EPROTO, "unexpected message \"%s\"", handoff_rules[message->kind].name);
    }
}

int attend_process(struct creation *c, struct error *err) {
    const char *last = "before its first message";
    bool hooks = c->plan.hooks.at[HOOK_START_CONTAINER].count > 0; /* to be run in there, behind READY */
    bool ready = false, born = !c->plan.namespaces.recipe.refork;
    int r = 0;
    if (!c->plan.namespaces.recipe.refork) {
        r = place(c, err);
        if (r == 0)
            r = on_placed(c, err);
    }
    while (r == 0 && !(ready && c->gated)) {
        struct handoff_message message = {.fd = -1};
        /* The process in between must not take the word of the new one's birth into its grave: that one would wait. */
        r = ready && !hooks ? 0 /* nothing holds the exec up any more: a signal is for the program */
                            : relay_await(c->relay, c->channel, born ? -1 : c->pidfd, err);
        if (r < 0)
            return r;
        r = handoff_receive(c->channel, HANDOFF_TO_LIFE, &message);
        if (r < 0)
            return error_code(err, -r, "talk to the new process");
        if (r == 0 && ready && !hooks) /* the exec has closed the channel */
            return attend_memory(c->pidfd, &c->group, 0, err);
        if (r == 0)
            return attend_death(c->pidfd, &c->group, 0, last, err);
        if (ready && message.kind == HANDOFF_HOOKS) {
            hooks = false;
            r = 0;
            continue;
        }
        ready |= message.kind == HANDOFF_READY;
        born |= message.kind == HANDOFF_BORN;
        r = answer(c, &message, &last, err);
        fd_drop(&message.fd);
    }
    return r;
}
