/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: one more process in a container that exists. A process in between joins the container's namespaces and clones
 * the new one (init/between.c); this is the side that waits. Nothing is kept of the process: it belongs to its parent.
 * Takes no lock: any number of execs may run beside each other. Runs in life.
 */
#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "handoff/handoff.h"
#include "init/between.h"
#include "kernel/namespace.h"
#include "kernel/process.h"
#include "kernel/spawn.h"
#include "kernel/sys.h"
#include "kernel/tty.h"
#include "life/announce.h"
#include "life/attend.h"
#include "life/exec_request.h"
#include "life/facts.h"
#include "life/hold.h"
#include "life/lifecycle.h"
#include "life/operations.h"
#include "life/relay.h"
#include "life/scope.h"
#include "life/snapshot.h"
#include "life/streams.h"
#include "plan/annotations.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_WAIT_MS 2000

/* An exec while it is under way. */
struct execution {
    mode_t caller_umask;
    const struct berth_exec *request;
    struct relay relay;
    struct store store;
    struct container container;
    struct plan plan;
    struct held held;
    unsigned long oom_before;
    int channel, init_end; /* handoff: ours, and the new process's until it is born */
    int pidfd;             /* of the process in between, then of the new process; -1 none */
    pid_t pid;
    int master;  /* of its terminal; -1 none, or sent to the console socket */
    bool inside; /* it is born in the container's cgroup2 directory */
    bool done;   /* its program runs: it is not ours to kill any more */
    struct announced announced;
};

static void execution_init(struct execution *x, const struct berth_exec *request) {
    *x = (struct execution){.caller_umask = umask(022),
                            .request = request,
                            .relay = RELAY_INIT,
                            .store = STORE_INIT,
                            .container = CONTAINER_INIT,
                            .channel = -1,
                            .init_end = -1,
                            .pidfd = -1,
                            .master = -1};
    hold_init(&x->held);
    x->held.container = (struct held_container){.pidfd = -1, .root = -1};
}

/* A new process that did not get to its program is ended, and reaped: nobody else knows of it. */
static void end_process(struct execution *x) {
    int status;
    if (x->pidfd < 0 || x->done)
        return;
    if (x->request->pid_file)
        announce_undo(x->request->pid_file, &x->announced);
    (void)process_signal(x->pidfd, SIGKILL);
    fd_drop(&x->channel);                          /* a process in between that waits for us sees the end of file */
    if (process_wait(x->pidfd, KILL_WAIT_MS) == 0) /* frozen on cgroup v1 it dies when it is thawed */
        (void)process_reap(x->pidfd, &status);
}

static void execution_drop(struct execution *x) {
    end_process(x);
    fd_drop(&x->master);
    fd_drop(&x->pidfd);
    fd_drop(&x->init_end);
    fd_drop(&x->channel);
    fd_drop(&x->held.container.root);
    hold_drop(&x->plan, &x->held);
    container_drop(&x->container);
    store_drop(&x->store);
    umask(x->caller_umask);
    relay_close(&x->relay); /* the last: a pending signal may end us here */
}
#define own_execution own(execution_drop) struct execution

/* ---- what is to be done ---- */

static int check_terminal(const struct execution *x, bool detached, struct error *err) {
    bool terminal = x->plan.process.terminal;
    if (terminal && detached && !x->request->console_socket)
        return error_refuse(err, "/process/terminal",
                            "cannot allocate tty if berth will detach without setting console socket: pass "
                            "--console-socket, or ask for no terminal");
    if (!terminal && x->request->console_socket)
        return error_refuse(err, "/process/terminal", "cannot use console socket without a terminal");
    return 0;
}

