/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: who the payload is: names, kernel parameters, limits, user, groups, capabilities, working directory.
 * Runs in init; the steps up to the working directory's making before pivot, the others after.
 */
#include "base/own.h"
#include "init/init.h"
#include "kernel/lsm.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A filter around the runtime may answer a call with success and do nothing, so credentials are read back. */
static int not_as_set(struct error *err, const char *what) {
    return error_set(err, EPERM, "%s not what was set, although the kernel reports success", what);
}

int identity_hostname(struct init *init, struct error *err) {
    const struct plan *plan = init->plan;
    if (plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
        return error_at(err, errno, "hostname", "/hostname", "set hostname \"%s\"", plan->hostname);
    if (plan->domainname && setdomainname(plan->domainname, strlen(plan->domainname)) < 0)
        return error_at(err, errno, "hostname", "/domainname", "set domainname \"%s\"", plan->domainname);
    return 0;
}

/*
 * AppArmor goes by paths, and a file of a detached procfs has the path "/sys/...", which the profile that LXC gives its
 * containers forbids to write. An attached /proc has no such trouble, and shows a writer the same namespaces.
 */
static int write_sysctl(struct init *init, const char *path, const char *value) {
    struct error ignored = ERROR_INIT;
    own_procfs attached = PROCFS_INIT;
    int r = procfs_write(&init->proc, path, value);
    if ((r != -EACCES && r != -EPERM) || procfs_open_host(&attached, &ignored) < 0)
        return r;
    return procfs_write(&attached, path, value) == 0 ? 0 : r;
}

int identity_sysctl(struct init *init, struct error *err) {
    for (size_t i = 0; i < init->plan->sysctl_count; i++) {
        const struct plan_sysctl *s = &init->plan->sysctls[i];
        char path[256], place[104];
        int r = init_procfs(init, err);
        if (r < 0)
            return r;
        snprintf(path, sizeof path, "sys/%s", s->path);
        r = write_sysctl(init, path, s->value);
        if (r == 0)
            continue;
        snprintf(place, sizeof place, "/linux/sysctl/%s", s->key);
        bool ids = r == -EINVAL && strstr(s->path, "ping_group_range");
        return error_at(err, -r, "sysctl", place, "write \"%s\" to sysctl %s%s", s->value, s->key,
                        ids ? ": are both groups mapped in the user namespace?" : "");
    }
    return 0;
}

static int set_rlimit(const struct plan_rlimit *l, uint64_t soft, uint64_t hard, struct error *err) {
    const struct rlimit value = {.rlim_cur = soft, .rlim_max = hard};
    int r = sys_prlimit(0, l->resource, &value, NULL);
    if (r == 0)
        return 0;
    return error_at(err, -r, "rlimits", l->place, "set RLIMIT_%s to soft %llu, hard %llu%s", l->name,
                    (unsigned long long)l->soft, (unsigned long long)l->hard,
                    r == -EPERM ? ", raising the hard limit needs CAP_SYS_RESOURCE" : "");
}

/* The number of open files is only made room for here: we need some more ourselves. */
int identity_rlimits(struct init *init, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    for (size_t i = 0; i < process->rlimit_count; i++) {
        const struct plan_rlimit *l = &process->rlimits[i];
        struct rlimit now;
        bool files = l->resource == RLIMIT_NOFILE && getrlimit(RLIMIT_NOFILE, &now) == 0;
        int r = !files                   ? set_rlimit(l, l->soft, l->hard, err)
                : now.rlim_max < l->hard ? set_rlimit(l, now.rlim_cur, l->hard, err)
                                         : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int identity_file_limit(struct init *init, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    for (size_t i = 0; i < process->rlimit_count; i++)
        if (process->rlimits[i].resource == RLIMIT_NOFILE)
            return set_rlimit(&process->rlimits[i], process->rlimits[i].soft, process->rlimits[i].hard, err);
    const struct file_limit *files = &init->held->files;
    int r = files->raised ? sys_prlimit(0, RLIMIT_NOFILE, &files->caller, NULL) : 0;
    return r < 0 ? error_code(err, -r, "set the limit of open files back to the caller's") : 0;
}

int identity_personality(struct init *init, struct error *err) {
    if (!init->plan->has_personality || personality(init->plan->personality) >= 0)
        return 0;
    return error_at(err, errno, "personality", "/linux/personality", "set personality %#lx", init->plan->personality);
}

/* Engines know a failure to set a label by the file's name in backquotes. */
int identity_label(struct init *init, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    int r = init_procfs(init, err);
    if (r < 0)
        return r;
    if (process->apparmor_profile && (r = lsm_apparmor_exec(&init->proc, process->apparmor_profile)) < 0) {
        return error_at(err, -r, "security label", "/process/apparmorProfile",
                        "apparmor failed to apply profile \"%.128s\"%s: write "
                        "`/proc/self/attr/apparmor/exec`",
                        process->apparmor_profile, r == -ENOENT ? " (is it loaded?)" : "");
    }
    if (process->selinux_label && (r = lsm_selinux_exec(&init->proc, process->selinux_label)) < 0) {
        return error_at(err, -r, "security label", "/process/selinuxLabel",
                        "set SELinux label \"%.128s\"%s: write `/proc/self/attr/exec`", process->selinux_label,
                        r == -EINVAL ? " (does the policy know it?)" : "");
    }
    return 0;
}

int identity_no_new_privs(struct init *init, struct error *err) {
    (void)init;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_sys(err, "set no_new_privs");
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : not_as_set(err, "no_new_privs is");
}

/* user_namespaces(7): where the map was written without privilege, the groups stay as they are. */
static bool groups_are_fixed(struct init *init) {
    char text[16] = "";
    uint64_t e, p, i;
    struct error ignored = ERROR_INIT;
    if (init_procfs(init, &ignored) == 0 && procfs_read(&init->proc, "self/setgroups", text, sizeof text) == 0)
        return strcmp(text, "deny") == 0;
    /* A container without /proc: what else could forbid it to who has the capability? */
    return sys_capget(0, &e, &p, &i) == 0 && (e >> CAP_SETGID & 1);
}

/* The same for the same groups in any order: the kernel sorts them. */
static uint64_t groups_sum(const gid_t *groups, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t mixed = (groups[i] + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
        sum += mixed ^ mixed >> 29;
    }
    return sum;
}

#define GROUPS_MAX 65536 /* the kernel's NGROUPS_MAX; that of musl is 32 */

static bool groups_are_set(const struct plan_process *process) {
    static gid_t now[GROUPS_MAX];
    int count = getgroups(GROUPS_MAX, now);
    return count >= 0 && (size_t)count == process->group_count &&
           groups_sum(now, (size_t)count) == groups_sum(process->groups, process->group_count);
}

static int set_groups(struct init *init, struct error *err) {
    static const char place[] = "/process/user/additionalGids";
    const struct plan_process *process = &init->plan->process;
    if (process->keep_groups)
        return 0;
    int r = sys_setgroups(process->group_count, process->groups);
    if (r == 0)
        return groups_are_set(process) ? 0 : not_as_set(err, "the additional groups are");
    bool fixed = r == -EPERM && groups_are_fixed(init);
    if (fixed && process->group_count == 0)
        return 0;
    if (fixed) {
        error_set(err, EPERM,
                  "cannot set any additional groups in a rootless container whose only group is its "
                  "user's own (config %s)",
                  place);
        return error_blame(err, "user", place, NULL);
    }
    return error_at(err, -r, "user", place, "set additional groups%s",
                    r == -EINVAL ? ": not all of them are mapped" : "");
}

/* The specification says that a capability which cannot be granted is no failure. One line tells of all the sets. */
static void warn_missing(struct init *init, uint64_t missing) {
    char names[400];
    if (*process_cap_list(missing, names, sizeof names))
        init_warn(init, "capabilities that berth does not have cannot be granted: %s", names);
}

/* Those of `asked` that are in the bounding set. */
static uint64_t bounding_now(uint64_t asked) {
    uint64_t set = 0;
    for (unsigned cap = 0; cap < 64 && asked >> cap; cap++)
        if ((asked >> cap & 1) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
            set |= UINT64_C(1) << cap;
    return set;
}

static int drop_bounding(uint64_t keep, struct error *err) {
    for (unsigned cap = 0; cap < 64; cap++) {
        if (keep >> cap & 1)
            continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return errno == EINVAL ? 0 /* beyond the last one that the kernel knows */
                                   : error_sys(err, "drop capability %u from the bounding set", cap);
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
            return not_as_set(err, "the bounding set is");
    }
    return 0;
}

/* `possible`: what is permitted and inheritable, outside of which the kernel lets nothing be ambient. */
static int raise_ambient(uint64_t ambient, uint64_t possible, struct error *err) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return error_sys(err, "clear ambient capabilities");
    for (unsigned cap = 0; cap < 64 && possible >> cap; cap++) {
        const bool wanted = ambient >> cap & 1;
        if (!(possible >> cap & 1))
            continue;
        if (wanted && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return error_sys(err, "make %s ambient", process_cap_name(cap));
        if ((prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) != wanted)
            return not_as_set(err, "the ambient set is");
    }
    return 0;
}

/* Sets the three sets, and looks whether they are what they are now said to be. */
static int set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable, struct error *err) {
    uint64_t e, p, i;
    int r = sys_capset(0, effective, permitted, inheritable);
    if (r < 0)
        return error_code(err, -r, "set capabilities");
    r = sys_capget(0, &e, &p, &i);
    if (r < 0 || e != effective || p != permitted || i != inheritable)
        return not_as_set(err, "the capabilities are");
    return 0;
}

static bool ids_are_set(const struct plan_process *process) {
    uid_t u[3];
    gid_t g[3];
    if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
        return false;
    for (int i = 0; i < 3; i++)
        if (u[i] != process->uid || g[i] != process->gid)
            return false;
    return true;
}

static int switch_user(const struct plan_process *process, struct error *err) {
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return error_sys(err, "keep capabilities");
    int r = sys_setresgid(process->gid, process->gid, process->gid);
    if (r < 0)
        return r == -EINVAL ? error_refuse(err, "/process/user/gid",
                                           "cannot setgid to unmapped gid %u in user namespace", process->gid)
                            : error_at(err, -r, "user", "/process/user/gid", "set group %u", process->gid);
    r = sys_setresuid(process->uid, process->uid, process->uid);
    if (r < 0)
        return r == -EINVAL ? error_refuse(err, "/process/user/uid",
                                           "cannot setuid to unmapped uid %u in user namespace", process->uid)
                            : error_at(err, -r, "user", "/process/user/uid", "set user %u", process->uid);
    if (!ids_are_set(process))
        return not_as_set(err, "the user and group are");
    /* Changing ids makes the process dumpable again for its new owner (prctl(2)). */
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return error_sys(err, "prctl PR_SET_DUMPABLE");
    return prctl(PR_GET_DUMPABLE) == 0 ? 0 : not_as_set(err, "the dumpable flag is");
}

/*
 * Groups need CAP_SETGID, the bounding set CAP_SETPCAP, the ids CAP_SETUID: all before the capabilities go. Without
 * no_new_privs the filter, loaded at the very end, needs CAP_SYS_ADMIN: that one stays effective until then.
 */
int identity_user(struct init *init, struct error *err) {
    const struct plan_process *process = &init->plan->process;
    uint64_t e, p, i;
    int r = set_groups(init, err);
    if (r < 0)
        return r;
    umask(process->umask);
    r = sys_capget(0, &e, &p, &i);
    if (r < 0)
        return error_code(err, -r, "read capabilities");
    const uint64_t *wanted = process->caps;
    uint64_t bounding = bounding_now(wanted[CAP_SET_BOUNDING]);
    uint64_t permitted = wanted[CAP_SET_PERMITTED] & p;
    uint64_t effective = wanted[CAP_SET_EFFECTIVE] & permitted;
    uint64_t inheritable = wanted[CAP_SET_INHERITABLE] & p;
    warn_missing(init,
                 (wanted[CAP_SET_BOUNDING] & ~bounding) |
                     ((wanted[CAP_SET_PERMITTED] | wanted[CAP_SET_EFFECTIVE] | wanted[CAP_SET_INHERITABLE]) & ~p));
    /* The two masks are read again when the spare capability is given back. */
    if (init->plan->filter.program && !process->no_new_privs)
        init->spare_caps = p & (UINT64_C(1) << CAP_SYS_ADMIN) & ~effective;
    r = drop_bounding(bounding, err);
    if (r == 0)
        r = switch_user(process, err);
    if (r == 0)
        r = set_caps(effective | init->spare_caps, permitted | init->spare_caps, inheritable, err);
    /* Engines list all capabilities as ambient, but only what is permitted and inheritable can be (capabilities(7)). */
    return r < 0
               ? r
               : raise_ambient(process->caps[CAP_SET_AMBIENT] & permitted & inheritable, permitted & inheritable, err);
}

int launch_final_caps(struct init *init, struct error *err) {
    uint64_t e, p, i;
    if (!init->spare_caps)
        return 0;
    int r = sys_capget(0, &e, &p, &i);
    if (r < 0)
        return error_code(err, -r, "read capabilities");
    uint64_t wanted = init->plan->process.caps[CAP_SET_PERMITTED];
    return set_caps(e & ~init->spare_caps, p & ~(init->spare_caps & ~wanted), i, err);
}

static int refuse_cwd(const char *cwd, int code, struct error *err) {
    return error_at(err, code, "working directory", "/process/cwd", "chdir to cwd \"%s\"", cwd);
}

int identity_make_cwd(struct init *init, struct error *err) {
    const char *cwd = init->plan->process.cwd;
    own_fd fd = resolve_path(init->root, cwd, RESOLVE_DIRECTORY);
    if (fd == -ENOENT)
        fd = resolve_make(init->root, cwd, RESOLVE_MAKE_DIRECTORY, 0);
    /* What root may not do, the payload's user may (root-squashed NFS): identity_user_cwd tries again. */
    if (fd >= 0 || fd == -EACCES || fd == -EROFS)
        return 0;
    return refuse_cwd(cwd, -fd, err);
}

static int enter_cwd(const struct init *init, struct error *err) {
    const char *cwd = init->plan->process.cwd;
    char where[PATH_MAX];
    own_fd fd = resolve_path(init->root, cwd, RESOLVE_DIRECTORY);
    if (fd < 0)
        return refuse_cwd(cwd, -fd, err);
    if (fchdir(fd) < 0)
        return refuse_cwd(cwd, errno, err);
    /* A directory that the root does not reach shows as "(unreachable)..." (getcwd(3)): CVE-2024-21626. */
    if (!getcwd(where, sizeof where) || where[0] != '/')
        return error_refuse(err, "/process/cwd", "cwd \"%s\" is outside of the container", cwd);
    return 0;
}

/*
 * Root may enter directories that the payload's user may not. On a root-squashed NFS it is the other way round; and for
 * the process in between of an exec there is no /proc/self: identity_user_cwd tries again.
 */
int identity_root_cwd(struct init *init, struct error *err) {
    int r = enter_cwd(init, err);
    init->in_cwd = r == 0;
    if (r != -EACCES && r != -ENOENT)
        return r;
    *err = (struct error)ERROR_INIT;
    return 0;
}

int identity_user_cwd(struct init *init, struct error *err) {
    return init->in_cwd ? 0 : enter_cwd(init, err);
}
