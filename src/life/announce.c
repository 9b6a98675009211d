/* SPDX-License-Identifier: Apache-2.0 */
/* announce: see announce.h. */
#include "life/announce.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fill(int fd, pid_t pid, struct announced *out) {
    char text[16];
    struct stat st;
    int n = snprintf(text, sizeof text, "%d", (int)pid);
    int r = fd_write_all(fd, text, (size_t)n);
    if (r == 0 && fstat(fd, &st) < 0)
        r = -errno;
    if (r == 0)
        *out = (struct announced){.device = st.st_dev, .inode = st.st_ino};
    return r;
}

/* Written under another name, then renamed over `path`. */
static int write_aside(const char *path, pid_t pid, struct announced *out) {
    char aside[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int n = snprintf(aside, sizeof aside, "%.*s.%s", (int)(name - path), path, name);
    if (n < 0 || n >= (int)sizeof aside)
        return -ENAMETOOLONG;
    own_fd fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST && unlink(aside) == 0) /* left by a create that was killed right here */
        fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int r = fill(fd, pid, out);
    if (r == 0 && rename(aside, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(aside);
    return r;
}

/* O_NONBLOCK: a FIFO without a reader gives ENXIO instead of a wait for ever. */
static int write_in_place(const char *path, pid_t pid, struct announced *out) {
    own_fd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
    return fd < 0 ? -errno : fill(fd, pid, out);
}

int announce_pid(const char *path, pid_t pid, struct announced *out, struct error *err) {
    struct stat st;
    const bool there = lstat(path, &st) == 0;
    int r = there && !S_ISREG(st.st_mode) ? -EBUSY : write_aside(path, pid, out);
    /* A mount point, or a file alone in a directory that is read-only, cannot be replaced, but may be written. And the
     * other name is longer by one byte. */
    if ((there && (r == -EBUSY || r == -EROFS || r == -EACCES)) || r == -ENAMETOOLONG)
        r = write_in_place(path, pid, out);
    if (r == -ENXIO && stat(path, &st) == 0 && S_ISFIFO(st.st_mode))
        return error_set(err, ENXIO, "write pid file %s: no process reads the FIFO", path);
    return r < 0 ? error_code(err, -r, "write pid file %s", path) : 0;
}

static bool is_announced(const struct stat *st, const struct announced *announced) {
    return S_ISREG(st->st_mode) && st->st_dev == announced->device && st->st_ino == announced->inode;
}

void announce_undo(const char *path, const struct announced *announced) {
    struct stat st;
    if (lstat(path, &st) == 0 && is_announced(&st, announced))
        (void)unlink(path);
    if (stat(path, &st) == 0 && is_announced(&st, announced))
        (void)!truncate(path, 0);
}

int announce_pidfd(const char *path, int pidfd, const char *kind, struct error *err) {
    int r = tty_send(path, pidfd, kind, err);
    return r < 0 ? error_wrap(err, "pidfd socket") : 0;
}
