/* SPDX-License-Identifier: Apache-2.0 */
/*
 * between: the process between life and the init process, where the spawn recipe needs one: it joins namespaces,
 * clones the init process as its sibling (CLONE_PARENT), hands its pidfd to life, and ends. Runs before init.
 */
#ifndef BERTH_INIT_BETWEEN_H
#define BERTH_INIT_BETWEEN_H

#include "init/init.h"

_Noreturn void between_main(struct init *init);

#endif
