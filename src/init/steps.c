/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps: see steps.h. Runs in the new process. One row a step, top to bottom; the comment says why it stands where it
 * stands. A failing step ends the process: life is told, and undoes what it did.
 */
#include "init/steps.h"

#include "base/log.h"
#include "base/table.h"
#include "handoff/handoff.h"
#include "kernel/sys.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has_terminal(const struct init *init) {
    return init->plan->process.terminal;
}
static bool has_process(const struct init *init) {
    return init->plan->has_process;
}
static bool privileges_may_grow(const struct init *init) {
    return init->plan->has_process && !init->plan->process.no_new_privs;
}
static bool no_new_privileges(const struct init *init) {
    return init->plan->has_process && init->plan->process.no_new_privs;
}
static bool has_label(const struct init *init) {
    return init->plan->process.apparmor_profile || init->plan->process.selinux_label;
}
static bool hooks_before_pivot(const struct init *init) {
    const struct plan_hooks *hooks = &init->plan->hooks;
    return hooks->at[HOOK_PRESTART].count + hooks->at[HOOK_CREATE_RUNTIME].count +
               hooks->at[HOOK_CREATE_CONTAINER].count >
           0;
}
static bool mounts_first(const struct init *init) {
    return init->plan->namespaces.recipe.mounts_first;
}
static bool own_mounts(const struct init *init) {
    return init->plan->namespaces.modes[NS_MOUNT] == NS_NEW;
}

static const char *of_root(const struct init *init, char text[static 64]) {
    (void)text;
    return init->plan->rootfs;
}
static const char *of_mounts(const struct init *init, char text[static 64]) {
    snprintf(text, 64, "%zu mounts", init->plan->mounts.count);
    return text;
}
static const char *of_devices(const struct init *init, char text[static 64]) {
    snprintf(text, 64, "%zu devices", init->plan->devices.count);
    return text;
}
static const char *of_masks(const struct init *init, char text[static 64]) {
    snprintf(text, 64, "%zu paths", init->plan->masked_count);
    return text;
}
static const char *of_readonly(const struct init *init, char text[static 64]) {
    snprintf(text, 64, "%zu paths", init->plan->readonly_count);
    return text;
}
static const char *of_hostname(const struct init *init, char text[static 64]) {
    (void)text;
    return init->plan->hostname;
}
static const char *of_sysctl(const struct init *init, char text[static 64]) {
    snprintf(text, 64, "%zu values", init->plan->sysctl_count);
    return text;
}
static const char *of_cwd(const struct init *init, char text[static 64]) {
    (void)text;
    return init->plan->process.cwd;
}
static const char *of_user(const struct init *init, char text[static 64]) {
    snprintf(text, 64, "uid %u, gid %u", init->plan->process.uid, init->plan->process.gid);
    return text;
}
static const char *of_program(const struct init *init, char text[static 64]) {
    (void)text;
    return init->program;
}
static const char *of_filter(const struct init *init, char text[static 64]) {
    snprintf(text, 64, "%zu instructions", (size_t)init->plan->filter.count);
    return text;
}

