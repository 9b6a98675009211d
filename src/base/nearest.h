/* SPDX-License-Identifier: Apache-2.0 */
/* nearest: which of several names a misspelt word was probably meant to be. Pure; runs everywhere. */
#ifndef BERTH_BASE_NEAREST_H
#define BERTH_BASE_NEAREST_H

#include <stddef.h>

/* A search in progress; begin it with NEAREST and offer it each name. */
struct nearest {
    const char *word;
    const char *name;  /* the best so far; NULL: none is near */
    unsigned distance; /* of that name */
};

#define NEAREST(word_)                                                                                                 \
    { .word = (word_) }

/*
 * Keeps the name if it is nearer than those before. The distance is the number of letters that are missing, too many,
 * wrong or exchanged with their neighbour; small and capital letters are alike. A name without what stands before one
 * of its underscores (CHOWN for CAP_CHOWN), or abbreviated (net for network), is one step away. A name that is further
 * away than a third of the word is not near.
 */
void nearest_try(struct nearest *nearest, const char *name);

/* The nearest of count names, NULL if none is near. */
const char *nearest_of(const char *word, const char *const *names, size_t count);

#define NEAREST_HINT_SIZE 96

/* `, did you mean "NAME"?`, or nothing when no name is near. Returns text. */
const char *nearest_hint(const char *name, char text[static NEAREST_HINT_SIZE]);

#endif
