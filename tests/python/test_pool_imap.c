/*
 * CPython's _TestPool, third part: imap, imap_unordered and their look-ahead. The names
 * are CPython's; README.md lists all of them, and a comment names the row of the semantics
 * where brood differs on purpose. Those that are named after buffersize stand for tests
 * that are only on CPython's main branch. Run on every system from this one source.
 */
#include "python/scenes.h"

/** One of imap and imap_unordered. */
typedef int imap(brood_pool *pool, brood_function *function, brood_items items,
                 const brood_map_options *options, brood_iterator **out);

static brood_iterator *begin(imap *how, brood_pool *pool, brood_items items, size_t chunksize)
{
    brood_iterator *iterator = NULL;
    ASSERT_OK(how(pool, square, items, BROOD_MAP(.chunksize = chunksize), &iterator));
    CU_ASSERT_PTR_NOT_NULL_FATAL(iterator);
    return iterator;
}

/* ------------------------------------------------------------------ in order */

/** All results, each with its index, then the end, which stays the end. */
static void check_in_order(brood_pool *pool, int32_t count, size_t chunksize)
{
    int32_t in[1000] = {0};
    brood_message result = BROOD_MESSAGE_INIT;
    count_up(in, count);
    brood_iterator *iterator =
        begin(brood_pool_imap, pool, brood_items_int32(in, (size_t)count), chunksize);
    for (int32_t i = 0; i < count; i++) {
        int64_t value = -1;
        size_t index = SIZE_MAX;
        ASSERT_OK(brood_iterator_next(iterator, test_ms(20000), &result, &index));
        ASSERT_OK(brood_unpack(&result, "x", &value));
        CU_ASSERT_EQUAL(value, (int64_t)i * i);
        CU_ASSERT_EQUAL(index, (size_t)i);
    }
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, test_ms(20000), &result, NULL), BROOD_EEND);
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, 0, NULL, NULL), BROOD_EEND);
    brood_iterator_destroy(iterator);
    brood_message_clear(&result);
}

// S31: one kind of iterator, with timeouts, whatever the chunksize.
static void test_imap(void)
{
    brood_pool *pool = pool_of(4);
    check_in_order(pool, 10, 0);
    check_in_order(pool, 10, 1);
    check_in_order(pool, 1000, 100);
    pool_end(pool);
}

static void check_fails_after(imap *how, brood_pool *pool, numbers n, size_t chunksize)
{
    int32_t before = n.fail_at;
    int64_t value = -1, seen = 0;
    brood_iterator *iterator = begin(how, pool, brood_items_generator(next_number, &n), chunksize);
    for (int32_t i = 0; i < before; i++) {
        ASSERT_OK(next_value(iterator, &value));
        if (how == brood_pool_imap)
            CU_ASSERT_EQUAL(value, (int64_t)i * i);
        seen += value;
    }
    CU_ASSERT_EQUAL(next_value(iterator, &value), SAID_WHEN);
    CU_ASSERT_EQUAL(next_value(iterator, &value), BROOD_EEND);
    // The squares below `before`, each once.
    CU_ASSERT_EQUAL(seen, (int64_t)(before - 1) * before * (2 * before - 1) / 6);
    CU_ASSERT_EQUAL(n.asked, before + 1);
    brood_iterator_destroy(iterator);
}

// S34: all items before the error are delivered, also those of an unfinished chunk.
static void test_imap_handle_iterable_exception(void)
{
    brood_pool *pool = pool_of(4);
    check_fails_after(brood_pool_imap, pool, (numbers){.total = 1, .fail_at = 0}, 1);
    check_fails_after(brood_pool_imap, pool, (numbers){.total = 1, .fail_at = 0}, 1);
    check_fails_after(brood_pool_imap, pool, (numbers){.total = 10, .fail_at = 3}, 1);
    check_fails_after(brood_pool_imap, pool, (numbers){.total = 20, .fail_at = 7}, 2);
    check_fails_after(brood_pool_imap, pool, (numbers){.total = 20, .fail_at = 7}, 4);
    CU_ASSERT_EQUAL(apply_number(pool, square, 6), 36);
    pool_end(pool);
}

/* ---------------------------------------------------------------- as they end */

