/**
 * The way out: from the queue into the rings of workers. Runs in the thread that
 * hands in a task, and in the one that collects results, when a seat gets room.
 */
#include "pool/job.h"
#include "pool/state.h"
#include <string.h>

enum {
    PUBLISH_EVERY = 32,         /* tasks; a waiting worker gets them at once all the same */
    WORK_PER_WORKER_NS = 50000, /* how much work may be in flight at one worker */
    SHORT_TASK_DEPTH = 8        /* deeper than this, tasks are so short that few workers do */
};

static bool bit(const uint64_t *map, uint32_t i)
{
    return map[i / 64] >> (i % 64) & 1;
}

// For now: the next change of the station sets it right again.
static void clear_room(brood_pool *pool, uint32_t i)
{
    pool->room[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

void brd_pool_set_depth(brood_pool *pool, uint32_t task_ns)
{
    uint32_t depth = 2; // one runs, one waits: no gap while its result travels
    if (!task_ns)
        return;
    while (depth < BRD_FLIGHT_MAX && (uint64_t)depth * task_ns < WORK_PER_WORKER_NS)
        depth *= 2;
    if (depth == pool->depth)
        return;
    pool->depth = depth;
    for (uint32_t i = 0; i < pool->places; i++)
        brd_station_changed(pool, pool->stations[i]);
}

// The first set bit at `from` or behind it, or -1.
static int32_t find_room(const brood_pool *pool, uint32_t from)
{
    for (uint32_t w = from / 64; w < pool->words; w++) {
        uint64_t word = pool->room[w];
        if (w == from / 64)
            word = word >> (from % 64) << (from % 64);
        for (uint32_t i = 0; word; i++, word >>= 1)
            if (word & 1)
                return (int32_t)(w * 64 + i);
    }
    return -1;
}

// Short tasks fill one worker after the other, so that no more wake up than have
// something to do; long ones go round.
static int32_t pick(brood_pool *pool)
{
    uint32_t next = pool->current + 1 < pool->places ? pool->current + 1 : 0;
    bool few = pool->depth > SHORT_TASK_DEPTH;
    if (few && bit(pool->room, pool->current))
        return (int32_t)pool->current;
    int32_t found = find_room(pool, few ? 0 : next);
    return found < 0 && !few ? find_room(pool, 0) : found;
}

static void flush(brood_pool *pool)
{
    if (!pool->unflushed)
        return;
    pool->unflushed = 0;
    brd_link_flush(&pool->stations[pool->current]->child.link);
}

static int define_functions(brood_pool *pool, brd_link *link, uint32_t function)
{
    int status = BROOD_OK;
    while (!status && link->functions <= function) {
        status = brd_link_define(link, link->functions,
                                 brd_functions_place(pool->functions, link->functions),
                                 brd_functions_registered(pool->functions, link->functions));
        if (!status)
            link->functions++;
    }
    return status;
}

static int send_single(brd_link *link, brd_task *task)
{
    void *room = NULL;
    size_t size = 0;
    const void *bytes = task->args ? brood_message_bytes(task->args, &size) : NULL;
    int status = brd_link_begin(link, size, &room);
    if (status)
        return status;
    if (size)
        memcpy(room, bytes, size);
    brd_task_head head = {
        .function = task->function, .id = task->id, .count = 1, .number = task->order};
    status = task->args ? brd_link_carry(link, brd_message_cargo(task->args), &head) : BROOD_OK;
    if (status)
        return status;
    task->claim = brd_link_commit(link, &head);
    return BROOD_OK;
}

static void note_sent(brood_pool *pool, brd_station *s, brd_task *task)
{
    brd_link *link = &s->child.link;
    brd_task_enter(task, BRD_TASK_SENT);
    if (brd_seat_flight(&s->seat) == 0) {
        pool->busy++;
        // More awake than cpus: spinning would only keep others from their work.
        uint32_t crowded = pool->busy + 1 > pool->cpus;
        if (crowded != atomic_load_explicit(&link->words->crowded, memory_order_relaxed))
            atomic_store_explicit(&link->words->crowded, crowded, memory_order_relaxed);
        if (pool->parked)
            brd_link_set_parked(link, true);
    }
    brd_seat_sent(&s->seat, task);
    task->seat = s->seat.index;
    task->at = link->at;
    pool->in_flight++;
    pool->unflushed++;
    uint32_t flight = brd_seat_flight(&s->seat);
    if (flight == 1 && task->terms.time_limit)
        brd_station_next_task(pool, s);
    uint32_t most = pool->options.max_tasks_per_child;
    if (most && s->seat.handed - (pool->options.initializer ? 1 : 0) >= most) {
        flush(pool);
        brd_station_drain(pool, s);
    }
    if (flight == 1 || flight >= pool->depth) // between the two nothing changes
        brd_station_changed(pool, s);
}

static int send_to(brood_pool *pool, uint32_t index, brd_task *task)
{
    brd_station *s = pool->stations[index];
    if (index != pool->current || pool->unflushed >= PUBLISH_EVERY)
        flush(pool);
    pool->current = index;
    // A worker gives room back before its results are read: the claims of what is in
    // flight must stay what they are.
    const brd_task *front = brd_seat_front(&s->seat);
    brd_ring_keep(&s->child.link.tasks, front ? front->at : UINT64_MAX);
    int status = define_functions(pool, &s->child.link, task->function);
    if (!status)
        status = task->job ? brd_job_send(task->job, &s->child.link, task)
                           : send_single(&s->child.link, task);
    if (!status)
        note_sent(pool, s, task);
    return status;
}

int brd_pool_send(brood_pool *pool, brd_station *s, brd_task *task)
{
    int status = send_to(pool, s->seat.index, task);
    flush(pool);
    return status;
}

// Of the queue's head and the first job: the one of higher priority, then the older.
static bool job_goes_first(const brd_job *job, const brd_task *task)
{
    if (!task || !job)
        return job != NULL;
    if (task->terms.priority != job->terms.priority)
        return job->terms.priority > task->terms.priority;
    return job->order < task->order;
}

static brd_task *next_task(brood_pool *pool)
{
    brd_job *job = pool->jobs;
    if (!job_goes_first(job, brd_queue_head(&pool->queue)))
        return brd_queue_pop(&pool->queue);
    brd_task *task = brd_job_next(job, &pool->tasks);
    if (task)
        task->id = ++pool->last_id;
    if (!brd_job_has_more(job))
        brd_job_unlist(pool, job);
    return task;
}

void brd_pool_put_back(brood_pool *pool, brd_task *task)
{
    task->started = 0;
    if (!task->job) {
        brd_queue_push_front(&pool->queue, task);
        return;
    }
    brd_job_put(task->job, task, true);
    brd_job_list(pool, task->job);
}

// What a worker or its link cannot take now goes elsewhere or waits; only what is
// wrong with the task itself fails it.
static void not_sent(brood_pool *pool, brd_station *s, brd_task *task, int status)
{
    brd_link_flush(&s->child.link); // functions that it was told of on the way
    if (status == BROOD_EAGAIN || status == BROOD_ECLOSED)
        brd_pool_put_back(pool, task);
    if (status == BROOD_EAGAIN) {
        clear_room(pool, s->seat.index);
        if (!brd_seat_flight(&s->seat))
            pool->held_up = true; // no result will come: its room or a block will
    } else if (status == BROOD_ECLOSED) {
        brd_station_kill(pool, s, 0);
    } else {
        brood_error error = {.status = status,
                             .text = brood_status_text(status),
                             .function = brd_functions_name(pool->functions, task->function)};
        brd_task_fail(pool, task, &error);
    }
}

static bool any_slow(const brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->places; i++)
        if (pool->stations[i]->slow)
            return true;
    return false;
}

void brd_pool_dispatch_tasks(brood_pool *pool)
{
    int32_t index;
    while (brd_pool_has_queued(pool) && (index = pick(pool)) >= 0) {
        brd_task *task = next_task(pool);
        if (!task) {
            // The next result brings a task back; if none will come, nothing ever does.
            if (!pool->in_flight)
                brd_pool_fail_all(pool, BROOD_ENOMEM);
            break;
        }
        int status = send_to(pool, (uint32_t)index, task);
        if (status)
            not_sent(pool, pool->stations[index], task, status);
    }
    flush(pool);
    // All that could take it is slow, and nobody would hear when that is over.
    if (!pool->in_flight && brd_pool_has_queued(pool) && any_slow(pool))
        pool->held_up = true;
    if (pool->parked)
        brd_pool_hurry(pool);
}

// The task sent last to this station, if its worker has not begun it.
static brd_task *takeable(const brd_station *s)
{
    brd_task *task = brd_seat_back(&s->seat);
    bool lives = s->seat.state != BRD_SEAT_DEAD && s->seat.state != BRD_SEAT_EMPTY;
    if (!lives || !task || task->initializer || task->ended)
        return NULL;
    return brd_link_started(task->claim) ? NULL : task;
}

static brd_station *most_loaded(brood_pool *pool)
{
    brd_station *found = NULL;
    // A worker that has one task only is about to begin it, unless it hangs.
    uint32_t most = pool->late ? 0 : 1;
    for (uint32_t i = 0; i < pool->places; i++) {
        brd_station *s = pool->stations[i];
        uint32_t flight = brd_seat_flight(&s->seat);
        if (flight > most && takeable(s)) {
            most = flight;
            found = s;
        }
    }
    return found;
}

static brd_task *take_back_one(brood_pool *pool, brd_station *s)
{
    brd_task *task = takeable(s);
    if (!task || !brd_link_take_back(task->claim))
        return NULL;
    brd_seat_taken(&s->seat);
    pool->in_flight--;
    if (brd_seat_flight(&s->seat) == 0) {
        pool->busy--;
        pool->late = false; // one such move, then wait again: it must not come straight back
    }
    brd_task_enter(task, BRD_TASK_WAITING);
    // It must not be the next choice: not until its ring is empty, if this was all that it
    // had, and else not until the result of what it runs, which sets its room right.
    s->slow = !brd_seat_flight(&s->seat);
    brd_station_changed(pool, s);
    if (brd_seat_flight(&s->seat))
        clear_room(pool, s->seat.index);
    return task;
}

bool brd_pool_rebalance(brood_pool *pool)
{
    bool moved = false;
    if (brd_pool_has_queued(pool))
        return false;
    for (uint32_t i = 0; i < pool->places && (pool->late || pool->in_flight > pool->busy); i++) {
        if (pool->stations[i]->seat.state != BRD_SEAT_IDLE || pool->stations[i]->slow)
            continue;
        brd_station *loaded = most_loaded(pool);
        brd_task *task = loaded ? take_back_one(pool, loaded) : NULL;
        if (!task)
            break;
        int status = send_to(pool, i, task);
        if (status) {
            not_sent(pool, pool->stations[i], task, status);
            break;
        }
        moved = true;
    }
    pool->late = false;
    flush(pool);
    return moved;
}
