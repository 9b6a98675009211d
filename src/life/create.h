/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create: from a bundle to a container that waits for its start. Runs in life. `create` leaves after it, `run` goes on
 * with the process that it has made.
 */
#ifndef BERTH_LIFE_CREATE_H
#define BERTH_LIFE_CREATE_H

#include "base/arena.h"
#include "base/error.h"
#include "init/held.h"
#include "kernel/cgroup.h"
#include "life/announce.h"
#include "life/relay.h"
#include "life/store.h"
#include "life/undo.h"
#include "plan/plan.h"

#include <berth/berth.h>

/* A create while it is under way. Fields are filled from top to bottom; creation_drop releases what is there. */
struct creation {
    mode_t caller_umask; /* ours is 022 meanwhile: cgroups and the pid file are to be readable */
    struct file_limit files;
    struct arena arena;
    const struct berth_runtime *runtime;
    const struct berth_create *request;
    struct relay *relay; /* run in the foreground: its signals interrupt the create; else NULL */
    struct store store;
    int dir;
    struct oci_config *config;
    struct plan plan;
    struct held held;
    struct cgroup group;
    struct oci_record record;
    struct oci_record_cgroup *record_cgroups; /* what record.cgroups points to, in the arena */
    int gate;                                 /* create: the listening socket for the init process; run: -1 */
    int channel;                              /* handoff, our end */
    int init_end;                             /* handoff, the new process's end: closed here once it is born */
    bool outside;     /* the new process is not in its cgroup yet, and only systemd may move it there */
    bool unit_silent; /* systemd has not answered */
    bool gated;       /* create, as opposed to run */
    pid_t pid;
    int pidfd;
    struct announced announced; /* the pid file, once it is written */
    bool hooks_begun; /* prestart or createRuntime hooks have run: poststop hooks are due when the create fails */
    int notify;       /* run with NOTIFY_SOCKET: the socket that the container reports to; -1 none */
    int master;       /* of the container's terminal; -1 none, or sent to the console socket */
    struct undo undo;
};

void creation_init(struct creation *creation);
void creation_drop(struct creation *creation);
#define own_creation own(creation_drop) struct creation

enum create_flags {
    CREATE_GATED =
        1, /* the init process listens on the start socket (create), else START goes over the channel (run) */
    CREATE_DETACHED = 2 /* nobody stays to serve a terminal: it needs a console socket */
};

/* Reads a configuration: `file`, or config.json in the bundle when that is NULL. */
int create_read_config(struct arena *arena, int bundle, const char *file, struct oci_config **out, struct error *err);

/*
 * Everything that comes before the first process: id reserved, plan made, host's files held, record of what is begun
 * written, cgroup made with its limits. On failure all is undone when *creation is dropped.
 */
int create_prepare(struct creation *creation, unsigned flags, struct error *err);

/* With the systemd manager: has systemd make the unit of the new process, which is in its cgroup already. */
int create_register(struct creation *creation, struct error *err);

/* Takes a child of ours that somebody else has made for the container's process: into the record, to be written. */
int create_adopt(struct creation *creation, pid_t pid, struct error *err);

/*
 * Makes the container, gated up to READY, otherwise until its program runs, and commits it: record, pid file, pidfd
 * socket. On failure all is undone when *creation is dropped.
 */
int create_container(struct creation *creation, unsigned flags, struct error *err);

/* Writes the pid file and hands the pidfd on. */
int create_announce(struct creation *creation, struct error *err);

#endif
