/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: see filter.h. Runs in life; needs no privilege. The context of libseccomp only ever produces instructions:
 * loading them is the new process's own step, so none of the library's load attributes (no_new_privs, log, tsync) is
 * set here.
 */
#include "plan/filter.h"

#include "base/fd.h"
#include "base/own.h"
#include "base/table.h"
#include "oci_types.h"
#include "plan/filter_fold.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* To be raised whenever this file makes another program from the same section: it keeps stale cache entries out. */
#define FILTER_REVISION 1

#define FILTER_ARGS 6      /* a system call has at most six arguments */
#define FILTER_TREE_MIN 32 /* more names than this are searched as a binary tree */
#define FILTER_PLACE "/linux/seccomp"
#define PLACE_SIZE 96 /* the longest pointer below FILTER_PLACE, with two 20-digit indices, has 82 bytes */

/* Linux 6.3; sysctl vm.memfd_noexec=2 refuses a memfd without it. Not in the headers of older C libraries. */
#define MEMFD_NOEXEC_SEAL 0x0008U

struct action_row {
    uint32_t value; /* SCMP_ACT_* */
    uint32_t most;  /* the largest errnoRet it takes; 0: it takes none */
};

static const struct action_row actions[] = {
    [OCI_SECCOMP_ACTION_KILL] = {SCMP_ACT_KILL_THREAD, 0},
    [OCI_SECCOMP_ACTION_KILL_PROCESS] = {SCMP_ACT_KILL_PROCESS, 0},
    [OCI_SECCOMP_ACTION_KILL_THREAD] = {SCMP_ACT_KILL_THREAD, 0},
    [OCI_SECCOMP_ACTION_TRAP] = {SCMP_ACT_TRAP, 0},
    [OCI_SECCOMP_ACTION_ERRNO] = {SCMP_ACT_ERRNO(0), 4094}, /* libseccomp refuses MAX_ERRNO (4095) itself */
    [OCI_SECCOMP_ACTION_TRACE] = {SCMP_ACT_TRACE(0), 0xffff},
    [OCI_SECCOMP_ACTION_ALLOW] = {SCMP_ACT_ALLOW, 0},
    [OCI_SECCOMP_ACTION_LOG] = {SCMP_ACT_LOG, 0},
};

static const enum scmp_compare operators[] = {
    [OCI_SECCOMP_OPERATOR_NE] = SCMP_CMP_NE,
    [OCI_SECCOMP_OPERATOR_LT] = SCMP_CMP_LT,
    [OCI_SECCOMP_OPERATOR_LE] = SCMP_CMP_LE,
    [OCI_SECCOMP_OPERATOR_EQ] = SCMP_CMP_EQ,
    [OCI_SECCOMP_OPERATOR_GE] = SCMP_CMP_GE,
    [OCI_SECCOMP_OPERATOR_GT] = SCMP_CMP_GT,
    [OCI_SECCOMP_OPERATOR_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
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
    if (action <= OCI_SECCOMP_ACTION_UNSET || (size_t)action >= TABLE_COUNT(actions))
        return error_refuse(err, action_place(place, rule, false), "a seccomp action is missing");
    const struct action_row *row = &actions[action];
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
        if (arg->op <= OCI_SECCOMP_OPERATOR_UNSET || (size_t)arg->op >= TABLE_COUNT(operators)) {
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

static int section_check(const struct oci_seccomp *seccomp, struct error *err) {
    char place[PLACE_SIZE];
    uint32_t action = 0;
    if (seccomp->listener_path && *seccomp->listener_path)
        return error_refuse(err, FILTER_PLACE "/listenerPath", "listenerPath is not supported yet");
    if (seccomp->listener_metadata && *seccomp->listener_metadata)
        return error_refuse(err, FILTER_PLACE "/listenerMetadata", "listenerMetadata is not supported yet");
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
    *key = k.bytes;
    *len = k.len;
    *flags = value;
    return 0;
}

/* ------------------------------------------------------------------------------------------------------- rules -- */

static void context_drop(scmp_filter_ctx *context) {
    if (*context)
        seccomp_release(*context);
    *context = NULL;
}

#define own_context own(context_drop) scmp_filter_ctx

static int archs_add(scmp_filter_ctx context, const struct oci_seccomp *seccomp, struct error *err) {
    for (size_t i = 0; i < seccomp->architectures.count; i++) {
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, FILTER_PLACE "/architectures/%zu", i);
        const struct scmp_version *version = seccomp_version();
        const char *name = arch_names[seccomp->architectures.items[i]];
        uint32_t token = seccomp_arch_resolve_name(name);
        if (!token)
            return error_refuse(err, place, "libseccomp %u.%u.%u does not know the architecture %s", version->major,
                                version->minor, version->micro, name);
        int r = seccomp_arch_add(context, token);
        if (r == -EDOM)
            return error_refuse(err, place, "the architecture %s has another byte order than this machine", name);
        if (r < 0 && r != -EEXIST) /* it stands there twice, or is the native one */
            return error_refuse(err, place, "cannot add the architecture %s: %s", name, error_text(-r));
    }
    return 0;
}

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

static struct scmp_arg_cmp arg_compare(const struct oci_syscall_arg *arg) {
    return (struct scmp_arg_cmp){
        .arg = arg->index,
        .op = operators[arg->op],
        .datum_a = arg->value, /* the mask of MASKED_EQ */
        .datum_b = arg->op == OCI_SECCOMP_OPERATOR_MASKED_EQ ? arg->value_two : 0,
    };
}

static int rule_add(scmp_filter_ctx context, uint32_t action, int number, const struct oci_syscall_arg_array *args) {
    struct scmp_arg_cmp compare[FILTER_ARGS];
    if (args_repeat(args)) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < args->count; i++) {
            compare[0] = arg_compare(&args->items[i]);
            r = seccomp_rule_add_array(context, action, number, 1, compare);
        }
        return r;
    }
    for (size_t i = 0; i < args->count; i++) /* no index twice and none above five: they fit */
        compare[i] = arg_compare(&args->items[i]);
    return seccomp_rule_add_array(context, action, number, (unsigned)args->count, compare);
}

