/* SPDX-License-Identifier: Apache-2.0 */
/* process: see process.h. Pure. */
#include "plan/process.h"

#include "base/log.h"
#include "base/nearest.h"
#include "base/table.h"
#include "oci_types.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define LABEL_MAX 4000 /* proc_pid_attr(5): a write of a page at most, "exec " in front of it */
#define HINTS_MAX 8
#define DEFAULT_UMASK 0022 /* as runc and crun where the config is silent */

/* In the order of their numbers (capabilities(7)); libcap is not asked, since its start-up code costs every command. */
static const char *const cap_names[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

static const struct {
    enum oci_rlimit_type type;
    int resource;
    const char *name;
} rlimits[] = {
    {OCI_RLIMIT_TYPE_AS, RLIMIT_AS, "AS"},
    {OCI_RLIMIT_TYPE_CORE, RLIMIT_CORE, "CORE"},
    {OCI_RLIMIT_TYPE_CPU, RLIMIT_CPU, "CPU"},
    {OCI_RLIMIT_TYPE_DATA, RLIMIT_DATA, "DATA"},
    {OCI_RLIMIT_TYPE_FSIZE, RLIMIT_FSIZE, "FSIZE"},
    {OCI_RLIMIT_TYPE_LOCKS, RLIMIT_LOCKS, "LOCKS"},
    {OCI_RLIMIT_TYPE_MEMLOCK, RLIMIT_MEMLOCK, "MEMLOCK"},
    {OCI_RLIMIT_TYPE_MSGQUEUE, RLIMIT_MSGQUEUE, "MSGQUEUE"},
    {OCI_RLIMIT_TYPE_NICE, RLIMIT_NICE, "NICE"},
    {OCI_RLIMIT_TYPE_NOFILE, RLIMIT_NOFILE, "NOFILE"},
    {OCI_RLIMIT_TYPE_NPROC, RLIMIT_NPROC, "NPROC"},
    {OCI_RLIMIT_TYPE_RSS, RLIMIT_RSS, "RSS"},
    {OCI_RLIMIT_TYPE_RTPRIO, RLIMIT_RTPRIO, "RTPRIO"},
    {OCI_RLIMIT_TYPE_RTTIME, RLIMIT_RTTIME, "RTTIME"},
    {OCI_RLIMIT_TYPE_SIGPENDING, RLIMIT_SIGPENDING, "SIGPENDING"},
    {OCI_RLIMIT_TYPE_STACK, RLIMIT_STACK, "STACK"},
};

const char *process_cap_name(unsigned cap) {
    return cap < TABLE_COUNT(cap_names) ? cap_names[cap] : NULL;
}

const char *process_cap_list(uint64_t mask, char *text, size_t size) {
    size_t len = 0;
    text[0] = '\0';
    for (unsigned cap = 0; cap < TABLE_COUNT(cap_names) && len < size; cap++)
        if (mask >> cap & 1)
            len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "", cap_names[cap]);
    return text;
}

static unsigned find_cap(const char *name) {
    unsigned cap = 0;
    while (cap < TABLE_COUNT(cap_names) && strcasecmp(cap_names[cap], name) != 0)
        cap++;
    return cap;
}

bool process_cap_known(const char *name) {
    return find_cap(name) < TABLE_COUNT(cap_names);
}

const char *process_cap_nearest(const char *name) {
    return nearest_of(name, cap_names, TABLE_COUNT(cap_names));
}

uint64_t process_cap_mask(const struct oci_string_array *names, const char *place) {
    char hint[NEAREST_HINT_SIZE];
    unsigned unknown = 0; /* a search takes its time: of a million unknown names only the first get a hint */
    uint64_t mask = 0;
    for (size_t i = 0; i < names->count; i++) {
        unsigned cap = find_cap(names->items[i]);
        if (cap < TABLE_COUNT(cap_names))
            mask |= UINT64_C(1) << cap;
        else
            log_warning("unknown capability \"%s\" ignored (config %s/%zu)%s", names->items[i], place, i,
                        nearest_hint(unknown++ < HINTS_MAX ? process_cap_nearest(names->items[i]) : NULL, hint));
    }
    return mask;
}

