/**
 * The generation: a count that a forked child takes over from its parent and moves on.
 */
#include "base/generation.h"
#include "os.h"
#include <limits.h>

#define CLAIMED UINT_MAX

static unsigned generation; // written before the process has a second thread

unsigned brd_generation(void)
{
    return generation;
}

void brd_generation_next(void)
{
    generation++;
}

bool brd_generation_claim(_Atomic unsigned *of)
{
    unsigned seen = atomic_load(of);
    while (seen != generation) {
        if (seen != CLAIMED && atomic_compare_exchange_weak(of, &seen, CLAIMED))
            return true;
        if (seen == CLAIMED)
            brd_os_yield();
        seen = atomic_load(of);
    }
    return false;
}

void brd_generation_settle(_Atomic unsigned *of)
{
    atomic_store(of, generation);
}
