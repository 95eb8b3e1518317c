/*
 * Time limits and deadlines of single tasks, and terms that make no sense. Run on every
 * system from this one source. The one thing to know: a limit counts from the start of
 * the function, a deadline from the handing in; limits that nobody is to miss are long
 * and grow with the slowness of the system.
 */
#include "api/early.h"

/* -------------------------------------------------------------- time limits */

enum { LIMIT = 100, GRACE = 200, ROOM = 1000 };

static void hand_in_squares(brood_pool *pool, brood_future **futures, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        futures[i] = hand_in_number(pool, square, i);
}

static int take_squares(brood_future **futures, int32_t count)
{
    int wrong = 0;
    for (int32_t i = 0; i < count; i++) {
        int64_t value = -1;
        wrong += take_number(futures[i], &value) != BROOD_OK || value != (int64_t)i * i;
    }
    return wrong;
}

// Before it and behind it in the same ring, and at other workers, all goes well.
static void check_endless(uint32_t workers)
{
    enum { MANY = 30 };
    brood_future *before[MANY], *behind[MANY];
    watched w = {0};
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, workers, GRACE);
    make_rings_deep(pool);
    hand_in_squares(pool, before, MANY);
    brd_time start = brd_os_now();
    brood_future *bad = hand_in(pool, is_deaf, &g, 0, BROOD_TASK(.time_limit = LIMIT));
    hand_in_squares(pool, behind, MANY);
    CU_ASSERT(gate_await(&g, 0));
    brd_time until = test_deadline(LIMIT + GRACE + ROOM);
    check_end(bad, BROOD_ETIMELIMIT);
    CU_ASSERT(brd_os_now() - start >= LIMIT * BRD_MS);
    CU_ASSERT(await_lost(&w, 1, LIMIT + GRACE + ROOM));
    CU_ASSERT(atomic_load(&w.lost_at) - start >= (LIMIT + GRACE) * BRD_MS);
    CU_ASSERT(atomic_load(&w.lost_at) < until);
    CU_ASSERT_EQUAL(take_squares(before, MANY), 0);
    CU_ASSERT_EQUAL(take_squares(behind, MANY), 0);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 1);
    gate_remove(&g, FILES);
}

static void an_endless_loop_ends(void)
{
    check_endless(1);
}

static void an_endless_loop_ends_beside_others(void)
{
    check_endless(3);
}

// Nobody asks the pool anything from the handing in to the end.
static void limits_need_no_caller(void)
{
    enum { DEAF = 3 };
    watched w = {0};
    brood_future *futures[DEAF];
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, DEAF, GRACE);
    ASSERT_OK(brood_pool_prewarm(pool, 0, BROOD_FOREVER));
    for (int32_t i = 0; i < DEAF; i++)
        futures[i] = hand_in(pool, is_deaf, &g, i, BROOD_TASK(.time_limit = LIMIT));
    CU_ASSERT(await_lost(&w, DEAF, LIMIT + GRACE + 5000));
    for (int i = 0; i < DEAF; i++) {
        CU_ASSERT_EQUAL(brood_future_status(futures[i]), BROOD_ETIMELIMIT);
        check_end(futures[i], BROOD_ETIMELIMIT);
    }
    pool_end(pool);
    gate_remove(&g, FILES);
}

static void a_task_sees_its_limit(void)
{
    watched w = {0};
    brood_pool *pool = watched_pool(&w, 1, test_ms(20000));
    gate g;
    gate_make(&g);
    int64_t pid = pid_of_worker(pool);
    for (int32_t i = 0; i < 5; i++) {
        brood_future *future = hand_in(pool, obeys, &g, i, BROOD_TASK(.time_limit = 50));
        check_end(future, BROOD_ETIMELIMIT);
        CU_ASSERT_EQUAL(pid_of_worker(pool), pid);
        CU_ASSERT(has_run(&g, i + SEEN));
    }
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    gate_remove(&g, FILES);
}

