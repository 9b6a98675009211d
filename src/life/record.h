/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: what must hold of a container's record beyond its schema. A record that was cut, edited or copied must never
 * make a command kill, remove or unmount what is not the container's. Runs in life; needs no privilege.
 */
#ifndef BERTH_LIFE_RECORD_H
#define BERTH_LIFE_RECORD_H

#include "base/arena.h"
#include "base/error.h"
#include "oci_types.h"

/*
 * Whether it is a whole and sound record of container `id`: 0 or -EBADMSG, with a text that begins with the JSON
 * pointer of the first property that is missing or out of its range.
 */
int record_check(const struct oci_record *record, const char *id, struct error *err);

/* The boot of the host for a new record in `dir`; NULL if the file system is in memory and ends with the boot. */
const char *record_boot(int dir, struct arena *arena);

/*
 * Forgets what a record of another boot says of processes, cgroups and mounts: they ended with that boot, and whatever
 * has these names now is not the container's. Such a container is stopped.
 */
int record_leave_boot(struct oci_record *record, struct error *err);

/*
 * Leaves of a damaged record only what a forced delete may act on, and warns of what may stay behind for each property
 * that it has to forget. NULL for one that could not be read.
 */
void record_salvage(struct oci_record *record, const char *id);

#endif
