/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: see filter.h. Runs in life; needs no privilege. libseccomp tells the numbers of system calls and
 * architectures; the rules are put in order by filter_rules, the instructions are written by filter_write.
 */
#include "plan/filter.h"

#include "base/log.h"
#include "base/table.h"
#include "oci_types.h"
#include "plan/annotations.h"
#include "plan/filter_rules.h"
#include "plan/filter_write.h"
#include "version.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* To be raised whenever another program is made from the same section: it keeps stale cache entries out. */
#define FILTER_REVISION 2

#define FAIL_UNKNOWN "run.oci.seccomp_fail_unknown_syscall"
#define X32_BIT 0x40000000U
#define FILTER_ARGS 6 /* a system call has at most six arguments */
#define FILTER_PLACE "/linux/seccomp"
#define PLACE_SIZE 96 /* the longest pointer below FILTER_PLACE, with two 20-digit indices, has 82 bytes */

struct action_row {
    uint32_t value; /* SCMP_ACT_* */
    uint32_t most;  /* the largest errnoRet it takes; 0: it takes none */
};

static const struct action_row action_rows[] = {
    [OCI_SECCOMP_ACTION_KILL] = {SCMP_ACT_KILL_THREAD, 0},
    [OCI_SECCOMP_ACTION_KILL_PROCESS] = {SCMP_ACT_KILL_PROCESS, 0},
    [OCI_SECCOMP_ACTION_KILL_THREAD] = {SCMP_ACT_KILL_THREAD, 0},
    [OCI_SECCOMP_ACTION_TRAP] = {SCMP_ACT_TRAP, 0},
    [OCI_SECCOMP_ACTION_ERRNO] = {SCMP_ACT_ERRNO(0), 4094}, /* libseccomp refuses the kernel's MAX_ERRNO, 4095 */
    [OCI_SECCOMP_ACTION_TRACE] = {SCMP_ACT_TRACE(0), 0xffff},
    [OCI_SECCOMP_ACTION_ALLOW] = {SCMP_ACT_ALLOW, 0},
    [OCI_SECCOMP_ACTION_LOG] = {SCMP_ACT_LOG, 0},
};

/* As libseccomp calls them. It is asked by name, so that one that is older than an architecture still builds. */
static const char *const arch_names[] = {
    [OCI_SECCOMP_ARCH_X86] = "x86",
    [OCI_SECCOMP_ARCH_X86_64] = "x86_64",
    [OCI_SECCOMP_ARCH_X32] = "x32",
    [OCI_SECCOMP_ARCH_ARM] = "arm",
    [OCI_SECCOMP_ARCH_AARCH64] = "aarch64",
    [OCI_SECCOMP_ARCH_MIPS] = "mips",
    [OCI_SECCOMP_ARCH_MIPS64] = "mips64",
    [OCI_SECCOMP_ARCH_MIPS64N32] = "mips64n32",
    [OCI_SECCOMP_ARCH_MIPSEL] = "mipsel",
    [OCI_SECCOMP_ARCH_MIPSEL64] = "mipsel64",
    [OCI_SECCOMP_ARCH_MIPSEL64N32] = "mipsel64n32",
    [OCI_SECCOMP_ARCH_PPC] = "ppc",
    [OCI_SECCOMP_ARCH_PPC64] = "ppc64",
    [OCI_SECCOMP_ARCH_PPC64LE] = "ppc64le",
    [OCI_SECCOMP_ARCH_S390] = "s390",
    [OCI_SECCOMP_ARCH_S390X] = "s390x",
    [OCI_SECCOMP_ARCH_PARISC] = "parisc",
    [OCI_SECCOMP_ARCH_PARISC64] = "parisc64",
    [OCI_SECCOMP_ARCH_RISCV64] = "riscv64",
    [OCI_SECCOMP_ARCH_LOONGARCH64] = "loongarch64",
    [OCI_SECCOMP_ARCH_M68K] = "m68k",
    [OCI_SECCOMP_ARCH_SH] = "sh",
    [OCI_SECCOMP_ARCH_SHEB] = "sheb",
};

/* ------------------------------------------------------------------------------------------------------ checks -- */

#define SECTION SIZE_MAX /* in place of a rule's index: the section's own default */

/* Only refusals need a pointer, so it is made then: a look-up in the cache passes here too, and it is to be quick. */
static const char *action_place(char place[PLACE_SIZE], size_t rule, bool of_errno) {
    if (rule == SECTION)
        return of_errno ? FILTER_PLACE "/defaultErrnoRet" : FILTER_PLACE "/defaultAction";
    snprintf(place, PLACE_SIZE, FILTER_PLACE "/syscalls/%zu/%s", rule, of_errno ? "errnoRet" : "action");
    return place;
}

