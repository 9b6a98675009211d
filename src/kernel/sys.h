/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys: the system calls that the C library lacks, one thin wrapper each: the value or a negative errno. The only
 * place with constants that older kernel headers miss. Runs everywhere.
 */
#ifndef BERTH_KERNEL_SYS_H
#define BERTH_KERNEL_SYS_H

#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What berth uses that is newer than Linux 4.18. Each call is tried; where the kernel lacks it (ENOSYS) or an outer
 * container's filter forbids it (EPERM), berth does what the last column says. A flag that the kernel does not know is
 * refused by it (EINVAL) or ignored. tests/integration/kernels.bats denies each call to every command: they must work,
 * or, where the last column begins with "none", be refused with nothing left. It also fails if a call is not listed.
 *
 *   call or flag            Linux  without it
 *   pidfd_send_signal       5.1    kill(2), after a look whether it still is that process (kernel/process.c)
 *   CLONE_PIDFD             5.2    none: clone(2) gives no pidfd, and a child is waited for beside other descriptors
 *   fsopen                  5.2    mount(2), for this and the next two (kernel/mountfd.c)
 *   fsconfig                5.2    none: only called when fsopen has worked
 *   fsmount                 5.2    none: only called when fsopen has worked
 *   fspick                  5.2    mount(2), MS_REMOUNT
 *   open_tree               5.2    mount(2), MS_BIND, by the new process in its own mount namespace
 *   move_mount              5.2    none: only called when fsopen or open_tree has worked
 *   clone3                  5.3    clone(2) (kernel/spawn.c)
 *   pidfd_open              5.3    the directory /proc/PID (kernel/process.h)
 *   P_PIDFD                 5.4    waitid(2) by pid
 *   openat2                 5.6    a walk component by component (kernel/resolve.c)
 *   BPF_F_REPLACE           5.6    the new device program is attached before the old one is detached (kernel/devbpf.c)
 *   CLONE_NEWTIME           5.6    none: a new time namespace is refused, also without clone3
 *   CLONE_INTO_CGROUP       5.7    cgroup.procs, while the new process waits (kernel/spawn.c)
 *   faccessat2              5.8    the mode of the file; what else there is, execve(2) says (init/launch.c)
 *   setns of a pidfd        5.8    each namespace by its link in /proc (kernel/namespace.c)
 *   STATX_MNT_ID            5.8    /proc/self/fdinfo (kernel/procfs.c); options of a whole tree, as rro, are refused
 *   STATX_ATTR_MOUNT_ROOT   5.8    a remount is not checked to meet a mount of the config (init/mounts.c)
 *   close_range             5.9    close(2) of what is open (kernel/sys.c)
 *   MS_NOSYMFOLLOW          5.10   none: mount(2) ignores it
 *   mount_setattr           5.12   mount(2), MS_REMOUNT and one mount after the other (kernel/mountfd.c)
 *   MOUNT_ATTR_IDMAP        5.12   none: the mount is refused (kernel/idmap.c)
 *   MOUNT_ATTR_NOSYMFOLLOW  5.14   MS_NOSYMFOLLOW
 *   MFD_EXEC                6.3    a memfd without it, which then is executable (kernel/selfexe.c)
 */

/* From headers newer than Debian 12's (Linux 6.1). */
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif

/* <sys/mount.h> and <linux/mount.h> cannot be included together with every libc, so the two old calls stand here. */
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define SYS_UMOUNT_DETACH 2
int sys_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int sys_umount2(const char *target, int flags);

int sys_openat2(int dirfd, const char *path, const struct open_how *how);
int sys_clone3(struct clone_args *args);
int sys_clone(uint64_t flags, unsigned exit_signal, int *pidfd); /* with CLONE_PIDFD, and copies like fork(2) */
/*
 * Closes first..last, up to the most descriptors that a process may have by the kernel's default (proc(5),
 * /proc/sys/fs/nr_open). Without close_range(2) the kernel is asked how large the table of descriptors is, and which of
 * its numbers are open. RLIMIT_NOFILE may have been lowered after a higher number was opened, and /proc may be a
 * container's: neither can be trusted.
 */
void sys_close_range(unsigned first, unsigned last);
int sys_rename_new(int dirfd, const char *from, const char *to); /* renameat2(2), RENAME_NOREPLACE */
int sys_pidfd_open(pid_t pid, unsigned flags);
int sys_pidfd_send_signal(int pidfd, int signal);
int sys_setns(int fd, int type);
int sys_execveat(int dirfd, const char *path, const char *const *argv, const char *const *envp, int flags);
int sys_pivot_root(const char *new_root, const char *put_old);

/* The mount API. */
int sys_open_tree(int dirfd, const char *path, unsigned flags);
int sys_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags);
int sys_fsopen(const char *type, unsigned flags);
int sys_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned flags, unsigned attributes);
int sys_fspick(int fd); /* with FSPICK_CLOEXEC | FSPICK_EMPTY_PATH */
int sys_mount_setattr(int dirfd, const char *path, unsigned flags, const struct mount_attr *attributes, size_t size);

int sys_capset(pid_t pid, uint64_t effective, uint64_t permitted, uint64_t inheritable);
int sys_capget(pid_t pid, uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
int sys_sched_setaffinity(const unsigned long *mask, size_t size); /* of the caller; size in bytes */
int sys_keyctl_join(const char *name);                             /* serial of the new session keyring */
int sys_keyctl_permissions(int keyring, uint32_t permissions);
int sys_keyctl_chown(int keyring, uid_t uid);
int64_t sys_keyctl_describe(int keyring, char *buffer, size_t size);
int sys_seccomp_filter(unsigned flags, const void *program);
int sys_ioctl(int fd, unsigned long request, void *argument); /* the type of request differs between libcs */
struct rlimit;
int sys_prlimit(pid_t pid, int resource, const struct rlimit *new,
                struct rlimit *old);    /* the type of resource differs */
int sys_mount_root(int fd, bool *root); /* whether it is the root of a mount: Linux 5.8; -EOPNOTSUPP before */
int sys_mount_id(int fd, uint64_t *id); /* statx(2), STATX_MNT_ID: Linux 5.8; -EOPNOTSUPP before */
/*
 * Signals as the kernel counts them, 1 to 64, in sets of one bit each: the C libraries keep a few for themselves and
 * leave them out of theirs (musl 32 to 34, glibc 32 and 33), but a caller may send and a payload may want them.
 */
#define SYS_SIGNALS_MAX 64
#define SYS_SIGNAL_BIT(signal) (UINT64_C(1) << ((signal)-1))
void sys_signal_mask(int how, uint64_t set, uint64_t *old); /* rt_sigprocmask(2); old may be NULL */
int sys_signal_fd(uint64_t set, int flags);                 /* a new signalfd(2) */
bool sys_signal_ignored(int signal);
void sys_signals_default(void); /* every disposition the default one, nothing blocked: as for a program just started */

/*
 * Whether the caller may execute a file, by the ids and capabilities that execve(2) goes by: access(2) takes the real
 * ids and leaves out the capabilities of all but root. -EACCES and so on if not; -ENOSYS before Linux 5.8.
 */
int sys_may_execute(const char *path);

/* setresuid(2), setresgid(2), setgroups(2) of this thread alone: the C library's, of all threads, take more calls. */
int sys_setresuid(uid_t real, uid_t effective, uid_t saved);
int sys_setresgid(gid_t real, gid_t effective, gid_t saved);
int sys_setgroups(size_t count, const gid_t *groups);

#endif
