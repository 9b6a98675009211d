/* SPDX-License-Identifier: Apache-2.0 */
/* spec: a config.json to start from. Runs in the command line; needs to write to the bundle's directory. */
#include "cli/failure.h"
#include "cli/verb.h"

#include "base/fd.h"
#include "base/own.h"
#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct spec_options {
    const char *bundle, *file;
    bool rootless;
};

#define FIELD(member) offsetof(struct spec_options, member)

static const struct option_row rows[] = {
    OPTION_ROW(TEXT, FIELD(bundle), "bundle", 'b', "DIR", "directory to write to (default: the current directory)"),
    OPTION_ROW(TEXT, FIELD(file), "file", 'f', "FILE", "name of the file (default: config.json), relative to DIR"),
    OPTION_ROW(FLAG, FIELD(rootless), "rootless", 0, NULL,
               "for a user without privilege: a user namespace of its own ids"),
};

static int file_fill(int fd, const char *json, const char *name, struct berth_error *error) {
    int r = fd_write_all(fd, json, strlen(json));
    if (r == 0)
        r = fd_write_all(fd, "\n", 1);
    return r < 0 ? failure_code(error, -r, "spec: cannot write %s", name) : 0;
}

static int spec(const struct call *call, struct berth_error *error) {
    const struct spec_options *options = call->options;
    const char *bundle = options->bundle ? options->bundle : ".";
    const char *name = options->file ? options->file : "config.json";
    own_memory char *json = NULL;
    int r = berth_spec(options->rootless, &json, error);
    if (r < 0)
        return r;
    own_fd dir = fd_open(bundle, O_PATH | O_DIRECTORY);
    if (dir < 0)
        return failure_code(error, errno, "spec: cannot open the bundle %s", bundle);
    own_fd fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0644);
    if (fd < 0 && errno == EEXIST)
        return failure_set(error, EEXIST, "spec: %s exists already and is not overwritten", name);
    if (fd < 0)
        return failure_code(error, errno, "spec: cannot create %s", name);
    r = file_fill(fd, json, name, error);
    if (r < 0)
        unlinkat(dir, name, 0);
    return r;
}

const struct verb verb_spec = {
    .name = "spec",
    .arguments = "",
    .summary = "write a config.json to start from",
    .options = {rows, TABLE_COUNT(rows)},
    .options_size = sizeof(struct spec_options),
    .run = spec,
};
