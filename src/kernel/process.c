/* SPDX-License-Identifier: Apache-2.0 */
/* process: see process.h. */
#include "kernel/process.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* *fields: what is behind the name, " S 1 ..." with the state, field 3, first. */
static int read_stat(pid_t pid, char *text, size_t size, char **fields) {
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int r = fd_read_text(AT_FDCWD, path, text, size);
    if (r < 0)
        return r == -ENOENT ? -ESRCH : r; /* a process that ends between open and read gives ESRCH itself */
    /* The name in parentheses may hold anything, so fields are counted from the last ')'. */
    char *end = strrchr(text, ')');
    if (!end || end[1] != ' ')
        return -EPROTO;
    *fields = end + 1;
    return 0;
}

char process_state(pid_t pid) {
    char text[1024], *fields;
    return read_stat(pid, text, sizeof text, &fields) == 0 ? fields[1] : 0;
}

int process_start_time(pid_t pid, uint64_t *start_time, bool *zombie) {
    char text[1024], *field;
    int r = read_stat(pid, text, sizeof text, &field);
    if (r < 0)
        return r;
    char state = field[1];
    for (int i = 3; i < 22 && field; i++)
        field = strchr(field + 1, ' ');
    if (!field)
        return -EPROTO;
    *start_time = strtoull(field + 1, NULL, 10);
    *zombie = state == 'Z' || state == 'X';
    return 0;
}

int process_open(pid_t pid, uint64_t start_time) {
    if (pid <= 0)
        return -ESRCH;
    own_fd fd = sys_pidfd_open(pid, 0);
    if (fd == -EINVAL) /* what older kernels say (6.1 does) of a number that only a session or group still has */
        return -ESRCH;
    if (fd < 0)
        return fd;
    /* Looked at after the open: whatever the pid means now is what the descriptor means. */
    uint64_t started;
    bool zombie;
    int r = process_start_time(pid, &started, &zombie);
    if (r < 0)
        return r;
    return started == start_time && !zombie ? fd_take(&fd) : -ESRCH;
}

pid_t process_pid(int pidfd) {
    char path[48], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    int r = fd_read_text(AT_FDCWD, path, text, sizeof text);
    if (r < 0)
        return r;
    const char *line = strstr(text, "\nPid:");
    int pid = line ? atoi(line + 5) : -1;
    return pid > 0 ? pid : -ESRCH;
}

int process_signal(int pidfd, int signal) {
    return sys_pidfd_send_signal(pidfd, signal);
}

int process_wait(int pidfd, int timeout_ms) {
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    int n;
    do
        n = poll(&poll_fd, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

int process_reap(int pidfd, int *status) {
    siginfo_t info = {0};
    int r;
    do
        r = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    *status =
        info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    return 0;
}
