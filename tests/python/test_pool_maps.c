/*
 * CPython's _TestPool, second part: map, map_async, starmap. The names are CPython's;
 * README.md lists all of them, and a comment names the row of the semantics where brood
 * differs on purpose. Run on every system from this one source.
 */
#include "python/scenes.h"

/* --------------------------------------------------------------- map, starmap */

static void map_squares(brood_pool *pool, int32_t count, size_t chunksize)
{
    int32_t in[100];
    brood_results *results = NULL;
    count_up(in, count);
    ASSERT_OK(brood_pool_map(pool, square, brood_items_int32(in, (size_t)count),
                             BROOD_MAP(.chunksize = chunksize), &results));
    check_squares(results, (size_t)count);
    brood_results_destroy(results);
}

static void test_map(void)
{
    brood_pool *pool = pool_of(4);
    map_squares(pool, 10, 0);
    map_squares(pool, 100, 20);
    pool_end(pool);
}

static int multiply(brood_message *args, brood_message *result)
{
    int32_t x, y;
    int status = brood_unpack(args, "ii", &x, &y);
    return status ? status : brood_pack(result, "x", (int64_t)x * y);
}

/** The tuples (0, n-1), (1, n-2), ... */
static void pack_tuples(brood_message *tuples, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        tuples[i] = (brood_message)BROOD_MESSAGE_INIT;
        ASSERT_OK(brood_pack(&tuples[i], "ii", i, count - 1 - i));
    }
}

static void check_products(brood_results *results, int32_t count)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(results);
    CU_ASSERT_EQUAL_FATAL(brood_results_count(results), (size_t)count);
    for (int32_t i = 0; i < count; i++) {
        int64_t value = -1;
        ASSERT_OK(brood_unpack(brood_results_at(results, (size_t)i), "x", &value));
        CU_ASSERT_EQUAL(value, (int64_t)i * (count - 1 - i));
    }
}

static void clear_all(brood_message *messages, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        brood_message_clear(&messages[i]);
}

static void test_starmap(void)
{
    brood_pool *pool = pool_of(4);
    for (int32_t count = 10; count <= 100; count += 90) {
        brood_message tuples[100];
        brood_results *results = NULL;
        pack_tuples(tuples, count);
        ASSERT_OK(brood_pool_starmap(pool, multiply, tuples, (size_t)count,
                                     BROOD_MAP(.chunksize = count == 100 ? 20 : 0), &results));
        check_products(results, count);
        brood_results_destroy(results);
        clear_all(tuples, count);
    }
    pool_end(pool);
}

static void test_starmap_async(void)
{
    brood_pool *pool = pool_of(4);
    brood_future *future = NULL;
    brood_message tuples[100];
    pack_tuples(tuples, 100);
    ASSERT_OK(brood_pool_starmap_async(pool, multiply, tuples, 100, NULL, &future));
    clear_all(tuples, 100); // they were copied
    ASSERT_OK(brood_future_get(future, test_ms(20000), NULL));
    check_products(brood_future_results(future), 100);
    brood_future_destroy(future);
    pool_end(pool);
}

/* ----------------------------------------------------------------- map_async */

static void test_map_async(void)
{
    brood_pool *pool = pool_of(4);
    brood_future *future = NULL;
    int32_t in[10];
    count_up(in, 10);
    ASSERT_OK(brood_pool_map_async(pool, square, brood_items_int32(in, 10), NULL, &future));
    ASSERT_OK(brood_future_get(future, test_ms(20000), NULL));
    check_squares(brood_future_results(future), 10);
    brood_future_destroy(future);
    pool_end(pool);
}

static int number_of_text(brood_message *args, brood_message *result)
{
    const char *text;
    char *end = NULL;
    int status = brood_unpack(args, "s", &text);
    if (status)
        return status;
    int64_t value = strtol(text, &end, 10);
    if (end == text || *end)
        return brood_fail("no number: '%s'", text);
    return brood_pack(result, "x", value);
}

static brood_future *map_text(brood_pool *pool, const char *text, calls *c)
{
    brood_future *future = NULL;
    ASSERT_OK(brood_pool_map_async(
        pool, number_of_text, brood_items_strings(&text, 1),
        BROOD_MAP(.callback = on_good, .error_callback = on_bad, .baton = c), &future));
    CU_ASSERT_PTR_NOT_NULL_FATAL(future);
    return future;
}

