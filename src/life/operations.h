/* SPDX-License-Identifier: Apache-2.0 */
/* operations: the verbs of the library behind the public API (api.c), one file each. Runs in life. */
#ifndef BERTH_LIFE_OPERATIONS_H
#define BERTH_LIFE_OPERATIONS_H

#include "base/error.h"
#include "life/container.h"

#include <berth/berth.h>
#include <stdbool.h>

int operation_create(const struct berth_runtime *runtime, const struct berth_create *request, struct error *err);
int operation_start(const struct berth_runtime *runtime, const char *id, struct error *err);
int operation_run(const struct berth_runtime *runtime, const struct berth_create *request, unsigned flags, int *status,
                  struct error *err);
int operation_exec(const struct berth_runtime *runtime, const struct berth_exec *request, unsigned flags, int *status,
                   struct error *err);
int operation_kill(const struct berth_runtime *runtime, const char *id, int signal, bool all, struct error *err);
int operation_delete(const struct berth_runtime *runtime, const char *id, bool force, struct error *err);
int operation_processes(const struct berth_runtime *runtime, const char *id, pid_t **pids, size_t *count,
                        struct error *err);
int operation_pause(const struct berth_runtime *runtime, const char *id, struct error *err);
int operation_resume(const struct berth_runtime *runtime, const char *id, struct error *err);
int operation_update(const struct berth_runtime *runtime, const char *id, const struct berth_update *update,
                     struct error *err);

int operation_stats(const struct berth_runtime *runtime, const char *id, char **json, struct error *err);
/* What `each` returns comes back without an error set. */
int operation_events(const struct berth_runtime *runtime, const struct berth_events *request,
                     int (*each)(void *context, const char *line), void *context, struct error *err);

int operation_checkpoint(const struct berth_runtime *runtime, const struct berth_checkpoint *request,
                         struct error *err);
int operation_restore(const struct berth_runtime *runtime, const struct berth_restore *request, unsigned flags,
                      int *status, struct error *err);

struct creation;
/*
 * Deletes the container that we have made and unlocked since, when its process has ended in the foreground. Somebody
 * else may have done that meanwhile, and may have made another one of that id, which is left alone.
 */
int run_take_down(struct creation *creation, struct error *err);

#endif
