/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of plan/device_rules. What the rules mean is said once more here, in the plainest way; the emitted BPF
 * program runs in a small interpreter and the v1 lines in a model of the kernel's devices controller, and both are
 * compared with that meaning, for given rules and for many random ones. Needs no privilege.
 */
#include "oci_types.h"
#include "plan/device_rules.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANY OCI_DEVICE_RULE_TYPE_UNSET
#define B OCI_DEVICE_RULE_TYPE_B
#define C OCI_DEVICE_RULE_TYPE_C
#define A OCI_DEVICE_RULE_TYPE_A

/* -2: the property is absent */
static struct oci_device_rule rule(bool allow, enum oci_device_rule_type type, int64_t major, int64_t minor,
                                   const char *access) {
    return (struct oci_device_rule){.allow = allow,
                                    .has_allow = true,
                                    .type = type,
                                    .major = major,
                                    .has_major = major != -2,
                                    .minor = minor,
                                    .has_minor = minor != -2,
                                    .access = access};
}

/* ---- the interpreter ---- */

struct machine {
    uint64_t reg[11];
    uint32_t context[3];
    bool broken;
};

static uint32_t alu32(uint8_t op, uint32_t a, uint32_t b, bool *broken) {
    switch (op) {
    case BPF_MOV:
        return b;
    case BPF_AND:
        return a & b;
    case BPF_RSH:
        return a >> (b & 31);
    default:
        *broken = true;
        return 0;
    }
}

static uint64_t alu64(uint8_t op, uint64_t a, uint64_t b, bool *broken) {
    switch (op) {
    case BPF_MOV:
        return b;
    case BPF_OR:
        return a | b;
    case BPF_LSH:
        return a << (b & 63);
    default:
        *broken = true;
        return 0;
    }
}

/* Runs one instruction; the step to the next one. */
static int run_one(struct machine *m, const struct bpf_insn *i) {
    uint64_t source = BPF_SRC(i->code) == BPF_X ? m->reg[i->src_reg] : (uint64_t)(int64_t)i->imm;
    bool equal = m->reg[i->dst_reg] == source;
    switch (BPF_CLASS(i->code)) {
    case BPF_LDX:
        m->broken |= i->code != (BPF_LDX | BPF_MEM | BPF_W) || i->src_reg != 1 || i->off % 4 || i->off > 8;
        m->reg[i->dst_reg] = m->broken ? 0 : m->context[i->off / 4];
        return 1;
    case BPF_ALU:
        m->reg[i->dst_reg] = alu32(BPF_OP(i->code), (uint32_t)m->reg[i->dst_reg], (uint32_t)source, &m->broken);
        return 1;
    case BPF_ALU64:
        m->reg[i->dst_reg] = alu64(BPF_OP(i->code), m->reg[i->dst_reg], source, &m->broken);
        return 1;
    case BPF_LD: /* one instruction in two places */
        m->broken |= i->code != (BPF_LD | BPF_DW | BPF_IMM) || i[1].code != 0;
        m->reg[i->dst_reg] = (uint32_t)i[0].imm | (uint64_t)(uint32_t)i[1].imm << 32;
        return 2;
    case BPF_JMP:
        if (BPF_OP(i->code) == BPF_JNE)
            return equal ? 1 : 1 + i->off;
        if (BPF_OP(i->code) == BPF_JEQ)
            return equal ? 1 + i->off : 1;
        if (i->code == (BPF_JMP | BPF_JA))
            return 1 + i->off;
        m->broken = true;
        return 1;
    default:
        m->broken = true;
        return 1;
    }
}

/* 1, 0, or -1 for a program that does what it must not. */
static int run(const struct bpf_insn *program, size_t count, char type, unsigned access, uint32_t major,
               uint32_t minor) {
    struct machine m = {
        .context = {access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), major, minor}};
    for (size_t at = 0, steps = 0; steps <= count; steps++) {
        if (at >= count || m.broken)
            return -1;
        if (program[at].code == (BPF_JMP | BPF_EXIT))
            return m.reg[0] <= 1 ? (int)m.reg[0] : -1;
        int step = run_one(&m, &program[at]);
        if (step < 1)
            return -1; /* no way back */
        at += (size_t)step;
    }
    return -1;
}

