/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit test of plan/filter: sections are compiled, and a small interpreter (bpf_run.h) says what the programs answer
 * for an architecture, a system call and its arguments. Runs anywhere; the numbers are those of x86, x32, x86_64 and
 * Arm, which are looked at whatever the machine (little-endian ones only: a filter has one byte order). One case loads
 * a filter in a child (no_new_privs, so no privilege).
 */
#include "plan/filter.h"

#include "base/log.h"
#include "bpf_run.h"
#include "life/filter_cache.h"
#include "oci_types.h"
#include "plan/syscalls.h"
#include "tap.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------------------------------------------- vocabulary -- */

/* clang-format off */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIST(type, ...) {.count = COUNT(((type[]){__VA_ARGS__})), .items = (type[]){__VA_ARGS__}}
#define NAMES(...) .names = LIST(const char *, __VA_ARGS__)
#define ARGS(...) .args = LIST(struct oci_syscall_arg, __VA_ARGS__)
#define ARG(at, what, number) {.index = (at), .op = OCI_SECCOMP_OPERATOR_##what, .value = (number)}
#define RULES(...) .syscalls = LIST(struct oci_syscall, __VA_ARGS__)
#define ARCHS(...) .architectures = LIST(enum oci_seccomp_arch, __VA_ARGS__)
#define DOES(what) .action = OCI_SECCOMP_ACTION_##what
#define DEFAULT(what) .default_action = OCI_SECCOMP_ACTION_##what
#define X64 ARCHS(OCI_SECCOMP_ARCH_X86_64)
#define THREE_ARCHS ARCHS(OCI_SECCOMP_ARCH_X86_64, OCI_SECCOMP_ARCH_X86, OCI_SECCOMP_ARCH_X32)
/* clang-format on */

#define X32_BIT 0x40000000
#define ALLOW SECCOMP_RET_ALLOW
#define FAILS(errno_value) (SECCOMP_RET_ERRNO | (errno_value))

static struct arena arena = ARENA_INIT;

/* Compiles what must compile; an empty program when it does not. */
static struct plan_filter compiled(const struct oci_seccomp *seccomp) {
    struct plan_filter filter = {0};
    struct error err = ERROR_INIT;
    if (filter_compile(&arena, seccomp, &filter, &err) < 0)
        ok(false, "compiles: %s", err.text);
    return filter;
}

static uint32_t answer_to(const struct plan_filter *filter, uint32_t arch, uint32_t number, const uint64_t args[6]) {
    struct seccomp_data data = {.nr = (int)number, .arch = arch};
    if (args)
        memcpy(data.args, args, sizeof data.args);
    return program_run(filter->program, filter->count, &data);
}

/* On x86_64 without arguments. */
static uint32_t answer(const struct plan_filter *filter, uint32_t number) {
    return answer_to(filter, AUDIT_ARCH_X86_64, number, NULL);
}

static uint32_t answer_arg(const struct plan_filter *filter, uint32_t number, unsigned index, uint64_t value) {
    uint64_t args[6] = {0};
    args[index] = value;
    return answer_to(filter, AUDIT_ARCH_X86_64, number, args);
}

#define is_answer(got, want, ...)                                                                                      \
    do {                                                                                                               \
        uint32_t answer_got = (got), answer_want = (want);                                                             \
        if (!ok(answer_got == answer_want, __VA_ARGS__))                                                               \
            printf("# got %#x, want %#x\n", answer_got, answer_want);                                                  \
    } while (0)

/* Numbers on x86_64. */
enum { NR_READ = 0, NR_WRITE = 1, NR_GETPID = 39, NR_CLONE = 56, NR_PERSONALITY = 135, NR_CLONE3 = 435 };

/* ------------------------------------------------------------------------------------------------------- actions -- */

static void test_actions(void) {
    static const struct {
        const char *name;
        enum oci_seccomp_action action;
        bool has_errno;
        uint32_t errno_ret, want;
    } cases[] = {
        {"KILL", OCI_SECCOMP_ACTION_KILL, false, 0, SECCOMP_RET_KILL_THREAD},
        {"KILL_THREAD", OCI_SECCOMP_ACTION_KILL_THREAD, false, 0, SECCOMP_RET_KILL_THREAD},
        {"KILL_PROCESS", OCI_SECCOMP_ACTION_KILL_PROCESS, false, 0, SECCOMP_RET_KILL_PROCESS},
        {"TRAP", OCI_SECCOMP_ACTION_TRAP, false, 0, SECCOMP_RET_TRAP},
        {"ERRNO", OCI_SECCOMP_ACTION_ERRNO, false, 0, FAILS(1)},
        {"ERRNO 0", OCI_SECCOMP_ACTION_ERRNO, true, 0, FAILS(0)},
        {"ERRNO 38", OCI_SECCOMP_ACTION_ERRNO, true, 38, FAILS(38)},
        {"ERRNO 4094", OCI_SECCOMP_ACTION_ERRNO, true, 4094, FAILS(4094)},
        {"TRACE", OCI_SECCOMP_ACTION_TRACE, false, 0, SECCOMP_RET_TRACE | 1},
        {"TRACE 65535", OCI_SECCOMP_ACTION_TRACE, true, 65535, SECCOMP_RET_TRACE | 65535},
        {"LOG", OCI_SECCOMP_ACTION_LOG, false, 0, SECCOMP_RET_LOG},
        {"ALLOW", OCI_SECCOMP_ACTION_ALLOW, false, 0, SECCOMP_RET_ALLOW},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool allow = cases[i].action == OCI_SECCOMP_ACTION_ALLOW;
        struct oci_syscall rule = {NAMES("getpid"), DOES(ALLOW)};
        if (allow)
            rule.action = OCI_SECCOMP_ACTION_TRAP;
        struct oci_seccomp seccomp = {
            .default_action = cases[i].action,
            .default_errno_ret = cases[i].errno_ret,
            .has_default_errno_ret = cases[i].has_errno,
            X64,
            .syscalls = {1, &rule},
        };
        struct plan_filter filter = compiled(&seccomp);
        is_answer(answer(&filter, NR_READ), cases[i].want, "%s as default", cases[i].name);
        is_answer(answer(&filter, NR_GETPID), allow ? SECCOMP_RET_TRAP : ALLOW, "%s as default, rule", cases[i].name);

        rule = (struct oci_syscall){NAMES("getpid"), .action = cases[i].action, .errno_ret = cases[i].errno_ret,
                                    .has_errno_ret = cases[i].has_errno};
        struct oci_seccomp turned = {DEFAULT(ALLOW), X64, .syscalls = {1, &rule}};
        filter = compiled(&turned);
        is_answer(answer(&filter, NR_READ), ALLOW, "%s in a rule, default", cases[i].name);
        is_answer(answer(&filter, NR_GETPID), cases[i].want, "%s in a rule", cases[i].name);
    }
}

static void test_rules(void) {
    struct oci_seccomp seccomp = {
        DEFAULT(ERRNO),
        X64,
        RULES({NAMES("read", "no_such_call"), DOES(ALLOW)}, {NAMES("read"), DOES(ALLOW)},
              {NAMES("write"), DOES(ERRNO)}, /* as the default: libseccomp itself would refuse it */
              {NAMES("clone3"), DOES(ERRNO), .errno_ret = 38, .has_errno_ret = true},
              {NAMES("getpid"), DOES(ERRNO), .errno_ret = 1, .has_errno_ret = true}, {NAMES("nor_this"), DOES(LOG)}),
    };
    struct plan_filter filter = compiled(&seccomp);
    is_answer(answer(&filter, NR_READ), ALLOW, "a rule and its repetition");
    is_answer(answer(&filter, NR_WRITE), FAILS(1), "a rule that says what the default says");
    is_answer(answer(&filter, NR_GETPID), FAILS(1), "the same with the errno written out");
    is_answer(answer(&filter, NR_CLONE3), FAILS(38), "the default action with another errno");
    is_answer(answer(&filter, 2), FAILS(1), "what no rule names");
    is_number(filter.unknown, 2, "unknown names are counted");

    struct oci_seccomp none = {DEFAULT(ALLOW)};
    filter = compiled(&none);
    ok(filter.count > 0 && filter.count < 20, "no rules make a small filter");
    is_number(filter.unknown, 0, "and no unknown name");
}