/*
 * Effective needs permitted, ambient needs permitted and inheritable (capabilities(7)). An ambient set that is the
 * whole bounding set is no mistake: Buildah lists all capabilities in each set but the inheritable one.
 */
void process_warn_caps(const uint64_t caps[static CAP_SET_COUNT]) {
    char names[400];
    uint64_t idle = caps[CAP_SET_EFFECTIVE] & ~caps[CAP_SET_PERMITTED];
    if (*process_cap_list(idle, names, sizeof names))
        log_warning("effective capabilities that are not permitted are not granted: %s (config "
                    "/process/capabilities/effective)",
                    names);
    idle = caps[CAP_SET_AMBIENT] & ~(caps[CAP_SET_PERMITTED] & caps[CAP_SET_INHERITABLE]);
    if (caps[CAP_SET_AMBIENT] != caps[CAP_SET_BOUNDING] && *process_cap_list(idle, names, sizeof names))
        log_warning(
            "ambient capabilities must be permitted and inheritable as well, so these are not raised: %s (config "
            "/process/capabilities/ambient)",
            names);
}

static void plan_caps(const struct oci_capabilities *caps, struct plan_process *out) {
    if (!caps)
        return;
    out->caps[CAP_SET_BOUNDING] = process_cap_mask(&caps->bounding, "/process/capabilities/bounding");
    out->caps[CAP_SET_EFFECTIVE] = process_cap_mask(&caps->effective, "/process/capabilities/effective");
    out->caps[CAP_SET_INHERITABLE] = process_cap_mask(&caps->inheritable, "/process/capabilities/inheritable");
    out->caps[CAP_SET_PERMITTED] = process_cap_mask(&caps->permitted, "/process/capabilities/permitted");
    out->caps[CAP_SET_AMBIENT] = process_cap_mask(&caps->ambient, "/process/capabilities/ambient");
}

static int plan_args(struct arena *arena, const struct oci_process *process, struct plan_process *out,
                     struct error *err) {
    if (process->args.count == 0 || !process->args.items[0][0])
        return error_refuse(err, "/process/args", "process.args must name a program");
    const char **args = arena_array(arena, process->args.count + 1, sizeof *args);
    if (!args)
        return error_memory(err);
    memcpy(args, process->args.items, process->args.count * sizeof *args);
    out->args = args;
    return 0;
}

struct named {
    const char *entry;
    size_t len; /* of the name */
    size_t at;
};

