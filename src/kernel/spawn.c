/* SPDX-License-Identifier: Apache-2.0 */
/* spawn: see spawn.h. */
#include "kernel/spawn.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/namespace.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* With CLONE_PARENT the signal is the one of the caller itself and must be 0 here (clone(2)). */
static unsigned exit_signal(const struct spawn *spawn) {
    return spawn->flags & CLONE_PARENT ? 0 : SIGCHLD;
}

static int spawn_modern(const struct spawn *spawn, int *pidfd) {
    struct clone_args args = {
        .flags = spawn->flags | (uint64_t)CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = exit_signal(spawn),
    };
    if (spawn->cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned)spawn->cgroup_fd;
    }
    return sys_clone3(&args);
}

static int refuse(const struct spawn *spawn, const char *call, int r, struct error *err) {
    char hint[NAMESPACE_HINT_SIZE];
    return error_code(err, -r, "%s%s", call, namespace_hint(r, spawn->flags, hint));
}

/* ---- without clone3 ---- */

static int enter_cgroup(int cgroup_fd, pid_t pid) {
    char text[16];
    int len = snprintf(text, sizeof text, "%d", (int)pid);
    own_fd fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd_write_all(fd, text, (size_t)len);
}

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
}

/* The new process does nothing before we have moved it, so it is as if it was born in the cgroup. */
static int spawn_moved(const struct spawn *spawn, int *pidfd) {
    int ends[2];
    char word = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    own_fd moved = ends[0], mover = ends[1];
    pid_t pid = sys_clone(spawn->flags, exit_signal(spawn), pidfd);
    if (pid == 0) {
        fd_drop(&mover);
        if (fd_read(moved, &word, 1) != 1) /* the other has died, or could not move us */
            _exit(1);
        return 0;
    }
    if (pid < 0)
        return pid;
    int r = enter_cgroup(spawn->cgroup_fd, pid);
    if (r == 0)
        r = fd_write_all(mover, &word, 1);
    if (r == 0)
        return pid;
    end(pid);
    fd_drop(pidfd);
    return r;
}

/* By clone(2). Its flags have no room for CLONE_NEWTIME, and before Linux 5.2 it gives no pidfd. */
static int spawn_classic(const struct spawn *spawn, int *pidfd, struct error *err) {
    if (spawn->flags & CLONE_NEWTIME)
        return error_set(err, ENOSYS, "a new time namespace needs clone3(2), which is missing or forbidden here");
    int pid = spawn->cgroup_fd >= 0 ? spawn_moved(spawn, pidfd) : sys_clone(spawn->flags, exit_signal(spawn), pidfd);
    if (pid < 0)
        return refuse(spawn, "clone", pid, err);
    if (pid == 0 || *pidfd >= 0)
        return pid;
    end(pid);
    return error_set(err, ENOSYS, "clone(2) gives no pidfd: Linux 5.2 is needed");
}

pid_t spawn_process(const struct spawn *spawn, int *pidfd, struct error *err) {
    int fd = -1;
    int pid = spawn_modern(spawn, &fd);
    if (pid == -ENOSYS || pid == -EPERM || pid == -E2BIG) { /* E2BIG: Linux 5.3 to 5.6 take no cgroup */
        fd = -1;                                            /* a clone3 that fails may have written a number */
        pid = spawn_classic(spawn, &fd, err);
    } else if (pid < 0) {
        refuse(spawn, "clone3", pid, err);
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