/* The verifier refuses a program with an instruction that nothing leads to. */
static bool all_reachable(const struct bpf_insn *program, size_t count) {
    bool *reached = calloc(count + 1, sizeof *reached), all = true;
    reached[0] = true;
    for (size_t i = 0; i < count; i++) {
        bool exits = program[i].code == (BPF_JMP | BPF_EXIT);
        bool jumps = BPF_CLASS(program[i].code) == BPF_JMP && !exits;
        all &= reached[i];
        if (!exits && program[i].code != (BPF_JMP | BPF_JA))
            reached[i + 1] = true;
        if (jumps && i + 1 + (size_t)program[i].off <= count)
            reached[i + 1 + (size_t)program[i].off] = true;
    }
    all &= !reached[count]; /* and none that runs off the end */
    free(reached);
    return all;
}

/* ---- a model of the v1 controller (security/device_cgroup.c): one default, exact-match exceptions ---- */

struct exception {
    char type;
    long major, minor; /* -1 any */
    unsigned access;
};

struct controller {
    bool allow;
    size_t count;
    struct exception items[512];
};

static unsigned parse_access(const char *text) {
    return (strchr(text, 'r') ? DEVICE_READ : 0u) | (strchr(text, 'w') ? DEVICE_WRITE : 0u) |
           (strchr(text, 'm') ? DEVICE_MKNOD : 0u);
}

static bool parse_line(const char *text, struct exception *e) {
    char major[16], minor[16], access[8];
    if (sscanf(text, "%c %15[0-9*]:%15[0-9*] %7s", &e->type, major, minor, access) != 4)
        return false;
    e->major = *major == '*' ? -1 : strtol(major, NULL, 10);
    e->minor = *minor == '*' ? -1 : strtol(minor, NULL, 10);
    e->access = parse_access(access);
    return e->type == 'b' || e->type == 'c';
}

static bool write_line(struct controller *k, bool allow, const char *text) {
    struct exception e = {.type = 'a'};
    if (*text == 'a') {
        k->allow = allow;
        k->count = 0;
        return true;
    }
    if (!parse_line(text, &e))
        return false;
    for (size_t i = 0; i < k->count; i++) {
        struct exception *x = &k->items[i];
        if (x->type != e.type || x->major != e.major || x->minor != e.minor)
            continue;
        x->access = k->allow == allow ? x->access & ~e.access : x->access | e.access;
        return true;
    }
    if (k->allow != allow)
        k->items[k->count++] = e;
    return true;
}

static bool controller_allows(const struct controller *k, char type, unsigned access, long major, long minor) {
    for (size_t i = 0; i < k->count; i++) {
        const struct exception *x = &k->items[i];
        if (x->type != type || (x->major != -1 && x->major != major) || (x->minor != -1 && x->minor != minor))
            continue;
        if (k->allow ? (access & x->access) != 0 : (access & ~x->access) == 0)
            return !k->allow;
    }
    return k->allow;
}

/* ---- the meaning ---- */

static bool is_default(char type, unsigned kind, long major, long minor) {
    static const long full[][2] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}, {10, 200}};
    if (kind == DEVICE_MKNOD || (type == 'c' && major == 136))
        return true;
    for (size_t i = 0; type == 'c' && i < sizeof full / sizeof *full; i++)
        if (full[i][0] == major && full[i][1] == minor)
            return true;
    return false;
}

static bool matches(const struct oci_device_rule *r, char type, unsigned kind, long major, long minor) {
    char of = r->type == B ? 'b' : r->type == C ? 'c' : 'a';
    return (of == 'a' || of == type) && (!r->has_major || r->major == -1 || r->major == major) &&
           (!r->has_minor || r->minor == -1 || r->minor == minor) && (parse_access(r->access) & kind);
}

/* Each kind of access by itself: the last rule decides; the defaults come after the config's. */
static bool meaning(const struct oci_device_rule_array *rules, char type, unsigned access, long major, long minor) {
    for (unsigned kind = 1; kind < 8; kind <<= 1) {
        bool allowed = false;
        for (size_t i = 0; i < rules->count; i++)
            if (matches(&rules->items[i], type, kind, major, minor))
                allowed = rules->items[i].allow;
        if ((access & kind) && !allowed && !is_default(type, kind, major, minor))
            return false;
    }
    return true;
}

