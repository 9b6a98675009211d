/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_fold: see filter_fold.h. Runs in life; needs no privilege.
 *
 * A filter sees an architecture, a number and arguments. As long as it has looked at the first two only, its path for a
 * number can change nowhere but at the constants that it compares with. So one walk for each architecture and each
 * such constant (and the number behind it) tells where all 2^32 numbers end: at an answer, or at the first look at an
 * argument. From there on the old instructions are kept; all before is written anew.
 */
#include "plan/filter_fold.h"

#include "base/own.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FOLD_ARCHS 32 /* more than there are */
#define JUMP_MOST 255 /* how far a conditional jump reaches */
#define LEAF_NEAR 128 /* an answer is written again rather than reached from farther away */

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

/* Where a walk ends: at an answer, or at the instruction that loads something else than architecture or number. */
struct leaf {
    bool open;
    uint32_t value; /* the answer; the index of the instruction when open */
};

/* All numbers from `start` to the next range. */
struct range {
    uint32_t start;
    struct leaf leaf;
};

struct landing {
    struct leaf leaf;
    size_t position;
};

struct fold {
    const struct sock_filter *in;
    size_t count;
    uint32_t *points; /* numbers to try, ascending */
    size_t point_count;
    uint32_t archs[FOLD_ARCHS]; /* that the program compares with, in the order in which it does */
    size_t arch_count;
    /*
     * The new program is written from its end: what a jump leads to stands there before the jump does. A position is
     * the number of instructions from there to the end, so the next one put is at used + 1 and a jump in it to
     * `target` has the offset used - target.
     */
    struct sock_filter *out; /* room for `count`; a longer result is of no use */
    size_t used;
    size_t *moved; /* new positions of the old instructions that are kept, 0 for others */
    struct landing *landings;
    size_t landing_count;
};

/* -------------------------------------------------------------------------------------------------------- walking --
 */

static bool arch_note(struct fold *f, uint32_t arch) {
    for (size_t i = 0; i < f->arch_count; i++)
        if (f->archs[i] == arch)
            return true;
    if (f->arch_count == FOLD_ARCHS)
        return false;
    f->archs[f->arch_count++] = arch;
    return true;
}

static bool compare(uint16_t code, uint32_t a, uint32_t k) {
    return BPF_OP(code) == BPF_JEQ ? a == k : BPF_OP(code) == BPF_JGT ? a > k : a >= k;
}

/*
 * Where the program ends for a number on an architecture; arch NULL: one that it does not compare with. False when it
 * does something that is not understood.
 */
static bool walk(struct fold *f, const uint32_t *arch, uint32_t number, struct leaf *out) {
    enum { NOTHING, ARCH, NUMBER } holds = NOTHING;
    for (size_t at = 0; at < f->count; at++) {
        const struct sock_filter *i = &f->in[at];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (i->k != offsetof(struct seccomp_data, arch) && i->k != offsetof(struct seccomp_data, nr)) {
                *out = (struct leaf){.open = true, .value = (uint32_t)at};
                return true;
            }
            holds = i->k == offsetof(struct seccomp_data, arch) ? ARCH : NUMBER;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
        case BPF_JMP | BPF_JGT | BPF_K:
        case BPF_JMP | BPF_JGE | BPF_K:
            if (holds == NUMBER) {
                at += compare(i->code, number, i->k) ? i->jt : i->jf;
                break;
            }
            if (holds != ARCH || BPF_OP(i->code) != BPF_JEQ || !arch_note(f, i->k))
                return false;
            at += arch && *arch == i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JA:
            at += i->k; /* 32 bits more than `count`, which is small: no overflow */
            break;
        case BPF_RET | BPF_K:
            *out = (struct leaf){.open = false, .value = i->k};
            return true;
        default:
            return false;
        }
    }
    return false;
}

