/* SPDX-License-Identifier: Apache-2.0 */
/* scope: see scope.h. */
#include "life/scope.h"

#include "base/own.h"
#include "kernel/systemd.h"

#include "version.h"

#include <errno.h>
#include <limits.h>

int scope_check(struct error *err) {
    if (!BERTH_HAS_SYSTEMD)
        return error_set(err, ENOTSUP, "the systemd cgroup manager is not part of this build: use cgroupfs");
    if (!systemd_booted())
        return error_set(err, ENODEV,
                         "the systemd cgroup manager needs a host that runs systemd, and there is no directory "
                         "/run/systemd/system: use cgroupfs");
    return 0;
}

static struct systemd_unit unit_of(const struct oci_record *record, int lock) {
    return (struct systemd_unit){
        .user = record->unit_of_user, .name = record->unit, .owner = SCOPE_OWNER, .lock = lock};
}

/* Both are a name, a signature and a value; kernel does not know plan. */
static int copy_properties(struct arena *arena, const struct scope_properties *from, struct systemd_unit *unit,
                           struct error *err) {
    struct systemd_property *items = arena_array(arena, from->count, sizeof *items);
    if (!items)
        return error_memory(err);
    for (size_t i = 0; i < from->count; i++) {
        const struct scope_property *p = &from->items[i];
        items[i] = (struct systemd_property){p->name, p->signature, p->value, p->optional};
    }
    unit->properties = items;
    unit->count = from->count;
    return 0;
}

int scope_locate(struct arena *arena, const struct plan_scope *scope, bool rootless, const char **path,
                 struct error *err) {
    char manager[PATH_MAX] = "";
    int r = rootless ? systemd_find(true, manager, sizeof manager, err) : 0;
    if (r < 0)
        return r;
    *path = arena_printf(arena, "%s%s", manager, scope->path);
    return *path ? 0 : error_memory(err);
}

int scope_clear(const struct oci_record *record, bool in_use, int lock, struct error *err) {
    const struct systemd_unit unit = unit_of(record, lock);
    return in_use ? systemd_look(&unit, err) : systemd_reset(&unit, err);
}

int scope_start(struct arena *arena, const struct plan_scope *scope, const struct oci_record *record, pid_t pid,
                int lock, struct error *err) {
    struct systemd_unit unit = unit_of(record, lock);
    unit.pid = pid;
    int r = copy_properties(arena, &scope->properties, &unit, err);
    return r < 0 ? r : systemd_start(&unit, err);
}

int scope_stop(const struct oci_record *record, int lock, struct error *err) {
    const struct systemd_unit unit = unit_of(record, lock);
    int r = systemd_stop(&unit, err);
    return r < 0 ? error_wrap(err, "stop unit %s", record->unit) : 0;
}

int scope_attach(const struct oci_record *record, pid_t pid, struct error *err) {
    struct systemd_unit unit = unit_of(record, -1);
    unit.pid = pid;
    return systemd_attach(&unit, err);
}

int scope_update(struct arena *arena, const struct oci_record *record, const struct resource_write *writes,
                 size_t count, int lock, struct error *err) {
    struct scope_properties properties = {.count = 0};
    struct systemd_unit unit = unit_of(record, lock);
    int r = scope_plan_limits(arena, writes, count, &properties, err);
    if (r == 0 && properties.count > 0)
        r = copy_properties(arena, &properties, &unit, err);
    return r < 0 || properties.count == 0 ? r : systemd_set(&unit, err);
}
