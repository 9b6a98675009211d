/* SPDX-License-Identifier: Apache-2.0 */
/* hooks: the hooks section as argv, envp and deadline each. Pure. runtime-spec config.md "POSIX-platform Hooks". */
#ifndef BERTH_PLAN_HOOKS_H
#define BERTH_PLAN_HOOKS_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct oci_hooks;

/* In the order in which they happen in a container's life. */
enum hook_point {
    HOOK_PRESTART,
    HOOK_CREATE_RUNTIME,
    HOOK_CREATE_CONTAINER,
    HOOK_START_CONTAINER,
    HOOK_POSTSTART,
    HOOK_POSTSTOP,
    HOOK_POINT_COUNT
};

/* "prestart", "createRuntime" ... */
const char *hook_point_name(enum hook_point point);

struct plan_hook {
    const char *path;
    const char *const *argv; /* NULL-terminated; the path alone where args is empty */
    const char *const *envp; /* NULL-terminated; NULL: the default environment of the point (see init/hook.h) */
    int64_t timeout_ms;      /* 0: none */
};

struct plan_hooks {
    struct {
        const struct plan_hook *items;
        size_t count;
    } at[HOOK_POINT_COUNT];
};

/*
 * Refuses a path that is not absolute, a timeout <= 0, an env entry without '='. `hooks` may be NULL. An empty env
 * array is an empty environment; only an absent one leaves envp NULL. The strings are those of `hooks`, which must
 * live as long as the plan.
 */
int hooks_plan(struct arena *arena, const struct oci_hooks *hooks, struct plan_hooks *out, struct error *err);

#endif
