/**
 * The generation: a count that a forked child takes over from its parent and moves on.
 */
#include "base/generation.h"

unsigned brd_generation_now;

void brd_generation_next(void)
{
    brd_generation_now++;
}