/* The value of an action with its errnoRet, for libseccomp and the kernel alike. */
static int action_value(enum oci_seccomp_action action, bool has_errno, uint32_t errno_ret, size_t rule, uint32_t *out,
                        struct error *err) {
    char place[PLACE_SIZE];
    if (action == OCI_SECCOMP_ACTION_NOTIFY)
        return error_refuse(err, action_place(place, rule, false), "SCMP_ACT_NOTIFY is not supported yet");
    if (action <= OCI_SECCOMP_ACTION_UNSET || (size_t)action >= TABLE_COUNT(action_rows))
        return error_refuse(err, action_place(place, rule, false), "a seccomp action is missing");
    const struct action_row *row = &action_rows[action];
    if (has_errno && !row->most)
        return error_refuse(err, action_place(place, rule, true), "this seccomp action takes no errno value");
    if (has_errno && errno_ret > row->most)
        return error_refuse(err, action_place(place, rule, true), "errno value %u is above %u", errno_ret, row->most);
    *out = row->value | (row->most ? has_errno ? errno_ret : EPERM : 0);
    return 0;
}

static int default_action(const struct oci_seccomp *seccomp, uint32_t *out, struct error *err) {
    return action_value(seccomp->default_action, seccomp->has_default_errno_ret, seccomp->default_errno_ret, SECTION,
                        out, err);
}

static int rule_action(const struct oci_syscall *rule, size_t index, uint32_t *out, struct error *err) {
    return action_value(rule->action, rule->has_errno_ret, rule->errno_ret, index, out, err);
}

static int flags_value(const struct oci_seccomp *seccomp, unsigned *out, struct error *err) {
    unsigned flags = seccomp->flags.items ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    for (size_t i = 0; i < seccomp->flags.count; i++) {
        switch (seccomp->flags.items[i]) {
        case OCI_SECCOMP_FLAG_TSYNC:              /* one thread loads the filter, and all others come after it */
        case OCI_SECCOMP_FLAG_WAIT_KILLABLE_RECV: /* has a meaning with SCMP_ACT_NOTIFY only; seccomp(2) refuses else */
            break;
        case OCI_SECCOMP_FLAG_LOG:
            flags |= SECCOMP_FILTER_FLAG_LOG;
            break;
        case OCI_SECCOMP_FLAG_SPEC_ALLOW:
            flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
            break;
        default: {
            char place[PLACE_SIZE];
            snprintf(place, sizeof place, FILTER_PLACE "/flags/%zu", i);
            return error_refuse(err, place, "unknown seccomp flag");
        }
        }
    }
    *out = flags;
    return 0;
}

static int args_check(const struct oci_syscall *rule, size_t index, struct error *err) {
    char place[PLACE_SIZE];
    for (size_t i = 0; i < rule->args.count; i++) {
        const struct oci_syscall_arg *arg = &rule->args.items[i];
        if (arg->index >= FILTER_ARGS) {
            snprintf(place, sizeof place, FILTER_PLACE "/syscalls/%zu/args/%zu/index", index, i);
            return error_refuse(err, place, "a system call has no argument %u, the last one is %d", arg->index,
                                FILTER_ARGS - 1);
        }
        if (arg->op <= OCI_SECCOMP_OPERATOR_UNSET || arg->op > OCI_SECCOMP_OPERATOR_MASKED_EQ) {
            snprintf(place, sizeof place, FILTER_PLACE "/syscalls/%zu/args/%zu/op", index, i);
            return error_refuse(err, place, "a comparison operator is missing");
        }
    }
    return 0;
}

static int names_check(const struct oci_syscall *rule, size_t index, struct error *err) {
    const char *complaint = rule->names.count == 0 ? "a seccomp rule names no system call" : NULL;
    for (size_t i = 0; i < rule->names.count; i++)
        if (!rule->names.items[i][0])
            complaint = "a system call has an empty name";
    if (!complaint)
        return 0;
    char place[PLACE_SIZE];
    snprintf(place, sizeof place, FILTER_PLACE "/syscalls/%zu/names", index);
    return error_refuse(err, place, "%s", complaint);
}

