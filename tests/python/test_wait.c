/*
 * What CPython's test_wait and test_as_completed ask of waiting for several futures, asked
 * of brood_wait and brood_as_completed. Run on every system from this one source. The
 * names are CPython's; a note with a number names the row of the table of semantics by
 * which we differ, and README-executor.md lists all.
 */
#include "python/executors.h"

/* -------------------------------------------------------------- brood_wait */

static void test_20369(void)
{
    brood_executor *executor = executor_of(2);
    brood_future *future = submit_number(executor, square, 2);
    brood_future *twice[] = {future, NULL, future};
    ASSERT_OK(brood_wait(twice, 3, BROOD_ALL_COMPLETED, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_future_ready(future), 1);
    CU_ASSERT_EQUAL(number_of(future), 4);
    executor_end(executor);
}

// S70: a cancelled one counts as completed
static void test_first_completed(void)
{
    zoo z;
    zoo_make(&z);
    brood_executor *executor = executor_of(1);
    brood_future *future = submit_number(executor, square, 21);
    brood_future *futures[] = {z.running, future, z.pending};
    ASSERT_OK(brood_wait(futures, 3, BROOD_FIRST_COMPLETED, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_future_ready(future), 1);
    CU_ASSERT_EQUAL(brood_future_ready(z.running) + brood_future_ready(z.pending), 0);
    futures[1] = z.cancelled;
    ASSERT_OK(brood_wait(futures, 3, BROOD_FIRST_COMPLETED, 0));
    futures[1] = NULL;
    CU_ASSERT_EQUAL(brood_wait(futures, 3, BROOD_FIRST_COMPLETED, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(number_of(future), 441);
    executor_end(executor);
    zoo_end(&z);
}

static void test_first_completed_some_already_completed(void)
{
    zoo z;
    zoo_make(&z);
    brood_future *futures[] = {z.cancelled, z.good, z.running};
    ASSERT_OK(brood_wait(futures, 3, BROOD_FIRST_COMPLETED, 0));
    CU_ASSERT_EQUAL(brood_future_ready(z.running), 0);
    zoo_end(&z);
}

typedef struct opener {
    brood_future *future;
    gate *g;
} opener;

static void open_after(void *baton)
{
    opener *o = baton;
    (void)brood_future_wait(o->future, LONG_WAIT);
    gate_open(o->g);
}

static void test_first_exception(void)
{
    gate failure, other;
    brd_thread thread = {0};
    gate_make(&failure);
    gate_make(&other);
    brood_executor *executor = executor_of(3);
    brood_future *futures[] = {submit_number(executor, square, 2),
                               submit_gate(executor, gate_then_fail, &failure, 0),
                               submit_gate(executor, gate_pass, &other, 0)};
    opener o = {futures[0], &failure};
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, open_after, &o), 0);
    ASSERT_OK(brood_wait(futures, 3, BROOD_FIRST_EXCEPTION, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_future_status(futures[0]), BROOD_OK);
    CU_ASSERT_EQUAL(brood_future_status(futures[1]), BROOD_ETASK);
    CU_ASSERT_EQUAL(brood_future_status(futures[2]), BROOD_EAGAIN);
    brd_os_thread_join(&thread);
    gate_open(&other);
    expect_end(futures[2], BROOD_OK);
    brood_future_destroy(futures[0]);
    brood_future_destroy(futures[1]);
    executor_end(executor);
    gate_remove(&failure, 1);
    gate_remove(&other, 1);
}

// A cancelled one is completed, but no exception
static void test_first_exception_some_already_complete(void)
{
    zoo z;
    zoo_make(&z);
    brood_executor *executor = executor_of(1);
    brood_future *futures[] = {z.good, z.cancelled, NULL, z.running};
    CU_ASSERT_EQUAL(brood_wait(futures, 4, BROOD_FIRST_EXCEPTION, 20), BROOD_ETIMEDOUT);
    futures[2] = submit(executor, fails, NULL);
    ASSERT_OK(brood_wait(futures, 4, BROOD_FIRST_EXCEPTION, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_future_status(futures[2]), BROOD_ETASK);
    CU_ASSERT_EQUAL(brood_future_ready(z.running), 0);
    ASSERT_OK(brood_wait(futures, 2, BROOD_FIRST_EXCEPTION, 0)); // none failed, all are done
    brood_future_destroy(futures[2]);
    executor_end(executor);
    zoo_end(&z);
}

static void test_first_exception_one_already_failed(void)
{
    zoo z;
    zoo_make(&z);
    brood_future *futures[] = {z.running, z.failed};
    ASSERT_OK(brood_wait(futures, 2, BROOD_FIRST_EXCEPTION, 0));
    CU_ASSERT_EQUAL(brood_future_ready(z.running), 0);
    zoo_end(&z);
}

static void test_all_completed(void)
{
    zoo z;
    zoo_make(&z);
    brood_executor *executor = executor_of(2);
    brood_future *futures[] = {z.good, z.cancelled, z.failed, submit(executor, fails, NULL),
                               submit_number(executor, square, 2)};
    ASSERT_OK(brood_wait(futures, 5, BROOD_ALL_COMPLETED, LONG_WAIT));
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(brood_future_ready(futures[i]), 1);
    expect_end(futures[3], BROOD_ETASK);
    CU_ASSERT_EQUAL(number_of(futures[4]), 4);
    executor_end(executor);
    zoo_end(&z);
}

static void test_timeout(void)
{
    zoo z;
    zoo_make(&z);
    brood_future *futures[] = {z.cancelled, z.failed, z.good, z.running};
    brd_time start = brd_os_now();
    CU_ASSERT_EQUAL(brood_wait(futures, 4, BROOD_ALL_COMPLETED, 50), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() - start >= 50 * BRD_MS);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(brood_future_ready(futures[i]), i < 3);
    ASSERT_OK(brood_wait(futures, 3, BROOD_ALL_COMPLETED, 0));
    zoo_end(&z);
}

enum { RACERS = 100, WAITERS = 4 };

typedef struct racer {
    brood_future **futures;
    int status;
} racer;

static void wait_for_all(void *baton)
{
    racer *r = baton;
    r->status = brood_wait(r->futures, RACERS, BROOD_ALL_COMPLETED, LONG_WAIT);
}

// Several threads wait for the same futures
static void test_pending_calls_race(void)
{
    gate g;
    brood_future *futures[RACERS];
    brd_thread threads[WAITERS] = {{0}};
    racer racers[WAITERS];
    gate_make(&g);
    brood_executor *executor = executor_of(3);
    for (int i = 0; i < RACERS; i++)
        futures[i] = submit_gate(executor, gate_pass, &g, 0);
    for (int i = 0; i < WAITERS; i++) {
        racers[i] = (racer){futures, -1};
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], wait_for_all, &racers[i]), 0);
    }
    gate_open(&g);
    for (int i = 0; i < WAITERS; i++) {
        brd_os_thread_join(&threads[i]);
        CU_ASSERT_EQUAL(racers[i].status, BROOD_OK);
    }
    for (int i = 0; i < RACERS; i++) {
        CU_ASSERT_EQUAL(brood_future_status(futures[i]), BROOD_OK);
        brood_future_destroy(futures[i]);
    }
    executor_end(executor);
    gate_remove(&g, 1);
}

/* ------------------------------------------------------ brood_as_completed */

enum { MOST = 16 };

static brood_completions *begin(brood_future *const *futures, size_t count)
{
    brood_completions *completions = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_as_completed(futures, count, &completions), BROOD_OK);
    return completions;
}

