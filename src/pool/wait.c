/**
 * Waiting: a thread that waits for its result works for the whole pool meanwhile.
 *
 * One of them has the turn. It spins a little, yields a little, then parks in the
 * waiter; the others follow, and are told when something came. Which of spinning
 * and yielding is worth it depends on how many are awake and how long tasks take.
 */
#include "pool/state.h"

enum {
    SPINS = 1000,
    YIELDS = 20,
    YIELD_DEPTH = 4,     /* deeper pools have tasks so short that yielding pays */
    EVENTS = 64,         /* taken from the waiter at once */
    POLL_EVERY = 256,    /* rounds of a busy stream between two looks at the waiter */
    LOOK_AGAIN_MS = 100, /* a parked parent looks by itself: no worker can keep it asleep */
    HELD_UP_MS = 1,      /* until a worker has given back the room or the block that it had read */
    LOOK_EVERY_MS = 2,   /* between two looks of a program that only ever asks */
    REBALANCE_MS = 10    /* so long a task may be stuck behind another while a worker idles */
};

static brd_time sooner(brd_time a, brd_time b)
{
    return a < b ? a : b;
}

static bool any_news(brood_pool *pool)
{
    uint32_t words = atomic_load_explicit(&pool->words, memory_order_relaxed);
    for (uint32_t w = 0; w < words; w++) {
        uint64_t word = atomic_load_explicit(&pool->awaited[w], memory_order_acquire);
        for (uint32_t i = w * 64; word; i++, word >>= 1)
            if (word & 1 && brd_link_has_news(&pool->stations[i]->child.link))
                return true;
    }
    return false;
}

/* ------------------------------------------------------------------- spin */

static void note_cpu(brood_pool *pool, int cpu)
{
    if (cpu == pool->parent_cpu)
        return;
    pool->parent_cpu = cpu;
    for (uint32_t i = 0; i < pool->places; i++) {
        brd_link *link = &pool->stations[i]->child.link;
        if (link->words)
            atomic_store_explicit(&link->words->parent_cpu, cpu, memory_order_relaxed);
    }
}

static bool may_spin(brood_pool *pool)
{
    int cpu = brd_os_cpu();
    note_cpu(pool, cpu);
    if (pool->cpus < 2 || pool->busy + 1 > pool->cpus || !pool->busy)
        return false;
    const brd_link *link = &pool->stations[pool->current]->child.link;
    return cpu < 0 || !link->words ||
           atomic_load_explicit(&link->words->worker_cpu, memory_order_relaxed) != cpu;
}

// Without the lock: others hand in tasks meanwhile.
static bool spin(brood_pool *pool)
{
    int spins = may_spin(pool) ? SPINS : 0;
    int yields = pool->in_flight && (pool->depth > YIELD_DEPTH || pool->depth < 2) ? YIELDS : 0;
    bool news = false;
    brd_os_mutex_unlock(&pool->lock);
    for (int i = 0; i < spins && !(news = any_news(pool)); i++)
        brd_os_pause();
    for (int i = 0; i < yields && !(news = news || any_news(pool)); i++)
        brd_os_yield();
    brd_os_mutex_lock(&pool->lock);
    return news;
}

/* ------------------------------------------------------------------- park */

static void tell_parked(brood_pool *pool, bool parked)
{
    pool->parked = parked;
    uint32_t words = atomic_load_explicit(&pool->words, memory_order_relaxed);
    for (uint32_t w = 0; w < words; w++) {
        uint64_t word = atomic_load_explicit(&pool->awaited[w], memory_order_relaxed);
        for (uint32_t i = w * 64; word; i++, word >>= 1)
            if (word & 1 && pool->stations[i]->child.link.words)
                brd_link_set_parked(&pool->stations[i]->child.link, parked);
    }
}

// What is written and not published counts too: its worker may be busy for long.
static bool look_deeper(brood_pool *pool)
{
    bool any = false;
    for (uint32_t i = 0; i < pool->places; i++) {
        brd_station *s = pool->stations[i];
        if (!s->child.link.words || !brd_ring_has_any(&s->child.link.results))
            continue;
        brd_ring_look_deeper(&s->child.link.results);
        any |= brd_station_collect(pool, s);
    }
    return any;
}

static brd_time patience(const brood_pool *pool)
{
    return (brd_pool_is_stuck(pool) ? REBALANCE_MS : LOOK_AGAIN_MS) * BRD_MS;
}

static brd_time park_limit(const brood_pool *pool, brd_time until)
{
    if (until)
        until = sooner(until, brd_alarms_next(&pool->alarms));
    if (until && pool->held_up)
        return sooner(until, brd_os_now() + HELD_UP_MS * BRD_MS);
    if (!until || !pool->in_flight)
        return until;
    return sooner(until, brd_os_now() + patience(pool));
}

// The wait is over: has nothing come for so long that a task may be stuck?
static void note_quiet(brood_pool *pool, bool nothing, brd_time began)
{
    if (!nothing || !pool->in_flight) {
        pool->quiet = 0;
        pool->late = false;
        return;
    }
    if (!pool->quiet)
        pool->quiet = began;
    pool->late = brd_os_now() - pool->quiet >= patience(pool);
}

// A worker gives room back after its results, and blocks by another way: what had
// no room when the last result came may have it now.
static void look_for_room(brood_pool *pool)
{
    pool->held_up = false;
    for (uint32_t i = 0; i < pool->places; i++)
        brd_station_changed(pool, pool->stations[i]);
}

