/* SPDX-License-Identifier: Apache-2.0 */
/* device_rules: see device_rules.h. Pure; runs in life. */
#include "plan/device_rules.h"

#include "base/table.h"
#include "oci_types.h"

#include <string.h>

#define DEVICES_PLACE "/linux/resources/devices"

/*
 * What every container may use, whatever the config says. The manual names these: a change of the list is a change of
 * the interface. /dev/console is a pseudo terminal (136:*) in a container, so 5:1, the host's, is not among them.
 */
static const struct device_rule defaults[] = {
    {true, 'c', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD, DEVICES_PLACE},
    {true, 'b', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD, DEVICES_PLACE},
    {true, 'c', 1, 3, DEVICE_ALL, DEVICES_PLACE},            /* null */
    {true, 'c', 1, 5, DEVICE_ALL, DEVICES_PLACE},            /* zero */
    {true, 'c', 1, 7, DEVICE_ALL, DEVICES_PLACE},            /* full */
    {true, 'c', 1, 8, DEVICE_ALL, DEVICES_PLACE},            /* random */
    {true, 'c', 1, 9, DEVICE_ALL, DEVICES_PLACE},            /* urandom */
    {true, 'c', 5, 0, DEVICE_ALL, DEVICES_PLACE},            /* tty */
    {true, 'c', 5, 2, DEVICE_ALL, DEVICES_PLACE},            /* ptmx */
    {true, 'c', 136, DEVICE_ANY, DEVICE_ALL, DEVICES_PLACE}, /* pts */
    {true, 'c', 10, 200, DEVICE_ALL, DEVICES_PLACE},         /* net/tun */
};

/* In the order in which the kernel prints them. */
static const struct {
    char letter;
    unsigned access;
} letters[] = {{'r', DEVICE_READ}, {'w', DEVICE_WRITE}, {'m', DEVICE_MKNOD}};

/* ---- collecting ---- */

static int read_access(const struct oci_device_rule *from, struct device_rule *rule, struct error *err) {
    rule->access = 0;
    for (const char *c = from->access ? from->access : ""; *c; c++) {
        unsigned access = 0;
        for (size_t i = 0; i < TABLE_COUNT(letters); i++)
            if (letters[i].letter == *c)
                access = letters[i].access;
        if (!access)
            return error_refuse(err, rule->place, "device access \"%s\" is not made of r, w and m", from->access);
        rule->access |= access;
    }
    /* To deny without saying what denies all of it; to allow so is more likely a mistake. */
    if (!rule->access && rule->allow)
        return error_refuse(err, rule->place, "a device rule that allows needs access: some of r, w and m");
    if (!rule->access)
        rule->access = DEVICE_ALL;
    return 0;
}

static int read_number(bool present, int64_t value, const char *name, const char *place, int32_t *out,
                       struct error *err) {
    if (present && (value < DEVICE_ANY || value > INT32_MAX))
        return error_refuse(err, place, "device %s %lld is out of range", name, (long long)value);
    *out = present ? (int32_t)value : DEVICE_ANY; /* engines write -1 for any, too */
    return 0;
}

static int read_rule(struct arena *arena, const struct oci_device_rule *from, size_t index, struct device_rule *out,
                     struct error *err) {
    static const char types[] = {[OCI_DEVICE_RULE_TYPE_UNSET] = 'a',
                                 [OCI_DEVICE_RULE_TYPE_A] = 'a',
                                 [OCI_DEVICE_RULE_TYPE_B] = 'b',
                                 [OCI_DEVICE_RULE_TYPE_C] = 'c'};
    struct device_rule rule = {.allow = from->allow, .type = types[from->type]};
    rule.place = arena_printf(arena, DEVICES_PLACE "/%zu", index);
    if (!rule.place)
        return error_memory(err);
    int r = read_number(from->has_major, from->major, "major", rule.place, &rule.major, err);
    if (r == 0)
        r = read_number(from->has_minor, from->minor, "minor", rule.place, &rule.minor, err);
    if (r == 0)
        r = read_access(from, &rule, err);
    if (r < 0)
        return r;
    *out = rule;
    return 0;
}

static bool is_total(const struct device_rule *rule) {
    return rule->type == 'a' && rule->major == DEVICE_ANY && rule->minor == DEVICE_ANY && rule->access == DEVICE_ALL;
}

int device_rules_collect(struct arena *arena, const struct oci_device_rule_array *config, struct device_rules *out,
                         struct error *err) {
    struct device_rules rules = {.allow = false};
    rules.items = arena_array(arena, config->count + TABLE_COUNT(defaults), sizeof *rules.items);
    if (!rules.items)
        return error_memory(err);
    for (size_t i = 0; i < config->count; i++) {
        struct device_rule *rule = &rules.items[rules.count];
        int r = read_rule(arena, &config->items[i], i, rule, err);
        if (r < 0)
            return r;
        rules.count++;
        if (is_total(rule)) {
            rules.allow = rule->allow;
            rules.count = 0;
        }
    }
    memcpy(rules.items + rules.count, defaults, sizeof defaults);
    rules.count += TABLE_COUNT(defaults);
    *out = rules;
    return 0;
}

