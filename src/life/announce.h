/* SPDX-License-Identifier: Apache-2.0 */
/* announce: tells the caller who the new process is: pid file and pidfd socket. Runs in life. */
#ifndef BERTH_LIFE_ANNOUNCE_H
#define BERTH_LIFE_ANNOUNCE_H

#include "base/error.h"

#include <sys/types.h>

/*
 * Writes the pid file: a reader sees it whole or not at all, since it is written aside and renamed. Decimal without a
 * newline: engines read it with Go's Atoi.
 */
int announce_pid(const char *path, pid_t pid, struct error *err);

/* Sends the pidfd to the AF_UNIX stream socket at `path`, with `kind` as data: "standard" (init) or "setns" (exec). */
int announce_pidfd(const char *path, int pidfd, const char *kind, struct error *err);

#endif
