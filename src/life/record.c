/* SPDX-License-Identifier: Apache-2.0 */
/* record: see record.h. */
#include "life/record.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/table.h"
#include "kernel/cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#define RECORD_VERSION 1
#define PID_MOST 4194304                          /* PID_MAX_LIMIT (proc_sys_kernel(5)): no process id is above it */
#define BOOT_ID "/proc/sys/kernel/random/boot_id" /* random(4) */
#define BOOT_ID_LENGTH 36
#define LEFT_ALL "processes, cgroups and mounts of the container"

static int refuse(struct error *err, const char *pointer, const char *why) {
    error_set(err, EBADMSG, "%s %s", pointer, why);
    return error_blame(err, "record", pointer, NULL);
}

static bool is_absolute(const char *path) {
    return path && path[0] == '/';
}

static int check_version(const struct oci_record *record, const char *id, struct error *err) {
    (void)id;
    if (!record->has_version || record->version == 0)
        return refuse(err, "/version", "is missing");
    return record->version == RECORD_VERSION ? 0 : refuse(err, "/version", "is that of a newer berth");
}

/* A copy of another container's record would have its processes killed. */
static int check_id(const struct oci_record *record, const char *id, struct error *err) {
    if (!record->id)
        return refuse(err, "/id", "is missing");
    return strcmp(record->id, id) == 0 ? 0 : refuse(err, "/id", "is that of another container");
}

static int check_paths(const struct oci_record *record, const char *id, struct error *err) {
    (void)id;
    if (!is_absolute(record->bundle))
        return refuse(err, "/bundle", "is not an absolute path");
    if (!is_absolute(record->rootfs))
        return refuse(err, "/rootfs", "is not an absolute path");
    return !record->config || is_absolute(record->config) ? 0 : refuse(err, "/config", "is not an absolute path");
}

/* 2026-01-01T00:00:00Z, or with a fraction of the second. */
static int check_created(const struct oci_record *record, const char *id, struct error *err) {
    (void)id;
    const size_t len = record->created ? strlen(record->created) : 0;
    const bool time = len >= 20 && len <= 40 && strspn(record->created, "0123456789-T:.Z") == len;
    return time && record->created[len - 1] == 'Z' ? 0 : refuse(err, "/created", "is not a time");
}

static int check_owner(const struct oci_record *record, const char *id, struct error *err) {
    (void)id;
    return record->has_owner ? 0 : refuse(err, "/owner", "is missing");
}

static int check_process(const struct oci_record *record, const char *id, struct error *err) {
    (void)id;
    if (record->pid < 0 || record->pid > PID_MOST)
        return refuse(err, "/pid", "is not a process id");
    /* By its number alone a process may be anybody's. */
    return record->pid == 0 || record->start_time > 0 ? 0 : refuse(err, "/startTime", "is missing");
}

static int check_cgroup(const struct oci_record *record, size_t i, struct error *err) {
    const struct oci_record_cgroup *row = &record->cgroups.items[i];
    char pointer[48];
    snprintf(pointer, sizeof pointer, "/cgroups/%zu/controller", i);
    if (!row->controller)
        return refuse(err, pointer, "is missing");
    snprintf(pointer, sizeof pointer, "/cgroups/%zu/path", i);
    return row->path && cgroup_files_check(row->path) ? 0 : refuse(err, pointer, "is not the path of a cgroup");
}

static int check_cgroups(const struct oci_record *record, const char *id, struct error *err) {
    (void)id;
    int r = 0;
    for (size_t i = 0; r == 0 && i < record->cgroups.count; i++)
        r = check_cgroup(record, i, err);
    return r;
}

/* A unit stands for the cgroup, which has its name. */
static int check_unit(const struct oci_record *record, const char *id, struct error *err) {
    (void)id;
    const char *path = record->unit && record->cgroups.count > 0 ? record->cgroups.items[0].path : NULL;
    const char *name = path ? strrchr(path, '/') : NULL;
    return !record->unit || (name && strcmp(name + 1, record->unit) == 0)
               ? 0
               : refuse(err, "/unit", "is not that of the container's cgroup");
}

