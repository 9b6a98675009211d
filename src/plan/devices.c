/* SPDX-License-Identifier: Apache-2.0 */
/* devices: see devices.h. Pure. */
#include "plan/devices.h"

#include "base/table.h"
#include "oci_types.h"
#include "plan/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct plan_device defaults[] = {
    {"/dev/null", S_IFCHR, 0666, 1, 3, 0, 0, -1},    {"/dev/zero", S_IFCHR, 0666, 1, 5, 0, 0, -1},
    {"/dev/full", S_IFCHR, 0666, 1, 7, 0, 0, -1},    {"/dev/random", S_IFCHR, 0666, 1, 8, 0, 0, -1},
    {"/dev/urandom", S_IFCHR, 0666, 1, 9, 0, 0, -1}, {"/dev/tty", S_IFCHR, 0666, 5, 0, 0, 0, -1},
};

static mode_t device_type(enum oci_device_type type) {
    switch (type) {
    case OCI_DEVICE_TYPE_B:
        return S_IFBLK;
    case OCI_DEVICE_TYPE_C:
    case OCI_DEVICE_TYPE_U:
        return S_IFCHR;
    case OCI_DEVICE_TYPE_P:
        return S_IFIFO;
    default:
        return 0;
    }
}

static int plan_device(struct arena *arena, const struct oci_device *row, size_t index, struct plan_device *out,
                       struct error *err) {
    char place[48];
    snprintf(place, sizeof place, "/linux/devices/%zu", index);
    mode_t type = device_type(row->type);
    if (!type)
        return error_refuse(err, place, "invalid device type");
    if (!row->path || row->path[0] != '/')
        return error_refuse(err, place, "device path \"%s\" is not absolute", row->path ? row->path : "");
    if (type != S_IFIFO && (!row->has_major || !row->has_minor))
        return error_refuse(err, place, "device %s has no major and minor number", row->path);
    if (row->major < 0 || row->major > 0xfff || row->minor < 0 || row->minor > 0xfffff)
        return error_refuse(err, place, "device number %lld:%lld is out of range", (long long)row->major,
                            (long long)row->minor);
    *out = (struct plan_device){
        .path = mounts_clean_path(arena, row->path),
        .type = type,
        .mode = row->has_file_mode ? (mode_t)(row->file_mode & 07777) : 0666,
        .major = (uint32_t)row->major,
        .minor = (uint32_t)row->minor,
        .uid = row->uid,
        .gid = row->gid,
        .index = (int)index,
    };
    if (!out->path)
        return error_memory(err);
    return strcmp(out->path, "/") == 0 ? error_refuse(err, place, "a device cannot be the root") : 0;
}

int devices_plan(struct arena *arena, const struct oci_linux *section, struct plan_devices *out, struct error *err) {
    size_t given = section ? section->devices.count : 0, count = 0;
    struct plan_device *items = arena_array(arena, given + TABLE_COUNT(defaults), sizeof *items);
    if (!items)
        return error_memory(err);
    for (; count < given; count++) {
        int r = plan_device(arena, &section->devices.items[count], count, &items[count], err);
        if (r < 0)
            return r;
    }
    for (size_t d = 0; d < TABLE_COUNT(defaults); d++) {
        size_t i = 0;
        while (i < given && strcmp(items[i].path, defaults[d].path) != 0)
            i++;
        if (i == given)
            items[count++] = defaults[d];
    }
    *out = (struct plan_devices){.items = items, .count = count};
    return 0;
}
