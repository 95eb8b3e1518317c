/*
 * Early ends of maps, and how tasks are run: priorities, retries, fail_fast. Run on
 * every system from this one source. The one thing to know: each item leaves a file with
 * one byte a run, so what never ran and what ran twice can be told.
 */
#include "api/early.h"

/* ---------------------------------------------------------------- for tests */

static void check_item(brood_results *results, size_t item, int expected)
{
    CU_ASSERT_EQUAL(brood_results_status(results, item), expected);
    const brood_error *error = brood_results_error(results, item);
    CU_ASSERT_EQUAL(error != NULL, expected != BROOD_OK);
    if (error)
        CU_ASSERT_EQUAL(error->status, expected);
}

static long count_runs(const gate *g, int32_t index)
{
    char name[1100];
    gate_name(name, sizeof name, g->path, index);
    return file_size(name);
}

static brood_future *starmap(brood_pool *pool, brood_function *function, const gate *g,
                             int32_t count, const brood_map_options *options)
{
    brood_future *future = NULL;
    brood_message *tuples = numbered(g, count);
    CU_ASSERT_EQUAL_FATAL(
        brood_pool_starmap_async(pool, function, tuples, (size_t)count, options, &future),
        BROOD_OK);
    drop(tuples, count);
    return future;
}

static int starmap_now(brood_pool *pool, brood_function *function, const gate *g, int32_t count,
                       const brood_map_options *options, brood_results **results)
{
    brood_message *tuples = numbered(g, count);
    int status = brood_pool_starmap(pool, function, tuples, (size_t)count, options, results);
    CU_ASSERT_PTR_NOT_NULL_FATAL(*results);
    drop(tuples, count);
    return status;
}

/** The number in these arguments, which can be read once more; -1: none. */
static int32_t number_in(brood_message *args)
{
    const char *path;
    int32_t index;
    int status = brood_unpack(args, "si", &path, &index);
    brood_message_rewind(args);
    return status ? -1 : index;
}

/** The first two return at once, the others obey. */
static int two_run_others_obey(brood_message *args, brood_message *result)
{
    return number_in(args) < 2 ? runs(args, result) : obeys(args, result);
}

/** Of ten, number 5 and number 9 never end. */
static int five_and_nine_are_deaf(brood_message *args, brood_message *result)
{
    int32_t n = number_in(args);
    return n == 5 || n == 9 ? is_deaf(args, result) : runs(args, result);
}

/* ---------------------------------------------------------- cancelled maps */

static void a_map_is_cancelled(void)
{
    enum { ITEMS = 12 };
    brood_pool *pool = NULL;
    gate g;
    gate_make(&g);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .grace = test_ms(20000))));
    brood_future *future = starmap(pool, two_run_others_obey, &g, ITEMS, BROOD_MAP(.chunksize = 1));
    CU_ASSERT(await_counts(pool, 2, ITEMS - 4));
    CU_ASSERT_EQUAL(brood_future_running(future), 1);
    CU_ASSERT_PTR_NULL(brood_future_results(future));
    ASSERT_OK(brood_future_cancel(future));
    CU_ASSERT_EQUAL(brood_future_status(future), BROOD_ECANCELLED);
    CU_ASSERT_EQUAL(brood_future_cancelled(future), 1);
    ASSERT_OK(brood_future_cancel(future));
    brood_results *results = brood_future_results(future);
    CU_ASSERT_PTR_NOT_NULL_FATAL(results);
    for (int32_t i = 0; i < ITEMS; i++) {
        int64_t value = -1;
        check_item(results, (size_t)i, i < 2 ? BROOD_OK : BROOD_ECANCELLED);
        if (i < 2)
            ASSERT_OK(brood_unpack(brood_results_at(results, (size_t)i), "x", &value));
        CU_ASSERT_EQUAL(value, i < 2 ? i : -1);
    }
    check_end(future, BROOD_ECANCELLED);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    int began = 0, saw = 0;
    for (int32_t i = 2; i < ITEMS; i++) {
        began += has_run(&g, i);
        saw += has_run(&g, i + SEEN);
        CU_ASSERT_EQUAL(has_run(&g, i), has_run(&g, i + SEEN));
    }
    CU_ASSERT_EQUAL(began, 2);
    CU_ASSERT_EQUAL(saw, 2);
    gate_remove(&g, FILES);
}

