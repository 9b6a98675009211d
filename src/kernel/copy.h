/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy: what a directory holds, into another one: for the option tmpcopyup. Runs in init before pivot; allocates only
 * what directory streams need. Links are copied as links and never followed.
 */
#ifndef BERTH_KERNEL_COPY_H
#define BERTH_KERNEL_COPY_H

#include "base/error.h"

/*
 * Copies the content of directory `from` into the (empty) directory `to`: files of every kind with owner, mode, times
 * and extended attributes as far as the other file system takes them. Holes stay holes; each name of a file with hard
 * links becomes a file of its own; nobody listens on a copied socket. `to` itself stays as it is.
 * Both descriptors may be O_PATH. Leaves out directories of other file systems; 64 levels deep at most (ELOOP).
 */
int copy_directory(int from, int to, struct error *err);

#endif
