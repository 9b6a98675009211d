/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespaces: linux.namespaces as a spawn recipe: which process joins what, what clone3 makes, whether a process in
 * between is needed. A pure function of 8 kinds x {inherit, new, join}; every one of the 6,561 cases is tested.
 * namespaces(7), clone(2), setns(2), user_namespaces(7), pid_namespaces(7), time_namespaces(7).
 */
#ifndef BERTH_PLAN_NAMESPACES_H
#define BERTH_PLAN_NAMESPACES_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oci_linux;

enum ns_kind { NS_USER, NS_MOUNT, NS_PID, NS_NETWORK, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME, NS_COUNT };
enum ns_mode { NS_INHERIT, NS_NEW, NS_JOIN };

/* The word of the config ("network") and the CLONE_NEW* flag of a kind. */
const char *ns_name(enum ns_kind kind);
uint64_t ns_flag(enum ns_kind kind);

struct spawn_recipe {
    /*
     * Somebody joins the namespaces in `join` (CLONE_NEW* bits): with `refork` a process in between that then clones
     * the init process with CLONE_PARENT, otherwise the init process itself, first of all.
     */
    uint64_t join;
    bool refork;
    /* Flags for the clone3 that makes the init process. Never CLONE_NEWCGROUP: its root is taken from the cgroup that
     * the cloning process is in (cgroup_namespaces(7)), so it is unshared once the init process is in its own. */
    uint64_t clone;
    /* By the init process, once it is in its cgroup and root of its user namespace: CLONE_NEWCGROUP; with a user
     * namespace CLONE_NEWIPC as well, whose mqueue file system belongs to the user that makes it. */
    uint64_t unshare;
    /*
     * The init process is born in the runtime's mount namespace, makes its mounts there as detached trees, and enters
     * its own mount namespace after that (init/mounts.c). Behind a user namespace it has no right to clone a tree of
     * the host, so there it is born in its own.
     */
    bool mounts_first;
    bool map_ids; /* a new user namespace: life writes uid_map and gid_map before the init process goes on */
};

void spawn_recipe_make(const enum ns_mode modes[static NS_COUNT], struct spawn_recipe *out);

struct plan_id_mapping {
    uint32_t inside, outside, size;
};

struct plan_namespaces {
    enum ns_mode modes[NS_COUNT];
    const char *paths[NS_COUNT]; /* of a joined one */
    unsigned index[NS_COUNT];    /* row in linux.namespaces, for messages */
    struct spawn_recipe recipe;
    const struct plan_id_mapping *uids, *gids;
    size_t uid_count, gid_count;
};

/* Refuses duplicates, relative paths, mappings without a user namespace or of size 0, overlaps. */
int namespaces_plan(struct arena *arena, const struct oci_linux *linux_section, struct plan_namespaces *out,
                    struct error *err);

struct oci_id_mapping_array;
/* A list of mappings, checked; `place`: JSON pointer of the list. */
int namespaces_plan_mappings(struct arena *arena, const struct oci_id_mapping_array *in, const char *place,
                             const struct plan_id_mapping **out, size_t *count, struct error *err);

/* The id outside that `inside` maps to; false when unmapped. Without a new user namespace ids map to themselves. */
bool namespaces_map_uid(const struct plan_namespaces *ns, uint32_t inside, uint32_t *outside);
bool namespaces_map_gid(const struct plan_namespaces *ns, uint32_t inside, uint32_t *outside);

#endif
