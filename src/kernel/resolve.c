/* SPDX-License-Identifier: Apache-2.0 */
/* resolve: see resolve.h. */
#include "kernel/resolve.h"

#include "base/own.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define LINKS_MAX 40 /* as the kernel's own limit (path_resolution(7)) */

static bool walker_forced;

void resolve_force_walker(bool force) {
    walker_forced = force;
}

/*
 * The walker. It keeps a stack of nothing: ".." is answered by walking again from the root through the path that has
 * been resolved so far, which is kept as text and holds no link; so a directory that is moved away meanwhile cannot
 * carry the walk out of the root.
 */
struct walk {
    struct root root;
    int fd;              /* where we are; owned unless it is the root */
    char done[PATH_MAX]; /* resolved so far, "" for the root */
    char rest[PATH_MAX]; /* still to do */
    int links;
};

static void walk_drop(struct walk *walk) {
    if (walk->fd != walk->root.fd)
        fd_drop(&walk->fd);
    walk->fd = walk->root.fd;
}

static int walk_step_down(struct walk *walk, int fd, const char *name) {
    size_t used = strlen(walk->done), len = strlen(name);
    if (used + 1 + len + 1 > sizeof walk->done) {
        close(fd);
        return -ENAMETOOLONG;
    }
    walk->done[used] = '/';
    memcpy(walk->done + used + 1, name, len + 1);
    walk_drop(walk);
    walk->fd = fd;
    return 0;
}

static int walk_up(struct walk *walk) {
    char *slash = strrchr(walk->done, '/');
    if (!slash)
        return 0; /* ".." of the root is the root */
    *slash = '\0';
    walk_drop(walk);
    walk->fd = walk->root.fd;
    for (char *name = walk->done; *name;) {
        size_t len = strcspn(++name, "/");
        char saved = name[len];
        name[len] = '\0';
        int fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | O_DIRECTORY);
        name[len] = saved;
        if (fd < 0)
            return -errno;
        walk_drop(walk);
        walk->fd = fd;
        name += len;
    }
    return 0;
}

/* Puts a link's target before the rest of the path. */
static int walk_link(struct walk *walk, int link_fd) {
    struct statfs fs;
    char target[PATH_MAX];
    if (++walk->links > LINKS_MAX)
        return -ELOOP;
    if (fstatfs(link_fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
        return -ELOOP; /* might be a magic link; procfs has few others, and nothing of ours needs them */
    ssize_t n = readlinkat(link_fd, "", target, sizeof target);
    if (n < 0)
        return -errno;
    size_t len = (size_t)n, rest = strlen(walk->rest); /* what is left begins with a slash */
    if (len + rest + 1 > sizeof walk->rest)
        return -ENAMETOOLONG;
    memmove(walk->rest + len, walk->rest, rest + 1);
    memcpy(walk->rest, target, len);
    if (target[0] == '/') {
        walk_drop(walk);
        walk->fd = walk->root.fd;
        walk->done[0] = '\0';
    }
    return 0;
}

/* Takes the next component off the rest; false when there is none. */
static bool walk_next(struct walk *walk, char name[static NAME_MAX + 2], int *err) {
    size_t skip = strspn(walk->rest, "/"), len = strcspn(walk->rest + skip, "/");
    if (len > NAME_MAX) {
        *err = -ENAMETOOLONG;
        return false;
    }
    if (len == 0)
        return false;
    memcpy(name, walk->rest + skip, len);
    name[len] = '\0';
    memmove(walk->rest, walk->rest + skip + len, strlen(walk->rest + skip + len) + 1);
    return true;
}

/* The end of the path, opened otherwise than O_PATH: by its name again, which must mean the same file still. */
static int walk_open(const struct walk *walk, const char *name, int open_flags, const struct stat *st) {
    struct stat again;
    own_fd fd = openat(walk->fd, name, open_flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &again) < 0)
        return -errno;
    return again.st_dev == st->st_dev && again.st_ino == st->st_ino ? fd_take(&fd) : -EAGAIN;
}

static int walk_component(struct walk *walk, const char *name, unsigned flags, int open_flags) {
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0)
        return walk_up(walk);
    own_fd fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    /* A slash behind a name asks for a directory, as "/." does (path_resolution(7)). */
    bool last = walk->rest[0] == '\0';
    if (!S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode) && !last)
        return -ENOTDIR;
    if (!S_ISLNK(st.st_mode) && last && !(open_flags & O_PATH)) {
        int opened = walk_open(walk, name, open_flags, &st);
        return opened < 0 ? opened : walk_step_down(walk, opened, name);
    }
    if (!S_ISLNK(st.st_mode))
        return walk_step_down(walk, fd_take(&fd), name);
    if (flags & RESOLVE_NO_LINKS)
        return -ELOOP;
    if (last && (flags & RESOLVE_NO_LINK_AT_END))
        return walk_step_down(walk, fd_take(&fd), name);
    return walk_link(walk, fd);
}

