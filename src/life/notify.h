/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify: readiness of a service in a container (sd_notify(3)), when the caller has NOTIFY_SOCKET in its environment.
 * The container gets a socket of ours at /run/notify/notify.sock, in the directory <state>/notify, and never the
 * host's; start and run pass on READY=1, with the pid as the host knows it, and nothing else. Runs in life.
 */
#ifndef BERTH_LIFE_NOTIFY_H
#define BERTH_LIFE_NOTIFY_H

#include "base/arena.h"
#include "base/error.h"
#include "plan/mounts.h"

#include <sys/types.h>

#define NOTIFY_ENVIRONMENT "NOTIFY_SOCKET=/run/notify/notify.sock"

/* The host's socket from our environment, NULL when there is none. */
const char *notify_host_socket(void);

/* Makes <state>/notify and the mount row that brings it into the container. */
int notify_prepare(struct arena *arena, const char *root, const char *id, int state_dir, struct plan_mount *mount,
                   struct error *err);

/* Binds the container's socket: to be done before its process starts. *out -1 when the container has none. */
int notify_listen(int state_dir, int *out, struct error *err);

/*
 * Waits until the container says READY=, or until its process has ended, and tells the host's manager, with
 * MAINPID=; then waits until the manager has taken that in (BARRIER=1, 30 seconds at most).
 */
int notify_relay(int socket, int pidfd, pid_t pid, struct error *err);

#endif
