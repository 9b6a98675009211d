/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procfs: a /proc that can be trusted. Either an instance of our own (fsopen) or one whose root was checked to be the
 * root of a procfs. Files are opened beneath it without crossing into what somebody mounted over them and without
 * following links (openat2; else by the mount id of statx or fdinfo, and refused where there is neither), and are
 * checked to be on procfs once more. CVE-2019-16884, CVE-2025-52881. Runs in life and init.
 */
#ifndef BERTH_KERNEL_PROCFS_H
#define BERTH_KERNEL_PROCFS_H

#include "base/error.h"
#include "base/own.h"

#include <stddef.h>
#include <sys/types.h>

struct procfs {
    int fd; /* the root directory, O_PATH or a detached mount */
};

#define PROCFS_INIT                                                                                                    \
    { .fd = -1 }
static inline void procfs_drop(struct procfs *proc) {
    fd_drop(&proc->fd);
}
#define own_procfs own(procfs_drop) struct procfs

/* The procfs that is attached at /proc, the host's in most cases, verified (root inode of a procfs). */
int procfs_open_host(struct procfs *out, struct error *err);

/*
 * A private instance for the pid namespace of the caller: detached, seen by nobody else. Falls back to the verified
 * /proc where the mount API is missing or the kernel refuses (a user namespace that sees no full /proc; AppArmor).
 */
int procfs_open_private(struct procfs *out, struct error *err);

/* Opens `path` (relative, "sys/kernel/hostname", "self/attr/exec") beneath it; descriptor or -errno. */
int procfs_open(const struct procfs *proc, const char *path, int flags);

/* Writes `value` in one write(2); 0 or -errno. */
int procfs_write(const struct procfs *proc, const char *path, const char *value);

/* Reads a small file, cut of trailing newlines; 0 or -errno. */
int procfs_read(const struct procfs *proc, const char *path, char *buffer, size_t size);

#endif
