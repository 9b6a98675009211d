/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_v2: see cgroup_v2.h. Runs in life. */
#include "kernel/cgroup_v2.h"

#include "base/fd.h"
#include "kernel/cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *cgroup_v2_own(const char *text, size_t *len) {
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "0::", 3) != 0)
            continue;
        *len = strcspn(line + 3, "\n");
        return line + 3;
    }
    return NULL;
}

#define CONTROL "/cgroup.subtree_control"
#define CONTROLLERS_MAX 256 /* bytes of a list of all controllers */

/*
 * Whether processes sit in that cgroup itself, which only the root of all (it has no type) may have with children: 1, 0
 * or -errno. EOPNOTSUPP: it is threaded, and its processes are listed elsewhere.
 */
static int inhabited(int mount, const char *path, size_t len) {
    char file[PATH_MAX + sizeof CONTROL], first[2];
    snprintf(file, sizeof file, "./%.*s/cgroup.type", (int)len, path);
    if (!fd_has(mount, file))
        return errno == ENOENT ? 0 : -errno;
    snprintf(file, sizeof file, "./%.*s/cgroup.procs", (int)len, path);
    own_fd fd = openat(mount, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -errno : fd_read(fd, first, sizeof first);
    return n == -EOPNOTSUPP ? 0 : n < 0 ? (int)n : n > 0;
}

/*
 * Writes into the cgroup.subtree_control of the directory that the first `len` bytes of path name. Not where processes
 * sit: the kernel itself refuses only some controllers there, and the others would make a threaded subtree of it, in
 * which no container can be ("domain invalid").
 */
static int control(int mount, const char *path, size_t len, const char *value) {
    char file[PATH_MAX + sizeof CONTROL];
    int r = inhabited(mount, path, len);
    if (r != 0)
        return r < 0 ? r : -EBUSY;
    snprintf(file, sizeof file, "./%.*s" CONTROL, (int)len, path);
    return cgroup_files_write(mount, file, value);
}

/* The length of the path that is one component longer than `at`. */
static size_t below(const char *path, size_t at) {
    at += at > 0;
    return at + strcspn(path + at, "/");
}

/* Whether a list of words, as in cgroup.controllers, has that one. */
static bool lists(const char *words, const char *word) {
    size_t len = strlen(word);
    for (; *words; words += strspn(words, " \n")) {
        size_t have = strcspn(words, " \n");
        if (have == len && memcmp(words, word, len) == 0)
            return true;
        words += have;
    }
    return false;
}

static int refuse_controller(int mount, const char *controller, const char *path, size_t len, int code,
                             struct error *err) {
    char available[CONTROLLERS_MAX] = "";
    if (fd_read_text(mount, "cgroup.controllers", available, sizeof available) == 0 && !lists(available, controller))
        return error_set(err, ENODEV, "cgroup controller %s is not available: cgroup2 has only \"%s\" here", controller,
                         available);
    if (code == EBUSY)
        return error_set(
            err, ENODEV,
            "cgroup controller %s cannot be enabled below cgroup /%.*s: processes sit in that cgroup itself",
            controller, (int)len, path);
    return error_code(err, ENODEV, "cgroup controller %s is not delegated: enable it below cgroup /%.*s (%s)",
                      controller, (int)len, path, error_text(code));
}

int cgroup_v2_enable(const struct cgroup_dir *dir, const char *controller, struct error *err) {
    const char *path = dir->path + 1;
    size_t parent = cgroup_files_parent(path, strlen(path)), at = parent;
    char value[64];
    own_fd mount = -1;
    if ((size_t)snprintf(value, sizeof value, "+%s", controller) >= sizeof value)
        return error_set(err, ENODEV, "no such cgroup controller: %s", controller);
    int r = cgroup_files_mount(dir->mount, &mount);
    if (r < 0)
        return error_code(err, -r, "open %s", dir->mount);
    /* ENOENT: the ancestor does not have it itself. Up to the first that has it, then down again. */
    while ((r = control(mount, path, at, value)) == -ENOENT && at > 0)
        at = cgroup_files_parent(path, at);
    while (r == 0 && at < parent) {
        at = below(path, at);
        r = control(mount, path, at, value);
    }
    return r < 0 ? refuse_controller(mount, controller, path, at, -r, err) : 0;
}

/* Whether the directory that the first `len` bytes of path name passes all those on already. */
static bool passes_on(int mount, const char *path, size_t len, const char *all) {
    char file[PATH_MAX + sizeof CONTROL], text[CONTROLLERS_MAX];
    snprintf(file, sizeof file, "./%.*s" CONTROL, (int)len, path);
    return fd_read_text(mount, file, text, sizeof text) == 0 && strcmp(text, all) == 0;
}

/* One controller at a time, so that one which is held back does not keep the others back. */
static void control_each(int mount, const char *path, size_t len, const char *values) {
    char list[2 * CONTROLLERS_MAX], *rest = list;
    snprintf(list, sizeof list, "%s", values);
    for (const char *value = strsep(&rest, " "); value; value = strsep(&rest, " "))
        control(mount, path, len, value);
}

void cgroup_v2_enable_all(int mount, const char *path) {
    char all[CONTROLLERS_MAX], values[2 * CONTROLLERS_MAX];
    size_t parent = cgroup_files_parent(path, strlen(path)), len = 0;
    if (fd_read_text(mount, "cgroup.controllers", all, sizeof all) < 0 || !*all || passes_on(mount, path, parent, all))
        return;
    for (const char *name = all; *name; name += strspn(name, " ")) {
        size_t word = strcspn(name, " ");
        len += (size_t)snprintf(values + len, sizeof values - len, "%s+%.*s", len ? " " : "", (int)word, name);
        name += word;
    }
    for (size_t at = 0; at <= parent; at = below(path, at)) {
        int r = control(mount, path, at, values);
        bool forbidden = r == -EBUSY || r == -EACCES || r == -EPERM || r == -EROFS;
        if (r < 0 && !forbidden)
            control_each(mount, path, at, values);
    }
}

#define EVENTS_SIZE 256

static bool has_event(const char *text, const char *key) {
    uint64_t value;
    return cgroup_files_number(text, key, &value) && value != 0;
}

int cgroup_v2_events(int dirfd, bool *populated, bool *frozen) {
    char text[EVENTS_SIZE];
    int r = fd_read_text(dirfd, "cgroup.events", text, sizeof text);
    if (r < 0)
        return r;
    *populated = has_event(text, "populated");
    *frozen = has_event(text, "frozen");
    return 0;
}

static bool is_empty(const char *text) {
    return !has_event(text, "populated");
}

static bool is_thawed(const char *text) {
    return !has_event(text, "frozen");
}

/* What is empty may never say that it is frozen: its last processes were killed while they were being frozen. */
static bool is_frozen_or_empty(const char *text) {
    return has_event(text, "frozen") || is_empty(text);
}

static int read_events(int fd, char text[static EVENTS_SIZE]) {
    ssize_t n = pread(fd, text, EVENTS_SIZE - 1, 0);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return 0;
}

/* Waits until the cgroup.events that is open as `fd` is as wanted; `text` is what it says then. */
static int await(int fd, bool (*wanted)(const char *text), int64_t deadline, char text[static EVENTS_SIZE]) {
    for (;;) {
        int r = read_events(fd, text);
        if (r < 0 || wanted(text))
            return r;
        int left = cgroup_files_left(deadline);
        if (left == 0)
            return -ETIMEDOUT;
        /* A change since the last read is POLLPRI at once, so none is missed. */
        struct pollfd change = {.fd = fd, .events = POLLPRI};
        if (poll(&change, 1, left) < 0 && errno != EINTR)
            return -errno;
    }
}

int cgroup_v2_wait_empty(int dirfd, int64_t deadline) {
    char text[EVENTS_SIZE];
    own_fd fd = openat(dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : await(fd, is_empty, deadline, text);
}

int cgroup_v2_freeze(int dirfd, bool freeze, int64_t deadline) {
    char text[EVENTS_SIZE];
    /* Both before the first write: a cgroup that cannot be watched is left as it is. */
    own_fd control = openat(dirfd, "cgroup.freeze", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    own_fd events = control < 0 ? -1 : openat(dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (events < 0)
        return -errno;
    int r = read_events(events, text);
    const bool frozen = r == 0 && has_event(text, "frozen");
    if (r == 0)
        r = fd_write_all(control, freeze ? "1" : "0", 1);
    if (r < 0)
        return r;
    r = await(events, freeze ? is_frozen_or_empty : is_thawed, deadline, text);
    if (r == 0 && freeze && is_thawed(text))
        r = -ESRCH;
    if (r < 0 && fd_write_all(control, frozen ? "1" : "0", 1) == 0 && frozen) /* as it was, to be seen at once */
        (void)await(events, is_frozen_or_empty, deadline, text);
    return r;
}

int cgroup_v2_kill(int dirfd) {
    return cgroup_files_write(dirfd, "cgroup.kill", "1");
}
