/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what the kernel counts for a container, once or time and again, and when it kills for want of memory. Nothing
 * is asked for in vain: the wait is one poll(2) on what tells of itself. Runs in life; needs no privilege, but for the
 * memory events of cgroup v1, which take write permission in the cgroup.
 */
#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "base/text.h"
#include "kernel/process.h"
#include "life/lifecycle.h"
#include "life/operations.h"
#include "life/stats.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define NSEC 1000000000

/* What the wait is for; the descriptors of the table below, in this order. */
enum {
    ON_END,    /* pidfd of the init process */
    ON_TIME,   /* timerfd */
    ON_MEMORY, /* cgroup2: memory.events; cgroup v1: eventfd */
    ON_READER,
    ON_COUNT
};

/* One call: `pidfd` and `group` are the container's. */
struct watch {
    const struct container *container;
    int (*each)(void *context, const char *line);
    void *context;
    int time;
    int memory;          /* -1: nothing tells of it */
    bool unified;        /* of cgroup2 */
    unsigned long kills; /* told of so far; cgroup2 */
    struct error *err;
};

static void watch_drop(struct watch *watch) {
    fd_drop(&watch->time);
    fd_drop(&watch->memory);
}

/* ---- lines ---- */

static void begin_line(FILE *out, const char *type, const char *id) {
    fprintf(out, "{\"type\":\"%s\",\"id\":", type);
    stats_write_string(out, id, strlen(id));
}

static int compose_stats(const struct container *c, char **line, struct error *err) {
    struct text text;
    FILE *out = text_open(&text);
    if (!out)
        return error_memory(err);
    begin_line(out, "stats", c->id);
    fputs(",\"data\":", out);
    int r = stats_write(&c->group, out, err);
    if (r == 0) /* looked at afterwards: what has been removed counts nothing */
        r = cgroup_check_there(&c->group, err);
    putc('}', out);
    if (text_close(out, &text) < 0 && r == 0)
        r = error_memory(err);
    if (r == 0)
        *line = text.data;
    else
        free(text.data);
    return r;
}

static int tell_stats(const struct watch *watch) {
    own_memory char *line = NULL;
    int r = compose_stats(watch->container, &line, watch->err);
    int ended = process_wait(watch->container->pidfd, 0);
    if (ended == 0)
        return 0; /* the counters may have gone with it: no line of nothing but zeros */
    if (ended != -ETIMEDOUT)
        return error_code(watch->err, -ended, "look whether the container has ended");
    return r < 0 ? r : watch->each(watch->context, line);
}

static int tell_oom(const struct watch *watch) {
    struct text text;
    FILE *out = text_open(&text);
    if (!out)
        return error_memory(watch->err);
    begin_line(out, "oom", watch->container->id);
    putc('}', out);
    if (text_close(out, &text) < 0)
        return error_memory(watch->err);
    own_memory char *line = text.data;
    return watch->each(watch->context, line);
}

/* ---- the OOM killer ---- */

/* The "oom_kill" of memory.events, which counts what happens below the cgroup as well. ENODEV: the cgroup is gone. */
static int read_kills(int fd, unsigned long *kills) {
    char text[1024];
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    int r = fd_text(fd, text, sizeof text);
    const char *at = r == 0 ? strstr(text, "oom_kill ") : NULL;
    if (at)
        *kills = strtoul(at + strlen("oom_kill "), NULL, 10);
    return r;
}

/* cgroup-v1/memory.rst, "Memory thresholds" and "OOM Control": "<eventfd> <fd of memory.oom_control>". */
static int register_eventfd(const struct cgroup *group, int *out, struct error *err) {
    char text[32];
    own_fd control = cgroup_open_file(group, "memory", "memory.oom_control", err);
    if (control < 0)
        return control;
    own_fd event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return error_sys(err, "make an eventfd");
    snprintf(text, sizeof text, "%d %d", event, control);
    int r = cgroup_write(group, "memory", "cgroup.event_control", text, err);
    if (r == 0)
        *out = fd_take(&event);
    return r;
}

static void open_memory(struct watch *watch) {
    const struct cgroup *group = &watch->container->group;
    struct error err = ERROR_INIT;
    int r;
    watch->unified = cgroup_is_unified(group, "memory");
    if (watch->unified) {
        watch->memory = r = cgroup_open_file(group, "memory", "memory.events", &err);
        if (r >= 0)
            r = read_kills(watch->memory, &watch->kills); /* what changes from here on is told */
    } else {
        r = register_eventfd(group, &watch->memory, &err);
    }
    if (r < 0 && r != -ENOENT && r != -ENODEV)
        log_warning("events: no oom events of %s: %s", watch->container->id, err.text);
}

