/**
 * What the suites of early ends share: tasks that obey, tasks that are deaf, and a look
 * at the workers that were lost.
 *
 * The one thing to know: a task is given a gate's path and a number; the file of that
 * number proves that it ran, the file of number + SEEN that it saw its end coming.
 */
#ifndef BRD_TESTS_EARLY_H
#define BRD_TESTS_EARLY_H

#include "api/pools.h"

#include <stdatomic.h>

enum { SEEN = 100, FILES = 200 };

/* ----------------------------------------------------------------- workers */

/** What was told of workers; written in the pool's callback thread. */
typedef struct watched {
    atomic_int events[BROOD_WORKER_LOST + 1];
    _Atomic int64_t lost_at;
} watched;

static inline void watch_worker(const brood_worker_event *event, void *baton)
{
    watched *w = baton;
    if (event->kind == BROOD_WORKER_LOST)
        atomic_store(&w->lost_at, brd_os_now());
    if (event->kind <= BROOD_WORKER_LOST)
        atomic_fetch_add(&w->events[event->kind], 1);
}

static inline int count_lost(watched *w)
{
    return atomic_load(&w->events[BROOD_WORKER_LOST]);
}

/** Waits without asking the pool anything: it must act by itself. */
static inline bool await_lost(watched *w, int count, int ms)
{
    brd_time until = test_deadline(ms);
    while (count_lost(w) < count && brd_os_now() < until)
        moment();
    return count_lost(w) >= count;
}

static inline brood_pool *watched_pool(watched *w, uint32_t processes, int64_t grace)
{
    brood_pool *pool = NULL;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = processes, .grace = grace,
                                                     .on_worker = watch_worker, .baton = w));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return pool;
}

/** From now on several tasks are sent to a worker at once. */
static inline void make_rings_deep(brood_pool *pool)
{
    brood_future *futures[400];
    int64_t value;
    for (int32_t i = 0; i < 400; i++)
        futures[i] = hand_in_number(pool, square, i);
    for (int32_t i = 0; i < 400; i++)
        ASSERT_OK(take_number(futures[i], &value));
}

static inline int64_t pid_of_worker(brood_pool *pool)
{
    return apply_number(pool, own_pid, 0);
}

/* ------------------------------------------------------------------- tasks */

static inline int task_place(brood_message *args, const char **path, int32_t *index, char *name,
                             size_t cap)
{
    int status = brood_unpack(args, "si", path, index);
    if (!status)
        gate_name(name, cap, *path, *index);
    return status;
}

/** Leaves its file. */
static inline int runs(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index;
    int status = task_place(args, &path, &index, name, sizeof name);
    if (status)
        return status;
    file_touch(name);
    return brood_pack(result, "x", (int64_t)index);
}

/** Leaves its file and waits until it is to end; then leaves the other one. */
static inline int obeys(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index;
    int status = task_place(args, &path, &index, name, sizeof name);
    if (status)
        return status;
    brd_time until = test_deadline(60000);
    file_touch(name);
    while (!brood_cancelled() && brd_os_now() < until)
        moment();
    gate_name(name, sizeof name, path, index + SEEN);
    if (brood_cancelled())
        file_touch(name);
    return brood_pack(result, "x", brd_os_pid());
}

static volatile uint64_t turns;

static inline _Noreturn void spin_for_ever(void)
{
    for (;;)
        turns = turns + 1;
}

/** Leaves its file and goes on for ever, whatever it is told. */
static inline int is_deaf(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index;
    int status = task_place(args, &path, &index, name, sizeof name);
    (void)result;
    if (status)
        return status;
    file_touch(name);
    spin_for_ever();
}

/* ------------------------------------------------------------- in the test */

static inline brood_future *hand_in(brood_pool *pool, brood_function *function, const gate *g,
                                    int32_t index, const brood_task_options *options)
{
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_pack(g, index, &args);
    CU_ASSERT_EQUAL_FATAL(brood_pool_apply_async(pool, function, &args, options, &future),
                          BROOD_OK);
    brood_message_clear(&args);
    return future;
}

/** The same, and it runs. */
static inline brood_future *running(brood_pool *pool, brood_function *function, const gate *g,
                                    int32_t index, const brood_task_options *options)
{
    brood_future *future = hand_in(pool, function, g, index, options);
    CU_ASSERT(gate_await(g, index));
    return future;
}

static inline bool has_run(const gate *g, int32_t index)
{
    char name[1100];
    gate_name(name, sizeof name, g->path, index);
    return file_exists(name);
}

static inline void check_status(brood_future *future, int expected)
{
    CU_ASSERT_EQUAL(brood_future_get(future, test_ms(20000), NULL), expected);
    const brood_error *error = brood_future_error(future);
    CU_ASSERT_EQUAL(error != NULL, expected != BROOD_OK);
    if (!error)
        return;
    CU_ASSERT_EQUAL(error->status, expected);
    CU_ASSERT_NOT_EQUAL(error->text[0], '\0');
    CU_ASSERT_NOT_EQUAL(error->function[0], '\0');
}

static inline void check_end(brood_future *future, int expected)
{
    check_status(future, expected);
    brood_future_destroy(future);
}

/** `count` messages "si": the gate's path and 0, 1, 2 ... */
static inline brood_message *numbered(const gate *g, int32_t count)
{
    brood_message *tuples = calloc((size_t)count + 1, sizeof *tuples);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tuples);
    for (int32_t i = 0; i < count; i++)
        gate_pack(g, i, &tuples[i]);
    return tuples;
}

static inline void drop(brood_message *tuples, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        brood_message_clear(&tuples[i]);
    free(tuples);
}

/** Waits until just so much runs and waits in the pool. */
static inline bool await_counts(brood_pool *pool, uint32_t running_now, uint64_t queued)
{
    brd_time until = test_deadline(20000);
    for (;;) {
        brood_pool_counts c = brood_pool_count(pool);
        if (c.running == running_now && c.queued == queued)
            return true;
        if (brd_os_now() >= until)
            return false;
        moment();
    }
}

#endif
