/* SPDX-License-Identifier: Apache-2.0 */
/* plan: see plan.h. Pure. The sections with a life of their own have files of their own; the rest is here. */
#include "plan/plan.h"

#include "base/log.h"
#include "base/table.h"
#include "oci_types.h"
#include "plan/annotations.h"

#include <errno.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>

#define ID_MAX 1024

int plan_check_id(const char *id, struct error *err) {
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-";
    size_t len = strlen(id);
    bool valid = len > 0 && strchr(first, id[0]) != NULL;
    for (size_t i = 1; valid && i < len; i++)
        valid = strchr(first, id[i]) || id[i] == '.';
    if (!valid)
        return error_set(err, EINVAL, "invalid container ID format: \"%.128s\"", id);
    if (len > ID_MAX)
        return error_set(err, ENAMETOOLONG, "invalid container ID format: %zu bytes, %d at most", len, ID_MAX);
    return 0;
}

static int plan_root(struct arena *arena, const struct oci_config *config, const struct plan_request *request,
                     struct plan *plan, struct error *err) {
    if (!config->root || !config->root->path || !*config->root->path)
        return error_refuse(err, "/root/path", "root.path is missing");
    const char *path = config->root->path;
    plan->rootfs = path[0] == '/' ? path : arena_printf(arena, "%s/%s", request->bundle, path);
    plan->rootfs_readonly = config->root->readonly;
    return plan->rootfs ? 0 : error_memory(err);
}

#define NAME_BYTES 64 /* sethostname(2), setdomainname(2) */

static int plan_name(const char *name, const char *place, bool uts, const char **out, struct error *err) {
    *out = name && *name ? name : NULL;
    if (*out && !uts)
        return error_refuse(err, place, "unable to set %s without a private UTS namespace", place + 1);
    if (*out && strlen(name) > NAME_BYTES)
        return error_refuse(err, place, "%s of %zu bytes: the kernel takes %d at most", place + 1, strlen(name),
                            NAME_BYTES);
    return 0;
}

static int plan_names(const struct oci_config *config, struct plan *plan, struct error *err) {
    const bool uts = plan->namespaces.modes[NS_UTS] != NS_INHERIT;
    int r = plan_name(config->hostname, "/hostname", uts, &plan->hostname, err);
    return r < 0 ? r : plan_name(config->domainname, "/domainname", uts, &plan->domainname, err);
}

static unsigned long propagation_flags(enum oci_propagation propagation) {
    switch (propagation) {
    case OCI_PROPAGATION_PRIVATE:
        return MS_PRIVATE;
    case OCI_PROPAGATION_RPRIVATE:
        return MS_PRIVATE | MS_REC;
    case OCI_PROPAGATION_SHARED:
        return MS_SHARED;
    case OCI_PROPAGATION_RSHARED:
        return MS_SHARED | MS_REC;
    case OCI_PROPAGATION_SLAVE:
        return MS_SLAVE;
    case OCI_PROPAGATION_RSLAVE:
        return MS_SLAVE | MS_REC;
    case OCI_PROPAGATION_UNBINDABLE:
        return MS_UNBINDABLE;
    case OCI_PROPAGATION_RUNBINDABLE:
        return MS_UNBINDABLE | MS_REC;
    default:
        return 0;
    }
}

#define PATHS_COMPARED 1000

static int plan_paths(struct arena *arena, const struct oci_string_array *in, const char *name, bool allowed,
                      const char *const **out, size_t *count, struct error *err) {
    char place[48];
    snprintf(place, sizeof place, "/linux/%s", name);
    if (in->count > 0 && !allowed)
        return error_refuse(err, place, "%s need a mount namespace in linux.namespaces", name);
    const char **paths = arena_array(arena, in->count, sizeof *paths);
    if (!paths)
        return error_memory(err);
    size_t kept = 0;
    for (size_t i = 0; i < in->count; i++) {
        if (in->items[i][0] != '/') {
            snprintf(place, sizeof place, "/linux/%s/%zu", name, i);
            return error_refuse(err, place, "\"%s\" is not an absolute path", in->items[i]);
        }
        const char *path = mounts_clean_path(arena, in->items[i]);
        if (!path)
            return error_memory(err);
        /* A path named twice does no harm: in a list of thousands nobody looks for it. */
        size_t k = kept > PATHS_COMPARED ? kept : 0;
        while (k < kept && strcmp(paths[k], path) != 0)
            k++;
        if (k == kept)
            paths[kept++] = path;
    }
    *out = paths;
    *count = kept;
    return 0;
}

