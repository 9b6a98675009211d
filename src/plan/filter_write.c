/* SPDX-License-Identifier: Apache-2.0 */
/* filter_write: see filter_write.h. Runs in life; needs no privilege. */
#include "plan/filter_write.h"

#include "plan/filter_rules.h"

#include <endian.h>
#include <linux/seccomp.h>

#define JUMP_MOST 255 /* how far a conditional jump reaches */
#define LEAF_NEAR 128 /* an answer is written again rather than reached from farther away */
#define SPANS_LINE 8  /* as many are compared one after the other */

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

struct filter_landing {
    struct filter_leaf leaf;
    size_t position;
};

bool filter_writer_init(struct filter_writer *w, struct arena *arena) {
    *w = (struct filter_writer){
        .out = arena_array(arena, BPF_MAXINSNS, sizeof *w->out),
        .landings = arena_array(arena, BPF_MAXINSNS, sizeof *w->landings),
    };
    return w->out && w->landings;
}

static size_t put(struct filter_writer *w, struct sock_filter instruction) {
    if (w->used == BPF_MAXINSNS) {
        w->full = true;
        return w->used;
    }
    w->used++;
    w->out[BPF_MAXINSNS - w->used] = instruction;
    return w->used;
}

static size_t jump_put(struct filter_writer *w, size_t target) {
    return put(w, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(w->used - target)));
}

static size_t branch_put(struct filter_writer *w, uint16_t operation, uint32_t k, size_t yes, size_t no) {
    if (w->used + 1 - yes > JUMP_MOST) /* one more: the next line may put another jump between */
        yes = jump_put(w, yes);
    if (w->used - no > JUMP_MOST)
        no = jump_put(w, no);
    return put(w, (struct sock_filter)BPF_JUMP(BPF_JMP | operation | BPF_K, k, (uint8_t)(w->used - yes),
                                               (uint8_t)(w->used - no)));
}

static bool leaf_same(struct filter_leaf a, struct filter_leaf b) {
    return a.open == b.open && a.value == b.value;
}

/* Each answer, and each jump to code far away, is written once for all that are near. */
static size_t leaf_put(struct filter_writer *w, struct filter_leaf leaf) {
    size_t i = 0;
    while (i < w->landing_count && !leaf_same(w->landings[i].leaf, leaf))
        i++;
    if (i < w->landing_count && w->used - w->landings[i].position <= LEAF_NEAR)
        return w->landings[i].position;
    size_t position =
        leaf.open ? jump_put(w, leaf.value) : put(w, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, leaf.value));
    if (i < BPF_MAXINSNS) /* each landing is an instruction: there are more only when the program is too long */
        w->landings[i] = (struct filter_landing){.leaf = leaf, .position = position};
    if (i == w->landing_count && i < BPF_MAXINSNS)
        w->landing_count++;
    return position;
}

static size_t answer_put(struct filter_writer *w, uint32_t answer) {
    return leaf_put(w, (struct filter_leaf){.value = answer});
}

/* ------------------------------------------------------------------------------------------------- arguments -- */

