/* SPDX-License-Identifier: Apache-2.0 */
/* undo: see undo.h. Runs in life. */
#include "life/undo.h"

#include <assert.h>
#include <unistd.h>

void undo_init(struct undo *undo) {
    undo->owner = getpid();
    undo->count = 0;
}

void undo_add(struct undo *undo, void (*action)(void *subject), void *subject) {
    assert(undo->count < UNDO_MAX); /* one entry a side effect in the code, whatever the config */
    undo->entries[undo->count].action = action;
    undo->entries[undo->count].subject = subject;
    undo->count++;
}

void undo_commit(struct undo *undo) {
    undo->count = 0;
}

void undo_drop(struct undo *undo) {
    int saved = errno;
    if (undo->owner != getpid())
        undo->count = 0;
    while (undo->count > 0) {
        undo->count--;
        undo->entries[undo->count].action(undo->entries[undo->count].subject);
    }
    errno = saved;
}