/* Which namespace must be the container's own (new or joined) for a sysctl to be its own affair; sysctl(7),
 * namespaces(7). */
static const struct {
    const char *key; /* in slash form; one that ends in '/' stands for all below */
    enum ns_kind kind;
} sysctl_kinds[] = {
    {"kernel/msgmax", NS_IPC}, {"kernel/msgmnb", NS_IPC},          {"kernel/msgmni", NS_IPC},
    {"kernel/sem", NS_IPC},    {"kernel/shmall", NS_IPC},          {"kernel/shmmax", NS_IPC},
    {"kernel/shmmni", NS_IPC}, {"kernel/shm_rmid_forced", NS_IPC}, {"fs/mqueue/", NS_IPC},
    {"net/", NS_NETWORK},      {"kernel/domainname", NS_UTS},      {"user/", NS_USER},
};

/* Dots and slashes both separate: the first of the two in the key decides which one it is, the other is then swapped.
 */
static char *sysctl_path(struct arena *arena, const char *key) {
    char *path = arena_strdup(arena, key);
    if (!path)
        return NULL;
    const char *separator = strpbrk(path, "./");
    bool dots = separator && *separator == '.';
    for (char *c = path; dots && *c; c++)
        *c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
    return path;
}

/* What another property says, or the same key in its other spelling: equal or refused, since only one value stays. */
static int check_contradiction(const struct plan *plan, const struct plan_sysctl *s, const struct plan_sysctl *before,
                               size_t count, const char *place, struct error *err) {
    if (strcmp(s->path, "kernel/domainname") == 0 && plan->domainname && strcmp(s->value, plan->domainname) != 0)
        return error_refuse(err, place, "sysctl \"%s\" conflicts with domainname \"%.64s\"", s->key, plan->domainname);
    for (size_t i = 0; i < count; i++)
        if (strcmp(s->path, before[i].path) == 0 && strcmp(s->value, before[i].value) != 0)
            return error_refuse(err, place, "sysctl \"%s\" conflicts with \"%s\", another spelling of it", s->key,
                                before[i].key);
    return 0;
}

static int check_sysctl(const struct plan *plan, struct plan_sysctl *s, const char *place, struct error *err) {
    size_t len = strlen(s->path);
    if (strstr(s->path, "..") || s->path[0] == '/' || strstr(s->path, "//") || len == 0 || s->path[len - 1] == '/' ||
        strchr(s->path, '\n') || strchr(s->value, '\n'))
        return error_refuse(err, place, "sysctl \"%s\" is malformed", s->key);
    if (strcmp(s->path, "kernel/hostname") == 0)
        return error_refuse(err, place, "sysctl \"%s\" conflicts with hostname: use that", s->key);
    for (size_t i = 0; i < TABLE_COUNT(sysctl_kinds); i++) {
        size_t known = strlen(sysctl_kinds[i].key);
        bool prefix = sysctl_kinds[i].key[known - 1] == '/';
        if (strncmp(s->path, sysctl_kinds[i].key, known) != 0 || (!prefix && s->path[known]))
            continue;
        s->kind = sysctl_kinds[i].kind;
        if (plan->namespaces.modes[s->kind] != NS_INHERIT)
            return 0;
        return error_refuse(err, place, "sysctl \"%s\" is not allowed without a %s namespace of the container's own",
                            s->key, ns_name(sysctl_kinds[i].kind));
    }
    return error_refuse(err, place, "sysctl \"%s\" is not in a separate kernel namespace", s->key);
}

static int plan_sysctls(struct arena *arena, const struct oci_linux *section, struct plan *plan, struct error *err) {
    struct plan_sysctl *items = arena_array(arena, section->sysctl.count, sizeof *items);
    if (!items)
        return error_memory(err);
    for (size_t i = 0; i < section->sysctl.count; i++) {
        const struct oci_string_entry *row = &section->sysctl.items[i];
        char place[104];
        snprintf(place, sizeof place, "/linux/sysctl/%s", row->key);
        items[i] = (struct plan_sysctl){.path = sysctl_path(arena, row->key), .key = row->key, .value = row->value};
        if (!items[i].path)
            return error_memory(err);
        int r = check_sysctl(plan, &items[i], place, err);
        if (r == 0)
            r = check_contradiction(plan, &items[i], items, i, place, err);
        if (r < 0)
            return r;
    }
    plan->sysctls = items;
    plan->sysctl_count = section->sysctl.count;
    return 0;
}

