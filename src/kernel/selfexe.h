/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selfexe: the own program file, out of reach of containers (CVE-2019-5736). A process in a container that gets hold
 * of /proc/PID/exe of ours, or is executed as /proc/self/exe, opens the very mount that we were executed from. So
 * before anything is entered we execute ourselves again from a read-only copy of that mount, which is attached
 * nowhere: whoever opens it for writing gets EROFS, and nobody can make it writable. No copy of the file is made, and
 * nothing is charged to the container. Runs in life.
 */
#ifndef BERTH_KERNEL_SELFEXE_H
#define BERTH_KERNEL_SELFEXE_H

#include "base/error.h"

/*
 * Returns 0 when the running program cannot be written to: it lies on a read-only mount or in a sealed memfd.
 * Otherwise executes it again, with argv and the environment, from a detached read-only mount (open_tree, Linux 5.2;
 * mount_setattr, 5.12; CAP_SYS_ADMIN), or where that is not to be had from a sealed memory copy (memfd_create(2),
 * charged to the caller); returns only when both fail.
 */
int selfexe_protect(const char *const *argv, struct error *err);

/*
 * Where the program file of this process was found, also after selfexe_protect: an absolute path, "" when that is not
 * known (no /proc). Valid for the life of the process.
 */
const char *selfexe_path(void);

#endif