/* ----------------------------------------------------------------------------------------------------- arguments -- */

static void test_operators(void) {
    static const struct {
        enum oci_seccomp_operator op;
        uint64_t value, value_two, arg;
        bool match;
    } cases[] = {
        {OCI_SECCOMP_OPERATOR_EQ, 5, 0, 5, true},
        {OCI_SECCOMP_OPERATOR_EQ, 5, 0, 6, false},
        {OCI_SECCOMP_OPERATOR_EQ, 5, 0, 0x100000005, false},
        {OCI_SECCOMP_OPERATOR_EQ, 0xffffffffffffffff, 0, 0xffffffffffffffff, true},
        {OCI_SECCOMP_OPERATOR_EQ, 0xffffffff, 0, 0xffffffffffffffff, false},
        {OCI_SECCOMP_OPERATOR_NE, 5, 0, 5, false},
        {OCI_SECCOMP_OPERATOR_NE, 5, 0, 6, true},
        {OCI_SECCOMP_OPERATOR_NE, 5, 0, 0x100000005, true},
        {OCI_SECCOMP_OPERATOR_LT, 0x200000005, 0, 0x200000004, true},
        {OCI_SECCOMP_OPERATOR_LT, 0x200000005, 0, 0x200000005, false},
        {OCI_SECCOMP_OPERATOR_LT, 0x200000005, 0, 0x1ffffffff, true},
        {OCI_SECCOMP_OPERATOR_LT, 0x200000005, 0, 0x300000000, false},
        {OCI_SECCOMP_OPERATOR_LE, 0x200000005, 0, 0x200000005, true},
        {OCI_SECCOMP_OPERATOR_LE, 0x200000005, 0, 0x200000006, false},
        {OCI_SECCOMP_OPERATOR_LE, 0x200000005, 0, 0x1ffffffff, true},
        {OCI_SECCOMP_OPERATOR_LE, 0x200000005, 0, 0x300000000, false},
        {OCI_SECCOMP_OPERATOR_GE, 0x200000005, 0, 0x200000005, true},
        {OCI_SECCOMP_OPERATOR_GE, 0x200000005, 0, 0x200000004, false},
        {OCI_SECCOMP_OPERATOR_GE, 0x200000005, 0, 0x300000000, true},
        {OCI_SECCOMP_OPERATOR_GE, 0x200000005, 0, 0x1ffffffff, false},
        {OCI_SECCOMP_OPERATOR_GT, 0x200000005, 0, 0x200000006, true},
        {OCI_SECCOMP_OPERATOR_GT, 0x200000005, 0, 0x200000005, false},
        {OCI_SECCOMP_OPERATOR_GT, 0x200000005, 0, 0x300000000, true},
        {OCI_SECCOMP_OPERATOR_GT, 0x200000005, 0, 0x1ffffffff, false},
        {OCI_SECCOMP_OPERATOR_MASKED_EQ, 0x7e020000, 0, 0x01200011, true},
        {OCI_SECCOMP_OPERATOR_MASKED_EQ, 0x7e020000, 0, 0x10000000, false},
        {OCI_SECCOMP_OPERATOR_MASKED_EQ, 0xff00000000, 0x1200000000, 0x12000000ff, true},
        {OCI_SECCOMP_OPERATOR_MASKED_EQ, 0xff00000000, 0x1200000000, 0x13000000ff, false},
        {OCI_SECCOMP_OPERATOR_MASKED_EQ, 0xf0, 0x30, 0x3f, true},
        {OCI_SECCOMP_OPERATOR_MASKED_EQ, 0xf0, 0x30, 0x4f, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned index = (unsigned)i % 6;
        struct oci_seccomp seccomp = {
            DEFAULT(ERRNO),
            X64,
            RULES(
                {NAMES("clone3"), DOES(ALLOW)},
                {NAMES("clone"), DOES(ALLOW),
                 ARGS({.index = index, .op = cases[i].op, .value = cases[i].value, .value_two = cases[i].value_two})}),
        };
        struct plan_filter filter = compiled(&seccomp);
        is_answer(answer_arg(&filter, NR_CLONE, index, cases[i].arg), cases[i].match ? ALLOW : FAILS(1),
                  "argument %u, operator %d, %#llx against %#llx", index, (int)cases[i].op,
                  (unsigned long long)cases[i].arg, (unsigned long long)cases[i].value);
    }
}

static void test_arguments(void) {
    struct oci_seccomp seccomp = {
        DEFAULT(ERRNO),
        X64,
        RULES({NAMES("clone3"), DOES(ALLOW)},
              /* both must hold */
              {NAMES("write"), DOES(ALLOW), ARGS(ARG(0, EQ, 1), ARG(2, LT, 10))},
              /* any of three, and the one about another argument stands for itself too */
              {NAMES("personality"), DOES(ALLOW), ARGS(ARG(0, EQ, 0), ARG(0, EQ, 8), ARG(1, EQ, 77))},
              /* several rules for one call, with an action each */
              {NAMES("clone"), DOES(LOG), ARGS(ARG(0, EQ, 1))}, {NAMES("clone"), DOES(ALLOW), ARGS(ARG(0, EQ, 2))}),
    };
    struct plan_filter filter = compiled(&seccomp);
    const uint64_t both[6] = {1, 9, 9}, first[6] = {1, 0, 10}, second[6] = {2, 0, 9};
    is_answer(answer_to(&filter, AUDIT_ARCH_X86_64, NR_WRITE, both), ALLOW, "both conditions hold");
    is_answer(answer_to(&filter, AUDIT_ARCH_X86_64, NR_WRITE, first), FAILS(1), "only the first holds");
    is_answer(answer_to(&filter, AUDIT_ARCH_X86_64, NR_WRITE, second), FAILS(1), "only the second holds");
    is_answer(answer_arg(&filter, NR_PERSONALITY, 0, 0), ALLOW, "the first of two values for one argument");
    is_answer(answer_arg(&filter, NR_PERSONALITY, 0, 8), ALLOW, "the second of two values");
    is_answer(answer_arg(&filter, NR_PERSONALITY, 0, 9), FAILS(1), "neither value");
    const uint64_t other[6] = {9, 77};
    is_answer(answer_to(&filter, AUDIT_ARCH_X86_64, NR_PERSONALITY, other), ALLOW, "the condition on another argument");
    is_answer(answer_arg(&filter, NR_CLONE, 0, 1), SECCOMP_RET_LOG, "one action for one value");
    is_answer(answer_arg(&filter, NR_CLONE, 0, 2), ALLOW, "another action for another value");
    is_answer(answer_arg(&filter, NR_CLONE, 0, 3), FAILS(1), "no action for a third");
}

static void test_precedence(void) {
    struct oci_syscall rules[] = {
        {NAMES("clone"), DOES(LOG), ARGS(ARG(0, GT, 3))},
        {NAMES("clone"), DOES(KILL), ARGS(ARG(0, GT, 9))},
        {NAMES("clone"), DOES(TRAP), ARGS(ARG(0, GE, 5), ARG(1, EQ, 1))},
        {NAMES("clone"), DOES(ERRNO), ARGS(ARG(0, EQ, 7))},
    };
    for (size_t i = 0; i < COUNT(rules); i++) {
        struct oci_syscall moved = rules[0];
        memmove(&rules[0], &rules[1], sizeof rules - sizeof rules[0]);
        rules[COUNT(rules) - 1] = moved;
        struct oci_seccomp seccomp = {DEFAULT(ALLOW), X64, .syscalls = {COUNT(rules), rules}};
        struct plan_filter filter = compiled(&seccomp);
        const uint64_t both[6] = {7, 1}, above[6] = {10, 1};
        is_answer(answer_arg(&filter, NR_CLONE, 0, 3), ALLOW, "no rule holds");
        is_answer(answer_arg(&filter, NR_CLONE, 0, 4), SECCOMP_RET_LOG, "one rule holds");
        is_answer(answer_arg(&filter, NR_CLONE, 0, 7), FAILS(1), "the stricter of two, order %zu", i);
        is_answer(answer_to(&filter, AUDIT_ARCH_X86_64, NR_CLONE, both), SECCOMP_RET_TRAP, "the strictest of three");
        is_answer(answer_to(&filter, AUDIT_ARCH_X86_64, NR_CLONE, above), SECCOMP_RET_KILL, "the strictest of all");
    }
    struct oci_seccomp plain = {
        DEFAULT(ALLOW),
        X64,
        RULES({NAMES("clone"), DOES(KILL), ARGS(ARG(0, GT, 9))}, {NAMES("clone", "read"), DOES(LOG)},
              {NAMES("read"), DOES(ERRNO)}, {NAMES("write"), DOES(TRAP)}, {NAMES("write"), DOES(LOG)}),
    };
    struct plan_filter filter = compiled(&plain);
    is_answer(answer_arg(&filter, NR_CLONE, 0, 10), SECCOMP_RET_LOG, "a rule without conditions decides");
    is_answer(answer(&filter, NR_READ), SECCOMP_RET_LOG, "the first of two without conditions decides");
    is_answer(answer(&filter, NR_WRITE), SECCOMP_RET_TRAP, "as when it is the stricter one");
}

/* Many values of one argument: each is compared, and neighbours become ranges. */
static void test_values(void) {
    static struct oci_syscall_arg values[1500];
    for (size_t i = 0; i < COUNT(values); i++)
        values[i] = (struct oci_syscall_arg){.op = OCI_SECCOMP_OPERATOR_EQ,
                                             .value = (i / 500) * 0x100000000 + (i * 7919) % 1500 / 3 * 4 + i % 2};
    struct oci_syscall rule = {NAMES("clone"), DOES(ERRNO), .args = {COUNT(values), values}};
    struct oci_seccomp seccomp = {DEFAULT(ALLOW), X64, .syscalls = {1, &rule}};
    struct plan_filter filter = compiled(&seccomp);
    size_t wrong = 0;
    for (uint64_t high = 0; high < 4; high++)
        for (uint64_t low = 0; low < 2100; low++) {
            uint64_t value = high << 32 | low;
            bool listed = false;
            for (size_t i = 0; i < COUNT(values); i++)
                listed |= values[i].value == value;
            wrong += answer_arg(&filter, NR_CLONE, 0, value) != (listed ? FAILS(1) : ALLOW);
        }
    is_number(wrong, 0, "1500 values in %zu instructions", filter.count);
}

/* ------------------------------------------------------------------------------------------------- architectures -- */

#define ARCH_COUNT 23 /* in the specification; their constants count from 1 */

static void test_architectures(void) {
    struct oci_seccomp seccomp = {
        DEFAULT(ERRNO),
        THREE_ARCHS,
        RULES({NAMES("getpid", "waitpid", "arch_prctl", "socket", "clone3"), DOES(ALLOW)}),
    };
    struct plan_filter filter = compiled(&seccomp);
    is_number(filter.unknown, 0, "a call of another architecture is not unknown");
    is_answer(answer(&filter, 39), ALLOW, "x86_64: getpid");
    is_answer(answer(&filter, 20), FAILS(1), "x86_64: the number that getpid has on x86");
    is_answer(answer(&filter, 158), ALLOW, "x86_64: arch_prctl");
    is_answer(answer(&filter, 7), FAILS(1), "x86_64 has no waitpid, 7 is poll");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 20, NULL), ALLOW, "x86: getpid");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 39, NULL), FAILS(1), "x86: the number that getpid has on x86_64");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 7, NULL), ALLOW, "x86: waitpid");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 384, NULL), ALLOW, "x86: arch_prctl");
    is_answer(answer(&filter, X32_BIT | 39), ALLOW, "x32: getpid");
    is_answer(answer(&filter, X32_BIT | 7), FAILS(1), "x32: poll");
    is_answer(answer_to(&filter, AUDIT_ARCH_PPC, 20, NULL), SECCOMP_RET_KILL_THREAD, "an architecture not listed");
    const uint64_t to_socket[6] = {1}, to_bind[6] = {2};
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 359, NULL), ALLOW, "x86: socket by its own number");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 102, to_socket), ALLOW, "x86: socket through socketcall");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 102, to_bind), FAILS(1), "x86: bind through socketcall");

    enum oci_seccomp_arch again[200];
    for (size_t i = 0; i < COUNT(again); i++)
        again[i] = i % 2 ? OCI_SECCOMP_ARCH_X86_64 : OCI_SECCOMP_ARCH_X86;
    seccomp.architectures.items = again;
    seccomp.architectures.count = COUNT(again);
    filter = compiled(&seccomp);
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 20, NULL), ALLOW, "listed a hundred times: x86");
    is_answer(answer(&filter, 39), ALLOW, "listed a hundred times: x86_64");
    is_answer(answer(&filter, X32_BIT | 39), SECCOMP_RET_KILL_THREAD, "x32 not listed");

    seccomp.architectures.count = 0;
    filter = compiled(&seccomp);
    uint32_t native = seccomp_arch_native();
    uint32_t number = (uint32_t)seccomp_syscall_resolve_name_arch(native, "getpid");
    is_answer(answer_to(&filter, native, number, NULL), ALLOW, "none listed: the native one");

    enum oci_seccomp_arch all[ARCH_COUNT];
    size_t count = 0;
    for (int arch = 1; arch <= ARCH_COUNT; arch++) {
        enum oci_seccomp_arch one = (enum oci_seccomp_arch)arch;
        struct oci_seccomp alone = {DEFAULT(ALLOW), ARCHS(one)};
        struct plan_filter out = {0};
        struct error err = ERROR_INIT;
        if (filter_compile(&arena, &alone, &out, &err) == 0)
            all[count++] = one;
        else
            ok(strcmp(err.place, "/linux/seccomp/architectures/0") == 0 && err.code == EINVAL, "refused: %s", err.text);
    }
    ok(count >= 10, "%zu architectures are taken here", count);
    seccomp.architectures.items = all;
    seccomp.architectures.count = count;
    filter = compiled(&seccomp);
    is_answer(answer(&filter, 39), ALLOW, "all of them at once: x86_64");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 7, NULL), ALLOW, "all of them at once: x86");
    is_answer(answer_to(&filter, AUDIT_ARCH_AARCH64, 172, NULL), ALLOW, "all of them at once: aarch64");
    is_answer(answer_to(&filter, AUDIT_ARCH_AARCH64, 500, NULL), FAILS(38), "all of them at once: a new call");
}