static int number_compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Constants that arguments are compared with are among them: they cost a walk and change nothing. */
static bool points_find(struct arena *arena, struct fold *f) {
    f->points = arena_array(arena, 2 * f->count + 1, sizeof *f->points);
    if (!f->points)
        return false;
    size_t n = 1; /* the first is 0 */
    for (size_t i = 0; i < f->count; i++) {
        if (BPF_CLASS(f->in[i].code) != BPF_JMP || BPF_OP(f->in[i].code) == BPF_JA)
            continue;
        f->points[n++] = f->in[i].k;
        if (f->in[i].k < UINT32_MAX)
            f->points[n++] = f->in[i].k + 1;
    }
    qsort(f->points, n, sizeof *f->points, number_compare);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || f->points[i] != f->points[f->point_count - 1])
            f->points[f->point_count++] = f->points[i];
    return true;
}

static bool leaf_same(struct leaf a, struct leaf b) {
    return a.open == b.open && a.value == b.value;
}

/* The answers of one architecture. Returns the number of ranges, at least 1; 0 when the program is not understood. */
static size_t ranges_find(struct fold *f, const uint32_t *arch, struct range *out) {
    size_t n = 0;
    for (size_t i = 0; i < f->point_count; i++) {
        struct leaf leaf;
        if (!walk(f, arch, f->points[i], &leaf))
            return 0;
        if (n == 0 || !leaf_same(out[n - 1].leaf, leaf))
            out[n++] = (struct range){.start = f->points[i], .leaf = leaf};
    }
    return n;
}

/* -------------------------------------------------------------------------------------------------------- writing --
 */

static size_t put(struct fold *f, struct sock_filter instruction) {
    if (f->used == f->count) /* no gain any more: what is put from here on is lost, and then all is */
        return f->used;
    f->out[f->count - ++f->used] = instruction;
    return f->used;
}

static size_t jump_put(struct fold *f, size_t target) {
    return put(f, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(f->used - target)));
}

static size_t branch_put(struct fold *f, uint16_t operation, uint32_t k, size_t yes, size_t no) {
    if (f->used + 1 - yes > JUMP_MOST) /* one more: the next line may put another jump between */
        yes = jump_put(f, yes);
    if (f->used - no > JUMP_MOST)
        no = jump_put(f, no);
    return put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | operation | BPF_K, k, (uint8_t)(f->used - yes),
                                               (uint8_t)(f->used - no)));
}

/* Each answer is written once for all that are near. */
static size_t leaf_put(struct fold *f, struct leaf leaf) {
    size_t i = 0;
    while (i < f->landing_count && !leaf_same(f->landings[i].leaf, leaf))
        i++;
    if (i < f->landing_count && f->used - f->landings[i].position <= LEAF_NEAR)
        return f->landings[i].position;
    size_t position = leaf.open ? jump_put(f, f->moved[leaf.value])
                                : put(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, leaf.value));
    if (i == f->landing_count)
        f->landing_count++;
    f->landings[i] = (struct landing){.leaf = leaf, .position = position};
    return position;
}

static size_t tree_put(struct fold *f, const struct range *ranges, size_t count) {
    if (count == 1)
        return leaf_put(f, ranges[0].leaf);
    size_t half = count / 2;
    size_t above = tree_put(f, ranges + half, count - half), below = tree_put(f, ranges, half);
    return branch_put(f, BPF_JGE, ranges[half].start, above, below);
}

static size_t block_put(struct fold *f, const struct range *ranges, size_t count) {
    size_t tree = tree_put(f, ranges, count);
    if (count == 1)
        return tree;
    return put(f, (struct sock_filter)LOAD(nr)); /* falls into the branch that was put last */
}

