/**
 * Waiting at a point. See point.h for the order of things.
 */
#include "sync/point.h"
#include "base/step.h"

int brd_point_open(brd_point *out, brd_point_words *words, const uint8_t key[BRD_PARK_KEY],
                   uint32_t number)
{
    brd_park park;
    int status = brd_os_park_open(&park, &words->turn, key, number);
    if (!status)
        *out = (brd_point){.words = words, .park = park};
    return status;
}

void brd_point_close(brd_point *p)
{
    if (p->words)
        brd_os_park_close(&p->park);
    p->words = NULL;
}

int brd_point_sleep(brd_point *p, uint32_t seen, brd_time until)
{
    if (until == 0)
        return BROOD_ETIMEDOUT;
    brd_time nap = brd_os_now() + BRD_POINT_NAP_MS * BRD_MS;
    if (nap >= until)
        return brd_os_park_wait(&p->park, seen, until);
    int status = brd_os_park_wait(&p->park, seen, nap);
    return status == BROOD_ETIMEDOUT ? BROOD_OK : status;
}

// Whoever is about to sleep and is taken off here by mistake finds the turn moved, or wakes
// from a nap, and counts itself in again.
static void miss(brd_point *p, uint32_t sleepers)
{
    if (atomic_fetch_add(&p->misses, 1) + 1 < BRD_POINT_MISSES)
        return;
    atomic_store(&p->misses, 0);
    (void)atomic_compare_exchange_strong(&p->words->sleepers, &sleepers, 0);
}

void brd_point_rouse(brd_point *p, uint32_t count)
{
    BRD_STEP("point.wake");
    atomic_fetch_add(&p->words->turn, 1);
    BRD_STEP("point.turned");
    uint32_t sleepers = atomic_load(&p->words->sleepers);
    if (brd_os_park_wake(&p->park, count < sleepers ? count : sleepers))
        atomic_store(&p->misses, 0);
    else
        miss(p, sleepers);
}
