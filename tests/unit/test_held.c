/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of kernel/process where there are no pidfds: a process that is held by its directory in /proc. */
#include "base/own.h"
#include "kernel/process.h"
#include "tap.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool forbid_pidfds(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_send_signal, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = 5, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static void *second_thread(void *end) {
    char word;
    (void)!read(*(int *)end, &word, 1);
    _exit(7);
}

/* A child whose first thread has ended, and whose second one ends it with status 7 when *end is closed. */
static pid_t leaderless(int *end) {
    int ends[2];
    pthread_t thread;
    if (pipe(ends) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        if (pthread_create(&thread, NULL, second_thread, &ends[0]) != 0)
            _exit(1);
        syscall(SYS_exit, 0);
    }
    close(ends[0]);
    *end = ends[1];
    while (pid > 0 && process_state(pid) != 'Z')
        sched_yield();
    return pid;
}

static void test_threads(void) {
    int end = -1, status = 0;
    pid_t pid = leaderless(&end);
    own_fd held = process_hold(pid);
    ok(held >= 0, "a process without its first thread is held");
    is_number(process_pid(held), pid, "it has its pid");
    is_number(process_wait(held, 20), -ETIMEDOUT, "it has not ended");
    struct pollfd fds[] = {{.fd = -1, .events = POLLIN}, {.fd = held, .events = PROCESS_END}};
    is_number(process_poll(fds, 2, 1, 0), 0, "poll does not take it for ended either");
    close(end);
    is_number(process_poll(fds, 2, 1, -1), 1, "its end is waited for");
    ok(fds[1].revents == POLLIN && fds[1].fd == held, "and told as of a pidfd");
    is_number(process_reap(held, &status), 0, "it is reaped");
    is_number(WEXITSTATUS(status), 7, "its status");
    is_number(process_reap(held, &status), -ECHILD, "only once");
}

static void test_gone(void) {
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    own_fd held = process_hold(pid);
    is_number(process_signal(held, 0), 0, "a process that lives gets signals");
    is_number(process_signal(held, SIGKILL), 0, "SIGKILL, too");
    is_number(process_wait(held, -1), 0, "its end is seen before it is reaped");
    waitpid(pid, NULL, 0);
    is_number(process_signal(held, SIGKILL), -ESRCH, "nobody gets a signal for it when it is gone");
    is_number(process_pid(held), -ESRCH, "its pid is nobody's");
    is_number(process_wait(held, -1), 0, "nobody waits for it");
    is_number(process_hold(pid), -ESRCH, "it cannot be held any more");
}

static void test_other_first(void) {
    int ends[2];
    own_fd held = process_hold(getpid());
    ok(pipe(ends) == 0 && write(ends[1], "x", 1) == 1, "a pipe with a word in it");
    struct pollfd fds[] = {{.fd = held, .events = PROCESS_END}, {.fd = ends[0], .events = POLLIN}};
    is_number(process_poll(fds, 2, 0, -1), 1, "another descriptor is ready");
    ok(fds[0].revents == 0 && fds[1].revents == POLLIN, "and that one is told");
}

/* Not to know is not the same as running, or as ended. */
static void test_unknown(void) {
    struct rlimit saved, low;
    own_fd held = process_hold(getpid());
    getrlimit(RLIMIT_NOFILE, &saved);
    low = (struct rlimit){.rlim_cur = (rlim_t)held + 1, .rlim_max = saved.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    is_number(process_wait(held, 0), -EMFILE, "a process that cannot be looked at is an error");
    is_number(process_wait(held, -1), -EMFILE, "and is not waited for");
    setrlimit(RLIMIT_NOFILE, &saved);
}

int main(void) {
    if (!forbid_pidfds())
        return 99;
    is_number(process_check_pidfds(), -ENOSYS, "there are no pidfds");
    test_threads();
    test_gone();
    test_other_first();
    test_unknown();
    return tap_done();
}
