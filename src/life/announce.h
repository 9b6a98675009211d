/* SPDX-License-Identifier: Apache-2.0 */
/* announce: tells the caller who the new process is: pid file and pidfd socket. Runs in life. */
#ifndef BERTH_LIFE_ANNOUNCE_H
#define BERTH_LIFE_ANNOUNCE_H

#include "base/error.h"

#include <sys/types.h>

/* The file that holds the pid; all zero: none was written. */
struct announced {
    dev_t device;
    ino_t inode;
};

/*
 * Writes the pid file. A regular file, or a name that is free, is replaced by a rename, so that a reader sees the whole
 * number or nothing. Anything else (a device, a FIFO, a link, a mount point, a name too long to have another one made
 * of it) stays and is written in place; a link is followed. Decimal without a newline: engines read it with Go's Atoi.
 */
int announce_pid(const char *path, pid_t pid, struct announced *out, struct error *err);

/* Removes the pid file if it is still the one that was written; behind a link, or as a mount point, it is emptied. */
void announce_undo(const char *path, const struct announced *announced);

/* Sends the pidfd to the AF_UNIX stream socket at `path`, with `kind` as data: "standard" (init) or "setns" (exec). */
int announce_pidfd(const char *path, int pidfd, const char *kind, struct error *err);

#endif
