/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update: new limits for a container that lives. They are merged with the old ones, planned as a whole, and then only
 * what is named or comes out different is written; what was there before is read first, for the case that a later one
 * is refused. Runs in life; needs write permission in the cgroup.
 */
#include "base/log.h"
#include "base/nearest.h"
#include "base/own.h"
#include "base/table.h"
#include "life/lifecycle.h"
#include "life/limits.h"
#include "life/operations.h"
#include "life/scope.h"
#include "life/snapshot.h"
#include "oci.h"
#include "plan/merge.h"
#include "plan/resources.h"

#include <errno.h>
#include <string.h>

#define VALUE_SIZE 4096 /* of a cgroup file: a list of processors is the longest */

struct change {
    struct resource_write write;
    const char *before; /* the text that brings back what was there; NULL: there is none */
    bool done;          /* from the start where nothing is to be written, only brought back: value NULL */
};

struct changes {
    const struct cgroup *group;
    struct change *items;
    size_t count;
};

static void *take(void *context, size_t size) {
    return arena_alloc(context, size);
}

static int read_change(struct arena *arena, const struct berth_update *update, const struct oci_resources **out,
                       struct error *err) {
    const struct oci_allocator allocator = {.alloc = take, .ctx = arena};
    const struct oci_read_options options = {.nearest = nearest_of};
    struct oci_error oci;
    void *document;
    int r = oci_read(OCI_DOCUMENT_RESOURCES, &allocator, &options, update->resources, update->size, &document, &oci);
    if (r < 0)
        return error_set(err, -r, "resources:%u:%u: %s", oci.line, oci.column, oci.text);
    const struct oci_resources *read = document;
    if (read->memory && (read->memory->kernel || read->memory->kernel_tcp))
        log_warning("update: kernel memory limits are obsolete and ignored");
    *out = read;
    return 0;
}

/* The plan of the limits alone: device rules are not for an update to change. */
static int plan_limits(struct arena *arena, const struct oci_resources *resources, bool unified,
                       struct plan_resources *out, struct error *err) {
    struct oci_resources limits = {.memory = NULL};
    if (resources)
        limits = *resources;
    limits.devices.items = NULL;
    limits.devices.count = 0;
    return resources_plan(arena, &limits, unified, out, err);
}

static bool is_same_line(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

/* The last write of the plan to the same file, and the same line of it: that is the one that counts. */
static const struct resource_write *find_write(const struct plan_resources *plan, const struct resource_write *like) {
    for (size_t i = plan->count; i > 0; i--) {
        const struct resource_write *w = &plan->writes[i - 1];
        if (strcmp(w->file, like->file) == 0 && is_same_line(w->line, like->line))
            return w;
    }
    return NULL;
}

/* What differs from the old plan, and what is named even if it does not: somebody may have written the file himself. */
static int find_changes(struct arena *arena, const struct plan_resources *old, const struct plan_resources *new,
                        const struct oci_resources *named, struct changes *out, struct error *err) {
    struct change *items = arena_array(arena, new->count + old->count, sizeof *items);
    if (!items)
        return error_memory(err);
    size_t count = 0;
    for (size_t i = 0; i < new->count; i++) {
        const struct resource_write *w = &new->writes[i], *was = find_write(old, w);
        if (!was || strcmp(was->value, w->value) != 0 || merge_names(named, w->place))
            items[count++].write = *w;
    }
    for (size_t i = 0; i < old->count; i++) {
        const struct resource_write *w = &old->writes[i];
        if (find_write(new, w))
            continue;
        /* A plan does not say that a switch is off. Other files are changed by the kernel: an idle group's shares. */
        const bool off = strcmp(w->file, "memory.oom_control") == 0;
        items[count] = (struct change){.write = *w, .done = !off};
        items[count++].write.value = off ? "0" : NULL;
    }
    out->items = items;
    out->count = count;
    return 0;
}

/* What a file says when its controller has just been enabled. */
static const char *untouched(const char *file) {
    static const struct {
        const char *file, *text;
    } texts[] = {
        {"memory.max", "max"},     {"memory.swap.max", "max"}, {"memory.low", "0"},    {"cpu.max", "max 100000"},
        {"cpu.max.burst", "0"},    {"cpu.weight", "100"},      {"cpu.idle", "0"},      {"pids.max", "max"},
        {"cpuset.cpus", "\n"},     {"cpuset.mems", "\n"},      {"memory.high", "max"}, {"memory.min", "0"},
        {"memory.oom.group", "0"},
    };
    for (size_t i = 0; i < TABLE_COUNT(texts); i++)
        if (strcmp(texts[i].file, file) == 0)
            return texts[i].text;
    return NULL;
}

/*
 * What takes a change of one line back: that line, or the write's own word where there is none. io.max has a key in its
 * line for each kind of rate ("8:0 rbps=1048576 wbps=max"), which is what a write changes: "8:0 rbps=".
 */
static const char *find_line(struct arena *arena, const struct resource_write *w, const char *text) {
    const char *blank = strchr(w->line, ' ');
    size_t len = blank ? (size_t)(blank - w->line) : strlen(w->line);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, w->line, len) != 0 || line[len] != ' ')
            continue;
        const size_t end = strcspn(line, "\n");
        const char *key = blank ? strstr(line, blank) : NULL;
        if (!blank)
            return arena_strndup(arena, line, end);
        if (!key || key >= line + end)
            break;
        return arena_printf(arena, "%.*s%.*s", (int)len, line, (int)(1 + strcspn(key + 1, " \n")), key);
    }
    return w->reset;
}

