/*
 * Iterators whose way is not smooth: items that fail, workers that die, streams that break
 * off, and every way to stop half-way. Run on every system from this one source. The one
 * thing to know: whatever happens, each item that was taken in is answered once, and then
 * comes BROOD_EEND.
 */
#include "api/streams.h"

/* ------------------------------------------------------------------ waiting */

static void one_slow_item_keeps_no_other_back(void)
{
    brood_pool *pool = pool_of(2);
    gated d;
    bool seen[40] = {false};
    int64_t value = -1;
    size_t index;
    gated_make(&d, 40);
    brood_iterator *iterator =
        begin(brood_pool_imap_unordered, pool, first_waits, gated_items(&d), NULL);
    for (int i = 1; i < 40; i++) { // more than the buffer holds
        ASSERT_OK(next_number(iterator, &value, &index));
        CU_ASSERT_FATAL(index > 0 && index < 40 && value == (int64_t)index);
        CU_ASSERT_FALSE(seen[index]);
        seen[index] = true;
    }
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, 0, NULL, NULL), BROOD_ETIMEDOUT);
    gate_open(&d.g);
    ASSERT_OK(next_number(iterator, &value, &index));
    CU_ASSERT(value == 0 && index == 0);
    check_end(iterator);
    brood_iterator_destroy(iterator);
    pool_end(pool);
    gated_clear(&d);
}

static void waits_and_goes_on(void)
{
    brood_pool *pool = pool_of(2);
    gated d;
    int64_t value = -1;
    size_t index = 99;
    gated_make(&d, 5);
    brood_iterator *iterator = begin(brood_pool_imap, pool, first_waits, gated_items(&d), NULL);
    CU_ASSERT(gate_await(&d.g, 0));
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(brood_iterator_next(iterator, 0, NULL, &index), BROOD_ETIMEDOUT);
    brd_time start = brd_os_now();
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, 30, NULL, &index), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() - start >= 30 * BRD_MS);
    CU_ASSERT_EQUAL(index, 99);
    gate_open(&d.g);
    for (int64_t i = 0; i < 5; i++) {
        ASSERT_OK(next_number(iterator, &value, &index));
        CU_ASSERT(value == i && index == (size_t)i);
    }
    check_end(iterator);
    brood_iterator_destroy(iterator);
    pool_end(pool);
    gated_clear(&d);
}

/* ------------------------------------------------------------------ failures */

static void check_odd(imap *how, brood_pool *pool, size_t chunk)
{
    enum { COUNT = 21 };
    int32_t in[COUNT];
    brood_message result = BROOD_MESSAGE_INIT;
    int failed = 0;
    count_up(in, COUNT);
    brood_iterator *iterator =
        begin(how, pool, odd_fails, brood_items_int32(in, COUNT), BROOD_MAP(.chunksize = chunk));
    for (int i = 0; i < COUNT; i++) {
        size_t index = SIZE_MAX;
        int64_t value = -1;
        char text[32];
        int status = brood_iterator_next(iterator, LONG, &result, &index);
        const brood_error *error = brood_message_error(&result);
        CU_ASSERT_FATAL(index < COUNT && (how != brood_pool_imap || index == (size_t)i));
        CU_ASSERT_EQUAL(status, index % 2 ? BROOD_ETASK : BROOD_OK);
        CU_ASSERT_EQUAL(error != NULL, index % 2);
        CU_ASSERT_EQUAL(brood_unpack(&result, "x", &value), status);
        CU_ASSERT_EQUAL(value, index % 2 ? -1 : (int64_t)index);
        snprintf(text, sizeof text, "%d is odd", (int)index);
        if (error)
            CU_ASSERT_STRING_EQUAL(error->text, text);
        failed += error != NULL;
    }
    CU_ASSERT_EQUAL(failed, COUNT / 2);
    check_end(iterator);
    brood_iterator_destroy(iterator);
    brood_message_clear(&result);
}

static void goes_on_behind_an_item_that_failed(void)
{
    brood_pool *pool = pool_of(2);
    for (int k = 0; k < 2; k++)
        for (size_t chunk = 1; chunk <= 22; chunk += 3)
            check_odd(both[k], pool, chunk);
    pool_end(pool);
}

enum { DEADLY = 6 };

/** Number 6 is the end of its worker. */
static int six_dies(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    if (!status && n == DEADLY)
        exit(17);
    return status ? status : brood_pack(result, "x", (int64_t)n);
}

