/* SPDX-License-Identifier: Apache-2.0 */
/* procfs: see procfs.h. */
#include "kernel/procfs.h"

#include "base/fd.h"
#include "kernel/resolve.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PROC_ROOT_INODE 1 /* the root of every procfs instance (fs/proc/root.c: PROC_ROOT_INO, ABI since 2.6) */

static int verify_root(int fd) {
    struct statfs fs;
    struct stat st;
    if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
        return -errno;
    return fs.f_type == PROC_SUPER_MAGIC && st.st_ino == PROC_ROOT_INODE ? 0 : -EXDEV;
}

int procfs_open_host(struct procfs *out, struct error *err) {
    own_fd fd = fd_open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0)
        return error_sys(err, "open /proc");
    int r = verify_root(fd);
    if (r < 0)
        return error_code(err, -r, "/proc is not the root of a proc file system");
    out->fd = fd_take(&fd);
    return 0;
}

int procfs_open_private(struct procfs *out, struct error *err) {
    own_fd context = sys_fsopen("proc", FSOPEN_CLOEXEC);
    if (context < 0)
        return procfs_open_host(out, err);
    int r = sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    int fd =
        r < 0 ? r : sys_fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (fd < 0)
        return procfs_open_host(out, err);
    out->fd = fd;
    return 0;
}

/* "mnt_id:" of /proc/self/fdinfo/FD (proc(5)), in the same instance: Linux 3.15. */
static int fdinfo_mount_id(const struct procfs *proc, int fd, uint64_t *id) {
    char path[64], text[512];
    struct statfs fs;
    ssize_t n = readlinkat(proc->fd, "self", path, 16);
    if (n < 0)
        return -errno;
    snprintf(path + n, sizeof path - (size_t)n, "/fdinfo/%d", fd);
    own_fd info = openat(proc->fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (info < 0 || fstatfs(info, &fs) < 0)
        return -errno;
    int r = fs.f_type == PROC_SUPER_MAGIC ? fd_text(info, text, sizeof text) : -EXDEV;
    if (r < 0)
        return r;
    const char *line = strstr(text, "mnt_id:\t"), *number = line ? line + strlen("mnt_id:\t") : "";
    char *end;
    *id = strtoull(number, &end, 10);
    return end > number ? 0 : -EPROTO;
}

static int mount_id(const struct procfs *proc, int fd, uint64_t *id) {
    int r = sys_mount_id(fd, id);
    return r < 0 ? fdinfo_mount_id(proc, fd, id) : 0;
}

static int verify_type(int fd) {
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return -errno;
    return fs.f_type == PROC_SUPER_MAGIC ? 0 : -EXDEV;
}

/*
 * Whether the file lies on the very mount of the instance: another file of procfs may have been bound over the one that
 * was asked for. A mount that cannot be found out is refused.
 */
static int verify_mount(const struct procfs *proc, int fd) {
    uint64_t mount = 0, own = 0;
    int r = verify_type(fd);
    if (r == 0)
        r = mount_id(proc, proc->fd, &own);
    if (r == 0)
        r = mount_id(proc, fd, &mount);
    return r == 0 && mount != own ? -EXDEV : r;
}

/* Without openat2 links are refused component by component, and what is mounted over the file when it is open. */
static int open_classic(const struct procfs *proc, const char *path, int flags) {
    own_fd fd = resolve_path((struct root){proc->fd}, path, RESOLVE_NO_LINKS);
    if (fd >= 0 && !(flags & O_PATH)) {
        const char *name;
        fd_drop(&fd);
        own_fd parent = resolve_parent((struct root){proc->fd}, path, false, &name);
        if (parent < 0)
            return parent;
        fd = openat(parent, name, flags | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return -errno;
    }
    int r = fd < 0 ? fd : verify_mount(proc, fd);
    return r < 0 ? r : fd_take(&fd);
}

int procfs_open(const struct procfs *proc, const char *path, int flags) {
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
    };
    /* "self" and "thread-self" are links; the number behind them is asked of the same instance. */
    char numbered[256];
    if (strncmp(path, "self/", 5) == 0) {
        ssize_t n = readlinkat(proc->fd, "self", numbered, 16);
        if (n < 0)
            return -errno;
        size_t len = strlen(path + 4);
        if ((size_t)n + len + 1 > sizeof numbered)
            return -ENAMETOOLONG;
        memcpy(numbered + n, path + 4, len + 1);
        path = numbered;
    }
    own_fd fd = sys_openat2(proc->fd, path, &how);
    if (fd == -ENOSYS || fd == -EPERM)
        return open_classic(proc, path, flags);
    int r = fd < 0 ? fd : verify_type(fd); /* RESOLVE_NO_XDEV: it lies on the mount of the instance */
    return r < 0 ? r : fd_take(&fd);
}

int procfs_write(const struct procfs *proc, const char *path, const char *value) {
    own_fd fd = procfs_open(proc, path, O_WRONLY);
    if (fd < 0)
        return fd;
    ssize_t n = write(fd, value, strlen(value));
    return n < 0 ? -errno : (size_t)n == strlen(value) ? 0 : -EIO;
}

int procfs_read(const struct procfs *proc, const char *path, char *buffer, size_t size) {
    own_fd fd = procfs_open(proc, path, O_RDONLY);
    return fd < 0 ? fd : fd_text(fd, buffer, size);
}
