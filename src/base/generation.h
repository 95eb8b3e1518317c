/**
 * Tells a process from the copies that are forked from it.
 */
#ifndef BRD_GENERATION_H
#define BRD_GENERATION_H

/** Written before the process has a second thread, and by brd_generation_next only. */
extern unsigned brd_generation_now;

/** Another number in a process that was forked: what stands in its memory is not its own. */
static inline unsigned brd_generation(void)
{
    return brd_generation_now;
}

/** This process was just born, before its second thread. */
void brd_generation_next(void);

#endif
