/* SPDX-License-Identifier: Apache-2.0 */
/* copy: see copy.h. */
#include "kernel/copy.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX 64

static int copy_level(int from, int to, dev_t device, int depth, struct error *err);

/* Data only: what is a hole stays one. Returns -1 and sets errno on failure. */
static int copy_content(int in, int out, off_t size) {
    for (off_t at = 0; at < size;) {
        off_t data = lseek(in, at, SEEK_DATA);
        off_t hole = data < 0 ? -1 : lseek(in, data, SEEK_HOLE);
        if (hole < 0)
            return errno == ENXIO ? 0 : -1; /* no data from here on */
        if (lseek(out, data, SEEK_SET) < 0)
            return -1;
        for (at = data; at < hole && at < size;) {
            off_t left = (hole < size ? hole : size) - at;
            ssize_t n = sendfile(out, in, &at, left > INT_MAX ? (size_t)INT_MAX : (size_t)left);
            if (n <= 0)
                return (int)n; /* 0: it has become shorter meanwhile */
        }
    }
    return 0;
}

static int copy_file(int in, int to, const char *name, const struct stat *st, struct error *err) {
    own_fd out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool copied = out >= 0 && ftruncate(out, st->st_size) == 0 && copy_content(in, out, st->st_size) == 0;
    return copied ? 0 : error_sys(err, "%s", name);
}

/* What another file system has or allows, this one need not; the label of a file comes from its mount. */
static bool may_lack(int code) {
    return code == ENODATA || code == EOPNOTSUPP || code == EOVERFLOW || code == EPERM;
}

/* Extended attributes: access lists, capabilities of programs (file capabilities), notes of users. */
static int copy_attributes(int in, int to, const char *name, struct error *err) {
    /* Not on the stack: compilers put them into each level of the recursion, and 64 levels are 8 MiB then. */
    static char names[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
    own_fd out = openat(to, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t len = out < 0 ? -1 : flistxattr(in, names, sizeof names);
    if (len < 0)
        return errno == EOPNOTSUPP ? 0 : error_sys(err, "attributes of %s", name);
    for (const char *key = names; key < names + len; key += strlen(key) + 1) {
        if (strcmp(key, "security.selinux") == 0)
            continue;
        ssize_t size = fgetxattr(in, key, value, sizeof value);
        if ((size < 0 || fsetxattr(out, key, value, (size_t)size, 0) < 0) && !may_lack(errno))
            return error_sys(err, "attribute %s of %s", key, name);
    }
    return 0;
}

static int copy_link(int from, int to, const char *name, struct error *err) {
    char target[PATH_MAX];
    ssize_t n = readlinkat(from, name, target, sizeof target - 1);
    if (n < 0)
        return error_sys(err, "%s", name);
    target[n] = '\0';
    return symlinkat(target, to, name) < 0 ? error_sys(err, "%s", name) : 0;
}

static int copy_subdirectory(int in, int to, const char *name, dev_t device, int depth, struct error *err) {
    if (mkdirat(to, name, 0700) < 0)
        return error_sys(err, "%s", name);
    own_fd to_sub = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return to_sub < 0 ? error_sys(err, "%s", name) : copy_level(in, to_sub, device, depth + 1, err);
}

/*
 * What of a regular file or a directory is copied comes from one descriptor: by its name, mode and owner of one file
 * could be had with the content of another one that is put in its place. Nothing else is opened, no other mount either.
 */
static int open_entry(int from, const char *name, dev_t device, struct stat *st, int *in, struct error *err) {
    if (fstatat(from, name, st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "%s", name);
    const mode_t type = st->st_mode & S_IFMT;
    if (type != S_IFREG && (type != S_IFDIR || st->st_dev != device))
        return 0;
    own_fd fd = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, st) < 0)
        return error_sys(err, "%s", name);
    if ((st->st_mode & S_IFMT) != type)
        return error_set(err, EBUSY, "%s has become another file", name);
    *in = fd_take(&fd);
    return 0;
}

static int copy_entry(int from, int to, const char *name, dev_t device, int depth, struct error *err) {
    struct stat st;
    own_fd in = -1;
    int r = open_entry(from, name, device, &st, &in, err);
    if (r < 0)
        return r;
    /* Only directories tell: an overlay may give the files of each layer another device number. */
    if (S_ISDIR(st.st_mode) && st.st_dev != device)
        return 0;
    if (S_ISDIR(st.st_mode))
        r = copy_subdirectory(in, to, name, device, depth, err);
    else if (S_ISLNK(st.st_mode))
        r = copy_link(from, to, name, err);
    else if (S_ISREG(st.st_mode))
        r = copy_file(in, to, name, &st, err);
    else
        r = mknodat(to, name, st.st_mode & (S_IFMT | 0600), st.st_rdev) < 0 ? error_sys(err, "%s", name) : 0;
    if (r < 0)
        return r;
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    /* A new owner costs a program its capabilities, a new mode costs nothing. */
    if (fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "owner of %s", name);
    if (in >= 0)
        r = copy_attributes(in, to, name, err);
    if (r < 0)
        return r;
    if ((!S_ISLNK(st.st_mode) && fchmodat(to, name, st.st_mode & 07777, 0) < 0) ||
        utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return error_sys(err, "mode or times of %s", name);
    return 0;
}

static int copy_level(int from, int to, dev_t device, int depth, struct error *err) {
    if (depth > DEPTH_MAX)
        return error_code(err, ELOOP, "deeper than %d directories", DEPTH_MAX);
    own_fd listed = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own_directory stream = listed < 0 ? NULL : fdopendir(listed);
    if (!stream)
        return error_sys(err, "list directory");
    int dir = fd_take(&listed);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry)
            return errno ? error_sys(err, "list directory") : 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int r = copy_entry(dir, to, entry->d_name, device, depth, err);
        if (r < 0)
            return depth > 0 ? r : error_wrap(err, "copy");
    }
}

int copy_directory(int from, int to, struct error *err) {
    struct stat st;
    if (fstat(from, &st) < 0)
        return error_sys(err, "stat");
    own_fd writable = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (writable < 0)
        return error_sys(err, "open");
    return copy_level(from, writable, st.st_dev, 0, err);
}
