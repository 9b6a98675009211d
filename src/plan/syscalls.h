/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscalls: the numbers of system calls by name, on every architecture that a filter may list. Names that are newer
 * than libseccomp come from a table of our own, so that a filter does not depend on the library's version. Pure.
 */
#ifndef BERTH_PLAN_SYSCALLS_H
#define BERTH_PLAN_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>

struct syscall_arch {
    uint32_t token; /* libseccomp's SCMP_ARCH_* */
    uint32_t audit; /* seccomp_data.arch, which x86_64 and x32 share */
    bool wide;      /* arguments have 64 bits; else only the low half of each counts */
};

/* The architecture of that token of libseccomp. */
struct syscall_arch syscall_arch(uint32_t token);

/* How a system call is reached. Either number is -1 where there is no such way. */
struct syscall_ways {
    int64_t number;     /* its own number */
    int64_t gate;       /* the number of socketcall or ipc, which take the call as their first argument */
    uint32_t gate_call; /* that argument */
    uint32_t gate_mask; /* the bits of it that count */
};

/*
 * False when nobody knows the name. A call that exists on other architectures only is known and has no way. Our own
 * table decides before libseccomp does.
 */
bool syscall_find(const struct syscall_arch *arch, const char *name, struct syscall_ways *out);

/* The number from `first` on that the n-th name of the table has on all architectures; NULL behind the last. */
const char *syscall_common(const struct syscall_arch *arch, unsigned n, int64_t *number);

#endif
