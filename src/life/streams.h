/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams: the pipes and sockets at 0, 1 and 2, for a program in a user namespace. Whoever made them need not be mapped
 * there, and then no capability inside reaches them (capabilities(7)), so that the program could not open /dev/stdout
 * anew. Runs in life, before the new process; needs CAP_CHOWN, without which they stay as they are.
 */
#ifndef BERTH_LIFE_STREAMS_H
#define BERTH_LIFE_STREAMS_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether there is any. A file or a terminal is none: it stays its owner's. */
bool streams_to_give(void);

/* To a user, as we number it. */
void streams_give(uid_t user);

#endif
