/* SPDX-License-Identifier: Apache-2.0 */
/* filter_rules: see filter_rules.h. Runs in life; needs no privilege. */
#include "plan/filter_rules.h"

#include "base/table.h"
#include "oci_types.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    uint8_t op;
    bool negated;
} operators[] = {
    [OCI_SECCOMP_OPERATOR_NE] = {COMPARE_EQ, true},         [OCI_SECCOMP_OPERATOR_LT] = {COMPARE_GE, true},
    [OCI_SECCOMP_OPERATOR_LE] = {COMPARE_GT, true},         [OCI_SECCOMP_OPERATOR_EQ] = {COMPARE_EQ, false},
    [OCI_SECCOMP_OPERATOR_GE] = {COMPARE_GE, false},        [OCI_SECCOMP_OPERATOR_GT] = {COMPARE_GT, false},
    [OCI_SECCOMP_OPERATOR_MASKED_EQ] = {COMPARE_EQ, false},
};

/* SECCOMP_RET_KILL_PROCESS is negative there and SECCOMP_RET_ALLOW the greatest: seccomp(2) has the same order. */
bool filter_stricter(uint32_t action, uint32_t other) {
    return (int32_t)action < (int32_t)other;
}

/* ------------------------------------------------------------------------------------------------ conditions -- */

/*
 * One rule cannot compare an argument twice. Engines write such a list for "any of these", so each condition becomes
 * a rule of its own; conditions on different arguments must all hold.
 */
static bool args_repeat(const struct oci_syscall_arg_array *args) {
    unsigned seen = 0;
    for (size_t i = 0; i < args->count; i++) {
        unsigned bit = 1U << args->items[i].index;
        if (seen & bit)
            return true;
        seen |= bit;
    }
    return false;
}

size_t filter_rules_count(const struct oci_seccomp *seccomp) {
    size_t total = 0;
    for (size_t i = 0; i < seccomp->syscalls.count; i++) {
        const struct oci_syscall *rule = &seccomp->syscalls.items[i];
        size_t each = args_repeat(&rule->args) ? rule->args.count : 1, product;
        if (__builtin_mul_overflow(each, rule->names.count, &product) || product > FILTER_RULES_MOST - total)
            return FILTER_RULES_MOST + 1;
        total += product;
    }
    return total;
}

static struct filter_compare compare_of(const struct oci_syscall_arg *arg, bool wide) {
    bool masked = arg->op == OCI_SECCOMP_OPERATOR_MASKED_EQ;
    uint64_t all = wide ? UINT64_MAX : UINT32_MAX, mask = masked ? arg->value & all : all;
    return (struct filter_compare){
        .op = operators[arg->op].op,
        .negated = operators[arg->op].negated,
        .index = arg->index,
        .mask = mask,
        .value = (masked ? arg->value_two : arg->value) & mask,
    };
}

