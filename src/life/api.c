/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api: the public calls (berth/berth.h) on the operations. Here an error gets its beginning, "create c1: ...", and
 * its public shape. Runs in life.
 */
#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "base/text.h"
#include "kernel/selfexe.h"
#include "life/document.h"
#include "life/operations.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct berth_error) == sizeof(struct error) &&
                   offsetof(struct berth_error, text) == offsetof(struct error, text),
               "the public error is the inner one");

/* The last resort of a failure that nobody has put into words. */
static void settle(int r, struct error *err) {
    if (r < 0 && !*err->text)
        error_set(err, -r, "%s", r == -ENOMEM ? "out of memory" : error_text(-r));
}

static int finish(int r, struct error *err, struct berth_error *out) {
    settle(r, err);
    if (r < 0)
        memcpy(out, err, sizeof *out);
    return r;
}

static int finish_operation(int r, const char *verb, const char *id, struct error *err, struct berth_error *out) {
    settle(r, err);
    if (r < 0)
        error_wrap(err, "%s %.64s", verb, id);
    return finish(r, err, out);
}

void berth_log(int level, berth_log_sink *sink, void *context) {
    /* The two sinks differ in the type of the level only, an enum of the same four numbers. */
    log_configure((enum log_level)level, (log_sink *)(void (*)(void))sink, context);
}

int berth_protect(char *const *argv, struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish(selfexe_protect((const char *const *)argv, &err), &err, error);
}

int berth_create(const struct berth_runtime *runtime, const struct berth_create *create, struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_create(runtime, create, &err), "create", create->id, &err, error);
}

int berth_start(const struct berth_runtime *runtime, const char *id, struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_start(runtime, id, &err), "start", id, &err, error);
}

int berth_run(const struct berth_runtime *runtime, const struct berth_create *create, unsigned flags, int *status,
              struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_run(runtime, create, flags, status, &err), "run", create->id, &err, error);
}

int berth_exec(const struct berth_runtime *runtime, const struct berth_exec *exec, unsigned flags, int *status,
               struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_exec(runtime, exec, flags, status, &err), "exec", exec->id, &err, error);
}

int berth_kill(const struct berth_runtime *runtime, const char *id, int signal, bool all, struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_kill(runtime, id, signal, all, &err), "kill", id, &err, error);
}

int berth_delete(const struct berth_runtime *runtime, const char *id, bool force, struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_delete(runtime, id, force, &err), "delete", id, &err, error);
}

int berth_processes(const struct berth_runtime *runtime, const char *id, pid_t **pids, size_t *count,
                    struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_processes(runtime, id, pids, count, &err), "ps", id, &err, error);
}

int berth_pause(const struct berth_runtime *runtime, const char *id, struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_pause(runtime, id, &err), "pause", id, &err, error);
}

int berth_resume(const struct berth_runtime *runtime, const char *id, struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_resume(runtime, id, &err), "resume", id, &err, error);
}

int berth_update(const struct berth_runtime *runtime, const char *id, const struct berth_update *update,
                 struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_update(runtime, id, update, &err), "update", id, &err, error);
}

int berth_stats(const struct berth_runtime *runtime, const char *id, char **json, struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_stats(runtime, id, json, &err), "events", id, &err, error);
}

int berth_events(const struct berth_runtime *runtime, const struct berth_events *events,
                 int (*each)(void *context, const char *line), void *context, struct berth_error *error) {
    struct error err = ERROR_INIT;
    int r = operation_events(runtime, events, each, context, &err);
    return err.code ? finish_operation(r, "events", events->id, &err, error) : r;
}

int berth_checkpoint(const struct berth_runtime *runtime, const struct berth_checkpoint *checkpoint,
                     struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_checkpoint(runtime, checkpoint, &err), "checkpoint", checkpoint->id, &err, error);
}

int berth_restore(const struct berth_runtime *runtime, const struct berth_restore *restore, unsigned flags, int *status,
                  struct berth_error *error) {
    struct error err = ERROR_INIT;
    return finish_operation(operation_restore(runtime, restore, flags, status, &err), "restore", restore->create.id,
                            &err, error);
}

int berth_state(const struct berth_runtime *runtime, const char *id, char **json, struct berth_error *error) {
    struct error err = ERROR_INIT;
    own_store store = STORE_INIT;
    own_container c = CONTAINER_INIT;
    int r = container_find(runtime->root, id, CONTAINER_LOOK, &store, &c, &err);
    if (r == 0 && !c.record->id)
        r = error_set(&err, ENOENT, "container does not exist: %s (%s)", id,
                      c.status == OCI_STATUS_CREATING ? "it is being created"
                                                      : "its create was cut off: delete --force cleans up");
    if (r == 0)
        r = container_check_known(&c, &err);
    if (r < 0)
        return finish_operation(r, "state", id, &err, error);
    struct oci_state state;
    container_state(c.record, c.status, &state);
    return document_text(OCI_DOCUMENT_STATE, &state, json, error);
}

