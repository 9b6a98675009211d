/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold: opens what the plan names on the host: root, bind sources, namespaces, device nodes. The one place below cli
 * where host paths are looked up. Runs in life; sources are cloned as detached trees where the caller may.
 */
#ifndef BERTH_LIFE_HOLD_H
#define BERTH_LIFE_HOLD_H

#include "base/arena.h"
#include "base/error.h"
#include "init/held.h"
#include "kernel/cgroup.h"
#include "plan/plan.h"

/*
 * Whether the root file system and bind sources are cloned in the container's mount namespace, once that is there
 * (life/inside.h). In a mount namespace that another user namespace than ours owns, the mounts copied from ours are
 * locked (mount_namespaces(7), "Restrictions on mount namespaces"): the host's read-only, nosuid and nodev cannot be
 * taken off there, nor what it has covered be uncovered. A tree that was cloned in ours would carry no such lock.
 *
 * A mount namespace that is joined has no copies of our mounts, so no locks are to be had: trees are cloned in ours,
 * and who is root of its user namespace, with the right to mount, may undo what they carry. One that is the caller's
 * own belongs to the caller's user namespace: the container's root has no right to mount there.
 */
bool hold_inside(const struct plan *plan);

/* Everything but the cgroup part. *out is released by hold_drop, after a failure too. */
int hold_open(struct arena *arena, const struct plan *plan, struct held *out, struct error *err);

/* For standard streams that are the host's /dev/null: another way to it. Part of hold_open; alone for exec. */
int hold_streams(struct held *out, struct error *err);

/* The sources for a mount of type "cgroup"; after cgroup_make. */
int hold_cgroups(struct arena *arena, const struct plan *plan, const struct cgroup *group, struct held *held,
                 struct error *err);

/* Maps the ids of mounts that ask for it; after their trees are cloned. hold_open does it unless hold_inside. */
int hold_map(const struct plan *plan, const struct held *held, struct error *err);

/* Says in *err which source it is about, as hold_open does: name, step, place in the config. Index: held_source_at. */
int hold_blame(const struct plan *plan, size_t index, struct error *err);

/* Checks that descriptors 3 to 2 + count are there to be handed on, and takes their close-on-exec flag away. */
int hold_preserved(unsigned count, struct error *err);

void hold_init(struct held *held);
void hold_drop(const struct plan *plan, struct held *held);

#endif