/* ------------------------------------------------------------------------- calls newer than the linked library -- */

static void test_newer_names(void) {
    static const struct {
        enum oci_seccomp_arch arch;
        uint32_t audit, base;
    } cases[] = {
        {OCI_SECCOMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0},    {OCI_SECCOMP_ARCH_X86, AUDIT_ARCH_I386, 0},
        {OCI_SECCOMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT}, {OCI_SECCOMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0},
        {OCI_SECCOMP_ARCH_ARM, AUDIT_ARCH_ARM, 0},          {OCI_SECCOMP_ARCH_PPC64LE, AUDIT_ARCH_PPC64LE, 0},
        {OCI_SECCOMP_ARCH_MIPSEL, AUDIT_ARCH_MIPSEL, 4000}, {OCI_SECCOMP_ARCH_MIPSEL64, AUDIT_ARCH_MIPSEL64, 5000},
        {OCI_SECCOMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64, 0},  {OCI_SECCOMP_ARCH_MIPSEL64N32, SCMP_ARCH_MIPSEL64N32, 6000},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const uint32_t audit = cases[i].audit, base = cases[i].base;
        const uint64_t match[6] = {9}, half[6] = {0x500000009}, other[6] = {8};
        const bool wide = audit & __AUDIT_ARCH_64BIT && audit != SCMP_ARCH_MIPSEL64N32 && base != X32_BIT;
        struct oci_seccomp denies = {
            DEFAULT(ALLOW),
            ARCHS(cases[i].arch),
            RULES({NAMES("statmount", "listns"), DOES(ERRNO)}, {NAMES("mseal"), DOES(TRAP), ARGS(ARG(0, EQ, 9))}),
        };
        struct plan_filter filter = compiled(&denies);
        is_number(filter.unknown, 0, "architecture %zu: nothing is unknown", i);
        is_answer(answer_to(&filter, audit, base + 457, NULL), FAILS(1), "architecture %zu: statmount denied", i);
        is_answer(answer_to(&filter, audit, base + 470, NULL), FAILS(1), "architecture %zu: listns denied", i);
        is_answer(answer_to(&filter, audit, base + 458, NULL), ALLOW, "architecture %zu: listmount not", i);
        is_answer(answer_to(&filter, audit, base + 462, match), SECCOMP_RET_TRAP, "architecture %zu: mseal by value",
                  i);
        is_answer(answer_to(&filter, audit, base + 462, other), ALLOW, "architecture %zu: another value", i);
        is_answer(answer_to(&filter, audit, base + 462, half), wide ? ALLOW : SECCOMP_RET_TRAP,
                  "architecture %zu: the high half counts with 64 bits only", i);
        struct oci_seccomp allows = {DEFAULT(ERRNO), ARCHS(cases[i].arch), RULES({NAMES("mseal"), DOES(ALLOW)})};
        filter = compiled(&allows);
        is_answer(answer_to(&filter, audit, base + 462, NULL), ALLOW, "architecture %zu: mseal allowed", i);
        is_answer(answer_to(&filter, audit, base + 461, NULL), FAILS(1), "architecture %zu: an older call", i);
        is_answer(answer_to(&filter, audit, base + 463, NULL), FAILS(38), "architecture %zu: a newer call", i);
    }
    struct oci_seccomp special = {DEFAULT(ALLOW), X64, RULES({NAMES("uretprobe", "riscv_hwprobe"), DOES(ERRNO)})};
    struct plan_filter filter = compiled(&special);
    is_answer(answer(&filter, 335), FAILS(1), "x86_64: uretprobe");
    is_answer(answer(&filter, 258), ALLOW, "x86_64 has no riscv_hwprobe, 258 is mkdirat");
    is_number(filter.unknown, 0, "and that is nothing to complain of");
}

