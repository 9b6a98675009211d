/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_rules: linux.resources.devices as ordered rules, as lines for the devices controller of cgroup v1, and as a
 * program for cgroup2. Pure. The last rule that matches decides, for each of read, write and mknod by itself; what
 * no rule matches is denied. runtime-spec config-linux.md "Allowed Device list".
 */
#ifndef BERTH_PLAN_DEVICE_RULES_H
#define BERTH_PLAN_DEVICE_RULES_H

#include "base/arena.h"
#include "base/error.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oci_device_rule_array;

enum device_access { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4, DEVICE_ALL = 7 }; /* = BPF_DEVCG_ACC_* */

#define DEVICE_ANY (-1)

struct device_rule {
    bool allow;
    char type;            /* 'a' (both), 'b', 'c' */
    int32_t major, minor; /* DEVICE_ANY */
    unsigned access;      /* enum device_access */
    const char *place;    /* JSON pointer of the rule */
};

struct device_rules {
    bool allow; /* what holds where no rule matches */
    size_t count;
    struct device_rule *items;
};

/*
 * The config's rules, then the devices that every container has (config-linux.md "Default Devices", mknod of
 * anything, pts, ptmx, tun). Rules before the last one that covers everything are left out: they decide nothing.
 */
int device_rules_collect(struct arena *arena, const struct oci_device_rule_array *config, struct device_rules *out,
                         struct error *err);

struct device_line {
    bool allow; /* for devices.allow, else devices.deny */
    const char *text;
    const char *place;
};

/*
 * The writes that bring a v1 devices cgroup into that state, the first of which ("a") forgets all that was before. v1
 * knows one default and exceptions from it, not exceptions from those: rules that would need them are refused (EINVAL)
 * rather than applied in part.
 */
int device_rules_lines(struct arena *arena, const struct device_rules *rules, struct device_line **lines, size_t *count,
                       struct error *err);

/* The same as a BPF_PROG_TYPE_CGROUP_DEVICE program: returns 1 (allow) or 0. */
int device_rules_compile(struct arena *arena, const struct device_rules *rules, const struct bpf_insn **program,
                         size_t *count, struct error *err);

#endif