static void check_death(imap *how, brood_pool *pool, size_t chunk)
{
    enum { COUNT = 15 };
    int32_t in[COUNT];
    bool seen[COUNT] = {false};
    brood_message result = BROOD_MESSAGE_INIT;
    count_up(in, COUNT);
    brood_iterator *iterator =
        begin(how, pool, six_dies, brood_items_int32(in, COUNT), BROOD_MAP(.chunksize = chunk));
    for (int i = 0; i < COUNT; i++) {
        size_t index = SIZE_MAX;
        int64_t value = -1;
        int status = brood_iterator_next(iterator, LONG, &result, &index);
        CU_ASSERT_FATAL(index < COUNT && (how != brood_pool_imap || index == (size_t)i));
        CU_ASSERT_FALSE(seen[index]);
        seen[index] = true;
        CU_ASSERT_EQUAL(status, index == DEADLY ? BROOD_EWORKERLOST : BROOD_OK);
        CU_ASSERT_EQUAL(brood_unpack(&result, "x", &value), status);
        CU_ASSERT_EQUAL(value, index == DEADLY ? -1 : (int64_t)index);
        const brood_error *error = brood_message_error(&result);
        CU_ASSERT_EQUAL(error != NULL, index == DEADLY);
        if (error)
            CU_ASSERT(error->exit_kind == BROOD_EXIT_CODE && error->exit_code == 17);
    }
    check_end(iterator);
    brood_iterator_destroy(iterator);
    brood_message_clear(&result);
}

static void a_death_costs_one_item(void)
{
    static const size_t chunks[] = {1, 2, 5, 7, 15, 16};
    brood_pool *pool = pool_of(2);
    for (int k = 0; k < 2; k++)
        for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++)
            check_death(both[k], pool, chunks[c]);
    pool_end(pool);
}

/** Dies if it is the first to come: that is who makes the file. */
static int dies_once(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    int status = brood_unpack(args, "si", &path, &index);
    if (!status && index == DEADLY && !file_exists(path)) {
        file_touch(path);
        exit(17);
    }
    return status ? status : brood_pack(result, "x", (int64_t)index);
}

static void an_item_that_may_is_run_again(void)
{
    brood_pool *pool = pool_of(2);
    for (size_t chunk = 1; chunk <= 20; chunk += 9) {
        gated d;
        int64_t value = -1;
        gated_make(&d, 20);
        brood_iterator *iterator = begin(brood_pool_imap, pool, dies_once, gated_items(&d),
                                         BROOD_MAP(.chunksize = chunk, .retries = 1));
        for (int64_t i = 0; i < 20; i++) {
            ASSERT_OK(next_number(iterator, &value, NULL));
            CU_ASSERT_EQUAL(value, i);
        }
        CU_ASSERT(file_exists(d.g.path));
        check_end(iterator);
        brood_iterator_destroy(iterator);
        gated_clear(&d);
    }
    pool_end(pool);
}

/** `good` items, then the stream's own failure, once, then the end. */
static void check_failing_stream(imap *how, brood_pool *pool, int32_t good, size_t chunk)
{
    stream s = {.total = good, .most = 40, .failure = SAID_WHEN};
    int32_t wrong = 0;
    brood_iterator *iterator =
        begin(how, pool, echo, stream_items(&s), BROOD_MAP(.chunksize = chunk));
    for (int32_t i = 0; i < good; i++) {
        int32_t number = stream_take(&s, iterator);
        wrong += number < 0 || (how == brood_pool_imap && number != i);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(s.live, 0);
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, LONG, NULL, NULL), SAID_WHEN);
    check_end(iterator);
    CU_ASSERT_EQUAL(s.after_end, 0); // who has said that it is over is not asked again
    brood_iterator_destroy(iterator);
}

static void a_stream_fails_behind_its_items(void)
{
    static const int32_t goods[] = {0, 1, 2, 3, 7, 8, 40};
    static const size_t chunks[] = {1, 2, 3, 4, 7, 8, 9, 100};
    brood_pool *pool = pool_of(2);
    for (int k = 0; k < 2; k++)
        for (size_t g = 0; g < sizeof goods / sizeof *goods; g++)
            for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++)
                check_failing_stream(both[k], pool, goods[g], chunks[c]);
    CU_ASSERT_EQUAL(apply_number(pool, square, 6), 36);
    pool_end(pool);
}

/* -------------------------------------------------------- several at a time */

typedef struct busy_stream {
    brood_pool *pool;
    int32_t made, total;
} busy_stream;

