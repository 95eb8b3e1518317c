/**
 * A table from numbers to pointers: objects by id, references of a session, tickets. Open
 * addressing; no lock of its own.
 */
#ifndef BRD_MANAGER_NUMBERS_H
#define BRD_MANAGER_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct brd_number {
    uint64_t number;
    void *what; /* NULL: a free place */
} brd_number;

/** Zeroed is an empty one. */
typedef struct brd_numbers {
    brd_number *places;
    size_t room; /* a power of two, or 0 */
    size_t count;
} brd_numbers;

/** NULL: none. */
void *brd_numbers_get(const brd_numbers *t, uint64_t number);

/** What is not NULL is put there, in place of what was. Fails with: BROOD_ENOMEM. */
int brd_numbers_set(brd_numbers *t, uint64_t number, void *what);

/** What was there, or NULL. */
void *brd_numbers_take(brd_numbers *t, uint64_t number);

/** The next one at or behind *at; NULL: that was all. Nothing may change meanwhile. */
void *brd_numbers_next(const brd_numbers *t, size_t *at);

/** Frees the table, not what is in it. */
void brd_numbers_clear(brd_numbers *t);

#endif