static int refuse_unsupported(const struct oci_linux *section, struct error *err) {
    if (section->intel_rdt)
        return error_refuse(err, "/linux/intelRdt", "linux.intelRdt is not supported yet");
    if (section->memory_policy)
        return error_refuse(err, "/linux/memoryPolicy", "linux.memoryPolicy is not supported yet");
    if (section->net_devices.count > 0)
        return error_refuse(err, "/linux/netDevices", "linux.netDevices is not supported yet");
    return 0;
}

/* personality(2): PER_LINUX is 0, PER_LINUX32 8. config-linux.md defines no flag. */
static int plan_personality(const struct oci_linux *section, struct plan *plan, struct error *err) {
    if (!section->personality)
        return 0;
    if (section->personality->flags.count > 0)
        return error_refuse(err, "/linux/personality/flags", "no flag of linux.personality is defined");
    if (section->personality->domain == OCI_PERSONALITY_DOMAIN_UNSET)
        return error_refuse(err, "/linux/personality", "linux.personality has no domain");
    plan->has_personality = true;
    plan->personality = section->personality->domain == OCI_PERSONALITY_DOMAIN_LINUX32 ? 0x0008 : 0;
    return 0;
}

static int plan_linux(struct arena *arena, const struct oci_linux *section, const struct facts *facts,
                      struct plan *plan, struct error *err) {
    bool own_mounts = plan->namespaces.modes[NS_MOUNT] != NS_INHERIT;
    int r = refuse_unsupported(section, err);
    if (r == 0)
        r = plan_paths(arena, &section->masked_paths, "maskedPaths", own_mounts, &plan->masked_paths,
                       &plan->masked_count, err);
    if (r == 0)
        r = plan_paths(arena, &section->readonly_paths, "readonlyPaths", own_mounts, &plan->readonly_paths,
                       &plan->readonly_count, err);
    if (r == 0)
        r = plan_sysctls(arena, section, plan, err);
    if (r == 0)
        r = plan_personality(section, plan, err);
    if (r == 0)
        r = resources_plan(arena, section->resources, facts->unified, &plan->resources, err);
    plan->root_propagation = propagation_flags(section->rootfs_propagation);
    plan->cgroups_path = section->cgroups_path && *section->cgroups_path ? section->cgroups_path : NULL;
    return r;
}

/* Without SELinux there is nothing that would look at the label of a file, and nowhere to write it, as with crun. */
static const char *mount_label(const struct oci_config *config, const struct facts *facts) {
    const char *label = config->linux ? config->linux->mount_label : NULL;
    if (!label || !*label)
        return NULL;
    if (!facts->selinux)
        log_debug("linux.mountLabel ignored: SELinux is off");
    return facts->selinux ? label : NULL;
}

/* One block and two inodes are the least that the root of a tmpfs gets by with. */
static int plan_cover(struct arena *arena, struct plan *plan, struct error *err) {
    static const char least[] = "nr_blocks=1,nr_inodes=2";
    const char *context = plan->mount_label ? mounts_context(arena, plan->mount_label) : NULL;
    plan->cover_data = context ? arena_printf(arena, "%s,%s", least, context) : plan->mount_label ? NULL : least;
    return plan->cover_data ? 0 : error_memory(err);
}

/* A process whose label nobody enforces would be less confined than was asked for. */
static int plan_process_of(struct arena *arena, const struct oci_process *process, const struct facts *facts,
                           const struct plan_request *request, struct plan_process *out, struct error *err) {
    int r = process_plan(arena, process, request->extra_env, out, err);
    if (r < 0)
        return r;
    if (!facts->apparmor && out->apparmor_profile && strcmp(out->apparmor_profile, "unconfined") == 0)
        out->apparmor_profile = NULL;
    if (!facts->apparmor && out->apparmor_profile)
        return error_refuse(err, "/process/apparmorProfile",
                            "apparmor failed to apply profile \"%.128s\": AppArmor is off on this host",
                            out->apparmor_profile);
    if (!facts->selinux && out->selinux_label)
        return error_refuse(err, "/process/selinuxLabel", "selinux label \"%.128s\": SELinux is off on this host",
                            out->selinux_label);
    return 0;
}

