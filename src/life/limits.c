/* SPDX-License-Identifier: Apache-2.0 */
/* limits: see limits.h. */
#include "life/limits.h"

#include "base/own.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The page sizes in the names of a cgroup's files, hugetlb.SIZE.max or (v1) hugetlb.SIZE.limit_in_bytes: " 2MB 1GB". */
static void list_page_sizes(const struct cgroup *group, char *list, size_t size) {
    struct error ignored = ERROR_INIT;
    size_t used = 0;
    own_fd fd = cgroup_open_file(group, "hugetlb", ".", &ignored);
    own_directory dir = fd < 0 ? NULL : fdopendir(fd);
    list[0] = '\0';
    if (dir)
        fd_take(&fd);
    for (const struct dirent *entry; dir && used < size && (entry = readdir(dir));) {
        char page[16];
        int end = 0;
        if (sscanf(entry->d_name, "hugetlb.%15[^.].%n", page, &end) == 1 && end > 0 &&
            (strcmp(entry->d_name + end, "max") == 0 || strcmp(entry->d_name + end, "limit_in_bytes") == 0))
            used += (size_t)snprintf(list + used, size - used, " %s", page);
    }
}

/* What the kernel's errno does not say. */
static int explain(const struct cgroup *group, const struct resource_write *write, int r, struct error *err) {
    if (r == -ENOENT && strcmp(write->controller, "hugetlb") == 0) {
        char list[128];
        list_page_sizes(group, list, sizeof list);
        return error_wrap(err, "this host has no such page size, but%s", *list ? list : " none");
    }
    if (r == -EINVAL && strcmp(write->file, "cpu.rt_runtime_us") == 0)
        return error_wrap(err,
                          "the share of the time must not be more than what cpu.rt_runtime_us and cpu.rt_period_us of "
                          "each cgroup above leave for it");
    return r;
}

int limits_write(const struct cgroup *group, const struct resource_write *write, struct error *err) {
    int r = cgroup_write(group, write->controller, write->file, write->value, err);
    if (r == -ENOENT && write->alternative_file)
        r = cgroup_write(group, write->controller, write->alternative_file, write->alternative_value, err);
    return r < 0 ? explain(group, write, r, err) : 0;
}

bool limits_may_lack(const struct resource_write *write, int r) {
    return (write->optional && (r == -ENOENT || r == -ENODEV)) || (write->may_lack && r == -ENOENT);
}
