/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint: a container into files. Runs in the command line; the library needs root for it. */
#include "cli/verb.h"

#include "cli/criu.h"

struct checkpoint_options {
    struct berth_checkpoint checkpoint;
    int empty_ns;
};

#define FIELD(member) offsetof(struct checkpoint_options, member)

static const struct option_row rows[] = {
    CRIU_ROWS(checkpoint.criu, empty_ns),
    OPTION_ROW(TEXT, FIELD(checkpoint.parent_path), "parent-path", 0, "DIR",
               "images of an earlier --pre-dump, relative to the image path"),
    OPTION_ROW(TEXT, FIELD(checkpoint.page_server), "page-server", 0, "ADDRESS:PORT",
               "send memory to a page server instead of writing it"),
    OPTION_ROW(NUMBER, FIELD(checkpoint.status_fd), "status-fd", 0, "FD",
               "with --lazy-pages: write a zero byte to FD once pages can be fetched"),
    OPTION_ROW(FLAG, FIELD(checkpoint.leave_running), "leave-running", 0, NULL,
               "let the container go on instead of deleting it"),
    OPTION_ROW(FLAG, FIELD(checkpoint.pre_dump), "pre-dump", 0, NULL,
               "write memory alone, and let the container go on"),
    OPTION_ROW(FLAG, FIELD(checkpoint.tcp_skip_in_flight), "tcp-skip-in-flight", 0, NULL,
               "leave out TCP connections that are not accepted yet"),
    OPTION_ROW(FLAG, FIELD(checkpoint.link_remap), "link-remap", 0, NULL,
               "allow open files whose name is gone, by a temporary link"),
};

static int checkpoint(const struct call *call, struct berth_error *error) {
    const struct checkpoint_options *options = call->options;
    struct berth_checkpoint request = options->checkpoint;
    request.id = call->args[0];
    return berth_checkpoint(call->runtime, &request, error);
}

const struct verb verb_checkpoint = {
    .name = "checkpoint",
    .arguments = "ID",
    .summary = "write a running container into files, by criu",
    .options = {rows, TABLE_COUNT(rows)},
    .options_size = sizeof(struct checkpoint_options),
    .min = 1,
    .max = 1,
    .run = checkpoint,
};
