/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images: the directory that a checkpoint is written into and a restore reads from, and what the two have in common
 * there. Beside CRIU's own files it holds descriptors.json: what standard input, output and error were. Runs in life.
 */
#ifndef BERTH_LIFE_IMAGES_H
#define BERTH_LIFE_IMAGES_H

#include "base/arena.h"
#include "base/error.h"
#include "base/own.h"
#include "kernel/criu.h"
#include "life/relay.h"
#include "oci_types.h"

#include <berth/berth.h>

#define IMAGES_DEFAULT "checkpoint"
#define IMAGES_NOTIFY "/run/notify" /* where a container has the directory of its notify socket (life/notify.h) */
#define STREAMS 3

struct images {
    int dir, work;       /* work: -1 when the log goes to the images, too */
    const char *made[2]; /* directories that were made for this call */
};

#define IMAGES_INIT                                                                                                    \
    { .dir = -1, .work = -1 }
void images_drop(struct images *images);
#define own_images own(images_drop) struct images

/* Opens the directories; `make`: makes them (0700) when they are missing, their parents must be there. */
int images_open(const struct berth_criu *request, bool make, struct images *out, struct error *err);

/* Removes the directories that were made for the call, as far as they are empty: after a failure. */
void images_unmake(const struct images *images);

/* Fills what both requests to CRIU say alike: the borrowed directories, and what the caller asked for. */
void images_options(const struct images *images, const struct berth_criu *request, struct criu_options *options);

/*
 * A file with settings that overrule ours: the annotation org.criu.config (an empty one: none), else
 * /etc/criu/berth.conf, else /etc/criu/runc.conf, which engines' users have. NULL: none.
 */
const char *images_criu_config(const struct oci_string_map *annotations);

/* A list of pairs in an arena that grows as they come. */
struct images_pairs {
    struct criu_pair *items;
    size_t count, room;
};
int images_pair(struct arena *arena, struct images_pairs *pairs, const char *key, const char *value, struct error *err);

/* "net" and so on: the kind in CRIU's words; NULL for one that it cannot join. */
const char *images_namespace(uint64_t flag);

/* The key under which a joined namespace stands in the images, the same as with runc. NULL: none. */
const char *images_namespace_key(uint64_t flag);

/* -EINTR once a signal has asked us to stop, which CRIU is to hear of when it asks next. NULL: no relay, 0. */
int images_check_stop(const struct relay *relay, struct error *err);

/* What the standard streams of a process are ("pipe:[123]", "/dev/null"): into the file, out of it. "": unknown. */
int images_write_streams(int dir, pid_t pid, struct error *err);
int images_read_streams(int dir, struct arena *arena, const char *streams[static STREAMS], struct error *err);

#endif
