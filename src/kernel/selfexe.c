/* SPDX-License-Identifier: Apache-2.0 */
/* selfexe: see selfexe.h. */
#include "kernel/selfexe.h"

#include "base/fd.h"
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
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3; the headers of Debian 12 lack it */
#endif

extern char **environ;

static char own_path[PATH_MAX];
static bool path_known;

/*
 * Whether the file lies where nobody can ever write to it: in a sealed memfd, or on a read-only mount that is attached
 * nowhere. The kernel refuses to change or to clone such a mount (mount_setattr(2), EINVAL), and shows its root as "/".
 * Any other mount that is read-only now can be made writable later.
 */
static bool is_out_of_reach(int fd) {
    struct statvfs fs;
    char link[40], place[2];
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals >= 0 && (seals & SEALS) == SEALS)
        return true;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, place, sizeof place) == 1 && place[0] == '/' && fstatvfs(fd, &fs) == 0 &&
           (fs.f_flag & ST_RDONLY);
}

/* The link may also show a name that the file had once, or has in another root directory. */
static bool path_leads_to(const char *path, int fd) {
    struct stat named, running;
    return path[0] == '/' && stat(path, &named) == 0 && fstat(fd, &running) == 0 && named.st_dev == running.st_dev &&
           named.st_ino == running.st_ino;
}

/*
 * Finds out where the program file lies; returns whether this is the protected copy. Only the copy believes the
 * variable: anybody else may have got it from the caller. It goes no further than here: no hook and no program of the
 * container sees it.
 */
static bool look_at_self(int self) {
    const char *told = getenv(PATH_VARIABLE);
    const bool is_copy = told && is_out_of_reach(self);
    ssize_t n =
        is_copy ? snprintf(own_path, sizeof own_path, "%s", told) : readlink(SELF, own_path, sizeof own_path - 1);
    own_path[n < 0 || (size_t)n >= sizeof own_path ? 0 : n] = '\0';
    if (!is_copy && !path_leads_to(own_path, self))
        own_path[0] = '\0';
    path_known = true;
    unsetenv(PATH_VARIABLE);
    return is_copy;
}

const char *selfexe_path(void) {
    own_fd self = path_known ? -1 : fd_open(SELF, O_RDONLY);
    if (self >= 0)
        (void)look_at_self(self);
    return own_path;
}

/*
 * A detached, read-only copy of the mount that the program lies on, cut down to the program. Where we run from such a
 * copy and cannot see that, the kernel refuses another one (above): no endless row of copies.
 */
static int readonly_mount(int self) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV};
    own_fd tree = sys_open_tree(self, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (tree < 0)
        return tree;
    int r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    return r < 0 ? r : fd_take(&tree);
}

/* MFD_EXEC: the sysctl vm.memfd_noexec may make others not executable. Kernels before 6.3 do not know the flag. */
static int executable_memory(void) {
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("berth", flags | MFD_EXEC);
    return fd < 0 && errno == EINVAL ? memfd_create("berth", flags) : fd;
}

static int sealed_copy(int self) {
    struct stat st;
    own_fd copy = executable_memory();
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
    own_fd self = fd_open(SELF, O_RDONLY);
    if (self < 0)
        return error_sys(err, "open " SELF " to protect the own program");
    if (look_at_self(self)) {
        prctl(PR_SET_NAME, "berth"); /* executed by descriptor, we would be called by its number */
        return 0;
    }
    if (setenv(PATH_VARIABLE, own_path, 1) < 0) /* without it the copy would not know itself */
        return error_sys(err, "set " PATH_VARIABLE " to protect the own program");
    own_fd mount = readonly_mount(self);
    if (mount >= 0)
        (void)sys_execveat(mount, "", argv, (const char *const *)environ, AT_EMPTY_PATH);
    own_fd copy = sealed_copy(self);
    int r = copy < 0 ? copy : sys_execveat(copy, "", argv, (const char *const *)environ, AT_EMPTY_PATH);
    unsetenv(PATH_VARIABLE);
    return error_code(
        err, -r, copy < 0 ? "copy the own program to protect it" : "execute the protected copy of the own program");
}