static void check_unordered(brood_pool *pool, int32_t count, size_t chunksize)
{
    int32_t in[1000];
    bool seen[1000] = {false};
    brood_message result = BROOD_MESSAGE_INIT;
    int wrong = 0;
    count_up(in, count);
    brood_iterator *iterator =
        begin(brood_pool_imap_unordered, pool, brood_items_int32(in, (size_t)count), chunksize);
    for (int32_t i = 0; i < count; i++) {
        int64_t value = -1;
        size_t index = SIZE_MAX;
        ASSERT_OK(brood_iterator_next(iterator, test_ms(20000), &result, &index));
        ASSERT_OK(brood_unpack(&result, "x", &value));
        CU_ASSERT_FATAL(index < (size_t)count);
        wrong += seen[index] || value != (int64_t)(index * index);
        seen[index] = true;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, test_ms(20000), NULL, NULL), BROOD_EEND);
    brood_iterator_destroy(iterator);
    brood_message_clear(&result);
}

static void test_imap_unordered(void)
{
    brood_pool *pool = pool_of(4);
    check_unordered(pool, 10, 0);
    check_unordered(pool, 1000, 100);
    pool_end(pool);
}

// S34: the error comes last, so the values are not only valid but complete.
static void test_imap_unordered_handle_iterable_exception(void)
{
    brood_pool *pool = pool_of(4);
    imap *how = brood_pool_imap_unordered;
    check_fails_after(how, pool, (numbers){.total = 1, .fail_at = 0}, 1);
    check_fails_after(how, pool, (numbers){.total = 1, .fail_at = 0}, 1);
    check_fails_after(how, pool, (numbers){.total = 10, .fail_at = 3}, 1);
    check_fails_after(how, pool, (numbers){.total = 20, .fail_at = 7}, 2);
    CU_ASSERT_EQUAL(apply_number(pool, square, 6), 36);
    pool_end(pool);
}

/* ----------------------------------------------------------------- look-ahead */

/**
 * Between two results, no more than `most` items may be taken in and not given out; but
 * work goes on while the caller looks at one, so it was more than a few.
 */
static void check_look_ahead(imap *how, size_t chunksize, size_t buffersize, int32_t most)
{
    enum { TOTAL = 60 };
    brood_pool *pool = pool_of(2);
    brood_iterator *iterator = NULL;
    numbers n = {.total = TOTAL, .fail_at = -1};
    int64_t value = -1, sum = 0;
    int32_t deepest = 0;
    ASSERT_OK(how(pool, square, brood_items_generator(next_number, &n),
                  BROOD_MAP(.chunksize = chunksize, .buffersize = buffersize), &iterator));
    CU_ASSERT_PTR_NOT_NULL_FATAL(iterator);
    for (int32_t given = 0; given < TOTAL; given++) {
        deepest = n.made - given > deepest ? n.made - given : deepest;
        ASSERT_OK(next_value(iterator, &value));
        sum += value;
    }
    CU_ASSERT(deepest <= most);
    CU_ASSERT(deepest >= most / 2);
    CU_ASSERT_EQUAL(n.made, TOTAL);
    CU_ASSERT_EQUAL(sum, (int64_t)(TOTAL - 1) * TOTAL * (2 * TOTAL - 1) / 6);
    CU_ASSERT_EQUAL(next_value(iterator, &value), BROOD_EEND);
    brood_iterator_destroy(iterator);
    pool_end(pool);
}

