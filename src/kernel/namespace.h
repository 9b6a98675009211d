/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace: opening and joining namespaces, id maps, and the small things that belong to a new one. Runs in life
 * (open, map) and init (join, loopback).
 */
#ifndef BERTH_KERNEL_NAMESPACE_H
#define BERTH_KERNEL_NAMESPACE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens a namespace by path and checks with NS_GET_NSTYPE (ioctl_ns(2), Linux 4.11) that it is one of `flag`
 * (CLONE_NEW*). EINVAL with a clear text otherwise.
 */
int namespace_open(const char *path, uint64_t flag, int *fd, struct error *err);

struct namespace_join {
    int fd;
    uint64_t flag;
    const char *name;
};

/*
 * Joins all of them. The user namespace comes after those that the caller may join as it is, and before those that it
 * may join only from inside (EPERM before): the same order serves root and the unprivileged.
 */
int namespace_join_all(const struct namespace_join *joins, size_t count, struct error *err);

struct namespace_map {
    uint32_t inside, outside, size;
};

/* Writes /proc/<pid>/uid_map or gid_map ("uid_map", "gid_map") of a process that nobody else can have the pid of: a child not reaped. */
int namespace_write_map(pid_t pid, const char *file, const struct namespace_map *maps, size_t count, struct error *err);

/* Sets the loopback interface of the caller's network namespace up. */
int namespace_loopback_up(struct error *err);

#endif