static int walk_resolve(struct root root, const char *path, unsigned flags, int open_flags) {
    struct walk walk = {.root = root, .fd = root.fd};
    struct stat st;
    int r = 0;
    char name[NAME_MAX + 2];
    if (strlen(path) >= sizeof walk.rest)
        return -ENAMETOOLONG;
    memcpy(walk.rest, path, strlen(path) + 1);
    while (r == 0 && walk_next(&walk, name, &r))
        r = walk_component(&walk, name, flags, open_flags);
    if (r == 0 && (flags & RESOLVE_DIRECTORY) && (fstat(walk.fd, &st) < 0 || !S_ISDIR(st.st_mode)))
        r = -ENOTDIR;
    int mode = r == 0 && walk.fd != root.fd ? fcntl(walk.fd, F_GETFL) : O_PATH;
    if (r == 0 && (walk.fd == root.fd || ((mode & O_PATH) && !(open_flags & O_PATH)))) {
        int at = walk.fd; /* the root itself, or a directory reached by a slash or ".." at the end */
        walk.fd = openat(at, ".", open_flags | O_CLOEXEC);
        r = walk.fd < 0 ? -errno : 0;
        if (at != root.fd)
            close(at);
    }
    if (r == 0)
        return walk.fd;
    walk_drop(&walk);
    return r;
}

static int openat2_in_root(struct root root, const char *path, uint64_t open_flags, unsigned flags) {
    struct open_how how = {
        .flags = open_flags | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    if (flags & RESOLVE_DIRECTORY)
        how.flags |= O_DIRECTORY;
    if (flags & RESOLVE_NO_LINK_AT_END)
        how.flags |= O_NOFOLLOW;
    if (flags & RESOLVE_NO_LINKS)
        how.resolve |= RESOLVE_NO_SYMLINKS;
    int fd;
    do /* EAGAIN: a rename on the way while ".." was resolved (openat2(2)) */
        fd = sys_openat2(root.fd, *path ? path : ".", &how);
    while (fd == -EAGAIN || fd == -EINTR);
    return fd;
}

static bool walker_needed(int r) {
    /* EPERM may come from a seccomp filter that does not know the call; the walker then gives the true answer. */
    return r == -ENOSYS || r == -EPERM;
}

int resolve_path(struct root root, const char *path, unsigned flags) {
    int fd = walker_forced ? -ENOSYS : openat2_in_root(root, path, O_PATH, flags);
    return walker_needed(fd) ? walk_resolve(root, path, flags, O_PATH) : fd;
}

int resolve_open(struct root root, const char *path, int open_flags) {
    int fd = walker_forced ? -ENOSYS : openat2_in_root(root, path, (uint64_t)(unsigned)open_flags, 0);
    return walker_needed(fd) ? walk_resolve(root, path, 0, open_flags) : fd;
}

static int make_component(int parent, const char *name, enum resolve_make what) {
    if (what == RESOLVE_MAKE_DIRECTORY) {
        if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
            return -errno;
        return 0;
    }
    own_fd fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
    return fd < 0 && errno != EEXIST ? -errno : 0;
}

/* The longest prefix of path that exists; *missing: what follows it. */
static int resolve_prefix(struct root root, const char *path, char *buffer, const char **missing) {
    size_t end = strlen(path);
    for (;;) {
        memcpy(buffer, path, end);
        buffer[end] = '\0';
        int fd = resolve_path(root, buffer, 0);
        if (fd != -ENOENT || end == 0) {
            *missing = path + end;
            return fd;
        }
        while (end > 0 && path[end - 1] == '/')
            end--;
        while (end > 0 && path[end - 1] != '/')
            end--;
        while (end > 0 && path[end - 1] == '/')
            end--;
    }
}

int resolve_make(struct root root, const char *path, enum resolve_make what) {
    char buffer[PATH_MAX];
    const char *missing;
    if (strlen(path) >= sizeof buffer)
        return -ENAMETOOLONG;
    own_fd fd = resolve_prefix(root, path, buffer, &missing);
    while (fd >= 0) {
        char name[NAME_MAX + 1];
        missing += strspn(missing, "/");
        size_t len = strcspn(missing, "/");
        if (len == 0)
            return fd_take(&fd);
        if (len > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(name, missing, len);
        name[len] = '\0';
        missing += len;
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0)
            return -ENOENT; /* "missing/..": nothing to come back to */
        bool last = missing[strspn(missing, "/")] == '\0';
        int r = make_component(fd, name, last ? what : RESOLVE_MAKE_DIRECTORY);
        if (r < 0)
            return r;
        int next = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | (last ? 0 : O_DIRECTORY));
        struct stat st;
        if (next < 0 || fstat(next, &st) < 0)
            return -errno;
        fd_drop(&fd);
        fd = next;
        if (S_ISLNK(st.st_mode))
            return -ELOOP; /* somebody put a link where we made a file: a dangling link, or a race */
    }
    return fd;
}

int resolve_parent(struct root root, const char *path, bool make, const char **name) {
    char parent[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof parent || path[len - 1] == '/')
        return -EINVAL;
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return -EINVAL;
    memcpy(parent, path, (size_t)(last - path));
    parent[last - path] = '\0';
    struct stat st;
    own_fd fd =
        make ? resolve_make(root, parent, RESOLVE_MAKE_DIRECTORY) : resolve_path(root, parent, RESOLVE_DIRECTORY);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return -ENOTDIR;
    *name = last;
    return fd_take(&fd);
}
