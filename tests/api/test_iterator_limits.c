/*
 * Iterators with a limit: a time for the whole, a time for each item, an end with the first
 * failure. Run on every system from this one source. The one thing to know: gates make an
 * item slower than any limit, so no limit here is a matter of luck.
 */
#include "api/streams.h"

/* ------------------------------------------------------- a time for the whole */

/** Waits until this moment has passed. */
static void pass(brd_time until)
{
    while (brd_os_now() < until)
        moment();
}

static void check_pool(brood_pool *pool)
{
    CU_ASSERT(await_idle(pool));
    CU_ASSERT_EQUAL(apply_number(pool, square, 12), 144);
}

// The first ones are given before it, the one at the gate never; the rest does not begin.
static void an_executor_map_runs_out_of_time(void)
{
    brood_executor *executor = NULL;
    brood_iterator *iterator = NULL;
    gated d;
    size_t index = 99;
    int64_t value = -1;
    gated_make(&d, 40);
    ASSERT_OK(brood_executor_create(
        &executor, BROOD_EXECUTOR(.max_workers = 2, .pool = BROOD_POOL(.grace = 100))));
    ASSERT_OK(
        brood_executor_map(executor, first_waits, gated_items(&d), test_ms(150), NULL, &iterator));
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, 0, NULL, &index), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, BROOD_FOREVER, NULL, &index), BROOD_EDEADLINE);
    CU_ASSERT_EQUAL(index, 99);
    check_end(iterator);
    check_pool(brood_executor_pool(executor)); // its worker was set free
    brood_iterator_destroy(iterator);
    brood_future *future = hand_in_number(brood_executor_pool(executor), square, 3);
    ASSERT_OK(take_number(future, &value));
    brood_executor_destroy(executor);
    gated_clear(&d);
}

static void no_time_at_all(void)
{
    brood_executor *executor = NULL;
    brood_iterator *iterator = NULL;
    gated d;
    gated_make(&d, 5);
    ASSERT_OK(brood_executor_create(
        &executor, BROOD_EXECUTOR(.max_workers = 1, .pool = BROOD_POOL(.grace = 100))));
    ASSERT_OK(brood_executor_map(executor, first_waits, gated_items(&d), 0, NULL, &iterator));
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, LONG, NULL, NULL), BROOD_EDEADLINE);
    check_end(iterator);
    brood_iterator_destroy(iterator);
    ASSERT_OK(
        brood_executor_map(executor, first_waits, gated_items(&d), BROOD_FOREVER, NULL, &iterator));
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, 0, NULL, NULL), BROOD_ETIMEDOUT);
    gate_open(&d.g);
    for (int i = 0; i < 5; i++)
        ASSERT_OK(brood_iterator_next(iterator, LONG, NULL, NULL));
    check_end(iterator);
    brood_iterator_destroy(iterator);
    brood_executor_destroy(executor);
    gated_clear(&d);
}

/** Takes results that lie there already. How many came before something else did. */
static int32_t take_ready(brood_pool *pool, stream *s, brood_iterator *iterator, int *status)
{
    int32_t given = 0;
    *status = BROOD_OK;
    while (*status == BROOD_OK && given < 300) {
        CU_ASSERT(await_idle(pool));
        *status = brood_iterator_next(iterator, LONG, NULL, NULL);
        given += *status == BROOD_OK;
        s->given += *status == BROOD_OK;
    }
    return given;
}

// A consumer so slow that a result always lies there is not above the limit: behind it no
// more items are taken in.
static void a_slow_consumer_runs_out_of_time_too(void)
{
    enum { BUFFER = 5 };
    brood_pool *pool = pool_of(2);
    for (int k = 0; k < 2; k++) {
        stream s = {.total = ENDLESS, .most = 40};
        int status = BROOD_OK;
        brd_time start = brd_os_now();
        brood_iterator *iterator = begin(both[k], pool, echo, stream_items(&s),
                                         BROOD_MAP(.buffersize = BUFFER, .deadline = 40));
        pass(start + 50 * BRD_MS);
        int32_t made = s.made;
        CU_ASSERT(take_ready(pool, &s, iterator, &status) <= made);
        CU_ASSERT_EQUAL(status, BROOD_EDEADLINE);
        CU_ASSERT_EQUAL(s.made, made);
        if (status == BROOD_EDEADLINE)
            check_end(iterator);
        brood_iterator_destroy(iterator);
    }
    check_pool(pool);
    pool_end(pool);
}