static int plan_scope(struct arena *arena, const struct oci_config *config, const struct facts *facts,
                      const struct plan_request *request, struct plan *plan, struct error *err) {
    if (!request->systemd)
        return 0;
    int r = scope_plan_name(arena, plan->cgroups_path, request->id, request->rootless, &plan->scope, err);
    plan->cgroups_path = NULL;
    return r < 0 ? r
                 : scope_plan_properties(arena, request->id, &config->annotations, &plan->resources, facts->unified,
                                         &plan->scope, err);
}

/*
 * config-linux.md "Cgroup ownership": cgroup2, a cgroup namespace of the container's own, and a writable mount of it.
 * With v1 a delegation would not be safe.
 */
static bool is_delegated(const struct plan *plan, const struct facts *facts) {
    bool writable = false;
    for (size_t i = 0; i < plan->mounts.count; i++) {
        const struct plan_mount *m = &plan->mounts.items[i];
        if (strcmp(m->destination, "/sys/fs/cgroup") != 0)
            continue;
        bool mounts = m->kind == MOUNT_CGROUP || (m->kind == MOUNT_FILESYSTEM && strcmp(m->type, "cgroup2") == 0);
        writable =
            (mounts || (m->kind == MOUNT_REMOUNT && writable)) && !((m->flags.set | m->tree.set) & MOUNT_ATTR_RDONLY);
    }
    return writable && facts->unified && plan->namespaces.modes[NS_CGROUP] == NS_NEW;
}

/* [MAJOR.MINOR.PATCH of semver.org 2.0 is checked by the schema]; only major version 1 is known to mean what we do. */
static int check_version(const struct oci_config *config, struct error *err) {
    if (strncmp(config->oci_version, "1.", 2) != 0)
        return error_refuse(err, "/ociVersion", "ociVersion \"%s\" is not supported: berth knows 1.0.0 to 1.3.0",
                            config->oci_version);
    return 0;
}

int plan_build(struct arena *arena, const struct oci_config *config, const struct facts *facts,
               const struct plan_request *request, struct plan *out, struct error *err) {
    struct plan plan = {
        .id = request->id,
        .bundle = request->bundle,
        .no_pivot = request->no_pivot,
        .keyring = request->keyring,
        .has_process = config->process != NULL,
        .mount_label = mount_label(config, facts),
    };
    int r = check_version(config, err);
    if (r == 0)
        r = plan_cover(arena, &plan, err);
    if (r == 0)
        r = plan_root(arena, config, request, &plan, err);
    if (r == 0)
        r = namespaces_plan(arena, config->linux, &plan.namespaces, err);
    if (r == 0)
        r = plan_names(config, &plan, err);
    if (r == 0)
        r = mounts_plan(arena, config, request->bundle, &plan.namespaces, plan.mount_label, request->extra_mount,
                        &plan.mounts, err);
    if (r == 0)
        r = devices_plan(arena, config->linux, &plan.devices, err);
    if (r == 0)
        r = hooks_plan(arena, config->hooks, &plan.hooks, err);
    if (r == 0 && config->process)
        r = plan_process_of(arena, config->process, facts, request, &plan.process, err);
    plan.process.keep_groups = annotation_keeps_groups(&config->annotations);
    plan.process.cpus_initial = plan.process.cpus_final = NULL; /* for those that join it later */
    if (r == 0 && config->linux)
        r = plan_linux(arena, config->linux, facts, &plan, err);
    if (r == 0)
        r = plan_scope(arena, config, facts, request, &plan, err);
    if (r < 0)
        return r;
    process_warn_caps(plan.process.caps); /* not again by each exec, as of a health check */
    plan.cgroup_delegated = is_delegated(&plan, facts);
    *out = plan;
    return 0;
}

int plan_build_exec(struct arena *arena, const struct oci_process *process, const struct oci_linux *linux_section,
                    const struct facts *facts, bool joins_user, const struct plan_request *request, struct plan *out,
                    struct error *err) {
    struct plan plan = {.id = request->id,
                        .bundle = request->bundle,
                        .keyring = request->keyring,
                        .keyring_is_ours = true,
                        .has_process = true};
    plan.namespaces.modes[NS_USER] = joins_user ? NS_JOIN : NS_INHERIT;
    int r = plan_process_of(arena, process, facts, request, &plan.process, err);
    if (r == 0 && linux_section)
        r = plan_personality(linux_section, &plan, err);
    if (r == 0)
        *out = plan;
    return r;
}
