/**
 * The end of workers: what it means for their tasks, their seat and the pool.
 *
 * Order matters. Results that are already in the ring are delivered before the
 * death is acted on; then the task that had started fails, and those that had not
 * go back to the front of the queue. Only the holder of the turn comes here, so a
 * link is never unmapped under a thread that spins on it.
 */
#include "pool/job.h"
#include "pool/state.h"
#include <stdio.h>
#include <stdlib.h>

void brd_station_kill(brood_pool *pool, brd_station *s, int why)
{
    if (s->seat.state == BRD_SEAT_EMPTY || s->seat.state == BRD_SEAT_DEAD)
        return;
    s->seat.broke = why;
    brd_seat_enter(&s->seat, BRD_SEAT_DEAD);
    (void)brd_os_proc_kill(&s->child.proc, true);
    brd_station_changed(pool, s);
}

static void describe(const brd_station *s, const brd_exit *ended, char *text, size_t room,
                     brood_error *error)
{
    int64_t pid = s->child.proc.pid;
    *error = (brood_error){.status = BROOD_EWORKERLOST,
                           .text = text,
                           .function = "",
                           .worker = pid,
                           .exit_kind = ended->kind,
                           .exit_code = ended->code};
    if (s->seat.broke)
        (void)snprintf(text, room, "worker %lld was ended: %s", (long long)pid,
                       brood_status_text(s->seat.broke));
    else if (s->child.link.failure)
        (void)snprintf(text, room, "worker %lld could not start: %s", (long long)pid,
                       brood_status_text(s->child.link.failure));
    else if (ended->kind == BROOD_EXIT_SIGNAL)
        (void)snprintf(text, room, "worker %lld was killed by signal or exception %lld",
                       (long long)pid, (long long)ended->code);
    else if (ended->kind == BROOD_EXIT_CODE)
        (void)snprintf(text, room, "worker %lld exited with code %lld", (long long)pid,
                       (long long)ended->code);
    else
        (void)snprintf(text, room, "worker %lld is gone; how it ended is unknown", (long long)pid);
}

// Of a chunk, the item at hand is lost; those behind it have not started.
static void lose_chunk(brood_pool *pool, brd_task *task, const brood_error *error)
{
    brd_job_error(task->job, task->first + task->ended, error);
    task->first += task->ended + 1;
    task->count -= task->ended + 1;
    task->ended = 0;
    brd_task_enter(task, task->count ? BRD_TASK_WAITING : BRD_TASK_FAILED);
    if (task->count)
        brd_queue_push_front(&pool->queue, task);
    else
        brd_tasks_put(&pool->tasks, task);
}

static void lose(brood_pool *pool, brd_task *task, bool started, brood_error *error)
{
    brd_task_enter(task, BRD_TASK_LOST);
    error->function = brd_functions_name(pool->functions, task->function);
    if (!started && !task->initializer) {
        brd_task_enter(task, BRD_TASK_WAITING);
        brd_queue_push_front(&pool->queue, task);
    } else if (task->job) {
        lose_chunk(pool, task, error);
    } else {
        brd_task_fail(pool, task, error);
    }
}

// From the back, so that what goes to the front of the queue keeps its order.
static bool lose_tasks(brood_pool *pool, brd_station *s, brood_error *error)
{
    bool any_started = false;
    brd_task *task;
    if (brd_seat_flight(&s->seat))
        pool->busy--;
    while ((task = brd_seat_back(&s->seat))) {
        bool started = brd_link_started(task->claim);
        any_started = any_started || (started && !task->initializer);
        brd_seat_taken(&s->seat);
        pool->in_flight--;
        lose(pool, task, started, error);
    }
    return any_started;
}

void brd_pool_break(brood_pool *pool)
{
    pool->state = BRD_POOL_BROKEN;
    pool->missing = 0;
    brd_pool_fail_all(pool, BROOD_EBROKEN);
    for (uint32_t i = 0; i < pool->size; i++)
        brd_station_kill(pool, &pool->stations[i], BROOD_EBROKEN);
}