static void a_task_within_its_limit_is_fine(void)
{
    watched w = {0};
    brood_pool *pool = watched_pool(&w, 1, 50);
    gate g;
    int64_t before = pid_of_worker(pool), pid = 0;
    gate_make(&g);
    brood_future *future =
        running(pool, gate_pass, &g, 0, BROOD_TASK(.time_limit = test_ms(20000)));
    CU_ASSERT_EQUAL(brood_future_wait(future, 100), BROOD_ETIMEDOUT); // longer than the grace
    gate_open(&g);
    ASSERT_OK(take_number(future, &pid));
    CU_ASSERT_EQUAL(pid, before);
    CU_ASSERT_EQUAL(pid_of_worker(pool), before);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    gate_remove(&g, FILES);
}

static brood_future *limited_square(brood_pool *pool, int32_t n)
{
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "i", n));
    ASSERT_OK(brood_pool_apply_async(pool, square, &args, BROOD_TASK(.time_limit = test_ms(2000)),
                                     &future));
    brood_message_clear(&args);
    return future;
}

static void many_short_tasks_with_limits(void)
{
    enum { MANY = 200 };
    brood_future *futures[MANY];
    watched w = {0};
    brood_pool *pool = watched_pool(&w, 2, 50);
    for (int32_t i = 0; i < MANY; i++) { // one after the other
        int64_t value = -1;
        ASSERT_OK(take_number(limited_square(pool, i), &value));
        CU_ASSERT_EQUAL(value, (int64_t)i * i);
    }
    for (int32_t i = 0; i < MANY; i++) // and all at once
        futures[i] = limited_square(pool, i);
    CU_ASSERT_EQUAL(take_squares(futures, MANY), 0);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
}

// Handed in before there is a process at all, and then that is held for longer than the
// limit and the grace; the task runs nevertheless.
static void the_limit_waits_for_the_worker(void)
{
    watched w = {0};
    brood_pool *pool = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    gate_pack(&g, 0, &args);
    ASSERT_OK(brood_pool_create(
        &pool, BROOD_POOL(.processes = 1, .on_demand = 1, .grace = 20, .initializer = gate_pass,
                          .initializer_args = &args, .start_timeout = test_ms(60000),
                          .on_worker = watch_worker, .baton = &w)));
    brood_future *future = hand_in(pool, runs, &g, 1, BROOD_TASK(.time_limit = test_ms(200)));
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT_EQUAL(brood_future_wait(future, test_ms(400)), BROOD_ETIMEDOUT);
    gate_open(&g);
    check_end(future, BROOD_OK);
    CU_ASSERT(has_run(&g, 1));
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    brood_message_clear(&args);
    gate_remove(&g, FILES);
}

static void the_limit_waits_in_queue_and_ring(void)
{
    enum { TASKS = 6 };
    watched w = {0};
    brood_future *behind[TASKS];
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, 20);
    make_rings_deep(pool);
    brood_future *held = stand_at_gate(pool, &g, TASKS);
    for (int32_t i = 0; i < TASKS; i++)
        behind[i] = hand_in(pool, runs, &g, i, BROOD_TASK(.time_limit = test_ms(200)));
    CU_ASSERT_EQUAL(brood_future_wait(behind[0], test_ms(400)), BROOD_ETIMEDOUT);
    gate_open(&g);
    check_end(held, BROOD_OK);
    for (int32_t i = 0; i < TASKS; i++)
        check_end(behind[i], BROOD_OK);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    gate_remove(&g, FILES);
}

// Each is deaf: the limit of the second counts from its own start in a new worker.
static void one_limit_after_the_other(void)
{
    enum { DEAF = 3 };
    watched w = {0};
    brood_future *futures[DEAF];
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, 50);
    make_rings_deep(pool);
    for (int32_t i = 0; i < DEAF; i++)
        futures[i] = hand_in(pool, is_deaf, &g, i, BROOD_TASK(.time_limit = LIMIT));
    for (int32_t i = 0; i < DEAF; i++) {
        check_end(futures[i], BROOD_ETIMELIMIT);
        CU_ASSERT(has_run(&g, i));
    }
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), DEAF);
    gate_remove(&g, FILES);
}

