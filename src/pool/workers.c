/**
 * How many workers a pool has: its size, bringing them up, and counting.
 */
#include "pool/job.h"
#include "pool/state.h"

uint32_t brood_pool_processes(const brood_pool *pool)
{
    return pool ? pool->size : 0;
}

int brood_pool_resize(brood_pool *pool, uint32_t processes)
{
    if (!brd_pool_is_ours(pool) || !processes || processes > BRD_MOST_PROCESSES)
        return BROOD_EINVAL;
    brd_os_mutex_lock(&pool->lock);
    int status = brd_pool_accepts(pool);
    if (!status)
        status = brd_stations_make(pool, processes);
    if (!status) {
        pool->size = processes;
        for (uint32_t i = processes; i < pool->places; i++)
            brd_station_drain(pool, pool->stations[i]);
        brd_pool_want_workers(pool);
        brd_pool_stir(pool);
    }
    brd_os_mutex_unlock(&pool->lock);
    return status;
}

static bool is_ready(const brd_station *s)
{
    return s->seat.up && (s->seat.state == BRD_SEAT_IDLE || s->seat.state == BRD_SEAT_BUSY);
}

static uint32_t count_ready(const brood_pool *pool)
{
    uint32_t ready = 0;
    for (uint32_t i = 0; i < pool->places; i++)
        ready += is_ready(pool->stations[i]);
    return ready;
}

typedef struct warming {
    brood_pool *pool;
    uint32_t workers;
} warming;

static bool is_warm(void *baton)
{
    const warming *w = baton;
    uint32_t wanted = w->workers < w->pool->size ? w->workers : w->pool->size;
    return count_ready(w->pool) >= wanted || brd_pool_accepts(w->pool) != BROOD_OK;
}

int brood_pool_prewarm(brood_pool *pool, uint32_t workers, int64_t timeout)
{
    if (!brd_pool_is_ours(pool))
        return BROOD_EINVAL;
    brd_time until = brd_until(timeout);
    brd_os_mutex_lock(&pool->lock);
    warming w = {.pool = pool, .workers = workers};
    if (!workers || workers > pool->size)
        w.workers = pool->size;
    if (w.workers > pool->warm)
        pool->warm = w.workers;
    brd_pool_want_workers(pool);
    int status = brd_pool_accepts(pool);
    if (!status)
        status = brd_pool_wait(pool, is_warm, &w, until);
    if (!status)
        status = brd_pool_accepts(pool);
    brd_os_mutex_unlock(&pool->lock);
    return status;
}

static void count_flight(const brd_station *s, brood_pool_counts *c)
{
    for (uint64_t at = s->seat.first; at != s->seat.last; at++) {
        const brd_task *task = s->seat.flight[at % BRD_FLIGHT_MAX];
        if (task->initializer)
            continue;
        uint32_t left = task->orphan ? 1 : task->count - task->ended;
        bool runs = brd_link_started(task->claim);
        c->running += runs;
        c->queued += left - (runs && left);
    }
}

brood_pool_counts brood_pool_count(brood_pool *pool)
{
    brood_pool_counts c = {0};
    if (!brd_pool_is_ours(pool))
        return c;
    brd_os_mutex_lock(&pool->lock);
    brd_pool_catch_up(pool);
    c.workers = pool->alive;
    c.ready = count_ready(pool);
    c.queued = pool->queue.count;
    for (const brd_job *job = pool->jobs; job; job = job->next) {
        c.queued += job->items.count - job->sent;
        for (const brd_task *task = job->again_head; task; task = task->next)
            c.queued += task->count;
    }
    for (uint32_t i = 0; i < pool->places; i++)
        count_flight(pool->stations[i], &c);
    brd_os_mutex_unlock(&pool->lock);
    return c;
}
