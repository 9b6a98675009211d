/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit test of plan/syscalls: our own numbers are those of libseccomp wherever both know a name, on every architecture
 * that the library has, whatever its version; and those of the kernel's headers that this was built with.
 */
#include "plan/syscalls.h"

#include "tap.h"

#include <seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIRST 424 /* of the table, above where the numbers of the architecture begin */

static const char *const archs[] = {
    "x86",    "x86_64",   "x32",         "arm",         "aarch64", "mips",    "mips64", "mips64n32",
    "mipsel", "mipsel64", "mipsel64n32", "ppc",         "ppc64",   "ppc64le", "s390",   "s390x",
    "parisc", "parisc64", "riscv64",     "loongarch64", "m68k",    "sh",      "sheb",
};

/* What the table says about newer names is what the library says, or the library lacks it. */
static void common_check(const char *name, const struct syscall_arch *arch) {
    size_t wrong = 0, both = 0;
    int64_t number = 0;
    const char *call;
    for (unsigned i = 0; (call = syscall_common(arch, i, &number)); i++) {
        struct syscall_ways ways = {0};
        int theirs = seccomp_syscall_resolve_name_arch(arch->token, call);
        char *back = seccomp_syscall_resolve_num_arch(arch->token, (int)number);
        both += theirs >= 0;
        if (!syscall_find(arch, call, &ways) || ways.number != number || ways.gate >= 0 ||
            (theirs >= 0 && theirs != number) || (back && strcmp(back, call) != 0)) {
            printf("# %s: %s is %lld, theirs is %d (%s)\n", name, call, (long long)number, theirs, back ? back : "-");
            wrong++;
        }
        free(back);
    }
    ok(wrong == 0, "%s: the newer numbers, %zu of them also libseccomp's", name, both);
}

/* Every number that the library has a name for is found by that name. */
static void library_check(const char *name, const struct syscall_arch *arch) {
    size_t wrong = 0, calls = 0;
    int64_t first = 0;
    syscall_common(arch, 0, &first);
    for (int64_t number = first - FIRST; number < first + FIRST; number++) {
        struct syscall_ways ways = {0};
        char *call = seccomp_syscall_resolve_num_arch(arch->token, (int)number);
        if (call && ++calls && (!syscall_find(arch, call, &ways) || ways.number != number)) {
            printf("# %s: %s is %lld, theirs is %lld\n", name, call, (long long)ways.number, (long long)number);
            wrong++;
        }
        free(call);
    }
    ok(wrong == 0 && calls > 200, "%s: all %zu numbers of libseccomp", name, calls);
}

static void test_archs(void) {
    for (size_t i = 0; i < COUNT(archs); i++) {
        const uint32_t token = seccomp_arch_resolve_name(archs[i]);
        if (!token)
            continue;
        const struct syscall_arch arch = syscall_arch(token);
        common_check(archs[i], &arch);
        library_check(archs[i], &arch);
    }
}

static void test_special(void) {
    static const struct {
        uint32_t token;
        const char *name;
        int64_t number;
    } cases[] = {
        {SCMP_ARCH_X86_64, "uretprobe", 335},
        {SCMP_ARCH_X86_64, "uprobe", 336},
        {SCMP_ARCH_X32, "uretprobe", 0x40000000 + 335},
        {SCMP_ARCH_X86, "uretprobe", -1},
        {SCMP_ARCH_RISCV64, "riscv_hwprobe", 258},
        {SCMP_ARCH_X86_64, "riscv_hwprobe", -1},
        {SCMP_ARCH_X86_64, "waitpid", -1},
        {SCMP_ARCH_MIPS, "listns", 4470},
        {SCMP_ARCH_MIPSEL64, "listns", 5470},
        {SCMP_ARCH_MIPS64N32, "listns", 6470},
        {SCMP_ARCH_X32, "listns", 0x40000000 + 470},
    };
    struct syscall_ways ways;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct syscall_arch arch = syscall_arch(cases[i].token);
        char what[64];
        snprintf(what, sizeof what, "%s on %#x", cases[i].name, cases[i].token);
        ok(syscall_find(&arch, cases[i].name, &ways), "%s is known", what);
        is_number(ways.number, cases[i].number, "%s: number", what);
    }
    const struct syscall_arch arch = syscall_arch(SCMP_ARCH_X86_64);
    ok(!syscall_find(&arch, "a_call_of_tomorrow", &ways), "an unknown name");
    ok(ways.number == -1 && ways.gate == -1, "has no way");
}