/* The name; the number where there is no such file or name, and, with a warning, where the file cannot be read. */
static const char *owner_name(uint32_t uid, bool *warned, char *buffer, size_t size) {
    /* Read as a file: the C library's look-up would load modules, which a static program cannot. */
    FILE *users = fopen("/etc/passwd", "re");
    const struct passwd *user = NULL;
    bool unread = !users && errno != ENOENT;
    while (users && (user = fgetpwent(users)) && user->pw_uid != uid)
        ;
    unread |= users && !user && ferror(users);
    if (unread && !*warned)
        log_warning("list: owners are numbers: read /etc/passwd: %s", error_text(errno));
    *warned |= unread;
    snprintf(buffer, size, "%.*s", (int)size - 1, user ? user->pw_name : "");
    if (!user)
        snprintf(buffer, size, "%u", uid);
    if (users)
        fclose(users);
    return buffer;
}

/* Visits each container; one that vanishes meanwhile is skipped. */
static int visit(const struct berth_runtime *runtime, int (*each)(void *, const struct container *), void *context,
                 struct error *err) {
    own_store store = STORE_INIT;
    own_arena arena = ARENA_INIT;
    const char **ids;
    size_t count;
    int r = store_open(runtime->root, false, &store, err);
    if (r == -ENOENT && !runtime->root)
        return 0;
    if (r == 0)
        r = store_ids(&store, &arena, &ids, &count, err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        own_container c = CONTAINER_INIT;
        r = container_open(&store, ids[i], CONTAINER_LOOK, &c, err);
        if (r == 0)
            r = container_check_known(&c, err);
        if (r == 0 && c.record->id)
            r = each(context, &c);
        else if (r < 0) {
            if (container_name_way_out(ids[i], err) != -ENOENT)
                log_warning("list: %s: %s", ids[i], err->text);
            r = 0;
        }
    }
    return r;
}

struct list_call {
    int (*each)(void *context, const struct berth_container *container);
    void *context;
    bool warned;
};

static int list_one(void *context, const struct container *c) {
    struct list_call *call = context;
    struct oci_state state;
    char owner[64];
    container_state(c->record, c->status, &state);
    const struct berth_container row = {.id = c->record->id,
                                        .status = oci_status_name(state.status),
                                        .pid = (pid_t)state.pid,
                                        .bundle = c->record->bundle,
                                        .rootfs = c->record->rootfs,
                                        .created = c->record->created,
                                        .owner = owner_name(c->record->owner, &call->warned, owner, sizeof owner)};
    return call->each(call->context, &row);
}

int berth_list(const struct berth_runtime *runtime, int (*each)(void *context, const struct berth_container *container),
               void *context, struct berth_error *error) {
    struct error err = ERROR_INIT;
    struct list_call call = {.each = each, .context = context};
    int r = visit(runtime, list_one, &call, &err);
    return err.code ? finish(r, &err, error) : r;
}

struct list_text {
    FILE *stream;
    bool any, warned;
};

static int list_json(void *context, const struct container *c) {
    struct list_text *list = context;
    struct oci_state state;
    char owner[64];
    own_memory char *json = NULL;
    container_state(c->record, c->status, &state);
    state.owner = owner_name(c->record->owner, &list->warned, owner, sizeof owner);
    size_t len;
    int r = document_buffer(OCI_DOCUMENT_STATE, &state, 0, &json, &len);
    if (r == 0)
        fprintf(list->stream, "%s%.*s", list->any ? "," : "[", (int)len, json);
    list->any = true;
    return r;
}

int berth_list_json(const struct berth_runtime *runtime, char **json, struct berth_error *error) {
    struct error err = ERROR_INIT;
    struct text text;
    struct list_text list = {.stream = text_open(&text)};
    if (!list.stream)
        return finish(error_memory(&err), &err, error);
    int r = visit(runtime, list_json, &list, &err);
    if (r == 0)
        fputs(list.any ? "]" : "[]", list.stream);
    if (text_close(list.stream, &text) < 0 && r == 0)
        r = error_memory(&err);
    if (r == 0)
        *json = text.data;
    else
        free(text.data);
    return r < 0 ? finish(r, &err, error) : 0;
}
