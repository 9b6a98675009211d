/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: linux.seccomp as a finished BPF program. Pure: no privilege and no system call; runs in life. runtime-spec
 * config-linux.md "Seccomp"; seccomp(2).
 */
#ifndef BERTH_PLAN_FILTER_H
#define BERTH_PLAN_FILTER_H

#include "base/arena.h"
#include "base/error.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

struct oci_seccomp;
struct oci_string_map;

struct plan_filter {
    const struct sock_filter *program; /* NULL: no filter */
    size_t count;                      /* instructions, at most BPF_MAXINSNS */
    unsigned flags;                    /* SECCOMP_FILTER_FLAG_* for seccomp(2) */
    size_t unknown;                    /* names that nobody knows: filter_review tells about them */
};

/*
 * Checks the section and says all that decides the program, as bytes: two sections with equal keys give equal
 * programs on one machine (architecture and the versions of berth and libseccomp are in the key). *key is in the arena.
 * *flags is what filter_compile would set: the flags need no compilation and do not decide the program, so they are not
 * in the key. This is the cheap half: a section that it passes may still be refused by filter_compile (an architecture
 * that libseccomp lacks, rules that contradict each other).
 *
 * Flags absent from the section ask for SECCOMP_FILTER_FLAG_SPEC_ALLOW; a kernel older than 4.17 answers EINVAL to it,
 * and whoever loads the filter may then drop that one flag. An empty list of flags asks for none.
 */
int filter_key(struct arena *arena, const struct oci_seccomp *seccomp, const char **key, size_t *len, unsigned *flags,
               struct error *err);

/*
 * Compiles the section. Refuses what the specification calls an error, with the JSON pointer. *out->program is in the
 * arena. Names that nobody knows are left out: filter_review tells.
 *
 * Where the default action denies (ERRNO other than ENOSYS, TRAP, KILL*), system calls with a number above all those
 * that the section names answer ENOSYS: the section was written before they existed, and a C library falls back to
 * the older call on ENOSYS alone.
 */
int filter_compile(struct arena *arena, const struct oci_seccomp *seccomp, struct plan_filter *out, struct error *err);

/* Whether the annotation is there that has a section with unknown names refused; its value does not matter: crun(1). */
bool filter_fails_unknown(const struct oci_string_map *annotations);

/*
 * Logs the unknown names: as a warning where the rule is stricter than the default action, else as a debug line. With
 * `fail_unknown` either is refused. To be called also when the program came from a cache.
 */
int filter_review(struct arena *arena, const struct oci_seccomp *seccomp, bool fail_unknown, struct error *err);

#endif
