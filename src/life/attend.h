/* SPDX-License-Identifier: Apache-2.0 */
/* attend: the parent's half of the handoff (handoff/handoff.h): answers the new process until it is READY. Life. */
#ifndef BERTH_LIFE_ATTEND_H
#define BERTH_LIFE_ATTEND_H

#include "life/create.h"

/* Whether the new process has to wait until it is placed: its ids mapped, itself moved into cgroups. */
bool attend_places(const struct creation *creation);

/* Until READY: 0; otherwise the error that the new process has sent, or how it died and after which message. */
int attend_until_ready(struct creation *creation, struct error *err);

/* What to say of a process that died without a word. `oom_before`: the group's OOM kills before it was made. */
int attend_describe_death(int pidfd, const struct cgroup *group, unsigned long oom_before, const char *memory_limit,
                          const char *when, struct error *err);

#endif
