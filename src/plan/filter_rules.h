/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_rules: the rules of a seccomp section, by system call number and in the order in which they decide. Pure;
 * runs in life.
 *
 * Several rules may be about one call. Without conditions the first of them decides, whatever conditions others have
 * (as in libseccomp, and a default profile counts on it). Otherwise the strictest one whose conditions hold decides, in
 * the kernel's order of actions.
 */
#ifndef BERTH_PLAN_FILTER_RULES_H
#define BERTH_PLAN_FILTER_RULES_H

#include "base/arena.h"
#include "base/error.h"
#include "plan/syscalls.h"

#include <stddef.h>
#include <stdint.h>

struct oci_seccomp;

/* (argument & mask) OP value. A value has no bits outside of its mask. */
struct filter_compare {
    enum { COMPARE_EQ, COMPARE_GT, COMPARE_GE } op;
    bool negated;
    uint32_t index;
    uint64_t mask, value;
};

struct filter_rule {
    uint32_t number;
    uint32_t action;                       /* what the filter returns */
    bool wide;                             /* see struct syscall_arch */
    bool gate;                             /* made from another call's rule, for socketcall or ipc */
    const struct filter_compare *compares; /* all must hold; by ascending index */
    size_t count;
    const char *name;
    size_t row;   /* in the section's syscalls */
    size_t order; /* among all rules */
};

struct filter_rules {
    struct filter_rule *items;
    size_t count, room;
    size_t unknown; /* names that nobody knows; the same on every architecture */
};

#define FILTER_RULES_MOST 8192 /* alternatives that a section may have: its names times the rules that are made */

/* How many alternatives the section has, FILTER_RULES_MOST + 1 when there are more. */
size_t filter_rules_count(const struct oci_seccomp *seccomp);

/*
 * Adds the rules for one architecture; the actions come from `actions`, one for each of the section's rules, and a rule
 * that does what `fallback` does is left out. *highest is raised to the highest number up to `last` that is named, also
 * by a rule left out. Returns 0 or a negative errno value.
 */
int filter_rules_add(struct arena *arena, const struct oci_seccomp *seccomp, const uint32_t *actions, uint32_t fallback,
                     const struct syscall_arch *arch, uint32_t last, int64_t *highest, struct filter_rules *out,
                     struct error *err);

/* Puts them into the order above and drops repetitions. Refuses equal conditions with different actions. */
int filter_rules_sort(struct arena *arena, struct filter_rules *rules, struct error *err);

/* The number of rules for the call of rules[0], of `count` that are sorted. */
size_t filter_rules_group(const struct filter_rule *rules, size_t count);

/* Whether the action restricts more than the other, in the kernel's order. */
bool filter_stricter(uint32_t action, uint32_t other);

#endif