/* ---- cgroup v1 ---- */

/*
 * What the kernel holds after the lines so far: exceptions from the default, each with a type, 'b' or 'c', and none of
 * the same devices as another. `slots` finds them by type and numbers: a hash table of twice `room`, of indices + 1.
 */
struct exceptions {
    struct device_rule *items;
    size_t *slots;
    size_t count, room;
    struct device_line *lines;
    size_t line_count, line_room;
};

static bool number_covers(int32_t wide, int32_t narrow) {
    return wide == DEVICE_ANY || wide == narrow;
}

static bool numbers_meet(int32_t a, int32_t b) {
    return a == DEVICE_ANY || b == DEVICE_ANY || a == b;
}

/* Every device of `narrow` is one of `wide`. */
static bool covers(const struct device_rule *wide, const struct device_rule *narrow) {
    return wide->type == narrow->type && number_covers(wide->major, narrow->major) &&
           number_covers(wide->minor, narrow->minor);
}

/* There may be a device that is of both. */
static bool meets(const struct device_rule *a, const struct device_rule *b) {
    return a->type == b->type && numbers_meet(a->major, b->major) && numbers_meet(a->minor, b->minor);
}

/* A larger copy of an array of the arena. */
static void *grow(struct arena *arena, const void *items, size_t count, size_t *room, size_t size) {
    size_t wanted = *room ? *room * 2 : 32;
    void *grown = arena_array(arena, wanted, size);
    if (!grown)
        return NULL;
    if (count > 0)
        memcpy(grown, items, count * size);
    *room = wanted;
    return grown;
}

static const char *number_text(struct arena *arena, int32_t number) {
    return number == DEVICE_ANY ? "*" : arena_printf(arena, "%d", number);
}

static int add_line(struct arena *arena, struct exceptions *e, bool allow, const char *text, const char *place,
                    struct error *err) {
    if (e->line_count == e->line_room)
        e->lines = grow(arena, e->lines, e->line_count, &e->line_room, sizeof *e->lines);
    if (!e->lines || !text)
        return error_memory(err);
    e->lines[e->line_count++] = (struct device_line){.allow = allow, .text = text, .place = place};
    return 0;
}

/* A line about the devices of `which`, on behalf of `rule`. */
static int add_rule_line(struct arena *arena, struct exceptions *e, const struct device_rule *rule,
                         const struct device_rule *which, unsigned access, struct error *err) {
    char mode[TABLE_COUNT(letters) + 1] = "";
    size_t len = 0;
    for (size_t i = 0; i < TABLE_COUNT(letters); i++)
        if (access & letters[i].access)
            mode[len++] = letters[i].letter;
    const char *major = number_text(arena, which->major), *minor = number_text(arena, which->minor);
    if (!major || !minor)
        return error_memory(err);
    return add_line(arena, e, rule->allow, arena_printf(arena, "%c %s:%s %s", which->type, major, minor, mode),
                    rule->place, err);
}

/* The slot of the exception with these devices, or the empty one where it would be. */
static size_t *find_slot(const struct exceptions *e, char type, int32_t major, int32_t minor) {
    const size_t mask = 2 * e->room - 1;
    uint64_t hash = ((uint64_t)(uint32_t)major << 32 | (uint32_t)minor) ^ (uint64_t)type << 60;
    hash *= UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(hash >> 32) & mask;
    for (; e->slots[at]; at = (at + 1) & mask) {
        const struct device_rule *there = &e->items[e->slots[at] - 1];
        if (there->type == type && there->major == major && there->minor == minor)
            break;
    }
    return &e->slots[at];
}

static int grow_exceptions(struct arena *arena, struct exceptions *e, struct error *err) {
    e->items = grow(arena, e->items, e->count, &e->room, sizeof *e->items);
    e->slots = arena_array(arena, 2 * e->room, sizeof *e->slots);
    if (!e->items || !e->slots)
        return error_memory(err);
    for (size_t i = 0; i < e->count; i++)
        *find_slot(e, e->items[i].type, e->items[i].major, e->items[i].minor) = i + 1;
    return 0;
}

#define COVERING_MAX 4

