/**
 * Workers that hang before a task: they have it, nothing stands before it, and they do
 * not begin. No time limit can end such a task, as it has not started, and while other
 * workers are busy nobody would ever miss it.
 */
#include "pool/state.h"

enum { LOOK_EVERY_MS = 100 };

// It has what it does not begin, or has not even seen what was taken from it again.
static bool is_late(const brd_station *s, const brd_task *front)
{
    if (!s->seat.up || s->seat.state == BRD_SEAT_DEAD)
        return false;
    return front ? !brd_link_started(front->claim) : s->slow;
}

static void look_at(brood_pool *pool, brd_station *s, brd_time now)
{
    if (s->slow)
        brd_station_changed(pool, s); // it may have moved on
    const brd_task *front = brd_seat_front(&s->seat);
    uint64_t id = front ? front->id : 0;
    if (!is_late(s, front)) {
        s->begin_by = 0;
    } else if (!s->begin_by || (!s->slow && s->unbegun != id)) {
        s->unbegun = id;
        s->begin_by = brd_until(pool->options.start_timeout);
    } else if (now >= s->begin_by) {
        brd_station_kill(pool, s, BROOD_ETIMEDOUT); // another one gets its tasks
    }
}

void brd_pool_look_for_hung(brood_pool *pool)
{
    brd_time now = brd_os_now();
    if ((!pool->in_flight && !pool->held_up) || now < pool->hung_at)
        return;
    pool->hung_at = now + LOOK_EVERY_MS * BRD_MS;
    for (uint32_t i = 0; i < pool->places; i++)
        look_at(pool, pool->stations[i], now);
}
