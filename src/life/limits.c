/* SPDX-License-Identifier: Apache-2.0 */
/* limits: see limits.h. */
#include "life/limits.h"

#include <errno.h>

int limits_write(const struct cgroup *group, const struct resource_write *write, struct error *err) {
    int r = cgroup_write(group, write->controller, write->file, write->value, err);
    if (r == -ENOENT && write->alternative_file)
        r = cgroup_write(group, write->controller, write->alternative_file, write->alternative_value, err);
    return r;
}

bool limits_may_lack(const struct resource_write *write, int r) {
    return (write->optional && (r == -ENOENT || r == -ENODEV)) || (write->may_lack && r == -ENOENT);
}