static const struct {
    char type;
    long major, minor;
} probes[] = {{'c', 1, 1},    {'c', 1, 3},    {'c', 1, 7},   {'c', 5, 1}, {'c', 5, 2},
              {'c', 10, 200}, {'c', 10, 229}, {'c', 136, 0}, {'c', 8, 0}, {'c', 4095, 1048575},
              {'b', 8, 0},    {'b', 8, 1},    {'b', 1, 3},   {'b', 7, 0}, {'b', 0, 0}};

/* How many answers of the program differ from the meaning. */
static int wrong_answers(const struct oci_device_rule_array *rules, const struct bpf_insn *program, size_t count) {
    int wrong = 0;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        for (unsigned access = 1; access < 8; access++)
            wrong +=
                run(program, count, probes[i].type, access, (uint32_t)probes[i].major, (uint32_t)probes[i].minor) !=
                meaning(rules, probes[i].type, access, probes[i].major, probes[i].minor);
    return wrong;
}

/* The same of the v1 lines; v1 wants one exception for all that is asked, so each kind is asked for by itself. */
static int wrong_lines(const struct oci_device_rule_array *rules, const struct device_line *lines, size_t count) {
    static struct controller k;
    int wrong = 0;
    k = (struct controller){.allow = true};
    write_line(&k, false, "c 1:1 rwm"); /* what was there before must not matter */
    for (size_t i = 0; i < count; i++)
        wrong += !write_line(&k, lines[i].allow, lines[i].text);
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        for (unsigned kind = 1; kind < 8; kind <<= 1)
            wrong += controller_allows(&k, probes[i].type, kind, probes[i].major, probes[i].minor) !=
                     meaning(rules, probes[i].type, kind, probes[i].major, probes[i].minor);
    return wrong;
}

struct compiled {
    struct arena arena;
    struct error err;
    const struct bpf_insn *program;
    size_t count;
    struct device_line *lines;
    size_t line_count;
    int r, r_lines;
};

static void compile(const struct oci_device_rule_array *config, struct compiled *out) {
    struct device_rules rules;
    *out = (struct compiled){.arena = ARENA_INIT};
    out->r = out->r_lines = device_rules_collect(&out->arena, config, &rules, &out->err);
    if (out->r < 0)
        return;
    out->r = device_rules_compile(&out->arena, &rules, &out->program, &out->count, &out->err);
    out->r_lines = device_rules_lines(&out->arena, &rules, &out->lines, &out->line_count, &out->err);
}

static void check(const char *name, struct oci_device_rule *items, size_t count, bool v1_can) {
    struct oci_device_rule_array config = {count, items};
    struct compiled c;
    compile(&config, &c);
    is_number(c.r, 0, "%s: compiles", name);
    ok(all_reachable(c.program, c.count), "%s: no dead instruction", name);
    is_number(wrong_answers(&config, c.program, c.count), 0, "%s: the program says what the rules say", name);
    is_number(c.r_lines, v1_can ? 0 : -EINVAL, "%s: v1 %s", name, v1_can ? "can" : "cannot, and says so");
    if (v1_can)
        is_number(wrong_lines(&config, c.lines, c.line_count), 0, "%s: the v1 lines say the same", name);
    arena_drop(&c.arena);
}

#define CHECK(name, v1_can, ...)                                                                                       \
    do {                                                                                                               \
        struct oci_device_rule given[] = {__VA_ARGS__};                                                                \
        check(name, given, sizeof given / sizeof *given, v1_can);                                                      \
    } while (0)

