/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot: what later commands need of the config as it was at create, in the state directory: the process, the
 * resources and the personality as JSON, and the compiled seccomp filter, so that exec never compiles one. The bundle
 * may change or vanish meanwhile. Runs in life; needs no privilege beyond the state root.
 */
#ifndef BERTH_LIFE_SNAPSHOT_H
#define BERTH_LIFE_SNAPSHOT_H

#include "base/arena.h"
#include "base/error.h"
#include "oci_types.h"
#include "plan/filter.h"

/* Files in the state directory, for store_remove. */
#define SNAPSHOT_CONFIG "config.json"
#define SNAPSHOT_FILTER "filter"
#define SNAPSHOT_ASIDE "config.new"

int snapshot_write(int dir, const struct oci_config *config, const struct plan_filter *filter, struct error *err);

/*
 * Reads it back: *config is one with nothing but process (NULL when there was none), linux.resources and
 * linux.personality, and *filter the program (all zero when the config had no seccomp). A filter that is missing or
 * damaged is an error: no process may come to run without it.
 */
int snapshot_read(int dir, struct arena *arena, const struct oci_config **config, struct plan_filter *filter,
                  struct error *err);

/*
 * Replaces the config part as a whole, for an update of the resources: it is written aside before anything else is
 * changed, since that is what the disk may refuse; then it is put in place, or thrown away.
 */
int snapshot_prepare(int dir, const struct oci_config *config, struct error *err);
int snapshot_commit(int dir, struct error *err);
void snapshot_abandon(int dir);

#endif
