/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fortify: what _FORTIFY_SOURCE=2 does in glibc, for a libc that lacks it (musl), for the functions that this tree
 * uses: where the compiler knows how large the target is, a write beyond it ends the program. Included before every
 * file of such a build by the compiler's command line. The checking functions in fortify.c carry the names that the
 * Linux Standard Base gives them, since static archives of a distribution (yajl, libseccomp) call them too.
 */
#ifndef BERTH_BASE_FORTIFY_H
#define BERTH_BASE_FORTIFY_H

#ifndef BERTH_FORTIFY_IMPLEMENTATION

#include <sched.h> /* musl declares memcpy there, too */
#include <stdio.h>
#include <string.h>

#define fortify_size(target) __builtin_object_size(target, 1)
#define fortify_room(target) __builtin_object_size(target, 0)

#define memcpy(target, ...) __builtin___memcpy_chk(target, __VA_ARGS__, fortify_room(target))
#define memmove(target, ...) __builtin___memmove_chk(target, __VA_ARGS__, fortify_room(target))
#define memset(target, ...) __builtin___memset_chk(target, __VA_ARGS__, fortify_room(target))
#define strcpy(target, ...) __builtin___strcpy_chk(target, __VA_ARGS__, fortify_size(target))
#define snprintf(target, size, ...) __builtin___snprintf_chk(target, size, 1, fortify_size(target), __VA_ARGS__)
#define vsnprintf(target, size, ...) __builtin___vsnprintf_chk(target, size, 1, fortify_size(target), __VA_ARGS__)

#endif
#endif