/* By name, then by place. */
static int compare_named(const void *a, const void *b) {
    const struct named *x = a, *y = b;
    int order = strncmp(x->entry, y->entry, x->len < y->len ? x->len : y->len);
    if (order == 0)
        order = (x->len > y->len) - (x->len < y->len);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Of entries of one name the last one counts, at the place of the first. Returns how many are left, -ENOMEM. */
static ssize_t env_unite(struct arena *arena, const char **env, size_t count) {
    struct named *list = arena_array(arena, count, sizeof *list);
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        list[i] = (struct named){env[i], strcspn(env[i], "="), i};
    qsort(list, count, sizeof *list, compare_named);
    for (size_t first = 0, i = 1; i <= count && count > 0; i++) {
        bool same =
            i < count && list[i].len == list[first].len && strncmp(list[i].entry, list[first].entry, list[i].len) == 0;
        if (same) {
            env[list[first].at] = list[i].entry;
            env[list[i].at] = NULL;
        } else {
            first = i;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (env[i])
            env[kept++] = env[i];
    env[kept] = NULL;
    return (ssize_t)kept;
}

static int plan_env(struct arena *arena, const struct oci_process *process, const char *const *extra,
                    struct plan_process *out, struct error *err) {
    size_t count = 0, extras = 0;
    while (extra && extra[extras])
        extras++;
    const char **env = arena_array(arena, process->env.count + extras + 2, sizeof *env);
    if (!env)
        return error_memory(err);
    for (size_t i = 0; i < process->env.count; i++) {
        const char *entry = process->env.items[i], *equals = strchr(entry, '=');
        if (!equals || equals == entry) {
            char place[48];
            snprintf(place, sizeof place, "/process/env/%zu", i);
            return error_refuse(err, place, "environment entry \"%.64s\" is not NAME=value", entry);
        }
        env[count++] = entry;
    }
    for (size_t i = 0; i < extras; i++)
        env[count++] = extra[i];
    const ssize_t kept = env_unite(arena, env, count);
    if (kept < 0)
        return error_memory(err);
    count = (size_t)kept;
    out->path = DEFAULT_PATH;
    out->env_home = (int)count;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(env[i], "PATH=", 5) == 0)
            out->path = env[i] + 5;
        if (strncmp(env[i], "HOME=", 5) == 0)
            out->env_home = env[i][5] ? -1 : (int)i;
    }
    out->env = env;
    return 0;
}

static int plan_user(struct arena *arena, const struct oci_user *user, struct plan_process *out, struct error *err) {
    out->umask = DEFAULT_UMASK;
    if (!user)
        return 0;
    if (user->uid == UINT32_MAX)
        return error_refuse(err, "/process/user/uid", "4294967295 is no user id");
    if (user->gid == UINT32_MAX)
        return error_refuse(err, "/process/user/gid", "4294967295 is no group id");
    if (user->has_umask && user->umask > 0777)
        return error_refuse(err, "/process/user/umask", "umask %#o has other than permission bits", user->umask);
    out->uid = user->uid;
    out->gid = user->gid;
    if (user->has_umask)
        out->umask = (mode_t)user->umask;
    gid_t *groups = arena_array(arena, user->additional_gids.count, sizeof *groups);
    if (!groups)
        return error_memory(err);
    for (size_t i = 0; i < user->additional_gids.count; i++) {
        groups[i] = (gid_t)user->additional_gids.items[i];
        if (groups[i] == (gid_t)-1)
            return error_refuse(err, "/process/user/additionalGids", "4294967295 is no group id");
    }
    out->groups = groups;
    out->group_count = user->additional_gids.count;
    return 0;
}

static int plan_rlimits(struct arena *arena, const struct oci_process *process, struct plan_process *out,
                        struct error *err) {
    struct plan_rlimit *items = arena_array(arena, process->rlimits.count, sizeof *items);
    if (!items)
        return error_memory(err);
    for (size_t i = 0; i < process->rlimits.count; i++) {
        const struct oci_rlimit *row = &process->rlimits.items[i];
        const char *place = arena_printf(arena, "/process/rlimits/%zu", i);
        size_t k = 0;
        if (!place)
            return error_memory(err);
        while (k < TABLE_COUNT(rlimits) && rlimits[k].type != row->type)
            k++;
        if (k == TABLE_COUNT(rlimits))
            return error_refuse(err, place, "rlimit has no type");
        for (size_t before = 0; before < i; before++)
            if (items[before].resource == rlimits[k].resource)
                return error_refuse(err, place, "duplicate rlimit type RLIMIT_%s", rlimits[k].name);
        if (row->soft > row->hard)
            return error_refuse(err, place, "RLIMIT_%s: soft limit %llu is above the hard limit %llu", rlimits[k].name,
                                (unsigned long long)row->soft, (unsigned long long)row->hard);
        items[i] = (struct plan_rlimit){.resource = rlimits[k].resource,
                                        .name = rlimits[k].name,
                                        .place = place,
                                        .soft = row->soft,
                                        .hard = row->hard};
    }
    out->rlimits = items;
    out->rlimit_count = process->rlimits.count;
    return 0;
}

/* One number of a list; *text goes behind it. */
static int parse_cpu(const char **text, unsigned *cpu) {
    unsigned value = 0;
    if (**text < '0' || **text > '9')
        return -EINVAL;
    for (; **text >= '0' && **text <= '9'; ++*text)
        if ((value = value * 10 + (unsigned)(**text - '0')) >= PLAN_CPUS_MAX)
            return -ERANGE;
    *cpu = value;
    return 0;
}

static int parse_cpus(const char *text, struct plan_cpus *cpus) {
    const unsigned word = 8 * sizeof cpus->bits[0];
    for (;; text++) {
        unsigned first, last;
        int r = parse_cpu(&text, &first);
        last = first;
        if (r == 0 && *text == '-') {
            text++;
            r = parse_cpu(&text, &last);
        }
        if (r < 0)
            return r;
        if (last < first)
            return -EINVAL;
        for (unsigned cpu = first; cpu <= last; cpu++)
            cpus->bits[cpu / word] |= 1UL << cpu % word;
        if (*text != ',')
            return *text ? -EINVAL : 0;
    }
}

int process_plan_cpus(struct arena *arena, const char *list, const char *place, const struct plan_cpus **out,
                      struct error *err) {
    struct plan_cpus *cpus = arena_array(arena, 1, sizeof *cpus);
    if (!cpus)
        return error_memory(err);
    int r = parse_cpus(list, cpus);
    if (r < 0)
        return error_refuse(err, place, "\"%.64s\" is not a list of processors, such as 0-3,7%s", list,
                            r == -ERANGE ? ": a number is out of range" : "");
    *out = cpus;
    return 0;
}

static int plan_affinity(struct arena *arena, const struct oci_process *process, struct plan_process *out,
                         struct error *err) {
    const struct oci_cpu_affinity *affinity = process->exec_cpu_affinity;
    int r = 0;
    if (affinity && affinity->initial && *affinity->initial)
        r = process_plan_cpus(arena, affinity->initial, "/process/execCPUAffinity/initial", &out->cpus_initial, err);
    if (r == 0 && affinity && affinity->final && *affinity->final)
        r = process_plan_cpus(arena, affinity->final, "/process/execCPUAffinity/final", &out->cpus_final, err);
    return r;
}

/* Both end up in a file of the kernel's that takes a page and no more, up to the first line end. */
static int plan_label(const char *label, const char *place, const char **out, struct error *err) {
    if (!label || !*label)
        return 0;
    if (strlen(label) > LABEL_MAX || strchr(label, '\n'))
        return error_refuse(err, place, "not a label: more than %d bytes, or a line end in it", LABEL_MAX);
    *out = label;
    return 0;
}

static int refuse_unsupported(const struct oci_process *process, struct error *err) {
    if (process->scheduler)
        return error_refuse(err, "/process/scheduler", "process.scheduler is not supported yet");
    if (process->io_priority)
        return error_refuse(err, "/process/ioPriority", "process.ioPriority is not supported yet");
    return 0;
}

int process_plan(struct arena *arena, const struct oci_process *process, const char *const *extra_env,
                 struct plan_process *out, struct error *err) {
    struct plan_process plan = {.cwd = process->cwd, .terminal = process->terminal};
    if (!plan.cwd || plan.cwd[0] != '/')
        return error_refuse(err, "/process/cwd", "Cwd must be an absolute path, not \"%s\"", plan.cwd ? plan.cwd : "");
    int r = refuse_unsupported(process, err);
    if (r == 0)
        r = plan_args(arena, process, &plan, err);
    if (r == 0)
        r = plan_env(arena, process, extra_env, &plan, err);
    if (r == 0)
        r = plan_user(arena, process->user, &plan, err);
    if (r == 0)
        r = plan_rlimits(arena, process, &plan, err);
    if (r == 0)
        r = plan_label(process->apparmor_profile, "/process/apparmorProfile", &plan.apparmor_profile, err);
    if (r == 0)
        r = plan_label(process->selinux_label, "/process/selinuxLabel", &plan.selinux_label, err);
    if (r == 0)
        r = plan_affinity(arena, process, &plan, err);
    if (r < 0)
        return r;
    plan_caps(process->capabilities, &plan);
    plan.no_new_privs = process->no_new_privileges;
    if (process->has_oom_score_adj && (process->oom_score_adj < -1000 || process->oom_score_adj > 1000))
        return error_refuse(err, "/process/oomScoreAdj", "oomScoreAdj %lld is not within -1000..1000",
                            (long long)process->oom_score_adj);
    plan.has_oom_score_adj = process->has_oom_score_adj;
    plan.oom_score_adj = (int)process->oom_score_adj;
    if (process->console_size && plan.terminal) {
        if (process->console_size->height > UINT16_MAX || process->console_size->width > UINT16_MAX)
            return error_refuse(err, "/process/consoleSize", "console size beyond 65535");
        plan.rows = (uint16_t)process->console_size->height;
        plan.columns = (uint16_t)process->console_size->width;
    }
    *out = plan;
    return 0;
}
