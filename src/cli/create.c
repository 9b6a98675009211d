/* SPDX-License-Identifier: Apache-2.0 */
/* create, run: a container from a bundle. Runs in the command line; the library says what privilege it needs. */
#include "cli/verb.h"

#include "base/table.h"

#define SURPLUS "the command comes from process.args of config.json"

struct create_options {
    struct berth_create create;
    bool detach, keep, no_subreaper;
};

#define FIELD(member) offsetof(struct create_options, member)

/* The options of run: those of create, then RUN_ALONE more. */
static const struct option_row rows[] = {
    OPTION_ROW(TEXT, FIELD(create.bundle), "bundle", 'b', "DIR",
               "the bundle's directory (default: the current directory)"),
    OPTION_ROW(TEXT, FIELD(create.config), "config", 'f', "FILE",
               "configuration to use (default: config.json in the bundle)"),
    OPTION_ROW(TEXT, FIELD(create.console_socket), "console-socket", 0, "PATH",
               "UNIX socket that receives the terminal's master end"),
    OPTION_ROW(TEXT, FIELD(create.pid_file), "pid-file", 0, "FILE", "write the process id of the container to FILE"),
    OPTION_ROW(TEXT, FIELD(create.pidfd_socket), "pidfd-socket", 0, "PATH",
               "UNIX socket that receives a pidfd of the container"),
    OPTION_ROW(NUMBER, FIELD(create.preserve_fds), "preserve-fds", 0, "N",
               "pass N more file descriptors, counted from 3"),
    OPTION_ROW(FLAG, FIELD(create.no_pivot), "no-pivot", 0, NULL,
               "chroot instead of pivot_root, for a host whose root is a ramfs"),
    OPTION_ROW(FLAG, FIELD(create.no_new_keyring), "no-new-keyring", 0, NULL, "stay in the caller's session keyring"),
    OPTION_ROW(FLAG, FIELD(no_subreaper), "no-subreaper", 0, NULL, "accepted for compatibility, without effect"),
    OPTION_ROW(FLAG, FIELD(detach), "detach", 'd', NULL, "return as soon as the container runs"),
    OPTION_ROW(FLAG, FIELD(keep), "keep", 0, NULL, "leave the stopped container in place instead of deleting it"),
};

enum { RUN_ALONE = 2 };

static int create(const struct call *call, struct berth_error *error) {
    const struct create_options *options = call->options;
    struct berth_create request = options->create;
    request.id = call->args[0];
    return berth_create(call->runtime, &request, error);
}

static int run(const struct call *call, struct berth_error *error) {
    const struct create_options *options = call->options;
    struct berth_create request = options->create;
    request.id = call->args[0];
    unsigned flags = (options->detach ? BERTH_RUN_DETACH : 0u) | (options->keep ? BERTH_RUN_KEEP : 0u);
    int status = 0;
    int r = berth_run(call->runtime, &request, flags, &status, error);
    return r < 0 ? r : status;
}

const struct verb verb_create = {
    .name = "create",
    .arguments = "ID",
    .summary = "create a container from a bundle, ready to be started",
    .surplus = SURPLUS,
    .options = {rows, TABLE_COUNT(rows) - RUN_ALONE},
    .options_size = sizeof(struct create_options),
    .min = 1,
    .max = 1,
    .enters = true,
    .run = create,
};

const struct verb verb_run = {
    .name = "run",
    .arguments = "ID",
    .summary = "create and start a container, wait for it and delete it",
    .details = "The exit status is the container's own, or 128 and the number of the signal that ended it.\n",
    .surplus = SURPLUS,
    .options = {rows, TABLE_COUNT(rows)},
    .options_size = sizeof(struct create_options),
    .min = 1,
    .max = 1,
    .enters = true,
    .run = run,
};
