/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enter: the first steps of the new process: waiting for life to place it, namespaces that are joined or that can be
 * made only from inside, session and keyring. Runs in init before pivot.
 */
#include "base/own.h"
#include "handoff/handoff.h"
#include "init/init.h"
#include "kernel/lsm.h"
#include "kernel/namespace.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Kinds of the kernel's keyctl(2) permission word that peers grant, so that the payload can search its keyring. */
#define KEY_USER_SEARCH 0x00080000u
#define KEY_OTHER_SEARCH 0x00000008u

/* Nobody in the container may look into us through ptrace or /proc while we hold descriptors of the host
 * (CVE-2016-9962); exec makes the payload dumpable again. */
static int hide(struct error *err) {
    return prctl(PR_SET_DUMPABLE, 0) < 0 ? error_sys(err, "prctl PR_SET_DUMPABLE") : 0;
}

/* A tree that life has cloned in our mount namespace takes the place of the descriptor that it is a clone of. */
static int adopt_source(struct init *init, struct handoff_message *message) {
    struct held_source *source = held_source_at(init->plan, init->held, message->index);
    if (!source || !source->inside) {
        fd_drop(&message->fd);
        return -EPROTO;
    }
    fd_drop(&source->fd);
    source->fd = fd_take(&message->fd);
    source->detached = true;
    return 0;
}

static int wait_placed(struct init *init, struct error *err) {
    struct handoff_message message = {.kind = HANDOFF_NONE};
    int r = 0;
    while (r == 0 && message.kind != HANDOFF_PLACED) {
        r = handoff_receive(init->channel, HANDOFF_TO_INIT, &message);
        if (r == 0)
            _exit(1); /* life is gone: there is nobody to tell */
        if (r > 0 && message.kind == HANDOFF_SOURCE)
            r = adopt_source(init, &message);
        else if (r > 0)
            r = message.kind == HANDOFF_PLACED ? 0 : -EPROTO;
    }
    return r < 0 ? error_code(err, -r, "wait to be placed") : 0;
}

int enter_arrive(struct init *init, struct error *err) {
    /* An ordinary user's life may write our id maps only as long as our files in /proc are its own (proc(5)). Nobody
     * else is in our new user namespace meanwhile. */
    const bool mapped = init->unprivileged && init->wait_placed && init->plan->namespaces.recipe.map_ids;
    int hidden = mapped ? 0 : hide(err);
    if (hidden < 0)
        return hidden;
    prctl(PR_SET_NAME, "berth:[INIT]");
    sys_signals_default(); /* also what the caller ignored: the payload starts like any other program */
    umask(0);              /* modes are meant as they are given */
    int r = init->wait_placed ? wait_placed(init, err) : 0;
    return r == 0 && mapped ? hide(err) : r;
}

int enter_namespaces(const struct init *init, struct error *err) {
    const struct plan_namespaces *ns = &init->plan->namespaces;
    struct namespace_join joins[NS_COUNT];
    size_t count = 0;
    for (unsigned k = 0; k < NS_COUNT; k++)
        if (ns->modes[k] == NS_JOIN)
            joins[count++] =
                (struct namespace_join){init->held->namespaces[k], ns_flag((enum ns_kind)k), ns_name((enum ns_kind)k)};
    return namespace_join_all(joins, count, err);
}

int enter_join(struct init *init, struct error *err) {
    const struct spawn_recipe *recipe = &init->plan->namespaces.recipe;
    /* The process in between has joined, and we were born inside. */
    return recipe->refork || !recipe->join ? 0 : enter_namespaces(init, err);
}

int enter_become_root(struct init *init, struct error *err) {
    const struct plan_namespaces *ns = &init->plan->namespaces;
    if (ns->modes[NS_USER] == NS_INHERIT)
        return 0;
    if (setresgid(0, 0, 0) < 0)
        return error_sys(err, "become group 0 of the user namespace (is it mapped?)");
    if (setresuid(0, 0, 0) < 0)
        return error_sys(err, "become user 0 of the user namespace (is it mapped?)");
    return hide(err);
}

