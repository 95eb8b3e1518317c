/**
 * The pool's life, and handing tasks in.
 */
#include "pool/future.h"
#include "pool/job.h"
#include "pool/state.h"
#include <apr_general.h>
#include <apr_pools.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_RESTARTS = 10,
    DEFAULT_WINDOW_MS = 10000,
    DEFAULT_GRACE_MS = 1000,
    MOST_PROCESSES = 4096
};

static void start_apr(void)
{
    (void)apr_initialize(); // counted by APR; a library never takes it back
}

static void pool_enter(brood_pool *pool, brd_pool_state next)
{
    static const bool allowed[5][5] = {
        [BRD_POOL_OPEN] = {[BRD_POOL_CLOSING] = true, [BRD_POOL_KILLING] = true},
        [BRD_POOL_CLOSING] = {[BRD_POOL_KILLING] = true, [BRD_POOL_STOPPED] = true},
        [BRD_POOL_BROKEN] = {[BRD_POOL_KILLING] = true},
        [BRD_POOL_KILLING] = {[BRD_POOL_STOPPED] = true},
    };
    assert(allowed[pool->state][next]);
    (void)allowed;
    pool->state = next;
}

/* ------------------------------------------------------------------- birth */

static int read_options(brood_pool *pool, const brood_pool_options *options)
{
    brood_pool_options o = BROOD_POOL_OPTIONS_INIT;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (o.processes > MOST_PROCESSES || o.grace < 0 || o.restart_window < 0)
        return BROOD_EINVAL;
    pool->cpus = brd_os_cpu_count();
    pool->size = o.processes ? o.processes : pool->cpus;
    pool->words = (pool->size + 63) / 64;
    pool->restarts = o.restarts ? o.restarts : DEFAULT_RESTARTS;
    pool->restart_window = o.restart_window ? o.restart_window : DEFAULT_WINDOW_MS;
    if (pool->restart_window > BRD_FOREVER / BRD_MS)
        pool->restart_window = BRD_FOREVER / BRD_MS;
    pool->grace = o.grace ? o.grace : DEFAULT_GRACE_MS;
    pool->initializer = o.initializer;
    pool->context = o.context ? o.context : brd_context_default();
    if (o.initializer_args)
        return brd_message_copy(&pool->initializer_args, o.initializer_args);
    return BROOD_OK;
}

static int make_stations(brood_pool *pool)
{
    pool->stations = calloc(pool->size, sizeof *pool->stations);
    pool->awaited = calloc(pool->words, sizeof *pool->awaited);
    pool->room = calloc(pool->words, sizeof *pool->room);
    if (!pool->stations || !pool->awaited || !pool->room)
        return BROOD_ENOMEM;
    for (uint32_t i = 0; i < pool->size; i++) {
        brd_station *s = &pool->stations[i];
        s->seat.index = i;
        s->chan_tag = (brd_tag){.station = s, .process = false};
        s->proc_tag = (brd_tag){.station = s, .process = true};
    }
    return BROOD_OK;
}

static int make_memory(brood_pool *pool)
{
    if (apr_pool_create(&pool->memory, NULL) != APR_SUCCESS)
        return BROOD_ENOMEM;
    pool->functions = brd_functions_make(pool->memory);
    return pool->functions ? make_stations(pool) : BROOD_ENOMEM;
}

static int make_waiting(brood_pool *pool)
{
    int status = brd_os_mutex_init(&pool->lock);
    if (!status)
        status = brd_os_cond_init(&pool->news);
    if (!status)
        status = brd_os_cond_init(&pool->service_wake);
    if (!status)
        status = brd_os_waiter_open(&pool->waiter);
    return status;
}

static bool has_started(void *baton)
{
    const brood_pool *pool = baton;
    return !pool->missing || pool->start_status || pool->state == BRD_POOL_BROKEN;
}

// Waits on the condition alone: the starts are the service thread's, and results
// have nobody to go to yet.
static int start(brood_pool *pool)
{
    pool->missing = pool->size;
    int status = brd_os_thread_start(&pool->service, brd_service_run, pool);
    if (status)
        return status;
    brd_os_mutex_lock(&pool->lock);
    while (!has_started(pool))
        (void)brd_os_cond_wait(&pool->news, &pool->lock, BRD_FOREVER);
    status = pool->start_status;
    brd_os_mutex_unlock(&pool->lock);
    return status;
}

int brood_pool_create(brood_pool **out, const brood_pool_options *options)
{
    static _Atomic int apr_started;
    if (!out)
        return BROOD_EINVAL;
    brd_os_once(&apr_started, start_apr);
    brood_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return BROOD_ENOMEM;
    pool->references = 1;
    pool->depth = 1;
    pool->parent_cpu = -1;
    int status = make_waiting(pool);
    if (!status)
        status = read_options(pool, options);
    if (!status)
        status = brd_may_start(pool->context);
    if (!status)
        status = make_memory(pool);
    if (!status)
        status = start(pool);
    if (status)
        brood_pool_destroy(pool);
    else
        *out = pool;
    return status;
}

