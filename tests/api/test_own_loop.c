/*
 * Callbacks in a loop of the user's: what the handle says, and what brood_pool_dispatch()
 * does. Run on every system from this one source. The one thing to know: the handle is
 * waited for as the bell that it is, which also takes its ring away, as a loop does.
 */
#include "api/listeners.h"

static brood_pool *looped(uint32_t processes)
{
    return pool_with(BROOD_POOL(.processes = processes, .grace = 200, .own_loop = 1));
}

/** Waits until the handle is signalled. */
static bool rings(brood_pool *pool, brd_time until)
{
    _Atomic uint32_t asleep = 1;
    brd_bell bell = {.word = &asleep, .handle = {brood_pool_handle(pool)}};
    return brd_os_bell_wait(&bell, until) == 0;
}

/** So many callbacks are due when this is back: a future has ended when its are. */
static void make_due(brood_pool *pool, tally *t, int count)
{
    for (int i = 0; i < count; i++) {
        brood_future *future = NULL;
        ASSERT_OK(brood_pool_apply_async(pool, own_pid, NULL, BROOD_TASK(HEARD(t)), &future));
        ASSERT_OK(brood_future_wait(future, LONG));
        brood_future_destroy(future);
    }
}

static void has_a_handle(void)
{
    brood_pool *pool = pool_of(1), *own = looped(1), *other = looped(1);
    CU_ASSERT_EQUAL(brood_pool_handle(NULL), -1);
    CU_ASSERT_EQUAL(brood_pool_handle(pool), -1);
    CU_ASSERT_NOT_EQUAL(brood_pool_handle(own), -1);
    CU_ASSERT_NOT_EQUAL(brood_pool_handle(own), brood_pool_handle(other));
    CU_ASSERT_EQUAL(brood_pool_handle(own), brood_pool_handle(own));
    CU_ASSERT_EQUAL(brood_pool_dispatch(NULL, 0), 0);
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 0), 0);
    CU_ASSERT_EQUAL(brood_pool_dispatch(own, 0), 0);
    pool_end(pool);
    pool_end(own);
    pool_end(other);
}

static void rings_when_something_is_due(void)
{
    brood_pool *pool = looped(1);
    tally t;
    tally_make(&t);
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
    CU_ASSERT_FALSE(rings(pool, 0)); // what nobody listens to is no call
    make_due(pool, &t, 1);
    CU_ASSERT(rings(pool, test_deadline(20000)));
    CU_ASSERT_EQUAL(t.count, 0); // none runs by itself
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 0), 1);
    CU_ASSERT_EQUAL(t.count, 1);
    CU_ASSERT_FALSE(rings(pool, 0));
    make_due(pool, &t, 2);
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 0), 2); // unasked, too
    CU_ASSERT_FALSE(rings(pool, 0));
    pool_end(pool);
    tally_clear(&t);
}

static void calls_no_more_than_it_may(void)
{
    brood_pool *pool = looped(2);
    tally t;
    tally_make(&t);
    make_due(pool, &t, 10);
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 3), 3);
    CU_ASSERT_EQUAL(t.count, 3);
    CU_ASSERT(rings(pool, test_deadline(20000))); // it is not over
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 1), 1);
    CU_ASSERT(rings(pool, test_deadline(20000)));
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 6), 6);
    CU_ASSERT_EQUAL(t.count, 10);
    CU_ASSERT_FALSE(rings(pool, 0));
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 5), 0);
    make_due(pool, &t, 2);
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 100), 2);
    pool_end(pool);
    CU_ASSERT(t.count == 12 && t.good == 12);
    tally_clear(&t);
}