/* Which of its two files a write is for. */
static int read_file(const struct cgroup *group, struct resource_write *w, char *text, size_t size, struct error *err) {
    int r = cgroup_read(group, w->controller, w->file, text, size, err);
    if (r != -ENOENT || !w->alternative_file)
        return r;
    struct resource_write other = *w;
    other.file = w->alternative_file;
    r = cgroup_read(group, w->controller, other.file, text, size, err);
    if (r < 0)
        return r; /* neither: whether the controller has to be enabled first, writing will show */
    other.value = w->alternative_value;
    other.alternative_file = NULL;
    *w = other;
    return 0;
}

static int read_before(struct arena *arena, const struct cgroup *group, struct change *change, struct error *err) {
    static const char oom_switch[] = "oom_kill_disable ";
    struct resource_write *w = &change->write;
    char text[VALUE_SIZE];
    int r = read_file(group, w, text, sizeof text, err);
    if (r == -ENOENT || r == -ENODEV) { /* cgroup2 makes it when it is written; what is wrong else, writing will say */
        change->before = w->line ? w->reset : untouched(w->file);
        return 0;
    }
    if (r < 0)
        return r;
    if (w->line && (strchr(text, '\n') || strcmp(w->line, "default") != 0 || strncmp(text, "default ", 8) == 0)) {
        change->before = find_line(arena, w, text);
        return 0;
    }
    const char *value = text;
    if (strncmp(text, oom_switch, sizeof oom_switch - 1) == 0) {
        value = text + sizeof oom_switch - 1;
        text[strcspn(text, "\n")] = '\0';
    }
    /* An idle group has no weight, and cannot be given one. */
    if (strcmp(w->file, "cpu.weight") == 0 && strcmp(value, "0") == 0)
        return 0;
    change->before = arena_strdup(arena, *value ? value : "\n"); /* a write of nothing would be none */
    return change->before ? 0 : error_memory(err);
}

static const char *shown(const char *value) {
    return !value ? "unset" : strcmp(value, "\n") == 0 ? "\"\"" : value;
}

/* 0: set; 1: to be tried again once others are, *err says why. */
static int set_one(const struct cgroup *group, const struct change *change, struct error *err) {
    const struct resource_write *w = &change->write;
    int r = limits_write(group, w, err);
    if (r == 0 || limits_may_lack(w, r))
        return 0;
    error_blame(err, "cgroup", w->place, "set %s from %s to %s (config %s)", w->file, shown(change->before), w->value,
                w->place);
    return w->reorder && (r == -EINVAL || r == -EBUSY) ? 1 : r;
}

/* 0: all are set; 1: not all, but some more than before. */
static int set_turn(struct changes *changes, struct error *err) {
    bool waiting = false, progress = false;
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = &changes->items[i];
        int r = change->done ? 0 : set_one(changes->group, change, err);
        if (r < 0)
            return r;
        progress |= r == 0 && !change->done;
        change->done |= r == 0;
        waiting |= r > 0;
    }
    if (!waiting)
        return 0;
    return progress ? 1 : -err->code;
}

/* The same for the way back. */
static int restore_turn(struct changes *changes, const struct change **stuck) {
    bool waiting = false, progress = false;
    struct error ignored = ERROR_INIT;
    for (size_t i = changes->count; i > 0; i--) {
        struct change *change = &changes->items[i - 1];
        const struct resource_write *w = &change->write;
        if (!change->done || !change->before)
            continue;
        int r = cgroup_write(changes->group, w->controller, w->file, change->before, &ignored);
        if (r == 0 || limits_may_lack(w, r)) {
            change->done = false;
            progress = true;
        } else {
            waiting = true;
            *stuck = change;
        }
    }
    return waiting && progress ? 1 : 0;
}

/* Takes back what is set; *err is why, and tells where that failed, too. Returns -err->code. */
static int restore(struct changes *changes, struct error *err) {
    const struct change *stuck = NULL;
    while (restore_turn(changes, &stuck) > 0)
        stuck = NULL;
    if (stuck)
        error_wrap(err, "limits are half changed now, since %s stays at %s and does not go back to %s",
                   stuck->write.file, shown(stuck->write.value), shown(stuck->before));
    return -err->code;
}

/*
 * Which of two limits must go first depends on what the group has: a limit that is refused for that has another turn,
 * for as long as turns get any further.
 */
static int set_all(struct changes *changes, struct error *err) {
    int r;
    while ((r = set_turn(changes, err)) > 0)
        ;
    return r < 0 ? restore(changes, err) : 0;
}

