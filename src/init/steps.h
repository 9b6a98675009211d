/* SPDX-License-Identifier: Apache-2.0 */
/* steps: THE table: the order of everything privileged that the new process does. */
#ifndef BERTH_INIT_STEPS_H
#define BERTH_INIT_STEPS_H

#include "init/init.h"

struct step {
    const char *name;
    int (*perform)(struct init *init, struct error *err);
    bool (*applies)(const struct init *init); /* NULL: always */
    /* What it worked on, for --debug: a text in the plan or in `text`, 64 bytes. NULL: its name says all. */
    const char *(*subject)(const struct init *init, char text[static 64]);
};

/* From birth to READY, and from START to the exec. */
extern const struct step create_steps[], start_steps[];
extern const size_t create_step_count, start_step_count;
/* One more process of a container: before its birth, and from there to the exec. */
extern const struct step enter_steps[], exec_steps[];
extern const size_t enter_step_count, exec_step_count;

#endif