const struct step create_steps[] = {
    /* Undumpable before anything of the host is touched; then life maps our ids and moves us into the cgroups. */
    {"arrive", enter_arrive, NULL, NULL},
    {"namespaces", enter_join, NULL, NULL},
    /* Root of the user namespace from here on: what follows needs its capabilities. */
    {"become root", enter_become_root, NULL, NULL},
    /* The cgroup namespace's root is the cgroup that we are in now, so not before arriving there. */
    {"new namespaces", enter_late_namespaces, NULL, NULL},
    {"session", enter_session, NULL, NULL},
    /* The caller's may be narrower than the cpuset of the cgroup that we are in now. */
    {"affinity", enter_affinity, NULL, NULL},
    {"keyring", enter_keyring, NULL, NULL},
    {"loopback", enter_loopback, NULL, NULL},
    /* As detached trees, in the order of the config, while a path of the host leads to the host. */
    {"mount", mounts_make, NULL, of_mounts},
    {"mount namespace", rootfs_enter, mounts_first, NULL},
    /* Cut off from the host's propagation before anything is attached, or it would be seen there. */
    {"propagation", rootfs_isolate, own_mounts, NULL},
    /* For lack of open_tree(2). The last step that looks up a path of the host: the next one covers "/". */
    {"mount", source_reach_all, NULL, NULL},
    {"rootfs", rootfs_attach, NULL, of_root},
    {"mount", mounts_place, NULL, of_mounts},
    /* After the mounts: /dev may be one of them. */
    {"devices", furnish_devices, NULL, of_devices},
    {"links", furnish_links, NULL, NULL},
    {"console", furnish_console, has_terminal, NULL},
    /* Hooks see the finished tree, and the host's root still (config.md, "createContainer" runs before pivot_root). */
    {"hooks", gate_runtime_hooks, hooks_before_pivot, NULL},
    {"hostname", identity_hostname, NULL, of_hostname},
    {"sysctl", identity_sysctl, NULL, of_sysctl},
    {"working directory", identity_make_cwd, has_process, of_cwd},
    /* Behind sysctl and everything else that writes below /proc. */
    {"masked paths", shield_masked, NULL, of_masks},
    {"readonly paths", shield_readonly, NULL, of_readonly},
    /* Nothing is created in the tree from here on. */
    {"read-only mounts", mounts_seal, NULL, NULL},
    {"read-only root", rootfs_seal, NULL, NULL},
    /* All mounts are made: up to here the host's /proc was there for the classic calls. */
    {"pivot", rootfs_pivot, NULL, NULL},
    {"root propagation", rootfs_propagation, own_mounts, NULL},
    {"stdio", furnish_stdio, NULL, NULL},
    {"stdio", furnish_adopt, has_terminal, NULL},
    /* Late: a small limit must not hit the steps before; before the capabilities that raising needs are gone. */
    {"rlimits", identity_rlimits, has_process, NULL},
    {"personality", identity_personality, NULL, NULL},
    /* For the next exec. Before no_new_privs, under which a module may refuse to change it. */
    {"security label", identity_label, has_label, NULL},
    {"no new privileges", identity_no_new_privs, no_new_privileges, NULL},
    /* As root, and where root may not enter it, once more as the payload's user. */
    {"working directory", identity_root_cwd, has_process, of_cwd},
    /* Groups, bounding set, ids, capabilities in the order that each needs the next one's privileges (identity.c). */
    {"user", identity_user, has_process, of_user},
    {"working directory", identity_user_cwd, has_process, of_cwd},
    /* With the payload's credentials: what it may not execute is not found executable. */
    {"exec", launch_lookup, has_process, of_program},
    {"ready", gate_ready, NULL, NULL},
};
const size_t create_step_count = TABLE_COUNT(create_steps);

const struct step start_steps[] = {
    {"start", gate_wait, NULL, NULL},
    /* Really closed, not left to close-on-exec: all that the payload shall not have but the channel, which the exec
     * itself closes as its last word. Before any filter, which may forbid the call. */
    {"descriptors", gate_descriptors, NULL, NULL},
    /* Few descriptors are opened from here on. */
    {"rlimits", identity_file_limit, NULL, NULL},
    /* Without no_new_privs the filter needs CAP_SYS_ADMIN, so it is loaded before the last capabilities go. With it the
     * filter is the last thing before the exec, since it may forbid all else; hooks load it for themselves then. */
    {"seccomp", launch_filter, privileges_may_grow, of_filter},
    {"capabilities", launch_final_caps, has_process, NULL},
    {"hooks", launch_start_hooks, has_process, NULL},
    {"seccomp", launch_filter, no_new_privileges, of_filter},
    {"exec", launch_exec, NULL, of_program},
};
const size_t start_step_count = TABLE_COUNT(start_steps);

/* By the process in between, which nobody in the container sees: all that needs privileges and can be inherited. */
const struct step enter_steps[] = {
    /* While the /proc that knows us is there. Labels are for the next exec, of a child's as well. */
    {"security label", identity_label, has_label, NULL},
    /* Before becoming its root, which may join no namespace that belongs to somebody further out. */
    {"namespaces", enter_container, NULL, NULL},
    {"become root", enter_become_root, NULL, NULL},
    {"keyring", enter_keyring, NULL, NULL},
    {"console", furnish_terminal, has_terminal, NULL},
    {"stdio", furnish_stdio, NULL, NULL},
    {"working directory", identity_root_cwd, NULL, of_cwd},
    {"user", identity_user, NULL, of_user},
};
const size_t enter_step_count = TABLE_COUNT(enter_steps);

/* By the new process: what is of each process its own, or needs the container's cgroup. No step needs a privilege but
 * the filter without no_new_privs. */
