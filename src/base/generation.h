/**
 * Tells a process from the copies that are forked from it.
 */
#ifndef BRD_GENERATION_H
#define BRD_GENERATION_H

#include <stdatomic.h>
#include <stdbool.h>

/** Another number in a process that was forked: what stands in its memory is not its own. */
unsigned brd_generation(void);

/**
 * Whether the caller is to make anew what belongs to the generation *of, which is an earlier
 * process's: of all threads that ask just now, one is, and says when it is done. The others
 * wait for that. False: it is this process's own.
 */
bool brd_generation_claim(_Atomic unsigned *of);
void brd_generation_settle(_Atomic unsigned *of);

/** This process was just born, before its second thread. */
void brd_generation_next(void);

#endif
