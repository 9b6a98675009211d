/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of plan/hooks and init/hook: plans made by hand, real scripts in a directory of its own. No privilege. */
#include "base/log.h"
#include "init/hook.h"
#include "plan/hooks.h"

#include "oci_types.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena = ARENA_INIT;
static struct plan_hooks plan;
static struct error err;
static char directory[] = "/tmp/berth-hooks-XXXXXX";
static int directory_fd, state_fd;
static const char *const default_env[] = {"PATH=/usr/bin:/bin", "FROM=default", NULL};
static char warnings[4096];

static void warning_keep(void *context, enum log_level level, const char *message) {
    (void)context;
    (void)level;
    size_t used = strlen(warnings);
    snprintf(warnings + used, sizeof warnings - used, "%s.", message);
}

/* A script in the directory; its absolute path, which lives as long as the arena. */
static const char *script(const char *name, const char *body) {
    char *path = arena_printf(&arena, "%s/%s", directory, name);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);
    if (dprintf(fd, "#!/bin/sh\n%s\n", body) < 0)
        exit(99);
    close(fd);
    return path;
}

static const char *trace(void) {
    static char text[4096];
    int fd = openat(directory_fd, "trace", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
    unlinkat(directory_fd, "trace", 0);
    return text;
}

static int plan_one(struct oci_hook *hook) {
    struct oci_hooks hooks = {.prestart = {1, hook}};
    err = (struct error)ERROR_INIT;
    return hooks_plan(&arena, &hooks, &plan, &err);
}

/* Plans `count` hooks for a point and runs them. */
static int run_at(enum hook_point point, struct oci_hook *items, size_t count, bool carry_on) {
    struct oci_hooks hooks = {.prestart = {0, NULL}};
    struct oci_hook_array *arrays[] = {&hooks.prestart,        &hooks.create_runtime, &hooks.create_container,
                                       &hooks.start_container, &hooks.poststart,      &hooks.poststop};
    *arrays[point] = (struct oci_hook_array){count, items};
    err = (struct error)ERROR_INIT;
    warnings[0] = '\0';
    if (hooks_plan(&arena, &hooks, &plan, &err) < 0)
        return -9999;
    const struct hook_call call = {
        .state_fd = state_fd, .directory_fd = directory_fd, .envp = default_env, .carry_on = carry_on};
    return hook_run(&plan, point, &call, &err);
}

static int run_one(const char *path) {
    struct oci_hook hook = {.path = path};
    return run_at(HOOK_CREATE_RUNTIME, &hook, 1, false);
}

/* ---- the plan ---- */

static void test_plan(void) {
    is_number(hooks_plan(&arena, NULL, &plan, &err), 0, "no hooks section");
    size_t count = 0;
    for (int point = 0; point < HOOK_POINT_COUNT; point++)
        count += plan.at[point].count;
    is_number(count, 0, "plans no hook");
    static const char *const names[] = {"prestart",       "createRuntime", "createContainer",
                                        "startContainer", "poststart",     "poststop"};
    for (int point = 0; point < HOOK_POINT_COUNT; point++)
        is_text(hook_point_name((enum hook_point)point), names[point], "the name of point %d", point);

    const char *args[] = {"zero", "one"}, *env[] = {"A=1", "B="};
    struct oci_hook two[] = {
        {.path = "/a", .args = {2, args}, .env = {2, env}, .timeout = 7, .has_timeout = true},
        {.path = "/b"},
    };
    struct oci_hooks hooks = {.create_container = {2, two}, .poststop = {1, two + 1}};
    is_number(hooks_plan(&arena, &hooks, &plan, &err), 0, "a plan of three");
    const struct plan_hook *first = plan.at[HOOK_CREATE_CONTAINER].items;
    ok(plan.at[HOOK_CREATE_CONTAINER].count == 2 && plan.at[HOOK_POSTSTOP].count == 1 &&
           plan.at[HOOK_PRESTART].count == 0,
       "each at its point");
    is_text(first->path, "/a", "the path");
    ok(!strcmp(first->argv[0], "zero") && !strcmp(first->argv[1], "one") && !first->argv[2], "argv as given");
    ok(!strcmp(first->envp[0], "A=1") && !strcmp(first->envp[1], "B=") && !first->envp[2], "env as given");
    is_number(first->timeout_ms, 7000, "the timeout in milliseconds");
    ok(!strcmp(first[1].argv[0], "/b") && !first[1].argv[1], "without args argv is the path");
    ok(!first[1].envp && first[1].timeout_ms == 0, "without env and timeout: the defaults");
}

static void test_plan_edges(void) {
    const char *none[] = {NULL};
    struct oci_hook empty = {.path = "/a", .args = {0, none}, .env = {0, none}};
    is_number(plan_one(&empty), 0, "empty arrays");
    const struct plan_hook *hook = plan.at[HOOK_PRESTART].items;
    ok(hook->envp && !hook->envp[0], "an empty env is an empty environment");
    ok(!strcmp(hook->argv[0], "/a") && !hook->argv[1], "empty args are the path");
    struct oci_hook longest = {.path = "/a", .timeout = INT64_MAX, .has_timeout = true};
    ok(plan_one(&longest) == 0 && plan.at[HOOK_PRESTART].items->timeout_ms == INT64_MAX, "the longest timeout");
}

static void test_refused(void) {
    struct oci_hook good = {.path = "/good"};
    plan_one(&good);
    struct plan_hooks before = plan;
    struct oci_hook relative = {.path = "bin/x"};
    is_number(plan_one(&relative), -EINVAL, "a relative path is refused");
    is_text(err.place, "/hooks/prestart/0/path", "its place");
    is_text(err.text, "a hook's path must be absolute, not \"bin/x\" (config /hooks/prestart/0/path)", "its text");
    ok(memcmp(&before, &plan, sizeof plan) == 0, "the plan is untouched");
    struct oci_hook nameless = {.path = ""};
    is_number(plan_one(&nameless), -EINVAL, "an empty path too");
    struct oci_hook zero = {.path = "/x", .timeout = 0, .has_timeout = true};
    is_number(plan_one(&zero), -EINVAL, "a timeout of 0");
    is_text(err.place, "/hooks/prestart/0/timeout", "its place");
    struct oci_hook negative = {.path = "/x", .timeout = -1, .has_timeout = true};
    is_number(plan_one(&negative), -EINVAL, "a timeout of -1");
    const char *env[] = {"A=1", "JUST_A_NAME"};
    struct oci_hook bare[] = {{.path = "/x"}, {.path = "/x", .env = {2, env}}};
    struct oci_hooks hooks = {.poststart = {2, bare}};
    is_number(hooks_plan(&arena, &hooks, &plan, &err), -EINVAL, "an env entry without '='");
    is_text(err.place, "/hooks/poststart/1/env/1", "its place");
    char endless[5000];
    memset(endless, 'x', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    struct oci_hook long_path = {.path = endless};
    ok(plan_one(&long_path) == -EINVAL && strstr(err.text, "(config /hooks/prestart/0/path)"),
       "a very long value still leaves its place in the text");
}

/* ---- running ---- */

static void test_order(void) {
    const char *const say = script("say", "echo \"$0 $* FROM=$FROM\" >>trace; cat >>trace; echo >>trace");
    const char *args[] = {"arg zero", "one", "two words"}, *env[] = {"FROM=hook"}, *none[] = {NULL};
    struct oci_hook three[] = {
        {.path = say},
        {.path = say, .args = {3, args}, .env = {1, env}},
        {.path = say, .env = {0, none}},
    };
    is_number(run_at(HOOK_PRESTART, three, 3, false), 0, "three hooks");
    char want[4096];
    snprintf(want, sizeof want,
             "%s  FROM=default\n{\"id\": \"c1\"}\n%s one two words FROM=hook\n{\"id\": \"c1\"}\n"
             "%s  FROM=\n{\"id\": \"c1\"}\n",
             say, say, say);
    is_text(trace(), want, "in order, in the bundle, each with the state, its arguments and its environment");
    is_number(run_at(HOOK_POSTSTART, three, 0, false), 0, "a point without hooks");
}

static void test_failure(void) {
    const char *const good = script("good", "echo good >>trace");
    const char *const bad = script("bad", "echo one; echo 'the reason' >&2; exit 3");
    struct oci_hook three[] = {{.path = good}, {.path = bad}, {.path = good}};
    is_number(run_at(HOOK_CREATE_CONTAINER, three, 3, false), -ECANCELED, "the second of three fails");
    is_text(trace(), "good\n", "the third is not run");
    char want[512];
    snprintf(want, sizeof want, "error running createContainer hook #1 (%s): exit status 3 after ", bad);
    ok(strncmp(err.text, want, strlen(want)) == 0, "the text begins with what and why: %s", err.text);
    ok(strstr(err.text, " ms, output: one the reason") != NULL, "and ends with the output in one line");
    is_text(err.step, "hook", "the step");
    is_text(err.place, "/hooks/createContainer/1", "the place");
    is_number(err.code, ECANCELED, "the code");

    is_number(run_at(HOOK_POSTSTOP, three, 3, true), 0, "poststop carries on");
    is_text(trace(), "good\ngood\n", "the third is run");
    ok(strstr(warnings, "error running poststop hook #1") && strstr(warnings, "the reason"), "with a warning: %s",
       warnings);
    is_number(err.code, 0, "and no error");
}

static void test_ways_to_fail(void) {
    is_number(run_one(script("killed", "ulimit -c 0; kill -ILL $$")), -ECANCELED, "a signal");
    ok(strstr(err.text, "killed by signal 4 (Illegal instruction) after ") != NULL, "is named: %s", err.text);
    ok(strstr(err.text, "output") == NULL, "without output none is spoken of");

    struct oci_hook slow = {.path = script("slow", "echo waiting; exec sleep 300"), .timeout = 1, .has_timeout = true};
    is_number(run_at(HOOK_POSTSTART, &slow, 1, false), -ETIMEDOUT, "a deadline");
    ok(strstr(err.text, ": hook ran past specified timeout of 1.0s, output: waiting") != NULL, "in words: %s",
       err.text);

    is_number(run_one("/nonexistent/hook"), -ENOENT, "a hook that is not there");
    is_text(err.text,
            "error running createRuntime hook #0 (/nonexistent/hook): cannot execute /nonexistent/hook: "
            "no such file or directory",
            "says so");
    is_text(err.place, "/hooks/createRuntime/0", "with its place");
}

static void test_output(void) {
    run_one(script("long", "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; echo LAST >&2; exit 1"));
    size_t len = strlen(err.text);
    ok(len > 500 && strcmp(err.text + len - 13, "line 499 LAST") == 0, "of a long output the end is kept");
    ok(strncmp(err.text, "error running createRuntime hook #0 (", 37) == 0, "and the beginning of the message");
    error_wrap(&err, "create %s", "a-container-with-a-long-name");
    ok(strncmp(err.text, "create a-container", 18) == 0 && strstr(err.text, "exit status 1") &&
           strstr(err.text, "LAST"),
       "also when a caller puts more before it");
    run_one(script("escape", "printf '\\033]0;owned\\007\\000red\\n\\n\\n'; exit 1"));
    ok(strstr(err.text, "output: ]0;owned  red") && !strchr(err.text, 033), "control characters become blanks");
    run_one(script("umlaut", "i=0; while [ $i -lt 400 ]; do printf '\\303\\244'; i=$((i+1)); done; printf x; exit 1"));
    const char *output = strstr(err.text, "output: ");
    ok(output && (unsigned char)output[8] == 0xc3, "no character is cut in two");
    char far[3000] = "/";
    memset(far + 1, 'd', sizeof far - 2);
    ok(run_one(far) == -ENAMETOOLONG && strstr(err.text, error_text(ENAMETOOLONG)), "a path that fills the message");
}

static void test_surroundings(void) {
    is_number(run_one(script("input", "exec 0<&-; exit 0")), 0, "a hook that closes its input");
    struct oci_hook hook = {.path = "/bin/true"};
    struct oci_hooks hooks = {.prestart = {1, &hook}};
    hooks_plan(&arena, &hooks, &plan, &err);
    const struct hook_call bare = {.state_fd = state_fd, .directory_fd = -1};
    is_number(hook_run(&plan, HOOK_PRESTART, &bare, &err), 0, "no default environment, no bundle");
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!mkdtemp(directory))
        return 99;
    directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    state_fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (write(state_fd, "{\"id\": \"c1\"}", 12) != 12)
        return 99;
    fcntl(state_fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
    log_configure(LOG_LEVEL_WARNING, warning_keep, NULL);
    test_plan();
    test_plan_edges();
    test_refused();
    test_order();
    test_failure();
    test_ways_to_fail();
    test_output();
    test_surroundings();
    arena_drop(&arena);
    static const char *const made[] = {"say", "good", "bad", "killed", "slow", "long", "escape", "umlaut", "input"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        unlinkat(directory_fd, made[i], 0);
    ok(rmdir(directory) == 0, "nothing else was left in the directory");
    return tap_done();
}