/* --------------------------------------------------------------------------------------- calls newer than the rules --
 */

static void test_newer(void) {
    struct oci_seccomp seccomp = {
        DEFAULT(ERRNO), THREE_ARCHS,
        RULES({NAMES("read"), DOES(ALLOW)}, {NAMES("openat2"), DOES(ERRNO)}), /* 437, and as the default */
    };
    struct plan_filter filter = compiled(&seccomp);
    is_answer(answer(&filter, 437), FAILS(1), "the newest that a rule names");
    is_answer(answer(&filter, 438), FAILS(38), "the next one");
    is_answer(answer(&filter, 0x3fffffff), FAILS(38), "the last number of x86_64");
    is_answer(answer(&filter, 436), FAILS(1), "the one before, though no rule names it");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 438, NULL), FAILS(38), "x86: the next one");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 437, NULL), FAILS(1), "x86: the newest");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 3, NULL), ALLOW, "x86: read");
    is_answer(answer(&filter, X32_BIT), ALLOW, "x32: read");
    is_answer(answer(&filter, X32_BIT | 437), FAILS(1), "x32: the newest");
    is_answer(answer(&filter, X32_BIT | 438), FAILS(38), "x32: the next one");
    ok(answer(&filter, 0xffffffff) != FAILS(38), "-1 is no system call");
    is_answer(answer_to(&filter, AUDIT_ARCH_PPC, 500, NULL), SECCOMP_RET_KILL_THREAD, "another architecture");

    static const struct {
        const char *name;
        enum oci_seccomp_action action;
        uint32_t errno_ret, want;
        bool has_errno;
    } cases[] = {
        {"ERRNO 13", OCI_SECCOMP_ACTION_ERRNO, 13, FAILS(38), true},
        {"ERRNO 38", OCI_SECCOMP_ACTION_ERRNO, 38, FAILS(38), true},
        {"KILL", OCI_SECCOMP_ACTION_KILL, 0, FAILS(38), false},
        {"KILL_PROCESS", OCI_SECCOMP_ACTION_KILL_PROCESS, 0, FAILS(38), false},
        {"TRAP", OCI_SECCOMP_ACTION_TRAP, 0, FAILS(38), false},
        {"ALLOW", OCI_SECCOMP_ACTION_ALLOW, 0, ALLOW, false},
        {"LOG", OCI_SECCOMP_ACTION_LOG, 0, SECCOMP_RET_LOG, false},
        {"TRACE", OCI_SECCOMP_ACTION_TRACE, 0, SECCOMP_RET_TRACE | 1, false},
        {"TRACE 9", OCI_SECCOMP_ACTION_TRACE, 9, SECCOMP_RET_TRACE | 9, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        seccomp.default_action = cases[i].action;
        seccomp.default_errno_ret = cases[i].errno_ret;
        seccomp.has_default_errno_ret = cases[i].has_errno;
        filter = compiled(&seccomp);
        is_answer(answer(&filter, 450), cases[i].want, "a new call with the default %s", cases[i].name);
    }
    struct oci_seccomp arm = {DEFAULT(ERRNO), ARCHS(OCI_SECCOMP_ARCH_ARM),
                              RULES({NAMES("read", "set_tls"), DOES(ALLOW)})};
    filter = compiled(&arm);
    is_answer(answer_to(&filter, AUDIT_ARCH_ARM, 0xf0005, NULL), ALLOW, "Arm: a private call");
    is_answer(answer_to(&filter, AUDIT_ARCH_ARM, 0xf0006, NULL), FAILS(1), "Arm: a private call that no rule names");
    is_answer(answer_to(&filter, AUDIT_ARCH_ARM, 4, NULL), FAILS(38), "Arm: private calls are not the newest");
    struct oci_seccomp x86_only = {DEFAULT(ERRNO), THREE_ARCHS, RULES({NAMES("waitpid"), DOES(ALLOW)})};
    filter = compiled(&x86_only);
    is_answer(answer(&filter, 450), FAILS(1), "no rule for x86_64: nothing is new there");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 450, NULL), FAILS(38), "but on x86");
    struct oci_seccomp sockets = {DEFAULT(ERRNO), THREE_ARCHS, RULES({NAMES("read", "socket", "shmget"), DOES(ALLOW)})};
    filter = compiled(&sockets);
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 359, NULL), ALLOW, "x86: socket, whose own number is the higher one");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 395, NULL), ALLOW, "x86: shmget");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 394, NULL), FAILS(1), "x86: an older one");
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 396, NULL), FAILS(38), "x86: a newer one");
    struct oci_seccomp some = {DEFAULT(ERRNO), THREE_ARCHS,
                               RULES({NAMES("bind", "clone3"), DOES(ALLOW), ARGS(ARG(0, EQ, 7))},
                                     {NAMES("connect"), DOES(TRAP), ARGS(ARG(1, EQ, 7))})};
    struct plan_filter unseen = compiled(&some);
    const uint64_t bind_seven[6] = {2, 7}, connect_any[6] = {3, 0};
    is_answer(answer_to(&unseen, AUDIT_ARCH_I386, 102, bind_seven), FAILS(1),
              "x86: socketcall does not show the arguments, so a condition permits nothing");
    is_answer(answer_to(&unseen, AUDIT_ARCH_I386, 102, connect_any), SECCOMP_RET_TRAP, "but it forbids all");
    const uint64_t version[6] = {1 << 16 | 23};
    is_answer(answer_to(&filter, AUDIT_ARCH_I386, 117, version), ALLOW, "x86: shmget through ipc, of any version");
}

/* --------------------------------------------------------------------------------------------------------- flags -- */

