/**
 * The pool's life, and handing tasks in.
 */
#include "base/apr.h"
#include "pool/job.h"
#include "pool/state.h"
#include "process/forkserver.h"
#include <apr_pools.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_RESTARTS = 10,
    DEFAULT_WINDOW_MS = 10000,
    DEFAULT_GRACE_MS = 1000,
    DEFAULT_START_MS = 60000,
    ASK_PART = 10 /* this part of the grace is for tasks that end by themselves */
};

#define LONGEST_MS                                                                                 \
    (BRD_FOREVER / BRD_MS / 4) /* so that a moment that far away is still a number                 \
                                */

static void destroy(brood_pool *pool);

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

static void set_default(int64_t *value, int64_t normal)
{
    if (!*value)
        *value = normal;
    if (*value > LONGEST_MS)
        *value = LONGEST_MS;
}

static int read_options(brood_pool *pool, const brood_pool_options *options)
{
    brood_pool_options o = BROOD_POOL_OPTIONS_INIT;
    BRD_READ_OPTIONS(&o, options);
    if (o.processes > BRD_MOST_PROCESSES || o.grace < 0 || o.restart_window < 0 ||
        o.start_timeout < 0)
        return BROOD_EINVAL;
    pool->cpus = brd_os_cpu_count();
    pool->size = o.processes ? o.processes : pool->cpus;
    o.restarts = o.restarts ? o.restarts : DEFAULT_RESTARTS;
    set_default(&o.restart_window, DEFAULT_WINDOW_MS);
    set_default(&o.grace, DEFAULT_GRACE_MS);
    set_default(&o.start_timeout, DEFAULT_START_MS);
    pool->context = o.context ? o.context : brd_context_default();
    pool->window_start = brd_os_now();
    pool->calls.own_loop = o.own_loop != 0;
    pool->options = o;
    pool->options.initializer_args = NULL;
    if (o.initializer_args)
        return brd_message_copy(&pool->initializer_args, o.initializer_args);
    return BROOD_OK;
}

static int make_stations(brood_pool *pool)
{
    enum { WORDS = BRD_MOST_PROCESSES / 64 };
    pool->stations = calloc(BRD_MOST_PROCESSES, sizeof(brd_station *));
    pool->awaited = calloc(WORDS, sizeof *pool->awaited);
    pool->room = calloc(WORDS, sizeof *pool->room);
    if (!pool->stations || !pool->awaited || !pool->room)
        return BROOD_ENOMEM;
    int status = brd_queue_prepare(&pool->queue, 0);
    return status ? status : brd_stations_make(pool, pool->size);
}

static int make_memory(brood_pool *pool)
{
    // Not below APR's root: its lock could be held elsewhere while this process is forked.
    if (apr_allocator_create(&pool->allocator) != APR_SUCCESS)
        return BROOD_ENOMEM;
    if (apr_pool_create_unmanaged_ex(&pool->memory, NULL, pool->allocator) != APR_SUCCESS) {
        apr_allocator_destroy(pool->allocator);
        return BROOD_ENOMEM;
    }
    apr_allocator_owner_set(pool->allocator, pool->memory);
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
        status = brd_os_cond_init(&pool->calls.wake);
    if (!status)
        status = brd_os_waiter_open(&pool->waiter);
    if (!status && pool->calls.own_loop)
        status = brd_os_waiter_open(&pool->calls.outbox);
    return status;
}

static int make_calls(brood_pool *pool)
{
    if (!pool->options.on_worker && !pool->options.on_progress)
        return BROOD_OK;
    return brd_calls_prepare(pool);
}

// Here, and by the caller: a copy of this process is made now or never.
static int make_server(brood_pool *pool)
{
    if (pool->context->method != BROOD_FORK)
        return brd_context_server(pool->context, &pool->server);
    int status = brd_forkserver_open(&pool->copy, pool->context);
    pool->server = pool->copy;
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
    pool->missing = pool->options.on_demand ? 0 : pool->size;
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
    if (!out)
        return BROOD_EINVAL;
    brd_apr_start();
    brood_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return BROOD_ENOMEM;
    pool->references = 1;
    pool->generation = brd_generation();
    pool->depth = 1;
    pool->parent_cpu = -1;
    int status = read_options(pool, options);
    if (!status)
        status = make_waiting(pool);
    if (!status)
        status = brd_may_start(pool->context);
    if (!status)
        status = make_server(pool);
    if (!status)
        status = make_memory(pool);
    if (!status)
        status = make_calls(pool);
    if (!status)
        status = start(pool);
    if (status)
        destroy(pool);
    else
        *out = pool;
    return status;
}

/* --------------------------------------------------------------------- end */

static void stop_workers(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->places; i++)
        brd_station_drain(pool, pool->stations[i]);
}

void brd_pool_advance(brood_pool *pool)
{
    bool working = brd_pool_has_work(pool);
    if (pool->state == BRD_POOL_CLOSING && !working) {
        pool->missing = 0;
        stop_workers(pool);
    }
    bool ending = pool->state == BRD_POOL_CLOSING || pool->state == BRD_POOL_KILLING;
    if (ending && !working && !pool->alive && !pool->missing) {
        pool_enter(pool, BRD_POOL_STOPPED);
        brd_pool_stir(pool); // of those who wait for it one may be parked
    }
}

