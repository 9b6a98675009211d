/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_request: what a caller of exec asks for, as an OCI process: read from a file, or the container's own process
 * with the caller's changes. Runs in life; reads the file, else pure.
 */
#ifndef BERTH_LIFE_EXEC_REQUEST_H
#define BERTH_LIFE_EXEC_REQUEST_H

#include "base/arena.h"
#include "base/error.h"
#include "oci_types.h"

#include <berth/berth.h>

/* `own`: the container's process, NULL when its config has none. *out and what it points to live in the arena. */
int exec_request_process(struct arena *arena, const struct berth_exec *request, const struct oci_process *own,
                         struct oci_process *out, struct error *err);

/*
 * "UID" or "UID:GID", each 0 to 4294967294 in decimal without sign, blank or leading zero, and nothing else
 * (CVE-2016-3697, CVE-2026-30892). *gid stays when there is none.
 */
int exec_request_user(const char *text, uint32_t *uid, uint32_t *gid, struct error *err);

#endif