/** Takes that many, each of which must have ended, and none twice. */
static void take(brood_completions *completions, brood_future *const *futures, size_t count,
                 int64_t timeout, bool *given)
{
    for (size_t i = 0; i < count; i++) {
        size_t left = brood_completions_left(completions), index = MOST;
        CU_ASSERT_EQUAL(brood_completions_next(completions, timeout, &index), BROOD_OK);
        CU_ASSERT_FATAL(index < MOST);
        CU_ASSERT_FALSE(given[index]);
        given[index] = true;
        CU_ASSERT_EQUAL(brood_future_ready(futures[index]), 1);
        CU_ASSERT_EQUAL(brood_completions_left(completions), left - 1);
    }
}

/** What brood_completions_next says when it gives nothing. */
static int next_fails(brood_completions *completions, int64_t timeout)
{
    size_t index = MOST;
    int status = brood_completions_next(completions, timeout, &index);
    CU_ASSERT_EQUAL(index, MOST);
    return status;
}

static void test_no_timeout(void)
{
    zoo z;
    bool given[MOST] = {false};
    zoo_make(&z);
    brood_executor *executor = executor_of(2);
    brood_future *futures[] = {z.cancelled, z.failed, z.good, submit_number(executor, square, 2),
                               submit_number(executor, square, 3)};
    brood_completions *completions = begin(futures, 5);
    CU_ASSERT_EQUAL(brood_completions_left(completions), 5);
    take(completions, futures, 5, LONG_WAIT, given);
    for (int i = 0; i < 5; i++)
        CU_ASSERT(given[i]);
    CU_ASSERT_EQUAL(next_fails(completions, LONG_WAIT), BROOD_EEND);
    CU_ASSERT_EQUAL(next_fails(completions, 0), BROOD_EEND);
    brood_completions_destroy(completions);
    CU_ASSERT_EQUAL(number_of(futures[3]), 4);
    CU_ASSERT_EQUAL(number_of(futures[4]), 9);
    executor_end(executor);
    zoo_end(&z);
}

