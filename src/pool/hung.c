/**
 * Workers that hang before a task: they have it, nothing stands before it, and they do
 * not begin. No time limit can end such a task, as it has not started, and while other
 * workers are busy nobody would ever miss it.
 */
#include "pool/state.h"

enum { LOOK_EVERY_MS = 100 };

static bool is_unbegun(const brd_station *s, const brd_task *task)
{
    return task && s->seat.up && s->seat.state != BRD_SEAT_DEAD && !brd_link_started(task->claim);
}

static void look_at(brood_pool *pool, brd_station *s, brd_time now)
{
    const brd_task *task = brd_seat_front(&s->seat);
    if (!is_unbegun(s, task)) {
        s->unbegun = 0;
    } else if (s->unbegun != task->id) {
        s->unbegun = task->id;
        s->begin_by = brd_until(pool->options.start_timeout);
    } else if (now >= s->begin_by) {
        brd_station_kill(pool, s, BROOD_ETIMEDOUT); // another one gets its tasks
    }
}

void brd_pool_look_for_hung(brood_pool *pool)
{
    brd_time now = brd_os_now();
    if (!pool->in_flight || now < pool->hung_at)
        return;
    pool->hung_at = now + LOOK_EVERY_MS * BRD_MS;
    for (uint32_t i = 0; i < pool->places; i++)
        look_at(pool, pool->stations[i], now);
}