// Two of the chunk have ended, one runs, the others stand behind it: they never run.
static void a_chunk_is_cancelled(void)
{
    enum { ITEMS = 6 };
    watched w = {0};
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, test_ms(20000));
    int64_t pid = pid_of_worker(pool);
    brood_future *future =
        starmap(pool, two_run_others_obey, &g, ITEMS, BROOD_MAP(.chunksize = ITEMS));
    CU_ASSERT(await_counts(pool, 1, ITEMS - 3));
    ASSERT_OK(brood_future_cancel(future));
    CU_ASSERT_EQUAL(brood_future_status(future), BROOD_ECANCELLED);
    CU_ASSERT_EQUAL(pid_of_worker(pool), pid);
    brood_results *results = brood_future_results(future);
    for (int32_t i = 0; i < ITEMS; i++) {
        check_item(results, (size_t)i, i < 2 ? BROOD_OK : BROOD_ECANCELLED);
        CU_ASSERT_EQUAL(count_runs(&g, i), i < 3);
    }
    CU_ASSERT(has_run(&g, 2 + SEEN));
    check_end(future, BROOD_ECANCELLED);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    gate_remove(&g, FILES);
}

static void a_deaf_chunk_is_cancelled(void)
{
    enum { ITEMS = 8 };
    watched w = {0};
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, 100);
    brood_future *future =
        starmap(pool, five_and_nine_are_deaf, &g, ITEMS, BROOD_MAP(.chunksize = ITEMS));
    CU_ASSERT(gate_await(&g, 5));
    CU_ASSERT(await_counts(pool, 1, 2));
    ASSERT_OK(brood_future_cancel(future));
    CU_ASSERT_EQUAL(brood_future_status(future), BROOD_ECANCELLED);
    CU_ASSERT(await_lost(&w, 1, 5000));
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    for (int32_t i = 0; i < ITEMS; i++) {
        check_item(brood_future_results(future), (size_t)i, i < 5 ? BROOD_OK : BROOD_ECANCELLED);
        CU_ASSERT_EQUAL(count_runs(&g, i), i < 6);
    }
    check_end(future, BROOD_ECANCELLED);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 1);
    gate_remove(&g, FILES);
}

static void count_call(brood_future *future, void *baton)
{
    (void)future;
    atomic_fetch_add((atomic_int *)baton, 1);
}

static void a_queued_map_is_cancelled(void)
{
    enum { ITEMS = 20 };
    brood_pool *pool = pool_of(1);
    atomic_int calls = 0;
    gate g;
    gate_make(&g);
    make_rings_deep(pool); // some of its items stand in the ring
    brood_future *held = stand_at_gate(pool, &g, ITEMS);
    brood_future *future =
        starmap(pool, runs, &g, ITEMS,
                BROOD_MAP(.chunksize = 3, .error_callback = count_call, .baton = &calls));
    brood_future *behind = hand_in(pool, runs, &g, ITEMS + 1, NULL);
    CU_ASSERT_EQUAL(brood_future_running(future), 0);
    ASSERT_OK(brood_future_cancel(future));
    ASSERT_OK(brood_future_cancel(future));
    for (size_t i = 0; i < ITEMS; i++)
        check_item(brood_future_results(future), i, BROOD_ECANCELLED);
    gate_open(&g);
    check_end(held, BROOD_OK);
    check_end(behind, BROOD_OK);
    check_end(future, BROOD_ECANCELLED);
    pool_end(pool);
    CU_ASSERT_EQUAL(atomic_load(&calls), 1);
    for (int32_t i = 0; i < ITEMS; i++)
        CU_ASSERT(!has_run(&g, i));
    gate_remove(&g, FILES);
}

static void a_map_that_ended_is_not_cancelled(void)
{
    brood_pool *pool = pool_of(2);
    gate g;
    gate_make(&g);
    brood_future *future = starmap(pool, runs, &g, 4, NULL);
    brood_future *empty = starmap(pool, runs, &g, 0, NULL);
    check_status(future, BROOD_OK);
    CU_ASSERT_EQUAL(brood_future_cancel(future), BROOD_EEND);
    CU_ASSERT_EQUAL(brood_future_cancel(empty), BROOD_EEND);
    check_end(future, BROOD_OK);
    check_end(empty, BROOD_OK);
    pool_end(pool);
    gate_remove(&g, FILES);
}