/* ---------------------------------------------------------------- deadlines */

static void a_queued_task_misses_its_deadline(void)
{
    enum { TASKS = 5 };
    brood_future *behind[TASKS];
    gate g;
    gate_make(&g);
    brood_pool *pool = pool_of(1);
    make_rings_deep(pool); // some of them stand in the ring
    brood_future *held = stand_at_gate(pool, &g, TASKS);
    brd_time start = brd_os_now();
    for (int32_t i = 0; i < TASKS; i++)
        behind[i] = hand_in(pool, runs, &g, i, BROOD_TASK(.deadline = 50));
    for (int32_t i = 0; i < TASKS; i++)
        check_end(behind[i], BROOD_EDEADLINE);
    CU_ASSERT(brd_os_now() - start >= 50 * BRD_MS);
    gate_open(&g);
    check_end(held, BROOD_OK);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    for (int32_t i = 0; i < TASKS; i++)
        CU_ASSERT(!has_run(&g, i));
    gate_remove(&g, FILES);
}

static void a_running_task_misses_its_deadline(void)
{
    watched w = {0};
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, test_ms(2000));
    int64_t pid = pid_of_worker(pool);
    brood_future *future = hand_in(pool, obeys, &g, 0, BROOD_TASK(.deadline = test_ms(300)));
    check_end(future, BROOD_EDEADLINE);
    CU_ASSERT_EQUAL(pid_of_worker(pool), pid);
    CU_ASSERT(has_run(&g, 0) && has_run(&g, SEEN));
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    pool_end(pool);
    gate_remove(&g, FILES);
}

static void a_deaf_task_misses_its_deadline(void)
{
    watched w = {0};
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, GRACE);
    int64_t pid = pid_of_worker(pool);
    brd_time start = brd_os_now();
    brood_future *future = hand_in(pool, is_deaf, &g, 0, BROOD_TASK(.deadline = test_ms(300)));
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT(await_lost(&w, 1, 300 + GRACE + 5000));
    CU_ASSERT(atomic_load(&w.lost_at) - start >= (test_ms(300) + GRACE) * BRD_MS);
    check_end(future, BROOD_EDEADLINE);
    CU_ASSERT_NOT_EQUAL(pid_of_worker(pool), pid);
    pool_end(pool);
    gate_remove(&g, FILES);
}

static void a_deadline_that_was_kept_is_over(void)
{
    brood_pool *pool = pool_of(1);
    gate g;
    gate_make(&g);
    int64_t pid = pid_of_worker(pool);
    brood_future *kept = hand_in(pool, runs, &g, 0, BROOD_TASK(.deadline = test_ms(300)));
    check_status(kept, BROOD_OK);
    brood_future *next = running(pool, gate_pass, &g, 1, NULL);
    CU_ASSERT_EQUAL(brood_future_wait(next, test_ms(400)), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_future_status(kept), BROOD_OK);
    gate_open(&g);
    check_end(next, BROOD_OK);
    check_end(kept, BROOD_OK);
    CU_ASSERT_EQUAL(pid_of_worker(pool), pid);
    pool_end(pool);
    gate_remove(&g, FILES);
}

// Alarms must not outlive their tasks: the pool is used on after each of these ends.
static void deadlines_of_tasks_that_end_otherwise(void)
{
    brood_pool *pool = pool_of(1);
    gate g;
    gate_make(&g);
    for (int32_t i = 0; i < 3; i++) {
        brood_future *runs_now =
            running(pool, obeys, &g, 2 * i, BROOD_TASK(.deadline = test_ms(30000)));
        brood_future *queued =
            hand_in(pool, runs, &g, 2 * i + 1, BROOD_TASK(.deadline = test_ms(30000)));
        ASSERT_OK(brood_future_cancel(queued));
        ASSERT_OK(brood_future_cancel(runs_now));
        check_end(runs_now, BROOD_ECANCELLED);
        check_end(queued, BROOD_ECANCELLED);
        CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    }
    brood_future *left = running(pool, obeys, &g, 50, BROOD_TASK(.deadline = test_ms(30000)));
    brood_pool_destroy(pool);
    CU_ASSERT_EQUAL(brood_future_status(left), BROOD_ETERMINATED);
    brood_future_destroy(left);
    gate_remove(&g, FILES);
}

