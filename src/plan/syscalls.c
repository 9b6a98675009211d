/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscalls: see syscalls.h. Runs in life. The numbers are those of the kernel's headers (Linux 7.2); a unit test
 * compares them with libseccomp wherever both know a name.
 */
#include "plan/syscalls.h"

#include "base/table.h"

#include <linux/audit.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#define COMMON_FIRST 424 /* since Linux 5.1 a new call has one number everywhere */

/* In the order of their numbers. */
static const char *const common[] = {
    "pidfd_send_signal",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "pidfd_open",
    "clone3",
    "close_range",
    "openat2",
    "pidfd_getfd",
    "faccessat2",
    "process_madvise",
    "epoll_pwait2",
    "mount_setattr",
    "quotactl_fd",
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
    "memfd_secret",
    "process_mrelease",
    "futex_waitv",
    "set_mempolicy_home_node",
    "cachestat",
    "fchmodat2",
    "map_shadow_stack",
    "futex_wake",
    "futex_wait",
    "futex_requeue",
    "statmount",
    "listmount",
    "lsm_get_self_attr",
    "lsm_set_self_attr",
    "lsm_list_modules",
    "mseal",
    "setxattrat",
    "getxattrat",
    "listxattrat",
    "removexattrat",
    "open_tree_attr",
    "file_getattr",
    "file_setattr",
    "listns",
    "rseq_slice_yield",
};

/* Calls of one architecture that older versions of libseccomp lack. */
static const struct {
    const char *name;
    uint32_t token;
    uint16_t number;
} special[] = {
    {"uretprobe", SCMP_ARCH_X86_64, 335}, {"uretprobe", SCMP_ARCH_X32, 335},         {"uprobe", SCMP_ARCH_X86_64, 336},
    {"uprobe", SCMP_ARCH_X32, 336},       {"riscv_hwprobe", SCMP_ARCH_RISCV64, 258},
};

/*
 * Calls that some architectures have both through socketcall or ipc and by a number of their own. libseccomp resolves
 * such a name to a pseudo number that only tells the former.
 */
enum family { FAMILY_X86, FAMILY_S390, FAMILY_MIPS, FAMILY_PPC, FAMILY_M68K, FAMILY_SH, FAMILY_COUNT };

static const struct {
    const char *name;
    uint16_t numbers[FAMILY_COUNT]; /* 0: only through the other */
} direct[] = {
    {"socket", {359, 359, 183, 326, 356, 340}},
    {"bind", {361, 361, 169, 327, 358, 341}},
    {"connect", {362, 362, 170, 328, 359, 342}},
    {"listen", {363, 363, 174, 329, 360, 343}},
    {"accept", {0, 0, 168, 330, 0, 344}},
    {"getsockname", {367, 367, 172, 331, 364, 345}},
    {"getpeername", {368, 368, 171, 332, 365, 346}},
    {"socketpair", {360, 360, 184, 333, 357, 347}},
    {"send", {0, 0, 178, 334, 0, 348}},
    {"recv", {0, 0, 175, 336, 0, 350}},
    {"sendto", {369, 369, 180, 335, 366, 349}},
    {"recvfrom", {371, 371, 176, 337, 368, 351}},
    {"shutdown", {373, 373, 182, 338, 370, 352}},
    {"setsockopt", {366, 366, 181, 339, 363, 353}},
    {"getsockopt", {365, 365, 173, 340, 362, 354}},
    {"sendmsg", {370, 370, 179, 341, 367, 355}},
    {"recvmsg", {372, 372, 177, 342, 369, 356}},
    {"accept4", {364, 364, 334, 344, 361, 358}},
    {"recvmmsg", {337, 357, 335, 343, 371, 357}},
    {"sendmmsg", {345, 358, 343, 349, 372, 363}},
    {"semtimedop", {0, 392, 0, 392, 0, 0}},
    {"semget", {393, 393, 393, 393, 393, 393}},
    {"semctl", {394, 394, 394, 394, 394, 394}},
    {"shmget", {395, 395, 395, 395, 395, 395}},
    {"shmctl", {396, 396, 396, 396, 396, 396}},
    {"shmat", {397, 397, 397, 397, 397, 397}},
    {"shmdt", {398, 398, 398, 398, 398, 398}},
    {"msgget", {399, 399, 399, 399, 399, 399}},
    {"msgsnd", {400, 400, 400, 400, 400, 400}},
    {"msgrcv", {401, 401, 401, 401, 401, 401}},
    {"msgctl", {402, 402, 402, 402, 402, 402}},
};

