/* SPDX-License-Identifier: Apache-2.0 */
/* namespaces: see namespaces.h. Pure. */
#include "plan/namespaces.h"

#include "oci_types.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>

#define MAPPINGS_MAX 340 /* user_namespaces(7), since Linux 4.15 */

static const struct {
    const char *name;
    uint64_t flag;
    enum oci_namespace_type type;
} kinds[NS_COUNT] = {
    [NS_USER] = {"user", CLONE_NEWUSER, OCI_NAMESPACE_TYPE_USER},
    [NS_MOUNT] = {"mount", CLONE_NEWNS, OCI_NAMESPACE_TYPE_MOUNT},
    [NS_PID] = {"pid", CLONE_NEWPID, OCI_NAMESPACE_TYPE_PID},
    [NS_NETWORK] = {"network", CLONE_NEWNET, OCI_NAMESPACE_TYPE_NETWORK},
    [NS_IPC] = {"ipc", CLONE_NEWIPC, OCI_NAMESPACE_TYPE_IPC},
    [NS_UTS] = {"uts", CLONE_NEWUTS, OCI_NAMESPACE_TYPE_UTS},
    [NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP, OCI_NAMESPACE_TYPE_CGROUP},
    [NS_TIME] = {"time", CLONE_NEWTIME, OCI_NAMESPACE_TYPE_TIME},
};

const char *ns_name(enum ns_kind kind) {
    return kinds[kind].name;
}

uint64_t ns_flag(enum ns_kind kind) {
    return kinds[kind].flag;
}

void spawn_recipe_make(const enum ns_mode modes[static NS_COUNT], struct spawn_recipe *out) {
    uint64_t join = 0, made = 0;
    for (int k = 0; k < NS_COUNT; k++) {
        if (modes[k] == NS_JOIN)
            join |= kinds[k].flag;
        else if (modes[k] == NS_NEW)
            made |= kinds[k].flag;
    }
    const bool mounts_first = modes[NS_MOUNT] == NS_NEW && modes[NS_USER] == NS_INHERIT;
    const uint64_t late = CLONE_NEWCGROUP | (modes[NS_USER] == NS_INHERIT ? 0 : CLONE_NEWIPC);
    *out = (struct spawn_recipe){
        .join = join,
        .clone = made & ~(late | (mounts_first ? CLONE_NEWNS : 0)),
        .mounts_first = mounts_first,
        .unshare = made & late,
        .map_ids = modes[NS_USER] == NS_NEW,
    };
    /*
     * Three reasons for a process in between:
     *  - a joined pid namespace holds only for the children of the one that joins it (pid_namespaces(7));
     *  - a new user namespace takes away the right to join what belongs to its parent, so joining comes first;
     *  - what is new beside a joined user namespace must be made in there, to belong to it.
     */
    out->refork =
        modes[NS_PID] == NS_JOIN || (modes[NS_USER] == NS_NEW && join) || (modes[NS_USER] == NS_JOIN && out->clone);
}

static int kind_of(enum oci_namespace_type type) {
    for (int k = 0; k < NS_COUNT; k++)
        if (kinds[k].type == type)
            return k;
    return -1;
}

int namespaces_plan_mappings(struct arena *arena, const struct oci_id_mapping_array *in, const char *list,
                             const struct plan_id_mapping **out, size_t *count, struct error *err) {
    char place[96];
    if (in->count > MAPPINGS_MAX)
        return error_refuse(err, list, "%zu id mappings: the kernel takes %d", in->count, MAPPINGS_MAX);
    struct plan_id_mapping *items = arena_array(arena, in->count, sizeof *items);
    if (!items)
        return error_memory(err);
    for (size_t i = 0; i < in->count; i++) {
        const struct oci_id_mapping *m = &in->items[i];
        items[i] = (struct plan_id_mapping){.inside = m->container_id, .outside = m->host_id, .size = m->size};
        snprintf(place, sizeof place, "%.60s/%zu", list, i);
        if (m->size == 0)
            return error_refuse(err, place, "an id mapping of size 0 maps nothing");
        if (m->container_id > UINT32_MAX - m->size || m->host_id > UINT32_MAX - m->size)
            return error_refuse(err, place, "id mapping %u %u %u goes beyond the largest id", m->container_id,
                                m->host_id, m->size);
        for (size_t k = 0; k < i; k++) {
            const struct plan_id_mapping *o = &items[k];
            if ((m->container_id < o->inside + o->size && o->inside < m->container_id + m->size) ||
                (m->host_id < o->outside + o->size && o->outside < m->host_id + m->size))
                return error_refuse(err, place, "id mapping overlaps the one of row %zu", k);
        }
    }
    *out = items;
    *count = in->count;
    return 0;
}

