/* SPDX-License-Identifier: Apache-2.0 */
/* hook_output: the files that annotations name for the output of hooks. Runs in life. */
#ifndef BERTH_LIFE_HOOK_OUTPUT_H
#define BERTH_LIFE_HOOK_OUTPUT_H

#include "base/error.h"
#include "init/hook.h"

struct oci_string_map;

/*
 * Opens them to append, and makes them if they are not there; a stream without an annotation is left to be captured. A
 * relative path is below `bundle`. On failure *out holds nothing, and the error's place is the annotation.
 */
int hook_output_open(const struct oci_string_map *annotations, int bundle, struct hook_output *out, struct error *err);

void hook_output_drop(struct hook_output *output);
#define own_hook_output own(hook_output_drop) struct hook_output

#endif