/* The machine of ELF, which is the low half of a token. */
static uint32_t machine(uint32_t token) {
    return token & 0xffff;
}

static enum family family(uint32_t token) {
    switch (machine(token)) {
    case EM_386:
        return FAMILY_X86;
    case EM_68K:
        return FAMILY_M68K;
    case EM_MIPS:
        return FAMILY_MIPS;
    case EM_PPC:
    case EM_PPC64:
        return FAMILY_PPC;
    case EM_S390:
        return FAMILY_S390;
    case EM_SH:
        return FAMILY_SH;
    default:
        return FAMILY_COUNT;
    }
}

/* Where the architecture's numbers begin. */
static uint32_t number_base(uint32_t token) {
    if (token == SCMP_ARCH_X32)
        return 0x40000000;
    if (machine(token) != EM_MIPS)
        return 0;
    return token & __AUDIT_ARCH_CONVENTION_MIPS64_N32 ? 6000 : token & __AUDIT_ARCH_64BIT ? 5000 : 4000;
}

struct syscall_arch syscall_arch(uint32_t token) {
    return (struct syscall_arch){
        .token = token,
        .audit = token == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : token,
        .wide =
            token & __AUDIT_ARCH_64BIT && !(token & __AUDIT_ARCH_CONVENTION_MIPS64_N32 && machine(token) == EM_MIPS),
    };
}

const char *syscall_common(const struct syscall_arch *arch, unsigned n, int64_t *number) {
    if (n >= TABLE_COUNT(common))
        return NULL;
    *number = (int64_t)number_base(arch->token) + COMMON_FIRST + n;
    return common[n];
}

/* The number in our own table, -1 for a call of another architecture; false for a name that it does not have. */
static bool own_find(uint32_t token, const char *name, int64_t *number) {
    bool known = false;
    for (size_t i = 0; i < TABLE_COUNT(common); i++)
        if (strcmp(common[i], name) == 0) {
            *number = (int64_t)number_base(token) + COMMON_FIRST + (int64_t)i;
            return true;
        }
    for (size_t i = 0; i < TABLE_COUNT(special); i++) {
        if (strcmp(special[i].name, name) != 0)
            continue;
        known = true;
        *number = -1;
        if (special[i].token == token) {
            *number = (int64_t)number_base(token) + special[i].number;
            break;
        }
    }
    return known;
}

static int64_t direct_number(uint32_t token, const char *name) {
    enum family column = family(token);
    for (size_t i = 0; column < FAMILY_COUNT && i < TABLE_COUNT(direct); i++)
        if (strcmp(direct[i].name, name) == 0 && direct[i].numbers[column])
            return (int64_t)number_base(token) + direct[i].numbers[column];
    return -1;
}

/* A pseudo number of libseccomp: -101 to -120 are the calls 1 to 20 of socketcall, -201 to -224 those of ipc. */
static void gate_find(uint32_t token, int pseudo, const char *name, struct syscall_ways *out) {
    bool socket = pseudo <= -101 && pseudo >= -120, ipc = pseudo <= -201 && pseudo >= -224;
    int gate = socket || ipc ? seccomp_syscall_resolve_name_arch(token, socket ? "socketcall" : "ipc") : -1;
    if (gate < 0)
        return;
    out->gate = gate;
    out->gate_call = (uint32_t)-pseudo - (socket ? 100 : 200);
    out->gate_mask = socket ? UINT32_MAX : 0xffff; /* ipc(2): the high half is the version of the interface */
    out->number = direct_number(token, name);
}

bool syscall_find(const struct syscall_arch *arch, const char *name, struct syscall_ways *out) {
    *out = (struct syscall_ways){.number = -1, .gate = -1};
    if (own_find(arch->token, name, &out->number))
        return true;
    int number = seccomp_syscall_resolve_name_arch(arch->token, name);
    if (number == __NR_SCMP_ERROR)
        return false;
    if (number >= 0)
        out->number = number;
    else
        gate_find(arch->token, number, name, out);
    return true;
}
