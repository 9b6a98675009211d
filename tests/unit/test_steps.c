/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of init/steps: facts about the order of the step tables, each with its reason, and which rows apply to
 * which plan. As root also: the one step that has an order of its own inside, identity_user, in a process of its own.
 */
#include "init/steps.h"
#include "scratch.h"
#include "tap.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROWS_MAX 96

typedef int (*step_function)(struct init *init, struct error *err);

/* Both tables, one behind the other, as they run. */
static struct step steps[ROWS_MAX];
static size_t step_count;

static void read_tables(void) {
    for (size_t i = 0; i < create_step_count + start_step_count && i < ROWS_MAX; i++)
        steps[step_count++] = i < create_step_count ? create_steps[i] : start_steps[i - create_step_count];
    is_number(step_count, create_step_count + start_step_count, "both tables are looked at");
}

/* The row of the first and of the last one that performs it; -1: none. */
static int first_of(step_function function) {
    for (size_t i = 0; i < step_count; i++)
        if (steps[i].perform == function)
            return (int)i;
    return -1;
}

static int last_of(step_function function) {
    for (size_t i = step_count; i > 0; i--)
        if (steps[i - 1].perform == function)
            return (int)i - 1;
    return -1;
}

/* Every row of the first function stands before every row of the second. */
#define before(a, b, reason)                                                                                           \
    ok(first_of(a) >= 0 && first_of(b) >= 0 && last_of(a) < first_of(b), "%s before %s: %s", #a, #b, reason)

static void test_rows(void) {
    struct error err;
    int bad_names = 0, strays = 0, twice = 0;
    for (size_t i = 0; i < step_count; i++) {
        /* The name goes into an error, which has room for so much. */
        bad_names += !steps[i].name || !*steps[i].name || strlen(steps[i].name) >= sizeof err.step;
        strays += !steps[i].perform;
        for (size_t k = 0; k < i; k++)
            twice += steps[k].perform == steps[i].perform && steps[i].perform != launch_filter;
    }
    is_number(bad_names, 0, "every step has a name that fits into an error");
    is_number(strays, 0, "every step does something");
    is_number(twice, 0, "none is done twice, but for the filter, which has two places");
    ok(create_steps[0].perform == enter_arrive, "the new process arrives first");
    ok(create_steps[create_step_count - 1].perform == gate_ready, "READY is the last word of a create");
    ok(start_steps[0].perform == gate_wait, "a start begins with waiting for it");
    ok(start_steps[start_step_count - 1].perform == launch_exec, "and ends in exec");
}

static void test_becoming(void) {
    before(enter_arrive, enter_join, "undumpable before it can be looked at from inside");
    before(enter_join, enter_become_root, "root of the user namespace once it is in it");
    before(enter_arrive, enter_late_namespaces, "its root is the cgroup that it is in then");
    before(enter_become_root, enter_late_namespaces, "unshare needs CAP_SYS_ADMIN in the user namespace");
    before(enter_join, enter_loopback, "the loopback of the container");
    before(enter_become_root, enter_loopback, "needs CAP_NET_ADMIN in the user namespace");
    before(enter_become_root, enter_keyring, "the keyring belongs to the container's root");
    before(enter_become_root, rootfs_isolate, "needs CAP_SYS_ADMIN in the user namespace");
}

static void test_tree(void) {
    before(enter_join, mounts_make, "proc, sysfs and mqueue are those of the container's namespaces");
    before(enter_late_namespaces, mounts_make, "a mounted cgroup2 shows the namespace's root");
    before(mounts_make, rootfs_enter, "a tree is cloned from the mount namespace that its source was opened in");
    before(rootfs_enter, rootfs_isolate, "the namespace that is cut off is the container's");
    before(rootfs_isolate, source_reach_all, "what is cloned here is cut off, too");
    before(source_reach_all, rootfs_attach, "a path of the host is not looked up below the container's root");
    before(rootfs_isolate, rootfs_attach, "or the host sees the mount");
    before(rootfs_isolate, mounts_place, "or the host sees the mounts");
    before(rootfs_attach, mounts_place, "mounts are made in the root");
    before(mounts_place, furnish_devices, "/dev may be a mount");
    before(mounts_place, furnish_links, "/proc may be one");
    before(furnish_devices, furnish_links, "ptmx as a device must not cover the link");
    before(mounts_place, furnish_console, "/dev/pts is a mount");
    /* Masks lie over what sysctls and the like are written to. */
    before(identity_sysctl, shield_masked, "sysctls are written below paths that get masked");
    before(identity_sysctl, shield_readonly, "and below ones that get read-only");
    before(mounts_place, shield_masked, "a mount must not lie over a mask");
    before(mounts_place, shield_readonly, "nor over a read-only path");
    before(furnish_devices, shield_masked, "nor a device");
    /* Read-only last of all that writes to the tree. */
    before(mounts_place, rootfs_seal, "mount points are made");
    before(mounts_place, mounts_seal, "in what will be read-only, too");
    before(furnish_devices, mounts_seal, "devices are made in /dev");
    before(identity_make_cwd, mounts_seal, "the working directory may be in a tmpfs");
    before(furnish_devices, rootfs_seal, "devices are made");
    before(furnish_links, rootfs_seal, "links are made");
    before(furnish_console, rootfs_seal, "/dev/console is made");
    before(identity_make_cwd, rootfs_seal, "the working directory is made");
}

static void test_hooks(void) {
    before(mounts_place, gate_runtime_hooks, "hooks of create see the mounts");
    before(furnish_devices, gate_runtime_hooks, "and the devices");
    before(gate_runtime_hooks, rootfs_pivot, "config.md: createContainer runs before pivot_root");
    before(mounts_place, rootfs_pivot, "sources are of the host");
    before(shield_masked, rootfs_pivot, "the cover is of the host");
    before(rootfs_pivot, rootfs_propagation, "of the container's own root");
    before(gate_wait, launch_start_hooks, "config.md: startContainer belongs to start");
    before(rootfs_pivot, launch_start_hooks, "and runs in the container");
    before(launch_start_hooks, launch_exec, "before the program");
    before(gate_wait, gate_descriptors, "what start brings is kept until then");
    before(gate_descriptors, launch_filter, "a filter may forbid close_range");
    before(gate_descriptors, launch_start_hooks, "hooks of the container get nothing of the host's (CVE-2024-21626)");
}

static void test_who(void) {
    before(rootfs_pivot, identity_user, "the host's tree is not left to the payload's user");
    before(identity_rlimits, identity_user, "raising a limit needs CAP_SYS_RESOURCE");
    before(identity_sysctl, identity_user, "writing a sysctl needs privilege");
    before(identity_hostname, identity_user, "setting a name needs CAP_SYS_ADMIN");
    before(furnish_stdio, identity_user, "giving away pipes needs CAP_CHOWN");
    before(rootfs_seal, identity_user, "sealing needs CAP_SYS_ADMIN");
    before(mounts_seal, identity_user, "of mounts, too");
    before(rootfs_propagation, identity_user, "propagation needs CAP_SYS_ADMIN");
    /* Groups, bounding set and ids are set by identity_user; the last capability goes later. */
    before(identity_user, launch_final_caps, "groups and ids need the capabilities");
    before(rootfs_pivot, identity_root_cwd, "the directory is the container's");
    before(identity_root_cwd, identity_user, "root enters what the user may not");
    before(identity_user, identity_user_cwd, "the user enters what root may not");
    before(identity_user_cwd, gate_ready, "a cwd outside fails the create (CVE-2024-21626)");
    before(identity_user, launch_lookup, "what its user may not execute is not found");
    before(launch_lookup, gate_ready, "a program that is not there fails the create");
    before(identity_user_cwd, launch_lookup, "PATH may have relative entries");
}

static void read_exec(const struct step *rows, size_t count) {
    for (size_t i = 0; i < count && step_count < ROWS_MAX; i++)
        steps[step_count++] = rows[i];
}

/* The rows of exec, before the birth of the new process and after: the same functions in an order of their own. */
static void test_exec(void) {
    step_count = 0;
    read_exec(enter_steps, enter_step_count);
    read_exec(exec_steps, exec_step_count);
    is_number(step_count, enter_step_count + exec_step_count, "the tables of exec are looked at");
    ok(exec_steps[exec_step_count - 1].perform == launch_exec, "exec: the program last");
    before(identity_label, enter_container, "labels are written while the host's /proc is there");
    before(enter_container, enter_become_root, "the container's root joins no outer namespace");
    before(enter_become_root, enter_keyring, "the keyring belongs to the container's root");
    before(enter_session, furnish_adopt, "only the leader of a session can take a terminal");
    before(furnish_terminal, furnish_stdio, "the terminal becomes the standard streams");
    before(furnish_stdio, identity_user, "giving away pipes needs CAP_CHOWN");
    before(identity_root_cwd, identity_user, "root enters what the user may not");
    before(identity_user, identity_user_cwd, "the user enters what root may not");
    before(identity_user_cwd, launch_lookup, "PATH may have relative entries");
    before(identity_user, launch_lookup, "what its user may not execute is not found");
    before(furnish_adopt, gate_wait, "the terminal is taken before the program runs");
    before(launch_lookup, gate_told, "a program that is not there is an error, not an end");
    before(gate_wait, gate_told, "an end before the start is not the program's");
    before(gate_told, gate_descriptors, "nothing can be told afterwards but an error");
    before(gate_descriptors, launch_filter, "a filter may forbid close_range");
    ok(first_of(launch_filter) < first_of(launch_final_caps) && first_of(launch_final_caps) < last_of(launch_filter),
       "exec: the filter goes before the last capability, or with no_new_privs after it");
    before(launch_final_caps, launch_exec, "no spare capability reaches the program");
    /* What can be caught in the container has the program's capabilities. */
    before(identity_user, enter_placed, "the user is set before the birth");
    ok(first_of(enter_placed) == (int)enter_step_count, "which is before the first row of the new process");
}

/* --- what applies ------------------------------------------------------------------------------------------------ */

static struct plan plan;
static struct held held = {.bundle = -1};
static struct init init = {.plan = &plan,
                           .held = &held,
                           .channel = -1,
                           .gate = -1,
                           .console = -1,
                           .terminal = -1,
                           .state_fd = -1,
                           .proc = {-1}};

/* The rows of the first table that apply, and of the second. */
static bool applies(size_t row) {
    return !steps[row].applies || steps[row].applies(&init);
}

static int times(step_function function) {
    int count = 0;
    for (size_t i = 0; i < step_count; i++)
        count += steps[i].perform == function && applies(i);
    return count;
}

/* The row of the only one that applies; -1 when it is none or several. */
static int place(step_function function) {
    int found = -1, count = 0;
    for (size_t i = 0; i < step_count; i++)
        if (steps[i].perform == function && applies(i) && ++count)
            found = (int)i;
    return count == 1 ? found : -1;
}

static void test_filter_place(void) {
    plan = (struct plan){.has_process = true, .process = {.no_new_privs = true}};
    is_number(times(launch_filter), 1, "with no_new_privs the filter is loaded once");
    is_number(place(launch_filter) + 1, place(launch_exec), "right before the exec: it may forbid anything");
    ok(place(identity_no_new_privs) >= 0 && place(identity_no_new_privs) < place(launch_filter),
       "and after no_new_privs, without which loading needs CAP_SYS_ADMIN");
    plan.process.no_new_privs = false;
    is_number(times(launch_filter), 1, "without no_new_privs the filter is loaded once");
    is_number(times(identity_no_new_privs), 0, "no_new_privs is not set unasked");
    ok(place(launch_filter) < place(launch_final_caps), "before the last capabilities go: loading needs CAP_SYS_ADMIN");
    ok(place(launch_filter) > place(gate_wait), "and behind the wait for start");
    ok(place(launch_filter) < place(launch_start_hooks), "hooks of the container run behind it");
    for (int no_new_privs = 0; no_new_privs < 2; no_new_privs++) {
        plan.process.no_new_privs = no_new_privs;
        ok(place(launch_final_caps) >= 0 && place(launch_final_caps) < place(launch_start_hooks),
           "hooks of the container have no spare capability (no_new_privs %d)", no_new_privs);
        ok(place(identity_user) < place(launch_filter), "the user is set before the filter (no_new_privs %d)",
           no_new_privs);
    }
}

static void test_process_steps(void) {
    static const step_function of_process[] = {
        identity_make_cwd, identity_rlimits, identity_no_new_privs, identity_root_cwd, identity_user,
        identity_user_cwd, launch_lookup,    launch_filter,         launch_final_caps, launch_start_hooks,
    };
    int applied = 0;
    plan = (struct plan){.has_process = false, .process = {.no_new_privs = true}};
    for (size_t i = 0; i < COUNT(of_process); i++)
        applied += times(of_process[i]);
    is_number(applied, 0, "without a process nothing of a process is done");
    is_number(times(gate_ready), 1, "but create gets ready");
    plan.process.no_new_privs = false;
    for (size_t i = 0; i < COUNT(of_process); i++)
        applied += times(of_process[i]);
    is_number(applied, 0, "whatever else its section would say");
    plan.process.terminal = false;
    is_number(times(furnish_console), 0, "no console without a terminal");
    plan.process.terminal = true;
    is_number(times(furnish_console), 1, "one with a terminal");
}

static void test_hook_steps(void) {
    static const struct plan_hook hook = {.path = "/x"};
    for (int point = 0; point < HOOK_POINT_COUNT; point++) {
        plan = (struct plan){.has_process = true};
        plan.hooks.at[point].items = &hook;
        plan.hooks.at[point].count = 1;
        bool wanted = point == HOOK_PRESTART || point == HOOK_CREATE_RUNTIME || point == HOOK_CREATE_CONTAINER;
        is_number(times(gate_runtime_hooks), wanted, "life is %sasked for hooks when there is one of %s",
                  wanted ? "" : "not ", hook_point_name((enum hook_point)point));
    }
    plan = (struct plan){.has_process = true};
    is_number(times(gate_runtime_hooks), 0, "life is not asked when there is none");
}

static void test_mount_steps(void) {
    plan = (struct plan){.has_process = true};
    is_number(times(rootfs_isolate) + times(rootfs_propagation), 0,
              "the propagation of a mount namespace that is the host's is left alone");
    plan.namespaces.modes[NS_MOUNT] = NS_JOIN;
    is_number(times(rootfs_propagation), 0, "that of a joined one, too");
    plan.namespaces.modes[NS_MOUNT] = NS_NEW;
    ok(times(rootfs_isolate) == 1 && times(rootfs_propagation) == 1, "a new one is cut off");
    is_number(times(rootfs_enter), 0, "behind a user namespace the process is born in its own");
    plan.namespaces.recipe.mounts_first = true;
    is_number(times(rootfs_enter), 1, "without one it enters its own when its mounts are made");
}

/* Steps that keep the payload in must not depend on anything. */
static void test_always(void) {
    static const step_function always[] = {enter_arrive,    enter_join,   enter_become_root, enter_late_namespaces,
                                           enter_session,   mounts_make,  source_reach_all,  rootfs_attach,
                                           mounts_place,    mounts_seal,  shield_masked,     rootfs_seal,
                                           shield_readonly, rootfs_pivot, gate_ready};
    for (int number = 0; number < 32; number++) {
        plan = (struct plan){.has_process = number & 1,
                             .process = {.no_new_privs = number & 2, .terminal = number & 4},
                             .no_pivot = number & 8,
                             .namespaces = {.modes = {[NS_MOUNT] = number & 16 ? NS_NEW : NS_INHERIT}}};
        int missing = 0;
        for (size_t i = 0; i < COUNT(always); i++)
            missing += times(always[i]) != 1;
        if (missing)
            ok(false, "steps that always apply do so (plan %d)", number);
    }
    ok(true, "steps that always apply were looked at with all plans");
}

/* --- identity_user: groups, bounding set, ids, capabilities ------------------------------------------------------ */

/* One value of /proc/self/status ("CapEff:\t00..."), without blanks at its ends. */
static bool status_value(const char *status, const char *name, char *value, size_t size) {
    const char *line = strstr(status, name);
    if (!line || line == status || line[-1] != '\n' || line[strlen(name)] != ':')
        return false;
    line += strlen(name) + 1;
    line += strspn(line, "\t ");
    snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
    for (size_t len = strlen(value); len > 0 && value[len - 1] == ' '; len--)
        value[len - 1] = '\0';
    return true;
}

/* Performs in a child what is to be looked at, and reads the child's status. */
static bool status_after(bool final_caps, char *status, size_t size) {
    int wire[2];
    if (pipe(wire) < 0)
        return false;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct error err = ERROR_INIT;
        int r = identity_user(&init, &err);
        if (r == 0 && final_caps)
            r = launch_final_caps(&init, &err);
        int fd = r < 0 ? -1 : open("/proc/self/status", O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, status, size);
        if (r < 0)
            n = snprintf(status, size, "%s", err.text);
        _exit(write(wire[1], status, (size_t)n) == n && r == 0 ? 0 : 1);
    }
    close(wire[1]);
    size_t used = 0;
    for (ssize_t n = 1; n > 0; used += n > 0 ? (size_t)n : 0)
        n = read(wire[0], status + used, size - 1 - used);
    status[used] = '\0';
    close(wire[0]);
    int exit_status = 1;
    bool good = waitpid(pid, &exit_status, 0) == pid && exit_status == 0;
    if (!good)
        printf("# %s\n", status);
    return good;
}

