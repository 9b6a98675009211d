/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace: opening and joining namespaces, id maps, and the small things that belong to a new one. Runs in life
 * (open, map) and init (join, loopback).
 */
#ifndef BERTH_KERNEL_NAMESPACE_H
#define BERTH_KERNEL_NAMESPACE_H

#include "base/error.h"

#include <stdbool.h>
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

/* The kinds (CLONE_NEW* bits) in which process `pid` lives in another namespace than the caller: /proc/PID/ns. */
int namespace_compare(pid_t pid, uint64_t *kinds, struct error *err);

/*
 * Joins those namespaces of a process: one setns(2) on its pidfd (Linux 5.8), or where the kernel refuses that as a
 * whole (a namespace that belongs to an outer user namespace beside one that does not; an older kernel) one by one as
 * namespace_join_all. `pid` is the process of the pidfd in the caller's /proc. -ESRCH: it has ended.
 */
int namespace_join_process(int pidfd, pid_t pid, uint64_t kinds, struct error *err);

struct namespace_map {
    uint32_t inside, outside, size;
};

/* Writes /proc/<pid>/uid_map or gid_map ("uid_map", "gid_map") of a process that nobody else can have the pid of: a
 * child not reaped. */
int namespace_write_map(pid_t pid, const char *file, const struct namespace_map *maps, size_t count, struct error *err);

/*
 * Forbids setgroups(2) in the new user namespace of such a process, for good. Before that an unprivileged writer may
 * not map a group: dropping groups could open files to it that are closed to members (user_namespaces(7), Linux 3.19).
 */
int namespace_deny_groups(pid_t pid, struct error *err);

/*
 * Which uid in the caller's user namespace `inside` is in another one: a process's, or a descriptor's. EINVAL: not
 * mapped there.
 */
int namespace_uid_of(pid_t pid, uid_t inside, uid_t *outside, struct error *err);
int namespace_uid_outside(int user_namespace, uid_t inside, uid_t *outside, struct error *err);

/* Whether the caller lives in the first user namespace of the kernel; not to know (no /proc) counts as that. */
bool namespace_user_is_first(void);

/*
 * For a clone3(2) or unshare(2) of these kinds that gave ENOSPC: which sysctl of user_namespaces is used up, as far as
 * /proc tells, into `hint` (" (...)"); otherwise, and for another error, "".
 */
#define NAMESPACE_HINT_SIZE 320
const char *namespace_hint(int r, uint64_t kinds, char hint[static NAMESPACE_HINT_SIZE]);

/* Sets the loopback interface of the caller's network namespace up. */
int namespace_loopback_up(struct error *err);

#endif