void brd_pool_count_fruitless(brood_pool *pool, const brood_error *why)
{
    brd_time now = brd_os_now();
    if (pool->state != BRD_POOL_OPEN && pool->state != BRD_POOL_CLOSING)
        return;
    if (now - pool->window_start > pool->restart_window * BRD_MS) {
        pool->window_start = now;
        pool->fruitless = 0;
    }
    if (why && !(pool->cause && pool->cause->status == BROOD_ETASK)) {
        free(pool->cause);
        pool->cause = brd_error_copy(why);
    }
    if (++pool->fruitless > pool->restarts)
        brd_pool_break(pool);
}

static void unwatch(brood_pool *pool, brd_station *s)
{
    if (s->watched_chan)
        (void)brd_os_waiter_chan(pool->waiter, s->child.link.frames.chan, 0, &s->chan_tag);
    if (s->watched_proc)
        (void)brd_os_waiter_proc(pool->waiter, &s->child.proc, false, &s->proc_tag);
    s->watched_chan = s->watched_proc = false;
}

static bool wants_workers(const brood_pool *pool)
{
    if (pool->state == BRD_POOL_CLOSING)
        return pool->queue.head || pool->jobs || pool->in_flight;
    return pool->state == BRD_POOL_OPEN;
}

static void station_ended(brood_pool *pool, brd_station *s, const brd_exit *ended)
{
    char text[256];
    brood_error error;
    bool expected = s->seat.state == BRD_SEAT_DRAINING;
    (void)brd_link_read_frames(&s->child.link);
    brd_ring_look_deeper(&s->child.link.results);
    (void)brd_station_collect(pool, s);
    describe(s, ended, text, sizeof text, &error);
    bool fruitful = s->seat.productive;
    fruitful |= lose_tasks(pool, s, &error);
    unwatch(pool, s);
    brd_child_exited(&s->child);
    if (s->seat.state != BRD_SEAT_DEAD)
        brd_seat_enter(&s->seat, BRD_SEAT_DEAD);
    brd_seat_enter(&s->seat, BRD_SEAT_EMPTY);
    brd_station_changed(pool, s);
    brd_child_close(&s->child);
    pool->alive--;
    if (!fruitful && !expected && wants_workers(pool))
        brd_pool_count_fruitless(pool, &error);
    if (wants_workers(pool)) {
        pool->missing++;
        brd_pool_wake_service(pool);
    }
}

static void on_channel(brood_pool *pool, brd_station *s, unsigned what)
{
    int status = s->watched_chan ? brd_link_read_frames(&s->child.link) : BROOD_OK;
    if (status == BROOD_OK && !(what & BRD_ENDED))
        return;
    if (s->watched_chan) {
        (void)brd_os_waiter_chan(pool->waiter, s->child.link.frames.chan, 0, &s->chan_tag);
        s->watched_chan = false;
    }
    // Without its channel a worker is of no use; most often it is ending anyway, and
    // a kill then changes nothing of how it ended.
    if (s->seat.state == BRD_SEAT_DRAINING && status != BROOD_EPROTOCOL)
        return;
    brd_station_kill(pool, s, status == BROOD_EPROTOCOL ? status : 0);
}

static void on_process(brood_pool *pool, brd_station *s)
{
    brd_exit ended;
    if (s->watched_proc && brd_os_proc_wait(&s->child.proc, 0, &ended) == BROOD_OK)
        station_ended(pool, s, &ended);
}

void brd_pool_on_events(brood_pool *pool, const brd_event *events, size_t count)
{
    // Deaths last: what else is known of the same worker comes first.
    for (size_t i = 0; i < count; i++) {
        const brd_tag *tag = events[i].tag;
        if (tag && !tag->process)
            on_channel(pool, tag->station, events[i].what);
    }
    for (size_t i = 0; i < count; i++) {
        const brd_tag *tag = events[i].tag;
        if (tag && tag->process)
            on_process(pool, tag->station);
    }
}
