/**
 * What the suites of the executor share: tasks of numbers and of gates, counts of
 * workers, and callbacks that can be waited for.
 *
 * The one thing to know: callbacks run in the pool's own thread, so they only write down
 * what they saw; the test asserts. Events of workers are asked when the executor is
 * destroyed, for then all have been told.
 */
#ifndef BRD_TESTS_EXECUTORS_H
#define BRD_TESTS_EXECUTORS_H

#include "api/pools.h"

#include <stdatomic.h>

/** A wait that only a dead-lock outlasts. */
#define LONG_WAIT test_ms(60000)

/* ----------------------------------------------------------------- workers */

/** How many events of each kind there were. */
typedef struct workers {
    atomic_int events[BROOD_WORKER_LOST + 1];
} workers;

static inline void count_worker(const brood_worker_event *event, void *baton)
{
    workers *w = baton;
    if (event->kind <= BROOD_WORKER_LOST)
        w->events[event->kind]++;
}

#define WATCHED(w) BROOD_POOL(.on_worker = count_worker, .baton = (w))

static inline int workers_started(workers *w)
{
    return w->events[BROOD_WORKER_STARTED];
}

/** In whatever way: each worker that was started ends once. */
static inline int workers_ended(workers *w)
{
    return w->events[BROOD_WORKER_RECYCLED] + w->events[BROOD_WORKER_STOPPED] +
           w->events[BROOD_WORKER_LOST];
}

/* --------------------------------------------------------------- executors */

static inline brood_executor *executor_with(const brood_executor_options *options)
{
    brood_executor *executor = NULL;
    int status = brood_executor_create(&executor, options);
    if (status)
        fprintf(stderr, "no executor: %d, %s\n", status, brood_status_text(status));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return executor;
}

static inline brood_executor *executor_of(uint32_t max_workers)
{
    return executor_with(BROOD_EXECUTOR(.max_workers = max_workers));
}

/** Waits for the work, finds no worker left, frees. */
static inline void executor_end(brood_executor *executor)
{
    CU_ASSERT_EQUAL(brood_executor_shutdown(executor, 1, 0), BROOD_OK);
    CU_ASSERT_EQUAL(brood_pool_count(brood_executor_pool(executor)).workers, 0);
    brood_executor_destroy(executor);
}

/** Waits until that many tasks run at the same time. */
static inline bool await_running(brood_executor *executor, uint32_t count)
{
    brood_pool *pool = brood_executor_pool(executor);
    brd_time until = test_deadline(20000);
    while (brood_pool_count(pool).running != count && brd_os_now() < until)
        moment();
    return brood_pool_count(pool).running == count;
}

/** Waits until nothing runs and nothing waits to run. */
static inline bool await_idle(brood_executor *executor)
{
    brd_time until = test_deadline(20000);
    brood_pool *pool = brood_executor_pool(executor);
    brood_pool_counts counts = brood_pool_count(pool);
    while (counts.running + counts.queued && brd_os_now() < until) {
        moment();
        counts = brood_pool_count(pool);
    }
    return counts.running + counts.queued == 0;
}

/* ------------------------------------------------------------------- tasks */

static inline brood_future *submit(brood_executor *executor, brood_function *function,
                                   const brood_message *args)
{
    brood_future *future = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_executor_submit(executor, function, args, NULL, &future), BROOD_OK);
    return future;
}

static inline brood_future *submit_number(brood_executor *executor, brood_function *function,
                                          int32_t n)
{
    brood_message args = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_pack(&args, "i", n), BROOD_OK);
    brood_future *future = submit(executor, function, &args);
    brood_message_clear(&args);
    return future;
}

/** A task that gets a gate, as gate_pass does. Nobody waits until it stands there. */
static inline brood_future *submit_gate(brood_executor *executor, brood_function *function,
                                        const gate *g, int32_t index)
{
    brood_message args = BROOD_MESSAGE_INIT;
    gate_pack(g, index, &args);
    brood_future *future = submit(executor, function, &args);
    brood_message_clear(&args);
    return future;
}

/** The "x" of a task that must end well; the future is destroyed. */
static inline int64_t number_of(brood_future *future)
{
    int64_t value = INT64_MIN;
    brood_message result = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_future_get(future, LONG_WAIT, &result), BROOD_OK);
    CU_ASSERT_EQUAL(brood_unpack(&result, "x", &value), BROOD_OK);
    brood_message_clear(&result);
    brood_future_destroy(future);
    return value;
}

/** A task that must end so; the future is destroyed. */
static inline void expect_end(brood_future *future, int status)
{
    CU_ASSERT_EQUAL(brood_future_get(future, LONG_WAIT, NULL), status);
    brood_future_destroy(future);
}

/* --------------------------------------------------- functions for workers */

/** Stands at the gate, then dies. */
static inline int gate_then_abort(brood_message *args, brood_message *result)
{
    (void)gate_pass(args, result);
    abort();
}