void brd_pool_park(brood_pool *pool, brd_time until)
{
    brd_event events[EVENTS];
    size_t count = 0;
    tell_parked(pool, true);
    atomic_thread_fence(memory_order_seq_cst); // see brd_link_flush
    if (!look_deeper(pool)) {
        brd_time limit = park_limit(pool, until);
        pool->unhurried = !pool->held_up && !brd_pool_is_stuck(pool);
        pool->unworried = !pool->in_flight;
        pool->parked_until = limit;
        brd_time began = brd_os_now();
        brd_os_mutex_unlock(&pool->lock);
        int status = brd_os_waiter_wait(pool->waiter, limit, events, EVENTS, &count);
        brd_os_mutex_lock(&pool->lock);
        if (status)
            count = 0;
        note_quiet(pool, status == BROOD_ETIMEDOUT, began);
        if (status && status != BROOD_ETIMEDOUT) // a waiter that fails must not be a busy loop
            (void)brd_os_cond_wait(&pool->news, &pool->lock,
                                   sooner(until, brd_os_now() + LOOK_AGAIN_MS * BRD_MS));
        (void)look_deeper(pool);
    }
    tell_parked(pool, false);
    brd_pool_on_events(pool, events, count);
    brd_pool_on_alarms(pool);
    brd_pool_look_for_hung(pool);
    if (pool->held_up)
        look_for_room(pool);
}

// What has changed since then is to be looked at sooner.
void brd_pool_hurry(brood_pool *pool)
{
    bool hurried = pool->unhurried && (pool->held_up || brd_pool_is_stuck(pool));
    bool worried = pool->unworried && pool->in_flight;
    brd_time next = brd_alarms_next(&pool->alarms);
    if (!hurried && !worried && next >= pool->parked_until)
        return;
    pool->unhurried = pool->unhurried && !hurried;
    pool->unworried = pool->unworried && !worried;
    pool->parked_until = sooner(next, pool->parked_until);
    brd_os_waiter_ring(pool->waiter);
}

void brd_pool_stir(brood_pool *pool)
{
    brd_os_waiter_ring(pool->waiter);
    brd_os_cond_broadcast(&pool->news);
}

/* ------------------------------------------------------------------- wait */

static void tell_followers(brood_pool *pool)
{
    if (pool->followers)
        brd_os_cond_broadcast(&pool->news);
}

static void go_on(brood_pool *pool)
{
    brd_pool_dispatch_tasks(pool);
    brd_pool_advance(pool);
    tell_followers(pool);
}

bool brd_pool_work(brood_pool *pool)
{
    if (!brd_pool_collect(pool))
        return false;
    go_on(pool);
    return true;
}

void brd_pool_catch_up(brood_pool *pool)
{
    bool any = brd_pool_collect(pool);
    any |= look_deeper(pool);
    if (any)
        go_on(pool);
}

// While this thread spun, another one may have read what it waits for: no bell
// would ever ring for that again.
static void take_turn(brood_pool *pool, bool (*ended)(void *baton), void *baton, brd_time until,
                      bool busy)
{
    pool->turn = BRD_TURN_CALLER;
    if (!busy && (spin(pool) || ended(baton))) {
        pool->turn = BRD_TURN_FREE;
        return; // the caller reads what has come
    }
    if (busy)
        brd_pool_park(pool, 0);
    else if (!brd_pool_rebalance(pool))
        brd_pool_park(pool, until);
    pool->turn = BRD_TURN_FREE;
    go_on(pool);
}

// A program that asks again and again without waiting leaves the service thread no
// turn: so it looks for deaths itself, now and then.
static void look_around(brood_pool *pool, bool (*ended)(void *baton), void *baton)
{
    brd_time now = brd_os_now();
    if (pool->turn != BRD_TURN_FREE || now < pool->look_at)
        return;
    pool->look_at = now + LOOK_EVERY_MS * BRD_MS;
    take_turn(pool, ended, baton, 0, true);
}

static void follow(brood_pool *pool, brd_time until)
{
    if (pool->turn == BRD_TURN_SERVICE)
        brd_os_waiter_ring(pool->waiter);
    pool->followers++;
    (void)brd_os_cond_wait(&pool->news, &pool->lock, until);
    pool->followers--;
}

int brd_pool_wait(brood_pool *pool, bool (*ended)(void *baton), void *baton, brd_time until)
{
    int status = BROOD_OK;
    uint32_t rounds = 0;
    pool->waiters++;
    pool->activity++;
    for (;;) {
        bool busy = brd_pool_work(pool);
        if (ended(baton))
            break;
        if (until != BRD_FOREVER && brd_os_now() >= until) {
            look_around(pool, ended, baton);
            status = ended(baton) ? BROOD_OK : BROOD_ETIMEDOUT;
            break;
        }
        if (busy && ++rounds % POLL_EVERY != 0)
            continue;
        if (pool->turn == BRD_TURN_FREE)
            take_turn(pool, ended, baton, until, busy);
        else if (!busy)
            follow(pool, until);
    }
    pool->waiters--;
    if (!pool->waiters && pool->service_asleep)
        brd_os_cond_signal(&pool->service_wake);
    else
        tell_followers(pool); // the turn is free: one of them takes it
    return status;
}
