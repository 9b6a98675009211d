/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of life/hook_output: what the black box does not show, since the program never has its streams closed. */
#include "life/hook_output.h"

#include "base/own.h"
#include "oci_types.h"
#include "plan/annotations.h"
#include "scratch.h"
#include "tap.h"

static struct error err;

int main(void) {
    struct oci_string_entry rows[] = {{.key = ANNOTATION_HOOKS_STDOUT, .value = "out"},
                                      {.key = ANNOTATION_HOOKS_STDERR, .value = "none/err"}};
    const struct oci_string_map none = {.items = rows, .count = 0}, one = {.items = rows, .count = 1},
                                both = {.items = rows, .count = 2};
    struct hook_output output = HOOK_OUTPUT_INIT;
    scratch_make();
    is_number(hook_output_open(&none, scratch_fd, &output, &err), 0, "without annotations");
    ok(output.out == -1 && output.err == -1, "there is no file");
    close(STDIN_FILENO);
    is_number(hook_output_open(&one, scratch_fd, &output, &err), 0, "with standard input closed");
    ok(output.out > STDERR_FILENO && output.err == -1, "a file is none of the standard streams: %d", output.out);
    is_number(fcntl(output.out, F_GETFD), FD_CLOEXEC, "nor open in another program");
    is_number(fcntl(output.out, F_GETFL) & (O_APPEND | O_NONBLOCK), O_APPEND, "it is appended to, and writes wait");
    hook_output_drop(&output);
    ok(output.out == -1, "it is closed");
    is_number(hook_output_open(&both, scratch_fd, &output, &err), -ENOENT, "one of two that cannot be opened");
    is_text(err.place, "/annotations/run.oci.hooks.stderr", "is named");
    ok(output.out == -1 && output.err == -1, "none is left open");
    ok(scratch_remove(), "the files are removed");
    return tap_done();
}
