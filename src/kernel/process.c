/* SPDX-License-Identifier: Apache-2.0 */
/* process: see process.h. */
#include "kernel/process.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define LOOK_FIRST_US 100 /* between two looks whether a process without a pidfd has ended; then ever less often */
#define LOOK_LAST_US 10000

#define STATUS_MAX ((size_t)4 * 1024 * 1024) /* /proc/PID/status lists up to 65,536 groups */

/* Flags of field 9 of proc_pid_stat(5) (include/linux/sched.h). */
#define PF_EXITING 0x4u
#define PF_FORKNOEXEC 0x40u
#define PF_SIGNALED 0x400u

/* *fields: what is behind the name, " S 1 ..." with the state, field 3, first. */
static int read_stat(int dirfd, const char *path, char *text, size_t size, char **fields) {
    int r = fd_read_text(dirfd, path, text, size);
    if (r < 0)
        return r == -ENOENT ? -ESRCH : r; /* a process that ends between open and read gives ESRCH itself */
    /* The name in parentheses may hold anything, so fields are counted from the last ')'. */
    char *end = strrchr(text, ')');
    if (!end || end[1] != ' ')
        return -EPROTO;
    *fields = end + 1;
    return 0;
}

static int read_process_stat(pid_t pid, char *text, size_t size, char **fields) {
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    return read_stat(AT_FDCWD, path, text, size, fields);
}

/* A field by its number in proc_pid_stat(5), from 3 on; 0: there is none. */
static uint64_t stat_number(const char *fields, int number) {
    for (int i = 3; i < number && fields; i++)
        fields = strchr(fields + 1, ' ');
    return fields ? strtoull(fields + 1, NULL, 10) : 0;
}

char process_state(pid_t pid) {
    char text[1024], *fields;
    return read_process_stat(pid, text, sizeof text, &fields) == 0 ? fields[1] : 0;
}

int process_start_time(pid_t pid, uint64_t *start_time) {
    char text[1024], *fields;
    int r = read_process_stat(pid, text, sizeof text, &fields);
    if (r < 0)
        return r;
    *start_time = stat_number(fields, 22);
    return *start_time ? 0 : -EPROTO;
}

/* The value in the line "KEY:\t..." of proc_pid_status(5), cut to `size`. 0 or -errno. */
static int read_status(pid_t pid, const char *key, char *value, size_t size) {
    char path[40], line[32];
    own_memory char *text = NULL;
    size_t len;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    own_fd fd = fd_open(path, O_RDONLY);
    int r = fd < 0 ? -errno : fd_read_all(fd, STATUS_MAX, &text, &len);
    if (r < 0)
        return r == -ENOENT ? -ESRCH : r;
    int head = snprintf(line, sizeof line, "\n%s:\t", key);
    const char *at = strstr(text, line);
    if (!at)
        return -EPROTO;
    at += head;
    snprintf(value, size, "%.*s", (int)strcspn(at, "\n"), at);
    return 0;
}

int process_is_first(pid_t pid, bool *first) {
    char numbers[512]; /* one for each of the 32 levels that there may be (pid_namespaces(7)) */
    int r = read_status(pid, "NSpid", numbers, sizeof numbers);
    if (r < 0)
        return r;
    const char *last = strrchr(numbers, '\t');
    *first = last && strcmp(last, "\t1") == 0;
    return 0;
}

/* Whether SIGKILL waits for the process as a whole: from kill(2) on until it is reaped. */
static bool is_killed(pid_t pid) {
    char pending[24];
    return read_status(pid, "ShdPnd", pending, sizeof pending) == 0 &&
           strtoull(pending, NULL, 16) & SYS_SIGNAL_BIT(SIGKILL);
}

/* By cgroup.kill each thread has SIGKILL pending (field 31), and then until its end the flags (field 9). */
static bool thread_is_ending(int tasks, const char *name) {
    char path[40], text[1024], *fields;
    snprintf(path, sizeof path, "%.12s/stat", name);
    int r = read_stat(tasks, path, text, sizeof text, &fields);
    if (r < 0)
        return r == -ESRCH;
    return fields[1] == 'Z' || fields[1] == 'X' || stat_number(fields, 9) & (PF_EXITING | PF_SIGNALED) ||
           stat_number(fields, 31) & SYS_SIGNAL_BIT(SIGKILL);
}

bool process_is_ending(pid_t pid) {
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    if (is_killed(pid))
        return true;
    own_directory tasks = opendir(path);
    if (!tasks)
        return errno == ENOENT;
    const struct dirent *task;
    int r;
    while ((r = fd_next_entry(tasks, &task)) > 0)
        if (!thread_is_ending(dirfd(tasks), task->d_name))
            return false;
    return r == 0;
}

