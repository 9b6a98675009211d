/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resources: linux.resources as a list of writes into the files of the container's cgroup, in the order in which they
 * must happen, and the device rules as v1 lines or as a BPF program. Pure: no privilege, no system call.
 * runtime-spec config-linux.md "Control groups"; kernel admin-guide/cgroup-v1 and cgroup-v2.rst.
 */
#ifndef BERTH_PLAN_RESOURCES_H
#define BERTH_PLAN_RESOURCES_H

#include "base/arena.h"
#include "base/error.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oci_resources;

struct resource_write {
    const char *controller; /* "memory", "cpu", "devices" ...; see cgroup_write */
    const char *file;       /* "memory.max" */
    const char *value;
    const char *place; /* JSON pointer of the property it comes from */
    /*
     * The value holds without the file, too (memory.swap.max without swap, and "0" or "max"): that the file (ENOENT) or
     * its controller (ENODEV) is missing is no error.
     */
    bool optional;
    /*
     * A refusal (EINVAL, EBUSY) may come from the order alone: what a group has already decides which of two limits
     * must go first (v1: memory and memory + swap, period and quota). Put such a write aside, go on, and write it once
     * more at the end of the list; only then is the refusal an error.
     */
    bool reorder;
    bool may_lack; /* the file may be missing, though not its controller */
    /* To be written instead where the file is missing: which of the two there is, is the host's affair. NULL: none. */
    const char *alternative_file, *alternative_value;
    /* In a file with a line for each device or the like: how the line begins that is changed, and what takes the change
     * back when there was none. NULL: the value is all of the file. */
    const char *line, *reset;
};

struct plan_resources {
    struct resource_write *writes;
    size_t count;
    const struct bpf_insn *device_program; /* BPF_PROG_TYPE_CGROUP_DEVICE, cgroup2 only; NULL: no device rule at all */
    size_t device_count;                   /* instructions */
    const char *memory_limit;              /* the limit in bytes for messages, NULL when unlimited */
    uint64_t usage_below; /* checkBeforeUpdate, cgroup2: update only while memory.current is less; 0: no check. v1: the
                             kernel refuses (EBUSY) */
};

/*
 * `unified`: files of cgroup2, else of v1. `resources` may be NULL: then only what applies without it (nothing).
 * Refuses (EINVAL with the JSON pointer) values that the world cannot express and properties not supported yet. Zero,
 * false and "" are what engines write for "not set": nothing is asked then, but for swappiness, idle and burst.
 * An update is planned from the whole of the resources, the old ones and the new: some files need two properties.
 */
int resources_plan(struct arena *arena, const struct oci_resources *resources, bool unified, struct plan_resources *out,
                   struct error *err);

/* cgroup2 io.weight of a blockIO weight: 10..1000 to 1..10000. */
unsigned resources_io_weight(unsigned weight);

/* cgroup2 cpu.weight of v1 shares: 0 stays 0 (unset), 2..262144 to 1..10000. */
unsigned long resources_cpu_weight(unsigned long shares);

#endif
