/* SPDX-License-Identifier: Apache-2.0 */
/* attend: the parent's half of the handoff (handoff/handoff.h): answers the new process until it is READY. Life. */
#ifndef BERTH_LIFE_ATTEND_H
#define BERTH_LIFE_ATTEND_H

#include "life/create.h"

/*
 * Whether the new process has to wait until it is placed: its ids mapped, itself moved into cgroups, sources sent; or
 * BORN received, which a process in between sends, so that nothing that the new process says can overtake it.
 */
bool attend_places(const struct creation *creation);

/*
 * Answers the new process until it is READY (create: it then listens on its gate), or without a gate until its program
 * runs. Otherwise the error that it has sent, or how it died and after which message.
 */
int attend_process(struct creation *creation, struct error *err);

/*
 * Reaps a new process that ended without a word and says how: by which signal, by the OOM killer, or with what status.
 * `when` ends the sentence ("after it was born"); oom_before: how often the OOM killer had struck in the group before.
 * Always negative.
 */
int attend_death(int pidfd, const struct cgroup *group, unsigned long oom_before, const char *when, struct error *err);

/*
 * A process whose exec has begun: the OOM killer may strike before its program comes to run. 0, or ENOMEM when it has.
 * Where the limit is so low that few programs fit, the process is given a moment to live or to die.
 */
int attend_memory(int pidfd, const struct cgroup *group, unsigned long oom_before, struct error *err);

#endif
