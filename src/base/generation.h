/**
 * Tells a process from the copies that are forked from it.
 */
#ifndef BRD_GENERATION_H
#define BRD_GENERATION_H

/** Another number in a process that was forked: what stands in its memory is not its own. */
unsigned brd_generation(void);

/** This process was just born, before its second thread. */
void brd_generation_next(void);

#endif