static size_t argument_load(struct filter_writer *w, uint32_t index, bool high) {
    bool second = high == (BYTE_ORDER == LITTLE_ENDIAN);
    uint32_t offset = (uint32_t)(offsetof(struct seccomp_data, args) + 8 * index + (second ? 4 : 0));
    return put(w, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static size_t mask_put(struct filter_writer *w, uint32_t mask, size_t position) {
    return mask == UINT32_MAX ? position : put(w, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
}

static size_t low_put(struct filter_writer *w, const struct filter_compare *c, size_t yes, size_t no) {
    static const uint16_t operations[] = {[COMPARE_EQ] = BPF_JEQ, [COMPARE_GT] = BPF_JGT, [COMPARE_GE] = BPF_JGE};
    if ((uint32_t)c->mask == 0)
        return yes;
    mask_put(w, (uint32_t)c->mask, branch_put(w, operations[c->op], (uint32_t)c->value, yes, no));
    return argument_load(w, c->index, false);
}

static size_t high_put(struct filter_writer *w, const struct filter_compare *c, size_t low, size_t yes, size_t no) {
    uint32_t mask = (uint32_t)(c->mask >> 32), value = (uint32_t)(c->value >> 32);
    if (mask == 0)
        return low;
    size_t same = branch_put(w, BPF_JEQ, value, low, no);
    if (c->op == COMPARE_EQ)
        mask_put(w, mask, same);
    else
        branch_put(w, BPF_JGT, value, yes, same);
    return argument_load(w, c->index, true);
}

/* One condition: goes on at `yes` or at `no`. A narrow architecture has no mask for the high half. */
static size_t compare_put(struct filter_writer *w, const struct filter_compare *c, size_t yes, size_t no) {
    if (c->negated)
        return high_put(w, c, low_put(w, c, no, yes), no, yes);
    return high_put(w, c, low_put(w, c, yes, no), yes, no);
}

/* A row of values of one argument's low half. */
struct span {
    uint32_t first, last;
};

static size_t spans_put(struct filter_writer *w, const struct span *spans, size_t count, uint32_t answer, size_t no) {
    if (count > SPANS_LINE) {
        size_t half = count / 2;
        size_t above = spans_put(w, spans + half, count - half, answer, no);
        size_t below = spans_put(w, spans, half, answer, no);
        return branch_put(w, BPF_JGE, spans[half].first, above, below);
    }
    size_t next =
        w->used - no > LEAF_NEAR ? leaf_put(w, (struct filter_leaf){.open = true, .value = (uint32_t)no}) : no;
    while (count-- > 0) {
        size_t yes = answer_put(w, answer);
        if (spans[count].first == spans[count].last)
            next = branch_put(w, BPF_JEQ, spans[count].first, yes, next);
        else
            next =
                branch_put(w, BPF_JGE, spans[count].first, branch_put(w, BPF_JGT, spans[count].last, next, yes), next);
    }
    return next;
}

/* Compares one whole argument with one value. */
static bool rule_simple(const struct filter_rule *rule) {
    const struct filter_compare *c = rule->compares;
    return rule->count == 1 && c->op == COMPARE_EQ && !c->negated && c->mask == (rule->wide ? UINT64_MAX : UINT32_MAX);
}

/* Whether two neighbours differ in the low half of the value only. They are sorted by it. */
static bool rules_alike(const struct filter_rule *a, const struct filter_rule *b) {
    return rule_simple(a) && rule_simple(b) && a->action == b->action && a->compares->index == b->compares->index &&
           a->compares->value >> 32 == b->compares->value >> 32;
}

static size_t run_put(struct filter_writer *w, const struct filter_rule *rules, size_t count, size_t no) {
    struct span spans[BPF_MAXINSNS];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t value = (uint32_t)rules[i].compares->value;
        if (n > 0 && value == spans[n - 1].last + 1)
            spans[n - 1].last = value;
        else if (n < BPF_MAXINSNS)
            spans[n++] = (struct span){value, value};
        else
            w->full = true; /* each span takes an instruction */
    }
    spans_put(w, spans, n, rules->action, no);
    size_t low = argument_load(w, rules->compares->index, false);
    return high_put(w, rules->compares, low, low, no);
}

static size_t rule_put(struct filter_writer *w, const struct filter_rule *rule, size_t no) {
    size_t yes = answer_put(w, rule->action);
    for (size_t i = rule->count; i-- > 0;)
        yes = compare_put(w, &rule->compares[i], yes, no);
    return yes;
}

size_t filter_write_call(struct filter_writer *w, const struct filter_rule *rules, size_t count, uint32_t otherwise) {
    size_t next = answer_put(w, otherwise);
    for (size_t end = count, start; end > 0; end = start) {
        start = end - 1;
        while (start > 0 && rules_alike(&rules[start - 1], &rules[start]))
            start--;
        next = end - start > 1 ? run_put(w, &rules[start], end - start, next) : rule_put(w, &rules[start], next);
    }
    return next;
}

/* --------------------------------------------------------------------------------- numbers and architectures -- */

static size_t tree_put(struct filter_writer *w, const struct filter_range *ranges, size_t count) {
    if (count == 1)
        return leaf_put(w, ranges[0].leaf);
    size_t half = count / 2;
    size_t above = tree_put(w, ranges + half, count - half), below = tree_put(w, ranges, half);
    return branch_put(w, BPF_JGE, ranges[half].start, above, below);
}

size_t filter_write_numbers(struct filter_writer *w, const struct filter_range *ranges, size_t count) {
    size_t tree = tree_put(w, ranges, count);
    if (count == 1)
        return tree;
    return put(w, (struct sock_filter)LOAD(nr)); /* falls into the branch that was put last */
}

void filter_write_archs(struct filter_writer *w, const uint32_t *archs, const size_t *blocks, size_t count,
                        uint32_t otherwise) {
    size_t next = answer_put(w, otherwise);
    while (count-- > 0)
        next = branch_put(w, BPF_JEQ, archs[count], blocks[count], next);
    put(w, (struct sock_filter)LOAD(arch)); /* falls into the first comparison */
}
