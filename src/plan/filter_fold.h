/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_fold: the same seccomp filter in fewer instructions. The kernel compiles each instruction and tries every
 * system call number when a filter is loaded (for its table of calls that are always allowed, Linux 5.11), so both the
 * length of a filter and the length of its paths are paid in each container. Pure; runs in life.
 */
#ifndef BERTH_PLAN_FILTER_FOLD_H
#define BERTH_PLAN_FILTER_FOLD_H

#include "base/arena.h"

#include <linux/filter.h>
#include <stddef.h>

/*
 * Replaces *program by one that answers the same to every architecture, number and list of arguments: neighbouring
 * numbers with one answer become a range, ranges become a binary tree, and only what looks at arguments is kept as it
 * was. A program that is not understood, or that would not shrink, is left as it is. The result is in the arena.
 * Returns 0 or -ENOMEM.
 */
int filter_fold(struct arena *arena, const struct sock_filter **program, size_t *count);

#endif
