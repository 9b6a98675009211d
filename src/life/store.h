/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: the state root and one directory a container in it:
 *   <root>/<id>/record.json   what was begun, and later what there is (libocispec, schema "record")
 *   <root>/<id>/config.json, filter   what later commands need of the config (life/snapshot.h)
 *   <root>/<id>/start         the gate: socket whose listening end the waiting init process holds
 *   <root>/<id>/root          while a restore goes on: an empty directory, the root's place in CRIU's mount namespace
 *   <root>/.cache/            what may be lost at any time
 * All 0700 and 0600 whatever the umask, and owned by the caller. Operations on one container exclude each other by a
 * lock on its directory, which goes with the process that holds it. Readers take no lock: records are replaced whole.
 * An operation works on the directory that it has opened and locked, never on whichever has the id later: an id is
 * looked up once, and a directory that is deleted has no link any more.
 * Runs in life.
 */
#ifndef BERTH_LIFE_STORE_H
#define BERTH_LIFE_STORE_H

#include "base/arena.h"
#include "base/error.h"
#include "oci_types.h"

#include <limits.h>
#include <stdbool.h>

#define STORE_ROOT "root"

struct store {
    int fd; /* the state root */
    char root[PATH_MAX];
    bool made; /* by this call: a failing create takes it away again when nobody else has used it */
};

#define STORE_INIT                                                                                                     \
    { .fd = -1 }
void store_drop(struct store *store);
#define own_store own(store_drop) struct store

/*
 * Opens the state root: `root`, or the default one (NULL). `make`: makes it (0700) with missing parents. Refused are a
 * root that is not ours or that others may write to, and a symbolic link on the way to it that belongs to neither root
 * nor us. Missing: -ENOENT.
 */
int store_open(const char *root, bool make, struct store *out, struct error *err);

/*
 * Makes the directory of a new container and locks it. EEXIST: "container with given ID already exists". EBUSY: another
 * command has held the directory for 10 s.
 */
int store_reserve(const struct store *store, const char *id, int *dir, struct error *err);

/* Removes what a create that was killed in store_reserve may have left. */
void store_forget_new(const struct store *store, const char *id);

/* Opens an existing one; `lock`: as store_lock. ENOENT: "container does not exist". */
int store_enter(const struct store *store, const char *id, bool lock, int *dir, struct error *err);

/* Waits up to ten seconds for others to be done with it. ENOENT: it has been deleted. */
int store_lock(int dir, const char *id, struct error *err);
void store_unlock(int dir);

/* Whether somebody holds the lock right now: 1, 0 or -errno. */
int store_busy(int dir);

int store_write(int dir, const struct oci_record *record, struct error *err);
/*
 * Reads the record of container `id`. -ENODATA when there is none yet (the create was killed before its first record).
 * record.h says what holds of all records that are read.
 */
int store_read(int dir, const char *id, struct arena *arena, const struct oci_record **out, struct error *err);

/* Whether an error of store_read means that the record is damaged; else it could not be read just now. */
bool store_is_damage(const struct error *err);

/* For a forced delete: what is left of a damaged record (record_salvage), NULL if that is nothing. */
int store_salvage(int dir, const char *id, struct arena *arena, const struct oci_record **out, struct error *err);

/* Removes the container's directory with what we have put there. Gone already is success, and another one's is left. */
int store_remove(const struct store *store, const char *id, int dir, struct error *err);

/* The socket that `start` connects to. */
int store_gate_listen(int dir, int *socket, struct error *err);
/*
 * Connects: 0, or -ECONNREFUSED / -ENOENT when nobody waits there (any more). -EBUSY: somebody listens, but has not
 * come to those who connected before within timeout_s seconds (0: at once): the init process is stopped. -ENOTSOCK:
 * something else is in the socket's place.
 */
int store_gate_connect(int dir, int timeout_s, int *socket);

/* The ids below the root, sorted, NULL-terminated. */
int store_ids(const struct store *store, struct arena *arena, const char ***ids, size_t *count, struct error *err);

#endif
