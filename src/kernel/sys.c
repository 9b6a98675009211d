/* SPDX-License-Identifier: Apache-2.0 */
/* sys: see sys.h. */
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BITS (8 * (unsigned)sizeof(unsigned long))

static int result(long value) {
    return value < 0 ? -errno : (int)value;
}

int sys_openat2(int dirfd, const char *path, const struct open_how *how) {
    return result(syscall(SYS_openat2, dirfd, path, how, sizeof *how));
}

int sys_clone3(struct clone_args *args) {
    return result(syscall(SYS_clone3, args, sizeof *args));
}

int sys_clone(uint64_t flags, unsigned exit_signal, int *pidfd) {
    const unsigned long all = (unsigned long)flags | CLONE_PIDFD | exit_signal;
#ifdef __s390__
    return result(syscall(SYS_clone, 0, all, pidfd, NULL, 0));
#else
    return result(syscall(SYS_clone, all, 0, pidfd, NULL, 0));
#endif
}

#define OPEN_FILES_MAX (1u << 20)
#define LOOK_AT 1024 /* numbers in one poll(2) */

/*
 * Whether the kernel's table of descriptors has a place for that number. select(2) ignores the numbers behind the
 * table, and refuses those in it that are not open (select(2), "BUGS").
 */
static bool table_reaches(unsigned fd) {
    static unsigned long wanted[OPEN_FILES_MAX / BITS + 1];
    const struct timespec now = {0};
    wanted[fd / BITS] = 1UL << fd % BITS;
    long r = syscall(SYS_pselect6, fd + 1, wanted, NULL, NULL, &now, NULL);
    bool reaches = r < 0 || fcntl((int)fd, F_GETFD) >= 0;
    wanted[fd / BITS] = 0;
    return reaches;
}

/* The table is as large as a power of two, and no smaller than one word of bits. */
static unsigned table_size(void) {
    unsigned size = BITS;
    while (size < OPEN_FILES_MAX && table_reaches(size))
        size *= 2;
    return size;
}

/* Closes `count` numbers from `first` on: all of them where RLIMIT_NOFILE keeps poll(2) from telling which are open. */
static void close_some(unsigned first, unsigned count) {
    struct pollfd look[LOOK_AT];
    for (unsigned i = 0; i < count; i++)
        look[i] = (struct pollfd){.fd = (int)(first + i)};
    const bool known = poll(look, count, 0) >= 0;
    for (unsigned i = 0; i < count; i++)
        if (!known || !(look[i].revents & POLLNVAL))
            close((int)(first + i));
}

void sys_close_range(unsigned first, unsigned last) {
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    const unsigned size = table_size();
    for (unsigned end = last < size ? last + 1 : size; first < end;) {
        const unsigned count = end - first < LOOK_AT ? end - first : LOOK_AT;
        close_some(first, count);
        first += count;
    }
}

int sys_rename_new(int dirfd, const char *from, const char *to) {
    return result(syscall(SYS_renameat2, dirfd, from, dirfd, to, RENAME_NOREPLACE));
}

int sys_pidfd_open(pid_t pid, unsigned flags) {
    return result(syscall(SYS_pidfd_open, pid, flags));
}

int sys_pidfd_send_signal(int pidfd, int signal) {
    return result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

int sys_setns(int fd, int type) {
    return result(syscall(SYS_setns, fd, type));
}

int sys_execveat(int dirfd, const char *path, const char *const *argv, const char *const *envp, int flags) {
    return result(syscall(SYS_execveat, dirfd, path, argv, envp, flags));
}

int sys_pivot_root(const char *new_root, const char *put_old) {
    return result(syscall(SYS_pivot_root, new_root, put_old));
}

int sys_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data) {
    return result(syscall(SYS_mount, source, target, type, flags, data));
}

int sys_umount2(const char *target, int flags) {
    return result(syscall(SYS_umount2, target, flags));
}

int sys_open_tree(int dirfd, const char *path, unsigned flags) {
    return result(syscall(SYS_open_tree, dirfd, path, flags));
}

int sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags) {
    return result(syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags));
}

int sys_fsopen(const char *type, unsigned flags) {
    return result(syscall(SYS_fsopen, type, flags));
}

int sys_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux) {
    return result(syscall(SYS_fsconfig, fd, command, key, value, aux));
}