static void test_flags(void) {
    struct oci_seccomp seccomp = {DEFAULT(ALLOW), X64};
    is_number(compiled(&seccomp).flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW, "flags absent");
    enum oci_seccomp_flag items[4] = {0};
    seccomp.flags.items = items;
    is_number(compiled(&seccomp).flags, 0, "flags empty");
    static const struct {
        enum oci_seccomp_flag flag;
        unsigned want;
    } cases[] = {
        {OCI_SECCOMP_FLAG_TSYNC, 0},
        {OCI_SECCOMP_FLAG_LOG, SECCOMP_FILTER_FLAG_LOG},
        {OCI_SECCOMP_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_SPEC_ALLOW},
        {OCI_SECCOMP_FLAG_WAIT_KILLABLE_RECV, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        seccomp.flags.count = 1;
        items[0] = cases[i].flag;
        is_number(compiled(&seccomp).flags, cases[i].want, "flag %d", (int)cases[i].flag);
    }
    for (size_t i = 0; i < COUNT(cases); i++)
        items[i] = cases[i].flag;
    seccomp.flags.count = COUNT(cases);
    is_number(compiled(&seccomp).flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW, "all flags");
}

/* ------------------------------------------------------------------------------------------------------ refusals -- */

static void is_refused(const struct oci_seccomp *seccomp, const char *place, const char *word, bool by_key) {
    struct error err = ERROR_INIT;
    struct plan_filter filter = {.count = 12345};
    is_number(filter_compile(&arena, seccomp, &filter, &err), -EINVAL, "refused: %s", place);
    is_text(err.place, place, "place of it");
    ok(strstr(err.text, word) != NULL, "text of it: %s", err.text);
    is_number(filter.count, 12345, "the result is left alone");
    const char *key = NULL;
    size_t len;
    unsigned flags = 99;
    struct error key_err = ERROR_INIT;
    int r = filter_key(&arena, seccomp, &key, &len, &flags, &key_err);
    if (by_key)
        ok(r == -EINVAL && !key && flags == 99 && strcmp(key_err.text, err.text) == 0, "filter_key refuses it too");
    else
        is_number(r, 0, "filter_key takes it");
}

static void test_refusals(void) {
    const struct oci_syscall good = {NAMES("read"), DOES(ALLOW)};
    struct oci_syscall rules[2] = {good, good};
    struct oci_seccomp base = {DEFAULT(ERRNO), X64, .syscalls = {2, rules}}, bad = base;

    bad.default_action = OCI_SECCOMP_ACTION_NOTIFY;
    is_refused(&bad, "/linux/seccomp/defaultAction", "SCMP_ACT_NOTIFY is not supported yet", true);
    bad.default_action = OCI_SECCOMP_ACTION_UNSET;
    is_refused(&bad, "/linux/seccomp/defaultAction", "missing", true);
    bad.default_action = OCI_SECCOMP_ACTION_KILL;
    bad.has_default_errno_ret = true;
    is_refused(&bad, "/linux/seccomp/defaultErrnoRet", "takes no errno", true);
    bad.default_action = OCI_SECCOMP_ACTION_ERRNO;
    bad.default_errno_ret = 4095;
    is_refused(&bad, "/linux/seccomp/defaultErrnoRet", "4095 is above 4094", true);
    bad.default_action = OCI_SECCOMP_ACTION_TRACE;
    bad.default_errno_ret = 65536;
    is_refused(&bad, "/linux/seccomp/defaultErrnoRet", "above 65535", true);

    bad = base;
    bad.listener_path = "/run/agent.sock";
    ok(compiled(&bad).count > 0, "a listener is taken when nothing notifies it");
    bad.default_action = OCI_SECCOMP_ACTION_NOTIFY;
    is_refused(&bad, "/linux/seccomp/defaultAction", "SCMP_ACT_NOTIFY is not supported yet", true);
    bad = base;
    bad.listener_path = "";
    bad.listener_metadata = "x";
    is_refused(&bad, "/linux/seccomp/listenerMetadata", "needs a listenerPath", true);
    bad.listener_metadata = "";
    ok(compiled(&bad).count > 0, "an empty listener is none");

    bad = base;
    bad.architectures.items = &(enum oci_seccomp_arch){OCI_SECCOMP_ARCH_UNSET};
    is_refused(&bad, "/linux/seccomp/architectures/0", "unknown", true);
    bad.architectures.items = &(enum oci_seccomp_arch){OCI_SECCOMP_ARCH_PPC};
    is_refused(&bad, "/linux/seccomp/architectures/0", "byte order", false);
    bad = base;
    bad.flags.items = &(enum oci_seccomp_flag){OCI_SECCOMP_FLAG_UNSET};
    bad.flags.count = 1;
    is_refused(&bad, "/linux/seccomp/flags/0", "unknown", true);

    rules[1].action = OCI_SECCOMP_ACTION_NOTIFY;
    is_refused(&base, "/linux/seccomp/syscalls/1/action", "SCMP_ACT_NOTIFY is not supported yet", true);
    rules[1].action = OCI_SECCOMP_ACTION_ALLOW;
    rules[1].has_errno_ret = true;
    is_refused(&base, "/linux/seccomp/syscalls/1/errnoRet", "takes no errno", true);
    rules[1] = good;
    rules[1].names.count = 0;
    is_refused(&base, "/linux/seccomp/syscalls/1/names", "no system call", true);
    rules[1] = (struct oci_syscall){NAMES("read", ""), DOES(ALLOW)};
    is_refused(&base, "/linux/seccomp/syscalls/1/names", "empty name", true);
    rules[1] = (struct oci_syscall){NAMES("write"), DOES(ALLOW), ARGS(ARG(5, EQ, 0), ARG(6, EQ, 0))};
    is_refused(&base, "/linux/seccomp/syscalls/1/args/1/index", "no argument 6", true);
    rules[1] = (struct oci_syscall){NAMES("write"), DOES(ALLOW), ARGS(ARG(5, UNSET, 0))};
    is_refused(&base, "/linux/seccomp/syscalls/1/args/0/op", "operator", true);
    rules[0] = (struct oci_syscall){NAMES("write"), DOES(ALLOW), ARGS(ARG(0, EQ, 0))};
    rules[1] = (struct oci_syscall){NAMES("write"), DOES(LOG), ARGS(ARG(0, EQ, 0))};
    is_refused(&base, "/linux/seccomp/syscalls/1", "contradicts", false);

    struct oci_syscall_arg many[5000] = {0};
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct oci_syscall_arg){.op = OCI_SECCOMP_OPERATOR_EQ, .value = 2 * i};
    rules[0] = good;
    rules[1] = (struct oci_syscall){NAMES("write"), DOES(ALLOW), .args = {COUNT(many), many}};
    is_refused(&base, "/linux/seccomp", "the kernel takes 4096 at most", false);
    const struct oci_syscall_arg one = {.op = OCI_SECCOMP_OPERATOR_GT, .value = 1};
    const char *names[64];
    for (size_t i = 0; i < COUNT(names); i++)
        names[i] = "write";
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = one;
    rules[1] = (struct oci_syscall){.names = {COUNT(names), names}, DOES(ALLOW), .args = {128, many}};
    base.syscalls.count = 2;
    is_refused(&base, "/linux/seccomp/syscalls", "more than 8192 rules", true);
    rules[1].args.count = 127;
    ok(compiled(&base).count < 30, "repetitions take no instructions");
}

/* --------------------------------------------------------------------------------------------------- keys, cache -- */

static bool keys_equal(const struct oci_seccomp *a, const struct oci_seccomp *b, bool *flags_equal) {
    const char *key_a, *key_b;
    size_t len_a, len_b;
    unsigned flags_a, flags_b;
    struct error err = ERROR_INIT;
    if (filter_key(&arena, a, &key_a, &len_a, &flags_a, &err) < 0 ||
        filter_key(&arena, b, &key_b, &len_b, &flags_b, &err) < 0) {
        printf("# no key: %s\n", err.text);
        return false;
    }
    *flags_equal = flags_a == flags_b;
    return len_a == len_b && memcmp(key_a, key_b, len_a) == 0;
}

