/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope: the transient unit of systemd that stands for a container's cgroup: its name, where its cgroup is, and its
 * properties. Pure. systemd.scope(5), systemd.resource-control(5), systemd.slice(5); the form of cgroupsPath, and the
 * annotations, are the peers'.
 */
#ifndef BERTH_PLAN_SCOPE_H
#define BERTH_PLAN_SCOPE_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct oci_string_map;
struct plan_resources;
struct resource_write;

#define SCOPE_ANNOTATION "org.systemd.property." /* how the names of annotations begin that set a unit's properties */
#define SCOPE_OWNER "berth container "           /* how the description of each of our units begins */

/* One property of a unit; the form of the value is that of berth-systemd's requests (systemd/main.c). */
struct scope_property {
    const char *name, *signature, *value;
    bool optional; /* the cgroup's files say the same: where this systemd does not know it, it is left out */
};

struct scope_properties {
    struct scope_property *items;
    size_t count, room;
};

struct plan_scope {
    const char *unit;                   /* "berth-c1.scope"; NULL: systemd is not asked */
    const char *slice;                  /* "machine.slice" */
    const char *path;                   /* of its cgroup below the manager's own: "/machine.slice/berth-c1.scope" */
    struct scope_properties properties; /* for StartTransientUnit, but for the process */
};

/* "SLICE:PREFIX:NAME"; NULL: ":berth:ID". An empty slice is system.slice, for an ordinary user's manager user.slice. */
int scope_plan_name(struct arena *arena, const char *cgroups_path, const char *id, bool rootless,
                    struct plan_scope *out, struct error *err);

/*
 * The rest. Limits come from the writes into the cgroup's files, so that systemd and the files say the same; what
 * systemd has no property for is in the files alone. `annotations`: those of the config, "org.systemd.property.*" among
 * them.
 */
int scope_plan_properties(struct arena *arena, const char *id, const struct oci_string_map *annotations,
                          const struct plan_resources *resources, bool unified, struct plan_scope *scope,
                          struct error *err);

/* The limits alone, from any writes (an update). */
int scope_plan_limits(struct arena *arena, const struct resource_write *writes, size_t count,
                      struct scope_properties *out, struct error *err);

#endif