/* ------------------------------------------------------------------- tasks */

int brd_pool_accepts(const brood_pool *pool)
{
    if (pool->state == BRD_POOL_OPEN)
        return BROOD_OK;
    return pool->state == BRD_POOL_BROKEN ? BROOD_EBROKEN : BROOD_ECLOSED;
}

static int new_task(brood_pool *pool, brood_function *function, brd_task **out)
{
    uint32_t index;
    int status = brd_pool_accepts(pool);
    if (!status)
        status = brd_functions_index(pool->functions, function, &index);
    if (status)
        return status;
    brd_task *task = brd_tasks_get(&pool->tasks);
    if (!task)
        return BROOD_ENOMEM;
    task->function = index;
    task->count = 1;
    task->id = ++pool->last_id;
    task->order = ++pool->last_order;
    *out = task;
    return BROOD_OK;
}

static void hand_in(brood_pool *pool, brd_task *task)
{
    pool->activity++;
    brd_queue_push(&pool->queue, task);
    brd_pool_dispatch_tasks(pool);
}

static bool is_done(void *baton)
{
    return ((const brd_sink *)baton)->done;
}

static void report_refusal(const brood_pool *pool, brood_message *result, int status)
{
    brood_error error = brd_pool_error(pool, status);
    if (result)
        (void)brd_message_fail(result, &error);
}

int brood_pool_apply(brood_pool *pool, brood_function *function, const brood_message *args,
                     brood_message *result)
{
    if (!pool || !function)
        return BROOD_EINVAL;
    brd_sink sink = {.result = result};
    brd_task *task = NULL;
    brd_os_mutex_lock(&pool->lock);
    int status = new_task(pool, function, &task);
    if (!status) {
        task->sink = &sink;
        task->args = args; // the caller waits, so nothing need be copied
        hand_in(pool, task);
        (void)brd_pool_wait(pool, is_done, &sink, BRD_FOREVER);
    } else {
        report_refusal(pool, result, status);
    }
    brd_os_mutex_unlock(&pool->lock);
    return status ? status : sink.status;
}

static int hand_in_async(brood_pool *pool, brood_function *function, const brood_message *args,
                         brood_future *future)
{
    brd_task *task = NULL;
    int status = new_task(pool, function, &task);
    if (status)
        return status;
    task->args = &task->own;
    status = args ? brd_message_copy(&task->own, args) : BROOD_OK;
    if (status) {
        brd_tasks_put(&pool->tasks, task);
        return status;
    }
    task->sink = future ? &future->sink : NULL;
    // Whoever hands in without waiting helps on the way, or the rings would stand full.
    if (brd_pool_collect(pool) && pool->followers)
        brd_os_cond_broadcast(&pool->news);
    hand_in(pool, task);
    return BROOD_OK;
}

int brood_pool_apply_async(brood_pool *pool, brood_function *function, const brood_message *args,
                           const brood_task_options *options, brood_future **out)
{
    (void)options;
    if (!pool || !function)
        return BROOD_EINVAL;
    brood_future *future = out ? brd_future_make(pool) : NULL;
    if (out && !future)
        return BROOD_ENOMEM;
    brd_os_mutex_lock(&pool->lock);
    int status = hand_in_async(pool, function, args, future);
    brd_os_mutex_unlock(&pool->lock);
    if (status)
        brood_future_destroy(future);
    else if (out)
        *out = future;
    return status;
}

void brd_sink_abandon(brood_pool *pool, const brd_sink *sink)
{
    if (sink->done)
        return;
    for (brd_task *task = pool->queue.head; task; task = task->next)
        if (task->sink == sink)
            task->sink = NULL;
    for (uint32_t i = 0; pool->stations && i < pool->size; i++) {
        brd_seat *seat = &pool->stations[i].seat;
        for (uint64_t at = seat->first; at != seat->last; at++)
            if (seat->flight[at % BRD_FLIGHT_MAX]->sink == sink)
                seat->flight[at % BRD_FLIGHT_MAX]->sink = NULL;
    }
}

/* --------------------------------------------------------------------- end */

static void stop_workers(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->size; i++) {
        brd_station *s = &pool->stations[i];
        if (s->seat.state == BRD_SEAT_EMPTY || s->seat.state == BRD_SEAT_DEAD ||
            s->seat.state == BRD_SEAT_DRAINING)
            continue;
        brd_seat_enter(&s->seat, BRD_SEAT_DRAINING);
        brd_station_changed(pool, s);
        brd_link_stop(&s->child.link);
    }
}