const struct step exec_steps[] = {
    {"arrive", enter_placed, NULL, NULL},
    {"session", enter_session, NULL, NULL},
    {"affinity", enter_affinity, NULL, NULL},
    {"stdio", furnish_adopt, has_terminal, NULL},
    /* Only lowered: what had to be raised is. */
    {"rlimits", identity_rlimits, NULL, NULL},
    {"personality", identity_personality, NULL, NULL},
    {"no new privileges", identity_no_new_privs, no_new_privileges, NULL},
    {"working directory", identity_user_cwd, NULL, of_cwd},
    {"exec", launch_lookup, NULL, of_program},
    /* Life has told who we are, and has the terminal: what fails there keeps the program from running. */
    {"start", gate_wait, NULL, NULL},
    {"ready", gate_told, NULL, NULL},
    /* From here on as for a start. */
    {"descriptors", gate_descriptors, NULL, NULL},
    {"rlimits", identity_file_limit, NULL, NULL},
    {"seccomp", launch_filter, privileges_may_grow, of_filter},
    {"capabilities", launch_final_caps, NULL, NULL},
    {"seccomp", launch_filter, no_new_privileges, of_filter},
    {"exec", launch_exec, NULL, of_program},
};
const size_t exec_step_count = TABLE_COUNT(exec_steps);

static void send_text(const struct init *init, enum handoff_kind kind, const char *format, va_list args) {
    char text[512];
    if (init->channel < 0)
        return;
    vsnprintf(text, sizeof text, format, args);
    handoff_send(init->channel, kind, -1, text);
}

void init_warn(const struct init *init, const char *format, ...) {
    va_list args;
    va_start(args, format);
    send_text(init, HANDOFF_WARNING, format, args);
    va_end(args);
}

int init_procfs(struct init *init, struct error *err) {
    return init->proc.fd >= 0 ? 0 : procfs_open_private(&init->proc, err);
}

void init_debug(const struct init *init, const char *format, ...) {
    if (!init->debug)
        return;
    va_list args;
    va_start(args, format);
    send_text(init, HANDOFF_DEBUG, format, args);
    va_end(args);
}

static void tell(const struct init *init, const struct step *step, int64_t begun) {
    char text[64];
    const char *subject = step->subject ? step->subject(init, text) : NULL;
    init_debug(init, "step %s%s%s (%lld us)", step->name, subject ? ": " : "", subject ? subject : "",
               (long long)(log_clock() - begun));
}

static int perform(struct init *init, const struct step *steps, size_t count, struct error *err) {
    for (size_t i = 0; i < count; i++) {
        if (steps[i].applies && !steps[i].applies(init))
            continue;
        const int64_t begun = init->debug ? log_clock() : 0;
        if (init->debug && (steps[i].perform == launch_exec || steps[i].perform == launch_filter)) {
            tell(init, &steps[i], begun); /* in advance: the exec closes the channel, a filter may forbid to send */
            init->debug = steps[i].perform == launch_filter && !init->plan->filter.program;
        }
        int r = steps[i].perform(init, err);
        if (init->debug && r >= 0 && steps[i].perform != launch_filter)
            tell(init, &steps[i], begun);
        if (r < 0) {
            error_blame(err, steps[i].name, NULL, NULL);
            return r;
        }
    }
    return 0;
}

/*
 * The container's filter may forbid exit_group as well as sending the error. musl's _exit would then try for ever, and
 * the caller would wait for ever. No filter can forbid a fault.
 */
static _Noreturn void end(void) {
    syscall(SYS_exit_group, 1);
    __builtin_trap();
}

_Noreturn void init_main(struct init *init) {
    struct error err = ERROR_INIT;
    int r = perform(init, create_steps, create_step_count, &err);
    if (r == 0)
        r = perform(init, start_steps, start_step_count, &err);
    handoff_send_error(init->channel, &err);
    end();
}

int init_enter(struct init *init, struct error *err) {
    sys_signals_default(); /* also what the caller ignored: the program starts like any other */
    umask(0);
    /* That of the container does not know us. */
    int r = procfs_open_host(&init->proc, err);
    return r < 0 ? r : perform(init, enter_steps, enter_step_count, err);
}

_Noreturn void init_exec(struct init *init) {
    struct error err = ERROR_INIT;
    perform(init, exec_steps, exec_step_count, &err);
    handoff_send_error(init->channel, &err);
    end();
}
