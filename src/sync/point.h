/**
 * A wait point: where threads of any process wait for something that others make true.
 *
 *     brd_point_enter(p);                       // from here on a wake is not missed
 *     while (!status && !is_true()) {
 *         seen = brd_point_turn(p);
 *         if (is_true()) break;
 *         status = brd_point_sleep(p, seen, until);
 *     }
 *     brd_point_leave(p);
 *
 * Who makes it true calls brd_point_wake behind that. A process can be killed between the
 * two, or when it was woken and has done nothing yet; so nobody sleeps longer than
 * BRD_POINT_NAP_MS without looking again. That is the whole of the recovery: what waits
 * for a dead process's wake is late by that much, and by no more.
 */
#ifndef BRD_POINT_H
#define BRD_POINT_H

#include "os.h"

enum {
    BRD_POINT_NAP_MS = 50,
    BRD_POINT_MISSES = 16,
    BRD_POINT_SPINS = 200 /* looks before a wait: a hop between cpus costs more */
};

/** The shared words. Zeroed is a point where nobody waits. */
typedef struct brd_point_words {
    _Atomic uint32_t turn;     /* moves with every wake that may be for somebody */
    _Atomic uint32_t sleepers; /* about: see brd_point_wake */
} brd_point_words;

/** One process's side. */
typedef struct brd_point {
    brd_point_words *words;
    brd_park park;
    _Atomic uint32_t misses; /* wakes in a row at which nobody slept */
} brd_point;

/** key and number as for brd_os_park_open. New: brd_point_close. */
int brd_point_open(brd_point *out, brd_point_words *words, const uint8_t key[BRD_PARK_KEY],
                   uint32_t number);
void brd_point_close(brd_point *p);

static inline void brd_point_enter(brd_point *p)
{
    atomic_fetch_add(&p->words->sleepers, 1);
    // What is looked at behind this may be read by weaker loads than this is.
    atomic_thread_fence(memory_order_seq_cst);
}

static inline void brd_point_leave(brd_point *p)
{
    uint32_t sleepers = atomic_load(&p->words->sleepers);
    while (sleepers && !atomic_compare_exchange_weak(&p->words->sleepers, &sleepers, sleepers - 1))
        continue;
}

static inline uint32_t brd_point_turn(brd_point *p)
{
    if (atomic_load(&p->words->sleepers) == 0) // it was taken off as if it were dead
        brd_point_enter(p);
    return atomic_load(&p->words->turn);
}

/** Sleeps until the turn is another, or it is time to look again. Fails with: BROOD_ETIMEDOUT. */
int brd_point_sleep(brd_point *p, uint32_t seen, brd_time until);

/** The rest of brd_point_wake, which somebody seems to wait for. */
void brd_point_rouse(brd_point *p, uint32_t count);

/**
 * Wakes up to `count` who wait; costs a fence and a load while nobody does. Who was killed while
 * it waited still counts as a sleeper, until BRD_POINT_MISSES wakes in a row find nobody asleep.
 */
static inline void brd_point_wake(brd_point *p, uint32_t count)
{
    // What was made true is seen by whoever enters from now on, or it is seen here.
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&p->words->sleepers, memory_order_relaxed) != 0)
        brd_point_rouse(p, count);
}

/** The same for who has passed such a fence since, as in brd_robust_give(): only the load. */
static inline void brd_point_wake_fenced(brd_point *p, uint32_t count)
{
    if (atomic_load_explicit(&p->words->sleepers, memory_order_relaxed) != 0)
        brd_point_rouse(p, count);
}

#endif