static int make_plan(struct execution *x, bool detached, struct error *err) {
    struct container *c = &x->container;
    const struct oci_config *config;
    struct oci_process process;
    struct plan_filter filter;
    int r = snapshot_read(c->dir, &c->arena, &config, &filter, err);
    if (r == 0)
        r = exec_request_process(&c->arena, x->request, config->process, &process, err);
    if (r == 0)
        r = hold_preserved(x->request->preserve_fds, err);
    if (r < 0)
        return r;
    x->held.preserved = x->request->preserve_fds;
    x->held.files = c->files;
    const char *keyring = c->record->keyring;
    if (c->record->new_keyring && !keyring) /* an older berth gave it a name that others can guess */
        r = container_keyring(&c->arena, c->record->id, &keyring, err);
    struct facts facts;
    if (r == 0)
        r = facts_find(&process, NULL, c->group.world == CGROUP_UNIFIED, &facts, err);
    if (r < 0)
        return r;
    const struct plan_request request = {.id = c->record->id, .bundle = c->record->bundle, .keyring = keyring};
    r = plan_build_exec(&c->arena, &process, config->linux, &facts, x->held.container.joins & CLONE_NEWUSER, &request,
                        &x->plan, err);
    if (r < 0)
        return r;
    x->plan.filter = filter;
    x->plan.process.keep_groups = annotation_keeps_groups(&c->record->annotations);
    if (x->plan.process.keep_groups && x->request->additional_gids && x->request->additional_gids[0])
        return error_set(err, EINVAL, "--additional-gids: the container's annotation %s keeps the groups of the caller",
                         ANNOTATION_KEEP_GROUPS);
    return check_terminal(x, detached, err);
}

/* Sub-cgroups that the caller names: "SUB" or "CONTROLLER[,CONTROLLER]:SUB". */
static int choose_cgroups(struct execution *x, struct error *err) {
    struct container *c = &x->container;
    for (size_t i = 0; x->request->cgroups && x->request->cgroups[i]; i++) {
        const char *text = x->request->cgroups[i], *colon = strchr(text, ':'), *controllers = NULL;
        if (colon && !(controllers = arena_strndup(&c->arena, text, (size_t)(colon - text))))
            return error_memory(err);
        int r = c->group.count == 0 ? error_set(err, ENODEV, "the container has no cgroup")
                                    : cgroup_descend(&c->arena, &c->group, controllers, colon ? colon + 1 : text, err);
        if (r < 0)
            return error_wrap(err, "--cgroup \"%.64s\"", text);
    }
    return 0;
}

static int hold_container(struct execution *x, struct error *err) {
    struct container *c = &x->container;
    struct held_container *joined = &x->held.container;
    char path[48];
    *joined = (struct held_container){.pidfd = c->pidfd, .pid = (pid_t)c->record->pid, .root = -1};
    int r = namespace_compare(joined->pid, &joined->joins, err);
    if (r == 0)
        r = container_check_cgroup(c, err);
    if (r == 0 && !x->request->cgroups)
        r = cgroup_replace_removed(&c->arena, &c->group, joined->pid, err);
    if (r == 0)
        r = choose_cgroups(x, err);
    if (r < 0)
        return r;
    if (!c->record->root_mount)
        return 0; /* it has pivoted: the root of its mount namespace is its root */
    snprintf(path, sizeof path, "/proc/%d/root", (int)joined->pid);
    joined->root = fd_open(path, O_PATH | O_DIRECTORY);
    return joined->root < 0 ? error_sys(err, "open the container's root") : 0;
}

/* ---- the new process ---- */

/* Whether it has to wait until life has moved it into cgroups. */
static bool is_to_be_placed(const struct execution *x) {
    return x->container.group.count > (x->inside ? 1u : 0u);
}

static void give_streams(const struct execution *x) {
    uid_t owner;
    struct error ignored = ERROR_INIT;
    if (x->held.container.joins & CLONE_NEWUSER && streams_to_give() &&
        namespace_uid_of(x->held.container.pid, x->plan.process.uid, &owner, &ignored) == 0)
        streams_give(owner);
}

static pid_t spawn_between(struct execution *x, int cgroup_fd, struct error *err) {
    const struct spawn between = {.cgroup_fd = cgroup_fd};
    x->inside = cgroup_fd >= 0;
    struct init init = {.plan = &x->plan,
                        .held = &x->held,
                        .debug = log_wanted(LOG_LEVEL_DEBUG),
                        .channel = x->init_end,
                        .gate = -1,
                        .wait_placed = is_to_be_placed(x),
                        .root = {-1},
                        .proc = PROCFS_INIT,
                        .console = -1,
                        .terminal = -1,
                        .state_fd = -1};
    pid_t pid = spawn_process(&between, &x->pidfd, err);
    if (pid == 0) {
        fd_drop(&x->channel); /* or it would keep its own end of file away */
        between_exec(&init);
    }
    return pid;
}