/* The exceptions that cover the rule, oldest first. There is at most one for each way of saying "any" for a number. */
static size_t find_covering(const struct exceptions *e, const struct device_rule *rule, size_t found[COVERING_MAX]) {
    size_t count = 0;
    for (int way = 0; e->room && way < COVERING_MAX; way++) {
        const int32_t major = way & 1 ? DEVICE_ANY : rule->major, minor = way & 2 ? DEVICE_ANY : rule->minor;
        size_t slot = *find_slot(e, rule->type, major, minor), at = count;
        if (!slot || (way & 1 && rule->major == DEVICE_ANY) || (way & 2 && rule->minor == DEVICE_ANY))
            continue;
        for (; at > 0 && found[at - 1] > slot - 1; at--)
            found[at] = found[at - 1];
        found[at] = slot - 1;
        count++;
    }
    return count;
}

static int take_back_from(struct arena *arena, struct exceptions *e, struct device_rule *exception,
                          const struct device_rule *rule, struct error *err) {
    unsigned access = exception->access & rule->access;
    if (!access || !meets(rule, exception))
        return 0;
    if (!covers(rule, exception))
        return error_refuse(err, rule->place,
                            "cgroup v1 cannot %s these devices out of a wider rule that %s them before (%s)",
                            rule->allow ? "allow" : "deny", rule->allow ? "denied" : "allowed", exception->place);
    exception->access &= ~access;
    return add_rule_line(arena, e, rule, exception, access, err);
}

/* A rule of the default's own sense takes back what exceptions say about its devices. One device has few exceptions. */
static int take_back(struct arena *arena, struct exceptions *e, const struct device_rule *rule, struct error *err) {
    const bool one = rule->major != DEVICE_ANY && rule->minor != DEVICE_ANY;
    size_t few[COVERING_MAX], count = one ? find_covering(e, rule, few) : e->count;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = take_back_from(arena, e, &e->items[one ? few[i] : i], rule, err);
    return r;
}

/* A rule against the default becomes an exception, or widens the one of the same devices. */
static int add_exception(struct arena *arena, struct exceptions *e, const struct device_rule *rule, struct error *err) {
    size_t covering[COVERING_MAX], count = find_covering(e, rule, covering);
    for (size_t i = 0; i < count; i++)
        if ((rule->access & ~e->items[covering[i]].access) == 0)
            return 0;
    int r = e->count == e->room ? grow_exceptions(arena, e, err) : 0;
    if (r < 0)
        return r;
    size_t *slot = find_slot(e, rule->type, rule->major, rule->minor);
    if (*slot) {
        e->items[*slot - 1].access |= rule->access;
    } else {
        e->items[e->count++] = *rule;
        *slot = e->count;
    }
    return add_rule_line(arena, e, rule, rule, rule->access, err);
}

int device_rules_lines(struct arena *arena, const struct device_rules *rules, struct device_line **lines, size_t *count,
                       struct error *err) {
    struct exceptions e = {.items = NULL};
    int r = add_line(arena, &e, rules->allow, "a", DEVICES_PLACE, err);
    for (size_t i = 0; r == 0 && i < rules->count; i++) {
        struct device_rule rule = rules->items[i];
        /* v1 takes "a" for everything, whatever stands behind it: a narrower rule for both is two rules. */
        const char *types = rule.type == 'a' ? "cb" : rule.type == 'b' ? "b" : "c";
        for (const char *type = types; r == 0 && *type; type++) {
            rule.type = *type;
            r = rule.allow == rules->allow ? take_back(arena, &e, &rule, err) : add_exception(arena, &e, &rule, err);
        }
    }
    if (r < 0)
        return r;
    *lines = e.lines;
    *count = e.line_count;
    return 0;
}

/* ---- cgroup2 ---- */

/*
 * Registers: r2 type, r3 the kinds of access asked for and not yet allowed, r4 the number, major and minor in one, r5
 * major, r6 minor. Rules stand in reverse order, so the first that matches is the last of the config. One that allows
 * clears its kinds in r3, and the end is reached when none is left; one that denies any kind that is left ends it at
 * once. Rules of one type that stand side by side are a run, and the type is looked at once for all of them.
 *
 * To load it is the dearest single step of a container, and that is the verifier, which follows each branch: the one
 * that falls through first, and what comes later only as far as it has not been with less known. So few branches, and
 * what falls through leads on to where nothing is known.
 */
enum {
    RULE_INSTRUCTIONS = 9,
    RUN_INSTRUCTIONS = 2,
    FRAME_INSTRUCTIONS = 11,
    RUN_RULES_MAX = 2048, /* a jump's distance has 16 bits */
    TO_NEXT = -1          /* a distance that is filled in when it is known */
};

#define READ_FIELD(reg, field)                                                                                         \
    {                                                                                                                  \
        .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = reg, .src_reg = 1,                                               \
        .off = offsetof(struct bpf_cgroup_dev_ctx, field)                                                              \
    }

