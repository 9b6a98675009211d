/* SPDX-License-Identifier: Apache-2.0 */
/* hooks: see hooks.h. Pure; runs in life. */
#include "plan/hooks.h"

#include "oci_types.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset; /* of the point's struct oci_hook_array */
} points[HOOK_POINT_COUNT] = {
    [HOOK_PRESTART] = {"prestart", offsetof(struct oci_hooks, prestart)},
    [HOOK_CREATE_RUNTIME] = {"createRuntime", offsetof(struct oci_hooks, create_runtime)},
    [HOOK_CREATE_CONTAINER] = {"createContainer", offsetof(struct oci_hooks, create_container)},
    [HOOK_START_CONTAINER] = {"startContainer", offsetof(struct oci_hooks, start_container)},
    [HOOK_POSTSTART] = {"poststart", offsetof(struct oci_hooks, poststart)},
    [HOOK_POSTSTOP] = {"poststop", offsetof(struct oci_hooks, poststop)},
};

const char *hook_point_name(enum hook_point point) {
    return points[point].name;
}

static const struct oci_hook_array *point_hooks(const struct oci_hooks *hooks, enum hook_point point) {
    return (const struct oci_hook_array *)((const void *)((const char *)hooks + points[point].offset));
}

__attribute__((format(printf, 5, 6))) static int hook_refuse(struct error *err, enum hook_point point, size_t index,
                                                             const char *member, const char *format, ...) {
    char place[sizeof err->place], why[256];
    snprintf(place, sizeof place, "/hooks/%s/%zu/%s", points[point].name, index, member);
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return error_refuse(err, place, "%s", why);
}

static int hook_check(const struct oci_hook *hook, enum hook_point point, size_t index, struct error *err) {
    if (!hook->path || hook->path[0] != '/')
        return hook_refuse(err, point, index, "path", "a hook's path must be absolute, not \"%s\"",
                           hook->path ? hook->path : "");
    if (hook->has_timeout && hook->timeout <= 0)
        return hook_refuse(err, point, index, "timeout", "a hook's timeout must be above 0 seconds, not %" PRId64,
                           hook->timeout);
    for (size_t i = 0; i < hook->env.count; i++) {
        char member[40];
        snprintf(member, sizeof member, "env/%zu", i);
        if (!strchr(hook->env.items[i], '='))
            return hook_refuse(err, point, index, member, "\"%s\" is not NAME=VALUE", hook->env.items[i]);
    }
    return 0;
}

/* The strings of `array` with a NULL behind them. */
static const char *const *strings_terminate(struct arena *arena, const struct oci_string_array *array) {
    const char **list = arena_array(arena, array->count + 1, sizeof *list);
    if (list && array->count > 0)
        memcpy(list, array->items, array->count * sizeof *list);
    return list;
}

static int hook_plan(struct arena *arena, const struct oci_hook *hook, struct plan_hook *out, struct error *err) {
    const struct oci_string_array path_alone = {.count = 1, .items = (const char **)(uintptr_t)&hook->path};
    out->path = hook->path;
    out->argv = strings_terminate(arena, hook->args.count > 0 ? &hook->args : &path_alone);
    out->envp = hook->env.items ? strings_terminate(arena, &hook->env) : NULL;
    if (!out->argv || (hook->env.items && !out->envp))
        return error_memory(err);
    int64_t seconds = hook->has_timeout ? hook->timeout : 0;
    out->timeout_ms = seconds > INT64_MAX / 1000 ? INT64_MAX : seconds * 1000;
    return 0;
}

static int point_plan(struct arena *arena, const struct oci_hooks *hooks, enum hook_point point, struct plan_hooks *out,
                      struct error *err) {
    const struct oci_hook_array *from = point_hooks(hooks, point);
    if (from->count == 0)
        return 0;
    struct plan_hook *items = arena_array(arena, from->count, sizeof *items);
    if (!items)
        return error_memory(err);
    for (size_t i = 0; i < from->count; i++) {
        int r = hook_check(&from->items[i], point, i, err);
        if (r == 0)
            r = hook_plan(arena, &from->items[i], &items[i], err);
        if (r < 0)
            return r;
    }
    out->at[point].items = items;
    out->at[point].count = from->count;
    return 0;
}

int hooks_plan(struct arena *arena, const struct oci_hooks *hooks, struct plan_hooks *out, struct error *err) {
    struct plan_hooks made;
    memset(&made, 0, sizeof made);
    for (int point = 0; hooks && point < HOOK_POINT_COUNT; point++) {
        int r = point_plan(arena, hooks, (enum hook_point)point, &made, err);
        if (r < 0)
            return r;
    }
    *out = made;
    return 0;
}
