/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selfexe: keeps the own program file out of reach of containers (CVE-2019-5736). A process in a container that opens
 * /proc/PID/exe of ours, or is executed as /proc/self/exe, opens the very mount that we were executed from. So before
 * anything is entered we execute ourselves again from a read-only clone of that mount, which is attached nowhere: an
 * open for writing gets EROFS, and the kernel lets nobody change the mount. The file is not copied, and nothing is
 * charged to the container. Runs in life.
 */
#ifndef BERTH_KERNEL_SELFEXE_H
#define BERTH_KERNEL_SELFEXE_H

#include "base/error.h"

/*
 * Returns 0 when we run from such a protected copy. Otherwise executes one, with argv and the environment: a detached
 * read-only mount (open_tree, Linux 5.2; mount_setattr, 5.12; CAP_SYS_ADMIN), or where the kernel refuses that a sealed
 * memory copy (memfd_create(2), charged to the caller). Returns only when both fail. A program file that is read-only
 * where it lies (a read-only /usr) gets a copy like any other: its mount can be made writable later, and a container
 * may hold the file open until then.
 */
int selfexe_protect(const char *const *argv, struct error *err);

/*
 * Where the program file of this process lies, also after selfexe_protect: an absolute path, "" when that is not known
 * (no /proc; the file was removed, or lies outside of our root directory). Valid for the life of the process.
 */
const char *selfexe_path(void);

#endif
