/**
 * Stations: a seat, its process, and what the pool remembers of both in bitmaps and
 * alarms. Called by everything on this floor; calls none of it but outcome.
 */
#include "pool/state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBE_MS = 1 }; /* until a task that must start at once is looked at */

/* ----------------------------------------------------------------- making */

static brd_station *make_one(uint32_t index)
{
    brd_station *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->seat.index = index;
    s->chan_tag = (brd_tag){.station = s, .process = false};
    s->proc_tag = (brd_tag){.station = s, .process = true};
    s->alarm.kind = BRD_ALARM_STATION;
    return s;
}

int brd_stations_make(brood_pool *pool, uint32_t places)
{
    for (; pool->places < places; pool->places++) {
        // Spinners read table and bitmaps without the lock: neither ever moves.
        brd_station *s = make_one(pool->places);
        if (!s)
            return BROOD_ENOMEM;
        pool->stations[pool->places] = s;
        atomic_store(&pool->words, pool->places / 64 + 1);
    }
    // From here on an alarm of a station needs no room that may not be there.
    return brd_alarms_prepare(&pool->alarms, places);
}

void brd_stations_free(brood_pool *pool)
{
    for (uint32_t i = 0; pool->stations && i < pool->places; i++)
        free(pool->stations[i]);
    pool->places = 0;
    atomic_store(&pool->words, 0);
}

/* ---------------------------------------------------------------- bitmaps */

static void set_room(brood_pool *pool, uint32_t i, bool room)
{
    uint64_t mask = UINT64_C(1) << (i % 64);
    if (room)
        pool->room[i / 64] |= mask;
    else
        pool->room[i / 64] &= ~mask;
}

static void set_awaited(brood_pool *pool, uint32_t i, bool awaited)
{
    uint64_t mask = UINT64_C(1) << (i % 64);
    uint64_t old = atomic_load_explicit(&pool->awaited[i / 64], memory_order_relaxed);
    uint64_t now = awaited ? old | mask : old & ~mask;
    if (now != old)
        atomic_store_explicit(&pool->awaited[i / 64], now, memory_order_release);
}

void brd_station_changed(brood_pool *pool, brd_station *s)
{
    s->slow = s->slow && !brd_link_is_drained(&s->child.link);
    set_room(pool, s->seat.index, !s->slow && brd_seat_has_room(&s->seat, pool->depth));
    // Of one that was killed only its end is to come, and that comes by the waiter: to
    // those who spin, what it left in its ring would be news again and again.
    bool ringing = brd_seat_is_awaited(&s->seat) && s->seat.state != BRD_SEAT_DEAD;
    set_awaited(pool, s->seat.index, ringing);
}

/* ------------------------------------------------------------------ steps */

void brd_station_drain(brood_pool *pool, brd_station *s)
{
    if (s->seat.state == BRD_SEAT_EMPTY || s->seat.state == BRD_SEAT_DEAD ||
        s->seat.state == BRD_SEAT_DRAINING)
        return;
    brd_seat_enter(&s->seat, BRD_SEAT_DRAINING);
    brd_station_changed(pool, s);
    brd_link_stop(&s->child.link);
    if (!brd_seat_flight(&s->seat))
        brd_station_next_task(pool, s);
}

void brd_station_kill(brood_pool *pool, brd_station *s, int why)
{
    if (s->seat.state == BRD_SEAT_EMPTY || s->seat.state == BRD_SEAT_DEAD)
        return;
    s->seat.broke = why;
    brd_seat_enter(&s->seat, BRD_SEAT_DEAD);
    (void)brd_os_proc_kill(&s->child.proc, true);
    brd_alarm_stop(&pool->alarms, &s->alarm);
    brd_station_changed(pool, s);
}

void brd_station_up(brood_pool *pool, brd_station *s)
{
    s->seat.up = true;
    pool->proven = true;
    brd_alarm_stop(&pool->alarms, &s->alarm);
    brd_station_event(pool, s, BROOD_WORKER_READY, NULL);
    brd_station_next_task(pool, s);
}

void brd_station_next_task(brood_pool *pool, brd_station *s)
{
    const brd_task *task = brd_seat_front(&s->seat);
    if (!s->seat.up || s->seat.state == BRD_SEAT_DEAD)
        return;
    if (!task && s->seat.state == BRD_SEAT_DRAINING) { // nothing keeps it any more
        brd_alarm_set(&pool->alarms, &s->alarm, brd_until(pool->options.start_timeout));
        return;
    }
    if (task && task->verdict) { // it was told to end while it ran unseen behind others
        brd_alarm_set(&pool->alarms, &s->alarm, brd_os_now() + pool->options.grace * BRD_MS);
        return;
    }
    if (!task || !task->terms.time_limit) {
        brd_alarm_stop(&pool->alarms, &s->alarm);
        return;
    }
    brd_time at =
        task->started ? task->started + task->terms.time_limit : brd_os_now() + PROBE_MS * BRD_MS;
    brd_alarm_set(&pool->alarms, &s->alarm, at);
}

void brd_station_forget(brood_pool *pool, brd_station *s, brd_task *task)
{
    bool front = brd_seat_front(&s->seat) == task;
    brd_seat_remove(&s->seat, task);
    pool->in_flight--;
    if (brd_seat_flight(&s->seat) == 0)
        pool->busy--;
    if (front)
        brd_station_next_task(pool, s);
    brd_station_changed(pool, s);
}

/* ----------------------------------------------------------------- events */

typedef struct worker_call {
    brd_call call;
    void (*on_worker)(const brood_worker_event *event, void *baton);
    void *baton;
    brood_worker_event event;
    brood_error *error; /* a copy */
} worker_call;

static void tell(brd_call *call)
{
    worker_call *c = (worker_call *)(void *)call;
    c->event.error = c->error;
    c->on_worker(&c->event, c->baton);
    free(c->error);
    free(c);
}

void brd_station_event(brood_pool *pool, const brd_station *s, brood_worker_event_kind kind,
                       const brood_error *error)
{
    if (!pool->options.on_worker)
        return;
    worker_call *c = calloc(1, sizeof *c);
    if (!c)
        return; // an event is for information: without memory it is not told
    c->call.run = tell;
    c->on_worker = pool->options.on_worker;
    c->baton = pool->options.baton;
    c->event =
        (brood_worker_event){.kind = kind, .worker = s->child.proc.pid, .seat = s->seat.index};
    c->error = error ? brd_error_copy(error) : NULL;
    brd_calls_push(pool, &c->call);
}