static int spawn(struct execution *x, struct error *err) {
    const struct cgroup *group = &x->container.group;
    int r = handoff_open(&x->channel, &x->init_end, err);
    if (r < 0)
        return r;
    give_streams(x);
    x->oom_before = cgroup_oom_kills(group);
    /* The new process inherits the cgroup2 directory of the one in between. A frozen one would stop that, too, before
     * anybody is told who is born; and where cgroup2 does not let us clone into it, it may let us move a process. */
    const int cgroup = container_may_be_paused(&x->container) ? -1 : cgroup_clone_fd(group);
    pid_t pid = spawn_between(x, cgroup, err);
    if (pid < 0 && cgroup >= 0 && pid != -EAGAIN && pid != -ENOMEM)
        pid = spawn_between(x, -1, err);
    if (pid < 0)
        return error_wrap(err, "make the process in between");
    fd_drop(&x->init_end);
    return 0;
}

/* Moves it into what it was not born into. */
static int place(struct execution *x, struct error *err) {
    struct container *c = &x->container;
    int r = c->group.count > 0 ? cgroup_enter(&c->group, x->pid, x->inside, err) : 0;
    if (r == -EBUSY && !x->request->cgroups) {
        r = cgroup_follow(&c->arena, &c->group, (pid_t)c->record->pid, err);
        if (r == 0)
            r = cgroup_enter(&c->group, x->pid, x->inside, err);
    }
    /* From a login session an ordinary user may not move it, but the user's manager does. */
    if ((r == -EACCES || r == -EPERM) && c->record->unit && !x->request->cgroups)
        r = scope_attach(c->record, x->pid, err);
    if (r < 0)
        return r;
    r = handoff_send(x->channel, HANDOFF_PLACED, -1, NULL);
    /* EPIPE: dead already; what it had to say is read next. */
    return r < 0 && r != -EPIPE ? error_code(err, -r, "let the new process go on") : 0;
}

/* In advance where there is no terminal: the new process finds it waiting when it gets there. */
static int send_start(const struct execution *x, struct error *err) {
    int r = handoff_send(x->channel, HANDOFF_START, -1, NULL);
    return r < 0 && r != -EPIPE ? error_code(err, -r, "let the new process start") : 0;
}

static int announce(struct execution *x, struct error *err) {
    const struct berth_exec *request = x->request;
    int r = request->pidfd_socket ? announce_pidfd(request->pidfd_socket, x->pidfd, "setns", err) : 0;
    return r < 0 || !request->pid_file ? r : announce_pid(request->pid_file, x->pid, &x->announced, err);
}

static int let_go_on(struct execution *x, struct error *err) {
    x->pid = process_pid(x->pidfd);
    if (x->pid < 0)
        return error_code(err, -x->pid, "pid of the new process");
    int r = is_to_be_placed(x) ? place(x, err) : 0;
    if (r == 0)
        r = announce(x, err);
    return r == 0 && !x->plan.process.terminal ? send_start(x, err) : r;
}

/* The new process goes on while the one in between still ends, which takes as long as the rest of an exec. */
static int on_born(struct execution *x, struct handoff_message *message, struct error *err) {
    own_fd between = fd_take(&x->pidfd);
    int status = 0;
    x->pidfd = fd_take(&message->fd);
    int r = let_go_on(x, err);
    (void)process_reap(between, &status);
    /* It had the terminal still to send, without which the new process would wait for ever. */
    if (r == 0 && WIFSIGNALED(status) && x->plan.process.terminal)
        return error_set(err, ECANCELED, "the process in between was killed by signal %d", WTERMSIG(status));
    return r;
}