/* ------------------------------------------------------ limits and deadlines */

// 10 items; the last one is the last of its chunk, too.
static void check_limits(uint32_t workers, size_t chunk)
{
    enum { ITEMS = 10 };
    watched w = {0};
    brood_results *results = NULL;
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, workers, 50);
    CU_ASSERT_EQUAL(starmap_now(pool, five_and_nine_are_deaf, &g, ITEMS,
                                BROOD_MAP(.chunksize = chunk, .time_limit = test_ms(300)),
                                &results),
                    BROOD_ETIMELIMIT);
    for (int32_t i = 0; i < ITEMS; i++) {
        check_item(results, (size_t)i, i == 5 || i == 9 ? BROOD_ETIMELIMIT : BROOD_OK);
        CU_ASSERT_EQUAL(count_runs(&g, i), 1);
    }
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 2);
    brood_results_destroy(results);
    gate_remove(&g, FILES);
}

static void an_item_over_its_limit_fails_alone(void)
{
    check_limits(2, 4);
}

static void a_chunk_of_all_items_loses_two(void)
{
    check_limits(1, 10);
}

static void items_alone_lose_two(void)
{
    check_limits(3, 1);
}

/** Obeys when it is number 1 or 3. */
static int odd_ones_obey(brood_message *args, brood_message *result)
{
    return number_in(args) % 2 ? obeys(args, result) : runs(args, result);
}

// Each item's limit is its own: those behind one that obeyed go on in the same worker.
static void items_that_obey_their_limit(void)
{
    enum { ITEMS = 6 };
    watched w = {0};
    brood_results *results = NULL;
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, test_ms(20000));
    CU_ASSERT_EQUAL(starmap_now(pool, odd_ones_obey, &g, ITEMS,
                                BROOD_MAP(.chunksize = ITEMS, .time_limit = test_ms(100)),
                                &results),
                    BROOD_ETIMELIMIT);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81); // behind the last one that obeys
    for (int32_t i = 0; i < ITEMS; i++) {
        check_item(results, (size_t)i, i % 2 ? BROOD_ETIMELIMIT : BROOD_OK);
        CU_ASSERT_EQUAL(count_runs(&g, i), 1);
        CU_ASSERT_EQUAL(has_run(&g, i + SEEN), i % 2);
    }
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    brood_results_destroy(results);
    gate_remove(&g, FILES);
}

static void check_deadline(bool async, size_t chunk, uint32_t workers)
{
    enum { ITEMS = 8 };
    brood_pool *pool = NULL;
    brood_results *results = NULL;
    brood_future *future = NULL;
    const brood_map_options *o = BROOD_MAP(.chunksize = chunk, .deadline = test_ms(500));
    gate g;
    gate_make(&g);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = workers, .grace = test_ms(20000))));
    ASSERT_OK(brood_pool_prewarm(pool, 0, BROOD_FOREVER));
    brd_time start = brd_os_now();
    if (async) {
        future = starmap(pool, two_run_others_obey, &g, ITEMS, o);
        check_status(future, BROOD_EDEADLINE);
        results = brood_future_results(future);
    } else {
        CU_ASSERT_EQUAL(starmap_now(pool, two_run_others_obey, &g, ITEMS, o, &results),
                        BROOD_EDEADLINE);
    }
    CU_ASSERT(brd_os_now() - start >= test_ms(500) * BRD_MS);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool); // nothing of it is left
    int began = 0;
    for (int32_t i = 0; i < ITEMS; i++) {
        check_item(results, (size_t)i, i < 2 ? BROOD_OK : BROOD_EDEADLINE);
        began += has_run(&g, i);
    }
    CU_ASSERT_EQUAL(began, 2 + (int)workers);
    if (!future)
        brood_results_destroy(results);
    brood_future_destroy(future);
    gate_remove(&g, FILES);
}

static void a_map_misses_its_deadline(void)
{
    check_deadline(false, 1, 2);
    check_deadline(false, 8, 1);
}