int sys_fsmount(int fd, unsigned flags, unsigned attributes) {
    return result(syscall(SYS_fsmount, fd, flags, attributes));
}

int sys_fspick(int fd) {
    return result(syscall(SYS_fspick, fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
}

int sys_mount_setattr(int dirfd, const char *path, unsigned flags, const struct mount_attr *attributes, size_t size) {
    return result(syscall(SYS_mount_setattr, dirfd, path, flags, attributes, size));
}

int sys_capset(pid_t pid, uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = (uint32_t)(effective >> (32 * i));
        data[i].permitted = (uint32_t)(permitted >> (32 * i));
        data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
    }
    return result(syscall(SYS_capset, &header, data));
}

int sys_capget(pid_t pid, uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
    struct __user_cap_data_struct data[2];
    int r = result(syscall(SYS_capget, &header, data));
    if (r < 0)
        return r;
    *effective = data[0].effective | (uint64_t)data[1].effective << 32;
    *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    *inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    return 0;
}

int sys_sched_setaffinity(const unsigned long *mask, size_t size) {
    return result(syscall(SYS_sched_setaffinity, 0, size, mask));
}

int sys_keyctl_join(const char *name) {
    return result(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0));
}

int sys_keyctl_permissions(int keyring, uint32_t permissions) {
    return result(syscall(SYS_keyctl, KEYCTL_SETPERM, keyring, permissions, 0, 0));
}

int sys_keyctl_chown(int keyring, uid_t uid) {
    return result(syscall(SYS_keyctl, KEYCTL_CHOWN, keyring, uid, (gid_t)-1, 0));
}

int64_t sys_keyctl_describe(int keyring, char *buffer, size_t size) {
    return result(syscall(SYS_keyctl, KEYCTL_DESCRIBE, keyring, buffer, size, 0));
}

int sys_seccomp_filter(unsigned flags, const void *program) {
    return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program));
}

int sys_ioctl(int fd, unsigned long request, void *argument) {
    return result(syscall(SYS_ioctl, fd, request, argument));
}

int sys_prlimit(pid_t pid, int resource, const struct rlimit *new, struct rlimit *old) {
    _Static_assert(sizeof(rlim_t) == 8, "prlimit64(2) takes 64-bit limits");
    return result(syscall(SYS_prlimit64, pid, resource, new, old));
}

int sys_mount_root(int fd, bool *root) {
    struct statx st;
    int r = result(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0, &st));
    if (r < 0)
        return r;
    if (!(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
        return -EOPNOTSUPP;
    *root = (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return 0;
}

int sys_may_execute(const char *path) {
    return result(syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS));
}

int sys_mount_id(int fd, uint64_t *id) {
    struct statx st;
    int r = result(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st));
    if (r < 0)
        return r;
    if (!(st.stx_mask & STATX_MNT_ID))
        return -EOPNOTSUPP;
    *id = st.stx_mnt_id;
    return 0;
}

/* As the kernel has it on every architecture that matters to us (rt_sigaction(2)); zeroed it is the default. */
struct kernel_sigaction {
    uintptr_t handler;
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};

void sys_signal_mask(int how, uint64_t set, uint64_t *old) {
    (void)syscall(SYS_rt_sigprocmask, how, &set, old, sizeof set);
}

int sys_signal_fd(uint64_t set, int flags) {
    return result(syscall(SYS_signalfd4, -1, &set, sizeof set, flags));
}

bool sys_signal_ignored(int signal) {
    struct kernel_sigaction now = {0};
    return syscall(SYS_rt_sigaction, signal, NULL, &now, sizeof now.mask) == 0 && now.handler == (uintptr_t)SIG_IGN;
}

void sys_signals_default(void) {
    const struct kernel_sigaction plain = {0};
    for (int signal = 1; signal <= SYS_SIGNALS_MAX; signal++)
        (void)syscall(SYS_rt_sigaction, signal, &plain, NULL, sizeof plain.mask);
    sys_signal_mask(SIG_SETMASK, 0, NULL);
}

int sys_setresuid(uid_t real, uid_t effective, uid_t saved) {
    return result(syscall(SYS_setresuid, real, effective, saved));
}

int sys_setresgid(gid_t real, gid_t effective, gid_t saved) {
    return result(syscall(SYS_setresgid, real, effective, saved));
}

int sys_setgroups(size_t count, const gid_t *groups) {
    return result(syscall(SYS_setgroups, count, groups));
}