static void check_look_aheads(imap *how)
{
    static const struct {
        size_t chunksize, buffersize;
        int32_t most;
    } rows[] = {{1, 1, 1}, {1, 2, 2}, {1, 7, 7}, {3, 6, 6}, {4, 2, 2}, {1, 100, 60}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_look_ahead(how, rows[i].chunksize, rows[i].buffersize, rows[i].most);
}

static void test_imap_buffersize(void)
{
    check_look_aheads(brood_pool_imap);
}

static void test_imap_unordered_buffersize(void)
{
    check_look_aheads(brood_pool_imap_unordered);
}

// S53: 0 is no error but the default, which is bounded too: 16, or 2 * workers * chunksize.
static void test_imap_buffersize_invalid(void)
{
    check_look_ahead(brood_pool_imap, 1, 0, 16);
    check_look_ahead(brood_pool_imap, 5, 0, 2 * 2 * 5);
    check_look_ahead(brood_pool_imap_unordered, 1, 0, 16);
}

static void check_endless(imap *how, size_t buffersize)
{
    brood_pool *pool = pool_of(2);
    brood_iterator *iterator = NULL;
    numbers n = {.total = INT32_MAX, .fail_at = -1};
    int64_t value = -1;
    ASSERT_OK(how(pool, square, brood_items_generator(next_number, &n),
                  BROOD_MAP(.buffersize = buffersize), &iterator));
    for (int32_t i = 0; i < 50; i++) {
        ASSERT_OK(next_value(iterator, &value));
        if (how == brood_pool_imap)
            CU_ASSERT_EQUAL(value, (int64_t)i * i);
    }
    brood_iterator_destroy(iterator);
    CU_ASSERT(n.made >= 50 && n.made <= 50 + 16);
    CU_ASSERT_EQUAL(apply_number(pool, square, 6), 36);
    pool_end(pool);
}

static void test_imap_buffersize_on_infinite_iterable(void)
{
    check_endless(brood_pool_imap, 4);
    check_endless(brood_pool_imap_unordered, 4);
    check_endless(brood_pool_imap, 0); // S53: the default is bounded
}

static void test_imap_buffersize_on_empty_iterable(void)
{
    brood_pool *pool = pool_of(2);
    imap *const both[2] = {brood_pool_imap, brood_pool_imap_unordered};
    for (int i = 0; i < 2; i++) {
        brood_iterator *iterator = NULL;
        numbers none = {.fail_at = -1};
        int64_t value;
        ASSERT_OK(both[i](pool, square, brood_items_generator(next_number, &none),
                          BROOD_MAP(.buffersize = 3), &iterator));
        CU_ASSERT_EQUAL(next_value(iterator, &value), BROOD_EEND);
        CU_ASSERT(none.asked >= 1);
        brood_iterator_destroy(iterator);
    }
    pool_end(pool);
}

/* ------------------------------------------------- a pool that ends meanwhile */

enum { BUFFER = 2 };

/** An endless stream that has given its first result, and is looked ahead of. */
static brood_iterator *begin_endless(imap *how, brood_pool *pool, numbers *n)
{
    brood_iterator *iterator = NULL;
    int64_t value = -1;
    ASSERT_OK(how(pool, square, brood_items_generator(next_number, n),
                  BROOD_MAP(.buffersize = BUFFER), &iterator));
    CU_ASSERT_PTR_NOT_NULL_FATAL(iterator);
    ASSERT_OK(next_value(iterator, &value));
    return iterator;
}

/** What was taken in comes, well or with `failure`; then the end, and no new items. */
static void check_ends(brood_iterator *iterator, const numbers *n, int failure)
{
    int32_t taken = n->made, left = BUFFER + 1; // and one that says why
    int64_t value = -1;
    int status = next_value(iterator, &value);
    while (status != BROOD_EEND && left--) {
        CU_ASSERT(status == BROOD_OK || status == failure || status == BROOD_ECLOSED);
        status = next_value(iterator, &value);
    }
    CU_ASSERT_EQUAL(status, BROOD_EEND);
    CU_ASSERT_EQUAL(n->made, taken);
}

static void test_imap_buffersize_close(void)
{
    imap *const both[2] = {brood_pool_imap, brood_pool_imap_unordered};
    for (int i = 0; i < 2; i++) {
        brood_pool *pool = pool_of(2);
        numbers n = {.total = INT32_MAX, .fail_at = -1};
        brood_iterator *iterator = begin_endless(both[i], pool, &n);
        ASSERT_OK(brood_pool_close(pool));
        ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
        check_ends(iterator, &n, BROOD_OK);
        brood_iterator_destroy(iterator);
        brood_pool_destroy(pool);
    }
}

// S57: an iterator of a terminated pool ends.
static void test_imap_buffersize_terminate(void)
{
    imap *const both[2] = {brood_pool_imap, brood_pool_imap_unordered};
    for (int i = 0; i < 2; i++) {
        brood_pool *pool = pool_of(2);
        numbers n = {.total = INT32_MAX, .fail_at = -1};
        brood_iterator *iterator = begin_endless(both[i], pool, &n);
        ASSERT_OK(brood_pool_terminate(pool));
        ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
        check_ends(iterator, &n, BROOD_ETERMINATED);
        brood_iterator_destroy(iterator);
        brood_pool_destroy(pool);
    }
}

static const test_case cases[] = {
    TEST_CASE(test_imap),
    TEST_CASE(test_imap_handle_iterable_exception),
    TEST_CASE(test_imap_unordered),
    TEST_CASE(test_imap_unordered_handle_iterable_exception),
    TEST_CASE(test_imap_buffersize),
    TEST_CASE(test_imap_unordered_buffersize),
    TEST_CASE(test_imap_buffersize_invalid),
    TEST_CASE(test_imap_buffersize_on_infinite_iterable),
    TEST_CASE(test_imap_buffersize_on_empty_iterable),
    TEST_CASE(test_imap_buffersize_close),
    TEST_CASE(test_imap_buffersize_terminate),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "_TestPool", cases);
}
