/* SPDX-License-Identifier: Apache-2.0 */
/* selfexe: see selfexe.h. */
#include "kernel/selfexe.h"

#include "base/own.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#define PATH_VARIABLE "BERTH_SELFEXE" /* from us to ourselves: the copy that we are executed from has no path */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

extern char **environ;

static bool is_protected(int self) {
    struct statvfs fs;
    int seals = fcntl(self, F_GET_SEALS);
    return (seals >= 0 && (seals & SEALS) == SEALS) || (fstatvfs(self, &fs) == 0 && (fs.f_flag & ST_RDONLY));
}

static char own_path[PATH_MAX];

static void find_path(void) {
    const char *told = getenv(PATH_VARIABLE);
    ssize_t n = told ? snprintf(own_path, sizeof own_path, "%s", told) : readlink(SELF, own_path, sizeof own_path - 1);
    own_path[n < 0 || (size_t)n >= sizeof own_path ? 0 : n] = '\0';
    unsetenv(PATH_VARIABLE); /* not for hooks */
}

const char *selfexe_path(void) {
    if (!own_path[0])
        find_path();
    return own_path;
}

/* A detached, read-only copy of the mount that the program lies on, cut down to the program. */
static int readonly_mount(int self) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV};
    own_fd tree = sys_open_tree(self, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (tree < 0)
        return tree;
    int r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    return r < 0 ? r : fd_take(&tree);
}

static int sealed_copy(int self) {
    struct stat st;
    own_fd copy = memfd_create("berth", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0 || fstat(self, &st) < 0)
        return -errno;
    for (off_t done = 0; done < st.st_size;) {
        ssize_t n = sendfile(copy, self, NULL, (size_t)(st.st_size - done));
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += n;
    }
    return fcntl(copy, F_ADD_SEALS, SEALS) < 0 ? -errno : fd_take(&copy);
}

int selfexe_protect(const char *const *argv, struct error *err) {
    own_fd self = open(SELF, O_RDONLY | O_CLOEXEC);
    find_path();
    if (self < 0)
        return error_sys(err, "open " SELF " to protect the own program");
    if (is_protected(self)) {
        prctl(PR_SET_NAME, "berth"); /* executed by descriptor, we would be called by its number */
        return 0;
    }
    setenv(PATH_VARIABLE, own_path, 1);
    own_fd mount = readonly_mount(self);
    if (mount >= 0)
        (void)sys_execveat(mount, "", argv, (const char *const *)environ, AT_EMPTY_PATH);
    own_fd copy = sealed_copy(self);
    if (copy < 0)
        return error_code(err, -copy, "copy the own program to protect it");
    int r = sys_execveat(copy, "", argv, (const char *const *)environ, AT_EMPTY_PATH);
    return error_code(err, -r, "execute the protected copy of the own program");
}