/* All the names of one rule. Names that libseccomp does not know are counted and left to the default action. */
static int names_add(scmp_filter_ctx context, const struct oci_syscall *rule, size_t index, uint32_t action,
                     size_t *unknown, struct error *err) {
    for (size_t i = 0; i < rule->names.count; i++) {
        const char *name = rule->names.items[i];
        int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR) {
            ++*unknown;
            continue;
        }
        int r = rule_add(context, action, number, &rule->args);
        if (r == 0)
            continue;
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, FILTER_PLACE "/syscalls/%zu", index);
        if (r == -ENOMEM)
            return error_memory(err);
        if (r == -EEXIST)
            return error_refuse(err, place, "the rule for %s contradicts an earlier one", name);
        return error_refuse(err, place, "libseccomp refuses the rule for %s: %s", name, error_text(-r));
    }
    return 0;
}

static int rules_add(scmp_filter_ctx context, const struct oci_seccomp *seccomp, uint32_t fallback, size_t *unknown,
                     struct error *err) {
    size_t names = 0;
    for (size_t i = 0; i < seccomp->syscalls.count; i++) {
        const struct oci_syscall *rule = &seccomp->syscalls.items[i];
        uint32_t action = 0;
        int r = rule_action(rule, i, &action, err);
        if (r == 0 && action != fallback) /* libseccomp refuses a rule that says what the default says */
            r = names_add(context, rule, i, action, unknown, err);
        if (r < 0)
            return r;
        names += rule->names.count;
    }
    if (names <= FILTER_TREE_MIN)
        return 0;
    int r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return r < 0 ? error_code(err, -r, "seccomp: cannot ask for a binary tree") : 0;
}

/* ----------------------------------------------------------------------------------- calls newer than the rules -- */

/* On the architecture of that token, numbers above `highest` up to `last` are newer than all that the section names. */
struct ceiling {
    uint32_t token;
    uint32_t highest, last;
};

#define CEILING_STEPS 6 /* instructions for each */

/*
 * What the kernel reports for an architecture of libseccomp, and where its ordinary numbers end. x32 shares the token
 * of x86_64 and sets bit 30; Arm has private calls above the ordinary ones, which must not pass for the newest.
 */
static struct ceiling arch_ceiling(uint32_t arch) {
    switch (arch) {
    case SCMP_ARCH_X86_64:
        return (struct ceiling){.token = arch, .last = 0x3fffffff};
    case SCMP_ARCH_X32:
        return (struct ceiling){.token = SCMP_ARCH_X86_64, .last = 0x7fffffff};
    case SCMP_ARCH_ARM:
        return (struct ceiling){.token = arch, .last = 0x000effff};
    default: /* a negative number is no system call anywhere; a tracer sets -1 to have one skipped */
        return (struct ceiling){.token = arch, .last = 0x7fffffff};
    }
}

/* False when the section names no system call of that architecture: then nothing can be said about new ones. */
static bool ceiling_find(const struct oci_seccomp *seccomp, uint32_t arch, struct ceiling *out) {
    struct ceiling ceiling = arch_ceiling(arch);
    bool found = false;
    for (size_t i = 0; i < seccomp->syscalls.count; i++) {
        const struct oci_string_array *names = &seccomp->syscalls.items[i].names;
        for (size_t j = 0; j < names->count; j++) {
            int number = seccomp_syscall_resolve_name_arch(arch, names->items[j]);
            if (number < 0 || (uint32_t)number > ceiling.last) /* unknown, or known on other architectures only */
                continue;
            found = true;
            if ((uint32_t)number > ceiling.highest)
                ceiling.highest = (uint32_t)number;
        }
    }
    if (found)
        *out = ceiling;
    return found;
}

static bool action_denies(uint32_t action) {
    switch (action) {
    case SCMP_ACT_ALLOW:
    case SCMP_ACT_LOG:
    case SCMP_ACT_ERRNO(ENOSYS): /* says so by itself */
        return false;
    default: /* a tracer decides by itself what a new call shall answer */
        return (action & SECCOMP_RET_ACTION_FULL) != SCMP_ACT_TRACE(0);
    }
}

