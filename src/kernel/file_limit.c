/* SPDX-License-Identifier: Apache-2.0 */
/* file_limit: see file_limit.h. */
#include "kernel/file_limit.h"

#include "kernel/sys.h"

#define FILES_NEEDED 512

void file_limit_raise(struct file_limit *limit) {
    struct rlimit now;
    limit->raised = false;
    if (sys_prlimit(0, RLIMIT_NOFILE, NULL, &now) < 0 || now.rlim_cur >= FILES_NEEDED)
        return;
    const struct rlimit wanted = {FILES_NEEDED, now.rlim_max < FILES_NEEDED ? FILES_NEEDED : now.rlim_max};
    const struct rlimit allowed = {now.rlim_max, now.rlim_max};
    limit->raised = sys_prlimit(0, RLIMIT_NOFILE, &wanted, NULL) == 0 || sys_prlimit(0, RLIMIT_NOFILE, &allowed, NULL) == 0;
    limit->caller = now;
}

void file_limit_restore(struct file_limit *limit) {
    if (limit->raised)
        (void)sys_prlimit(0, RLIMIT_NOFILE, &limit->caller, NULL);
    limit->raised = false;
}
