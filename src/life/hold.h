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

/* Everything but the cgroup part. *out is released by hold_drop, after a failure too. */
int hold_open(struct arena *arena, const struct plan *plan, struct held *out, struct error *err);

/* For standard streams that are the host's /dev/null: another way to it. Part of hold_open; alone for exec. */
int hold_streams(struct held *out, struct error *err);

/* The sources for a mount of type "cgroup"; after cgroup_make. */
int hold_cgroups(struct arena *arena, const struct plan *plan, const struct cgroup *group, struct held *held,
                 struct error *err);

/* Checks that descriptors 3 to 2 + count are there to be handed on, and takes their close-on-exec flag away. */
int hold_preserved(unsigned count, struct error *err);

void hold_init(struct held *held);
void hold_drop(const struct plan *plan, struct held *held);

#endif
