/* SPDX-License-Identifier: Apache-2.0 */
/* devices: the nodes that the container gets: linux.devices and the default ones. Pure. config-linux.md "Devices". */
#ifndef BERTH_PLAN_DEVICES_H
#define BERTH_PLAN_DEVICES_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct oci_linux;

struct plan_device {
    const char *path; /* absolute, clean, inside the container */
    mode_t type;      /* S_IFCHR, S_IFBLK, S_IFIFO */
    mode_t mode;      /* permission bits */
    uint32_t major, minor;
    uint32_t uid, gid; /* in the container's user namespace */
    int index;         /* row in linux.devices; -1: a default device */
};

struct plan_devices {
    const struct plan_device *items; /* the config's in their order, then the default ones that it does not name */
    size_t count;
};

int devices_plan(struct arena *arena, const struct oci_linux *section, struct plan_devices *out, struct error *err);

#endif