/* -------------------------------------------------------------------- terms */

static void check_refused(brood_pool *pool, int64_t time_limit, int64_t deadline)
{
    int32_t numbers[3] = {1, 2, 3};
    brood_items items = brood_items_int32(numbers, 3);
    brood_future *future = NULL;
    brood_results *results = NULL;
    brood_iterator *iterator = NULL;
    const brood_map_options *o = BROOD_MAP(.time_limit = time_limit, .deadline = deadline);
    CU_ASSERT_EQUAL(
        brood_pool_apply_async(pool, square, NULL,
                               BROOD_TASK(.time_limit = time_limit, .deadline = deadline), &future),
        BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_map_async(pool, square, items, o, &future), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_map(pool, square, items, o, &results), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_imap(pool, square, items, o, &iterator), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_imap_unordered(pool, square, items, o, &iterator), BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(future);
    CU_ASSERT_PTR_NULL(results);
    CU_ASSERT_PTR_NULL(iterator);
}

static void terms_that_make_no_sense(void)
{
    brood_pool *pool = pool_of(1);
    check_refused(pool, -1, 0);
    check_refused(pool, 0, -1);
    check_refused(pool, INT64_MIN, 0);
    check_refused(pool, 0, INT64_MIN);
    check_refused(pool, 1000, -1);
    CU_ASSERT_EQUAL(brood_pool_count(pool).queued, 0);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
}

static void terms_far_away_are_none(void)
{
    static const int64_t far[] = {INT64_MAX, INT64_MAX / 2, INT64_MAX / 1000000,
                                  INT64_MAX / 4000000, INT64_MAX / 4000000 - 1};
    watched w = {0};
    brood_pool *pool = watched_pool(&w, 1, 20);
    gate g;
    gate_make(&g);
    for (int32_t i = 0; i < (int32_t)(sizeof far / sizeof *far); i++) {
        check_end(hand_in(pool, runs, &g, 3 * i, BROOD_TASK(.time_limit = far[i])), BROOD_OK);
        check_end(hand_in(pool, runs, &g, 3 * i + 1, BROOD_TASK(.deadline = far[i])), BROOD_OK);
        check_end(hand_in(pool, runs, &g, 3 * i + 2,
                          BROOD_TASK(.time_limit = far[i], .deadline = far[i])),
                  BROOD_OK);
    }
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    gate_remove(&g, FILES);
}

static const test_case cases[] = {
    TEST_CASE(an_endless_loop_ends),
    TEST_CASE(an_endless_loop_ends_beside_others),
    TEST_CASE(limits_need_no_caller),
    TEST_CASE(a_task_sees_its_limit),
    TEST_CASE(a_task_within_its_limit_is_fine),
    TEST_CASE(many_short_tasks_with_limits),
    TEST_CASE(the_limit_waits_for_the_worker),
    TEST_CASE(the_limit_waits_in_queue_and_ring),
    TEST_CASE(one_limit_after_the_other),
    TEST_CASE(a_queued_task_misses_its_deadline),
    TEST_CASE(a_running_task_misses_its_deadline),
    TEST_CASE(a_deaf_task_misses_its_deadline),
    TEST_CASE(a_deadline_that_was_kept_is_over),
    TEST_CASE(deadlines_of_tasks_that_end_otherwise),
    TEST_CASE(terms_that_make_no_sense),
    TEST_CASE(terms_far_away_are_none),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "early_limits", cases);
}