static void test_keys(void) {
    const struct oci_seccomp base = {
        DEFAULT(ERRNO),
        THREE_ARCHS,
        RULES({NAMES("ab", "c"), DOES(ALLOW), ARGS(ARG(1, EQ, 3))}, {NAMES("d"), DOES(TRAP)}),
    };
    char ab[] = "ab";
    const struct oci_seccomp same = {
        DEFAULT(ERRNO),
        THREE_ARCHS,
        .default_errno_ret = EPERM,
        .has_default_errno_ret = true,
        RULES({NAMES(ab, "c"), DOES(ALLOW), ARGS(ARG(1, EQ, 3))}, {NAMES("d"), DOES(TRAP)}),
    };
    bool flags = false;
    ok(keys_equal(&base, &same, &flags) && flags, "the same section elsewhere");
    struct oci_seccomp other = base;
    other.flags = (struct oci_seccomp_flag_array)LIST(enum oci_seccomp_flag, OCI_SECCOMP_FLAG_LOG);
    ok(keys_equal(&base, &other, &flags), "flags are not in the key");
    ok(!flags, "but are told");

#define DIFFERS(what, ...)                                                                                             \
    do {                                                                                                               \
        const struct oci_seccomp changed = {__VA_ARGS__};                                                              \
        ok(!keys_equal(&base, &changed, &flags), "another key: %s", what);                                             \
    } while (0)
#define SECOND {NAMES("d"), DOES(TRAP)}
#define FIRST_ARG ARGS(ARG(1, EQ, 3))
    DIFFERS("default action", DEFAULT(TRACE), THREE_ARCHS, .syscalls = base.syscalls);
    DIFFERS("default errno", DEFAULT(ERRNO), THREE_ARCHS, .syscalls = base.syscalls, .default_errno_ret = 2,
            .has_default_errno_ret = true);
    DIFFERS("architectures", DEFAULT(ERRNO), X64, .syscalls = base.syscalls);
    DIFFERS("no rules", DEFAULT(ERRNO), THREE_ARCHS);
    DIFFERS("names", DEFAULT(ERRNO), THREE_ARCHS, RULES({NAMES("a", "bc"), DOES(ALLOW), FIRST_ARG}, SECOND));
    DIFFERS("one name", DEFAULT(ERRNO), THREE_ARCHS, RULES({NAMES("abc"), DOES(ALLOW), FIRST_ARG}, SECOND));
    DIFFERS("action", DEFAULT(ERRNO), THREE_ARCHS, RULES({NAMES("ab", "c"), DOES(LOG), FIRST_ARG}, SECOND));
    DIFFERS("errno", DEFAULT(ERRNO), THREE_ARCHS,
            RULES({NAMES("ab", "c"), DOES(ERRNO), FIRST_ARG, .errno_ret = 9, .has_errno_ret = true}, SECOND));
    DIFFERS("no arguments", DEFAULT(ERRNO), THREE_ARCHS, RULES({NAMES("ab", "c"), DOES(ALLOW)}, SECOND));
    DIFFERS("argument", DEFAULT(ERRNO), THREE_ARCHS,
            RULES({NAMES("ab", "c"), DOES(ALLOW), ARGS(ARG(2, EQ, 3))}, SECOND));
    DIFFERS("operator", DEFAULT(ERRNO), THREE_ARCHS,
            RULES({NAMES("ab", "c"), DOES(ALLOW), ARGS(ARG(1, NE, 3))}, SECOND));
    DIFFERS("value", DEFAULT(ERRNO), THREE_ARCHS, RULES({NAMES("ab", "c"), DOES(ALLOW), ARGS(ARG(1, EQ, 4))}, SECOND));
    DIFFERS("order", DEFAULT(ERRNO), THREE_ARCHS, RULES(SECOND, {NAMES("ab", "c"), DOES(ALLOW), FIRST_ARG}));
}

/* ----------------------------------------------------------------------------------------------- a whole profile -- */

/* An allow list of the size and kind that engines send; more than 32 names, so a binary tree. */
static const char *const allowed[] = {
    "accept4",
    "access",
    "arch_prctl",
    "bind",
    "brk",
    "chdir",
    "clock_gettime",
    "clone3",
    "close",
    "close_range",
    "connect",
    "dup",
    "dup2",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "faccessat2",
    "fchdir",
    "fchmod",
    "fchown",
    "fcntl",
    "fcntl64",
    "fstat",
    "fstat64",
    "futex",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "gettid",
    "getuid",
    "ioctl",
    "kill",
    "listen",
    "lseek",
    "_llseek",
    "madvise",
    "mkdirat",
    "mmap",
    "mmap2",
    "mprotect",
    "munmap",
    "nanosleep",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pipe2",
    "poll",
    "ppoll",
    "pread64",
    "prlimit64",
    "pwrite64",
    "read",
    "readlinkat",
    "readv",
    "recvfrom",
    "renameat2",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_yield",
    "sendto",
    "set_robust_list",
    "set_tid_address",
    "sigreturn",
    "socket",

    "statx",
    "tgkill",
    "umask",
    "unlinkat",
    "wait4",
    "waitid",
    "waitpid",
    "write",
    "writev",
    "a_call_of_tomorrow",
};

static const struct {
    const char *name;
    uint32_t audit, arch, bit;
} profile_archs[] = {
    {"x86_64", AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, 0},
    {"x86", AUDIT_ARCH_I386, SCMP_ARCH_X86, 0},
    {"x32", AUDIT_ARCH_X86_64, SCMP_ARCH_X32, X32_BIT},
};

static void profile_check(const struct plan_filter *filter) {
    for (size_t a = 0; a < COUNT(profile_archs); a++) {
        uint32_t arch = profile_archs[a].arch, bit = profile_archs[a].bit, newest = 0;
        bool listed[1024] = {false};
        for (size_t i = 0; i < COUNT(allowed); i++) {
            int number = seccomp_syscall_resolve_name_arch(arch, allowed[i]);
            if (number < 0 || ((uint32_t)number ^ bit) >= COUNT(listed))
                continue;
            listed[(uint32_t)number ^ bit] = true;
            newest = ((uint32_t)number ^ bit) > newest ? (uint32_t)number ^ bit : newest;
        }
        size_t wrong = 0, yes = 0;
        for (uint32_t number = 0; number < COUNT(listed); number++) {
            /* What x86 also reaches through socketcall and ipc: libseccomp does not tell these numbers. */
            if (arch == SCMP_ARCH_X86 && ((number >= 359 && number <= 373) || (number >= 393 && number <= 402)))
                continue;
            uint32_t want = listed[number] ? ALLOW : number > newest ? FAILS(38) : FAILS(1);
            uint32_t got = answer_to(filter, profile_archs[a].audit, number | bit, NULL);
            yes += got == ALLOW;
            if (got != want && wrong++ < 5)
                printf("# %s %u: got %#x, want %#x\n", profile_archs[a].name, number, got, want);
        }
        ok(wrong == 0, "%s: every number up to %zu answers as the profile says", profile_archs[a].name, COUNT(listed));
        ok(yes > 60, "%s: %zu of them allowed", profile_archs[a].name, yes);
    }
}

static struct oci_seccomp profile(struct oci_syscall *rule) {
    static enum oci_seccomp_arch archs[] = {OCI_SECCOMP_ARCH_X86_64, OCI_SECCOMP_ARCH_X86, OCI_SECCOMP_ARCH_X32};
    const char **names = arena_array(&arena, COUNT(allowed), sizeof *names);
    memcpy(names, allowed, sizeof allowed);
    *rule = (struct oci_syscall){.names = {COUNT(allowed), names}, DOES(ALLOW)};
    return (struct oci_seccomp){DEFAULT(ERRNO), .architectures = {COUNT(archs), archs}, .syscalls = {1, rule}};
}

static void test_profile(void) {
    struct oci_syscall rule;
    struct oci_seccomp seccomp = profile(&rule);
    struct plan_filter filter = compiled(&seccomp);
    is_number(filter.unknown, 1, "one name is of tomorrow");
    profile_check(&filter);

    /* The same through the cache: compiled and stored, then found. */
    char path[] = "/tmp/filter-XXXXXX";
    int root = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    struct error err = ERROR_INIT;
    for (int i = 0; i < 2; i++) {
        struct plan_filter cached = {0};
        is_number(filter_cache_get(&arena, root, &seccomp, false, &cached, &err), 0, "through the cache, time %d",
                  i + 1);
        ok(cached.count == filter.count && cached.flags == filter.flags && cached.unknown == filter.unknown &&
               memcmp(cached.program, filter.program, filter.count * sizeof *filter.program) == 0,
           "the same filter, time %d", i + 1);
    }
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", path);
    ok(system(command) == 0, "the cache is removed");
    close(root);
}

/* ---------------------------------------------------------------------------------------------- libseccomp itself --
 */

static uint64_t state = 88172645463325252;

static uint32_t chance(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 16) % below);
}

static const struct {
    enum oci_seccomp_arch arch;
    const char *name;
    uint32_t base;
} library_archs[] = {
    {OCI_SECCOMP_ARCH_X86_64, "x86_64", 0},    {OCI_SECCOMP_ARCH_X86, "x86", 0},
    {OCI_SECCOMP_ARCH_X32, "x32", X32_BIT},    {OCI_SECCOMP_ARCH_AARCH64, "aarch64", 0},
    {OCI_SECCOMP_ARCH_ARM, "arm", 0},          {OCI_SECCOMP_ARCH_PPC64LE, "ppc64le", 0},
    {OCI_SECCOMP_ARCH_MIPSEL, "mipsel", 4000}, {OCI_SECCOMP_ARCH_MIPSEL64, "mipsel64", 5000},
    {OCI_SECCOMP_ARCH_RISCV64, "riscv64", 0},  {OCI_SECCOMP_ARCH_MIPSEL64N32, "mipsel64n32", 6000},
};

