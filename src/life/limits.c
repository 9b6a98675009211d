/* SPDX-License-Identifier: Apache-2.0 */
/* limits: see limits.h. */
#include "life/limits.h"

#include "base/fd.h"
#include "base/own.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b) {
    return strcmp(a, b);
}

/* Each size has one file hugetlb.SIZE.max, on cgroup v1 hugetlb.SIZE.limit_in_bytes. */
int limits_page_sizes(const struct cgroup *group, struct page_sizes *out, struct error *err) {
    struct error missing = ERROR_INIT;
    const struct dirent *entry;
    own_fd fd = cgroup_open_file(group, "hugetlb", ".", &missing);
    int r;
    out->count = 0;
    if (fd == -ENOENT || fd == -ENODEV)
        return 0;
    own_directory dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return error_code(err, fd < 0 ? -fd : errno, "list the page sizes of the container's cgroup");
    fd_take(&fd);
    while ((r = fd_next_entry(dir, &entry)) > 0 && out->count < PAGE_SIZES_MAX) {
        char *name = out->names[out->count];
        int end = 0;
        if (sscanf(entry->d_name, "hugetlb.%15[^.].%n", name, &end) == 1 && end > 0 &&
            (strcmp(entry->d_name + end, "max") == 0 || strcmp(entry->d_name + end, "limit_in_bytes") == 0))
            out->count++;
    }
    if (r < 0)
        return error_code(err, -r, "list the page sizes of the container's cgroup");
    qsort(out->names, out->count, sizeof *out->names, compare_names);
    return 0;
}

static int refuse_page_size(const struct cgroup *group, struct error *err) {
    struct error unlisted = ERROR_INIT;
    struct page_sizes sizes;
    char list[128] = "";
    size_t used = 0;
    if (limits_page_sizes(group, &sizes, &unlisted) < 0)
        return error_wrap(err, "this host has no such page size");
    for (size_t i = 0; i < sizes.count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, " %s", sizes.names[i]);
    return error_wrap(err, "this host has no such page size, but%s", *list ? list : " none");
}

/* What the kernel's errno does not say. */
static int explain(const struct cgroup *group, const struct resource_write *write, int r, struct error *err) {
    if (r == -ENOENT && strcmp(write->controller, "hugetlb") == 0)
        return refuse_page_size(group, err);
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