static void test_map_async_callbacks(void)
{
    brood_pool *pool = pool_of(4);
    calls good, bad;
    calls_init(&good);
    calls_init(&bad);
    brood_future *number = map_text(pool, "1", &good);
    brood_future *letter = map_text(pool, "a", &bad);
    ASSERT_OK(brood_future_wait(number, test_ms(20000)));
    ASSERT_OK(brood_future_wait(letter, test_ms(20000)));
    CU_ASSERT(calls_await(&good, 1));
    CU_ASSERT(calls_await(&bad, 1));
    pool_end(pool); // after that nothing can be called any more
    CU_ASSERT(good.good == 1 && good.bad == 0);
    CU_ASSERT_EQUAL(good.status, BROOD_OK);
    CU_ASSERT_EQUAL(good.count, 1);
    CU_ASSERT_EQUAL(good.value, 1);
    CU_ASSERT(bad.good == 0 && bad.bad == 1);
    CU_ASSERT_EQUAL(bad.status, BROOD_ETASK);
    const brood_error *error = brood_results_error(brood_future_results(letter), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_STRING_EQUAL(error->text, "no number: 'a'");
    brood_future_destroy(number);
    brood_future_destroy(letter);
    calls_clear(&good);
    calls_clear(&bad);
}

/* ------------------------------------------------------------ items that fail */

/** The third of ten items cannot be packed. */
static int next_unpackable(void *baton, brood_message *item)
{
    numbers *n = baton;
    int status = next_number(baton, item);
    if (n->made != 3)
        return status;
    status = brood_pack(item, "?", 0);
    CU_ASSERT_NOT_EQUAL(status, BROOD_OK);
    return status ? SAID_WHEN : status;
}

// S36: items are packed by the caller, so what cannot be packed is known at once.
static void test_map_unplicklable(void)
{
    brood_pool *pool = pool_of(4);
    brood_results *results = NULL;
    numbers n = {.total = 10, .fail_at = -1};
    brood_message args = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_pack(&args, "i?", 1, 2), BROOD_EINVAL);
    CU_ASSERT_EQUAL(
        brood_pool_map(pool, square, brood_items_generator(next_unpackable, &n), NULL, &results),
        SAID_WHEN);
    CU_ASSERT_PTR_NULL(results);
    CU_ASSERT_EQUAL(n.asked, 3);
    map_squares(pool, 10, 1);
    brood_message_clear(&args);
    pool_end(pool);
}

static void check_iterable_exception(brood_pool *pool, int32_t total, int32_t when)
{
    numbers n = {.total = total, .fail_at = when};
    brood_results *results = NULL;
    brood_future *future = NULL;
    CU_ASSERT_EQUAL(brood_pool_map(pool, square, brood_items_generator(next_number, &n),
                                   BROOD_MAP(.chunksize = 1), &results),
                    SAID_WHEN);
    CU_ASSERT_PTR_NULL(results);
    CU_ASSERT_EQUAL(n.asked, when + 1); // and not again after it failed
    n = (numbers){.total = total, .fail_at = when};
    CU_ASSERT_EQUAL(brood_pool_map_async(pool, square, brood_items_generator(next_number, &n),
                                         BROOD_MAP(.chunksize = 1), &future),
                    SAID_WHEN);
    CU_ASSERT_PTR_NULL(future);
}

// S34: a generator has no length, so that it fails "despite a length" cannot be.
static void test_map_handle_iterable_exception(void)
{
    brood_pool *pool = pool_of(4);
    check_iterable_exception(pool, 1, 0);
    check_iterable_exception(pool, 1, 0);
    check_iterable_exception(pool, 10, 3);
    map_squares(pool, 10, 1);
    pool_end(pool);
}

/* ------------------------------------------------------------------- no items */

static void test_map_chunksize(void)
{
    brood_pool *pool = pool_of(4);
    brood_future *future = NULL;
    ASSERT_OK(brood_pool_map_async(pool, square, brood_items_int32(NULL, 0),
                                   BROOD_MAP(.chunksize = 1), &future));
    ASSERT_OK(brood_future_get(future, test_ms(20000), NULL));
    check_squares(brood_future_results(future), 0);
    brood_future_destroy(future);
    pool_end(pool);
}

static void check_empty_iterators(brood_pool *pool, brood_items items)
{
    brood_iterator *iterator = NULL;
    int64_t value;
    ASSERT_OK(brood_pool_imap(pool, square, items, NULL, &iterator));
    CU_ASSERT_EQUAL(next_value(iterator, &value), BROOD_EEND);
    CU_ASSERT_EQUAL(next_value(iterator, &value), BROOD_EEND);
    brood_iterator_destroy(iterator);
    iterator = NULL;
    ASSERT_OK(brood_pool_imap_unordered(pool, square, items, NULL, &iterator));
    CU_ASSERT_EQUAL(next_value(iterator, &value), BROOD_EEND);
    CU_ASSERT_EQUAL(next_value(iterator, &value), BROOD_EEND);
    brood_iterator_destroy(iterator);
}

