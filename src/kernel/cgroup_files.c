/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_files: see cgroup_files.h. Runs in life; needs write permission in the cgroup file system. */
#include "kernel/cgroup_files.h"

#include "base/fd.h"
#include "base/table.h"
#include "kernel/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MAKE_ATTEMPTS 64
#define PROCS_MAX ((size_t)64 * 1024 * 1024)

/*
 * The mark of a parent that we made: the sticky bit, which nobody gives to a cgroup otherwise, and which comes with the
 * directory. A mark set afterwards would be missing when the runtime is killed in between, and the parent stay.
 */
#define PARENT_MODE (S_ISVTX | 0755)

bool cgroup_files_check(const char *path) {
    if (path[0] != '/' || strlen(path) >= PATH_MAX - NAME_MAX)
        return false;
    for (const char *name = path; *name;) {
        size_t len = strcspn(++name, "/");
        bool dots = (len == 1 || len == 2) && strncmp(name, "..", len) == 0;
        if (len == 0 || len > NAME_MAX || dots)
            return false;
        name += len;
    }
    return true;
}

size_t cgroup_files_parent(const char *path, size_t len) {
    while (len > 0 && path[len - 1] != '/')
        len--;
    return len > 0 ? len - 1 : 0;
}

int cgroup_files_mount(const char *mount, int *out) {
    int fd = fd_open(mount, O_PATH | O_DIRECTORY);
    if (fd < 0)
        return -errno;
    *out = fd;
    return 0;
}

/* `flags` with which the directory is opened. */
static int open_below(int mount, const char *path, int flags) {
    struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_DIRECTORY | O_CLOEXEC),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    int fd = sys_openat2(mount, path, &how);
    if (fd != -ENOSYS && fd != -EPERM)
        return fd;
    /* No openat2 here. A cgroup file system has no symbolic links, so this can differ only by a mount inside it. */
    fd = openat(mount, path, flags | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

int cgroup_files_open(int mount, const char *path, int *out) {
    int fd = open_below(mount, path, O_PATH);
    if (fd < 0)
        return fd;
    *out = fd;
    return 0;
}

int cgroup_files_write(int dirfd, const char *file, const char *value) {
    own_fd fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    size_t size = strlen(value);
    ssize_t n;
    do
        n = write(fd, value, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return (size_t)n == size ? 0 : -EIO;
}

bool cgroup_files_number(const char *text, const char *key, uint64_t *out) {
    size_t len = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) != 0 || line[len] != ' ')
            continue;
        char digits[24];
        size_t count = strspn(line + len + 1, "0123456789");
        if (count >= sizeof digits)
            return false;
        memcpy(digits, line + len + 1, count);
        digits[count] = '\0';
        return number_parse_u64(digits, UINT64_MAX, out) == 0;
    }
    return false;
}

static bool is_marked(int mount, const char *path) {
    struct stat st;
    own_fd fd = open_below(mount, path, O_PATH);
    return fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_ISVTX);
}

void cgroup_files_unmark_parents(int mount, const char *path) {
    char parent[PATH_MAX];
    for (size_t len = cgroup_files_parent(path, strlen(path)); len > 0; len = cgroup_files_parent(path, len)) {
        snprintf(parent, sizeof parent, "%.*s", (int)len, path);
        own_fd fd = is_marked(mount, parent) ? open_below(mount, parent, O_RDONLY) : -1;
        if (fd >= 0)
            (void)fchmod(fd, PARENT_MODE & ~S_ISVTX);
    }
}

