/* SPDX-License-Identifier: Apache-2.0 */
/* between: see between.h. */
#include "init/between.h"

#include "base/fd.h"
#include "base/own.h"
#include "handoff/handoff.h"
#include "kernel/namespace.h"
#include "kernel/spawn.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int clone_init(struct init *init, struct error *err) {
    const struct plan_namespaces *ns = &init->plan->namespaces;
    int r = enter_namespaces(init, err);
    if (r < 0)
        return r;
    const struct spawn spawn = {.flags = ns->recipe.clone | CLONE_PARENT, .cgroup_fd = -1};
    int pidfd = -1;
    pid_t pid = spawn_process(&spawn, &pidfd, err);
    if (pid < 0)
        return pid;
    if (pid == 0)
        init_main(init);
    r = handoff_send(init->channel, HANDOFF_BORN, pidfd, NULL);
    return r < 0 ? error_code(err, -r, "hand the new process on") : 0;
}

/* What only a process that has not joined yet can do; the new process inherits it. */
static int prepare_exec(const struct init *init, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    const struct plan_cpus *cpus = process->cpus_initial;
    int affinity = cpus ? sys_sched_setaffinity(cpus->bits, sizeof cpus->bits) : 0;
    if (affinity < 0)
        return error_at(err, -affinity, "affinity", "/process/execCPUAffinity/initial",
                        "set the processors of execCPUAffinity.initial%s",
                        affinity == -EINVAL ? ": berth may run on none of them" : "");
    for (size_t i = 0; i < process->rlimit_count; i++) {
        const struct plan_rlimit *l = &process->rlimits[i];
        struct rlimit now;
        if (sys_prlimit(0, l->resource, NULL, &now) < 0 || now.rlim_max >= l->hard)
            continue;
        now.rlim_max = l->hard;
        int r = sys_prlimit(0, l->resource, &now, NULL);
        if (r < 0)
            return error_at(err, -r, "rlimits", l->place, "raise hard limit RLIMIT_%s to %llu", l->name,
                            (unsigned long long)l->hard);
    }
    if (!process->has_oom_score_adj)
        return 0;
    char value[16];
    own_fd fd = fd_open("/proc/self/oom_score_adj", O_WRONLY);
    int len = snprintf(value, sizeof value, "%d", process->oom_score_adj);
    int r = fd < 0 ? -errno : fd_write_all(fd, value, (size_t)len);
    return r < 0 ? error_at(err, -r, "oom score", "/process/oomScoreAdj", "set oom_score_adj to %s", value) : 0;
}

/*
 * The container can catch the new process as soon as that is in its pid namespace, if only with CAP_SYS_PTRACE. So we
 * do here all that needs more privileges than the program will have: the new process is born with the program's own.
 */
static int clone_exec(struct init *init, struct error *err) {
    const struct held_container *container = &init->held->container;
    int host[] = {init->channel, container->pidfd, container->root, init->held->null_stream};
    int r = prepare_exec(init, err);
    if (r < 0)
        return r;
    init_close_others(init, host, sizeof host / sizeof *host);
    r = init_enter(init, err);
    if (r < 0)
        return r;
    /* Nothing of the host goes along into the container. */
    int keep[] = {init->channel, init->root.fd, init->console, init->terminal};
    init_close_others(init, keep, sizeof keep / sizeof *keep);
    init->proc.fd = -1;
    const struct spawn spawn = {.flags = CLONE_PARENT, .cgroup_fd = -1};
    int pidfd = -1;
    pid_t pid = spawn_process(&spawn, &pidfd, err);
    if (pid < 0)
        return pid;
    if (pid == 0)
        init_exec(init);
    r = handoff_send(init->channel, HANDOFF_BORN, pidfd, NULL);
    if (r < 0)
        return error_code(err, -r, "hand the new process on");
    return init->terminal >= 0 ? furnish_hand_on(init, err) : 0;
}

_Noreturn static void between(struct init *init, int (*clone)(struct init *init, struct error *err),
                              const char *place) {
    struct error err = ERROR_INIT;
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "berth:[JOIN]");
    if (clone(init, &err) < 0) {
        error_blame(&err, "namespaces", place, NULL);
        handoff_send_error(init->channel, &err);
        _exit(1);
    }
    _exit(0);
}

_Noreturn void between_main(struct init *init) {
    between(init, clone_init, "/linux/namespaces");
}

_Noreturn void between_exec(struct init *init) {
    between(init, clone_exec, NULL);
}
