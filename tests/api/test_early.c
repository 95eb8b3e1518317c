/*
 * Early ends of single tasks: cancelling, time limits, deadlines. Run on every system
 * from this one source. The one thing to know: whoever is asked to end may obey or be
 * deaf, and both are functions of early.h; what never ran has left no file.
 */
#include "api/early.h"

/* ------------------------------------------------------------- not started */

static void a_queued_task_is_cancelled(void)
{
    brood_pool *pool = pool_of(1);
    gate g;
    gate_make(&g);
    brood_future *held = stand_at_gate(pool, &g, 0);
    brood_future *queued = hand_in(pool, runs, &g, 1, NULL);
    CU_ASSERT_EQUAL(brood_future_cancelled(queued), 0);
    ASSERT_OK(brood_future_cancel(queued));
    CU_ASSERT_EQUAL(brood_future_ready(queued), 1);
    CU_ASSERT_EQUAL(brood_future_cancelled(queued), 1);
    CU_ASSERT_EQUAL(brood_future_running(queued), 0);
    check_end(queued, BROOD_ECANCELLED);
    gate_open(&g);
    check_end(held, BROOD_OK);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    CU_ASSERT(!has_run(&g, 1));
    gate_remove(&g, FILES);
}

static void tasks_in_a_ring_are_cancelled(void)
{
    enum { TASKS = 8 };
    brood_pool *pool = pool_of(1);
    brood_future *behind[TASKS];
    gate g;
    gate_make(&g);
    make_rings_deep(pool);
    brood_future *held = stand_at_gate(pool, &g, TASKS);
    for (int32_t i = 0; i < TASKS; i++)
        behind[i] = hand_in(pool, runs, &g, i, NULL);
    for (int32_t i = 0; i < TASKS; i += i == 3 ? 1 : 3) // 0, 3, 4, 7
        ASSERT_OK(brood_future_cancel(behind[i]));
    gate_open(&g);
    check_end(held, BROOD_OK);
    for (int32_t i = 0; i < TASKS; i++)
        check_end(behind[i], i == 0 || i == 3 || i == 4 || i == 7 ? BROOD_ECANCELLED : BROOD_OK);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    for (int32_t i = 0; i < TASKS; i++)
        CU_ASSERT_EQUAL(has_run(&g, i), i != 0 && i != 3 && i != 4 && i != 7);
    gate_remove(&g, FILES);
}

/* ------------------------------------------------------------------ running */

static void one_that_obeys_keeps_its_worker(void)
{
    watched w = {0};
    brood_pool *pool = watched_pool(&w, 1, test_ms(20000));
    gate g;
    gate_make(&g);
    int64_t pid = pid_of_worker(pool);
    for (int32_t i = 0; i < 10; i++) {
        brood_future *future = running(pool, obeys, &g, i, NULL);
        CU_ASSERT_EQUAL(brood_future_running(future), 1);
        ASSERT_OK(brood_future_cancel(future));
        CU_ASSERT_EQUAL(brood_future_status(future), BROOD_ECANCELLED);
        check_end(future, BROOD_ECANCELLED);
        CU_ASSERT_EQUAL(pid_of_worker(pool), pid);
        CU_ASSERT(has_run(&g, i + SEEN)); // the worker has ended it before it told its pid
    }
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    gate_remove(&g, FILES);
}

static void a_deaf_one_loses_its_worker(void)
{
    enum { GRACE = 200 };
    watched w = {0};
    brood_pool *pool = watched_pool(&w, 1, GRACE);
    gate g;
    gate_make(&g);
    int64_t pid = pid_of_worker(pool);
    brood_future *future = running(pool, is_deaf, &g, 0, NULL);
    brd_time cancelled_at = brd_os_now();
    ASSERT_OK(brood_future_cancel(future));
    CU_ASSERT_EQUAL(brood_future_status(future), BROOD_ECANCELLED); // at once, for it waits for 0
    check_end(future, BROOD_ECANCELLED);
    CU_ASSERT(await_lost(&w, 1, GRACE + 5000));
    CU_ASSERT(atomic_load(&w.lost_at) - cancelled_at >= GRACE * BRD_MS);
    CU_ASSERT_NOT_EQUAL(pid_of_worker(pool), pid);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 1);
    gate_remove(&g, FILES);
}