static int check_mount(const struct oci_record *record, const char *id, struct error *err) {
    (void)id;
    if (record->root_mount && (!record->rootfs || strcmp(record->root_mount, record->rootfs) != 0))
        return refuse(err, "/rootMount", "is not the container's root");
    for (size_t i = 0; i < record->undo.count; i++)
        if (!is_absolute(record->undo.items[i]))
            return refuse(err, "/undo", "is not an absolute path");
    return 0;
}

static int check_boot(const struct oci_record *record, const char *id, struct error *err) {
    (void)id;
    return !record->boot_id || strlen(record->boot_id) == BOOT_ID_LENGTH ? 0
                                                                         : refuse(err, "/bootId", "is not a boot id");
}

static void forget_all(struct oci_record *record) {
    *record = (struct oci_record){.id = NULL};
}

static void forget_process(struct oci_record *record) {
    record->pid = 0;
}

/* Only where the mark can be compared is a cgroup known for the container's, and with it the unit. */
static void forget_marks(struct oci_record *record) {
    record->created = record->unit = NULL;
    record->cgroups_marked = false;
}

static void forget_cgroups(struct oci_record *record) {
    struct error ignored;
    size_t kept = 0;
    for (size_t i = 0; i < record->cgroups.count; i++)
        if (check_cgroup(record, i, &ignored) == 0)
            record->cgroups.items[kept++] = record->cgroups.items[i];
    record->cgroups.count = kept;
}

static void forget_unit(struct oci_record *record) {
    record->unit = NULL;
}

static void forget_mount(struct oci_record *record) {
    record->root_mount = NULL;
}

/* What a record must keep to, and what is not known without it: `left` may stay behind a forced delete. */
static const struct record_rule {
    int (*check)(const struct oci_record *record, const char *id, struct error *err);
    void (*forget)(struct oci_record *record);
    const char *left;
} rules[] = {
    {check_version, forget_all, LEFT_ALL},
    {check_id, forget_all, LEFT_ALL},
    {check_boot, forget_all, LEFT_ALL},
    {check_paths, NULL, NULL},
    {check_created, forget_marks, "its cgroups"},
    {check_owner, NULL, NULL},
    {check_process, forget_process, "its process, unless that is in its cgroup,"},
    {check_cgroups, forget_cgroups, "such cgroups"},
    {check_unit, forget_unit, "its unit of systemd"},
    {check_mount, forget_mount, "the mount of its root"},
};

int record_check(const struct oci_record *record, const char *id, struct error *err) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < TABLE_COUNT(rules); i++)
        r = rules[i].check(record, id, err);
    return r;
}

const char *record_boot(int dir, struct arena *arena) {
    struct statfs fs;
    char now[BOOT_ID_LENGTH + 2];
    if (fstatfs(dir, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
        return NULL;
    return fd_read_text(AT_FDCWD, BOOT_ID, now, sizeof now) == 0 ? arena_strdup(arena, now) : NULL;
}

int record_leave_boot(struct oci_record *record, struct error *err) {
    char now[BOOT_ID_LENGTH + 2];
    if (!record->boot_id)
        return 0;
    int r = fd_read_text(AT_FDCWD, BOOT_ID, now, sizeof now);
    if (r < 0)
        return error_code(err, -r, "read " BOOT_ID);
    if (strcmp(record->boot_id, now) == 0)
        return 0;
    record->start_time = 0; /* that of no process */
    record->cgroups.count = 0;
    record->unit = NULL;
    record->root_mount = NULL;
    return 0;
}

void record_salvage(struct oci_record *record, const char *id) {
    if (!record)
        log_warning("delete %s: " LEFT_ALL " may be left: nothing else names them", id);
    for (size_t i = 0; record && record->id && i < TABLE_COUNT(rules); i++) {
        struct error why;
        if (rules[i].check(record, id, &why) == 0 || !rules[i].forget)
            continue;
        log_warning("delete %s: %s: %s may be left", id, why.text, rules[i].left);
        rules[i].forget(record);
    }
}