static int rule_check(const struct oci_syscall *rule, size_t index, struct error *err) {
    uint32_t action = 0;
    int r = names_check(rule, index, err);
    if (r == 0)
        r = rule_action(rule, index, &action, err);
    return r < 0 ? r : args_check(rule, index, err);
}

static bool has_listener(const struct oci_seccomp *seccomp) {
    return seccomp->listener_path && *seccomp->listener_path;
}

static int section_check(const struct oci_seccomp *seccomp, struct error *err) {
    char place[PLACE_SIZE];
    uint32_t action = 0;
    if (seccomp->listener_metadata && *seccomp->listener_metadata && !has_listener(seccomp))
        return error_refuse(err, FILTER_PLACE "/listenerMetadata", "listenerMetadata needs a listenerPath");
    int r = default_action(seccomp, &action, err);
    for (size_t i = 0; r == 0 && i < seccomp->architectures.count; i++) {
        size_t arch = (size_t)seccomp->architectures.items[i];
        if (arch >= TABLE_COUNT(arch_names) || !arch_names[arch]) {
            snprintf(place, sizeof place, FILTER_PLACE "/architectures/%zu", i);
            r = error_refuse(err, place, "unknown seccomp architecture");
        }
    }
    for (size_t i = 0; r == 0 && i < seccomp->syscalls.count; i++)
        r = rule_check(&seccomp->syscalls.items[i], i, err);
    if (r == 0 && filter_rules_count(seccomp) > FILTER_RULES_MOST)
        r = error_refuse(err, FILTER_PLACE "/syscalls", "more than %d rules (each name in each rule is one)",
                         FILTER_RULES_MOST);
    return r;
}

/* --------------------------------------------------------------------------------------------------------- key -- */

/* Where the bytes of a key go. The first pass has no memory and only counts them. */
struct key {
    char *bytes;
    size_t len;
};

static void key_put(struct key *key, const void *data, size_t len) {
    if (key->bytes)
        memcpy(key->bytes + key->len, data, len);
    key->len += len;
}

static void key_number(struct key *key, uint64_t number) {
    key_put(key, &number, sizeof number);
}

static void key_text(struct key *key, const char *text) {
    key_put(key, text, strlen(text) + 1);
}

static void key_rule(struct key *key, const struct oci_syscall *rule) {
    key_number(key, (uint64_t)rule->action);
    key_number(key, rule->has_errno_ret ? rule->errno_ret : EPERM);
    key_number(key, rule->args.count);
    for (size_t i = 0; i < rule->args.count; i++) {
        const struct oci_syscall_arg *arg = &rule->args.items[i];
        key_number(key, arg->index);
        key_number(key, (uint64_t)arg->op);
        key_number(key, arg->value);
        key_number(key, arg->op == OCI_SECCOMP_OPERATOR_MASKED_EQ ? arg->value_two : 0);
    }
    key_number(key, rule->names.count);
    for (size_t i = 0; i < rule->names.count; i++)
        key_text(key, rule->names.items[i]);
}

/* Every list is preceded by its count and every text ends with its NUL: no two sections share their bytes. */
static void key_section(struct key *key, const struct oci_seccomp *seccomp) {
    const struct scmp_version *version = seccomp_version(); /* of the library in use; like the next, a mere constant */
    key_number(key, FILTER_REVISION);
    key_text(key, BERTH_VERSION " " BERTH_COMMIT);
    key_number(key, (uint64_t)version->major << 32 | version->minor << 16 | version->micro);
    key_number(key, seccomp_arch_native());
    key_number(key, (uint64_t)seccomp->default_action);
    key_number(key, seccomp->has_default_errno_ret ? seccomp->default_errno_ret : EPERM);
    key_number(key, seccomp->architectures.count);
    for (size_t i = 0; i < seccomp->architectures.count; i++)
        key_number(key, (uint64_t)seccomp->architectures.items[i]);
    key_number(key, seccomp->syscalls.count);
    for (size_t i = 0; i < seccomp->syscalls.count; i++)
        key_rule(key, &seccomp->syscalls.items[i]);
}

int filter_key(struct arena *arena, const struct oci_seccomp *seccomp, const char **key, size_t *len, unsigned *flags,
               struct error *err) {
    unsigned value = 0;
    int r = section_check(seccomp, err);
    if (r == 0)
        r = flags_value(seccomp, &value, err);
    if (r < 0)
        return r;
    struct key k = {0};
    key_section(&k, seccomp);
    k.bytes = arena_alloc(arena, k.len);
    if (!k.bytes)
        return error_memory(err);
    k.len = 0;
    key_section(&k, seccomp);
    if (has_listener(seccomp)) /* SCMP_ACT_NOTIFY would have been refused */
        log_debug("seccomp listenerPath ignored: no action is SCMP_ACT_NOTIFY (config " FILTER_PLACE "/listenerPath)");
    *key = k.bytes;
    *len = k.len;
    *flags = value;
    return 0;
}