/** Asks the pool for the number that it gives: apply, and a map now and then. */
static int squares_again(void *baton, brood_message *item)
{
    busy_stream *b = baton;
    brood_results *results = NULL;
    int64_t value = -1;
    if (b->made == b->total)
        return BROOD_EEND;
    int32_t n = b->made++;
    if (n % 3)
        return brood_pack(item, "i", (int32_t)apply_number(b->pool, square, n));
    int status = brood_pool_map(b->pool, square, brood_items_int32(&n, 1), NULL, &results);
    if (!status)
        status = brood_unpack(brood_results_at(results, 0), "x", &value);
    brood_results_destroy(results);
    return status ? status : brood_pack(item, "i", (int32_t)value);
}

static void a_stream_may_use_the_pool(void)
{
    brood_pool *pool = pool_of(2);
    for (int k = 0; k < 2; k++) {
        busy_stream b = {.pool = pool, .total = 60};
        int64_t value = -1;
        int wrong = 0;
        brood_iterator *iterator =
            begin(both[k], pool, square, brood_items_generator(squares_again, &b),
                  BROOD_MAP(.chunksize = 1 + 2 * (size_t)k, .buffersize = 7));
        for (int i = 0; i < 60; i++) {
            size_t index = SIZE_MAX;
            ASSERT_OK(next_number(iterator, &value, &index));
            wrong += value != (int64_t)(index * index * index * index);
        }
        CU_ASSERT_EQUAL(wrong, 0);
        check_end(iterator);
        brood_iterator_destroy(iterator);
    }
    pool_end(pool);
}

static void several_work_side_by_side(void)
{
    brood_pool *pool = pool_of(2);
    stream first = {.total = 300, .most = 100}, second = {.total = 300, .most = 3000};
    int wrong = 0;
    brood_iterator *one =
        begin(brood_pool_imap, pool, echo, stream_items(&first), BROOD_MAP(.chunksize = 3));
    brood_iterator *two = begin(brood_pool_imap_unordered, pool, echo, stream_items(&second),
                                BROOD_MAP(.chunksize = 2, .buffersize = 50));
    for (int32_t i = 0; i < 300; i++) {
        wrong += stream_take(&first, one) != i;
        wrong += stream_take(&second, two) < 0;
        if (i % 10 == 0)
            wrong += apply_number(pool, square, i) != (int64_t)i * i;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    check_end(two);
    check_end(one);
    CU_ASSERT(first.live == 0 && second.live == 0);
    brood_iterator_destroy(one);
    brood_iterator_destroy(two);
    pool_end(pool);
}

typedef struct consumer {
    brood_pool *pool;
    imap *how;
    size_t chunk;
    int wrong;
} consumer;

static void consume(void *baton)
{
    consumer *c = baton;
    stream s = {.total = 1000, .most = 200};
    brood_iterator *iterator = NULL;
    c->wrong += c->how(c->pool, echo, stream_items(&s), BROOD_MAP(.chunksize = c->chunk),
                       &iterator) != BROOD_OK;
    for (int32_t i = 0; iterator && i < s.total; i++)
        c->wrong += stream_take(&s, iterator) < 0;
    c->wrong += brood_iterator_next(iterator, LONG, NULL, NULL) != BROOD_EEND || s.live;
    brood_iterator_destroy(iterator);
}

static void several_threads_have_their_own(void)
{
    enum { THREADS = 4 };
    brd_thread threads[THREADS] = {{0}};
    consumer consumers[THREADS];
    brood_pool *pool = pool_of(2);
    for (int t = 0; t < THREADS; t++) {
        consumers[t] = (consumer){.pool = pool, .how = both[t % 2], .chunk = 1 + (size_t)t};
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[t], consume, &consumers[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        brd_os_thread_join(&threads[t]);
        CU_ASSERT_EQUAL(consumers[t].wrong, 0);
    }
    pool_end(pool);
}

static const test_case cases[] = {
    TEST_CASE(one_slow_item_keeps_no_other_back),  TEST_CASE(waits_and_goes_on),
    TEST_CASE(goes_on_behind_an_item_that_failed), TEST_CASE(a_death_costs_one_item),
    TEST_CASE(an_item_that_may_is_run_again),      TEST_CASE(a_stream_fails_behind_its_items),
    TEST_CASE(a_stream_may_use_the_pool),          TEST_CASE(several_work_side_by_side),
    TEST_CASE(several_threads_have_their_own),     {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "iterator_faults", cases);
}
