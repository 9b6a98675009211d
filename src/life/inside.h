/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside: bind sources and the root file system cloned in the container's mount namespace, where what the host has
 * locked stays locked (life/hold.h, hold_inside). The init process could look for them there itself, but with no more
 * rights than the container's root has on the host; life cannot, since it does not live there. So a process of life
 * does that goes in there and keeps the user namespace, and with it the rights, of life. Runs in life; needs
 * CAP_SYS_ADMIN, CAP_SYS_CHROOT and (for an init process that is not dumpable) CAP_SYS_PTRACE. Where one of these is
 * missing, or open_tree(2), sources are left to the init process: it gets the same locks, but looks for
 * them with the rights of the container's root.
 */
#ifndef BERTH_LIFE_INSIDE_H
#define BERTH_LIFE_INSIDE_H

#include "life/create.h"

/*
 * Clones the sources that hold_inside left open, maps ids where a mount asks for it, and sends the trees to the init
 * process, which must be born and waiting to be placed. 0 also when there is nothing to do or all is left to it.
 */
int inside_send_sources(struct creation *creation, struct error *err);

#endif