static void test_meaning(void) {
    static struct oci_device_rule none[1];
    check("an empty list", none, 0, true);
    CHECK("deny all", true, rule(false, ANY, -2, -2, "rwm"));
    CHECK("allow all", true, rule(true, ANY, -2, -2, "rwm"));
    CHECK("allow all, said with -1", true, rule(true, A, -1, -1, "rwm"));
    CHECK("a device", true, rule(false, ANY, -2, -2, "rwm"), rule(true, C, 8, 0, "rw"));
    CHECK("no rule for all: denied", true, rule(true, C, 8, 0, "r"));
    CHECK("reading alone", true, rule(true, B, 8, 0, "r"));
    CHECK("kinds from two rules add up", true, rule(true, B, 8, 0, "r"), rule(true, B, 8, 0, "w"));
    CHECK("any minor", true, rule(true, B, 8, -2, "rw"));
    CHECK("any major", true, rule(true, B, -2, 0, "rw"));
    CHECK("both types", true, rule(true, ANY, 8, 0, "rw"));
    CHECK("reading of everything", true, rule(true, ANY, -2, -2, "r"));
    CHECK("allowed, then denied", true, rule(true, B, 8, 0, "rwm"), rule(false, B, 8, 0, "rwm"));
    CHECK("writing taken back", true, rule(true, B, 8, 0, "rwm"), rule(false, B, 8, 0, "w"));
    CHECK("a wider rule takes back", true, rule(true, B, 8, 0, "rwm"), rule(true, B, 8, 1, "rw"),
          rule(false, B, 8, -2, "w"));
    CHECK("nothing of a type, then one of it", true, rule(true, C, 8, 0, "rw"), rule(false, C, -2, -2, "rwm"),
          rule(true, C, 8, 1, "rw"));
    CHECK("all of a type hides the rest of it", true, rule(true, C, 8, 0, "rw"), rule(true, C, -2, -2, "rwm"));
    CHECK("all but one", true, rule(true, ANY, -2, -2, "rwm"), rule(false, B, 8, 0, "rw"));
    CHECK("all but writing to one", true, rule(true, ANY, -2, -2, "rwm"), rule(false, C, 8, 0, "w"));
    CHECK("what stands before a rule for all is void", true, rule(true, C, 8, 0, "rwm"),
          rule(false, ANY, -2, -2, "rwm"));
    CHECK("a hole in a wider rule", false, rule(true, B, 8, -2, "rwm"), rule(false, B, 8, 0, "rwm"));
    CHECK("a hole in all but one kind", false, rule(true, ANY, -2, -2, "rwm"), rule(false, B, 8, -2, "w"),
          rule(true, B, 8, 0, "w"));
    CHECK("Docker's list", true, rule(false, ANY, -2, -2, "rwm"), rule(true, C, 1, 5, "rwm"),
          rule(true, C, 1, 3, "rwm"), rule(true, C, 5, 1, "rwm"), rule(false, C, 10, 229, "rwm"),
          rule(true, C, 10, 229, "rwm"));
}

static void test_order(void) {
    struct oci_device_rule given[] = {rule(false, ANY, -2, -2, "rwm"), rule(true, C, 10, 229, "rwm"),
                                      rule(true, B, 8, 0, "r"), rule(true, B, 8, 1, "rwm"), rule(false, C, 1, 1, "w")};
    static const char *const want[] = {"a", "c 10:229 rwm", "b 8:0 r", "b 8:1 rwm", "c *:* m", "b *:* m", "c 1:3 rwm"};
    struct oci_device_rule_array config = {sizeof given / sizeof *given, given};
    struct compiled c;
    compile(&config, &c);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        is_text(i < c.line_count ? c.lines[i].text : NULL, want[i], "line %zu", i);
    is_text(c.lines[2].place, "/linux/resources/devices/2", "a line knows its rule");
    ok(!c.lines[0].allow && c.lines[1].allow, "the first denies, the second allows");
    arena_drop(&c.arena);
}

