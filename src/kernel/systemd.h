/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd: transient units, by the program berth-systemd (systemd/main.c), which loads libsystemd and speaks to the
 * manager over D-Bus. It is looked for beside the own program, then where it is installed. Runs in life. Each call
 * ends: at its deadline the program ends, and the error is ETIMEDOUT and names what systemd did not answer. A caller
 * that is killed leaves the program to finish: `lock` tells others that something may still come.
 */
#ifndef BERTH_KERNEL_SYSTEMD_H
#define BERTH_KERNEL_SYSTEMD_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* As in a request of berth-systemd; no text has a line end in it. */
struct systemd_property {
    const char *name, *signature, *value;
    bool optional; /* left out where this systemd does not know it */
};

struct systemd_unit {
    bool user;         /* of the user's manager (systemd --user), else the system's */
    const char *name;  /* "berth-c1.scope" */
    const char *owner; /* how the description of the caller's units begins */
    pid_t pid;         /* start, attach: as the caller's pid namespace numbers it */
    int lock;          /* a descriptor that is open until the call is over, even when the caller is killed; or -1 */
    const struct systemd_property *properties; /* start, set */
    size_t count;
};

/* Whether systemd is what runs this host (sd_booted(3)). */
bool systemd_booted(void);

/*
 * Makes the unit with the process in it and waits until systemd has done so. A unit of that name that is the caller's
 * and has failed is forgotten first; any other is EEXIST.
 */
int systemd_start(const struct systemd_unit *unit, struct error *err);

/* Stops it, waits, and lets systemd forget it. There is none: success. */
int systemd_stop(const struct systemd_unit *unit, struct error *err);
/* The same for a left-over of the caller's; EEXIST for a unit that is somebody else's. */
int systemd_reset(const struct systemd_unit *unit, struct error *err);
/* EEXIST for a unit that is somebody else's; the caller's, or none: success. */
int systemd_look(const struct systemd_unit *unit, struct error *err);

/* Sets properties until the next boot. */
int systemd_set(const struct systemd_unit *unit, struct error *err);

/* Has systemd move a process into the unit's cgroup, which the caller may not be allowed to (Linux, cgroups(7)). */
int systemd_attach(const struct systemd_unit *unit, struct error *err);

/* The cgroup of the manager itself, "" for the root; at most size - 1 bytes. */
int systemd_find(bool user, char *path, size_t size, struct error *err);

#endif
