/* SPDX-License-Identifier: Apache-2.0 */
/* facts: see facts.h. */
#include "life/facts.h"

#include "kernel/lsm.h"
#include "oci_types.h"

static bool asked(const char *label) {
    return label && *label;
}

int facts_find(const struct oci_process *process, const struct oci_linux *section, bool unified, struct facts *out,
               struct error *err) {
    const bool labels = (process && asked(process->selinux_label)) || (section && asked(section->mount_label));
    const int apparmor = process && asked(process->apparmor_profile) ? lsm_apparmor_on() : 0;
    const int selinux = labels ? lsm_selinux_on() : 0;
    if (apparmor < 0)
        return error_code(err, -apparmor, "look whether AppArmor is on");
    if (selinux < 0)
        return error_code(err, -selinux, "look whether SELinux is on");
    *out = (struct facts){.unified = unified, .apparmor = apparmor, .selinux = selinux};
    return 0;
}
