/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy: what a directory holds, into another one: for the option tmpcopyup. Runs in init before pivot; allocates only
 * what directory streams need. Links are copied as links and never followed.
 */
#ifndef BERTH_KERNEL_COPY_H
#define BERTH_KERNEL_COPY_H

#include "base/error.h"

/*
 * Copies the content of directory `from` into the (empty) directory `to`: regular files, directories, links, fifos
 * and device nodes with owner, mode and times. `to` itself stays as it is. Sockets are left out.
 * Both descriptors may be O_PATH. Stays on one file system; 64 levels deep at most (ELOOP).
 */
int copy_directory(int from, int to, struct error *err);

#endif
