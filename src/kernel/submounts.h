/* SPDX-License-Identifier: Apache-2.0 */
/*
 * submounts: the mounts in a tree, one by one, for where the kernel does not change all of them in one call
 * (mount_setattr(2) with AT_RECURSIVE: Linux 5.12). Reads the caller's /proc/self/mountinfo (proc_pid_mountinfo(5)), so
 * init uses it before pivot only. Needs no privilege of its own.
 */
#ifndef BERTH_KERNEL_SUBMOUNTS_H
#define BERTH_KERNEL_SUBMOUNTS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Calls `each` with an O_PATH descriptor (borrowed) of the root of every mount in the tree whose root mount_fd is, that
 * one first; ends with the first that fails. A mount that another one covers completely cannot be reached: its cover is
 * visited in its place. 0 or -errno; -EXDEV when a mount is not where mountinfo says, -E2BIG above 1024 mounts,
 * -EOPNOTSUPP before Linux 5.8.
 */
int submounts_visit(int mount_fd, int (*each)(void *context, int fd), void *context);

/*
 * Calls `each` with every mount point of the caller's mount namespace below the directory `path` (absolute, without
 * links), as a path from there on, in mountinfo's order; ends with the first that fails. 0 or -errno.
 */
int submounts_below(const char *path, int (*each)(void *context, const char *below), void *context);

/* The caller's /proc/self/mountinfo, in a buffer that the caller frees. 0 or -errno. */
int mountinfo_read(char **text);

/* Whether the mount with that id (sys_mount_id) is in such a text; NULL lists nothing. */
bool mountinfo_lists(const char *text, uint64_t id);

#endif
