/* SPDX-License-Identifier: Apache-2.0 */
/*
 * undo: what to take back when an operation fails half-way. Pushed right after each side effect, run in reverse order
 * at the end of the scope unless committed. It knows the process that it belongs to: the new process, which has a copy
 * of it, undoes nothing.
 */
#ifndef BERTH_LIFE_UNDO_H
#define BERTH_LIFE_UNDO_H

#include "base/own.h"

#include <stddef.h>
#include <sys/types.h>

#define UNDO_MAX 12

struct undo {
    pid_t owner;
    size_t count;
    struct {
        void (*action)(void *subject);
        void *subject; /* borrowed: lives as long as the undo list */
    } entries[UNDO_MAX];
};

void undo_init(struct undo *undo);
void undo_add(struct undo *undo, void (*action)(void *subject), void *subject);
/* Forgets all entries: what was done stays. */
void undo_commit(struct undo *undo);
/* Runs what is left; keeps errno. */
void undo_drop(struct undo *undo);
#define own_undo own(undo_drop) struct undo

#endif
