/*
 * Iterators that end before their stream does: destroyed, closed, terminated, out of time.
 * Run on every system from this one source. The one thing to know: what ends them may come
 * from anywhere, also from the stream itself or from another thread.
 */
#include "api/streams.h"

/* ----------------------------------------------------------------- destroy */

/** How many of these tasks have begun. */
static int32_t count_begun(const gated *d)
{
    char name[1100];
    int32_t begun = 0;
    for (int32_t i = 0; i < d->count; i++) {
        gate_name(name, sizeof name, d->g.path, i);
        begun += file_exists(name);
    }
    return begun;
}

/** Destroyed while one item runs: nothing else of it ever does. */
static void check_destroyed_half_way(imap *how, size_t chunk, size_t buffer)
{
    brood_pool *pool = pool_of(1);
    gated d;
    gated_make(&d, 30);
    brood_iterator *iterator = begin(how, pool, gate_pass, gated_items(&d),
                                     BROOD_MAP(.chunksize = chunk, .buffersize = buffer));
    brood_future *behind = hand_in_number(pool, square, 11);
    int64_t value = -1;
    CU_ASSERT(gate_await(&d.g, 0));
    brood_iterator_destroy(iterator);
    CU_ASSERT_EQUAL(brood_pool_count(pool).queued, 1); // the one of another
    CU_ASSERT_EQUAL(brood_pool_count(pool).running, 1);
    gate_open(&d.g);
    ASSERT_OK(take_number(behind, &value));
    CU_ASSERT_EQUAL(value, 121);
    CU_ASSERT(await_idle(pool));
    CU_ASSERT_EQUAL(count_begun(&d), 1);
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_begun(&d), 1);
    gated_clear(&d);
}

static void forgets_what_has_not_begun(void)
{
    for (int k = 0; k < 2; k++) {
        check_destroyed_half_way(both[k], 1, 0);
        check_destroyed_half_way(both[k], 4, 12);
        check_destroyed_half_way(both[k], 30, 30);
    }
}

static void is_destroyed_at_any_moment(void)
{
    brood_pool *pool = pool_of(2);
    int wrong = 0;
    for (int32_t taken = 0; taken < 40; taken++) {
        stream s = {.total = taken % 4 ? ENDLESS : taken, .most = 3000};
        brood_iterator *iterator =
            begin(both[taken % 2], pool, echo, stream_items(&s),
                  BROOD_MAP(.chunksize = 1 + (size_t)taken % 5, .buffersize = 20));
        for (int32_t i = 0; i < taken; i++)
            wrong += stream_take(&s, iterator) < 0;
        int32_t made = s.made;
        brood_iterator_destroy(iterator);
        wrong += s.made != made;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
    pool_end(pool);
}

/* ------------------------------------------------------------------- close */

// Closing finishes what was handed in: of an array that is all of it.
static void gives_all_of_an_array_after_close(void)
{
    enum { COUNT = 500 };
    int32_t in[COUNT];
    count_up(in, COUNT);
    for (int k = 0; k < 4; k++) {
        brood_pool *pool = pool_of(2);
        bool seen[COUNT] = {false};
        int wrong = 0;
        brood_iterator *iterator = begin(both[k % 2], pool, square, brood_items_int32(in, COUNT),
                                         BROOD_MAP(.chunksize = k < 2 ? 1 : 7, .buffersize = 10));
        for (int i = 0; i < COUNT; i++) {
            size_t index = SIZE_MAX;
            int64_t value = -1;
            if (i == 20)
                ASSERT_OK(brood_pool_close(pool));
            if (i == 30)
                ASSERT_OK(brood_pool_join(pool, LONG)); // the rest lies there
            ASSERT_OK(next_number(iterator, &value, &index));
            CU_ASSERT_FATAL(index < COUNT);
            wrong += seen[index] || value != (int64_t)(index * index);
            seen[index] = true;
        }
        CU_ASSERT_EQUAL(wrong, 0);
        check_end(iterator);
        brood_iterator_destroy(iterator);
        brood_pool_destroy(pool);
    }
}

/** What was taken in is given; then the status of the pool, once; then the end. */
static void check_closed(brood_iterator *iterator, stream *s, int status)
{
    int32_t left = s->made - s->given;
    int32_t wrong = 0, made = s->made;
    for (int32_t i = 0; i < left; i++)
        wrong += stream_take(s, iterator) < 0;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, LONG, NULL, NULL), status);
    check_end(iterator);
    CU_ASSERT_EQUAL(s->made, made);
}