int brood_pool_close(brood_pool *pool)
{
    if (!brd_pool_is_ours(pool))
        return BROOD_EINVAL;
    brd_os_mutex_lock(&pool->lock);
    if (pool->state == BRD_POOL_OPEN) {
        pool_enter(pool, BRD_POOL_CLOSING);
        brd_iterators_close(pool);
        brd_pool_want_workers(pool);
        brd_pool_advance(pool);
        brd_pool_wake_service(pool);
        brd_pool_stir(pool); // whoever waits for more workers waits in vain
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
    if (!brd_pool_is_ours(pool))
        return BROOD_EINVAL;
    brd_time until = brd_until(timeout);
    brd_os_mutex_lock(&pool->lock);
    int status = pool->state == BRD_POOL_OPEN ? BROOD_EBUSY : BROOD_OK;
    if (!status)
        status = brd_pool_wait(pool, is_stopped, pool, until);
    // Python's join sees to it that callbacks have been called; in a user's own loop
    // they cannot be while this thread is here.
    while (!status && !pool->calls.own_loop && !brd_calls_idle(pool))
        status = brd_os_cond_wait(&pool->news, &pool->lock, until);
    brd_os_mutex_unlock(&pool->lock);
    return status;
}

static void kill_workers(brood_pool *pool, bool force)
{
    for (uint32_t i = 0; i < pool->places; i++) {
        brd_station *s = pool->stations[i];
        if (s->seat.state != BRD_SEAT_EMPTY)
            (void)brd_os_proc_kill(&s->child.proc, force);
    }
}

static void kill_pool(brood_pool *pool)
{
    pool_enter(pool, BRD_POOL_KILLING);
    atomic_store(&pool->ending, true); // a worker that is being born is of no use
    pool->missing = 0;
    for (uint32_t i = 0; i < pool->places; i++)
        if (pool->stations[i]->seat.state != BRD_SEAT_EMPTY)
            brd_link_cancel(&pool->stations[i]->child.link, BRD_ALL_TASKS, BRD_ALL_ITEMS);
    brd_pool_fail_all(pool, BROOD_ETERMINATED);
    stop_workers(pool);
    brd_os_cond_broadcast(&pool->news);
    brd_pool_advance(pool);
}

// A ladder: the tasks see that they are cancelled, then the workers are asked in the
// system's way, then they are killed.
int brd_pool_terminate(brood_pool *pool, int64_t grace_ms)
{
    brd_os_mutex_lock(&pool->lock);
    brd_time until = brd_until(grace_ms), ask = brd_until(grace_ms / ASK_PART);
    if (pool->state != BRD_POOL_KILLING && pool->state != BRD_POOL_STOPPED)
        kill_pool(pool);
    int status = brd_pool_wait(pool, is_stopped, pool, ask);
    if (status && grace_ms) {
        kill_workers(pool, false);
        status = brd_pool_wait(pool, is_stopped, pool, until);
    }
    if (status) {
        kill_workers(pool, true);
        (void)brd_pool_wait(pool, is_stopped, pool, BRD_FOREVER);
    }
    brd_os_mutex_unlock(&pool->lock);
    return BROOD_OK;
}

int brood_pool_terminate(brood_pool *pool)
{
    return brd_pool_is_ours(pool) ? brd_pool_terminate(pool, pool->options.grace) : BROOD_EINVAL;
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
    brd_os_cond_clear(&pool->calls.wake);
    brd_os_mutex_clear(&pool->lock);
    free(pool);
}

// What only a living pool has. Futures, and a callback that called this, may still
// refer to the rest: they find it gone, and themselves done.
static void clear(brood_pool *pool)
{
    brd_os_mutex_lock(&pool->lock);
    pool->state = BRD_POOL_STOPPED;
    pool->gone = true;
    brd_stations_free(pool);
    brd_os_mutex_unlock(&pool->lock);
    brd_os_waiter_close(&pool->waiter);
    brd_os_waiter_close(&pool->calls.outbox);
    brd_forkserver_close(&pool->copy);
    brd_tasks_clear(&pool->tasks);
    brd_alarms_clear(&pool->alarms);
    brd_queue_clear(&pool->queue);
    free(pool->stations);
    free(pool->awaited);
    free(pool->room);
    pool->stations = NULL;
    pool->awaited = NULL;
    pool->room = NULL;
    free(pool->cause);
    pool->cause = NULL;
    brood_message_clear(&pool->initializer_args);
    if (pool->memory)
        apr_pool_destroy(pool->memory);
}

static void destroy(brood_pool *pool)
{
    if (pool->service.running)
        (void)brood_pool_terminate(pool);
    brd_calls_end(pool); // while the pool can still answer
    if (pool->service.running)
        end_service(pool);
    clear(pool);
    brd_pool_release(pool);
}

void brood_pool_destroy(brood_pool *pool)
{
    if (brd_pool_is_ours(pool))
        destroy(pool);
}