// A loop that calls nothing but wait and dispatch: whatever ends rings.
static void a_loop_needs_nothing_else(void)
{
    enum { TASKS = 60 };
    brood_pool *pool = looped(2);
    tally t;
    brood_message args = BROOD_MESSAGE_INIT;
    tally_make(&t);
    for (int32_t i = 0; i < TASKS; i++) {
        brood_message_clear(&args);
        ASSERT_OK(brood_pack(&args, "i", i));
        ASSERT_OK(brood_pool_apply_async(pool, i == 30 ? dies : odd_fails, &args,
                                         BROOD_TASK(HEARD(&t)), NULL));
    }
    while (t.count < TASKS && rings(pool, test_deadline(30000)))
        (void)brood_pool_dispatch(pool, 7);
    CU_ASSERT(t.count == TASKS && t.good == TASKS / 2 - 1 && t.bad == TASKS / 2 + 1);
    brood_message_clear(&args);
    pool_end(pool);
    tally_clear(&t);
}

static _Thread_local int calls_here;

static void counts_here(brood_future *future, void *baton)
{
    (void)future;
    (void)baton;
    calls_here++;
}

static void calls_in_the_thread_that_dispatches(void)
{
    brood_pool *pool = looped(1);
    brood_future *future = NULL;
    calls_here = 0;
    for (int i = 0; i < 5; i++) {
        ASSERT_OK(brood_pool_apply_async(pool, own_pid, NULL, BROOD_TASK(.callback = counts_here),
                                         &future));
        ASSERT_OK(brood_future_wait(future, LONG));
        CU_ASSERT_EQUAL(calls_here, i);
        CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 0), 1);
        CU_ASSERT_EQUAL(calls_here, i + 1);
        brood_future_destroy(future);
    }
    pool_end(pool);
}

/** Adds itself again and again. */
static void never_has_enough(brood_future *future, void *baton)
{
    tally_note(baton, future, 0, NULL);
    if (((tally *)baton)->count < 20)
        (void)brood_future_add_done_callback(future, never_has_enough, baton);
}

// What a callback adds is for the next time: a loop is not kept for ever.
static void calls_only_what_was_due(void)
{
    brood_pool *pool = looped(1);
    tally t;
    tally_make(&t);
    ASSERT_OK(brood_pool_apply_async(pool, own_pid, NULL,
                                     BROOD_TASK(.callback = never_has_enough, .baton = &t), NULL));
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
    for (int i = 0; i < 10; i++) {
        CU_ASSERT(rings(pool, test_deadline(20000)));
        CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 0), 1);
        CU_ASSERT_EQUAL(t.count, i + 1);
    }
    ASSERT_OK(brood_pool_close(pool));
    ASSERT_OK(brood_pool_join(pool, LONG)); // calls nothing, waits for none
    CU_ASSERT_EQUAL(t.count, 10);
    brood_pool_destroy(pool); // calls until nothing is due
    CU_ASSERT_EQUAL(t.count, 20);
    tally_clear(&t);
}

typedef struct nested {
    brood_pool *pool;
    tally *t;
    uint32_t called;
} nested;

static void dispatches(brood_future *future, void *baton)
{
    nested *n = baton;
    (void)future;
    n->called = brood_pool_dispatch(n->pool, 2);
}

static void may_be_called_inside_of_itself(void)
{
    brood_pool *pool = looped(1);
    tally t;
    nested n = {.pool = pool, .t = &t};
    brood_future *future = NULL;
    tally_make(&t);
    ASSERT_OK(brood_pool_apply_async(pool, own_pid, NULL,
                                     BROOD_TASK(.callback = dispatches, .baton = &n), &future));
    ASSERT_OK(brood_future_wait(future, LONG));
    make_due(pool, &t, 5);
    uint32_t outer = brood_pool_dispatch(pool, 3);
    CU_ASSERT_EQUAL(n.called, 2);
    CU_ASSERT(outer >= 1 && outer <= 3);
    CU_ASSERT_EQUAL(t.count, (int)(outer - 1 + n.called));
    uint32_t left = 5 - (uint32_t)t.count;
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 0), left);
    CU_ASSERT_EQUAL(t.count, 5);
    brood_future_destroy(future);
    pool_end(pool);
    tally_clear(&t);
}

static void destroys_its_pool(brood_future *future, void *baton)
{
    nested *n = baton;
    tally_note(n->t, future, 9, NULL);
    brood_pool_destroy(n->pool);
}

