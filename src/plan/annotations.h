/* SPDX-License-Identifier: Apache-2.0 */
/* annotations: those of the config that change what berth does. Pure. The names run.oci.* are crun's: crun(1). */
#ifndef BERTH_PLAN_ANNOTATIONS_H
#define BERTH_PLAN_ANNOTATIONS_H

#include <stdbool.h>

struct oci_string_map;

#define ANNOTATION_KEEP_GROUPS "run.oci.keep_original_groups"
#define ANNOTATION_HOOKS_STDOUT "run.oci.hooks.stdout"
#define ANNOTATION_HOOKS_STDERR "run.oci.hooks.stderr"

/* The value of an annotation, NULL if the config does not have it. */
const char *annotation_find(const struct oci_string_map *annotations, const char *name);

/* Whether the program keeps the supplementary groups of berth's caller: with any value but "0". */
bool annotation_keeps_groups(const struct oci_string_map *annotations);

#endif
