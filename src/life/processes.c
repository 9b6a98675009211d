/* SPDX-License-Identifier: Apache-2.0 */
/* processes: those of a container, by its cgroup or, without one, by its pid namespace. Runs in life. */
#include "base/fd.h"
#include "base/own.h"
#include "base/table.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "life/lifecycle.h"
#include "life/operations.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct pid_list {
    struct arena *arena;
    pid_t *items;
    size_t count, room;
};

static int add(struct pid_list *list, pid_t pid, struct error *err) {
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        pid_t *items = arena_array(list->arena, room, sizeof *items);
        if (!items)
            return error_memory(err);
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = pid;
    return 0;
}

static int find_namespace(const struct procfs *proc, const char *pid, struct stat *out) {
    char path[32];
    snprintf(path, sizeof path, "%.10s/ns/pid", pid);
    return fstatat(proc->fd, path, out, 0) < 0 ? -errno : 0;
}

/* One that may not be looked at (EACCES) or has ended meanwhile is not the container's. 1, 0 or -errno. */
static int is_in_namespace(const struct procfs *proc, const char *pid, const struct stat *wanted) {
    struct stat found;
    int r = find_namespace(proc, pid, &found);
    if (r == -EACCES || r == -ENOENT || r == -ESRCH)
        return 0;
    return r < 0 ? r : found.st_dev == wanted->st_dev && found.st_ino == wanted->st_ino;
}

static int add_namespace(struct pid_list *list, const struct procfs *proc, pid_t init, struct error *err) {
    char name[16];
    struct stat wanted;
    const struct dirent *entry;
    own_fd fd = openat(proc->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own_directory dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return error_sys(err, "list /proc");
    fd = -1; /* the directory's now */
    snprintf(name, sizeof name, "%d", init);
    int r = find_namespace(proc, name, &wanted);
    if (r < 0)
        return error_code(err, -r, "look at the pid namespace of process %d", init);
    while ((r = fd_next_entry(dir, &entry)) > 0) {
        uint64_t pid;
        if (number_parse_u64(entry->d_name, INT_MAX, &pid) < 0)
            continue;
        int in = is_in_namespace(proc, entry->d_name, &wanted);
        if (in < 0)
            return error_code(err, -in, "look at the pid namespace of process %s", entry->d_name);
        if (in && (r = add(list, (pid_t)pid, err)) < 0)
            return r;
    }
    return r < 0 ? error_code(err, -r, "list /proc") : 0;
}

static bool lists(const struct pid_list *list, pid_t pid) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == pid)
            return true;
    return false;
}

/* For a container that has no cgroup, or has left it. */
static int list_without_cgroup(struct pid_list *list, const struct container *c, struct error *err) {
    const pid_t init = (pid_t)c->record->pid;
    own_procfs proc = PROCFS_INIT;
    bool first = false;
    int r = procfs_open_host(&proc, err);
    if (r < 0)
        return r;
    r = process_is_first(init, &first);
    if (r < 0)
        return r == -ESRCH ? 0 : error_code(err, -r, "look at process %d", init);
    if (first)
        return add_namespace(list, &proc, init, err);
    r = container_check_cgroup(c, err);
    if (r == 0 && c->group.count > 0)
        r = cgroup_check_holds(&c->group, init, err);
    return r < 0 ? r : add(list, init, err);
}

int operation_processes(const struct berth_runtime *runtime, const char *id, pid_t **pids, size_t *count,
                        struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    int r = container_find(runtime->root, id, CONTAINER_USE, &store, &c, err);
    if (r == 0)
        r = container_check(&c, OPERATION_PROCESSES, err);
    if (r < 0)
        return r;
    struct pid_list list = {.arena = &c.arena};
    r = cgroup_processes(&c.arena, &c.group, &list.items, &list.count, err);
    const pid_t init = (pid_t)c.record->pid;
    if (r == 0 && c.pidfd >= 0 && !lists(&list, init) && !process_is_ending(init)) {
        list.count = 0; /* the namespace's has them as well */
        r = list_without_cgroup(&list, &c, err);
    }
    if (r < 0)
        return r;
    pid_t *copy = malloc(list.count * sizeof *copy + 1); /* never of size 0, which may give NULL */
    if (!copy)
        return error_memory(err);
    if (list.count > 0)
        memcpy(copy, list.items, list.count * sizeof *copy);
    *pids = copy;
    *count = list.count;
    return 0;
}