static void test_refusals(void) {
    const struct {
        const char *name;
        struct oci_device_rule rule;
        int want;
    } cases[] = {
        {"an unknown letter", rule(true, C, 1, 3, "rwx"), -EINVAL},
        {"nothing allowed", rule(true, C, 1, 3, ""), -EINVAL},
        {"no access, denying", rule(false, C, 1, 3, NULL), 0},
        {"no access, allowing", rule(true, C, 1, 3, NULL), -EINVAL},
        {"major below any", rule(true, C, -3, 3, "r"), -EINVAL},
        {"minor too large", rule(true, C, 1, 0x80000000LL, "r"), -EINVAL},
        {"the largest minor", rule(true, C, 1, 0x7fffffff, "r"), 0},
        {"letters twice", rule(true, C, 1, 3, "rrw"), 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct oci_device_rule item = cases[i].rule;
        struct oci_device_rule_array config = {1, &item};
        struct compiled c;
        compile(&config, &c);
        is_number(c.r, cases[i].want, "%s: %s", cases[i].name, cases[i].want ? "refused" : "taken");
        if (cases[i].want)
            is_text(c.err.place, "/linux/resources/devices/0", "%s: at its place", cases[i].name);
        arena_drop(&c.arena);
    }
}

/* A generator of its own: the same rules on every machine. */
static unsigned next(unsigned below) {
    static uint32_t state = 20240517;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

static struct oci_device_rule random_rule(void) {
    static const int64_t majors[] = {-2, -1, 1, 5, 8, 10, 136}, minors[] = {-2, -1, 0, 1, 3, 200, 229};
    static const char *const accesses[] = {"r", "w", "m", "rw", "rm", "wm", "rwm", "rwm"};
    return rule(next(2), next(4), majors[next(7)], minors[next(7)], accesses[next(8)]);
}

static void test_random(void) {
    int wrong = 0, dead = 0, wrong_v1 = 0, refused = 0, failed = 0;
    for (int round = 0; round < 4000; round++) {
        struct oci_device_rule given[8];
        struct oci_device_rule_array config = {next(9), given};
        for (size_t i = 0; i < config.count; i++)
            given[i] = random_rule();
        struct compiled c;
        compile(&config, &c);
        failed += c.r != 0;
        wrong += wrong_answers(&config, c.program, c.count);
        dead += !all_reachable(c.program, c.count);
        if (c.r_lines == 0)
            wrong_v1 += wrong_lines(&config, c.lines, c.line_count);
        refused += c.r_lines != 0;
        arena_drop(&c.arena);
    }
    is_number(failed, 0, "4000 random lists compile");
    is_number(wrong, 0, "and all programs say what their rules say");
    is_number(dead, 0, "without a dead instruction");
    is_number(wrong_v1, 0, "v1 lines say the same or are refused");
    ok(refused > 0 && refused < 3000, "some are refused for v1, not most (%d)", refused);
}

/* ---- the lines, made in the plainest way ---- */

/* An exception of the plain list, and the rule that it began with. */
struct plain {
    char type;
    int32_t major, minor;
    unsigned access;
    const char *place;
};

struct plain_list {
    struct plain items[64];
    size_t count;
    char text[8192]; /* all lines, as "allow TEXT PLACE", or the refusal */
    size_t len;
};

static bool plain_covers(int32_t wide, int32_t narrow) {
    return wide == DEVICE_ANY || wide == narrow;
}

static void plain_line(struct plain_list *list, bool allow, const struct plain *which, unsigned access,
                       const char *place) {
    char major[16] = "*", minor[16] = "*";
    if (which->major != DEVICE_ANY)
        snprintf(major, sizeof major, "%d", which->major);
    if (which->minor != DEVICE_ANY)
        snprintf(minor, sizeof minor, "%d", which->minor);
    list->len += (size_t)snprintf(list->text + list->len, sizeof list->text - list->len, "%d %c %s:%s %s%s%s %s\n",
                                  allow, which->type, major, minor, access & DEVICE_READ ? "r" : "",
                                  access & DEVICE_WRITE ? "w" : "", access & DEVICE_MKNOD ? "m" : "", place);
}

/* Looks at each exception for each rule. False: refused. */
static bool plain_rule(struct plain_list *list, bool back, const struct device_rule *rule, char type) {
    const struct plain new = {type, rule->major, rule->minor, rule->access, rule->place};
    struct plain *same = NULL;
    for (size_t i = 0; i < list->count; i++) {
        struct plain *old = &list->items[i];
        const bool over = plain_covers(old->major, new.major) && plain_covers(old->minor, new.minor);
        const bool under = plain_covers(new.major, old->major) && plain_covers(new.minor, old->minor);
        const bool meet = (plain_covers(old->major, new.major) || plain_covers(new.major, old->major)) &&
                          (plain_covers(old->minor, new.minor) || plain_covers(new.minor, old->minor));
        const unsigned both = old->access & new.access;
        if (old->type != type)
            continue;
        if (!back && over && both == new.access)
            return true;
        if (!back && over && under)
            same = old;
        if (!back || !both || !meet)
            continue;
        if (!under) {
            list->len = (size_t)snprintf(list->text, sizeof list->text, "%s %s", new.place, old->place);
            return false;
        }
        old->access &= ~both;
        plain_line(list, rule->allow, old, both, new.place);
    }
    if (back)
        return true;
    if (same)
        same->access |= new.access;
    else
        list->items[list->count++] = new;
    plain_line(list, rule->allow, &new, new.access, new.place);
    return true;
}

static bool plain_lines(const struct device_rules *rules, struct plain_list *list) {
    *list = (struct plain_list){.count = 0};
    for (size_t i = 0; i < rules->count; i++) {
        const struct device_rule *rule = &rules->items[i];
        for (const char *type = "cb"; *type; type++)
            if ((rule->type == 'a' || rule->type == *type) &&
                !plain_rule(list, rule->allow == rules->allow, rule, *type))
                return false;
    }
    return true;
}

/* How the lines of the module, or its refusal, differ from the plain ones. */
static bool differs(struct arena *arena, const struct device_rules *rules) {
    static struct plain_list plain;
    static char text[sizeof plain.text];
    struct device_line *lines;
    struct error err = ERROR_INIT;
    size_t count, len = 0;
    const bool can = plain_lines(rules, &plain);
    int r = device_rules_lines(arena, rules, &lines, &count, &err);
    if (!can) /* it names the rule, and in parentheses the one before it */
        return r != -EINVAL || strncmp(plain.text, err.place, strlen(err.place)) != 0 ||
               !strstr(err.text, strchr(plain.text, ' ') + 1);
    *text = '\0';
    for (size_t i = 1; r == 0 && i < count; i++) /* the first forgets what was before */
        len += (size_t)snprintf(text + len, sizeof text - len, "%d %s %s\n", lines[i].allow, lines[i].text,
                                lines[i].place);
    return r != 0 || strcmp(text, plain.text) != 0;
}

static void test_plain(void) {
    int different = 0;
    for (int round = 0; round < 4000; round++) {
        struct oci_device_rule given[24];
        struct oci_device_rule_array config = {next(25), given};
        struct arena arena = ARENA_INIT;
        struct error err = ERROR_INIT;
        struct device_rules rules;
        for (size_t i = 0; i < config.count; i++)
            given[i] = random_rule();
        if (device_rules_collect(&arena, &config, &rules, &err) == 0)
            different += differs(&arena, &rules);
        arena_drop(&arena);
    }
    is_number(different, 0, "4000 random lists give the lines, and the refusals, of the plain way");
}

/* By the time that the process has used: others may be at work on the machine. */
static void test_time(void) {
    enum { MANY = 150000 };
    struct oci_device_rule *given = calloc(MANY, sizeof *given);
    for (int i = 0; i < MANY; i++) /* each is allowed and taken back */
        given[i] = rule(i < MANY / 2, C, 200 + i % (MANY / 2) / 1000, i % 1000, "rw");
    struct oci_device_rule_array config = {MANY, given};
    struct compiled c;
    const clock_t before = clock();
    compile(&config, &c);
    const double used = (double)(clock() - before) / CLOCKS_PER_SEC;
    ok(c.r_lines == 0 && c.line_count > MANY, "%d rules as lines", MANY);
    ok(used < 2, "in a moment: %.2f s", used);
    arena_drop(&c.arena);
    free(given);
}

static void test_many(void) {
    enum { MANY = 5000 };
    struct oci_device_rule *given = calloc(MANY, sizeof *given);
    for (int i = 0; i < MANY; i++)
        given[i] = rule(true, C, 4000, i, "rw");
    struct oci_device_rule_array config = {MANY, given};
    struct compiled c;
    compile(&config, &c);
    is_number(c.r, 0, "%d rules compile", MANY);
    is_number(wrong_answers(&config, c.program, c.count), 0, "and are right");
    is_number(run(c.program, c.count, 'c', DEVICE_READ | DEVICE_WRITE, 4000, MANY - 1), 1, "the last is allowed");
    is_number(run(c.program, c.count, 'c', DEVICE_READ, 4000, MANY), 0, "one more is not");
    arena_drop(&c.arena);
    free(given);
}

int main(void) {
    test_meaning();
    test_order();
    test_refusals();
    test_random();
    test_plain();
    test_time();
    test_many();
    return tap_done();
}
