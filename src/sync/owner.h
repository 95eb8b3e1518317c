/**
 * Who holds something that is shared: a thread of a process, as one number that all
 * processes read alike, and that is never used by two that live at the same time.
 */
#ifndef BRD_OWNER_H
#define BRD_OWNER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** The calling thread's; never 0. */
uint64_t brd_owner_me(void);

/** Whether both are threads of one process. */
bool brd_owner_is_kin(uint64_t one, uint64_t other);

/**
 * Whether that thread's process lives. Asks the system: some 10 microseconds. What is no
 * owner at all is dead.
 */
bool brd_owner_lives(uint64_t owner);

/** A walk over many owners, which asks the system only so often. */
typedef struct brd_roll {
    uint64_t me, last; /* known to live, with all their kin */
    uint32_t left;     /* questions */
} brd_roll;

static inline brd_roll brd_roll_start(uint32_t questions)
{
    return (brd_roll){.me = brd_owner_me(), .last = brd_owner_me(), .left = questions};
}

/** Whether it is known to be dead; false when there are no more questions. */
bool brd_roll_is_dead(brd_roll *roll, uint64_t owner);

/**
 * Whether it is time to look once more who lives: of all who ask with the same shared word
 * one is told so every 50 ms.
 */
bool brd_roll_is_due(_Atomic uint64_t *last);

#endif