static int plan_mappings(struct arena *arena, const struct oci_id_mapping_array *in, const char *place, bool allowed,
                         const struct plan_id_mapping **out, size_t *count, struct error *err) {
    if (in->count > 0 && !allowed)
        return error_refuse(err, place, "%s need a user namespace in linux.namespaces", place + strlen("/linux/"));
    return in->count > 0 ? namespaces_plan_mappings(arena, in, place, out, count, err) : 0;
}

static int plan_rows(const struct oci_linux *section, struct plan_namespaces *out, struct error *err) {
    char place[64];
    for (size_t i = 0; i < section->namespaces.count; i++) {
        const struct oci_namespace *row = &section->namespaces.items[i];
        snprintf(place, sizeof place, "/linux/namespaces/%zu", i);
        int k = kind_of(row->type);
        if (k < 0)
            return error_refuse(err, place, "namespace has no type");
        if (out->modes[k] != NS_INHERIT)
            return error_refuse(err, place, "duplicate namespace type \"%s\"", kinds[k].name);
        out->index[k] = (unsigned)i;
        out->modes[k] = NS_NEW;
        if (row->path && *row->path) {
            if (*row->path != '/')
                return error_refuse(err, place, "namespace path \"%s\" is not absolute", row->path);
            out->modes[k] = NS_JOIN;
            out->paths[k] = row->path;
        }
    }
    return 0;
}

int namespaces_plan(struct arena *arena, const struct oci_linux *section, struct plan_namespaces *out,
                    struct error *err) {
    struct plan_namespaces ns = {.uids = NULL};
    if (section) {
        int r = plan_rows(section, &ns, err);
        if (r < 0)
            return r;
        if (section->time_offsets.count > 0)
            return error_refuse(err, "/linux/timeOffsets", "linux.timeOffsets is not supported yet");
        bool allowed = ns.modes[NS_USER] != NS_INHERIT;
        r = plan_mappings(arena, &section->uid_mappings, "/linux/uidMappings", allowed, &ns.uids, &ns.uid_count, err);
        if (r == 0)
            r = plan_mappings(arena, &section->gid_mappings, "/linux/gidMappings", allowed, &ns.gids, &ns.gid_count,
                              err);
        if (r < 0)
            return r;
    }
    if (ns.modes[NS_USER] == NS_NEW && (ns.uid_count == 0 || ns.gid_count == 0))
        return error_refuse(err, ns.uid_count ? "/linux/gidMappings" : "/linux/uidMappings",
                            "a new user namespace needs uidMappings and gidMappings");
    spawn_recipe_make(ns.modes, &ns.recipe);
    *out = ns;
    return 0;
}

static bool map_id(const struct plan_id_mapping *items, size_t count, uint32_t inside, uint32_t *outside) {
    for (size_t i = 0; i < count; i++) {
        if (inside >= items[i].inside && inside - items[i].inside < items[i].size) {
            *outside = items[i].outside + (inside - items[i].inside);
            return true;
        }
    }
    return false;
}

bool namespaces_map_uid(const struct plan_namespaces *ns, uint32_t inside, uint32_t *outside) {
    *outside = inside;
    return ns->uid_count == 0 || map_id(ns->uids, ns->uid_count, inside, outside);
}

bool namespaces_map_gid(const struct plan_namespaces *ns, uint32_t inside, uint32_t *outside) {
    *outside = inside;
    return ns->gid_count == 0 || map_id(ns->gids, ns->gid_count, inside, outside);
}
