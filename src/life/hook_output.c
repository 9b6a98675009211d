/* SPDX-License-Identifier: Apache-2.0 */
/* hook_output: see hook_output.h. */
#include "life/hook_output.h"

#include "base/fd.h"
#include "base/own.h"
#include "plan/annotations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static int refuse(const char *name, const char *path, int code, struct error *err) {
    char place[64];
    snprintf(place, sizeof place, "/annotations/%s", name);
    return error_at(err, code, "hook", place, "open \"%s\" for the output of hooks%s", path,
                    code == ENXIO ? " (is it a FIFO that nobody reads?)" : "");
}

static int open_one(const struct oci_string_map *annotations, const char *name, int bundle, int *out,
                    struct error *err) {
    const char *path = annotation_find(annotations, name);
    if (!path)
        return 0;
    /* Without O_NONBLOCK, open(2) of a FIFO waits for a reader. What the hooks write must wait, so it goes again. */
    own_fd fd =
        openat(bundle, path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0)
        return refuse(name, path, errno, err);
    /* Number 0 would mean that there is no file. */
    int raised = fd_raise(fd, 3);
    if (raised < 0)
        return refuse(name, path, -raised, err);
    fd = -1;
    *out = raised;
    return 0;
}

int hook_output_open(const struct oci_string_map *annotations, int bundle, struct hook_output *out, struct error *err) {
    own_hook_output made = HOOK_OUTPUT_INIT;
    int r = open_one(annotations, ANNOTATION_HOOKS_STDOUT, bundle, &made.out, err);
    if (r == 0)
        r = open_one(annotations, ANNOTATION_HOOKS_STDERR, bundle, &made.err, err);
    if (r < 0)
        return r;
    *out = made;
    made = (struct hook_output)HOOK_OUTPUT_INIT;
    return 0;
}

void hook_output_drop(struct hook_output *output) {
    fd_drop(&output->out);
    fd_drop(&output->err);
}
