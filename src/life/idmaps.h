/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmaps: the id maps of a container's new user namespace (user_namespaces(7)). Written directly where the kernel
 * allows it: by who has CAP_SETUID and CAP_SETGID, and by anybody for the own id alone. For the rest an ordinary user
 * needs newuidmap(1) and newgidmap(1), which know from subuid(5) and subgid(5) what the user may map. Runs in life.
 */
#ifndef BERTH_LIFE_IDMAPS_H
#define BERTH_LIFE_IDMAPS_H

#include "base/error.h"
#include "plan/namespaces.h"

#include <sys/types.h>

/*
 * Writes both maps of a process that was made with CLONE_NEWUSER, has not gone on yet, is our child and, for an
 * ordinary user, still dumpable. A group map of the own group alone, written without CAP_SETGID, forbids setgroups(2)
 * in there. The programs are looked for in PATH; an error has what they said.
 */
int idmaps_write(pid_t pid, const struct plan_namespaces *namespaces, struct error *err);

#endif