/** Stands at the gate, then fails. */
static inline int gate_then_fail(brood_message *args, brood_message *result)
{
    int status = gate_pass(args, result);
    return status ? status : brood_fail("this is an exception");
}

static inline int exits_with(brood_message *args, brood_message *result)
{
    int32_t code;
    (void)result;
    if (brood_unpack(args, "i", &code))
        return 1;
    exit(code);
}

static inline int aborts(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    abort();
}

static inline int fails(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return brood_fail("test");
}

/* --------------------------------------------------------------- callbacks */

enum { MOST_CALLS = 16 };

/** What callbacks wrote down. */
typedef struct calls {
    brd_mutex mutex;
    brd_cond cond;
    int count;
    int order[MOST_CALLS]; /* the numbers of those that were called */
    bool inside;           /* the test is within the call that adds one */
    bool was_inside;       /* and one was called meanwhile */
    int status;            /* what the last one saw */
    int cancelled;
    int64_t value;
    char text[64];
} calls;

/** The baton of one callback. */
typedef struct call {
    calls *all;
    int number;
} call;

static inline void calls_make(calls *c)
{
    memset(c, 0, sizeof *c);
    CU_ASSERT_EQUAL_FATAL(brd_os_mutex_init(&c->mutex), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_cond_init(&c->cond), 0);
}

static inline void calls_clear(calls *c)
{
    brd_os_cond_clear(&c->cond);
    brd_os_mutex_clear(&c->mutex);
}

/** The callback: its future has ended, so nothing here waits. */
static inline void write_down(brood_future *future, void *baton)
{
    call *one = baton;
    calls *c = one->all;
    int64_t value = 0;
    brood_message result = BROOD_MESSAGE_INIT;
    int status = brood_future_get(future, 0, &result);
    int cancelled = brood_future_cancelled(future);
    const brood_error *error = brood_future_error(future);
    if (!status)
        (void)brood_unpack(&result, "x", &value);
    brd_os_mutex_lock(&c->mutex);
    c->status = status;
    c->cancelled = cancelled;
    c->value = value;
    snprintf(c->text, sizeof c->text, "%s", error ? error->text : "");
    c->was_inside = c->was_inside || c->inside;
    if (c->count < MOST_CALLS)
        c->order[c->count] = one->number;
    c->count++;
    brd_os_cond_broadcast(&c->cond);
    brd_os_mutex_unlock(&c->mutex);
    brood_message_clear(&result);
}

/** Waits until that many were called; none more. */
static inline bool calls_await(calls *c, int count)
{
    brd_time until = test_deadline(20000);
    brd_os_mutex_lock(&c->mutex);
    while (c->count < count && brd_os_now() < until)
        (void)brd_os_cond_wait(&c->cond, &c->mutex, until);
    bool there = c->count == count;
    brd_os_mutex_unlock(&c->mutex);
    return there;
}

/**
 * Adds write_down, with the mutex held meanwhile: a callback that ran within the call
 * would stand before it for ever, or be seen inside.
 */
static inline void calls_add(call *one, brood_future *future)
{
    calls *c = one->all;
    brd_os_mutex_lock(&c->mutex);
    c->inside = true;
    int status = brood_future_add_done_callback(future, write_down, one);
    c->inside = false;
    brd_os_mutex_unlock(&c->mutex);
    CU_ASSERT_EQUAL(status, BROOD_OK);
}

/* ----------------------------------------------------------------- the zoo */

/** A future in each state, which cannot be set by hand: hence the gate. */
typedef struct zoo {
    brood_executor *executor; /* of one worker, which runs `running` */
    gate g;
    brood_future *pending, *running, *cancelled, *failed, *good;
} zoo;

static inline void zoo_make(zoo *z)
{
    brd_time until = test_deadline(20000);
    gate_make(&z->g);
    z->executor = executor_with(BROOD_EXECUTOR(.max_workers = 1, .pool = BROOD_POOL(.grace = 100)));
    z->good = submit_number(z->executor, square, 5);
    z->failed = submit(z->executor, fails, NULL);
    ASSERT_OK(brood_future_wait(z->good, LONG_WAIT));
    ASSERT_OK(brood_future_wait(z->failed, LONG_WAIT));
    z->running = submit_gate(z->executor, gate_pass, &z->g, 0);
    CU_ASSERT(gate_await(&z->g, 0));
    while (!brood_future_running(z->running) && brd_os_now() < until)
        moment();
    z->pending = submit_number(z->executor, square, 6);
    z->cancelled = submit_number(z->executor, square, 7);
    ASSERT_OK(brood_future_cancel(z->cancelled));
}

static inline void zoo_end(zoo *z)
{
    gate_open(&z->g);
    brood_future_destroy(z->pending);
    brood_future_destroy(z->running);
    brood_future_destroy(z->cancelled);
    brood_future_destroy(z->failed);
    brood_future_destroy(z->good);
    executor_end(z->executor);
    gate_remove(&z->g, 1);
}

#endif
