/* SPDX-License-Identifier: Apache-2.0 */
/* nearest: see nearest.h. */
#include "base/nearest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LETTERS_MAX 48 /* of a word or name; longer ones are near to nothing */

static char fold(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* Edits that make b of a, both folded: the optimal string alignment distance, by rows of its table. */
static unsigned edits(const char *a, size_t a_len, const char *b, size_t b_len) {
    unsigned rows[3][LETTERS_MAX + 1] = {{0}};
    for (unsigned k = 0; k <= b_len; k++)
        rows[0][k] = k;
    for (unsigned i = 1; i <= a_len; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (unsigned k = 1; k <= b_len; k++) {
            now[k] = least(last[k - 1] + (a[i - 1] != b[k - 1]), least(last[k], now[k - 1]) + 1);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                now[k] = least(now[k], before[k - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

/* Whether word is name with letters left out, but not the first: "mnt" of "mount". Two letters say too little. */
static bool abbreviates(const char *word, const char *name) {
    if (word[0] != name[0] || strlen(word) < 3)
        return false;
    for (; *word && *name; name++)
        word += *word == *name;
    return !*word;
}

static bool fold_into(char folded[static LETTERS_MAX + 1], const char *text) {
    size_t len = strlen(text);
    for (size_t i = 0; i <= len && len <= LETTERS_MAX; i++)
        folded[i] = fold(text[i]);
    return len <= LETTERS_MAX;
}

static unsigned distance_of(const char *word, const char *name) {
    size_t len = strlen(word);
    unsigned distance = edits(word, len, name, strlen(name));
    if (distance > 1 && abbreviates(word, name))
        distance = 1;
    for (const char *tail = name; (tail = strchr(tail, '_'));) {
        tail++;
        distance = least(distance, 1 + edits(word, len, tail, strlen(tail)));
    }
    return distance;
}

void nearest_try(struct nearest *nearest, const char *name) {
    char word[LETTERS_MAX + 1], other[LETTERS_MAX + 1];
    if (!*nearest->word || !fold_into(word, nearest->word) || !fold_into(other, name))
        return;
    unsigned distance = distance_of(word, other);
    if (distance > (strlen(word) + 1) / 3 || (nearest->name && distance >= nearest->distance))
        return;
    nearest->name = name;
    nearest->distance = distance;
}

const char *nearest_of(const char *word, const char *const *names, size_t count) {
    struct nearest nearest = NEAREST(word);
    for (size_t i = 0; i < count; i++)
        nearest_try(&nearest, names[i]);
    return nearest.name;
}

const char *nearest_hint(const char *name, char text[static NEAREST_HINT_SIZE]) {
    text[0] = '\0';
    if (name)
        snprintf(text, NEAREST_HINT_SIZE, ", did you mean \"%s\"?", name);
    return text;
}