static int on_console(struct execution *x, struct handoff_message *message, struct error *err) {
    if (!x->request->console_socket) {
        x->master = fd_take(&message->fd);
        relay_fit(x->master);
        if (!x->plan.process.rows) /* the program finds the size of our terminal, when we have one, from its start */
            (void)tty_copy_size(STDIN_FILENO, x->master);
        relay_raw(&x->relay);
    } else if (tty_send(x->request->console_socket, message->fd, message->error.text, err) < 0) {
        return error_wrap(err, "console socket");
    }
    return send_start(x, err);
}

static int answer(struct execution *x, struct handoff_message *message, const char **last, struct error *err) {
    switch (message->kind) {
    case HANDOFF_BORN:
        *last = "after it was born";
        return on_born(x, message, err);
    case HANDOFF_CONSOLE:
        *last = "after it had made its terminal";
        return on_console(x, message, err);
    case HANDOFF_WARNING:
        log_warning("%s", message->error.text);
        return 0;
    case HANDOFF_DEBUG:
        log_debug("%s", message->error.text);
        return 0;
    case HANDOFF_READY:
        *last = NULL;
        return 0;
    case HANDOFF_ERROR:
        *err = message->error;
        return err->code > 0 ? -err->code : -EPROTO;
    default:
        return error_set(err, EPROTO, "unexpected message \"%s\"", handoff_rules[message->kind].name);
    }
}

/*
 * A container that has ended meanwhile, or is about to, explains whatever went wrong, but for its memory limit. Of a
 * PID namespace that is ending clone3(2) says ENOMEM as well.
 */
static int explain(const struct execution *x, int r, struct error *err) {
    if (r == -ENOMEM && cgroup_oom_kills(&x->container.group) > x->oom_before)
        return r;
    if (container_has_ended(&x->container))
        return error_set(err, ESRCH, "cannot exec in a stopped container: container not running");
    return r;
}

/* Until its program runs: the exec closes the channel. */
static int attend(struct execution *x, struct error *err) {
    const char *last = "before its first message";
    for (;;) {
        struct handoff_message message = {.fd = -1};
        /* Behind READY nothing holds the exec up: a signal is for the program then. */
        int r = last ? relay_await(&x->relay, x->channel, x->pid > 0 ? -1 : x->pidfd, err) : 0;
        if (r < 0)
            return r;
        r = handoff_receive(x->channel, HANDOFF_TO_LIFE, &message);
        if (r < 0)
            return error_code(err, -r, "talk to the new process");
        if (r == 0 && !last)
            return attend_memory(x->pidfd, &x->container.group, x->oom_before, err);
        if (r == 0)
            return attend_death(x->pidfd, &x->container.group, x->oom_before, last, err);
        r = answer(x, &message, &last, err);
        fd_drop(&message.fd);
        if (r < 0)
            return r;
    }
}

int operation_exec(const struct berth_runtime *runtime, const struct berth_exec *request, unsigned flags, int *status,
                   struct error *err) {
    bool detach = flags & BERTH_RUN_DETACH;
    own_execution x;
    execution_init(&x, request);
    int r = container_find(runtime->root, request->id, CONTAINER_USE, &x.store, &x.container, err);
    if (r == 0)
        r = container_check(&x.container, request->ignore_paused ? OPERATION_EXEC_PAUSED : OPERATION_EXEC, err);
    if (r < 0)
        return r;
    log_step("container", "%s, process %lld", request->id, (long long)x.container.record->pid);
    r = hold_container(&x, err);
    if (r == 0)
        r = make_plan(&x, detach, err);
    if (r == 0)
        log_step("plan", "%s", x.plan.process.args[0]);
    if (r == 0)
        r = hold_streams(&x.held, err);
    /* Until here nothing is to be undone, and a pipe that the process comes from may stay silent: a signal ends us. */
    if (r == 0 && !detach)
        r = relay_open(&x.relay, err);
    if (r == 0)
        r = spawn(&x, err);
    if (r == 0)
        log_step("spawn", "the process that enters the container");
    if (r == 0)
        r = attend(&x, err);
    if (r < 0)
        return explain(&x, r, err);
    log_step("exec", "process %d runs %s", (int)x.pid, x.plan.process.args[0]);
    *status = 0;
    r = detach ? 0 : relay_wait(&x.relay, x.pidfd, x.master, status, err);
    x.done = r == 0;
    return r;
}
