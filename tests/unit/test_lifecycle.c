/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests of life/lifecycle: every operation in every state, and what the failure of a hook means (runtime.md
 * "Operations" and "Lifecycle", config.md "POSIX-platform Hooks"). No privilege.
 */
#include "life/lifecycle.h"
#include "tap.h"

#include <errno.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * runtime.md: start MUST fail unless created, kill unless created or running, delete unless stopped. Beyond that:
 * delete takes a created one, as runc and crun do; paused is a running one that needs a signal still, but must not be
 * deleted; --force takes all. The words are those that containerd, BuildKit, CRI-O and people's scripts look for.
 */
static const struct cell {
    enum operation operation;
    enum oci_status status;
    const char *words; /* NULL: allowed */
} cells[] = {
    {OPERATION_START, OCI_STATUS_CREATING, "cannot start"},
    {OPERATION_START, OCI_STATUS_CREATED, NULL},
    {OPERATION_START, OCI_STATUS_RUNNING, "cannot start an already running container"},
    {OPERATION_START, OCI_STATUS_STOPPED, "cannot start a container that has stopped"},
    {OPERATION_START, OCI_STATUS_PAUSED, "cannot start"},
    {OPERATION_KILL, OCI_STATUS_CREATING, "container not running"},
    {OPERATION_KILL, OCI_STATUS_CREATED, NULL},
    {OPERATION_KILL, OCI_STATUS_RUNNING, NULL},
    {OPERATION_KILL, OCI_STATUS_STOPPED, "container not running"},
    {OPERATION_KILL, OCI_STATUS_PAUSED, NULL},
    {OPERATION_DELETE, OCI_STATUS_CREATING, "cannot delete"},
    {OPERATION_DELETE, OCI_STATUS_CREATED, NULL},
    {OPERATION_DELETE, OCI_STATUS_RUNNING, "container still running"},
    {OPERATION_DELETE, OCI_STATUS_STOPPED, NULL},
    {OPERATION_DELETE, OCI_STATUS_PAUSED, "container paused"},
    {OPERATION_DELETE_FORCE, OCI_STATUS_CREATING, NULL},
    {OPERATION_DELETE_FORCE, OCI_STATUS_CREATED, NULL},
    {OPERATION_DELETE_FORCE, OCI_STATUS_RUNNING, NULL},
    {OPERATION_DELETE_FORCE, OCI_STATUS_STOPPED, NULL},
    {OPERATION_DELETE_FORCE, OCI_STATUS_PAUSED, NULL},
    {OPERATION_EXEC, OCI_STATUS_CREATING, "cannot exec"},
    {OPERATION_EXEC, OCI_STATUS_CREATED, NULL},
    {OPERATION_EXEC, OCI_STATUS_RUNNING, NULL},
    {OPERATION_EXEC, OCI_STATUS_STOPPED, "cannot exec in a stopped container"},
    {OPERATION_EXEC, OCI_STATUS_PAUSED, "cannot exec in a paused container (use --ignore-paused to override)"},
    {OPERATION_EXEC_PAUSED, OCI_STATUS_CREATING, "cannot exec"},
    {OPERATION_EXEC_PAUSED, OCI_STATUS_CREATED, NULL},
    {OPERATION_EXEC_PAUSED, OCI_STATUS_RUNNING, NULL},
    {OPERATION_EXEC_PAUSED, OCI_STATUS_STOPPED, "cannot exec in a stopped container"},
    {OPERATION_EXEC_PAUSED, OCI_STATUS_PAUSED, NULL},
    {OPERATION_PROCESSES, OCI_STATUS_CREATING, "container not running"},
    {OPERATION_PROCESSES, OCI_STATUS_CREATED, NULL},
    {OPERATION_PROCESSES, OCI_STATUS_RUNNING, NULL},
    {OPERATION_PROCESSES, OCI_STATUS_STOPPED, NULL},
    {OPERATION_PROCESSES, OCI_STATUS_PAUSED, NULL},
    {OPERATION_EVENTS, OCI_STATUS_CREATING, "container with id c1 is not running: it is still being created"},
    {OPERATION_EVENTS, OCI_STATUS_CREATED, NULL},
    {OPERATION_EVENTS, OCI_STATUS_RUNNING, NULL},
    {OPERATION_EVENTS, OCI_STATUS_STOPPED, "container with id c1 is not running"},
    {OPERATION_EVENTS, OCI_STATUS_PAUSED, NULL},
    {OPERATION_PAUSE, OCI_STATUS_CREATING, "container not running"},
    {OPERATION_PAUSE, OCI_STATUS_CREATED, NULL},
    {OPERATION_PAUSE, OCI_STATUS_RUNNING, NULL},
    {OPERATION_PAUSE, OCI_STATUS_STOPPED, "container not running"},
    {OPERATION_PAUSE, OCI_STATUS_PAUSED, "container not running"},
    {OPERATION_RESUME, OCI_STATUS_CREATING, "container not paused"},
    {OPERATION_RESUME, OCI_STATUS_CREATED, "container not paused"},
    {OPERATION_RESUME, OCI_STATUS_RUNNING, "container not paused"},
    {OPERATION_RESUME, OCI_STATUS_STOPPED, "container not paused"},
    {OPERATION_RESUME, OCI_STATUS_PAUSED, NULL},
    {OPERATION_UPDATE, OCI_STATUS_CREATING, "container not running"},
    {OPERATION_UPDATE, OCI_STATUS_CREATED, NULL},
    {OPERATION_UPDATE, OCI_STATUS_RUNNING, NULL},
    {OPERATION_UPDATE, OCI_STATUS_STOPPED, "container not running"},
    {OPERATION_UPDATE, OCI_STATUS_PAUSED, NULL},
    {OPERATION_CHECKPOINT, OCI_STATUS_CREATING, "container cannot be checkpointed in creating state"},
    {OPERATION_CHECKPOINT, OCI_STATUS_CREATED, "container cannot be checkpointed in created state"},
    {OPERATION_CHECKPOINT, OCI_STATUS_RUNNING, NULL},
    {OPERATION_CHECKPOINT, OCI_STATUS_STOPPED, "container cannot be checkpointed in stopped state"},
    {OPERATION_CHECKPOINT, OCI_STATUS_PAUSED, NULL},
};

