/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn: a new process by clone3(2) (Linux 5.3; CLONE_INTO_CGROUP 5.7), or else by clone(2) (with a pidfd: 5.2). Runs
 * in life, and in init for a process in between.
 */
#ifndef BERTH_KERNEL_SPAWN_H
#define BERTH_KERNEL_SPAWN_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct spawn {
    uint64_t flags; /* CLONE_NEW*, CLONE_PARENT, CLONE_FILES */
    int cgroup_fd;  /* directory of a cgroup2 group to be born in; -1: the caller's */
};

/*
 * As fork(2): returns 0 in the child, the pid in the parent with *pidfd (O_CLOEXEC), or a negative errno.
 * The child shares nothing but copies (with CLONE_FILES the table of descriptors); C library state that is tied to a
 * thread id is stale in it: it must not use threads, raise() or abort handlers, and ends by exec or _exit.
 */
pid_t spawn_process(const struct spawn *spawn, int *pidfd, struct error *err);

/*
 * The rest of a child that is only there to be in its namespaces: without a descriptor (a lock of its parent's would
 * stay with it), until the parent, which was `parent` before the spawn, kills it or ends. To be called last: a change
 * of credentials, as by setns(2), takes PDEATHSIG back.
 */
_Noreturn void spawn_linger(pid_t parent);

#endif