// S75: the timeout is that of each call, and one may ask again
static void test_future_times_out(void)
{
    static const int64_t timeouts[] = {0, 100};
    zoo z;
    zoo_make(&z);
    brood_future *futures[] = {z.cancelled, z.failed, z.good, z.running};
    for (int i = 0; i < 2; i++) {
        bool given[MOST] = {false};
        brood_completions *completions = begin(futures, 4);
        take(completions, futures, 3, timeouts[i], given);
        brd_time start = brd_os_now();
        CU_ASSERT_EQUAL(next_fails(completions, timeouts[i]), BROOD_ETIMEDOUT);
        CU_ASSERT(brd_os_now() - start >= timeouts[i] * BRD_MS);
        CU_ASSERT_FALSE(given[3]);
        if (i == 1) {
            gate_open(&z.g);
            take(completions, futures, 1, LONG_WAIT, given);
            CU_ASSERT(given[3]);
            CU_ASSERT_EQUAL(next_fails(completions, LONG_WAIT), BROOD_EEND);
        }
        brood_completions_destroy(completions);
    }
    zoo_end(&z);
}

static void test_duplicate_futures(void)
{
    zoo z;
    size_t index = MOST;
    zoo_make(&z);
    brood_future *futures[] = {z.running, z.running, z.running};
    brood_completions *completions = begin(futures, 3);
    CU_ASSERT_EQUAL(next_fails(completions, 0), BROOD_ETIMEDOUT);
    gate_open(&z.g);
    ASSERT_OK(brood_completions_next(completions, LONG_WAIT, &index));
    CU_ASSERT(index < 3);
    CU_ASSERT_EQUAL(brood_completions_left(completions), 0);
    CU_ASSERT_EQUAL(next_fails(completions, LONG_WAIT), BROOD_EEND);
    brood_completions_destroy(completions);
    zoo_end(&z);
}

// S75: one that was given out is nobody's but the caller's, and may go at once
static void test_free_reference_yielded_future(void)
{
    enum { FUTURES = 10 };
    brood_executor *executor = executor_of(2);
    brood_future *futures[FUTURES];
    bool given[MOST] = {false};
    for (int32_t i = 0; i < FUTURES; i++)
        futures[i] = submit_number(executor, square, i);
    brood_completions *completions = begin(futures, FUTURES);
    for (int i = 0; i < FUTURES; i++) {
        size_t index = MOST;
        ASSERT_OK(brood_completions_next(completions, LONG_WAIT, &index));
        CU_ASSERT_FATAL(index < FUTURES && !given[index]);
        given[index] = true;
        CU_ASSERT_EQUAL(number_of(futures[index]), (int64_t)(index * index)); // destroys it
    }
    CU_ASSERT_EQUAL(next_fails(completions, LONG_WAIT), BROOD_EEND);
    brood_completions_destroy(completions);
    executor_end(executor);
}

// S75: how many are left is a number, no text
static void test_correct_timeout_exception_msg(void)
{
    zoo z;
    bool given[MOST] = {false};
    zoo_make(&z);
    brood_future *futures[] = {z.cancelled, z.pending, z.running, z.good};
    brood_completions *completions = begin(futures, 4);
    take(completions, futures, 2, 0, given);
    CU_ASSERT_EQUAL(next_fails(completions, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_completions_left(completions), 2);
    CU_ASSERT(given[0] && given[3]);
    brood_completions_destroy(completions);
    zoo_end(&z);
}

static const test_case cases[] = {
    TEST_CASE(test_20369),
    TEST_CASE(test_first_completed),
    TEST_CASE(test_first_completed_some_already_completed),
    TEST_CASE(test_first_exception),
    TEST_CASE(test_first_exception_some_already_complete),
    TEST_CASE(test_first_exception_one_already_failed),
    TEST_CASE(test_all_completed),
    TEST_CASE(test_timeout),
    TEST_CASE(test_pending_calls_race),
    TEST_CASE(test_no_timeout),
    TEST_CASE(test_future_times_out),
    TEST_CASE(test_duplicate_futures),
    TEST_CASE(test_free_reference_yielded_future),
    TEST_CASE(test_correct_timeout_exception_msg),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "wait", cases);
}