static void test_gates(void) {
    const struct syscall_arch x86 = syscall_arch(SCMP_ARCH_X86), s390x = syscall_arch(SCMP_ARCH_S390X);
    struct syscall_ways ways;
    ok(syscall_find(&x86, "bind", &ways) && ways.number == 361 && ways.gate == 102 && ways.gate_call == 2, "x86: bind");
    ok(syscall_find(&x86, "send", &ways) && ways.number == -1 && ways.gate == 102 && ways.gate_call == 9, "x86: send");
    ok(syscall_find(&x86, "shmat", &ways) && ways.number == 397 && ways.gate == 117 && ways.gate_call == 21 &&
           ways.gate_mask == 0xffff,
       "x86: shmat");
    ok(syscall_find(&s390x, "semtimedop", &ways) && ways.number == 392 && ways.gate == 117 && ways.gate_call == 4,
       "s390x: semtimedop");
    ok(syscall_find(&x86, "semtimedop", &ways) && ways.number == -1 && ways.gate_call == 4, "x86: semtimedop");
}

/* The width of arguments and the kernel's token. */
static void test_kinds(void) {
    ok(syscall_arch(SCMP_ARCH_X86_64).wide && syscall_arch(SCMP_ARCH_MIPS64).wide, "64 bits");
    ok(!syscall_arch(SCMP_ARCH_X86).wide && !syscall_arch(SCMP_ARCH_X32).wide &&
           !syscall_arch(SCMP_ARCH_MIPS64N32).wide,
       "32 bits");
    is_number(syscall_arch(SCMP_ARCH_X32).audit, SCMP_ARCH_X86_64, "x32 and x86_64 have one token");
    is_number(syscall_arch(SCMP_ARCH_X86).audit, SCMP_ARCH_X86, "x86 has its own");
}

/* The kernel's headers may be older than the table: each name that they have is compared. */
static void test_headers(void) {
    static const struct {
        const char *name;
        int64_t number;
    } header[] = {
        {"pidfd_send_signal", SYS_pidfd_send_signal},
        {"io_uring_setup", SYS_io_uring_setup},
        {"fsopen", SYS_fsopen},
        {"pidfd_open", SYS_pidfd_open},
#ifdef SYS_openat2
        {"openat2", SYS_openat2},
#endif
#ifdef SYS_futex_waitv
        {"futex_waitv", SYS_futex_waitv},
#endif
#ifdef SYS_cachestat
        {"cachestat", SYS_cachestat},
#endif
#ifdef SYS_statmount
        {"statmount", SYS_statmount},
#endif
#ifdef SYS_mseal
        {"mseal", SYS_mseal},
#endif
#ifdef SYS_file_setattr
        {"file_setattr", SYS_file_setattr},
#endif
#ifdef SYS_listns
        {"listns", SYS_listns},
#endif
    };
    const struct syscall_arch native = syscall_arch(seccomp_arch_native());
    for (size_t i = 0; i < COUNT(header); i++) {
        struct syscall_ways ways = {0};
        ok(syscall_find(&native, header[i].name, &ways), "the headers' %s is known", header[i].name);
        is_number(ways.number, header[i].number, "and has their number");
    }
}

int main(void) {
    test_archs();
    test_special();
    test_gates();
    test_kinds();
    test_headers();
    return tap_done();
}
