/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of base/arena: memory that is zeroed, aligned, apart from each other, and gone all at once. No privilege.
 */
#include "base/arena.h"
#include "tap.h"

#include <stdalign.h>
#include <stdint.h>

static bool all(const unsigned char *memory, size_t size, unsigned char value) {
    for (size_t i = 0; i < size; i++)
        if (memory[i] != value)
            return false;
    return true;
}

static bool aligned(const void *memory) {
    return (uintptr_t)memory % alignof(max_align_t) == 0;
}

/* Pieces of all sizes around the size of a block, each filled with a value of its own, looked at when all are there. */
static void test_pieces(void) {
    enum { COUNT = 400 };
    static unsigned char *pieces[COUNT];
    static size_t sizes[COUNT];
    own_arena arena = ARENA_INIT;
    int bad = 0, dirty = 0, crooked = 0, overwritten = 0;
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i % 7 == 6 ? 32 * 1024 - 200 + i : i * i % 3001;
        pieces[i] = arena_alloc(&arena, sizes[i]);
        bad += !pieces[i];
        if (!pieces[i])
            continue;
        dirty += !all(pieces[i], sizes[i], 0);
        crooked += !aligned(pieces[i]);
        memset(pieces[i], (int)(i % 251 + 1), sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        overwritten += !all(pieces[i], sizes[i], (unsigned char)(i % 251 + 1));
    is_number(bad, 0, "pieces of all sizes are had");
    is_number(dirty, 0, "all are zeroed");
    is_number(crooked, 0, "all are aligned for any type");
    is_number(overwritten, 0, "none lies in another");
}

static void test_sizes(void) {
    own_arena arena = ARENA_INIT;
    void *nothing = arena_alloc(&arena, 0);
    ok(nothing && aligned(nothing), "a size of 0 gives a pointer");
    unsigned char *big = arena_alloc(&arena, 5 * 1024 * 1024);
    ok(big && all(big, 5 * 1024 * 1024, 0), "a piece larger than a block is had and zeroed");
    if (big)
        memset(big, 0x55, 5 * 1024 * 1024);
    unsigned char *small = arena_alloc(&arena, 64);
    ok(small && all(small, 64, 0), "a small one behind it is zeroed");
    ok(arena_alloc(&arena, SIZE_MAX) == NULL, "SIZE_MAX bytes are not had");
    ok(arena_alloc(&arena, SIZE_MAX - 7) == NULL, "nor what rounds up to more");
    ok(arena_alloc(&arena, SIZE_MAX - 40) == NULL, "nor what leaves no room for the head of a block");
    ok(big && all(big, 5 * 1024 * 1024, 0x55), "what was there before a failure is there still");
    ok(arena_alloc(&arena, 8) != NULL, "and the arena can go on");
}

static void test_arrays(void) {
    own_arena arena = ARENA_INIT;
    uint64_t *numbers = arena_array(&arena, 1000, sizeof *numbers);
    ok(numbers && all((unsigned char *)numbers, 1000 * sizeof *numbers, 0), "an array is zeroed");
    ok(arena_array(&arena, 0, 8) != NULL, "an array of nothing is a pointer");
    ok(arena_array(&arena, SIZE_MAX / 2, 3) == NULL, "count times size is checked for overflow");
    ok(arena_array(&arena, SIZE_MAX / 8 + 2, 8) == NULL, "also where the product would be small");
    ok(arena_array(&arena, SIZE_MAX, SIZE_MAX) == NULL, "and where both are as large as can be");
}

static void test_texts(void) {
    own_arena arena = ARENA_INIT;
    char original[] = "container";
    char *copy = arena_strdup(&arena, original), *part = arena_strndup(&arena, original, 3);
    original[0] = 'X';
    is_text(copy, "container", "a copy of a text is a copy");
    is_text(part, "con", "a copy of the start of a text ends there");
    is_text(arena_strdup(&arena, ""), "", "an empty text is a text");
    is_text(arena_strndup(&arena, "abc", 0), "", "no byte of a text, too");
    const char bytes[] = {'a', '\0', 'b'};
    char *raw = arena_strndup(&arena, bytes, 3);
    ok(raw && memcmp(raw, "a\0b", 4) == 0, "bytes are taken by their number, not up to a NUL");
    ok(arena_strndup(&arena, "", SIZE_MAX) == NULL, "a length that leaves no room for the NUL is refused");
    is_text(arena_printf(&arena, "%s/%d%%", "a", -5), "a/-5%", "printf");
    is_text(arena_printf(&arena, "%s", ""), "", "printf of nothing");
    char *wide = arena_printf(&arena, "%0*d", 100000, 7);
    ok(wide && strlen(wide) == 100000 && wide[99999] == '7', "printf of more than a block");
    is_text(copy, "container", "what was there before is unharmed");
}

static void test_drop(void) {
    struct arena arena = ARENA_INIT;
    arena_drop(&arena);
    ok(!arena.block, "an empty arena can be dropped");
    for (int i = 0; i < 100; i++)
        memset(arena_alloc(&arena, 3000), 0xff, 3000);
    arena_drop(&arena);
    ok(!arena.block, "a dropped arena is empty");
    unsigned char *again = arena_alloc(&arena, 3000);
    ok(again && all(again, 3000, 0), "and gives zeroed memory again");
    arena_drop(&arena);
    arena_drop(&arena);
    ok(!arena.block, "dropping twice is harmless");
}

int main(void) {
    test_pieces();
    test_sizes();
    test_arrays();
    test_texts();
    test_drop();
    return tap_done();
}
