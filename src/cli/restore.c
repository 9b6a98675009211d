/* SPDX-License-Identifier: Apache-2.0 */
/* restore: a container from a bundle and the files of a checkpoint. Runs in the command line; needs root. */
#include "cli/verb.h"

#include "cli/criu.h"

struct restore_options {
    struct berth_restore restore;
    int empty_ns;
    bool detach, no_subreaper;
};

#define FIELD(member) offsetof(struct restore_options, member)

static const struct option_row rows[] = {
    OPTION_ROW(TEXT, FIELD(restore.create.bundle), "bundle", 'b', "DIR",
               "the bundle's directory (default: the current directory)"),
    OPTION_ROW(TEXT, FIELD(restore.create.config), "config", 'f', "FILE",
               "configuration to use (default: config.json in the bundle)"),
    OPTION_ROW(TEXT, FIELD(restore.create.console_socket), "console-socket", 0, "PATH",
               "UNIX socket that receives the terminal's master end"),
    OPTION_ROW(TEXT, FIELD(restore.create.pid_file), "pid-file", 0, "FILE",
               "write the process id of the container to FILE"),
    OPTION_ROW(TEXT, FIELD(restore.create.pidfd_socket), "pidfd-socket", 0, "PATH",
               "UNIX socket that receives a pidfd of the container"),
    OPTION_ROW(FLAG, FIELD(detach), "detach", 'd', NULL, "return as soon as the container runs"),
    CRIU_ROWS(restore.criu, empty_ns),
    OPTION_ROW(FLAG, FIELD(restore.tcp_close), "tcp-close", 0, NULL, "bring TCP connections back closed"),
    OPTION_ROW(TEXT, FIELD(restore.lsm_profile), "lsm-profile", 0, "TYPE:NAME",
               "AppArmor profile or SELinux label of the processes"),
    OPTION_ROW(TEXT, FIELD(restore.lsm_mount_context), "lsm-mount-context", 0, "CONTEXT", "SELinux context of mounts"),
    OPTION_ROW(FLAG, FIELD(restore.create.no_pivot), "no-pivot", 0, NULL, "accepted for compatibility, without effect"),
    OPTION_ROW(FLAG, FIELD(no_subreaper), "no-subreaper", 0, NULL, "accepted for compatibility, without effect"),
};

static int restore(const struct call *call, struct berth_error *error) {
    const struct restore_options *options = call->options;
    struct berth_restore request = options->restore;
    request.create.id = call->args[0];
    int status = 0;
    int r = berth_restore(call->runtime, &request, options->detach ? BERTH_RUN_DETACH : 0u, &status, error);
    return r < 0 ? r : status;
}

const struct verb verb_restore = {
    .name = "restore",
    .arguments = "ID",
    .summary = "make a container of what checkpoint has written, by criu",
    .details =
        "Without --detach the exit status is the container's own, or 128 and the number of the signal that ended it.\n",
    .options = {rows, TABLE_COUNT(rows)},
    .options_size = sizeof(struct restore_options),
    .min = 1,
    .max = 1,
    .run = restore,
};
