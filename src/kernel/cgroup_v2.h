/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_v2: what only cgroup2 has (Documentation/admin-guide/cgroup-v2.rst). Private to cgroup.c. Runs in life.
 * `dirfd` is the (O_PATH) descriptor of a cgroup directory. Functions without `struct error` return 0 or -errno.
 */
#ifndef BERTH_KERNEL_CGROUP_V2_H
#define BERTH_KERNEL_CGROUP_V2_H

#include "base/error.h"
#include "kernel/cgroup.h"

#include <stdbool.h>
#include <stdint.h>

/* The caller's cgroup out of the text of /proc/self/cgroup: a part of that text, *len bytes; NULL without cgroup2. */
const char *cgroup_v2_own(const char *text, size_t *len);

/*
 * Enables a controller for the directory: "+controller" in the cgroup.subtree_control of its parent, and of as many
 * ancestors above as do not pass it on yet. ENODEV with a text when the kernel or a permission denies it.
 */
int cgroup_v2_enable(const struct cgroup_dir *dir, const char *controller, struct error *err);

/*
 * The same for every controller that the mount has, so that all is counted that others (`podman stats`, a kubelet) look
 * for. As far as the kernel and permissions let it: nobody has asked for any of them yet. `path` has no leading slash.
 */
void cgroup_v2_enable_all(int mount, const char *path);

/* cgroup.events: processes in it or below; frozen, by itself or by an ancestor. */
int cgroup_v2_events(int dirfd, bool *populated, bool *frozen);

/* Waits until no process is left in it or below: ETIMEDOUT when the deadline (cgroup_files_now) passes first. */
int cgroup_v2_wait_empty(int dirfd, int64_t deadline);

/*
 * cgroup.freeze (Linux 5.2). Freezing is taken back when it does not end by the deadline (ETIMEDOUT), and when the last
 * process has ended meanwhile (ESRCH).
 */
int cgroup_v2_freeze(int dirfd, bool freeze, int64_t deadline);

/* SIGKILL to all of it at once (cgroup.kill, Linux 5.14); ENOENT on older kernels. */
int cgroup_v2_kill(int dirfd);

#endif
