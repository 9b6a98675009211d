/* SPDX-License-Identifier: Apache-2.0 */
/* arena: see arena.h. Runs in life only; the new process allocates nothing. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)32 * 1024)

struct arena_block {
    struct arena_block *older;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

static size_t round_up(size_t size) {
    size_t mask = alignof(max_align_t) - 1;
    return size > SIZE_MAX - mask ? SIZE_MAX : (size + mask) & ~mask;
}

void *arena_alloc(struct arena *arena, size_t size) {
    size = round_up(size);
    struct arena_block *b = arena->block;
    if (!b || size > b->size - b->used) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        if (room > SIZE_MAX - sizeof *b)
            return NULL;
        b = calloc(1, sizeof *b + room);
        if (!b)
            return NULL;
        b->size = room;
        b->older = arena->block;
        arena->block = b;
    }
    void *p = b->data + b->used;
    b->used += size;
    return p;
}

void *arena_array(struct arena *arena, size_t count, size_t size) {
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len) {
    char *copy = len == SIZE_MAX ? NULL : arena_alloc(arena, len + 1);
    if (copy)
        memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text) {
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char first[256]; /* most texts fit, and are formatted once */
    int n = vsnprintf(first, sizeof first, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
    if (text && (size_t)n < sizeof first)
        memcpy(text, first, (size_t)n);
    else if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

void arena_drop(struct arena *arena) {
    while (arena->block) {
        struct arena_block *older = arena->block->older;
        free(arena->block);
        arena->block = older;
    }
}
