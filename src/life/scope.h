/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope: the unit of systemd that a container's cgroup belongs to, by what the plan says (plan/scope.h) and the record
 * has kept. berth makes the cgroup where systemd would make it, so that the new process is born in it with its limits;
 * then systemd is told, with that process, and takes it over. Runs in life.
 *
 * `lock` is the container's directory, locked: it stays so while systemd is asked, even when the caller is killed, so
 * that a delete does not come before the unit that it is to stop.
 */
#ifndef BERTH_LIFE_SCOPE_H
#define BERTH_LIFE_SCOPE_H

#include "base/arena.h"
#include "base/error.h"
#include "oci_types.h"
#include "plan/scope.h"

#include <stdbool.h>
#include <sys/types.h>

/* Whether the systemd manager can be used. ENOTSUP: berth is built without it; ENODEV: the host has no systemd. */
int scope_check(struct error *err);

/* Where the unit's cgroup is, as an absolute cgroupsPath. Asks the manager of a user where its own is. */
int scope_locate(struct arena *arena, const struct plan_scope *scope, bool rootless, const char **path,
                 struct error *err);

/* Stops a left-over unit of ours, whose cgroup is there already, unless that is in use. EEXIST: it is not ours. */
int scope_clear(const struct oci_record *record, bool in_use, int lock, struct error *err);

int scope_start(struct arena *arena, const struct plan_scope *scope, const struct oci_record *record, pid_t pid,
                int lock, struct error *err);
int scope_stop(const struct oci_record *record, int lock, struct error *err);
int scope_attach(const struct oci_record *record, pid_t pid, struct error *err);

/* Gives the unit the limits that these writes have given the cgroup. */
int scope_update(struct arena *arena, const struct oci_record *record, const struct resource_write *writes,
                 size_t count, int lock, struct error *err);

#endif
