/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats: what the kernel has counted for a container, as the JSON object that `events` prints. It is read from the
 * files of its cgroups (cgroups(7); Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel), those of the
 * container itself, which are the kernel's own: sub-cgroups, whose names a container chooses, are not looked at. Runs
 * in life; needs no privilege.
 */
#ifndef BERTH_LIFE_STATS_H
#define BERTH_LIFE_STATS_H

#include "base/error.h"
#include "kernel/cgroup.h"

#include <stdio.h>

/*
 * Writes the object, in one line without a newline. What the kernel does not count (no such controller, no such file)
 * is 0 or empty; "psi" is left out then. A file that is not as it is documented to be: EBADMSG. Running out of memory
 * is noted by the stream alone.
 */
int stats_write(const struct cgroup *group, FILE *out, struct error *err);

/* Writes a JSON string: text of ASCII as it is, all else escaped byte by byte. */
void stats_write_string(FILE *out, const char *text, size_t len);

#endif
