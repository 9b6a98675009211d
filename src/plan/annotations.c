/* SPDX-License-Identifier: Apache-2.0 */
/* annotations: see annotations.h. Pure; runs in life. */
#include "plan/annotations.h"

#include "oci_types.h"

#include <string.h>

const char *annotation_find(const struct oci_string_map *annotations, const char *name) {
    for (size_t i = 0; i < annotations->count; i++)
        if (strcmp(annotations->items[i].key, name) == 0)
            return annotations->items[i].value;
    return NULL;
}

bool annotation_keeps_groups(const struct oci_string_map *annotations) {
    const char *value = annotation_find(annotations, ANNOTATION_KEEP_GROUPS);
    return value && strcmp(value, "0") != 0;
}
