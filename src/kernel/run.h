/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: one helper program (a hook, newuidmap) from exec to its end, with a deadline. Runs in life and in init before
 * and after pivot, in processes of one thread; allocates nothing, so it may run inside a container's cgroup.
 */
#ifndef BERTH_KERNEL_RUN_H
#define BERTH_KERNEL_RUN_H

#include "base/error.h"
#include "base/own.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_program {
    const char *path;        /* as for execve, seen from root_fd and the working directory */
    const char *const *argv; /* NULL-terminated, not empty */
    const char *const *envp; /* NULL-terminated */
    int stdin_fd;            /* dup'ed to 0; -1: an input that is at its end. Rewound (lseek) first where it can seek */
    int directory_fd;        /* working directory, -1: as the caller's */
    int keep_fd;             /* stays open in the program, too, as its 3: a lock of the caller's. 0 or less: none */
    int64_t timeout_ms;      /* 0: none */
    int cancel_fd; /* readable: the caller wants it ended, as at the deadline; never read from. 0 or less: none */
    int root_fd;   /* root directory, where the path, an interpreter and libraries are found. 0 or less: as the caller's
                    */
    int (*confine)(const void *context); /* what the new process does to itself last; -errno: it fails. NULL: nothing */
    const void *context;
    int output_fd, error_fd; /* dup'ed to 1 and 2, which are not drained then. 0 or less: into result->output */
};

#define RUN_OUTPUT_MAX 4096

struct run_result {
    int status; /* as waitpid gives it */
    bool timed_out, cancelled;
    int64_t elapsed_ms;
    size_t output_len;
    char output[RUN_OUTPUT_MAX + 1]; /* the last bytes of stdout and stderr together, terminated */
};

/*
 * Starts the program in a session of its own, default signal dispositions, empty signal mask, no descriptor but 0-2
 * (and keep_fd), no PDEATHSIG (fork clears it); waits on its pidfd while it drains stdout and stderr into
 * result->output (a flood keeps memory flat). When the program has ended, what the pipe holds at that moment is still
 * read, and nothing else is waited for: a descendant that goes on is left alone, but its output has no reader any more
 * (EPIPE). At the deadline the program's process group is killed, descendants too, and `timed_out` is set; so with
 * `cancelled`.
 *
 * The status is never lost to an ignored SIGCHLD (see run_children_hold); no zombie is left. Should a killed program
 * not end within two seconds (a dead file system), it is given up: status SIGKILL, and whoever reaps our orphans
 * reaps it.
 *
 * Returns 0 when the program ran, whatever its status; a negative errno when it could not be started (ENOENT ...),
 * or -ECHILD when a SIGCHLD handler of the caller took the status.
 */
int run_program(const struct run_program *program, struct run_result *result, struct error *err);

/*
 * Makes ended children waitable: with SIGCHLD ignored or SA_NOCLDWAIT the kernel reaps by itself and the status is lost
 * (wait(2)), and a caller may have inherited that over exec. Until released, SIGCHLD has its default disposition then;
 * a handler is left in place. To be held before the child is made.
 */
struct run_children {
    struct sigaction old;
    bool changed;
};
void run_children_hold(struct run_children *children);
void run_children_release(struct run_children *children);
#define own_children own(run_children_release) struct run_children

#endif