static void asks_no_stream_after_close(void)
{
    for (int32_t k = 0; k < 8; k++) {
        brood_pool *pool = pool_of(2);
        stream s = {.total = ENDLESS, .most = 50};
        brood_iterator *iterator =
            begin(both[k % 2], pool, echo, stream_items(&s), BROOD_MAP(.chunksize = 1 + (k > 3)));
        for (int32_t i = 0; i < k; i++)
            CU_ASSERT(stream_take(&s, iterator) >= 0);
        ASSERT_OK(brood_pool_close(pool));
        check_closed(iterator, &s, BROOD_ECLOSED);
        ASSERT_OK(brood_pool_join(pool, LONG));
        brood_iterator_destroy(iterator);
        brood_pool_destroy(pool);
    }
}

// Its last item was taken in before: nothing is missing.
static void says_nothing_of_close_behind_the_end(void)
{
    brood_pool *pool = pool_of(2);
    stream s = {.total = 5, .most = 50};
    brood_iterator *iterator = begin(brood_pool_imap, pool, echo, stream_items(&s), NULL);
    ASSERT_OK(brood_pool_close(pool));
    check_closed(iterator, &s, BROOD_EEND);
    brood_iterator_destroy(iterator);
    ASSERT_OK(brood_pool_join(pool, LONG));
    brood_pool_destroy(pool);
}

/** A stream that ends its pool when it is asked for number `at`. */
typedef struct ender {
    stream s;
    brood_pool *pool;
    int32_t at;
    int (*end)(brood_pool *pool);
    int status;
} ender;

static int ends_the_pool(void *baton, brood_message *item)
{
    ender *e = baton;
    if (e->s.made == e->at)
        e->status = e->end(e->pool);
    return stream_next(&e->s, item);
}

static void a_stream_may_close_its_pool(void)
{
    for (int32_t at = 0; at < 24; at += 4) { // of 16 that it is asked for at once
        brood_pool *pool = pool_of(2);
        ender e = {.s = {.total = ENDLESS, .most = 50},
                   .pool = pool,
                   .at = at,
                   .end = brood_pool_close,
                   .status = -1};
        int given = 0;
        brood_iterator *iterator =
            begin(both[at / 4 % 2], pool, echo, brood_items_generator(ends_the_pool, &e), NULL);
        int status = brood_iterator_next(iterator, LONG, NULL, NULL);
        for (; status == BROOD_OK && given < 100; given++)
            status = brood_iterator_next(iterator, LONG, NULL, NULL);
        ASSERT_OK(e.status);
        CU_ASSERT_EQUAL(status, BROOD_ECLOSED);
        CU_ASSERT_EQUAL(given, at); // that item itself came too late
        check_end(iterator);
        ASSERT_OK(brood_pool_join(pool, LONG));
        brood_iterator_destroy(iterator);
        brood_pool_destroy(pool);
    }
}

static void a_stream_may_terminate_its_pool(void)
{
    for (int32_t at = 0; at < 24; at += 8) {
        brood_pool *pool = pool_of(2);
        ender e = {.s = {.total = ENDLESS, .most = 50},
                   .pool = pool,
                   .at = at,
                   .end = brood_pool_terminate,
                   .status = -1};
        int status = BROOD_OK, given = 0;
        brood_iterator *iterator =
            begin(brood_pool_imap, pool, echo, brood_items_generator(ends_the_pool, &e), NULL);
        for (; status != BROOD_EEND && given < 100; given++) {
            status = brood_iterator_next(iterator, LONG, NULL, NULL);
            CU_ASSERT(status == BROOD_OK || status == BROOD_ETERMINATED || status == BROOD_EEND);
        }
        ASSERT_OK(e.status);
        CU_ASSERT(given >= 1 && given <= at + 2);
        check_end(iterator);
        brood_iterator_destroy(iterator);
        brood_pool_destroy(pool);
    }
}