// S29: besides, the callback is called, with no results.
static void test_empty_iterable(void)
{
    brood_pool *pool = pool_of(1);
    brood_results *results = NULL;
    brood_future *future = NULL;
    numbers none = {.fail_at = -1};
    calls c;
    calls_init(&c);
    ASSERT_OK(brood_pool_map(pool, square, brood_items_int32(NULL, 0), NULL, &results));
    check_squares(results, 0);
    brood_results_destroy(results);
    check_empty_iterators(pool, brood_items_int32(NULL, 0));
    check_empty_iterators(pool, brood_items_generator(next_number, &none));
    ASSERT_OK(brood_pool_map_async(
        pool, square, brood_items_int32(NULL, 0),
        BROOD_MAP(.callback = on_good, .error_callback = on_bad, .baton = &c), &future));
    CU_ASSERT_EQUAL(brood_future_ready(future), 1); // at once
    check_squares(brood_future_results(future), 0);
    CU_ASSERT(calls_await(&c, 1));
    pool_end(pool);
    CU_ASSERT(c.good == 1 && c.bad == 0);
    CU_ASSERT_EQUAL(c.status, BROOD_OK);
    CU_ASSERT_EQUAL(c.count, 0);
    brood_future_destroy(future);
    calls_clear(&c);
}

/* ---------------------------------------------------------------- no fail fast */

enum { LARGE = 4 << 20 };

/** Number 0 fails with a long text at once; the others pass the gate, with a large result. */
static int fails_first(brood_message *args, brood_message *result)
{
    char name[1100], long_text[2000];
    const char *path;
    int32_t index;
    int status = brood_unpack(args, "si", &path, &index);
    if (status)
        return status;
    if (index == 0) {
        gate_name(name, sizeof name, path, index);
        file_touch(name);
        memset(long_text, 'x', sizeof long_text - 1);
        long_text[sizeof long_text - 1] = '\0';
        return brood_fail("%s", long_text);
    }
    brood_message_rewind(args);
    status = gate_pass(args, result);
    void *large = status ? NULL : brood_message_reserve(result, LARGE);
    if (large)
        memset(large, 'y', LARGE);
    return large ? 0 : brood_fail("status %d", status);
}

/** Waits until the pool runs no more than that many tasks, and holds none back. */
static bool await_running(brood_pool *pool, uint32_t most)
{
    brd_time until = test_deadline(20000);
    brood_pool_counts counts = brood_pool_count(pool);
    while ((counts.running > most || counts.queued) && brd_os_now() < until) {
        moment();
        counts = brood_pool_count(pool);
    }
    return counts.running <= most && !counts.queued;
}

// S33: the status is that of the first item that failed, and each item has its own result.
static void test_map_no_failfast(void)
{
    brood_pool *pool = pool_of(2);
    brood_future *future = NULL;
    brood_message items[2] = {BROOD_MESSAGE_INIT, BROOD_MESSAGE_INIT};
    size_t size = 0;
    gate g;
    gate_make(&g);
    gate_pack(&g, 0, &items[0]);
    gate_pack(&g, 1, &items[1]);
    ASSERT_OK(brood_pool_map_async(pool, fails_first, brood_items_messages(items, 2),
                                   BROOD_MAP(.chunksize = 1), &future));
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT(gate_await(&g, 1));
    CU_ASSERT(await_running(pool, 1)); // the first one has failed
    CU_ASSERT_EQUAL(brood_future_ready(future), 0);
    gate_open(&g);
    CU_ASSERT_EQUAL(brood_future_get(future, test_ms(20000), NULL), BROOD_ETASK);
    ASSERT_OK(brood_pool_close(pool));
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    brood_results *results = brood_future_results(future);
    CU_ASSERT_PTR_NOT_NULL_FATAL(results);
    const brood_error *error = brood_results_error(results, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT(strspn(error->text, "x") > 500);
    ASSERT_OK(brood_results_status(results, 1));
    const char *bytes = brood_message_bytes(brood_results_at(results, 1), &size);
    CU_ASSERT_EQUAL_FATAL(size, LARGE);
    CU_ASSERT(bytes[0] == 'y' && bytes[LARGE - 1] == 'y');
    brood_future_destroy(future);
    brood_pool_destroy(pool);
    clear_all(items, 2);
    gate_remove(&g, 2);
}

static const test_case cases[] = {
    TEST_CASE(test_map),
    TEST_CASE(test_starmap),
    TEST_CASE(test_starmap_async),
    TEST_CASE(test_map_async),
    TEST_CASE(test_map_async_callbacks),
    TEST_CASE(test_map_unplicklable),
    TEST_CASE(test_map_handle_iterable_exception),
    TEST_CASE(test_map_chunksize),
    TEST_CASE(test_empty_iterable),
    TEST_CASE(test_map_no_failfast),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "_TestPool", cases);
}
