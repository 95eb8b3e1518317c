/**
 * The service thread: starts processes, and has the turn while nobody waits.
 *
 * It keeps out of the way of callers: as long as they come often it only looks, a
 * few times a second, whether they still do; only then does it take the turn.
 */
#include "pool/job.h"
#include "pool/state.h"
#include "pool/worker.h"

enum {
    TICK_MS = 5,
    BUSY_TICKS = 3, /* of callers that come often, and never wait, until it looks all the same */
    RETRY_MS = 100
};

void brd_pool_wake_service(brood_pool *pool)
{
    brd_os_cond_signal(&pool->service_wake);
    if (pool->turn == BRD_TURN_SERVICE)
        brd_os_waiter_ring(pool->waiter);
}

/* ------------------------------------------------------------------ starts */

// Tasks of callers that are at workers.
static uint64_t count_sent(const brood_pool *pool)
{
    uint64_t sent = pool->in_flight;
    for (uint32_t i = 0; i < pool->places; i++) {
        const brd_task *front = brd_seat_front(&pool->stations[i]->seat);
        sent -= front && front->initializer;
    }
    return sent;
}

// How many workers there are to be.
static uint32_t target(const brood_pool *pool)
{
    if (pool->state > BRD_POOL_CLOSING ||
        (pool->state == BRD_POOL_CLOSING && !brd_pool_has_work(pool)))
        return 0;
    if (!pool->options.on_demand || pool->jobs)
        return pool->size;
    uint64_t tasks = pool->queue.count + count_sent(pool);
    uint32_t most = tasks < pool->size ? (uint32_t)tasks : pool->size;
    return most > pool->warm ? most : pool->warm < pool->size ? pool->warm : pool->size;
}

void brd_pool_want_workers(brood_pool *pool)
{
    uint32_t wanted = target(pool), there = 0;
    for (uint32_t i = 0; i < pool->size; i++)
        there += pool->stations[i]->filling || pool->stations[i]->seat.state != BRD_SEAT_EMPTY;
    pool->missing = wanted > there ? wanted - there : 0;
    if (pool->missing)
        brd_pool_wake_service(pool);
}

static int send_initializer(brood_pool *pool, brd_station *s)
{
    brd_task *task = brd_tasks_get(&pool->tasks);
    if (!task)
        return BROOD_ENOMEM;
    int status = brd_functions_index(pool->functions, pool->options.initializer, &task->function);
    if (status) {
        brd_tasks_put(&pool->tasks, task);
        return status;
    }
    task->initializer = true;
    task->count = 1;
    task->id = ++pool->last_id;
    task->order = 0; // nobody has handed it in
    task->args = &pool->initializer_args;
    status = brd_pool_send(pool, s, task);
    if (status)
        brd_tasks_put(&pool->tasks, task);
    return status;
}

static int watch(brood_pool *pool, brd_station *s)
{
    int status =
        brd_os_waiter_chan(pool->waiter, s->child.link.frames.chan, BRD_READ, &s->chan_tag);
    s->watched_chan = !status;
    if (!status)
        status = brd_os_waiter_proc(pool->waiter, &s->child.proc, true, &s->proc_tag);
    s->watched_proc = !status;
    return status;
}

// While other workers live, the pool is only smaller until a start succeeds again.
static void start_failed(brood_pool *pool, int status)
{
    brood_error error = {.status = status, .text = brood_status_text(status), .function = ""};
    pool->start_status = status;
    pool->retry_at = brd_os_now() + RETRY_MS * BRD_MS;
    if (!pool->alive)
        brd_pool_count_fruitless(pool, &error);
}

// Without a watch nobody would hear of its end.
static void give_up(brood_pool *pool, brd_station *s, int status)
{
    brd_exit ended;
    if (s->watched_chan)
        (void)brd_os_waiter_chan(pool->waiter, s->child.link.frames.chan, 0, &s->chan_tag);
    s->watched_chan = false;
    (void)brd_os_proc_kill(&s->child.proc, true);
    (void)brd_os_proc_wait(&s->child.proc, BRD_FOREVER, &ended);
    brd_child_exited(&s->child);
    brd_child_close(&s->child);
    pool->alive--;
    start_failed(pool, status);
}