// Their results may stand unread in the ring when the deaf one is cancelled.
static void a_deaf_one_behind_short_ones_is_killed(void)
{
    enum { SHORT = 5, ROUNDS = 6 };
    watched w = {0};
    brood_pool *pool = watched_pool(&w, 1, 50);
    gate g;
    gate_make(&g);
    bool killed = true;
    for (int32_t round = 0; round < ROUNDS && killed; round++) {
        brood_future *before[SHORT];
        int64_t value;
        make_rings_deep(pool);
        for (int32_t i = 0; i < SHORT; i++)
            before[i] = hand_in_number(pool, square, i);
        brood_future *future = hand_in(pool, is_deaf, &g, round, NULL);
        brd_time until = test_deadline(20000);
        while (!has_run(&g, round) && brd_os_now() < until)
            continue; // too short for anybody else to look into the ring
        ASSERT_OK(brood_future_cancel(future));
        check_end(future, BROOD_ECANCELLED);
        for (int32_t i = 0; i < SHORT; i++)
            ASSERT_OK(take_number(before[i], &value));
        killed = await_lost(&w, round + 1, 5000);
        CU_ASSERT(killed);
    }
    brood_pool_destroy(pool);
    gate_remove(&g, FILES);
}

static void innocents_behind_a_deaf_one_run(void)
{
    enum { TASKS = 12 };
    watched w = {0};
    brood_future *behind[TASKS];
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, 100);
    make_rings_deep(pool);
    brood_future *future = running(pool, is_deaf, &g, TASKS, NULL);
    for (int32_t i = 0; i < TASKS; i++)
        behind[i] = hand_in(pool, runs, &g, i, NULL);
    ASSERT_OK(brood_future_cancel(future));
    check_end(future, BROOD_ECANCELLED);
    for (int32_t i = 0; i < TASKS; i++) {
        char name[1100];
        check_end(behind[i], BROOD_OK);
        gate_name(name, sizeof name, g.path, i);
        CU_ASSERT_EQUAL(file_size(name), 1); // and once only
    }
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 1);
    gate_remove(&g, FILES);
}

// Nobody calls the pool any more: it kills by itself, and then it can end.
static void a_closed_pool_kills_a_cancelled_one(void)
{
    watched w = {0};
    brood_pool *pool = watched_pool(&w, 2, 100);
    gate g;
    gate_make(&g);
    brood_future *future = running(pool, is_deaf, &g, 0, NULL);
    ASSERT_OK(brood_pool_close(pool));
    ASSERT_OK(brood_future_cancel(future));
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    check_end(future, BROOD_ECANCELLED);
    brood_pool_destroy(pool);
    gate_remove(&g, FILES);
}

// The grace is over after the task has ended: nobody is to be killed for that.
static void the_next_task_does_not_pay(void)
{
    watched w = {0};
    brood_pool *pool = NULL;
    gate g;
    gate_make(&g);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .grace = test_ms(400),
                                                  .on_worker = watch_worker, .baton = &w)));
    brood_future *cancelled = running(pool, obeys, &g, 0, NULL);
    ASSERT_OK(brood_future_cancel(cancelled));
    brood_future *limited = hand_in(pool, obeys, &g, 1, BROOD_TASK(.time_limit = 20));
    check_end(limited, BROOD_ETIMELIMIT);
    brood_future *next = running(pool, gate_pass, &g, 2, NULL);
    CU_ASSERT_EQUAL(brood_future_wait(next, test_ms(600)), BROOD_ETIMEDOUT);
    gate_open(&g);
    check_end(next, BROOD_OK);
    CU_ASSERT(has_run(&g, 0 + SEEN) && has_run(&g, 1 + SEEN));
    check_end(cancelled, BROOD_ECANCELLED);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    gate_remove(&g, FILES);
}

