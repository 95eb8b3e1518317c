/*
 * How many workers there are to be, and who waits for them: pools that start workers on
 * demand, become smaller, cannot start any, or are closed while none is there. Run on
 * every system from this one source. The one thing to know: an initializer that stands
 * at a gate leaves one byte in the gate's file for each worker that came so far.
 */
#include "api/listeners.h"

/* -------------------------------------------------------- not more than needed */

static void one_task_starts_one_worker(void)
{
    diary d;
    gate g;
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    diary_make(&d);
    gate_make(&g);
    gate_pack(&g, 0, &args);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 8, .on_demand = 1, WATCHED(&d),
                                            .initializer = gate_pass, .initializer_args = &args));
    ASSERT_OK(brood_pool_apply_async(pool, own_pid, NULL, NULL, &future));
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT_EQUAL(brood_pool_count(pool).workers, 1);
    gate_open(&g);
    ASSERT_OK(brood_future_get(future, LONG, NULL));
    CU_ASSERT_EQUAL(brood_pool_count(pool).workers, 1);
    brood_future_destroy(future);
    pool_end(pool);
    CU_ASSERT_EQUAL(d.of[BROOD_WORKER_STARTED], 1);
    brood_message_clear(&args);
    gate_remove(&g, 1);
    diary_clear(&d);
}

// With initializers at hand it still starts as many as there are tasks.
static void two_tasks_start_two_workers(void)
{
    gate g, tasks;
    brood_future *held[2];
    brood_message args = BROOD_MESSAGE_INIT;
    gate_make(&g);
    gate_make(&tasks);
    gate_pack(&g, 0, &args);
    gate_open(&g);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 8, .on_demand = 1,
                                            .initializer = gate_pass, .initializer_args = &args));
    for (int32_t i = 0; i < 2; i++)
        held[i] = stand_at_gate(pool, &tasks, i);
    CU_ASSERT_EQUAL(brood_pool_count(pool).running, 2);
    CU_ASSERT_EQUAL(brood_pool_count(pool).workers, 2);
    gate_open(&tasks);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(brood_future_get(held[i], LONG, NULL));
        brood_future_destroy(held[i]);
    }
    pool_end(pool);
    brood_message_clear(&args);
    gate_remove(&tasks, 2);
    gate_remove(&g, 1);
}

/* -------------------------------------------------- waiting for what never comes */

/** Another thread that waits for workers. */
typedef struct warmer {
    brd_thread thread;
    latch called; /* just before the call */
    brood_pool *pool;
    uint32_t workers;
    int status;
    bool in_time;
} warmer;

static void warm(void *baton)
{
    warmer *w = baton;
    brd_time until = test_deadline(20000);
    watch_add(&w->called.w, &w->called.came);
    w->status = brood_pool_prewarm(w->pool, w->workers, test_ms(30000));
    w->in_time = brd_os_now() < until;
}

static void warmer_start(warmer *w, brood_pool *pool, uint32_t workers)
{
    *w = (warmer){.pool = pool, .workers = workers, .status = -1};
    latch_make(&w->called);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&w->thread, warm, w), 0);
    CU_ASSERT(watch_await(&w->called.w, &w->called.came, 1));
}

static int warmer_end(warmer *w)
{
    brd_os_thread_join(&w->thread);
    watch_clear(&w->called.w);
    CU_ASSERT(w->in_time); // it was told, and did not find out by itself
    return w->status;
}

// Half of the workers that it waits for will never be.
static void a_smaller_pool_is_warm_sooner(void)
{
    gate g;
    warmer w;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_make(&g);
    gate_pack(&g, 0, &args);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 4, .on_demand = 1,
                                            .initializer = gate_pass, .initializer_args = &args));
    warmer_start(&w, pool, 4);
    CU_ASSERT(gate_await(&g, 0)); // the first of those that it asked for
    ASSERT_OK(brood_pool_resize(pool, 2));
    gate_open(&g);
    CU_ASSERT_EQUAL(warmer_end(&w), BROOD_OK);
    CU_ASSERT_EQUAL(brood_pool_count(pool).ready, 2);
    pool_end(pool);
    brood_message_clear(&args);
    gate_remove(&g, 1);
}

// No worker can be started, so closing is all there is to its end: who waits for workers
// must hear of that, from asleep to between two attempts.
static void closing_wakes_who_waits_for_workers(void)
{
    brood_context *context = NULL;
    ASSERT_OK(brood_context_create(
        &context, BROOD_CONTEXT(.method = BROOD_SPAWN, .directory = "/no/such/directory")));
    for (int round = 0; round < 3; round++) {
        warmer w;
        brood_pool *pool = pool_with(
            BROOD_POOL(.processes = 2, .on_demand = 1, .context = context, .restarts = 100000));
        warmer_start(&w, pool, 2);
        for (int i = 0; i < 10 * (round + 1); i++)
            moment();
        ASSERT_OK(brood_pool_close(pool));
        CU_ASSERT_EQUAL(warmer_end(&w), BROOD_ECLOSED);
        ASSERT_OK(brood_pool_join(pool, LONG));
        brood_pool_destroy(pool);
    }
    brood_context_destroy(context);
}

/* ------------------------------------------------- closed while no worker is there */

static bool await_nobody(brood_pool *pool)
{
    brd_time until = test_deadline(30000);
    brood_pool_counts c = brood_pool_count(pool);
    while ((c.workers || c.queued || c.running) && brd_os_now() < until) {
        moment();
        c = brood_pool_count(pool);
    }
    return !c.workers && !c.queued && !c.running;
}

static int count_good(brood_iterator *iterator)
{
    int status = BROOD_OK, good = 0;
    while ((status = brood_iterator_next(iterator, LONG, NULL, NULL)) == BROOD_OK)
        good++;
    CU_ASSERT_EQUAL(status, BROOD_EEND);
    return good;
}

// Each worker does one task and goes; of what is in their buffers all is done. The rest
// of both arrays was handed in before the pool was closed.
static void closing_takes_in_every_array(void)
{
    enum { MANY = 20, FEW = 4 };
    int32_t in[MANY] = {0};
    brood_iterator *many = NULL, *few = NULL;
    brood_pool *pool =
        pool_with(BROOD_POOL(.processes = 2, .on_demand = 1, .max_tasks_per_child = 1));
    ASSERT_OK(brood_pool_imap(pool, square, brood_items_int32(in, MANY),
                              BROOD_MAP(.buffersize = FEW), &many));
    ASSERT_OK(brood_pool_imap(pool, square, brood_items_int32(in, FEW),
                              BROOD_MAP(.buffersize = FEW), &few));
    CU_ASSERT(await_nobody(pool));
    ASSERT_OK(brood_pool_close(pool));
    CU_ASSERT_EQUAL(count_good(many), MANY);
    CU_ASSERT_EQUAL(count_good(few), FEW);
    ASSERT_OK(brood_pool_join(pool, LONG));
    brood_iterator_destroy(many);
    brood_iterator_destroy(few);
    brood_pool_destroy(pool);
}

static const test_case cases[] = {
    TEST_CASE(one_task_starts_one_worker),    TEST_CASE(two_tasks_start_two_workers),
    TEST_CASE(a_smaller_pool_is_warm_sooner), TEST_CASE(closing_wakes_who_waits_for_workers),
    TEST_CASE(closing_takes_in_every_array),  {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "on_demand", cases);
}