static void an_async_map_misses_its_deadline(void)
{
    check_deadline(true, 1, 2);
    check_deadline(true, 8, 1);
}

/* --------------------------------------------------------------- fail_fast */

/** 0 fails as soon as 1 runs; 1 stands at the gate; the others leave their file. */
static int zero_fails_one_stands(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t n = number_in(args);
    if (n)
        return n == 1 ? gate_pass(args, result) : runs(args, result);
    int status = brood_unpack(args, "si", &path, &n);
    if (status)
        return status;
    gate_name(name, sizeof name, path, 1);
    return brood_fail(await_file(name, 20000) ? "as it must" : "alone");
}

static void check_fail_fast(bool async)
{
    enum { ITEMS = 10 };
    watched w = {0};
    brood_results *results = NULL;
    brood_future *future = NULL;
    const brood_map_options *o = BROOD_MAP(.chunksize = 1, .fail_fast = 1);
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 2, 100);
    if (async) {
        future = starmap(pool, zero_fails_one_stands, &g, ITEMS, o);
        check_status(future, BROOD_ETASK);
        results = brood_future_results(future);
    } else {
        CU_ASSERT_EQUAL(starmap_now(pool, zero_fails_one_stands, &g, ITEMS, o, &results),
                        BROOD_ETASK);
    }
    CU_ASSERT(await_lost(&w, 1, 5000)); // whoever stands at the gate, which stays closed
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    check_item(results, 0, BROOD_ETASK);
    CU_ASSERT_STRING_EQUAL(brood_results_error(results, 0)->text, "as it must");
    for (int32_t i = 1; i < ITEMS; i++) {
        check_item(results, (size_t)i, BROOD_ECANCELLED);
        CU_ASSERT_EQUAL(has_run(&g, i), i == 1);
    }
    CU_ASSERT_EQUAL(count_lost(&w), 1);
    if (!future)
        brood_results_destroy(results);
    brood_future_destroy(future);
    gate_remove(&g, FILES);
}

static void the_first_failure_ends_a_map(void)
{
    check_fail_fast(false);
}

static void the_first_failure_ends_an_async_map(void)
{
    check_fail_fast(true);
}

/** Number 2 fails, number 3 obeys, the others leave their file. */
static int two_fails(brood_message *args, brood_message *result)
{
    int32_t n = number_in(args);
    if (n == 2)
        return brood_fail("two");
    return n == 3 ? obeys(args, result) : runs(args, result);
}

// Those behind it in its own chunk are cancelled as well: the next one sees it at once,
// or never runs, and the ones behind that never do.
static void the_first_failure_ends_its_chunk(void)
{
    enum { ITEMS = 8 };
    watched w = {0};
    brood_results *results = NULL;
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, test_ms(20000));
    CU_ASSERT_EQUAL(starmap_now(pool, two_fails, &g, ITEMS,
                                BROOD_MAP(.chunksize = ITEMS, .fail_fast = 1), &results),
                    BROOD_ETASK);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    for (int32_t i = 0; i < ITEMS; i++) {
        check_item(results, (size_t)i, i < 2 ? BROOD_OK : i == 2 ? BROOD_ETASK : BROOD_ECANCELLED);
        if (i > 3)
            CU_ASSERT(!has_run(&g, i));
    }
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
    brood_results_destroy(results);
    gate_remove(&g, FILES);
}

static const test_case cases[] = {
    TEST_CASE(a_map_is_cancelled),
    TEST_CASE(a_chunk_is_cancelled),
    TEST_CASE(a_deaf_chunk_is_cancelled),
    TEST_CASE(a_queued_map_is_cancelled),
    TEST_CASE(a_map_that_ended_is_not_cancelled),
    TEST_CASE(an_item_over_its_limit_fails_alone),
    TEST_CASE(a_chunk_of_all_items_loses_two),
    TEST_CASE(items_alone_lose_two),
    TEST_CASE(items_that_obey_their_limit),
    TEST_CASE(a_map_misses_its_deadline),
    TEST_CASE(an_async_map_misses_its_deadline),
    TEST_CASE(the_first_failure_ends_a_map),
    TEST_CASE(the_first_failure_ends_an_async_map),
    TEST_CASE(the_first_failure_ends_its_chunk),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "early_jobs", cases);
}