/* --------------------------------------------------------------- terminate */

/** Takes results out until the end. */
typedef struct taker {
    brood_iterator *iterator;
    int good, bad, other;
} taker;

static void take_all(void *baton)
{
    taker *t = baton;
    int status;
    while ((status = brood_iterator_next(t->iterator, LONG, NULL, NULL)) != BROOD_EEND) {
        t->good += status == BROOD_OK;
        t->bad += status == BROOD_ETERMINATED;
        t->other += status != BROOD_OK && status != BROOD_ETERMINATED;
        if (t->good + t->bad + t->other > 1000)
            return;
    }
}

static void terminate_wakes_who_waits(void)
{
    for (int k = 0; k < 4; k++) {
        brood_pool *pool = NULL;
        gated d;
        taker t = {0};
        brd_thread thread = {0};
        gated_make(&d, 40);
        ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .grace = 200)));
        t.iterator = begin(both[k % 2], pool, k < 2 ? gate_pass : first_waits, gated_items(&d),
                           BROOD_MAP(.buffersize = 6));
        CU_ASSERT(gate_await(&d.g, 0));
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, take_all, &t), 0);
        ASSERT_OK(brood_pool_terminate(pool));
        brd_os_thread_join(&thread);
        // Of an array, items that were not taken in are given up with one status.
        CU_ASSERT(t.bad >= 1 && t.bad <= 7);
        CU_ASSERT(t.good + t.bad <= 40);
        CU_ASSERT_EQUAL(t.other, 0);
        check_end(t.iterator);
        brood_iterator_destroy(t.iterator);
        brood_pool_destroy(pool);
        gated_clear(&d);
    }
}

static int no_license(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return brood_fail("there is no license");
}

static void ends_with_a_broken_pool(void)
{
    brood_pool *pool = NULL;
    brood_iterator *iterator = NULL;
    brood_message result = BROOD_MESSAGE_INIT;
    stream s = {.total = ENDLESS, .most = 50};
    int broken = 0, status;
    ASSERT_OK(brood_pool_create(
        &pool, BROOD_POOL(.processes = 1, .restarts = 1, .initializer = no_license)));
    status = brood_pool_imap(pool, echo, stream_items(&s), BROOD_MAP(.buffersize = 3), &iterator);
    CU_ASSERT(status == BROOD_OK || status == BROOD_EBROKEN); // if it was that fast
    while (status == BROOD_OK || (status == BROOD_EBROKEN && iterator && broken < 100)) {
        status = brood_iterator_next(iterator, LONG, &result, NULL);
        broken += status == BROOD_EBROKEN;
        if (broken == 1 && status == BROOD_EBROKEN && brood_message_error(&result))
            CU_ASSERT_PTR_NOT_NULL(strstr(brood_message_error(&result)->text, "no license"));
    }
    if (iterator) {
        CU_ASSERT(broken >= 1 && broken <= 4);
        CU_ASSERT_EQUAL(s.made, 3);
        check_end(iterator);
    }
    brood_iterator_destroy(iterator);
    brood_message_clear(&result);
    brood_pool_destroy(pool);
}

static const test_case cases[] = {
    TEST_CASE(forgets_what_has_not_begun),
    TEST_CASE(is_destroyed_at_any_moment),
    TEST_CASE(gives_all_of_an_array_after_close),
    TEST_CASE(asks_no_stream_after_close),
    TEST_CASE(says_nothing_of_close_behind_the_end),
    TEST_CASE(a_stream_may_close_its_pool),
    TEST_CASE(a_stream_may_terminate_its_pool),
    TEST_CASE(terminate_wakes_who_waits),
    TEST_CASE(ends_with_a_broken_pool),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "iterator_end", cases);
}
