/* SPDX-License-Identifier: Apache-2.0 */
/* facts: what a plan must know of the host. Runs in life; needs no privilege. */
#ifndef BERTH_LIFE_FACTS_H
#define BERTH_LIFE_FACTS_H

#include "plan/plan.h"

/*
 * Looks only at what the config makes a difference for; both sections may be NULL. `unified`: resources go to cgroup2
 * (cgroup_host_probe, which the caller has asked already).
 */
int facts_find(const struct oci_process *process, const struct oci_linux *section, bool unified, struct facts *out,
               struct error *err);

#endif