/* ----------------------------------------------------------------------------------------------- architectures -- */

#define ARCHS_MOST (TABLE_COUNT(arch_names) + 1) /* those and the native one */

struct arch_list {
    struct syscall_arch items[ARCHS_MOST];
    size_t count;
};

static void arch_add(struct arch_list *list, uint32_t token) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].token == token)
            return;
    list->items[list->count++] = syscall_arch(token);
}

/* The native architecture first: it is filtered whether it is listed or not, and its calls are the common ones. */
static int archs_find(const struct oci_seccomp *seccomp, struct arch_list *out, struct error *err) {
    uint32_t native = seccomp_arch_native();
    out->count = 0;
    arch_add(out, native);
    for (size_t i = 0; i < seccomp->architectures.count; i++) {
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, FILTER_PLACE "/architectures/%zu", i);
        const struct scmp_version *version = seccomp_version();
        const char *name = arch_names[seccomp->architectures.items[i]];
        uint32_t token = seccomp_arch_resolve_name(name);
        if (!token)
            return error_refuse(err, place, "libseccomp %u.%u.%u does not know the architecture %s", version->major,
                                version->minor, version->micro, name);
        if ((token ^ native) & __AUDIT_ARCH_LE)
            return error_refuse(err, place, "the architecture %s has another byte order than this machine", name);
        arch_add(out, token);
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------------ blocks -- */

/* Numbers from `first` to `last` that are above `highest` are newer than all that the section names. */
struct ceiling {
    uint32_t first, last;
    int64_t highest; /* -1: the section names no call of the architecture, so nothing can be said about new ones */
};

/*
 * Where the ordinary numbers of an architecture are. x32 shares the kernel's token of x86_64 and sets bit 30; Arm has
 * private calls above the ordinary ones, which must not pass for the newest.
 */
static struct ceiling arch_ceiling(uint32_t token) {
    switch (token) {
    case SCMP_ARCH_X86_64:
        return (struct ceiling){.last = X32_BIT - 1, .highest = -1};
    case SCMP_ARCH_X32:
        return (struct ceiling){.first = X32_BIT, .last = 0x7fffffff, .highest = -1};
    case SCMP_ARCH_ARM:
        return (struct ceiling){.last = 0x000effff, .highest = -1};
    default: /* a negative number is no system call anywhere; a tracer sets -1 to have one skipped */
        return (struct ceiling){.last = 0x7fffffff, .highest = -1};
    }
}

/* All calls that the kernel reports with one token. */
struct block {
    uint32_t audit;
    bool x32; /* x32 is listed */
    struct ceiling ceilings[2];
    size_t ceiling_count;
    struct filter_rules rules;
};

/* The section's actions as the kernel has them. */
struct actions {
    uint32_t fallback;
    uint32_t *rules; /* one for each of the section's rules */
};

static int actions_find(struct arena *arena, const struct oci_seccomp *seccomp, struct actions *out,
                        struct error *err) {
    out->rules = arena_array(arena, seccomp->syscalls.count, sizeof *out->rules);
    if (!out->rules)
        return error_memory(err);
    int r = default_action(seccomp, &out->fallback, err);
    for (size_t i = 0; r == 0 && i < seccomp->syscalls.count; i++)
        r = rule_action(&seccomp->syscalls.items[i], i, &out->rules[i], err);
    return r;
}

static int block_add(struct arena *arena, const struct oci_seccomp *seccomp, const struct actions *actions,
                     const struct syscall_arch *arch, struct block *block, struct error *err) {
    struct ceiling *ceiling = &block->ceilings[block->ceiling_count++];
    *ceiling = arch_ceiling(arch->token);
    block->x32 |= arch->token == SCMP_ARCH_X32;
    return filter_rules_add(arena, seccomp, actions->rules, actions->fallback, arch, ceiling->last, &ceiling->highest,
                            &block->rules, err);
}

static int block_fill(struct arena *arena, const struct oci_seccomp *seccomp, const struct actions *actions,
                      const struct arch_list *archs, struct block *block, struct error *err) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < archs->count; i++)
        if (archs->items[i].audit == block->audit)
            r = block_add(arena, seccomp, actions, &archs->items[i], block, err);
    return r < 0 ? r : filter_rules_sort(arena, &block->rules, err);
}