static int index_order(const void *a, const void *b) {
    const struct filter_compare *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The conditions of a rule; they are shared by all its names. NULL when out of memory. */
static struct filter_compare *compares_make(struct arena *arena, const struct oci_syscall_arg_array *args, bool wide) {
    struct filter_compare *compares = arena_array(arena, args->count, sizeof *compares);
    for (size_t i = 0; compares && i < args->count; i++)
        compares[i] = compare_of(&args->items[i], wide);
    if (compares && !args_repeat(args))
        qsort(compares, args->count, sizeof *compares, index_order);
    return compares;
}

/* --------------------------------------------------------------------------------------------------- adding -- */

/* Room for `more` rules. */
static bool rules_grow(struct arena *arena, struct filter_rules *rules, size_t more) {
    if (rules->room - rules->count >= more)
        return true;
    size_t room = 2 * rules->room + more;
    struct filter_rule *items = arena_array(arena, room, sizeof *items);
    if (!items)
        return false;
    for (size_t i = 0; i < rules->count; i++)
        items[i] = rules->items[i];
    rules->items = items;
    rules->room = room;
    return true;
}

static void rule_put(struct filter_rules *rules, struct filter_rule rule) {
    rule.order = rules->count;
    rules->items[rules->count++] = rule;
}

/* By its own number: with the conditions, as one rule or as several. */
static bool direct_put(struct arena *arena, struct filter_rules *rules, struct filter_rule rule, bool repeat) {
    size_t each = repeat ? rule.count : 1;
    if (!rules_grow(arena, rules, each))
        return false;
    if (repeat)
        rule.count = 1;
    for (size_t i = 0; i < each; i++, rule.compares++)
        rule_put(rules, rule);
    return true;
}

/* Through socketcall or ipc. */
static bool gate_put(struct arena *arena, struct filter_rules *rules, struct filter_rule rule,
                     const struct syscall_ways *ways) {
    struct filter_compare *compare = arena_alloc(arena, sizeof *compare);
    if (!compare || !rules_grow(arena, rules, 1))
        return false;
    *compare = (struct filter_compare){.op = COMPARE_EQ, .mask = ways->gate_mask, .value = ways->gate_call};
    rule.number = (uint32_t)ways->gate;
    rule.compares = compare;
    rule.count = 1;
    rule.gate = true;
    rule_put(rules, rule);
    return true;
}

/* What all names of a rule share. */
struct addition {
    const struct syscall_arch *arch;
    struct filter_rule rule;
    bool wanted; /* false: the rule does what happens anyway */
    bool gated;  /* the rule holds for socketcall and ipc, too */
    bool repeat;
    uint32_t last;
    int64_t *highest;
};

static bool name_add(struct arena *arena, struct filter_rules *rules, struct addition *add) {
    struct syscall_ways ways;
    if (!syscall_find(add->arch, add->rule.name, &ways)) {
        rules->unknown++;
        return true;
    }
    if (ways.number > *add->highest && ways.number <= add->last)
        *add->highest = ways.number;
    if (ways.gate > *add->highest)
        *add->highest = ways.gate;
    if (!add->wanted)
        return true;
    add->rule.number = (uint32_t)ways.number;
    return (ways.number < 0 || direct_put(arena, rules, add->rule, add->repeat)) &&
           (ways.gate < 0 || !add->gated || gate_put(arena, rules, add->rule, &ways));
}

/*
 * socketcall and ipc have the arguments of a call in memory, out of a filter's sight. Whether conditions on them hold
 * is not known there: a rule that restricts holds always, a rule that permits never.
 */
int filter_rules_add(struct arena *arena, const struct oci_seccomp *seccomp, const uint32_t *actions, uint32_t fallback,
                     const struct syscall_arch *arch, uint32_t last, int64_t *highest, struct filter_rules *out,
                     struct error *err) {
    out->unknown = 0;
    for (size_t i = 0; i < seccomp->syscalls.count; i++) {
        const struct oci_syscall *row = &seccomp->syscalls.items[i];
        struct addition add = {.arch = arch,
                               .rule = {.action = actions[i], .wide = arch->wide, .count = row->args.count, .row = i},
                               .wanted = actions[i] != fallback,
                               .gated = row->args.count == 0 || filter_stricter(actions[i], fallback),
                               .repeat = args_repeat(&row->args),
                               .last = last,
                               .highest = highest};
        add.rule.compares = compares_make(arena, &row->args, arch->wide);
        if (!add.rule.compares)
            return error_memory(err);
        for (size_t j = 0; j < row->names.count; j++) {
            add.rule.name = row->names.items[j];
            if (!name_add(arena, out, &add))
                return error_memory(err);
        }
    }
    return 0;
}

/* -------------------------------------------------------------------------------------------------- sorting -- */

#define ORDER(a, b)                                                                                                    \
    do {                                                                                                               \
        if ((a) != (b))                                                                                                \
            return (a) < (b) ? -1 : 1;                                                                                 \
    } while (0)

static int compares_order(const struct filter_rule *x, const struct filter_rule *y) {
    ORDER(x->count, y->count);
    for (size_t i = 0; i < x->count; i++) {
        const struct filter_compare *a = &x->compares[i], *b = &y->compares[i];
        ORDER(a->index, b->index);
        ORDER(a->op, b->op);
        ORDER(a->negated, b->negated);
        ORDER(a->mask, b->mask);
        ORDER(a->value, b->value);
    }
    return 0;
}

static int decision_order(const void *a, const void *b) {
    const struct filter_rule *x = a, *y = b;
    ORDER(x->number, y->number);
    ORDER(x->count > 0, y->count > 0);
    if (x->count > 0) {
        ORDER((int32_t)x->action, (int32_t)y->action);
        int order = compares_order(x, y);
        if (order)
            return order;
    }
    ORDER(x->order, y->order);
    return 0;
}

static int condition_order(const void *a, const void *b) {
    const struct filter_rule *x = *(const struct filter_rule *const *)a, *y = *(const struct filter_rule *const *)b;
    int order = compares_order(x, y);
    if (order)
        return order;
    ORDER(x->order, y->order);
    return 0;
}

static bool rule_same(const struct filter_rule *x, const struct filter_rule *y) {
    return x->number == y->number && x->action == y->action && compares_order(x, y) == 0;
}

size_t filter_rules_group(const struct filter_rule *rules, size_t count) {
    size_t n = 1;
    while (n < count && rules[n].number == rules[0].number)
        n++;
    return n;
}

static int contradiction(const struct filter_rule *rule, struct error *err) {
    char place[64];
    snprintf(place, sizeof place, "/linux/seccomp/syscalls/%zu", rule->row);
    return error_refuse(err, place, "the rule for %s contradicts an earlier one", rule->name);
}

/* The rules for one call, all with conditions. */
static int group_check(struct arena *arena, struct filter_rule *rules, size_t count, struct error *err) {
    if (rules[0].action == rules[count - 1].action)
        return 0;
    struct filter_rule **sorted = arena_array(arena, count, sizeof *sorted);
    if (!sorted)
        return error_memory(err);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &rules[i];
    qsort(sorted, count, sizeof *sorted, condition_order);
    for (size_t i = 1; i < count; i++) {
        struct filter_rule *earlier = sorted[i - 1], *later = sorted[i];
        if (earlier->action == later->action || compares_order(earlier, later) != 0)
            continue;
        if (!earlier->gate && !later->gate)
            return contradiction(later, err);
        if (earlier->gate && later->gate) /* as with the call's own number: the first decides */
            later->action = earlier->action;
    }
    return 0;
}

int filter_rules_sort(struct arena *arena, struct filter_rules *rules, struct error *err) {
    struct filter_rule *items = rules->items;
    int r = 0;
    if (rules->count == 0)
        return 0;
    qsort(items, rules->count, sizeof *items, decision_order);
    for (size_t i = 0, n; r == 0 && i < rules->count; i += n) {
        n = filter_rules_group(items + i, rules->count - i);
        if (items[i].count > 0)
            r = group_check(arena, items + i, n, err);
    }
    qsort(items, rules->count, sizeof *items, decision_order); /* a rule may have got the action of another */
    size_t kept = 1;
    for (size_t i = 1; i < rules->count; i++)
        if (!rule_same(&items[kept - 1], &items[i]))
            items[kept++] = items[i];
    rules->count = kept;
    return r;
}
