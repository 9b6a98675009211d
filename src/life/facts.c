/* SPDX-License-Identifier: Apache-2.0 */
/* facts: see facts.h. */
#include "life/facts.h"

#include "kernel/lsm.h"
#include "oci_types.h"

static bool asked(const char *label) {
    return label && *label;
}

struct facts facts_find(const struct oci_process *process, const struct oci_linux *section, bool unified) {
    const bool labels = (process && asked(process->selinux_label)) || (section && asked(section->mount_label));
    return (struct facts){.unified = unified,
                          .apparmor = process && asked(process->apparmor_profile) && lsm_apparmor_on(),
                          .selinux = labels && lsm_selinux_on()};
}
