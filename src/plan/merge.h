/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge: what an update makes of a container's linux.resources: the old ones, and over them what the update names.
 * Pure: no privilege, no system call. Whether the result can be had is for resources_plan to say.
 */
#ifndef BERTH_PLAN_MERGE_H
#define BERTH_PLAN_MERGE_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

struct oci_resources;

/*
 * *out: a new value in the arena, whose strings and lists are borrowed from `old` (may be NULL) and `change`.
 *
 * A zero, "" or an empty list in the change stands for "as it is", as engines write it, but where these are wishes of
 * their own: swappiness, burst, idle, and the switches. A memory limit of -1 takes the limit of memory and swap
 * together off as well, unless the change has one. Device rules, kernel and kernelTCP never change.
 */
int merge_resources(struct arena *arena, const struct oci_resources *old, const struct oci_resources *change,
                    const struct oci_resources **out, struct error *err);

/* Whether the change names the property at this JSON pointer of the config ("/linux/resources/memory/limit"). */
bool merge_names(const struct oci_resources *change, const char *place);

#endif
