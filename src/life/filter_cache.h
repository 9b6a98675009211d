/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_cache: compiled seccomp filters kept between runs in <root>/.cache/seccomp, since compiling an engine's
 * default profile costs more than all the rest of a create. An entry holds the whole key (plan/filter.h) and the
 * program: a look-up compares the key to the letter, so a collision of the name can never yield a wrong filter.
 * Runs in life; needs no privilege beyond the state root.
 */
#ifndef BERTH_LIFE_FILTER_CACHE_H
#define BERTH_LIFE_FILTER_CACHE_H

#include "plan/filter.h"

/*
 * The filter of the section: from the cache below `root_fd` (the state root, owned by us, 0700), else compiled and
 * stored there (written aside and renamed; a store that fails is no error, and so root_fd may be -1 for no cache).
 * An entry that is not a regular file of our own uid with mode 0600, is cut short, or does not match its checksum
 * counts as absent and is replaced. The oldest entries are removed when there are more than a few hundred.
 * seccomp NULL: *out is all zero. Errors are those of filter_key, filter_compile and filter_review, which is asked with
 * a filter from the cache as well.
 */
int filter_cache_get(struct arena *arena, int root_fd, const struct oci_seccomp *seccomp, bool fail_unknown,
                     struct plan_filter *out, struct error *err);

#endif