/* ------------------------------------------------------------ what it answers */

static void cancel_says_whether_it_came_in_time(void)
{
    brood_pool *pool = pool_of(1);
    gate g;
    gate_make(&g);
    brood_future *ended = hand_in_number(pool, square, 3);
    brood_future *failed = hand_in_number(pool, odd_fails, 3);
    check_status(ended, BROOD_OK);
    check_status(failed, BROOD_ETASK);
    brood_future *runs_now = running(pool, obeys, &g, 0, NULL);
    brood_future *queued = hand_in(pool, runs, &g, 1, NULL);
    brood_future *left = hand_in(pool, runs, &g, 2, NULL);
    for (int times = 0; times < 3; times++) {
        ASSERT_OK(brood_future_cancel(queued));
        ASSERT_OK(brood_future_cancel(runs_now));
        CU_ASSERT_EQUAL(brood_future_cancel(ended), BROOD_EEND);
        CU_ASSERT_EQUAL(brood_future_cancel(failed), BROOD_EEND);
    }
    CU_ASSERT_EQUAL(brood_future_cancel(NULL), BROOD_EINVAL);
    check_status(left, BROOD_OK);
    ASSERT_OK(brood_pool_terminate(pool));
    CU_ASSERT_EQUAL(brood_future_cancel(ended), BROOD_EEND);
    ASSERT_OK(brood_future_cancel(queued));
    brood_pool_destroy(pool);
    CU_ASSERT_EQUAL(brood_future_cancel(failed), BROOD_EEND);
    CU_ASSERT_EQUAL(brood_future_cancel(left), BROOD_EEND);
    ASSERT_OK(brood_future_cancel(runs_now));
    check_end(ended, BROOD_OK);
    check_end(failed, BROOD_ETASK);
    check_end(runs_now, BROOD_ECANCELLED);
    check_end(queued, BROOD_ECANCELLED);
    brood_future_destroy(left);
    gate_remove(&g, FILES);
}

static void one_that_was_terminated_cannot_be_cancelled(void)
{
    brood_pool *pool = NULL;
    gate g;
    gate_make(&g);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .grace = 100)));
    brood_future *runs_now = running(pool, is_deaf, &g, 0, NULL);
    brood_future *queued = hand_in(pool, runs, &g, 1, NULL);
    ASSERT_OK(brood_pool_terminate(pool));
    for (int round = 0; round < 2; round++) {
        CU_ASSERT_EQUAL(brood_future_cancel(runs_now), BROOD_EEND);
        CU_ASSERT_EQUAL(brood_future_cancel(queued), BROOD_EEND);
        CU_ASSERT_EQUAL(brood_future_status(runs_now), BROOD_ETERMINATED);
        CU_ASSERT_EQUAL(brood_future_status(queued), BROOD_ETERMINATED);
        if (round == 0)
            brood_pool_destroy(pool);
    }
    brood_future_destroy(runs_now);
    brood_future_destroy(queued);
    gate_remove(&g, FILES);
}

