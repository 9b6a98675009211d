/* SPDX-License-Identifier: Apache-2.0 */
/* hook: see hook.h. Runs in life, and in init before and after pivot; needs no privilege. */
#include "init/hook.h"

#include "base/log.h"
#include "kernel/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define PATH_SHOWN 200
#define OUTPUT_SHOWN 480 /* leaves room in an error for the path and for what callers put before it */

/*
 * Makes the output one line that is safe to show and keeps its end, where the reason usually stands. A startContainer
 * hook comes out of the image: what it writes must not steer a terminal.
 */
static const char *output_tidy(struct run_result *result) {
    char *text = result->output;
    size_t len = result->output_len;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
    while (len > 0 && text[len - 1] == ' ')
        len--;
    text[len] = '\0';
    if (len > OUTPUT_SHOWN)
        text += len - OUTPUT_SHOWN;
    while (((unsigned char)*text & 0xc0) == 0x80) /* not in the middle of a UTF-8 character */
        text++;
    while (*text == ' ')
        text++;
    return text;
}

static int outcome_failed(const struct plan_hook *hook, struct run_result *result, struct error *err) {
    int status = result->status;
    if (result->cancelled)
        error_set(err, EINTR, "interrupted by a signal after %" PRId64 " ms", result->elapsed_ms);
    else if (result->timed_out)
        error_set(err, ETIMEDOUT, "hook ran past specified timeout of %" PRId64 ".%" PRId64 "s",
                  hook->timeout_ms / 1000, hook->timeout_ms % 1000 / 100);
    else if (WIFSIGNALED(status))
        error_set(err, ECANCELED, "killed by signal %d (%s) after %" PRId64 " ms", WTERMSIG(status),
                  strsignal(WTERMSIG(status)), result->elapsed_ms);
    else if (WEXITSTATUS(status) != 0)
        error_set(err, ECANCELED, "exit status %d after %" PRId64 " ms", WEXITSTATUS(status), result->elapsed_ms);
    else
        return 0;
    const char *output = output_tidy(result);
    if (*output) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ", output: %.*s", OUTPUT_SHOWN, output);
    }
    return -err->code;
}

static int hook_run_one(const struct plan_hook *hook, const struct hook_call *call, struct error *err) {
    static const char *const empty[] = {NULL};
    const struct run_program program = {
        .path = hook->path,
        .argv = hook->argv,
        .envp = hook->envp   ? hook->envp
                : call->envp ? call->envp
                             : empty,
        .stdin_fd = call->state_fd,
        .directory_fd = call->directory_fd,
        .root_fd = call->root_fd,
        .timeout_ms = hook->timeout_ms,
        .confine = call->confine,
        .context = call->context,
        .cancel_fd = call->cancel_fd,
        .output_fd = call->output.out,
        .error_fd = call->output.err,
    };
    struct run_result result;
    int r = run_program(&program, &result, err);
    return r < 0 ? r : outcome_failed(hook, &result, err);
}

int hook_run(const struct plan_hooks *hooks, enum hook_point point, const struct hook_call *call, struct error *err) {
    const char *name = hook_point_name(point);
    for (size_t i = 0; i < hooks->at[point].count; i++) {
        const struct plan_hook *hook = &hooks->at[point].items[i];
        struct error failed = ERROR_INIT;
        if (hook_run_one(hook, call, &failed) == 0) {
            log_debug("%s hook #%zu (%s) succeeded", name, i, hook->path);
            continue;
        }
        char place[sizeof failed.place];
        snprintf(place, sizeof place, "/hooks/%s/%zu", name, i);
        error_blame(&failed, "hook", place, "error running %s hook #%zu (%.*s)", name, i, PATH_SHOWN, hook->path);
        if (!call->carry_on) {
            *err = failed;
            return -failed.code;
        }
        log_warning("%s", failed.text);
    }
    return 0;
}
