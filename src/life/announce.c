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
#include <unistd.h>

int announce_pid(const char *path, pid_t pid, struct error *err) {
    char aside[PATH_MAX], text[16];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int n = snprintf(aside, sizeof aside, "%.*s.%s", (int)(name - path), path, name);
    if (n < 0 || n >= (int)sizeof aside)
        return error_code(err, ENAMETOOLONG, "pid file %s", path);
    own_fd fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST && unlink(aside) == 0) /* of a create that was killed right here */
        fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_sys(err, "make pid file %s", path);
    n = snprintf(text, sizeof text, "%d", (int)pid);
    int r = fd_write_all(fd, text, (size_t)n);
    if (r == 0 && rename(aside, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(aside);
    return r < 0 ? error_code(err, -r, "write pid file %s", path) : 0;
}

int announce_pidfd(const char *path, int pidfd, const char *kind, struct error *err) {
    int r = tty_send(path, pidfd, kind, err);
    return r < 0 ? error_wrap(err, "pidfd socket") : 0;
}