static void a_deadline_holds_for_every_imap(void)
{
    brood_pool *pool = NULL;
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .grace = 100)));
    for (int k = 0; k < 2; k++)
        for (size_t chunk = 1; chunk <= 8; chunk += 7) {
            gated d;
            int status = BROOD_OK, good = 0;
            gated_make(&d, 8);
            brood_iterator *iterator =
                begin(both[k], pool, first_waits, gated_items(&d),
                      BROOD_MAP(.chunksize = chunk, .deadline = test_ms(150)));
            while ((status = brood_iterator_next(iterator, LONG, NULL, NULL)) == BROOD_OK)
                good++;
            CU_ASSERT_EQUAL(status, BROOD_EDEADLINE);
            CU_ASSERT(k && chunk == 1 ? good <= 7 : good == 0);
            check_end(iterator);
            brood_iterator_destroy(iterator);
            check_pool(pool);
            gated_clear(&d);
        }
    pool_end(pool);
}

/* -------------------------------------------------------- a time for each item */

static void a_time_limit_costs_one_item(void)
{
    brood_pool *pool = NULL;
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .grace = 100)));
    for (int k = 0; k < 2; k++)
        for (size_t chunk = 1; chunk <= 8; chunk += 7) {
            gated d;
            int64_t value = -1;
            gated_make(&d, 8);
            brood_iterator *iterator =
                begin(both[k], pool, first_waits, gated_items(&d),
                      BROOD_MAP(.chunksize = chunk, .time_limit = test_ms(150)));
            for (int i = 0; i < 8; i++) {
                size_t index = SIZE_MAX;
                int status = next_number(iterator, &value, &index);
                CU_ASSERT_FATAL(index < 8);
                CU_ASSERT_EQUAL(status, index ? BROOD_OK : BROOD_ETIMELIMIT);
                CU_ASSERT(status || value == (int64_t)index);
            }
            check_end(iterator);
            brood_iterator_destroy(iterator);
            check_pool(pool);
            gated_clear(&d);
        }
    pool_end(pool);
}

/* ------------------------------------------------- an end with the first failure */

/** Number 20 fails. */
static int twenty_fails(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    if (!status && n == 20)
        return brood_fail("twenty");
    return status ? status : brood_pack(result, "x", (int64_t)n);
}

static void the_first_failure_ends_it(void)
{
    brood_pool *pool = NULL;
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .grace = 2000)));
    for (int k = 0; k < 2; k++)
        for (size_t chunk = 1; chunk <= 5; chunk += 2) {
            stream s = {.total = ENDLESS};
            int64_t value = -1;
            int status, good = 0, failed = 0, cancelled = 0;
            brood_iterator *iterator =
                begin(both[k], pool, twenty_fails, stream_items(&s),
                      BROOD_MAP(.chunksize = chunk, .buffersize = 10, .fail_fast = 1));
            while ((status = next_number(iterator, &value, NULL)) != BROOD_EEND) {
                s.given++;
                good += status == BROOD_OK;
                failed += status == BROOD_ETASK;
                cancelled += status == BROOD_ECANCELLED;
                CU_ASSERT_FATAL(s.given < 1000);
            }
            CU_ASSERT(good >= 20 - 9); // all before it but what shared the buffer with it
            CU_ASSERT_EQUAL(failed, 1);
            // A chunk that was being made when the failure came is not taken in any more.
            int outcomes = good + failed + cancelled;
            CU_ASSERT(outcomes <= s.made && s.made - outcomes <= (int)chunk);
            CU_ASSERT(k || s.made <= 20 + 10); // unordered, others may have overtaken it
            brood_iterator_destroy(iterator);
            check_pool(pool);
        }
    pool_end(pool);
}

static const test_case cases[] = {
    TEST_CASE(an_executor_map_runs_out_of_time),
    TEST_CASE(no_time_at_all),
    TEST_CASE(a_slow_consumer_runs_out_of_time_too),
    TEST_CASE(a_deadline_holds_for_every_imap),
    TEST_CASE(a_time_limit_costs_one_item),
    TEST_CASE(the_first_failure_ends_it),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "iterator_limits", cases);
}
