/* SPDX-License-Identifier: Apache-2.0 */
/* file_limit: see file_limit.h. */
#include "kernel/file_limit.h"

#include "kernel/sys.h"

#define FILES_LEAST 512  /* below it even the hard limit is raised, if we may */
#define FILES_MOST 65536 /* enough for a source of each mount; more would only make tables larger */

void file_limit_raise(struct file_limit *limit) {
    struct rlimit now;
    limit->raised = false;
    if (sys_prlimit(0, RLIMIT_NOFILE, NULL, &now) < 0 || now.rlim_cur >= FILES_MOST)
        return;
    const struct rlimit beyond = {FILES_LEAST, FILES_LEAST};
    const struct rlimit allowed = {now.rlim_max < FILES_MOST ? now.rlim_max : FILES_MOST, now.rlim_max};
    limit->raised = (now.rlim_max < FILES_LEAST && sys_prlimit(0, RLIMIT_NOFILE, &beyond, NULL) == 0) ||
                    (now.rlim_cur < allowed.rlim_cur && sys_prlimit(0, RLIMIT_NOFILE, &allowed, NULL) == 0);
    limit->caller = now;
}

void file_limit_restore(struct file_limit *limit) {
    if (limit->raised)
        (void)sys_prlimit(0, RLIMIT_NOFILE, &limit->caller, NULL);
    limit->raised = false;
}
