/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handoff: the only wire between life and the new process. A SOCK_SEQPACKET pair: one packet is one message, and the
 * death of the peer is an end of file, so nobody waits for ever.
 *
 *      life (create, run)                                 init
 *      ------------------                                 ----
 *      clone3 ------------------------------------------> born
 *                      [ only with a process in between (recipe.refork): ]
 *                            <------------------ BORN     + pidfd of the init process
 *      ids mapped, cgroups entered
 *      SOURCE ... -------------------------------------> + detached tree, index     [ cloned in its mount namespace ]
 *      PLACED -----------------------------------------> goes on       [ it waits for that, or for BORN to have come ]
 *                                                         mounts, devices
 *                            <--------------- CONSOLE     + pty master, its name         [ with a terminal ]
 *                            <----------------- HOOKS     [ only with prestart, createRuntime or createContainer ]
 *      prestart, createRuntime hooks run
 *      HOOKED ------------------------------------------> + state for createContainer, which runs here
 *                                                         pivot, identity ...
 *                            <----------------- READY
 *      state committed
 *      COMMITTED --------------------------------------> waits for its start     [ create; without it, it ends ]
 *      (create ends: the rest goes over the gate, the listening socket in the state directory)
 *
 *      life (run, or start over the gate)
 *      START --------------------------------------------> + state for startContainer hooks, which run here
 *                            <----------------- READY     [ over the gate: it has heard ]
 *                            <----------------- HOOKS     [ only with startContainer hooks: they are done ]
 *                            <-------- end of file        the payload runs
 *
 *      WARNING may come at any time, DEBUG too where life wants it (START with a text asks for it), ERROR instead of
 * any message: it is the last one.
 */
#ifndef BERTH_HANDOFF_HANDOFF_H
#define BERTH_HANDOFF_HANDOFF_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum handoff_kind {
    HANDOFF_NONE, /* 0 is no message: a cleared packet is refused */
    HANDOFF_BORN,
    HANDOFF_SOURCE,
    HANDOFF_PLACED,
    HANDOFF_CONSOLE,
    HANDOFF_HOOKS,
    HANDOFF_HOOKED,
    HANDOFF_READY,
    HANDOFF_COMMITTED,
    HANDOFF_START,
    HANDOFF_WARNING,
    HANDOFF_DEBUG,
    HANDOFF_ERROR,
    HANDOFF_KIND_COUNT
};

#define HANDOFF_TELL "debug" /* the text of a START that asks for DEBUG */

enum handoff_direction { HANDOFF_TO_LIFE, HANDOFF_TO_INIT };

/* What a message of each kind must look like; both ends check it. */
struct handoff_rule {
    const char *name;
    enum handoff_direction direction;
    unsigned fds_min, fds_max;
};
extern const struct handoff_rule handoff_rules[HANDOFF_KIND_COUNT];

struct handoff_message {
    enum handoff_kind kind;
    int fd;             /* received: owned by the receiver; -1: none */
    uint32_t index;     /* SOURCE: what it is for, as held_source_at (init/held.h) counts; not checked here */
    struct error error; /* ERROR; the text of WARNING and the pty's name of CONSOLE stand in error.text */
};

/* The pair, both ends O_CLOEXEC. */
int handoff_open(int *life_end, int *init_end, struct error *err);

/* Sends one message; fd -1: none; text NULL: none (ERROR takes *error, SOURCE its index). 0 or -errno. */
int handoff_send(int socket, enum handoff_kind kind, int fd, const char *text);
int handoff_send_source(int socket, int fd, uint32_t index);
int handoff_send_error(int socket, const struct error *error);

/*
 * Receives one. 1: a well-formed message in the given direction; 0: the peer is gone; negative: broken (-EPROTO: the
 * packet breaks its rule).
 */
int handoff_receive(int socket, enum handoff_direction direction, struct handoff_message *out);

#endif