static const char *const operations[] = {
    [OPERATION_START] = "start",   [OPERATION_KILL] = "kill",
    [OPERATION_DELETE] = "delete", [OPERATION_DELETE_FORCE] = "delete --force",
    [OPERATION_EXEC] = "exec",     [OPERATION_EXEC_PAUSED] = "exec --ignore-paused",
    [OPERATION_PROCESSES] = "ps",  [OPERATION_EVENTS] = "events",
    [OPERATION_PAUSE] = "pause",   [OPERATION_RESUME] = "resume",
    [OPERATION_UPDATE] = "update", [OPERATION_CHECKPOINT] = "checkpoint",
};

/* Each cell is here exactly once: a new operation or state fails this until somebody has thought about it. */
static void test_complete(void) {
    int seen[COUNT(operations)][OCI_STATUS_PAUSED + 1] = {0};
    int missing = 0, twice = 0;
    for (size_t i = 0; i < COUNT(cells); i++)
        seen[cells[i].operation][cells[i].status]++;
    for (size_t o = 0; o < COUNT(operations); o++) {
        for (int s = OCI_STATUS_CREATING; s <= OCI_STATUS_PAUSED; s++) {
            missing += seen[o][s] == 0;
            twice += seen[o][s] > 1;
        }
    }
    is_number(COUNT(operations), OPERATION_COUNT, "every operation has cells here");
    ok(!oci_status_name((enum oci_status)(OCI_STATUS_PAUSED + 1)), "paused is the last of the states");
    is_number(missing, 0, "no cell is missing here");
    is_number(twice, 0, "none is here twice");
}

static void test_cells(void) {
    for (size_t i = 0; i < COUNT(cells); i++) {
        const struct cell *c = &cells[i];
        const char *operation = operations[c->operation], *status = oci_status_name(c->status);
        struct error err = {.code = 4711, .text = "before"};
        int r = lifecycle_check(c->operation, c->status, "c1", &err);
        if (!c->words) {
            is_number(r, 0, "%s of a %s container is allowed", operation, status);
            ok(err.code == 4711 && strcmp(err.text, "before") == 0, "%s, %s: the error is untouched", operation,
               status);
        } else {
            ok(r < 0 && err.code == -r, "%s of a %s container is refused", operation, status);
            ok(strstr(err.text, c->words), "%s, %s: with \"%s\" in \"%s\"", operation, status, c->words, err.text);
        }
    }
}

/* What containerd, BuildKit and CRI-O take for "it has ended anyway" must not be said of one that lives. */
static void test_words_mean_one_thing(void) {
    for (int o = 0; o < OPERATION_COUNT; o++) {
        for (int s = OCI_STATUS_CREATING; s <= OCI_STATUS_PAUSED; s++) {
            struct error err = ERROR_INIT;
            if (lifecycle_check((enum operation)o, (enum oci_status)s, "c1", &err) == 0 || s == OCI_STATUS_STOPPED)
                continue;
            ok(!strstr(err.text, "does not exist") && !strstr(err.text, "no such process") &&
                   !strstr(err.text, "has stopped"),
               "%s of a %s container does not sound as if it were gone", operations[o],
               oci_status_name((enum oci_status)s));
        }
    }
}

/*
 * runtime.md "Lifecycle": a failing prestart, createRuntime, createContainer or startContainer hook is an error that
 * stops the container; so is poststart since 1.3; poststop only logs. Nothing of a failed create may stay.
 */
static const struct hook_rule hook_rules[] = {
    {HOOK_PRESTART, OCI_STATUS_CREATED, HOOK_FAILURE_UNDO},
    {HOOK_CREATE_RUNTIME, OCI_STATUS_CREATED, HOOK_FAILURE_UNDO},
    {HOOK_CREATE_CONTAINER, OCI_STATUS_CREATED, HOOK_FAILURE_UNDO},
    {HOOK_START_CONTAINER, OCI_STATUS_CREATED, HOOK_FAILURE_STOP},
    {HOOK_POSTSTART, OCI_STATUS_RUNNING, HOOK_FAILURE_STOP},
    {HOOK_POSTSTOP, OCI_STATUS_STOPPED, HOOK_FAILURE_CARRY_ON},
};

static void test_hooks(void) {
    is_number(COUNT(hook_rules), HOOK_POINT_COUNT, "every hook point has a rule here");
    for (size_t i = 0; i < COUNT(hook_rules); i++) {
        const struct hook_rule *want = &hook_rules[i], *got = lifecycle_hook(want->point);
        const char *name = hook_point_name(want->point);
        if (!ok(got != NULL, "%s has a rule", name))
            continue;
        is_number(got->point, want->point, "%s: the rule is its own", name);
        is_text(oci_status_name(got->status), oci_status_name(want->status), "%s: the state that it reads", name);
        is_number(got->failure, want->failure, "%s: what its failure means", name);
    }
}

int main(void) {
    test_complete();
    test_cells();
    test_words_mean_one_thing();
    test_hooks();
    return tap_done();
}
