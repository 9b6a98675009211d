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
#define TRIES_MAX 64 /* of a path on which something is renamed each time, before the walker takes it */

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
    bool made; /* the component that we are in was missing */
    enum making {
        MAKE_NOTHING,
        MAKE_DIRECTORIES,      /* all that is missing */
        MAKE_DIRECTORIES_FILE, /* the last one as an empty file */
        MAKE_ALL_BUT_LAST      /* directories; the walk ends where the last one, which is no link, is or would be */
    } making;
    char last[NAME_MAX + 1]; /* its name, "" until then */
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
    if (fstatfs(link_fd, &fs) < 0)
        return -errno;
    if (fs.f_type == PROC_SUPER_MAGIC)
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

/*
 * Makes the component that is missing. It is opened again without following links, so that who puts a link there
 * meanwhile can at most make the walk follow it inside the root.
 */
static int walk_make(struct walk *walk, const char *name) {
    if (walk->making == MAKE_DIRECTORIES_FILE && walk->rest[0] == '\0') {
        own_fd fd = openat(walk->fd, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0 && errno != EEXIST)
            return -errno;
    } else if (mkdirat(walk->fd, name, 0755) < 0 && errno != EEXIST) {
        return -errno;
    }
    walk->made = true;
    int fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int walk_open_component(struct walk *walk, const char *name) {
    int fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    const bool make = walk->making != MAKE_NOTHING && !(walk->making == MAKE_ALL_BUT_LAST && walk->rest[0] == '\0');
    if (fd >= 0 || errno != ENOENT || !make)
        return fd < 0 ? -errno : fd;
    return walk_make(walk, name);
}

static int walk_component(struct walk *walk, const char *name, unsigned flags, int open_flags) {
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0)
        return walk->made ? -ENOENT : walk_up(walk); /* "missing/..": there is nothing to come back from */
    /* A slash behind a name asks for a directory, as "/." does (path_resolution(7)). */
    const bool last = walk->rest[0] == '\0', ends_here = last && walk->making == MAKE_ALL_BUT_LAST;
    own_fd fd = walk_open_component(walk, name);
    struct stat st;
    if (fd < 0 && !(fd == -ENOENT && ends_here))
        return fd;
    if (fd >= 0 && fstat(fd, &st) < 0)
        return -errno;
    if (ends_here && (fd < 0 || !S_ISLNK(st.st_mode))) {
        memcpy(walk->last, name, strlen(name) + 1);
        return 0;
    }
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

static int walk_resolve(struct root root, const char *path, unsigned flags, int open_flags, enum making making) {
    struct walk walk = {.root = root, .fd = root.fd, .making = making};
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
    int fd, tries = 0;
    do
        fd = sys_openat2(root.fd, *path ? path : ".", &how);
    while (fd == -EINTR || (fd == -EAGAIN && ++tries < TRIES_MAX));
    return fd;
}

static bool walker_needed(int r) {
    /* EPERM may come from a seccomp filter that does not know the call; the walker then gives the true answer. EAGAIN:
     * something was renamed while ".." was resolved (openat2(2)), and somebody may do so forever; or a file has a lease
     * (fcntl(2)), of which the walker tells. */
    return r == -ENOSYS || r == -EPERM || r == -EAGAIN;
}

int resolve_path(struct root root, const char *path, unsigned flags) {
    int fd = walker_forced ? -ENOSYS : openat2_in_root(root, path, O_PATH, flags);
    return walker_needed(fd) ? walk_resolve(root, path, flags, O_PATH, MAKE_NOTHING) : fd;
}

int resolve_open(struct root root, const char *path, int open_flags) {
    int fd = walker_forced ? -ENOSYS : openat2_in_root(root, path, (uint64_t)(unsigned)open_flags, 0);
    return walker_needed(fd) ? walk_resolve(root, path, 0, open_flags, MAKE_NOTHING) : fd;
}

int resolve_make(struct root root, const char *path, enum resolve_make what, unsigned flags) {
    int fd = resolve_path(root, path, flags);
    if (fd != -ENOENT)
        return fd;
    /* A slash at the end asks for a directory. */
    size_t len = strlen(path);
    bool file = what == RESOLVE_MAKE_FILE && len > 0 && path[len - 1] != '/';
    return walk_resolve(root, path, flags, O_PATH, file ? MAKE_DIRECTORIES_FILE : MAKE_DIRECTORIES);
}

int resolve_place(struct root root, const char *path, char name[static NAME_MAX + 1]) {
    struct walk walk = {.root = root, .fd = root.fd, .making = MAKE_ALL_BUT_LAST};
    char component[NAME_MAX + 2];
    int r = 0;
    if (strlen(path) >= sizeof walk.rest)
        return -ENAMETOOLONG;
    memcpy(walk.rest, path, strlen(path) + 1);
    while (r == 0 && walk_next(&walk, component, &r))
        r = walk_component(&walk, component, 0, O_PATH);
    if (r == 0 && !walk.last[0])
        r = -EINVAL;
    int fd = r < 0 ? r : openat(walk.fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && fd < 0)
        fd = -errno;
    if (r == 0)
        memcpy(name, walk.last, sizeof walk.last);
    walk_drop(&walk);
    return fd;
}

/* Whether a path that goes on with `rest` leaves the directory where it is. */
static bool climbs_out(const char *rest) {
    int depth = 0;
    for (size_t len; depth >= 0 && *rest; rest += len) {
        rest += strspn(rest, "/");
        len = strcspn(rest, "/");
        if (len == 2 && strncmp(rest, "..", 2) == 0)
            depth--;
        else if (len > 0 && !(len == 1 && *rest == '.'))
            depth++;
    }
    return depth < 0;
}

bool resolve_meets(struct root root, const char *path, unsigned flags, const struct stat *directory,
                   char rest[static PATH_MAX]) {
    struct walk walk = {.root = root, .fd = root.fd};
    char name[NAME_MAX + 2];
    struct stat st;
    bool met = false;
    int r = 0;
    if (strlen(path) >= sizeof walk.rest)
        return false;
    memcpy(walk.rest, path, strlen(path) + 1);
    while (!met && r == 0 && walk_next(&walk, name, &r)) {
        r = walk_component(&walk, name, flags, O_PATH);
        met = r == 0 && fstat(walk.fd, &st) == 0 && st.st_dev == directory->st_dev && st.st_ino == directory->st_ino &&
              !climbs_out(walk.rest);
    }
    if (met)
        memcpy(rest, walk.rest, strlen(walk.rest) + 1);
    walk_drop(&walk);
    return met;
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
        make ? resolve_make(root, parent, RESOLVE_MAKE_DIRECTORY, 0) : resolve_path(root, parent, RESOLVE_DIRECTORY);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return -ENOTDIR;
    *name = last;
    return fd_take(&fd);
}