static void is_value(const char *status, const char *name, const char *want, const char *when) {
    char value[256] = "";
    ok(status_value(status, name, value, sizeof value), "%s: there is %s", when, name);
    is_text(value, want, "%s: %s", when, name);
}

static void is_set(const char *status, const char *name, uint64_t want, const char *when) {
    char value[256] = "", hex[17];
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)want);
    ok(status_value(status, name, value, sizeof value), "%s: there is %s", when, name);
    is_text(value, hex, "%s: %s", when, name);
}

static void test_user(void) {
    static const gid_t groups[] = {5, 7};
    const uint64_t kill = 1u << CAP_KILL, chown = 1u << CAP_CHOWN, admin = 1u << CAP_SYS_ADMIN;
    static char status[8192];
    if (geteuid() != 0 || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 1) {
        ok(true, "identity_user # SKIP needs root");
        return;
    }
    plan = (struct plan){.has_process = true,
                         .process = {.uid = 1000, .gid = 1001, .groups = groups, .group_count = 2, .umask = 027}};
    plan.process.caps[CAP_SET_BOUNDING] = kill | chown;
    plan.process.caps[CAP_SET_PERMITTED] = plan.process.caps[CAP_SET_EFFECTIVE] = kill;
    if (ok(status_after(true, status, sizeof status), "user 1000 with one capability")) {
        is_value(status, "Uid", "1000\t1000\t1000\t1000", "user 1000");
        is_value(status, "Gid", "1001\t1001\t1001\t1001", "user 1000");
        is_value(status, "Groups", "5 7", "user 1000");
        is_value(status, "Umask", "0027", "user 1000");
        is_set(status, "CapBnd", kill | chown, "user 1000");
        is_set(status, "CapPrm", kill, "user 1000");
        is_set(status, "CapEff", kill, "user 1000");
        is_set(status, "CapInh", 0, "user 1000");
        is_set(status, "CapAmb", 0, "user 1000");
    }
    plan.process.caps[CAP_SET_INHERITABLE] = plan.process.caps[CAP_SET_AMBIENT] = kill;
    if (ok(status_after(true, status, sizeof status), "user 1000 with an ambient capability")) {
        is_set(status, "CapInh", kill, "ambient");
        is_set(status, "CapAmb", kill, "ambient");
    }
    plan.process.caps[CAP_SET_INHERITABLE] = 0;
    plan.process.group_count = 0;
    plan.process.uid = plan.process.gid = 0;
    memset(plan.process.caps, 0, sizeof plan.process.caps);
    if (ok(status_after(true, status, sizeof status), "root without capabilities and groups")) {
        is_value(status, "Groups", "", "bare root");
        is_set(status, "CapBnd", 0, "bare root");
        is_set(status, "CapPrm", 0, "bare root");
        is_set(status, "CapEff", 0, "bare root");
    }
    /* A filter to be loaded without no_new_privs needs CAP_SYS_ADMIN, and only until then. */
    static const struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = 0x7fff0000};
    plan.filter.program = &allow;
    plan.filter.count = 1;
    plan.process.uid = 1000;
    if (ok(status_after(false, status, sizeof status), "a filter without no_new_privs"))
        is_set(status, "CapEff", admin, "before the filter is loaded");
    if (ok(status_after(true, status, sizeof status), "a filter without no_new_privs, in the end")) {
        is_set(status, "CapEff", 0, "after the filter");
        is_set(status, "CapPrm", 0, "after the filter");
        is_set(status, "CapBnd", 0, "after the filter");
    }
    plan.process.no_new_privs = true;
    if (ok(status_after(false, status, sizeof status), "a filter with no_new_privs"))
        is_set(status, "CapPrm", 0, "no spare capability");
}

int main(void) {
    read_tables();
    test_rows();
    test_becoming();
    test_tree();
    test_hooks();
    test_who();
    test_filter_place();
    test_process_steps();
    test_hook_steps();
    test_mount_steps();
    test_always();
    test_user();
    test_exec();
    return tap_done();
}