/* The old instructions that the open leaves lead to. They only come closer to each other: every jump still reaches. */
static void rest_put(struct fold *f, const struct range *ranges, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (ranges[i].leaf.open)
            f->moved[ranges[i].leaf.value] = SIZE_MAX; /* wanted */
    for (size_t i = 0; i < f->count; i++) {            /* all jumps lead forward */
        const struct sock_filter *in = &f->in[i];
        if (!f->moved[i] || BPF_CLASS(in->code) == BPF_RET)
            continue;
        bool jump = BPF_CLASS(in->code) == BPF_JMP, always = jump && BPF_OP(in->code) == BPF_JA;
        f->moved[i + 1 + (always ? in->k : jump ? in->jt : 0)] = SIZE_MAX;
        if (jump && !always)
            f->moved[i + 1 + in->jf] = SIZE_MAX;
    }
    for (size_t i = f->count; i-- > 0;) {
        struct sock_filter in = f->in[i];
        if (!f->moved[i])
            continue;
        if (BPF_CLASS(in.code) == BPF_JMP && BPF_OP(in.code) == BPF_JA) {
            in.k = (uint32_t)(f->used - f->moved[i + 1 + in.k]);
        } else if (BPF_CLASS(in.code) == BPF_JMP) {
            in.jt = (uint8_t)(f->used - f->moved[i + 1 + in.jt]);
            in.jf = (uint8_t)(f->used - f->moved[i + 1 + in.jf]);
        }
        f->moved[i] = put(f, in);
    }
}

/* ------------------------------------------------------------------------------------------------------------ all --
 */

/* No jump may lead out: the walks check only the paths that they take. */
static bool jumps_inside(const struct sock_filter *in, size_t count) {
    if (count == 0 || BPF_CLASS(in[count - 1].code) != BPF_RET)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (BPF_CLASS(in[i].code) != BPF_JMP)
            continue;
        size_t room = count - 1 - i, far = in[i].jt > in[i].jf ? in[i].jt : in[i].jf;
        if ((BPF_OP(in[i].code) == BPF_JA ? in[i].k : far) >= room)
            return false;
    }
    return true;
}

/*
 * Ranges of all architectures one after the other, those of the unnamed ones first; ends[i] is where the i-th list
 * ends. Walking finds the architectures, so their number grows on the way. False when not understood.
 */
static bool lists_find(struct fold *f, struct range *ranges, size_t *ends) {
    size_t total = 0;
    for (size_t i = 0; i <= f->arch_count; i++) {
        uint32_t arch = i > 0 ? f->archs[i - 1] : 0;
        size_t n = ranges_find(f, i > 0 ? &arch : NULL, ranges + total);
        if (n == 0)
            return false;
        total += n;
        ends[i] = total;
    }
    return true;
}

static void program_put(struct fold *f, const struct range *ranges, const size_t *ends) {
    size_t entries[FOLD_ARCHS + 1];
    rest_put(f, ranges, ends[f->arch_count]);
    for (size_t i = 0; i <= f->arch_count; i++) {
        size_t start = i > 0 ? ends[i - 1] : 0;
        entries[i] = block_put(f, ranges + start, ends[i] - start);
    }
    size_t next = entries[0];
    for (size_t i = f->arch_count; i > 0; i--)
        next = branch_put(f, BPF_JEQ, f->archs[i - 1], entries[i], next);
    put(f, (struct sock_filter)LOAD(arch)); /* falls into the first comparison; without any, into the one block */
}

int filter_fold(struct arena *arena, const struct sock_filter **program, size_t *count) {
    struct fold f = {.in = *program, .count = *count};
    if (!jumps_inside(f.in, f.count))
        return 0;
    if (!points_find(arena, &f))
        return -ENOMEM;
    size_t ends[FOLD_ARCHS + 1];
    size_t most = (FOLD_ARCHS + 1) * f.point_count;
    own_memory struct range *ranges = reallocarray(NULL, most, sizeof *ranges);
    own_memory struct landing *landings = reallocarray(NULL, most, sizeof *landings);
    own_memory size_t *moved = calloc(f.count, sizeof *moved);
    f.out = arena_array(arena, f.count, sizeof *f.out);
    if (!ranges || !landings || !moved || !f.out)
        return -ENOMEM;
    f.landings = landings;
    f.moved = moved;
    if (!lists_find(&f, ranges, ends))
        return 0;
    program_put(&f, ranges, ends);
    if (f.used < f.count) {
        *program = f.out + (f.count - f.used);
        *count = f.used;
    }
    return 0;
}
