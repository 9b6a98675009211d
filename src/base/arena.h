/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: memory that lives and dies together. The config and the plan of one operation stand in one arena; nothing
 * in it is freed alone.
 */
#ifndef BERTH_BASE_ARENA_H
#define BERTH_BASE_ARENA_H

#include "base/own.h"

#include <stdarg.h>
#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *block; /* the block in use; older ones hang behind it */
};

#define ARENA_INIT                                                                                                     \
    { .block = NULL }
#define own_arena own(arena_drop) struct arena

/* Zeroed memory aligned for any type, or NULL when out of memory. A size of 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc));

/* count * size, checked for overflow (NULL). */
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((malloc));

char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees all of it; the arena is empty and usable again. */
void arena_drop(struct arena *arena);

#endif