// Whichever of the two comes first, the answer and the outcome are the same story.
static void the_answer_is_the_outcome(void)
{
    brood_pool *pool = pool_of(2);
    int wrong = 0, in_time = 0, late = 0;
    brd_time until = test_deadline(5000);
    for (int32_t i = 0; i < 5000 && !(in_time && late && i >= 500) && brd_os_now() < until; i++) {
        int32_t n = i % 1000;
        brood_future *future = hand_in_number(pool, square, n);
        int64_t value = -1;
        for (int turn = 0; turn < i % 100; turn++)
            brd_os_pause();
        int answer = brood_future_cancel(future);
        int status = take_number(future, &value);
        in_time += answer == BROOD_OK;
        late += answer == BROOD_EEND;
        if (answer == BROOD_OK)
            wrong += status != BROOD_ECANCELLED;
        else
            wrong += answer != BROOD_EEND || status || value != (int64_t)n * n;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(in_time + late > 0);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
}

typedef struct heard {
    atomic_int good, bad, done;
} heard;

static void hear_good(brood_future *future, void *baton)
{
    (void)future;
    atomic_fetch_add(&((heard *)baton)->good, 1);
}

static void hear_bad(brood_future *future, void *baton)
{
    heard *h = baton;
    if (brood_future_status(future) == BROOD_ECANCELLED)
        atomic_fetch_add(&h->bad, 1);
}

static void hear_done(brood_future *future, void *baton)
{
    (void)future;
    atomic_fetch_add(&((heard *)baton)->done, 1);
}

static void callbacks_hear_of_it_once(void)
{
    enum { TASKS = 4 };
    static brood_function *const functions[TASKS] = {obeys, is_deaf, runs, runs};
    brood_future *futures[TASKS];
    heard heard_of[TASKS] = {{0}};
    brood_pool *pool = NULL;
    gate g;
    gate_make(&g);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .grace = 100)));
    for (int32_t i = 0; i < TASKS; i++) {
        futures[i] = hand_in(
            pool, functions[i], &g, i,
            BROOD_TASK(.callback = hear_good, .error_callback = hear_bad, .baton = &heard_of[i]));
        ASSERT_OK(brood_future_add_done_callback(futures[i], hear_done, &heard_of[i]));
        if (i < 2)
            CU_ASSERT(gate_await(&g, i));
    }
    // Those that wait first: a worker that is free again would run them.
    for (int round = 0; round < 2; round++)
        for (int i = TASKS - 1; i >= 0; i--)
            ASSERT_OK(brood_future_cancel(futures[i]));
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    for (int i = 0; i < TASKS; i++) {
        CU_ASSERT_EQUAL(heard_of[i].good, 0);
        CU_ASSERT_EQUAL(heard_of[i].bad, 1);
        CU_ASSERT_EQUAL(heard_of[i].done, 1);
        brood_future_destroy(futures[i]);
    }
    gate_remove(&g, FILES);
}

static void wait_for_it(void *baton)
{
    (void)brood_future_get(baton, BROOD_FOREVER, NULL);
}

static void whoever_waits_hears_of_it(void)
{
    enum { THREADS = 4 };
    brood_pool *pool = pool_of(1);
    brd_thread threads[THREADS] = {{0}};
    gate g;
    gate_make(&g);
    brood_future *future = running(pool, obeys, &g, 0, NULL);
    brood_future *queued = hand_in(pool, runs, &g, 1, NULL);
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(
            brd_os_thread_start(&threads[i], wait_for_it, i % 2 ? future : queued), 0);
    CU_ASSERT_EQUAL(brood_future_wait(queued, 20), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_future_cancel(queued));
    ASSERT_OK(brood_future_cancel(future));
    for (int i = 0; i < THREADS; i++)
        brd_os_thread_join(&threads[i]);
    check_end(future, BROOD_ECANCELLED);
    check_end(queued, BROOD_ECANCELLED);
    pool_end(pool);
    gate_remove(&g, FILES);
}

static const test_case cases[] = {
    TEST_CASE(a_queued_task_is_cancelled),
    TEST_CASE(tasks_in_a_ring_are_cancelled),
    TEST_CASE(one_that_obeys_keeps_its_worker),
    TEST_CASE(a_deaf_one_loses_its_worker),
    TEST_CASE(a_deaf_one_behind_short_ones_is_killed),
    TEST_CASE(innocents_behind_a_deaf_one_run),
    TEST_CASE(a_closed_pool_kills_a_cancelled_one),
    TEST_CASE(the_next_task_does_not_pay),
    TEST_CASE(cancel_says_whether_it_came_in_time),
    TEST_CASE(one_that_was_terminated_cannot_be_cancelled),
    TEST_CASE(the_answer_is_the_outcome),
    TEST_CASE(callbacks_hear_of_it_once),
    TEST_CASE(whoever_waits_hears_of_it),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "early", cases);
}
