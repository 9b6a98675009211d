/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_v1: what only the hierarchies of cgroup v1 have (Documentation/admin-guide/cgroup-v1). Private to cgroup.c.
 * Runs in life. `dirfd` is the (O_PATH) descriptor of a cgroup directory. All return 0 or -errno and set no text.
 */
#ifndef BERTH_KERNEL_CGROUP_V1_H
#define BERTH_KERNEL_CGROUP_V1_H

#include "kernel/cgroup_files.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether "cpu,cpuacct" names "cpu". */
bool cgroup_v1_has(const char *controllers, const char *controller);

/*
 * cpuset: a directory takes no process before cpuset.cpus and cpuset.mems are set. Gives every directory from the
 * mount down to path what its parent has, where it has nothing of its own.
 */
int cgroup_v1_seed_cpuset(int mount, const char *path);

/* freezer.state FROZEN or FREEZING, by itself or by an ancestor. */
int cgroup_v1_frozen(int dirfd, bool *frozen);

/*
 * freezer.state. Freezing that does not end by the deadline (cgroup_files_now) is taken back: ETIMEDOUT. A group that
 * stays frozen since an ancestor is: EBUSY.
 */
int cgroup_v1_freeze(int dirfd, bool freeze, int64_t deadline);

/* Thaws the freezer's directory and all below it: a payload may have frozen sub-cgroups, and their tasks cannot die. */
void cgroup_v1_thaw_tree(int dirfd);

/*
 * Waits for a process of the directory to end, or for a moment where there are no pidfds (Linux 5.3) or no process is
 * listed any more: the kernel takes a task off its cgroup a little after its end, and v1 tells nobody.
 */
int cgroup_v1_wait(int dirfd, int64_t deadline);

#endif