static int hold_directory(pid_t pid) {
    char path[40];
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    int fd = fd_open(path, O_RDONLY | O_DIRECTORY);
    return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

int process_hold(pid_t pid) {
    int fd = pid > 0 ? sys_pidfd_open(pid, 0) : -ESRCH;
    if (fd == -ENOSYS || fd == -EPERM)
        return hold_directory(pid);
    return fd == -EINVAL ? -ESRCH : fd; /* Linux 6.1 says EINVAL if only a session or group still has the number */
}

int process_check_pidfds(void) {
    own_fd fd = sys_pidfd_open(getpid(), 0);
    return fd < 0 ? fd : 0;
}

int process_open(pid_t pid, uint64_t start_time, bool *executed) {
    char text[1024], *fields;
    *executed = false;
    own_fd fd = process_hold(pid);
    if (fd < 0)
        return fd;
    /* Looked at after the open: whatever the pid means now is what the descriptor means. */
    int r = read_process_stat(pid, text, sizeof text, &fields);
    if (r < 0)
        return r;
    *executed = !(stat_number(fields, 9) & PF_FORKNOEXEC);
    if (stat_number(fields, 22) != start_time)
        return -ESRCH;
    /* Not by its state, which is that of its first thread: others may run on. */
    r = process_wait(fd, 0);
    if (r == -ETIMEDOUT)
        return fd_take(&fd);
    return r < 0 ? r : -ESRCH;
}

pid_t process_pid(int pidfd) {
    char path[48], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    int r = fd_read_text(AT_FDCWD, path, text, sizeof text);
    if (r < 0)
        return r;
    const char *line = strstr(text, "\nPid:");
    char *fields;
    if (!line && (r = read_stat(pidfd, "stat", text, sizeof text, &fields)) < 0)
        return r;
    int pid = atoi(line ? line + 5 : text);
    return pid > 0 ? pid : -ESRCH;
}

/* By its pid, looked up just before: of a child that we have not reaped, or a process that lives, it is still right. */
static int signal_by_pid(int pidfd, int signal) {
    pid_t pid = process_pid(pidfd);
    if (pid < 0)
        return pid;
    return kill(pid, signal) < 0 ? -errno : 0;
}

int process_signal(int pidfd, int signal) {
    int r = sys_pidfd_send_signal(pidfd, signal);
    return r == -ENOSYS || r == -EPERM ? signal_by_pid(pidfd, signal) : r;
}

/* 1, 0 or -errno. A process ends with its last thread; the first may have ended before. */
static int has_ended(int held) {
    char text[1024], *fields;
    int r = read_stat(held, "stat", text, sizeof text, &fields);
    if (r == -ENOTDIR) /* a pidfd, which poll(2) cannot wait for before Linux 5.3 */
        r = read_process_stat(process_pid(held), text, sizeof text, &fields);
    if (r < 0)
        return r == -ESRCH ? 1 : r;
    return (fields[1] == 'Z' || fields[1] == 'X') && stat_number(fields, 20) <= 1;
}

static int poll_held(struct pollfd *fds, nfds_t count, nfds_t which, int timeout_ms) {
    const int held = fds[which].fd;
    int64_t left = timeout_ms < 0 ? INT64_MAX : (int64_t)timeout_ms * 1000, pause = LOOK_FIRST_US;
    int ended, n;
    fds[which].fd = -1;
    do {
        ended = has_ended(held);
        if (ended < 0)
            break;
        pause = ended ? 0 : pause < left ? pause : left;
        n = ppoll(fds, count, &(struct timespec){.tv_nsec = (long)pause * 1000}, NULL);
        left -= pause;
        pause = 2 * pause < LOOK_LAST_US ? 2 * pause : LOOK_LAST_US;
    } while (n == 0 && !ended && left > 0);
    fds[which].fd = held;
    fds[which].revents = ended > 0 ? POLLIN : 0;
    if (ended >= 0)
        return n < 0 ? n : n + ended;
    errno = -ended;
    return -1;
}

int process_poll(struct pollfd *fds, nfds_t count, nfds_t which, int timeout_ms) {
    int n = poll(fds, count, timeout_ms);
    /* A pidfd is never ready to be written. */
    return n > 0 && fds[which].revents & POLLOUT ? poll_held(fds, count, which, timeout_ms) : n;
}

int process_wait(int pidfd, int timeout_ms) {
    struct pollfd poll_fd = {.fd = pidfd, .events = PROCESS_END};
    int n;
    do
        n = process_poll(&poll_fd, 1, 0, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

static int wait_for(int type, int id, siginfo_t *info) {
    int r;
    do
        r = waitid((idtype_t)type, (id_t)id, info, WEXITED | __WALL);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

int process_reap(int pidfd, int *status) {
    siginfo_t info = {0};
    int r = wait_for(P_PIDFD, pidfd, &info);
    if (r == -EBADF || r == -EINVAL) { /* no pidfd; a kernel before 5.4 */
        pid_t pid = process_pid(pidfd);
        r = pid < 0 ? pid : wait_for(P_PID, pid, &info);
    }
    if (r < 0)
        return r == -ESRCH ? -ECHILD : r;
    *status =
        info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    return 0;
}