static int make_parents(int mount, const char *path) {
    char parent[PATH_MAX];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t len = (size_t)(slash - path);
        memcpy(parent, path, len);
        parent[len] = '\0';
        if (mkdirat(mount, parent, PARENT_MODE) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

int cgroup_files_make(int mount, const char *path, bool *made) {
    if (strlen(path) >= PATH_MAX)
        return -ENAMETOOLONG;
    for (int attempt = 0; attempt < MAKE_ATTEMPTS; attempt++) {
        if (mkdirat(mount, path, 0755) == 0) {
            *made = true;
            return 0;
        }
        if (errno == EEXIST) {
            *made = false;
            return 0;
        }
        if (errno != ENOENT)
            return -errno;
        int r = make_parents(mount, path);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return -ENOENT;
}

void cgroup_files_remove_parents(int mount, const char *path) {
    char parent[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof parent)
        return;
    memcpy(parent, path, len);
    for (len = cgroup_files_parent(path, len); len > 0; len = cgroup_files_parent(path, len)) {
        parent[len] = '\0';
        if (!is_marked(mount, parent) || unlinkat(mount, parent, AT_REMOVEDIR) < 0)
            return;
    }
}

static int remove_one(int dirfd, const char *name) {
    if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return -errno;
}

/* Reopens a directory for reading its entries, from an O_PATH descriptor too. */
static int entries(int dirfd, DIR **out) {
    own_fd fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -errno;
    fd_take(&fd);
    *out = dir;
    return 0;
}

/* The next sub-directory: 1, 0 at the end, or -errno. */
static int next_child(DIR *dir, const struct dirent **child) {
    int r;
    do
        r = fd_next_entry(dir, child);
    while (r > 0 && (*child)->d_type != DT_DIR);
    return r;
}

/*
 * Removes the children of a directory that can be removed; stops at the first that cannot, with its name and inode.
 * Returns 1 then, 0 when no child is left.
 */
static int remove_children(int dirfd, char *name, size_t size, ino_t *inode) {
    own_directory dir = NULL;
    const struct dirent *child;
    int r = entries(dirfd, &dir);
    if (r < 0)
        return r;
    while ((r = next_child(dir, &child)) > 0) {
        r = remove_one(dirfd, child->d_name);
        if (r == 0)
            continue;
        size_t len = strlen(child->d_name);
        if (r != -EBUSY || len >= size)
            return r;
        memcpy(name, child->d_name, len + 1);
        *inode = child->d_ino;
        return 1;
    }
    return r;
}

/* Puts another descriptor in the place of *fd. */
static int step(int *fd, const char *name) {
    int next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (next < 0)
        return -errno;
    fd_drop(fd);
    *fd = next;
    return 0;
}

/* Goes up one directory; *left is the inode of the one that was left. */
static int step_up(int *fd, ino_t *left) {
    struct stat st;
    if (fstat(*fd, &st) < 0)
        return -errno;
    *left = st.st_ino;
    return step(fd, "..");
}

int cgroup_files_rmdir(int mount, const char *path) {
    return remove_one(mount, path);
}

int cgroup_files_remove(int mount, const char *path, int64_t deadline) {
    int r = remove_one(mount, path);
    if (r != -EBUSY)
        return r;
    own_fd at = open_below(mount, path, O_RDONLY);
    if (at < 0)
        return at == -ENOENT ? 0 : at;
    /* Down into what is busy, up from what has no children any more. What is busy even then holds processes. */
    ino_t left = 0;
    char name[NAME_MAX + 1];
    for (size_t depth = 0;;) {
        ino_t busy = 0;
        int found = remove_children(at, name, sizeof name, &busy);
        if (found < 0)
            return found;
        if (!found && depth == 0)
            return remove_one(mount, path);
        if (found && busy == left)
            return -EBUSY;
        if (cgroup_files_left(deadline) == 0)
            return -ETIMEDOUT;
        r = found ? step(&at, name) : step_up(&at, &left);
        if (r < 0)
            return r == -ENOENT ? -EBUSY : r; /* somebody else removes here too: the caller tries again */
        depth = found ? depth + 1 : depth - 1;
    }
}

void cgroup_files_pids_drop(struct cgroup_pids *pids) {
    free(pids->items);
    *pids = (struct cgroup_pids){.items = NULL};
}

static int add_pid(struct cgroup_pids *pids, pid_t pid) {
    if (pids->count == pids->room) {
        size_t room = pids->room ? pids->room * 2 : 64;
        pid_t *grown = reallocarray(pids->items, room, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        pids->items = grown;
        pids->room = room;
    }
    pids->items[pids->count++] = pid;
    return 0;
}

/* The processes of one directory. EOPNOTSUPP: threaded, its processes are listed by the domain above. */
static int read_pids(int dirfd, void *context) {
    struct cgroup_pids *pids = context;
    own_fd fd = openat(dirfd, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    own_memory char *text = NULL;
    size_t len;
    int r = fd_read_all(fd, PROCS_MAX, &text, &len);
    if (r == -ENODEV || r == -EOPNOTSUPP)
        return 0;
    if (r < 0)
        return r;
    for (char *rest = text, *line = strsep(&rest, "\n"); line && *line; line = strsep(&rest, "\n")) {
        int64_t pid;
        if (number_parse_i64(line, 0, INT_MAX, &pid) < 0)
            return -EIO;
        r = add_pid(pids, (pid_t)pid);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Where to go on in the directories above the current one. */
struct trail {
    long *positions;
    size_t depth, room;
};

static void trail_drop(struct trail *trail) {
    free(trail->positions);
}

static int push(struct trail *trail, long position) {
    if (trail->depth == trail->room) {
        size_t room = trail->room ? trail->room * 2 : 16;
        long *grown = reallocarray(trail->positions, room, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        trail->positions = grown;
        trail->room = room;
    }
    trail->positions[trail->depth++] = position;
    return 0;
}

/* Steps into the next child behind *position (0: the first). 1: done, 0: no child is left. */
static int step_into_next(int *at, long *position) {
    own_directory dir = NULL;
    const struct dirent *child;
    int r = entries(*at, &dir);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (*position)
        seekdir(dir, *position);
    while ((r = next_child(dir, &child)) > 0) {
        *position = (long)child->d_off;
        r = step(at, child->d_name);
        if (r != -ENOENT)
            return r < 0 ? r : 1;
    }
    return r;
}

/* No recursion and no descriptor a level: containers choose how deep they nest. */
int cgroup_files_walk(int dirfd, int (*visit)(int dirfd, void *context), void *context) {
    own_fd at = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own(trail_drop) struct trail trail = {.positions = NULL};
    if (at < 0)
        return errno == ENOENT ? 0 : -errno;
    int r = visit(at, context);
    for (long position = 0; r == 0;) {
        r = step_into_next(&at, &position);
        if (r == 1) {
            r = push(&trail, position);
            position = 0;
            r = r < 0 ? r : visit(at, context);
        } else if (r == 0 && trail.depth > 0) {
            position = trail.positions[--trail.depth];
            r = step(&at, "..");
        } else {
            return r;
        }
    }
    return r;
}

int cgroup_files_pids(int dirfd, struct cgroup_pids *pids) {
    return cgroup_files_walk(dirfd, read_pids, pids);
}

int64_t cgroup_files_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int cgroup_files_left(int64_t deadline) {
    int64_t left = deadline - cgroup_files_now();
    if (left <= 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

void cgroup_files_nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