/* Whether an answer keeps a call from happening, without saying ENOSYS by itself. */
static bool action_denies(uint32_t action) {
    switch (action) {
    case SCMP_ACT_ALLOW:
    case SCMP_ACT_LOG:
    case SCMP_ACT_ERRNO(ENOSYS):
        return false;
    default: /* a tracer decides by itself what a new call shall answer */
        return (action & SECCOMP_RET_ACTION_FULL) != SCMP_ACT_TRACE(0);
    }
}

/* The answer to a number that no rule names. */
static uint32_t block_default(const struct block *block, uint32_t fallback, uint32_t number) {
    for (size_t i = 0; action_denies(fallback) && i < block->ceiling_count; i++) {
        const struct ceiling *c = &block->ceilings[i];
        if (c->highest >= 0 && number >= c->first && number <= c->last && number > c->highest)
            return SECCOMP_RET_ERRNO | ENOSYS;
    }
    bool foreign = block->audit == SCMP_ARCH_X86_64 && !block->x32 && number >= X32_BIT && number != UINT32_MAX;
    return foreign ? SECCOMP_RET_KILL_THREAD : fallback;
}

static int number_order(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The numbers where the answer may change, ascending; some twice. NULL when out of memory. */
static uint32_t *points_find(struct arena *arena, const struct block *block, size_t *count) {
    const struct filter_rules *rules = &block->rules;
    uint32_t *points = arena_array(arena, 2 * rules->count + 3 * TABLE_COUNT(block->ceilings) + 3, sizeof *points);
    size_t n = 0;
    if (!points)
        return NULL;
    points[n++] = 0;
    points[n++] = X32_BIT;
    points[n++] = UINT32_MAX;
    for (size_t i = 0; i < block->ceiling_count; i++) {
        points[n++] = block->ceilings[i].first;
        points[n++] = (uint32_t)(block->ceilings[i].highest + 1);
        points[n++] = block->ceilings[i].last + 1;
    }
    for (size_t i = 0; i < rules->count; i++) {
        points[n++] = rules->items[i].number;
        points[n++] = rules->items[i].number + 1;
    }
    qsort(points, n, sizeof *points, number_order);
    *count = n;
    return points;
}

/* What rules say about one call. */
static struct filter_leaf group_leaf(struct filter_writer *writer, const struct filter_rule *rules, size_t count,
                                     uint32_t fallback) {
    if (rules[0].count == 0)
        return (struct filter_leaf){.value = rules[0].action};
    return (struct filter_leaf){.open = true, .value = (uint32_t)filter_write_call(writer, rules, count, fallback)};
}

static int block_write(struct arena *arena, const struct block *block, uint32_t fallback, struct filter_writer *writer,
                       size_t *position, struct error *err) {
    size_t point_count = 0, range_count = 0, next = 0;
    const uint32_t *points = points_find(arena, block, &point_count);
    struct filter_range *ranges = points ? arena_array(arena, point_count, sizeof *ranges) : NULL;
    if (!ranges)
        return error_memory(err);
    for (size_t i = 0; i < point_count; i++) {
        const struct filter_rule *rule = &block->rules.items[next];
        if (i > 0 && points[i] == points[i - 1])
            continue;
        struct filter_leaf leaf = {.value = block_default(block, fallback, points[i])};
        if (next < block->rules.count && rule->number == points[i]) {
            size_t group = filter_rules_group(rule, block->rules.count - next);
            leaf = group_leaf(writer, rule, group, leaf.value);
            next += group;
        }
        const struct filter_leaf *last = &ranges[range_count - (range_count > 0)].leaf;
        if (range_count == 0 || leaf.open != last->open || leaf.value != last->value)
            ranges[range_count++] = (struct filter_range){.start = points[i], .leaf = leaf};
    }
    *position = filter_write_numbers(writer, ranges, range_count);
    return 0;
}

/* ------------------------------------------------------------------------------------------------------ review -- */

/* A list of names with their places, for one line of the log. */
struct note {
    char text[900];
    size_t len;
    size_t row;  /* of the last name */
    size_t left; /* names that the text has no room for */
};

static void note_add(struct note *note, const char *name, size_t row) {
    char item[PLACE_SIZE + 128];
    int len = note->len > 0 && note->row == row
                  ? snprintf(item, sizeof item, ", \"%.100s\"", name)
                  : snprintf(item, sizeof item, "%s" FILTER_PLACE "/syscalls/%zu: \"%.100s\"", note->len ? "; " : "",
                             row, name);
    if (len < 0 || (size_t)len >= sizeof note->text - note->len) {
        note->left++;
        return;
    }
    memcpy(note->text + note->len, item, (size_t)len + 1);
    note->len += (size_t)len;
    note->row = row;
}

static void note_log(const struct note *note, enum log_level level, const char *subject) {
    if (note->len > 0 && note->left > 0)
        log_write(level, "%s: %s, and %zu more", subject, note->text, note->left);
    else if (note->len > 0)
        log_write(level, "%s: %s", subject, note->text);
}

static void review_names(const struct oci_seccomp *seccomp, const struct actions *actions, struct note *strict,
                         struct note *other) {
    const struct syscall_arch native = syscall_arch(seccomp_arch_native());
    for (size_t i = 0; i < seccomp->syscalls.count; i++) {
        const struct oci_string_array *names = &seccomp->syscalls.items[i].names;
        bool stricter = filter_stricter(actions->rules[i], actions->fallback);
        struct syscall_ways ways;
        for (size_t j = 0; j < names->count; j++)
            if (!syscall_find(&native, names->items[j], &ways))
                note_add(stricter ? strict : other, names->items[j], i);
    }
}

bool filter_fails_unknown(const struct oci_string_map *annotations) {
    return annotation_find(annotations, FAIL_UNKNOWN) != NULL;
}

int filter_review(struct arena *arena, const struct oci_seccomp *seccomp, bool fail_unknown, struct error *err) {
    struct note strict = {.len = 0}, other = {.len = 0};
    struct actions actions;
    int r = actions_find(arena, seccomp, &actions, err);
    if (r < 0)
        return r;
    review_names(seccomp, &actions, &strict, &other);
    if (fail_unknown && strict.len + other.len > 0)
        return error_refuse(err, FILTER_PLACE "/syscalls", "annotation %s: unknown system calls: %s", FAIL_UNKNOWN,
                            strict.len > 0 ? strict.text : other.text);
    note_log(&strict, LOG_LEVEL_WARNING, "unknown system calls in seccomp rules ignored");
    note_log(&other, LOG_LEVEL_DEBUG, "unknown system calls in seccomp rules ignored");
    return 0;
}

/* ----------------------------------------------------------------------------------------------------- compile -- */

/* Writes the blocks of all architectures and what chooses between them. */
static int program_write(struct arena *arena, const struct oci_seccomp *seccomp, const struct actions *actions,
                         const struct arch_list *archs, struct filter_writer *writer, size_t *unknown,
                         struct error *err) {
    uint32_t audits[ARCHS_MOST];
    size_t positions[ARCHS_MOST], count = 0;
    for (size_t i = 0; i < archs->count; i++) {
        struct block block = {.audit = archs->items[i].audit};
        size_t seen = 0;
        while (seen < count && audits[seen] != block.audit)
            seen++;
        if (seen < count)
            continue;
        audits[count] = block.audit;
        int r = block_fill(arena, seccomp, actions, archs, &block, err);
        if (r == 0)
            r = block_write(arena, &block, actions->fallback, writer, &positions[count], err);
        if (r < 0)
            return r;
        if (count++ == 0)
            *unknown = block.rules.unknown;
    }
    filter_write_archs(writer, audits, positions, count, SECCOMP_RET_KILL_THREAD);
    return 0;
}

int filter_compile(struct arena *arena, const struct oci_seccomp *seccomp, struct plan_filter *out, struct error *err) {
    struct plan_filter filter = {0};
    struct actions actions;
    struct arch_list archs;
    struct filter_writer writer;
    int r = section_check(seccomp, err);
    if (r == 0)
        r = flags_value(seccomp, &filter.flags, err);
    if (r == 0)
        r = actions_find(arena, seccomp, &actions, err);
    if (r == 0)
        r = archs_find(seccomp, &archs, err);
    if (r < 0)
        return r;
    if (!filter_writer_init(&writer, arena))
        return error_memory(err);
    r = program_write(arena, seccomp, &actions, &archs, &writer, &filter.unknown, err);
    if (r < 0)
        return r;
    if (writer.full)
        return error_refuse(err, FILTER_PLACE, "the filter has too many instructions, the kernel takes %d at most",
                            BPF_MAXINSNS);
    filter.program = writer.out + (BPF_MAXINSNS - writer.used);
    filter.count = writer.used;
    *out = filter;
    return 0;
}
