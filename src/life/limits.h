/* SPDX-License-Identifier: Apache-2.0 */
/* limits: writes of a plan into the files of a cgroup. Runs in life; needs write permission in the cgroup. */
#ifndef BERTH_LIFE_LIMITS_H
#define BERTH_LIFE_LIMITS_H

#include "base/error.h"
#include "kernel/cgroup.h"
#include "plan/resources.h"

/* Its file, or the alternative where that is not there. Errors of cgroup_write. */
int limits_write(const struct cgroup *group, const struct resource_write *write, struct error *err);

/* Whether a file that is missing, or its controller, is no error for this write: its value holds without. */
bool limits_may_lack(const struct resource_write *write, int r);

#endif
