/**
 * The generation: a count that a forked child takes over from its parent and moves on.
 */
#include "base/generation.h"

static unsigned generation; // written before the process has a second thread

unsigned brd_generation(void)
{
    return generation;
}

void brd_generation_next(void)
{
    generation++;
}
