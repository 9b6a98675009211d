/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_limit: room for our own descriptors, where the caller's RLIMIT_NOFILE is small: cgroup v1 alone takes a dozen.
 * Raised for the time of an operation, as far as our privilege goes (getrlimit(2): up to the hard limit, beyond it with
 * CAP_SYS_RESOURCE); a payload gets the caller's limit back. Runs in life.
 */
#ifndef BERTH_KERNEL_FILE_LIMIT_H
#define BERTH_KERNEL_FILE_LIMIT_H

#include "base/own.h"

#include <stdbool.h>
#include <sys/resource.h>

struct file_limit {
    bool raised;
    struct rlimit caller; /* what it was */
};

void file_limit_raise(struct file_limit *limit);
/* Back to what it was; nothing when it was not raised, or twice. */
void file_limit_restore(struct file_limit *limit);

#endif
