/* SPDX-License-Identifier: Apache-2.0 */
/* lsm: see lsm.h. */
#include "kernel/lsm.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#define VALUE_MAX 4096 /* the kernel cuts a longer write short (proc_pid_attr_write) */

int lsm_apparmor_on(void) {
    char state[8];
    int r = fd_read_text(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", state, sizeof state);
    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    return r < 0 ? r : state[0] == 'Y';
}

int lsm_selinux_on(void) {
    struct statfs fs;
    if (statfs("/sys/fs/selinux", &fs) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    return (unsigned long)fs.f_type == SELINUX_MAGIC;
}

int lsm_apparmor_exec(const struct procfs *proc, const char *profile) {
    char value[VALUE_MAX], read[VALUE_MAX];
    if ((size_t)snprintf(value, sizeof value, "exec %s", profile) >= sizeof value)
        return -ENAMETOOLONG;
    const char *file = "self/attr/apparmor/exec";
    int r = procfs_write(proc, file, value);
    /* Without the module's own directory the file that all modules shared is AppArmor's, or nobody's. */
    if (r == -ENOENT && procfs_read(proc, "self/attr/apparmor/current", read, sizeof read) == -ENOENT) {
        file = "self/attr/exec";
        r = procfs_write(proc, file, value);
    }
    if (r == 0)
        r = procfs_read(proc, file, read, sizeof read);
    return r < 0 ? r : lsm_apparmor_is(read, profile) ? 0 : -EPERM;
}

bool lsm_apparmor_is(const char *read, const char *profile) {
    size_t len = strlen(profile);
    if (profile[0] == ':') /* in another policy namespace, whose name the kernel may write otherwise */
        return read[0] != '\0';
    return strncmp(read, profile, len) == 0 && (read[len] == '\0' || read[len] == '\n' || read[len] == ' ');
}

int lsm_selinux_exec(const struct procfs *proc, const char *label) {
    char read[VALUE_MAX];
    int r = strlen(label) < VALUE_MAX ? procfs_write(proc, "self/attr/exec", label) : -ENAMETOOLONG;
    if (r == 0)
        r = procfs_read(proc, "self/attr/exec", read, sizeof read);
    /* The policy may have another name for the same label (aliases of types, order of categories). */
    return r < 0 ? r : read[0] ? 0 : -EPERM;
}

int lsm_selinux_keys(const struct procfs *proc, const char *label) {
    return strlen(label) < VALUE_MAX ? procfs_write(proc, "self/attr/keycreate", label) : -ENAMETOOLONG;
}

int lsm_selinux_file(int fd, const char *label) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return setxattr(path, "security.selinux", label, strlen(label) + 1, 0) < 0 ? -errno : 0;
}
