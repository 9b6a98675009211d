/* SPDX-License-Identifier: Apache-2.0 */
/* idmap: see idmap.h. */
#include "kernel/idmap.h"

#include "base/own.h"
#include "kernel/process.h"
#include "kernel/spawn.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif

static int open_mapped(pid_t pid, const struct namespace_map *uids, size_t uid_count, const struct namespace_map *gids,
                       size_t gid_count, int *fd, struct error *err) {
    char path[40];
    int r = namespace_write_map(pid, "uid_map", uids, uid_count, err);
    if (r == 0)
        r = namespace_write_map(pid, "gid_map", gids, gid_count, err);
    if (r < 0)
        return r;
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
    return namespace_open(path, CLONE_NEWUSER, fd, err);
}

int idmap_namespace(const struct namespace_map *uids, size_t uid_count, const struct namespace_map *gids,
                    size_t gid_count, int *fd, struct error *err) {
    const struct spawn spawn = {.flags = CLONE_NEWUSER, .cgroup_fd = -1};
    own_fd pidfd = -1;
    int status;
    const pid_t parent = getpid();
    pid_t pid = spawn_process(&spawn, &pidfd, err);
    if (pid < 0)
        return pid;
    if (pid == 0)
        spawn_linger(parent); /* only there to own the namespace until it is held */
    int r = open_mapped(pid, uids, uid_count, gids, gid_count, fd, err);
    (void)process_signal(pidfd, SIGKILL);
    (void)process_reap(pidfd, &status);
    return r;
}

int idmap_apply(int tree_fd, int user_namespace, bool recursive) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)user_namespace};
    unsigned flags = AT_EMPTY_PATH | (recursive ? (unsigned)AT_RECURSIVE : 0u);
    return sys_mount_setattr(tree_fd, "", flags, &attributes, sizeof attributes);
}
