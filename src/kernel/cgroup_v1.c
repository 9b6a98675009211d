/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_v1: see cgroup_v1.h. Runs in life. */
#include "kernel/cgroup_v1.h"

#include "base/fd.h"
#include "base/table.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIST_SIZE 4096
#define THAW_EVERY 64
#define WATCHED_MAX 64

bool cgroup_v1_has(const char *controllers, const char *controller) {
    size_t len = strlen(controller);
    for (const char *name = controllers; *name;) {
        size_t here = strcspn(name, ",");
        if (here == len && strncmp(name, controller, len) == 0)
            return true;
        name += here + (name[here] == ',');
    }
    return false;
}

/* `value`: what the parent has, then what the directory has. */
static int seed(int mount, const char *directory, const char *file, char *value) {
    char path[PATH_MAX + 32], own_value[LIST_SIZE];
    snprintf(path, sizeof path, "./%s/%s", directory, file);
    int r = fd_read_text(mount, path, own_value, sizeof own_value);
    if (r < 0)
        return r;
    if (own_value[0] == '\0')
        return cgroup_files_write(mount, path, value);
    memcpy(value, own_value, strlen(own_value) + 1);
    return 0;
}

int cgroup_v1_seed_cpuset(int mount, const char *path) {
    static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
    char directory[PATH_MAX], value[LIST_SIZE];
    for (size_t i = 0; i < TABLE_COUNT(files); i++) {
        int r = fd_read_text(mount, files[i], value, sizeof value);
        for (size_t len = 0; r == 0 && path[len];) {
            len += path[len] == '/';
            len += strcspn(path + len, "/");
            snprintf(directory, sizeof directory, "%.*s", (int)len, path);
            r = seed(mount, directory, files[i], value);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

int cgroup_v1_frozen(int dirfd, bool *frozen) {
    char state[32];
    int r = fd_read_text(dirfd, "freezer.state", state, sizeof state);
    if (r < 0)
        return r;
    *frozen = strcmp(state, "THAWED") != 0;
    return 0;
}

/* Writes freezer.state, open as `fd`; *reached: it has the state at once. */
static int set_state(int fd, const char *state, bool *reached) {
    char now[32];
    ssize_t n = pwrite(fd, state, strlen(state), 0);
    if (n >= 0)
        n = pread(fd, now, sizeof now - 1, 0);
    if (n < 0)
        return -errno;
    now[n] = '\0';
    now[strcspn(now, "\n")] = '\0';
    *reached = strcmp(now, state) == 0;
    return 0;
}

static int thaw(int fd) {
    bool reached;
    int r = set_state(fd, "THAWED", &reached);
    return r < 0 || reached ? r : -EBUSY;
}

static int thaw_one(int dirfd, void *context) {
    (void)context;
    (void)cgroup_files_write(dirfd, "freezer.state", "THAWED");
    return 0;
}

void cgroup_v1_thaw_tree(int dirfd) {
    (void)cgroup_files_walk(dirfd, thaw_one, NULL);
}

int cgroup_v1_freeze(int dirfd, bool freeze, int64_t deadline) {
    /* One descriptor for all: a state that cannot be read is not changed. */
    own_fd fd = openat(dirfd, "freezer.state", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (!freeze)
        return thaw(fd);
    for (unsigned attempt = 1;; attempt++) {
        bool reached;
        int r = set_state(fd, "FROZEN", &reached);
        if (r == 0 && reached)
            return 0;
        if (r < 0 || cgroup_files_left(deadline) == 0) {
            thaw(fd);
            return r < 0 ? r : -ETIMEDOUT;
        }
        /* A task that waits for a frozen one (vfork) keeps the group in FREEZING for good: let both go on a bit. */
        if (attempt % THAW_EVERY == 0)
            thaw(fd);
        cgroup_files_nap();
    }
}

int cgroup_v1_wait(int dirfd, int64_t deadline) {
    own_pids pids = {.items = NULL};
    struct pollfd watched[WATCHED_MAX];
    nfds_t count = 0;
    int r = cgroup_files_pids(dirfd, &pids);
    if (r < 0)
        return r;
    for (size_t i = 0; i < pids.count && count < WATCHED_MAX; i++) {
        int fd = pids.items[i] > 0 ? sys_pidfd_open(pids.items[i], 0) : -1;
        if (fd >= 0)
            watched[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    int left = cgroup_files_left(deadline);
    int ended = count > 0 && left > 0 ? poll(watched, count, left) : 0;
    int code = errno;
    for (nfds_t i = 0; i < count; i++)
        fd_drop(&watched[i].fd);
    if (ended < 0 && code != EINTR)
        return -code;
    if (cgroup_files_left(deadline) == 0)
        return -ETIMEDOUT;
    /* pidfds tell of the end before the kernel takes the task off the cgroup: no busy loop for that moment. */
    cgroup_files_nap();
    return 0;
}
