/**
 * Who holds something that is shared: a thread of a process, as one number that all
 * processes read alike, and that is never used by two that live at the same time.
 */
#ifndef BRD_OWNER_H
#define BRD_OWNER_H

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

#endif
