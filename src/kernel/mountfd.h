/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountfd: mounts as file descriptors (fsopen(2), fsmount(2), open_tree(2), move_mount(2): Linux 5.2;
 * mount_setattr(2): 5.12), each verb with the classic call behind it where the new one is missing or forbidden.
 * Targets are descriptors, never strings; the classic calls get them as /proc/self/fd/N, so they work before pivot
 * only, where the host's /proc is still there. Runs in life (clone) and init; needs CAP_SYS_ADMIN in the user namespace
 * that owns the mount namespace.
 */
#ifndef BERTH_KERNEL_MOUNTFD_H
#define BERTH_KERNEL_MOUNTFD_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether the caller is in a chroot whose "/" is no mount point. A chroot into a mount point does not show. */
bool mount_is_chrooted(void);

/* What a failed mount may mean beyond its errno, as " (...)"; "": nothing. */
const char *mount_hint(int r);

struct mount_new {
    const char *type, *source;
    const char *data;            /* "k=v,k,..." for the file system, NULL: none; "\," is a comma within a value */
    uint64_t attributes;         /* MOUNT_ATTR_* */
    unsigned long superblock;    /* MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME */
    unsigned long classic_flags; /* MS_I_VERSION, MS_SILENT: have no name in the new API and force mount(2) */
};

/*
 * Mounts a new file system on the directory target_fd. *mount_fd: O_PATH descriptor of the new mount's root, or -1 when
 * mount(2) had to do it: then the caller resolves the path anew to reach it. The kernel's own message (fs_context log)
 * is in the error.
 */
int mount_filesystem(const struct mount_new *new, int target_fd, int *mount_fd, struct error *err);

/* The same, attached nowhere: -ENOSYS where the kernel lacks the mount API. */
int mount_detached(const struct mount_new *new, int *mount_fd, struct error *err);

/*
 * Sets and clears attributes of a detached mount (`recursive`: of its tree) and sets its propagation, 0: as it is.
 * -ENOSYS: mount_setattr(2) is missing, or forbidden, and the classic calls can change an attached mount only.
 */
int mount_prepare(int tree_fd, uint64_t set, uint64_t clear, bool recursive, unsigned long propagation);

/* A detached copy of the mount (tree) that fd is in, rooted at fd. Descriptor or -errno. */
int mount_clone(int fd, bool recursive);

/* Attaches a detached tree on the target (directory on directory, file on file). 0 or -errno. */
int mount_attach(int tree_fd, int target_fd);

/*
 * Binds source on target, both descriptors of the caller's mount namespace. *mount_fd: as mount_filesystem. 0 or
 * -errno.
 */
int mount_bind_onto(int source_fd, int target_fd, bool recursive, int *mount_fd);

/*
 * Sets and clears attributes of the attached mount whose root mount_fd is; `recursive`: of all mounts below too.
 * Without mount_setattr each mount is remounted with its other flags kept: not all at once.
 * 0 or -errno.
 */
int mount_change(int mount_fd, uint64_t set, uint64_t clear, bool recursive);

/* The same of one mount, which gets no mounts from its peers any more (MS_PRIVATE). 0 or -errno. */
int mount_seclude(int mount_fd, uint64_t set);

/* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, [| MS_REC]. 0 or -errno. */
int mount_propagation(int mount_fd, unsigned long propagation);

/* The same for the mount at "/": works without /proc, so behind pivot too. */
int mount_propagation_root(unsigned long propagation);

/* Reconfigures the superblock of a mount (fspick): data and superblock flags as in mount_new. */
int mount_reconfigure(int mount_fd, const char *data, unsigned long superblock, struct error *err);

/* Test hook: true takes the classic calls although the new ones work. */
void mount_force_classic(bool force);

#endif
