/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits: writes of a plan into the files of a cgroup, and which sizes of huge pages these are for. Runs in life; to
 * write needs permission in the cgroup.
 */
#ifndef BERTH_LIFE_LIMITS_H
#define BERTH_LIFE_LIMITS_H

#include "base/error.h"
#include "kernel/cgroup.h"
#include "plan/resources.h"

/* Sizes of huge pages as they stand in the names of files: "2MB", "1GB". */
#define PAGE_SIZES_MAX 32 /* the kernel knows a handful */
struct page_sizes {
    size_t count;
    char names[PAGE_SIZES_MAX][16];
};

/* Those that the group has limits for, sorted by name; none when it has no such controller. */
int limits_page_sizes(const struct cgroup *group, struct page_sizes *out, struct error *err);

/* Its file, or the alternative where that is not there. Errors of cgroup_write. */
int limits_write(const struct cgroup *group, const struct resource_write *write, struct error *err);

/* Whether a file that is missing, or its controller, is no error for this write: its value holds without. */
bool limits_may_lack(const struct resource_write *write, int r);

#endif
