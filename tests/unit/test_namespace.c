/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of kernel/namespace: the namespaces of a process are joined by its pidfd, or one by one where the kernel
 * refuses that (here by a filter). As root, in processes of the test's own.
 */
#include "kernel/namespace.h"

#include "base/own.h"
#include "kernel/process.h"
#include "kernel/spawn.h"
#include "kernel/sys.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define KINDS (CLONE_NEWUTS | CLONE_NEWIPC)

/* setns(2) with more than one kind is EINVAL from here on, as before Linux 5.8. */
static bool forbid_pidfd(void) {
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setns, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KINDS, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sys_seccomp_filter(0, &filter) == 0;
}

/* A process in new namespaces of these kinds, which ends with the test. */
static pid_t start_other(int *pidfd) {
    struct error err = ERROR_INIT;
    const struct spawn spawn = {.flags = KINDS, .cgroup_fd = -1};
    const pid_t parent = getpid();
    fflush(stdout);
    pid_t pid = spawn_process(&spawn, pidfd, &err);
    if (pid == 0)
        spawn_linger(parent);
    return pid;
}

static void stop_other(int pidfd) {
    int status;
    (void)process_signal(pidfd, SIGKILL);
    (void)process_reap(pidfd, &status);
}

enum { JOINED = 42, SAME = 43, HALF = 44, NO_FILTER = 45 };

/* How a child fares that joins by this pidfd and this number: with 0 what is to be joined is, with an error nothing. */
static int join(int pidfd, pid_t pid, bool one_by_one, int *result) {
    int wire[2], status = -1;
    *result = 1;
    if (pipe(wire) < 0)
        return -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct error err = ERROR_INIT;
        uint64_t before = 0, after = 0;
        if (one_by_one && !forbid_pidfd())
            _exit(NO_FILTER);
        (void)namespace_compare(pid, &before, &err);
        int r = namespace_join_process(pidfd, pid, KINDS, &err);
        (void)!write(wire[1], &r, sizeof r);
        (void)namespace_compare(pid, &after, &err);
        _exit(before != KINDS ? NO_FILTER : after == 0 ? JOINED : after == KINDS ? SAME : HALF);
    }
    close(wire[1]);
    if (read(wire[0], result, sizeof *result) != sizeof *result)
        *result = 1;
    close(wire[0]);
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_join(bool one_by_one) {
    const char *how = one_by_one ? "one by one" : "by the pidfd";
    own_fd first = -1, second = -1;
    int result;
    pid_t one = start_other(&first), two = start_other(&second);
    ok(one > 0 && two > 0, "%s: two processes", how);
    is_number(join(first, one, one_by_one, &result), JOINED, "%s: the namespaces of a process are joined", how);
    is_number(result, 0, "%s: which is a success", how);
    /* Its number has gone to another process by now. */
    stop_other(first);
    is_number(join(first, two, one_by_one, &result), SAME, "%s: those of another one with its number are not", how);
    is_number(result, -ESRCH, "%s: since it has ended", how);
    stop_other(second);
}

int main(void) {
    alarm(60); /* a hang is a failure */
    if (geteuid() != 0) {
        printf("1..0 # SKIP needs root\n");
        return 0;
    }
    int before = open_descriptors();
    test_join(false);
    test_join(true);
    is_number(open_descriptors(), before, "no descriptor is left behind");
    return tap_done();
}
