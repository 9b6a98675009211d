/* SPDX-License-Identifier: Apache-2.0 */
/*
 * between: the process between life and the new process: where the spawn recipe of a create needs one, and for every
 * exec. It joins namespaces, clones the new process as its sibling (CLONE_PARENT), hands that one's pidfd to life, and
 * ends. Runs before init.
 */
#ifndef BERTH_INIT_BETWEEN_H
#define BERTH_INIT_BETWEEN_H

#include "init/init.h"

_Noreturn void between_main(struct init *init);

/* The same for exec: what is joined is init->held->container. */
_Noreturn void between_exec(struct init *init);

#endif
