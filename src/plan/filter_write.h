/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_write: a seccomp filter in few instructions. The kernel compiles each instruction and tries every system call
 * number when a filter is loaded (for its table of calls that are always allowed, Linux 5.11), so both the length of a
 * filter and the length of its paths are paid in each container. Neighbouring numbers with one answer become a range,
 * ranges become a binary tree. Pure; runs in life.
 */
#ifndef BERTH_PLAN_FILTER_WRITE_H
#define BERTH_PLAN_FILTER_WRITE_H

#include "base/arena.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct filter_rule;

/* Where a number leads: to an answer, or to code that looks at the arguments. */
struct filter_leaf {
    bool open;
    uint32_t value; /* the answer; the position of the code when open */
};

/* All numbers from `start` to the next range. */
struct filter_range {
    uint32_t start;
    struct filter_leaf leaf;
};

/*
 * The program is written from its end: what a jump leads to stands there before the jump does. A position is the
 * number of instructions from there to the end, so the next one put is at used + 1 and a jump in it to `target` has
 * the offset used - target.
 */
struct filter_writer {
    struct sock_filter *out; /* room for BPF_MAXINSNS */
    size_t used;
    bool full; /* the program is longer: what was put since then is lost */
    struct filter_landing *landings;
    size_t landing_count;
};

/* False when out of memory. What it allocates is in the arena. */
bool filter_writer_init(struct filter_writer *writer, struct arena *arena);

/* The rules for one call, sorted; a call that no rule matches gets the answer `otherwise`. Returns the position. */
size_t filter_write_call(struct filter_writer *writer, const struct filter_rule *rules, size_t count,
                         uint32_t otherwise);

/* All numbers of an architecture; the first range starts at 0. Returns the position. */
size_t filter_write_numbers(struct filter_writer *writer, const struct filter_range *ranges, size_t count);

/* The beginning of the program: the blocks of all architectures, and the answer to any other. */
void filter_write_archs(struct filter_writer *writer, const uint32_t *archs, const size_t *blocks, size_t count,
                        uint32_t otherwise);

#endif