static void occupy(brood_pool *pool, brd_station *s, const brd_child *child)
{
    s->child = *child;
    int status = watch(pool, s);
    if (status) {
        give_up(pool, s, status);
        return;
    }
    s->seat.first = s->seat.last = 0;
    s->seat.productive = s->seat.up = false;
    s->seat.broke = 0;
    s->seat.handed = 0;
    s->slow = false;
    s->begin_by = 0;
    atomic_store(&s->child.link.words->parent_cpu, pool->parent_cpu);
    if (pool->parked)
        brd_link_set_parked(&s->child.link, true);
    brd_seat_enter(&s->seat, BRD_SEAT_STARTING);
    brd_alarm_set(&pool->alarms, &s->alarm, brd_until(pool->options.start_timeout));
    brd_station_event(pool, s, BROOD_WORKER_STARTED, NULL);
    if (pool->options.initializer)
        status = send_initializer(pool, s);
    brd_station_changed(pool, s);
    if (status || pool->state == BRD_POOL_KILLING || pool->state == BRD_POOL_BROKEN)
        brd_station_kill(pool, s, status);
    else if (s->seat.index >= pool->size)
        brd_station_drain(pool, s); // the pool became smaller meanwhile
}

static brd_station *empty_station(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->size; i++)
        if (pool->stations[i]->seat.state == BRD_SEAT_EMPTY)
            return pool->stations[i];
    return NULL;
}

// The lock is not held while a process starts; only this thread fills stations. From
// the first step on it counts as alive: a pool that ends meanwhile waits for it too.
static void start_one(brood_pool *pool)
{
    brd_child child;
    brd_station *s = empty_station(pool);
    if (!s) {
        pool->missing = 0;
        return;
    }
    pool->alive++;
    s->filling = true;
    brd_os_mutex_unlock(&pool->lock);
    const brd_birth birth = {.entry = brd_worker_main,
                             .role = BRD_ROLE_WORKER,
                             .bell = brd_os_waiter_bell(pool->waiter),
                             .name = "worker",
                             .server = pool->server,
                             .unneeded = &pool->ending};
    int status = brd_child_start(&child, pool->context, &birth);
    brd_os_mutex_lock(&pool->lock);
    s->filling = false;
    if (status) {
        pool->alive--;
        start_failed(pool, status);
    } else {
        pool->start_status = BROOD_OK;
        occupy(pool, s, &child);
        brd_pool_dispatch_tasks(pool);
    }
    brd_pool_want_workers(pool);
    brd_pool_advance(pool);
    if (pool->state != BRD_POOL_OPEN)
        brd_os_waiter_ring(pool->waiter); // who waits for the end may be parked
}

/* ----------------------------------------------------------------- service */

static bool may_start(const brood_pool *pool)
{
    return pool->missing && (pool->state == BRD_POOL_OPEN || pool->state == BRD_POOL_CLOSING) &&
           brd_os_now() >= pool->retry_at;
}

static void serve(brood_pool *pool, bool in_passing)
{
    pool->turn = BRD_TURN_SERVICE;
    brd_time until = pool->missing ? pool->retry_at : BRD_FOREVER;
    brd_pool_park(pool, in_passing ? 0 : until);
    pool->turn = BRD_TURN_FREE;
    (void)brd_pool_collect(pool);
    (void)brd_pool_rebalance(pool);
    brd_pool_dispatch_tasks(pool);
    brd_pool_advance(pool);
    brd_os_cond_broadcast(&pool->news);
}

static void rest(brood_pool *pool)
{
    // A caller that is parked will leave one day, and wakes us then.
    pool->service_asleep = pool->turn == BRD_TURN_CALLER && pool->parked && !pool->missing;
    brd_time until = pool->service_asleep ? BRD_FOREVER : brd_os_now() + TICK_MS * BRD_MS;
    (void)brd_os_cond_wait(&pool->service_wake, &pool->lock, until);
    pool->service_asleep = false;
}

void brd_service_run(void *baton)
{
    brood_pool *pool = baton;
    uint64_t seen = 0;
    uint32_t ticks = 0;
    brd_os_mutex_lock(&pool->lock);
    while (!pool->quit) {
        if (may_start(pool)) {
            start_one(pool);
            brd_os_cond_broadcast(&pool->news);
        } else if (pool->turn == BRD_TURN_FREE && !pool->waiters && seen == pool->activity) {
            serve(pool, false);
        } else if (pool->turn == BRD_TURN_FREE && !pool->waiters && ++ticks >= BUSY_TICKS) {
            ticks = 0;
            serve(pool, true);
        } else {
            seen = pool->activity;
            rest(pool);
        }
    }
    brd_os_mutex_unlock(&pool->lock);
}
