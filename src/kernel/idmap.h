/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap: id-mapped mounts (mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12). Runs in life; needs CAP_SYS_ADMIN in the
 * user namespace of the file system.
 */
#ifndef BERTH_KERNEL_IDMAP_H
#define BERTH_KERNEL_IDMAP_H

#include "base/error.h"
#include "kernel/namespace.h"

#include <stdbool.h>
#include <stddef.h>

/* A user namespace that exists only to carry these maps; its descriptor. */
int idmap_namespace(const struct namespace_map *uids, size_t uid_count, const struct namespace_map *gids,
                    size_t gid_count, int *fd, struct error *err);

/* Maps the ids of a detached tree as the user namespace says; `recursive`: of all mounts in it. 0 or -errno. */
int idmap_apply(int tree_fd, int user_namespace, bool recursive);

#endif