void brd_pool_advance(brood_pool *pool)
{
    bool working = pool->queue.head || pool->jobs || pool->in_flight;
    if (pool->state == BRD_POOL_CLOSING && !working) {
        pool->missing = 0;
        stop_workers(pool);
    }
    bool ending = pool->state == BRD_POOL_CLOSING || pool->state == BRD_POOL_KILLING;
    if (ending && !working && !pool->alive && !pool->missing)
        pool_enter(pool, BRD_POOL_STOPPED);
}

int brood_pool_close(brood_pool *pool)
{
    if (!pool)
        return BROOD_EINVAL;
    brd_os_mutex_lock(&pool->lock);
    if (pool->state == BRD_POOL_OPEN) {
        pool_enter(pool, BRD_POOL_CLOSING);
        brd_pool_advance(pool);
        brd_pool_wake_service(pool);
    }
    brd_os_mutex_unlock(&pool->lock);
    return BROOD_OK;
}

static bool is_stopped(void *baton)
{
    const brood_pool *pool = baton;
    return pool->state == BRD_POOL_STOPPED || (pool->state == BRD_POOL_BROKEN && !pool->alive);
}

int brood_pool_join(brood_pool *pool, int64_t timeout)
{
    if (!pool)
        return BROOD_EINVAL;
    brd_time until = brd_until(timeout);
    brd_os_mutex_lock(&pool->lock);
    int status = pool->state == BRD_POOL_OPEN ? BROOD_EBUSY : BROOD_OK;
    if (!status)
        status = brd_pool_wait(pool, is_stopped, pool, until);
    brd_os_mutex_unlock(&pool->lock);
    return status;
}

static void kill_workers(brood_pool *pool, bool force)
{
    for (uint32_t i = 0; i < pool->size; i++) {
        brd_station *s = &pool->stations[i];
        if (s->seat.state != BRD_SEAT_EMPTY)
            (void)brd_os_proc_kill(&s->child.proc, force);
    }
}

static void kill_pool(brood_pool *pool)
{
    pool_enter(pool, BRD_POOL_KILLING);
    pool->missing = 0;
    brd_pool_fail_all(pool, BROOD_ETERMINATED);
    stop_workers(pool);
    kill_workers(pool, false);
    brd_os_cond_broadcast(&pool->news);
    brd_pool_advance(pool);
}

int brood_pool_terminate(brood_pool *pool)
{
    if (!pool)
        return BROOD_EINVAL;
    brd_os_mutex_lock(&pool->lock);
    if (pool->state != BRD_POOL_KILLING && pool->state != BRD_POOL_STOPPED)
        kill_pool(pool);
    if (brd_pool_wait(pool, is_stopped, pool, brd_until(pool->grace)) == BROOD_ETIMEDOUT) {
        kill_workers(pool, true);
        (void)brd_pool_wait(pool, is_stopped, pool, BRD_FOREVER);
    }
    brd_os_mutex_unlock(&pool->lock);
    return BROOD_OK;
}

// Every task has ended, so whoever still waits for a future is about to leave.
static void see_waiters_off(brood_pool *pool)
{
    while (pool->waiters) {
        brd_os_cond_broadcast(&pool->news);
        brd_os_waiter_ring(pool->waiter);
        (void)brd_os_cond_wait(&pool->news, &pool->lock, brd_os_now() + BRD_MS);
    }
}

static void end_service(brood_pool *pool)
{
    brd_os_mutex_lock(&pool->lock);
    see_waiters_off(pool);
    pool->quit = true;
    brd_pool_wake_service(pool);
    brd_os_mutex_unlock(&pool->lock);
    brd_os_thread_join(&pool->service);
}

void brd_pool_release(brood_pool *pool)
{
    if (atomic_fetch_sub(&pool->references, 1) != 1)
        return;
    brd_os_cond_clear(&pool->news);
    brd_os_cond_clear(&pool->service_wake);
    brd_os_mutex_clear(&pool->lock);
    free(pool);
}

void brood_pool_destroy(brood_pool *pool)
{
    if (!pool)
        return;
    if (pool->service.running) {
        (void)brood_pool_terminate(pool);
        end_service(pool);
    }
    // Futures may still refer to the pool: they find it stopped, and themselves done.
    pool->state = BRD_POOL_STOPPED;
    brd_os_waiter_close(&pool->waiter);
    brd_tasks_clear(&pool->tasks);
    free(pool->stations);
    pool->stations = NULL;
    free(pool->awaited);
    free(pool->room);
    pool->awaited = NULL;
    pool->room = NULL;
    pool->words = 0;
    free(pool->cause);
    pool->cause = NULL;
    brood_message_clear(&pool->initializer_args);
    if (pool->memory)
        apr_pool_destroy(pool->memory);
    brd_pool_release(pool);
}

uint32_t brood_pool_processes(const brood_pool *pool)
{
    return pool ? pool->size : 0;
}
