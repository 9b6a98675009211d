/* SPDX-License-Identifier: Apache-2.0 */
/* spawn: see spawn.h. */
#include "kernel/spawn.h"

#include "kernel/namespace.h"
#include "kernel/sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

pid_t spawn_process(const struct spawn *spawn, int *pidfd, struct error *err) {
    int fd = -1;
    struct clone_args args = {
        .flags = spawn->flags | (uint64_t)CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&fd,
        /* With CLONE_PARENT the signal is the one of the caller itself and must be 0 here (clone(2)). */
        .exit_signal = spawn->flags & CLONE_PARENT ? 0 : SIGCHLD,
    };
    if (spawn->cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned)spawn->cgroup_fd;
    }
    int pid = sys_clone3(&args);
    if (pid < 0) {
        char hint[NAMESPACE_HINT_SIZE];
        return error_code(err, -pid, "clone3%s", namespace_hint(pid, spawn->flags, hint));
    }
    if (pid > 0)
        *pidfd = fd;
    return pid;
}

_Noreturn void spawn_linger(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sys_close_range(0, ~0u);
    while (getppid() == parent)
        pause();
    _exit(0);
}