static const uint64_t library_values[] = {0, 1, 2, 5, 21, 23, 0xffffffff, 0x100000000, 0x100000005, UINT64_MAX};

/* A name that is not newer than the library; some are of one architecture, some go through socketcall or ipc. */
static const char *library_name(void) {
    static const char *const some[] = {"socket", "bind",    "connect",    "recv",      "accept4", "sendmmsg",
                                       "shmat",  "shmget",  "semtimedop", "semop",     "waitpid", "socketcall",
                                       "ipc",    "set_tls", "pread64",    "fadvise64", "fstat64", "newfstatat"};
    static char *names[400];
    if (chance(3) == 0)
        return some[chance(COUNT(some))];
    size_t i = chance(COUNT(names));
    if (!names[i])
        names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86, (int)i);
    return names[i] ? names[i] : "read";
}

struct sample {
    struct oci_syscall rules[24];
    const char *names[24][4];
    struct oci_syscall_arg args[24][3];
    enum oci_seccomp_arch archs[COUNT(library_archs)];
};

/* Whether the sample has the name in a rule with conditions already, or it is about socketcall or ipc. */
static bool sample_taken(const struct oci_syscall *rules, size_t count, const char *name) {
    const struct syscall_arch x86 = syscall_arch(SCMP_ARCH_X86);
    struct syscall_ways ways;
    bool taken = !syscall_find(&x86, name, &ways) || ways.gate >= 0 || ways.number == 102 || ways.number == 117;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; rules[i].args.count > 0 && j < rules[i].names.count; j++)
            taken |= strcmp(rules[i].names.items[j], name) == 0;
    return taken;
}

/*
 * What the library gets wrong is left out: its tree forgets a rule where several with conditions are about one call,
 * and it compares the arguments of a call with those of socketcall. Its answer to several actions depends on that tree.
 */
static struct oci_seccomp sample_make(struct sample *s, bool allows) {
    size_t archs = 0, rules = 1 + chance(COUNT(s->rules));
    for (size_t i = 0; i < COUNT(library_archs); i++)
        if (chance(2))
            s->archs[archs++] = library_archs[i].arch;
    for (size_t i = 0; i < rules; i++) {
        struct oci_syscall *rule = &s->rules[i];
        *rule =
            (struct oci_syscall){.names = {1 + chance(4), s->names[i]}, .args = {chance(2) * chance(4), s->args[i]}};
        rule->action = allows ? OCI_SECCOMP_ACTION_ALLOW : OCI_SECCOMP_ACTION_TRAP;
        for (size_t j = 0; j < rule->names.count; j++) {
            s->names[i][j] = library_name();
            if (sample_taken(s->rules, i, s->names[i][j]))
                rule->args.count = 0;
        }
        for (size_t j = 0; j < rule->args.count; j++)
            s->args[i][j] = (struct oci_syscall_arg){
                .index = (uint32_t)j,
                .op = (enum oci_seccomp_operator)(OCI_SECCOMP_OPERATOR_NE + chance(7)),
                .value = library_values[chance(COUNT(library_values))],
                .value_two = library_values[chance(COUNT(library_values))],
            };
    }
    return (struct oci_seccomp){.default_action = allows ? OCI_SECCOMP_ACTION_ERRNO : OCI_SECCOMP_ACTION_ALLOW,
                                .default_errno_ret = 38,
                                .has_default_errno_ret = allows,
                                .architectures = {archs, s->archs},
                                .syscalls = {rules, s->rules}};
}

static bool library_rule(scmp_filter_ctx context, const struct oci_syscall *rule, uint32_t action) {
    static const enum scmp_compare operators[] = {[OCI_SECCOMP_OPERATOR_NE] = SCMP_CMP_NE,
                                                  [OCI_SECCOMP_OPERATOR_LT] = SCMP_CMP_LT,
                                                  [OCI_SECCOMP_OPERATOR_LE] = SCMP_CMP_LE,
                                                  [OCI_SECCOMP_OPERATOR_EQ] = SCMP_CMP_EQ,
                                                  [OCI_SECCOMP_OPERATOR_GE] = SCMP_CMP_GE,
                                                  [OCI_SECCOMP_OPERATOR_GT] = SCMP_CMP_GT,
                                                  [OCI_SECCOMP_OPERATOR_MASKED_EQ] = SCMP_CMP_MASKED_EQ};
    struct scmp_arg_cmp compares[3];
    for (size_t i = 0; i < rule->args.count; i++) {
        const struct oci_syscall_arg *arg = &rule->args.items[i];
        bool masked = arg->op == OCI_SECCOMP_OPERATOR_MASKED_EQ;
        compares[i] = (struct scmp_arg_cmp){arg->index, operators[arg->op], arg->value, masked ? arg->value_two : 0};
    }
    for (size_t i = 0; i < rule->names.count; i++) {
        int number = seccomp_syscall_resolve_name(rule->names.items[i]);
        int r = seccomp_rule_add_array(context, action, number, (unsigned)rule->args.count, compares);
        if (r < 0) {
            printf("# libseccomp: %s: %d\n", rule->names.items[i], r);
            return false;
        }
    }
    return true;
}

/* The same section compiled by the library. The number of instructions, 0 when it does not take it. */
static size_t library_compile(const struct oci_seccomp *seccomp, bool allows, struct sock_filter *out, size_t room) {
    scmp_filter_ctx context = seccomp_init(allows ? SCMP_ACT_ERRNO(38) : SCMP_ACT_ALLOW);
    bool good = context != NULL;
    for (size_t i = 0; good && i < seccomp->architectures.count; i++)
        for (size_t j = 0; j < COUNT(library_archs); j++)
            if (library_archs[j].arch == seccomp->architectures.items[i])
                seccomp_arch_add(context, seccomp_arch_resolve_name(library_archs[j].name));
    for (size_t i = 0; good && i < seccomp->syscalls.count; i++)
        good = library_rule(context, &seccomp->syscalls.items[i], allows ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP);
    FILE *file = tmpfile();
    size_t count = 0;
    if (good && file && seccomp_export_bpf(context, fileno(file)) == 0) {
        rewind(file);
        count = fread(out, sizeof *out, room, file);
    }
    if (file)
        fclose(file);
    seccomp_release(context);
    return count;
}

static bool arg_holds(const struct oci_syscall_arg *arg, uint64_t got, uint64_t all) {
    const uint64_t value = arg->value & all, argument = got & all;
    switch (arg->op) {
    case OCI_SECCOMP_OPERATOR_NE:
        return argument != value;
    case OCI_SECCOMP_OPERATOR_LT:
        return argument < value;
    case OCI_SECCOMP_OPERATOR_LE:
        return argument <= value;
    case OCI_SECCOMP_OPERATOR_EQ:
        return argument == value;
    case OCI_SECCOMP_OPERATOR_GE:
        return argument >= value;
    case OCI_SECCOMP_OPERATOR_GT:
        return argument > value;
    default:
        return (argument & value) == (arg->value_two & value);
    }
}

/* Whether a rule with conditions holds for the call. */
static bool conditions_hold(const struct oci_seccomp *seccomp, uint32_t token, const struct seccomp_data *data) {
    const uint64_t all = syscall_arch(token).wide ? UINT64_MAX : UINT32_MAX;
    for (size_t i = 0; i < seccomp->syscalls.count; i++) {
        const struct oci_syscall *rule = &seccomp->syscalls.items[i];
        bool holds = false;
        for (size_t j = 0; rule->args.count > 0 && j < rule->names.count; j++)
            holds |= seccomp_syscall_resolve_name_arch(token, rule->names.items[j]) == data->nr;
        for (size_t j = 0; j < rule->args.count; j++)
            holds &= arg_holds(&rule->args.items[j], data->args[j], all);
        if (holds)
            return true;
    }
    return false;
}

/*
 * How many calls of that architecture the two answer otherwise. With several conditions the library's program is not
 * always right: there the conditions themselves have the last word.
 */
