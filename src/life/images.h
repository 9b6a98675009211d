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
#include "kernel/cgroup.h"
#include "kernel/criu.h"
#include "life/relay.h"
#include "oci_types.h"

#include <berth/berth.h>

#define IMAGES_DEFAULT "checkpoint"
#define IMAGES_ANNOTATION "org.criu.config"
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

/*
 * Whether CRIU has to leave cgroups alone: it takes every hierarchy in which the container has no cgroup of its own
 * (none was asked for, or it is hidden from us) for the container's as a whole, and would bring back the cgroups of
 * others.
 */
bool images_foreign_cgroups(const struct cgroup *group);

/* A list of pairs in an arena that grows as they come. */
struct images_pairs {
    struct criu_pair *items;
    size_t count, room;
};
int images_pair(struct arena *arena, struct images_pairs *pairs, const char *key, const char *value, struct error *err);

/*
 * Adds the mounts of the host below the source of a recursive bind, which come with it: the name is the path in the
 * container, the config's word for it. `root` -1: name -> path on the host, for restore. Otherwise the container's
 * root: mount point in there -> name, of those that the container still has.
 */
int images_submounts(struct arena *arena, struct images_pairs *pairs, const char *source, const char *destination,
                     int root, struct error *err);

/*
 * Where a path of the config is in a container, links on the way resolved; the path itself where there is nothing.
 * NULL: out of memory.
 */
const char *images_mount_point(struct arena *arena, int root, const char *path);

/* "net" and so on: the kind in CRIU's words; NULL for one that it cannot join. */
const char *images_namespace(uint64_t flag);

/* The key under which a joined namespace stands in the images, the same as with runc. NULL: none. */
const char *images_namespace_key(uint64_t flag);

/* -EINTR once a signal has asked us to stop, which CRIU is to hear of when it asks next. NULL: no relay, 0. */
int images_check_stop(const struct relay *relay, struct error *err);

/*
 * What the standard streams of a process are: a path in the container; or by the name that CRIU gives to what is
 * outside of it, "pipe:[<inode>]", "file[<mount>:<inode>]" or "tty[<device>:<device>]"; "": closed.
 */
int images_find_streams(struct arena *arena, pid_t pid, const char *streams[static STREAMS], struct error *err);

/* Whether CRIU has to be told of a stream, at dump (not of a pipe) and at restore. */
enum stream_kind { STREAM_INSIDE, STREAM_PIPE, STREAM_EXTERNAL };
enum stream_kind images_stream_kind(const char *stream);

int images_write_streams(int dir, const char *const streams[static STREAMS], struct error *err);
int images_read_streams(int dir, struct arena *arena, const char *streams[static STREAMS], struct error *err);

#endif