static const struct bpf_insn prologue[] = {
    READ_FIELD(2, access_type),
    {.code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = 3, .src_reg = 2},
    {.code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = 2, .imm = 0xffff},
    {.code = BPF_ALU | BPF_RSH | BPF_K, .dst_reg = 3, .imm = 16},
    READ_FIELD(5, major),
    READ_FIELD(6, minor),
    {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 4, .src_reg = 5},
    {.code = BPF_ALU64 | BPF_LSH | BPF_K, .dst_reg = 4, .imm = 32},
    {.code = BPF_ALU64 | BPF_OR | BPF_X, .dst_reg = 4, .src_reg = 6},
};

static size_t emit_return(struct bpf_insn *at, bool allow) {
    at[0] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = allow};
    at[1] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
    return 2;
}

/* Goes on to what is next unless the register is what the jump's operand says. */
static size_t emit_unless(struct bpf_insn *at, struct bpf_insn jump) {
    at[0] = jump;
    at[0].off = 1;
    at[1] = (struct bpf_insn){.code = BPF_JMP | BPF_JA, .off = TO_NEXT};
    return 2;
}

static size_t emit_unless_value(struct bpf_insn *at, unsigned reg, int32_t value) {
    return emit_unless(at, (struct bpf_insn){.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = reg & 0xf, .imm = value});
}

/* The jumps of a stretch to what is next, now that it is known where that is. */
static void settle_jumps(struct bpf_insn *code, size_t from, size_t to, size_t next) {
    for (size_t i = from; i < to; i++)
        if (code[i].off == TO_NEXT)
            code[i].off = (int16_t)(next - i - 1);
}

static size_t emit_number(struct bpf_insn *at, const struct device_rule *rule) {
    if (rule->major == DEVICE_ANY && rule->minor == DEVICE_ANY)
        return 0;
    if (rule->minor == DEVICE_ANY)
        return emit_unless_value(at, 5, rule->major);
    if (rule->major == DEVICE_ANY)
        return emit_unless_value(at, 6, rule->minor);
    at[0] = (struct bpf_insn){.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .imm = rule->minor};
    at[1] = (struct bpf_insn){.imm = rule->major}; /* the upper half of the same instruction */
    return 2 + emit_unless(at + 2, (struct bpf_insn){.code = BPF_JMP | BPF_JEQ | BPF_X, .dst_reg = 4, .src_reg = 1});
}

/* Only the kinds of access that the rule is about. */
static size_t emit_access(struct bpf_insn *at, const struct device_rule *rule) {
    if (rule->access == DEVICE_ALL)
        return 0;
    if (rule->allow) {
        at[0] = (struct bpf_insn){.code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = 3, .imm = (int32_t)~rule->access};
        return 1 + emit_unless_value(at + 1, 3, 0);
    }
    at[0] = (struct bpf_insn){.code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 3};
    at[1] = (struct bpf_insn){.code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = 1, .imm = (int32_t)rule->access};
    at[2] = (struct bpf_insn){.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 1, .off = TO_NEXT};
    return 3;
}

/* Whether what stands behind the rule, of its type, is never reached; the kernel refuses such instructions. */
static bool emit_rule(struct bpf_insn *code, size_t *n, const struct device_rule *rule) {
    size_t start = *n;
    *n += emit_number(code + *n, rule);
    *n += emit_access(code + *n, rule);
    bool last = *n == start;
    *n += emit_return(code + *n, rule->allow);
    settle_jumps(code, start, *n, *n);
    return last;
}

/* The rules before `end` that are of one type, the last of them first; returns where they begin. */
static size_t emit_run(struct bpf_insn *code, size_t *n, const struct device_rule *rules, size_t end) {
    size_t i = end, start = *n;
    char type = rules[end - 1].type;
    bool last = false;
    if (type != 'a')
        *n += emit_unless_value(code + *n, 2, type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    size_t body = *n;
    for (; i > 0 && rules[i - 1].type == type && end - i < RUN_RULES_MAX; i--)
        if (!last)
            last = emit_rule(code, n, &rules[i - 1]);
    settle_jumps(code, start, body, *n);
    return i;
}

int device_rules_compile(struct arena *arena, const struct device_rules *rules, const struct bpf_insn **program,
                         size_t *count, struct error *err) {
    enum { EACH = RULE_INSTRUCTIONS + RUN_INSTRUCTIONS };
    size_t room = rules->count > SIZE_MAX / EACH - 2 ? SIZE_MAX : rules->count * EACH + FRAME_INSTRUCTIONS;
    struct bpf_insn *code = room == SIZE_MAX ? NULL : arena_array(arena, room, sizeof *code);
    if (!code)
        return error_memory(err);
    memcpy(code, prologue, sizeof prologue);
    size_t n = TABLE_COUNT(prologue);
    for (size_t i = rules->count; i > 0;)
        i = emit_run(code, &n, rules->items, i);
    n += emit_return(code + n, rules->allow);
    *program = code;
    *count = n;
    return 0;
}