static size_t library_differs(const struct oci_seccomp *seccomp, const struct plan_filter *ours,
                              const struct sock_filter *theirs, size_t count, uint32_t token, uint32_t base,
                              uint32_t action) {
    const uint32_t audit = syscall_arch(token).audit;
    static const uint32_t edges[] = {0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    size_t wrong = 0;
    for (uint32_t i = 0; i < 560 + COUNT(edges); i++) {
        struct seccomp_data data = {.nr = (int)(i < 560 ? base + i : edges[i - 560]), .arch = audit};
        for (size_t j = 0; j < COUNT(data.args); j++)
            data.args[j] = library_values[chance(COUNT(library_values))];
        uint32_t got = program_run(ours->program, ours->count, &data), want = program_run(theirs, count, &data);
        if (got != want && conditions_hold(seccomp, token, &data))
            want = action;
        if (got != want && wrong++ < 3)
            printf("# %#x %d (%#llx, %#llx, %#llx): got %#x, want %#x\n", audit, data.nr,
                   (unsigned long long)data.args[0], (unsigned long long)data.args[1], (unsigned long long)data.args[2],
                   got, want);
    }
    return wrong;
}

/* Sections by chance: our program and the library's answer the same, on all architectures. FILTER_ROUNDS: how many. */
static void test_library(void) {
    static struct sample sample;
    static struct sock_filter theirs[65536];
    const char *wanted = getenv("FILTER_ROUNDS");
    size_t rounds = wanted ? strtoul(wanted, NULL, 10) : 150, wrong = 0, compared = 0;
    for (size_t i = 0; i < rounds; i++) {
        bool allows = i % 2;
        struct oci_seccomp seccomp = sample_make(&sample, allows);
        struct plan_filter ours = compiled(&seccomp);
        size_t count = library_compile(&seccomp, allows, theirs, COUNT(theirs));
        if (count == 0 || ours.count == 0)
            continue;
        compared++;
        for (size_t j = 0; j < COUNT(library_archs); j++) {
            uint32_t token = seccomp_arch_resolve_name(library_archs[j].name);
            wrong += library_differs(&seccomp, &ours, theirs, count, token, library_archs[j].base,
                                     allows ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP);
        }
        arena_drop(&arena);
    }
    ok(compared > rounds / 2, "%zu of %zu sections compared with libseccomp", compared, rounds);
    is_number(wrong, 0, "no call is answered otherwise");
}

/* --------------------------------------------------------------------------------------------------------- review --
 */

static char logged[4][2048]; /* the last message of each level */
static unsigned log_counts[4];

static void log_keep(void *context, enum log_level level, const char *message) {
    (void)context;
    log_counts[level]++;
    snprintf(logged[level], sizeof logged[level], "%s", message);
}

static int reviewed(const struct oci_seccomp *seccomp, bool fail, struct error *err) {
    memset(logged, 0, sizeof logged);
    memset(log_counts, 0, sizeof log_counts);
    log_configure(LOG_LEVEL_DEBUG, log_keep, NULL);
    *err = (struct error)ERROR_INIT;
    int r = filter_review(&arena, seccomp, fail, err);
    log_configure(LOG_LEVEL_DEBUG, NULL, NULL);
    return r;
}

static void test_review(void) {
    struct error err;
    struct oci_seccomp seccomp = {
        DEFAULT(ERRNO),
        X64,
        RULES({NAMES("read", "one"), DOES(ALLOW)}, {NAMES("two", "three"), DOES(KILL)}, {NAMES("four"), DOES(TRAP)},
              {NAMES("five"), DOES(ERRNO), .errno_ret = 38, .has_errno_ret = true}, {NAMES("six"), DOES(ERRNO)}),
    };
    is_number(compiled(&seccomp).unknown, 6, "six names are unknown");
    is_number(reviewed(&seccomp, false, &err), 0, "which is no error");
    is_number(log_counts[LOG_LEVEL_WARNING], 1, "one warning for what would have been stricter");
    is_text(logged[LOG_LEVEL_WARNING],
            "unknown system calls in seccomp rules ignored: /linux/seccomp/syscalls/1: \"two\", \"three\"; "
            "/linux/seccomp/syscalls/2: \"four\"",
            "with the names and their places");
    is_number(log_counts[LOG_LEVEL_DEBUG], 1, "one debug line for the others");
    ok(strstr(logged[LOG_LEVEL_DEBUG], "syscalls/0: \"one\"; /linux/seccomp/syscalls/3: \"five\""), "%s",
       logged[LOG_LEVEL_DEBUG]);
    is_number(reviewed(&seccomp, true, &err), -EINVAL, "an error where the caller wants it so");
    ok(strstr(err.text, "\"two\"") != NULL, "%s", err.text);
    is_number(log_counts[LOG_LEVEL_WARNING], 0, "and no warning then");
    struct oci_seccomp lax = {DEFAULT(ERRNO), X64, RULES({NAMES("one"), DOES(ALLOW)})};
    is_number(reviewed(&lax, true, &err), -EINVAL, "also for a rule that allows");
    ok(strstr(err.text, "\"one\"") != NULL, "%s", err.text);

    const char *names[100];
    for (size_t i = 0; i < COUNT(names); i++)
        names[i] = "a_name_that_is_as_long_as_it_may_be_in_a_section_and_that_no_kernel_has_had_until_today";
    struct oci_syscall rule = {.names = {COUNT(names), names}, DOES(KILL)};
    struct oci_seccomp many = {DEFAULT(ERRNO), X64, .syscalls = {1, &rule}};
    is_number(reviewed(&many, false, &err), 0, "a hundred names");
    ok(strstr(logged[LOG_LEVEL_WARNING], ", and 9") != NULL, "the rest is counted");

    struct oci_string_entry entries[] = {{.key = "a", .value = "1"},
                                         {.key = "run.oci.seccomp_fail_unknown_syscall", .value = ""}};
    ok(filter_fails_unknown(&(struct oci_string_map){2, entries}), "the annotation counts whatever its value");
    ok(!filter_fails_unknown(&(struct oci_string_map){1, entries}), "another one does not");
}

/* In a child, through system calls alone: what a sanitizer hangs onto _exit is not on the list. 0 is well. */
static int kernel_judges(const struct plan_filter *small, const struct plan_filter *big) {
    struct sock_fprog programs[2] = {
        {(unsigned short)small->count, (struct sock_filter *)(uintptr_t)small->program},
        {(unsigned short)big->count, (struct sock_filter *)(uintptr_t)big->program},
    };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return 1;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, small->flags, &programs[0]) < 0)
        return 2;
    if (syscall(SYS_getppid) != -1 || errno != 1234)
        return 3;
    if (syscall(SYS_dup3, 700, 701, 0) != -1 || errno != 99 || syscall(SYS_dup3, 701, 702, 0) != -1 || errno == 99)
        return 4;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, big->flags, &programs[1]) < 0)
        return 5;
    if (syscall(SYS_getpid) <= 0 || syscall(SYS_sethostname, "", 0) != -1 || errno != EPERM)
        return 6;
    return syscall(600, 0) == -1 && errno == ENOSYS ? 0 : 7;
}

/* The kernel takes the programs, and a call answers as the interpreter said. */
static void test_kernel(void) {
    struct oci_seccomp seccomp = {
        DEFAULT(ALLOW),
        RULES({NAMES("getppid"), DOES(ERRNO), .errno_ret = 1234, .has_errno_ret = true},
              {NAMES("dup3"), DOES(ERRNO), .errno_ret = 99, .has_errno_ret = true, ARGS(ARG(0, EQ, 700))}),
    };
    struct oci_syscall rule;
    struct oci_seccomp large = profile(&rule);
    struct plan_filter small = compiled(&seccomp), big = compiled(&large);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        syscall(SYS_exit_group, kernel_judges(&small, &big));
    int status = -1;
    ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "the child ends by itself");
    is_number(WEXITSTATUS(status), 0, "the kernel takes the filters and answers as they say");
}

int main(void) {
    test_actions();
    test_rules();
    test_operators();
    test_arguments();
    test_precedence();
    test_values();
    test_architectures();
    test_newer_names();
    test_newer();
    test_flags();
    test_refusals();
    test_keys();
    test_profile();
    test_library();
    test_review();
    test_kernel();
    arena_drop(&arena);
    return tap_done();
}