/* The native architecture first: its calls are the common ones. `out` has room for all known architectures. */
static size_t ceilings_find(scmp_filter_ctx context, const struct oci_seccomp *seccomp, struct ceiling *out) {
    uint32_t native = seccomp_arch_native();
    size_t count = ceiling_find(seccomp, native, out) ? 1 : 0;
    for (size_t i = 0; i < TABLE_COUNT(arch_names); i++) {
        uint32_t arch = arch_names[i] ? seccomp_arch_resolve_name(arch_names[i]) : 0;
        if (arch && arch != native && seccomp_arch_exist(context, arch) == 0)
            count += ceiling_find(seccomp, arch, &out[count]) ? 1 : 0;
    }
    return count;
}

/*
 * Writes the prologue; what it does not answer falls through to the program behind it, which loads all it needs
 * itself. A number up to `highest` leaves at once, so an ordinary call costs four instructions.
 */
static void prologue_write(const struct ceiling *ceilings, size_t count, struct sock_filter *out) {
    const uint32_t arch = offsetof(struct seccomp_data, arch), number = offsetof(struct seccomp_data, nr);
    for (size_t i = 0; i < count; i++) {
        const struct ceiling *c = &ceilings[i];
        uint8_t end = (uint8_t)((count - i) * CEILING_STEPS - 4); /* from behind the fourth to the program */
        const struct sock_filter steps[CEILING_STEPS] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arch),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, c->token, 0, 4), /* another one: on to what follows the block */
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
            BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, c->highest, 0, end), /* not new: on to the program */
            BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, c->last, 1, 0),      /* no number of this kind: behind the block */
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        };
        memcpy(out + i * CEILING_STEPS, steps, sizeof steps);
    }
}

/* ----------------------------------------------------------------------------------------------------- compile -- */

/* libseccomp before 2.6 writes the program to a descriptor only; a pipe could be too small for it. */
static int program_export(scmp_filter_ctx context, int *out, size_t *count, struct error *err) {
    own_fd fd = memfd_create("seccomp", MFD_CLOEXEC | MEMFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "seccomp: memfd_create");
    int r = seccomp_export_bpf(context, fd);
    if (r < 0)
        return error_code(err, -r, "seccomp: libseccomp cannot generate the filter");
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || (size_t)size % sizeof(struct sock_filter) || lseek(fd, 0, SEEK_SET) < 0)
        return error_set(err, EIO, "seccomp: libseccomp wrote a filter of %lld bytes", (long long)size);
    *count = (size_t)size / sizeof(struct sock_filter);
    *out = fd_take(&fd);
    return 0;
}

/* The prologue and, behind it, what libseccomp generates; then all of it folded. */
static int program_build(struct arena *arena, scmp_filter_ctx context, const struct ceiling *ceilings, size_t count,
                         struct plan_filter *out, struct error *err) {
    own_fd fd = -1;
    size_t rest = 0, prologue = count * CEILING_STEPS;
    int r = program_export(context, &fd, &rest, err);
    if (r < 0)
        return r;
    struct sock_filter *raw = arena_array(arena, prologue + rest, sizeof *raw);
    if (!raw)
        return error_memory(err);
    prologue_write(ceilings, count, raw);
    ssize_t n = fd_read(fd, raw + prologue, rest * sizeof *raw);
    if (n < 0 || (size_t)n != rest * sizeof *raw)
        return error_code(err, n < 0 ? (int)-n : EIO, "seccomp: cannot read the filter back");
    const struct sock_filter *program = raw;
    size_t length = prologue + rest;
    if (filter_fold(arena, &program, &length) < 0)
        return error_memory(err);
    if (length > BPF_MAXINSNS)
        return error_refuse(err, FILTER_PLACE, "the filter has %zu instructions, the kernel takes %d at most", length,
                            BPF_MAXINSNS);
    out->program = program;
    out->count = length;
    return 0;
}

int filter_compile(struct arena *arena, const struct oci_seccomp *seccomp, struct plan_filter *out, struct error *err) {
    struct plan_filter filter = {0};
    uint32_t fallback = 0;
    int r = section_check(seccomp, err);
    if (r == 0)
        r = flags_value(seccomp, &filter.flags, err);
    if (r == 0)
        r = default_action(seccomp, &fallback, err);
    if (r < 0)
        return r;
    own_context context = seccomp_init(fallback);
    if (!context)
        return error_refuse(err, FILTER_PLACE "/defaultAction", "libseccomp or the kernel does not take this action");
    r = archs_add(context, seccomp, err);
    if (r == 0)
        r = rules_add(context, seccomp, fallback, &filter.unknown, err);
    if (r < 0)
        return r;
    struct ceiling ceilings[TABLE_COUNT(arch_names)];
    size_t count = action_denies(fallback) ? ceilings_find(context, seccomp, ceilings) : 0;
    r = program_build(arena, context, ceilings, count, &filter, err);
    if (r == 0)
        *out = filter;
    return r;
}