int enter_cgroup_namespace(struct init *init, struct error *err) {
    uint64_t flags = init->plan->namespaces.recipe.unshare;
    return flags && unshare((int)flags) < 0 ? error_sys(err, "make cgroup namespace") : 0;
}

int enter_container(struct init *init, struct error *err) {
    const struct held_container *container = &init->held->container;
    /* By the pidfd alone: /proc is the container's by now. */
    int r = container->joins_late ? sys_setns(container->pidfd, (int)container->joins_late) : 0;
    if (r < 0)
        return error_code(err, -r, "join the container's cgroup namespace");
    init->root.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return init->root.fd < 0 ? error_sys(err, "open the container's root") : 0;
}

int enter_session(struct init *init, struct error *err) {
    (void)init;
    return setsid() < 0 ? error_sys(err, "setsid") : 0;
}

/*
 * The processors that an exec asks for within the cgroup; with no wish all that the cgroup has, as with the peers: the
 * caller's own affinity is none of the container's business.
 */
int enter_affinity(struct init *init, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    struct plan_cpus all;
    if (process->cpus_final) {
        int r = sys_sched_setaffinity(process->cpus_final->bits, sizeof all.bits);
        if (r == 0)
            return 0;
        return error_at(err, -r, "affinity", "/process/execCPUAffinity/final",
                        "set the processors of execCPUAffinity.final%s",
                        r == -EINVAL ? ": the container's cgroup has none of them" : "");
    }
    if (process->cpus_initial)
        return 0;
    memset(&all, 0xff, sizeof all);
    (void)sys_sched_setaffinity(all.bits, sizeof all.bits); /* all that there are: nothing is lost when it fails */
    return 0;
}

static int join_keyring(struct init *init, const char *name, int *ring, struct error *err) {
    const char *label = init->plan->process.selinux_label;
    int r = label ? init_procfs(init, err) : 0;
    if (r < 0)
        return r;
    r = label ? lsm_selinux_keys(&init->proc, label) : 0;
    if (r < 0)
        return error_code(err, -r, "label session keyring %s: write `/proc/self/attr/keycreate`", name);
    *ring = sys_keyctl_join(name);
    r = label ? lsm_selinux_keys(&init->proc, "") : 0;
    return r < 0 ? error_code(err, -r, "write `/proc/self/attr/keycreate`") : 0;
}

int enter_keyring(struct init *init, struct error *err) {
    char name[256], description[512];
    int ring = -1;
    if (!init->plan->new_keyring)
        return 0;
    snprintf(name, sizeof name, "_ses.%.200s", init->plan->id);
    int r = join_keyring(init, name, &ring, err);
    if (r < 0)
        return r;
    if (ring == -ENOSYS || ring == -EPERM) {
        /* Left out of the kernel, or an outer container's seccomp filter forbids it: go on as the peers do. */
        init_warn(init, "session keyring not made: %s", error_text(-ring));
        return 0;
    }
    if (ring < 0)
        return error_code(err, -ring, "make session keyring %s", name);
    /* "keyring;uid;gid;permissions;name" (keyctl_describe(3)) */
    if (sys_keyctl_describe(ring, description, sizeof description) < 0) {
        init_warn(init, "permissions of session keyring %s not widened", name);
        return 0;
    }
    const char *field = description;
    for (int i = 0; i < 3 && field; i++)
        field = (field = strchr(field, ';')) ? field + 1 : NULL;
    if (!field)
        return 0;
    uint32_t grant = init->plan->namespaces.modes[NS_USER] == NS_INHERIT ? KEY_USER_SEARCH : KEY_OTHER_SEARCH;
    r = sys_keyctl_permissions(ring, (uint32_t)strtoul(field, NULL, 16) | grant);
    return r < 0 && r != -EACCES ? error_code(err, -r, "permissions of session keyring %s", name) : 0;
}

int enter_loopback(struct init *init, struct error *err) {
    return init->plan->namespaces.modes[NS_NETWORK] == NS_NEW ? namespace_loopback_up(err) : 0;
}
