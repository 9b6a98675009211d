/* SPDX-License-Identifier: Apache-2.0 */
/* exec: one more process in a container. Runs in the command line; the library says what privilege it needs. */
#include "cli/failure.h"
#include "cli/verb.h"

#include "base/table.h"

#include <errno.h>
#include <string.h>

struct exec_options {
    struct berth_exec exec;
    struct option_list env, caps, additional_gids, cgroups;
    bool detach, interactive;
};

#define FIELD(member) offsetof(struct exec_options, member)

static const struct option_row rows[] = {
    OPTION_ROW(TEXT, FIELD(exec.process), "process", 'p', "FILE", "run the OCI process in FILE (JSON)"),
    OPTION_ROW(FLAG, FIELD(detach), "detach", 'd', NULL, "return as soon as the process runs"),
    OPTION_ROW(TEXT, FIELD(exec.pid_file), "pid-file", 0, "FILE", "write the process id to FILE"),
    OPTION_ROW(TEXT, FIELD(exec.console_socket), "console-socket", 0, "PATH",
               "UNIX socket that receives the terminal's master end"),
    OPTION_ROW(TEXT, FIELD(exec.pidfd_socket), "pidfd-socket", 0, "PATH",
               "UNIX socket that receives a pidfd of the process"),
    OPTION_ROW(FLAG, FIELD(exec.terminal), "tty", 't', NULL, "give it a terminal"),
    OPTION_ROW(FLAG, FIELD(interactive), "interactive", 'i', NULL,
               "accepted for compatibility: standard input is always passed on"),
    OPTION_ROW(LIST, FIELD(env), "env", 'e', "NAME=VALUE", "add an environment variable"),
    OPTION_ROW(TEXT, FIELD(exec.cwd), "cwd", 0, "DIR", "working directory in the container"),
    OPTION_ROW(TEXT, FIELD(exec.user), "user", 'u', "UID[:GID]", "user and group, as numbers"),
    OPTION_ROW(LIST, FIELD(additional_gids), "additional-gids", 'g', "GID", "add a group, as a number"),
    OPTION_ROW(LIST, FIELD(caps), "cap", 'c', "CAP", "add a capability"),
    OPTION_ROW(TEXT, FIELD(exec.process_label), "process-label", 0, "LABEL", "SELinux label of the process"),
    OPTION_ROW(TEXT, FIELD(exec.apparmor), "apparmor", 0, "PROFILE", "AppArmor profile of the process"),
    OPTION_ROW(FLAG, FIELD(exec.no_new_privs), "no-new-privs", 0, NULL, "it can gain no privileges"),
    OPTION_ROW(NUMBER, FIELD(exec.preserve_fds), "preserve-fds", 0, "N",
               "pass N more file descriptors, counted from 3"),
    OPTION_ROW(LIST, FIELD(cgroups), "cgroup", 0, "[CONTROLLER,..:]SUB", "run it in a sub-cgroup, which must exist"),
    OPTION_ROW(FLAG, FIELD(exec.ignore_paused), "ignore-paused", 0, NULL,
               "in a paused container too: it runs when that is resumed"),
};

/* With a file that says all, what would change it is refused rather than ignored. */
static const char *conflict(const struct call *call, const struct exec_options *options) {
    const struct berth_exec *e = &options->exec;
    const struct {
        bool given;
        const char *name;
    } changes[] = {
        {call->count > 1, "a program"},
        {options->env.count > 0, "--env"},
        {e->cwd, "--cwd"},
        {e->user, "--user"},
        {options->additional_gids.count > 0, "--additional-gids"},
        {options->caps.count > 0, "--cap"},
        {e->process_label, "--process-label"},
        {e->apparmor, "--apparmor"},
        {e->no_new_privs, "--no-new-privs"},
    };
    for (size_t i = 0; e->process && i < TABLE_COUNT(changes); i++)
        if (changes[i].given)
            return changes[i].name;
    return NULL;
}

/* The parser's lists as the library wants them. */
static bool end_list(struct arena *arena, const struct option_list *list, const char *const **out) {
    const char **items = arena_array(arena, list->count + 1, sizeof *items);
    if (items && list->count > 0)
        memcpy(items, list->items, list->count * sizeof *items);
    *out = list->count > 0 ? items : NULL;
    return items;
}

static int exec(const struct call *call, struct berth_error *error) {
    const struct exec_options *options = call->options;
    struct berth_exec request = options->exec;
    const char *other = conflict(call, options);
    if (other)
        return failure_set(error, EINVAL, "exec: %s cannot be given together with --process", other);
    if (!request.process && call->count < 2)
        return failure_set(error, EINVAL, "exec: an argument is missing: berth exec ID PROGRAM [ARGUMENT...]");
    if (!end_list(call->arena, &options->env, &request.env) || !end_list(call->arena, &options->caps, &request.caps) ||
        !end_list(call->arena, &options->additional_gids, &request.additional_gids) ||
        !end_list(call->arena, &options->cgroups, &request.cgroups))
        return failure_set(error, ENOMEM, "out of memory");
    for (size_t i = 0; i < options->cgroups.count; i++)
        if (!*options->cgroups.items[i])
            return failure_set(error, EINVAL, "exec: --cgroup must not be empty");
    request.id = call->args[0];
    const struct option_list args = {call->count - 1, (const char **)(call->args + 1)};
    if (!end_list(call->arena, &args, &request.args))
        return failure_set(error, ENOMEM, "out of memory");
    int status = 0;
    int r = berth_exec(call->runtime, &request, options->detach ? BERTH_RUN_DETACH : 0, &status, error);
    return r < 0 ? r : status;
}

const struct verb verb_exec = {
    .name = "exec",
    .arguments = "ID [PROGRAM [ARGUMENT...]]",
    .summary = "run one more process in a container",
    .details = "Without --process the process is the container's own with PROGRAM in place of its program.\n"
               "The exit status is that of the process, or 128 and the number of the signal that ended it; 255 when\n"
               "it could not be run.\n",
    .options = {rows, TABLE_COUNT(rows)},
    .order = OPTION_ORDER_FIRST,
    .options_size = sizeof(struct exec_options),
    .min = 1,
    .max = VERB_ANY,
    .enters = true,
    .failure = 255,
    .run = exec,
};
