// SPDX-License-Identifier: Apache-2.0
//
// floor: all the kernel work of `run` with the default bundle (what `spec` writes), in a straight line, and nothing
// else: no configuration is parsed, nothing is checked, decided, recorded or undone. What it takes is what the kernel
// takes; a runtime that does this work cannot be faster by more than noise. Runs as root on a cgroup2 host, Linux 5.12
// or later.
//
//   floor [--seccomp FILE] ROOTFS CGROUP PROGRAM [ARG...]
//   floor --version
//
// ROOTFS has the directories dev, proc and sys. CGROUP is made, used and removed. FILE holds a finished classic BPF
// program (an array of struct sock_filter). Exit code: the program's.
//
// Of the two mount interfaces each step takes the one with fewer calls: mount(2) for new file systems and binds,
// mount_setattr(2) to make a mount read-only (no flags to be read back first).
//
// There is no C library in it: on a virtual machine the start of one can cost a millisecond (CPUID traps there), and
// that is no work of the kernel. Built with -ffreestanding -fno-tree-loop-distribute-patterns -nostdlib -static.

#include <asm/unistd.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <linux/wait.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// --- what a C library would give -------------------------------------------------------------------------------------

#if defined(__x86_64__)
static long call(long number, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}
__asm__(".global _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
#elif defined(__aarch64__)
static long call(long number, long a, long b, long c, long d, long e) {
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
                     x3 __asm__("x3") = d, x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
__asm__(".global _start\n_start: mov x29, #0\n mov x0, sp\n bl begin\n");
#else
#error "no system call for this processor"
#endif

// sys(name, ARG...): a system call of one to five arguments; a negative errno when it fails.
#define sys(name, ...) SYS_PAD(__NR_##name, __VA_ARGS__, 0, 0, 0, 0, 0)
#define SYS_PAD(number, a, b, c, d, e, ...) call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

enum {
    AF_INET = 2,
    SOCK_DGRAM = 2,
    SIOCSIFFLAGS = 0x8914,
    IFF_UP = 1,
    MNT_DETACH = 2,
    SIGCHLD = 17,
    CLD_EXITED = 1,
    NO_ENTRY = -2,           // -ENOENT
    FAILED = 125,            // exit code of a failure of floor's own
    OLD_INSTRUCTIONS = 4096, // the most a classic BPF program can have
};

struct interface_flags { // struct ifreq as SIOCSIFFLAGS reads it
    char name[16];
    short flags;
    char rest[22];
};

struct child_end { // siginfo_t as waitid fills it
    int signal, error, code, pad, pid, uid, status;
    char rest[100];
};

static size_t length(const char *s) {
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

static bool equal(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static _Noreturn void leave(int code) {
    for (;;)
        sys(exit_group, code);
}

static void complain(const char *text) {
    sys(write, 2, text, length(text));
}

static long must(long result, const char *what) {
    if (result < 0) {
        char number[] = "errno 000\n";
        number[6] = (char)('0' - result / 100);
        number[7] = (char)('0' - result / 10 % 10);
        number[8] = (char)('0' - result % 10);
        complain("floor: ");
        complain(what);
        complain(": ");
        complain(number);
        leave(FAILED);
    }
    return result;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// --- before the new process ------------------------------------------------------------------------------------------

static void seccomp_read(const char *path, struct sock_fprog *out) {
    static struct sock_filter filter[OLD_INSTRUCTIONS];
    long fd = must(sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC), path);
    long len = must(sys(read, fd, filter, sizeof(filter)), path);
    out->len = (unsigned short)((size_t)len / sizeof(filter[0]));
    out->filter = filter;
    sys(close, fd);
}

// Registers: 1 context, 2 type, 3 access, 4 major, 5 minor. A jump names how many instructions it skips.
#define LOAD(to, field)                                                                                                \
    {                                                                                                                  \
        .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = to, .src_reg = 1,                                                \
        .off = offsetof(struct bpf_cgroup_dev_ctx, field)                                                              \
    }
#define COPY(to, from)                                                                                                 \
    { .code = BPF_ALU | BPF_X | BPF_MOV, .dst_reg = to, .src_reg = from }
#define CHANGE(op, reg, value)                                                                                         \
    { .code = BPF_ALU | BPF_K | op, .dst_reg = reg, .imm = value }
#define WHEN(reg, value, skip)                                                                                         \
    { .code = BPF_JMP | BPF_K | BPF_JEQ, .dst_reg = reg, .imm = value, .off = skip }
#define ANSWER(value)                                                                                                  \
    {.code = BPF_ALU64 | BPF_K | BPF_MOV, .dst_reg = 0, .imm = value}, {                                               \
        .code = BPF_JMP | BPF_EXIT                                                                                     \
    }
// The number of a device in one, as the kernel's dev_t has it.
#define DEVICE(major, minor) ((major) << 20 | (minor))

// "Deny all" and what every runtime allows nevertheless: any mknod, and the use of the devices that a container has.
// Few branches, and the one that falls through goes on: what it takes to load is what the verifier has to follow.
static void devices_restrict(long cgroup) {
    static const struct bpf_insn program[] = {
        LOAD(2, access_type),
        COPY(3, 2),
        CHANGE(BPF_RSH, 3, 16),
        CHANGE(BPF_AND, 2, 0xffff),
        LOAD(4, major),
        LOAD(5, minor),
        WHEN(3, BPF_DEVCG_ACC_MKNOD, 15),
        WHEN(2, BPF_DEVCG_DEV_BLOCK, 12),
        WHEN(4, 136, 13), // pts/*
        CHANGE(BPF_LSH, 4, 20),
        {.code = BPF_ALU | BPF_X | BPF_OR, .dst_reg = 4, .src_reg = 5},
        WHEN(4, DEVICE(1, 3), 10),   // null
        WHEN(4, DEVICE(1, 5), 9),    // zero
        WHEN(4, DEVICE(1, 7), 8),    // full
        WHEN(4, DEVICE(1, 8), 7),    // random
        WHEN(4, DEVICE(1, 9), 6),    // urandom
        WHEN(4, DEVICE(5, 0), 5),    // tty
        WHEN(4, DEVICE(5, 1), 4),    // console
        WHEN(4, DEVICE(5, 2), 3),    // ptmx
        WHEN(4, DEVICE(10, 200), 2), // net/tun
        ANSWER(0),
        ANSWER(1),
    };
    union bpf_attr load = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insns = (uintptr_t)program,
        .insn_cnt = COUNT(program),
        .license = (uintptr_t) "Apache-2.0",
    };
    long fd = must(sys(bpf, BPF_PROG_LOAD, &load, sizeof(load)), "BPF_PROG_LOAD");
    union bpf_attr attach = {
        .target_fd = (uint32_t)cgroup,
        .attach_bpf_fd = (uint32_t)fd,
        .attach_type = BPF_CGROUP_DEVICE,
        .attach_flags = BPF_F_ALLOW_MULTI,
    };
    must(sys(bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)), "BPF_PROG_ATTACH");
    sys(close, fd);
}

// One process, straight into its cgroup and all namespaces but its cgroup namespace: made here, that one would show the
// cgroup of the parent as the root.
static long spawn(long cgroup, int *pidfd) {
    struct clone_args args = {
        .flags =
            CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
        .pidfd = (uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)cgroup,
    };
    return must(sys(clone3, &args, sizeof(args)), "clone3");
}

// --- the new process -------------------------------------------------------------------------------------------------

static void namespaces_finish(void) {
    must(sys(setsid, 0), "setsid");
    must(sys(keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.floor"), "session keyring");
    must(sys(unshare, CLONE_NEWCGROUP), "cgroup namespace");
    must(sys(sethostname, "bench", 5), "hostname");
    long fd = must(sys(socket, AF_INET, SOCK_DGRAM, 0), "socket");
    struct interface_flags lo = {.name = "lo", .flags = IFF_UP};
    must(sys(ioctl, fd, SIOCSIFFLAGS, &lo), "lo up");
    sys(close, fd);
}

// From here until the pivot the working directory is the rootfs.
static void mounts_make(const char *rootfs) {
    static const struct {
        const char *type, *target, *data;
        unsigned long flags;
    } mounts[] = {
        {"proc", "proc", NULL, 0},
        {"tmpfs", "dev", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME},
        {"devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC},
        {"tmpfs", "dev/shm", "mode=1777,size=65536k", MS_NOSUID | MS_NOEXEC | MS_NODEV},
        {"mqueue", "dev/mqueue", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV},
        {"sysfs", "sys", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY},
        {"cgroup2", "sys/fs/cgroup", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RELATIME | MS_RDONLY},
    };
    static const char *const points[] = {"dev/pts", "dev/shm", "dev/mqueue"};
    must(sys(mount, NULL, "/", NULL, MS_SLAVE | MS_REC, NULL), "propagation");
    must(sys(mount, rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
    must(sys(chdir, rootfs), rootfs);
    for (size_t i = 0; i < COUNT(mounts); i++) {
        const char *target = mounts[i].target;
        must(sys(mount, mounts[i].type, target, mounts[i].type, mounts[i].flags, mounts[i].data), target);
        for (size_t j = 0; j < COUNT(points) && equal(target, "dev"); j++)
            must(sys(mkdirat, AT_FDCWD, points[j], 0755), points[j]);
    }
}

static void dev_furnish(void) {
    static const struct {
        const char *path;
        unsigned major, minor;
    } devices[] = {
        {"dev/null", 1, 3},   {"dev/zero", 1, 5}, {"dev/full", 1, 7},
        {"dev/random", 1, 8}, {"dev/tty", 5, 0},  {"dev/urandom", 1, 9},
    };
    static const char *const links[][2] = {
        {"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"},
        {"/proc/self/fd/2", "dev/stderr"}, {"/proc/kcore", "dev/core"},      {"pts/ptmx", "dev/ptmx"},
    };
    for (size_t i = 0; i < COUNT(devices); i++) {
        unsigned number = devices[i].major << 8 | devices[i].minor;
        must(sys(mknodat, AT_FDCWD, devices[i].path, S_IFCHR | 0666, number), devices[i].path);
    }
    for (size_t i = 0; i < COUNT(links); i++)
        must(sys(symlinkat, links[i][0], AT_FDCWD, links[i][1]), links[i][1]);
}

// True if the mount was made, false if there is nothing at `path`.
static bool mounted(long result, const char *path) {
    return result != NO_ENTRY && must(result, path) == 0;
}

// Files are covered by /dev/null, directories by one and the same empty file system. What is missing is passed over.
static void paths_shield(void) {
    static const char *const files[] = {
        "proc/kcore", "proc/keys", "proc/latency_stats", "proc/timer_list", "proc/timer_stats", "proc/sched_debug",
    };
    static const char *const directories[] = {"sys/firmware", "proc/acpi", "proc/asound", "proc/scsi"};
    static const char *const readonly[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    const char *empty = NULL;
    for (size_t i = 0; i < COUNT(files); i++)
        mounted(sys(mount, "dev/null", files[i], NULL, MS_BIND, NULL), files[i]);
    for (size_t i = 0; i < COUNT(directories); i++) {
        const char *path = directories[i];
        if (empty)
            mounted(sys(mount, empty, path, NULL, MS_BIND, NULL), path);
        else if (mounted(sys(mount, "tmpfs", path, "tmpfs", MS_RDONLY, NULL), path))
            empty = path;
    }
    for (size_t i = 0; i < COUNT(readonly); i++) {
        const char *path = readonly[i];
        if (mounted(sys(mount, path, path, NULL, MS_BIND | MS_REC, NULL), path))
            must(sys(mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attr, sizeof(attr)), path);
    }
}

static void root_change(void) {
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    must(sys(mount_setattr, AT_FDCWD, ".", 0, &attr, sizeof(attr)), "root read-only");
    must(sys(pivot_root, ".", "."), "pivot_root");
    must(sys(umount2, ".", MNT_DETACH), "umount of the old root");
    must(sys(chdir, "/"), "chdir");
}

static void identity_take(void) {
    const uint64_t kept = 1ULL << CAP_AUDIT_WRITE | 1ULL << CAP_KILL | 1ULL << CAP_NET_BIND_SERVICE;
    struct rlimit64 files = {1024, 1024};
    must(sys(prlimit64, 0, RLIMIT_NOFILE, &files, NULL), "rlimit");
    for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++) {
        if (!(kept >> cap & 1))
            must(sys(prctl, PR_CAPBSET_DROP, cap), "bounding set");
    }
    must(sys(setgroups, 0, NULL), "setgroups");
    must(sys(setresgid, 0, 0, 0), "setresgid");
    must(sys(setresuid, 0, 0, 0), "setresuid");
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{.effective = (uint32_t)kept, .permitted = (uint32_t)kept}};
    must(sys(capset, &header, sets), "capset");
    must(sys(prctl, PR_SET_NO_NEW_PRIVS, 1), "no_new_privs");
    must(sys(close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC), "close_range");
}

static _Noreturn void container_main(const char *rootfs, const struct sock_fprog *filter, char **argv) {
    static char *env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL};
    sys(umask, 0);
    namespaces_finish();
    mounts_make(rootfs);
    dev_furnish();
    paths_shield();
    root_change();
    sys(umask, 0022);
    identity_take();
    if (filter->len > 0)
        must(sys(seccomp, SECCOMP_SET_MODE_FILTER, 0, filter), "seccomp");
    must(sys(execve, argv[0], argv, env), argv[0]);
    leave(FAILED);
}

// --- the whole -------------------------------------------------------------------------------------------------------

static int container_run(const struct sock_fprog *filter, char **argv) {
    const char *rootfs = argv[0], *cgroup_path = argv[1];
    must(sys(mkdirat, AT_FDCWD, cgroup_path, 0755), cgroup_path);
    long cgroup = must(sys(openat, AT_FDCWD, cgroup_path, O_DIRECTORY | O_CLOEXEC), cgroup_path);
    int pidfd = -1;
    devices_restrict(cgroup);
    if (spawn(cgroup, &pidfd) == 0)
        container_main(rootfs, filter, argv + 2);

    struct child_end end;
    must(sys(waitid, P_PIDFD, pidfd, &end, WEXITED, NULL), "wait");
    must(sys(unlinkat, AT_FDCWD, cgroup_path, AT_REMOVEDIR), cgroup_path);
    return end.code == CLD_EXITED ? end.status : 128 + end.status;
}

// Called by _start with the stack as the kernel left it: argc, then argv.
_Noreturn void begin(const long *stack);
_Noreturn void begin(const long *stack) {
    long argc = stack[0];
    char **argv = (char **)(stack + 1);
    struct sock_fprog filter = {.len = 0};
    if (argc == 2 && equal(argv[1], "--version")) {
        sys(write, 1, "floor\n", 6);
        leave(0);
    }
    if (argc > 2 && equal(argv[1], "--seccomp")) {
        seccomp_read(argv[2], &filter);
        argv += 2;
        argc -= 2;
    }
    if (argc < 4) {
        complain("usage: floor [--seccomp FILE] ROOTFS CGROUP PROGRAM [ARG...]\n");
        leave(FAILED);
    }
    leave(container_run(&filter, argv + 1));
}