static void may_end_with_its_pool(void)
{
    brood_pool *pool = looped(2);
    tally t;
    nested n = {.pool = pool, .t = &t};
    brood_future *future = NULL;
    tally_make(&t);
    make_due(pool, &t, 2);
    ASSERT_OK(brood_pool_apply_async(
        pool, own_pid, NULL, BROOD_TASK(.callback = destroys_its_pool, .baton = &n), &future));
    ASSERT_OK(brood_future_wait(future, LONG));
    make_due(pool, &t, 3);
    uint32_t called = brood_pool_dispatch(pool, 0); // the third destroys, and calls the rest
    CU_ASSERT(called >= 3 && called <= 6);
    CU_ASSERT_EQUAL(t.count, 6);
    CU_ASSERT_EQUAL(t.order[2], 9);
    ASSERT_OK(brood_future_status(future));
    brood_future_destroy(future);
    tally_clear(&t);
}

static void destroy_calls_what_is_due(void)
{
    brood_pool *pool = looped(1);
    tally t;
    gate g;
    brood_message args = BROOD_MESSAGE_INIT;
    tally_make(&t);
    gate_make(&g);
    make_due(pool, &t, 4);
    gate_pack(&g, 0, &args);
    for (int i = 0; i < 3; i++) // one runs, two wait: they end with the pool
        ASSERT_OK(brood_pool_apply_async(pool, gate_pass, &args, BROOD_TASK(HEARD(&t)), NULL));
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT_EQUAL(t.count, 0);
    brood_pool_destroy(pool);
    CU_ASSERT(t.count == 7 && t.good == 4 && t.bad == 3);
    brood_message_clear(&args);
    gate_remove(&g, 1);
    tally_clear(&t);
}

static int reports_its_end(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return brood_report(1, 1, "done");
}

static void counts_progress(const brood_progress *progress, void *baton)
{
    diary *d = baton;
    watch_add(&d->w, &d->strange);
    (void)progress;
}

static void events_and_reports_are_callbacks_too(void)
{
    diary d;
    diary_make(&d);
    brood_pool *pool = pool_with(
        BROOD_POOL(.processes = 2, .own_loop = 1, WATCHED(&d), .on_progress = counts_progress));
    ASSERT_OK(brood_pool_prewarm(pool, 0, LONG));
    CU_ASSERT_EQUAL(d.count, 0);
    CU_ASSERT(rings(pool, test_deadline(20000)));
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 0), 4);
    CU_ASSERT(d.of[BROOD_WORKER_STARTED] == 2 && d.of[BROOD_WORKER_READY] == 2);
    ASSERT_OK(brood_pool_apply(pool, reports_its_end, NULL, NULL));
    CU_ASSERT_EQUAL(d.strange, 0);
    CU_ASSERT(rings(pool, test_deadline(20000)));
    CU_ASSERT_EQUAL(brood_pool_dispatch(pool, 0), 1);
    CU_ASSERT_EQUAL(d.strange, 1);
    ASSERT_OK(brood_pool_close(pool));
    ASSERT_OK(brood_pool_join(pool, LONG));
    CU_ASSERT_EQUAL(d.of[BROOD_WORKER_STOPPED], 0);
    brood_pool_destroy(pool);
    CU_ASSERT_EQUAL(d.of[BROOD_WORKER_STOPPED], 2);
    diary_clear(&d);
}

static const test_case cases[] = {
    TEST_CASE(has_a_handle),
    TEST_CASE(rings_when_something_is_due),
    TEST_CASE(calls_no_more_than_it_may),
    TEST_CASE(a_loop_needs_nothing_else),
    TEST_CASE(calls_in_the_thread_that_dispatches),
    TEST_CASE(calls_only_what_was_due),
    TEST_CASE(may_be_called_inside_of_itself),
    TEST_CASE(may_end_with_its_pool),
    TEST_CASE(destroy_calls_what_is_due),
    TEST_CASE(events_and_reports_are_callbacks_too),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "own_loop", cases);
}
