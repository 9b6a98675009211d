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

bool lsm_apparmor_on(void) {
    char state[8];
    return fd_read_text(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", state, sizeof state) == 0 &&
           state[0] == 'Y';
}

bool lsm_selinux_on(void) {
    struct statfs fs;
    return statfs("/sys/fs/selinux", &fs) == 0 && (unsigned long)fs.f_type == SELINUX_MAGIC;
}

int lsm_apparmor_exec(const struct procfs *proc, const char *profile) {
    char value[VALUE_MAX];
    if ((size_t)snprintf(value, sizeof value, "exec %s", profile) >= sizeof value)
        return -ENAMETOOLONG;
    int r = procfs_write(proc, "self/attr/apparmor/exec", value);
    /* Without the module's own directory the file that all modules shared is AppArmor's, or nobody's. */
    return r == -ENOENT && procfs_read(proc, "self/attr/apparmor/current", value, sizeof value) == -ENOENT
               ? procfs_write(proc, "self/attr/exec", value)
               : r;
}

int lsm_selinux_exec(const struct procfs *proc, const char *label) {
    return strlen(label) < VALUE_MAX ? procfs_write(proc, "self/attr/exec", label) : -ENAMETOOLONG;
}

int lsm_selinux_keys(const struct procfs *proc, const char *label) {
    return strlen(label) < VALUE_MAX ? procfs_write(proc, "self/attr/keycreate", label) : -ENAMETOOLONG;
}

int lsm_selinux_file(int fd, const char *label) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return setxattr(path, "security.selinux", label, strlen(label) + 1, 0) < 0 ? -errno : 0;
}