/* cgroup2: each look that finds more kills than the one before. */
static int look_for_kills(struct watch *watch) {
    unsigned long before = watch->kills;
    int r = read_kills(watch->memory, &watch->kills);
    if (r == -ENODEV) { /* the cgroup has been removed: the file would report for ever */
        fd_drop(&watch->memory);
        return 0;
    }
    if (r < 0)
        return error_code(watch->err, -r, "read memory.events of the container's cgroup");
    return watch->kills > before ? tell_oom(watch) : 0;
}

/* cgroup v1: the kernel signals when the limit cannot be kept otherwise; and when the cgroup is removed. */
static int look_at_eventfd(struct watch *watch) {
    char text[64];
    uint64_t count;
    if (fd_read(watch->memory, &count, sizeof count) != sizeof count)
        return 0;
    int r = cgroup_read(&watch->container->group, "memory", "memory.oom_control", text, sizeof text, watch->err);
    if (r == -ENOENT || r == -ENODEV)
        *watch->err = (struct error)ERROR_INIT; /* it was removed */
    return r == 0 ? tell_oom(watch) : -watch->err->code;
}

static int look_at_memory(struct watch *watch) {
    if (watch->memory < 0)
        return 0;
    return watch->unified ? look_for_kills(watch) : look_at_eventfd(watch);
}

/* ---- the wait ---- */

static int open_timer(struct watch *watch, int64_t interval) {
    const struct timespec each = {.tv_sec = (time_t)(interval / NSEC), .tv_nsec = (long)(interval % NSEC)};
    const struct itimerspec timer = {.it_interval = each, .it_value = each};
    watch->time = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (watch->time < 0 || timerfd_settime(watch->time, 0, &timer, NULL) < 0)
        return error_sys(watch->err, "set a timer");
    return 0;
}

static int look_at_time(struct watch *watch) {
    uint64_t expirations;
    return fd_read(watch->time, &expirations, sizeof expirations) == sizeof expirations ? tell_stats(watch) : 0;
}

/* What has come; *done: the last of it. */
static int follow(struct watch *watch, const struct pollfd *on, bool *done) {
    int r = 0;
    *done = on[ON_END].revents || on[ON_READER].revents;
    if (on[ON_READER].revents)
        return 0;
    if (on[ON_MEMORY].revents || *done) /* the last kill may be the end */
        r = look_at_memory(watch);
    if (r == 0 && on[ON_TIME].revents && !*done)
        r = look_at_time(watch);
    return r;
}

static int wait_and_tell(struct watch *watch, int reader) {
    for (bool done = false; !done;) {
        struct pollfd on[ON_COUNT] = {
            [ON_END] = {.fd = watch->container->pidfd, .events = PROCESS_END},
            [ON_TIME] = {.fd = watch->time, .events = POLLIN},
            [ON_MEMORY] = {.fd = watch->memory, .events = watch->unified ? POLLPRI : POLLIN},
            [ON_READER] = {.fd = reader, .events = 0}, /* POLLERR and POLLHUP come unasked */
        };
        if (process_poll(on, ON_COUNT, ON_END, -1) < 0 && errno != EINTR)
            return error_sys(watch->err, "wait for events");
        int r = follow(watch, on, &done);
        if (r != 0)
            return r;
    }
    return 0;
}

/* ---- the operations ---- */

static int open_counted(const char *root, const char *id, struct store *store, struct container *c, struct error *err) {
    int r = container_find(root, id, CONTAINER_USE, store, c, err);
    if (r == 0)
        r = container_check(c, OPERATION_EVENTS, err);
    if (r == 0)
        r = container_check_cgroup(c, err);
    if (r == 0 && c->group.count == 0)
        r = error_set(err, ENODEV, "the container has no cgroup by which anything is counted");
    return r;
}

int operation_stats(const struct berth_runtime *runtime, const char *id, char **json, struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    int r = open_counted(runtime->root, id, &store, &c, err);
    if (r < 0)
        return r;
    r = compose_stats(&c, json, err);
    /* The cgroup of a container that has ended is removed: that it has ended explains more. */
    return r < 0 && container_has_ended(&c) ? lifecycle_check(OPERATION_EVENTS, OCI_STATUS_STOPPED, id, err) : r;
}

int operation_events(const struct berth_runtime *runtime, const struct berth_events *request,
                     int (*each)(void *context, const char *line), void *context, struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    own(watch_drop) struct watch watch = {
        .container = &c, .each = each, .context = context, .time = -1, .memory = -1, .err = err};
    if (request->interval <= 0)
        return error_set(err, EINVAL, "duration interval must be greater than 0");
    int r = open_counted(runtime->root, request->id, &store, &c, err);
    if (r < 0)
        return r;
    open_memory(&watch);
    r = open_timer(&watch, request->interval);
    return r < 0 ? r : wait_and_tell(&watch, request->reader);
}