/* memory.checkBeforeUpdate, where the kernel would kill instead of refusing. */
static int check_usage(const struct changes *changes, const struct plan_resources *plan, struct error *err) {
    char text[32];
    uint64_t usage;
    bool changed = false;
    for (size_t i = 0; i < changes->count; i++)
        changed |= strcmp(changes->items[i].write.file, "memory.max") == 0;
    if (!changed || plan->usage_below == 0)
        return 0;
    int r = cgroup_read(changes->group, "memory", "memory.current", text, sizeof text, err);
    if (r < 0)
        return r;
    if (number_parse_u64(text, UINT64_MAX, &usage) < 0)
        return error_set(err, EBADMSG, "memory.current of the container's cgroup: expected a number, found \"%s\"",
                         text);
    if (usage < plan->usage_below)
        return 0;
    return error_refuse(err, "/linux/resources/memory/limit",
                        "%s bytes of memory are in use, and the limit is to be %s", text, plan->memory_limit);
}

static int set_limits(struct container *c, const struct oci_resources *old, const struct oci_resources *new,
                      const struct oci_resources *named, struct changes *changes, struct error *err) {
    const bool unified = c->group.world == CGROUP_UNIFIED;
    struct plan_resources before, after;
    int r = plan_limits(&c->arena, new, unified, &after, err);
    if (r == 0)
        r = plan_limits(&c->arena, old, unified, &before, err);
    if (r == 0)
        r = find_changes(&c->arena, &before, &after, named, changes, err);
    if (r < 0)
        return r;
    if (changes->count > 0 && c->group.count == 0)
        return error_refuse(err, changes->items[0].write.place, "the container has no cgroup to set a limit in");
    r = check_usage(changes, &after, err);
    for (size_t i = 0; r == 0 && i < changes->count; i++)
        r = read_before(&c->arena, &c->group, &changes->items[i], err);
    return r < 0 ? r : set_all(changes, err);
}

/* Its unit gets the same limits, or they would be gone at the next daemon-reload. */
static int tell_systemd(struct container *c, const struct changes *changes, struct error *err) {
    struct resource_write *writes = arena_array(&c->arena, changes->count, sizeof *writes);
    struct error ignored;
    if (!writes)
        return error_memory(err);
    for (size_t i = 0; i < changes->count; i++)
        writes[i] = changes->items[i].write;
    int r = scope_update(&c->arena, c->record, writes, changes->count, c->dir, err);
    /* systemd has written its own idea of them (whole percents). */
    for (size_t i = 0; i < changes->count; i++)
        if (writes[i].value)
            (void)limits_write(&c->group, &writes[i], &ignored);
    /* What was asked of a silent systemd cannot be taken back. */
    return r < 0 ? error_wrap(err, "limits of unit %s%s", c->record->unit,
                              r == -ETIMEDOUT ? " (which may get them yet, when systemd answers again)" : "")
                 : 0;
}

static int prepare_snapshot(int dir, const struct oci_config *config, const struct oci_resources *resources,
                            struct error *err) {
    struct oci_resources kept = *resources;
    struct oci_linux section = {.resources = NULL};
    if (config->linux)
        section = *config->linux;
    section.resources = &kept;
    struct oci_config whole = *config;
    whole.linux = &section;
    return snapshot_prepare(dir, &whole, err);
}

/* The limits themselves, the unit, and what later commands are to know: all of them, or none. */
static int set_everywhere(struct container *c, const struct oci_resources *old, const struct oci_resources *new,
                          const struct oci_resources *named, struct error *err) {
    struct changes changes = {.group = &c->group};
    int r = set_limits(c, old, new, named, &changes, err);
    if (r < 0)
        return r;
    r = c->record->unit ? tell_systemd(c, &changes, err) : 0;
    if (r == 0)
        r = snapshot_commit(c->dir, err);
    return r < 0 ? restore(&changes, err) : 0;
}

int operation_update(const struct berth_runtime *runtime, const char *id, const struct berth_update *update,
                     struct error *err) {
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    const struct oci_config *config = NULL;
    const struct oci_resources *change = NULL, *merged = NULL;
    struct plan_filter filter;
    int r = container_find(runtime->root, id, CONTAINER_CHANGE, &store, &c, err);
    if (r == 0)
        r = container_check(&c, OPERATION_UPDATE, err);
    if (r == 0)
        r = container_check_cgroup(&c, err);
    if (r == 0)
        r = read_change(&c.arena, update, &change, err);
    if (r == 0)
        r = snapshot_read(c.dir, &c.arena, &config, &filter, err);
    if (r < 0)
        return r;
    const struct oci_resources *old = config->linux ? config->linux->resources : NULL;
    r = merge_resources(&c.arena, old, change, &merged, err);
    if (r == 0)
        r = prepare_snapshot(c.dir, config, merged, err);
    if (r < 0)
        return r;
    r = set_everywhere(&c, old, merged, change, err);
    if (r < 0)
        snapshot_abandon(c.dir);
    return r;
}
