/*
 * Maps into an array of the caller's, and what a call copies. Run on every system from
 * this one source. The one thing to know: an element that has no result keeps what the
 * caller had put there.
 */
#include "api/streams.h"

typedef struct pair {
    int64_t square;
    int64_t number;
} pair;

static int to_pair(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    const pair out = {.square = (int64_t)n * n, .number = n};
    return status ? status : brood_message_set(result, &out, sizeof out);
}

/** How many elements from `first` on are not what to_pair makes of them. */
static size_t wrong_pairs(const pair *out, const int32_t *in, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += out[i].number != in[i] || out[i].square != (int64_t)in[i] * in[i];
    return wrong;
}

static void writes_a_million_structs(void)
{
    enum { COUNT = 1000000 };
    brood_pool *pool = pool_of(2);
    int32_t *in = malloc(COUNT * sizeof *in);
    pair *out = calloc(COUNT, sizeof *out);
    CU_ASSERT_FATAL(in && out);
    for (int32_t i = 0; i < COUNT; i++)
        in[i] = 3 * i - COUNT;
    ASSERT_OK(brood_pool_map(pool, to_pair, brood_items_int32(in, COUNT),
                             BROOD_MAP(.into = out, .into_size = sizeof *out), NULL));
    CU_ASSERT_EQUAL(wrong_pairs(out, in, COUNT), 0);
    free(in);
    free(out);
    pool_end(pool);
}

static void writes_in_chunks_of_every_size(void)
{
    enum { COUNT = 50 };
    brood_pool *pool = pool_of(2);
    int32_t in[COUNT];
    count_up(in, COUNT);
    for (size_t chunk = 0; chunk <= COUNT + 1; chunk++) {
        pair out[COUNT + 2];
        brood_results *results = NULL;
        memset(out, 0x5a, sizeof out);
        ASSERT_OK(brood_pool_map(
            pool, to_pair, brood_items_int32(in, COUNT),
            BROOD_MAP(.chunksize = chunk, .into = out + 1, .into_size = sizeof *out), &results));
        CU_ASSERT_EQUAL(wrong_pairs(out + 1, in, COUNT), 0);
        CU_ASSERT(out[0].number == 0x5a5a5a5a5a5a5a5a && out[COUNT + 1].number == out[0].number);
        CU_ASSERT_EQUAL_FATAL(brood_results_count(results), COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            ASSERT_OK(brood_results_status(results, i));
            CU_ASSERT_PTR_NULL(brood_results_error(results, i));
        }
        brood_results_destroy(results);
    }
    pool_end(pool);
}

/** As to_pair, but every third fails, and of every fifth the result is too long or short. */
static int sometimes_a_pair(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    if (status)
        return status;
    if (n % 3 == 1)
        return brood_fail("%d fails", (int)n);
    brood_message_rewind(args);
    status = to_pair(args, result);
    if (n % 5 == 2)
        status = brood_message_reserve(result, n % 2 ? sizeof(pair) + 1 : sizeof(pair) - 1)
                     ? 0
                     : BROOD_ENOMEM;
    return status;
}

static int expected_status(int32_t n)
{
    if (n % 3 == 1)
        return BROOD_ETASK;
    return n % 5 == 2 ? BROOD_ETYPE : BROOD_OK;
}

static void a_result_of_another_length_fails_alone(void)
{
    enum { COUNT = 60 };
    brood_pool *pool = pool_of(2);
    int32_t in[COUNT];
    count_up(in, COUNT);
    for (size_t chunk = 1; chunk <= COUNT; chunk += 13) {
        pair out[COUNT];
        brood_results *results = NULL;
        int wrong = 0, seen = 0;
        memset(out, 0x5a, sizeof out);
        CU_ASSERT_EQUAL(
            brood_pool_map(pool, sometimes_a_pair, brood_items_int32(in, COUNT),
                           BROOD_MAP(.chunksize = chunk, .into = out, .into_size = sizeof *out),
                           &results),
            BROOD_ETASK); // that of the first, number 1
        CU_ASSERT_EQUAL_FATAL(brood_results_count(results), COUNT);
        for (int32_t i = 0; i < COUNT; i++) {
            int expected = expected_status(i);
            const brood_error *error = brood_results_error(results, (size_t)i);
            wrong += brood_results_status(results, (size_t)i) != expected;
            wrong += (error != NULL) != (expected != BROOD_OK);
            wrong += error && (error->status != expected || !*error->text);
            wrong += expected ? out[i].number != 0x5a5a5a5a5a5a5a5a
                              : wrong_pairs(out + i, in + i, 1) != 0;
            seen += expected == BROOD_ETYPE;
        }
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_EQUAL(seen, 8);
        brood_results_destroy(results);
    }
    pool_end(pool);
}

static void an_element_has_a_length(void)
{
    brood_pool *pool = pool_of(2);
    const int32_t in[4] = {1, 2, 3, 4};
    pair out[4];
    brood_results *results = NULL;
    memset(out, 0x5a, sizeof out);
    CU_ASSERT_EQUAL(brood_pool_map(pool, square, brood_items_int32(in, 4),
                                   BROOD_MAP(.into = out, .into_size = sizeof *out), NULL),
                    BROOD_ETYPE); // an "x" is no pair
    CU_ASSERT_EQUAL(out[0].number, 0x5a5a5a5a5a5a5a5a);
    CU_ASSERT_EQUAL(
        brood_pool_map(pool, to_pair, brood_items_int32(in, 4), BROOD_MAP(.into = out), &results),
        BROOD_EINVAL); // how long is one?
    CU_ASSERT_PTR_NULL(results);
    ASSERT_OK(brood_pool_map(pool, to_pair, brood_items_int32(in, 4), NULL, NULL));
    pool_end(pool);
}

static void writes_for_map_async_too(void)
{
    enum { COUNT = 200 };
    brood_pool *pool = pool_of(2);
    int32_t in[COUNT];
    pair out[COUNT] = {{0}};
    brood_future *future = NULL;
    count_up(in, COUNT);
    ASSERT_OK(brood_pool_map_async(pool, to_pair, brood_items_int32(in, COUNT),
                                   BROOD_MAP(.into = out, .into_size = sizeof *out), &future));
    ASSERT_OK(brood_future_get(future, LONG, NULL));
    CU_ASSERT_EQUAL(wrong_pairs(out, in, COUNT), 0);
    CU_ASSERT_EQUAL(brood_results_count(brood_future_results(future)), COUNT);
    brood_future_destroy(future);
    pool_end(pool);
}

/* ----------------------------------------------------------------- copying */

/** A map_async that cannot have begun: its only worker stands at a gate. */
static brood_future *behind_a_gate(brood_pool *pool, brood_items items)
{
    brood_future *future = NULL;
    ASSERT_OK(brood_pool_map_async(pool, echo, items, BROOD_MAP(.chunksize = 3), &future));
    return future;
}

/** Its results are the bytes of these messages. */
static void check_echo(brood_future *future, const brood_message *expected, size_t count)
{
    ASSERT_OK(brood_future_get(future, LONG, NULL));
    brood_results *results = brood_future_results(future);
    CU_ASSERT_EQUAL_FATAL(brood_results_count(results), count);
    for (size_t i = 0; i < count; i++) {
        size_t size, wanted;
        const void *bytes = brood_message_bytes(brood_results_at(results, i), &size);
        const void *those = brood_message_bytes(&expected[i], &wanted);
        CU_ASSERT(size == wanted && memcmp(bytes, those, size) == 0);
    }
    brood_future_destroy(future);
}

static brood_future *map_local_numbers(brood_pool *pool, brood_message *expected)
{
    int32_t in[4] = {5, -6, 70000, INT32_MIN};
    for (int i = 0; i < 4; i++)
        ASSERT_OK(brood_pack(&expected[i], "i", in[i]));
    brood_future *future = behind_a_gate(pool, brood_items_int32(in, 4));
    memset(in, 0x5a, sizeof in);
    return future;
}

static brood_future *map_local_strings(brood_pool *pool, brood_message *expected)
{
    char texts[4][16] = {"one", "", "three", "four and more"};
    const char *in[4] = {texts[0], texts[1], texts[2], texts[3]};
    for (int i = 0; i < 4; i++)
        ASSERT_OK(brood_pack(&expected[i], "s", in[i]));
    brood_future *future = behind_a_gate(pool, brood_items_strings(in, 4));
    memset(texts, 'Z', sizeof texts);
    memset(in, 0, sizeof in);
    return future;
}

static brood_future *map_local_structs(brood_pool *pool, brood_message *expected)
{
    pair in[4] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};
    for (int i = 0; i < 4; i++)
        ASSERT_OK(brood_message_set(&expected[i], &in[i], sizeof in[i]));
    brood_future *future = behind_a_gate(pool, brood_items_structs(in, sizeof in[0], 4));
    memset(in, 0x5a, sizeof in);
    return future;
}

static brood_future *map_local_messages(brood_pool *pool, brood_message *expected)
{
    brood_message in[4] = {BROOD_MESSAGE_INIT};
    for (int i = 0; i < 4; i++) {
        ASSERT_OK(brood_pack(&in[i], "six", "a text that is longer than a message", i,
                             INT64_C(1) << (9 * i)));
        ASSERT_OK(brood_pack(&expected[i], "six", "a text that is longer than a message", i,
                             INT64_C(1) << (9 * i)));
    }
    brood_future *future = behind_a_gate(pool, brood_items_messages(in, 4));
    for (int i = 0; i < 4; i++) {
        memset(brood_message_reserve(&in[i], 60), 0x5a, 60);
        brood_message_clear(&in[i]);
    }
    return future;
}

static void copies_what_map_async_gets(void)
{
    brood_future *(*const ways[4])(brood_pool *, brood_message *) = {
        map_local_numbers, map_local_strings, map_local_structs, map_local_messages};
    for (int w = 0; w < 4; w++) {
        brood_pool *pool = pool_of(1);
        brood_message expected[4] = {BROOD_MESSAGE_INIT};
        gate g;
        gate_make(&g);
        brood_future *held = stand_at_gate(pool, &g, 0);
        brood_future *future = ways[w](pool, expected);
        gate_open(&g);
        check_echo(future, expected, 4);
        ASSERT_OK(brood_future_wait(held, LONG));
        brood_future_destroy(held);
        for (int i = 0; i < 4; i++)
            brood_message_clear(&expected[i]);
        pool_end(pool);
        gate_remove(&g, 1);
    }
}

static void maps_what_a_stream_gives(void)
{
    brood_pool *pool = pool_of(2);
    for (int32_t count = 0; count <= 70; count += 35) {
        stream s = {.total = count, .most = 300};
        brood_results *results = NULL;
        brood_future *future = NULL;
        int32_t wrong = 0;
        ASSERT_OK(brood_pool_map(pool, echo, stream_items(&s), NULL, &results));
        CU_ASSERT_EQUAL_FATAL(brood_results_count(results), (size_t)count);
        for (int32_t i = 0; i < count; i++)
            wrong += stream_number(&s, brood_results_at(results, (size_t)i)) != i;
        brood_results_destroy(results);
        s.made = 0;
        s.ended = false;
        ASSERT_OK(brood_pool_map_async(pool, echo, stream_items(&s), NULL, &future));
        CU_ASSERT_EQUAL(s.made, count); // all of it, before the call is back
        ASSERT_OK(brood_future_get(future, LONG, NULL));
        for (int32_t i = 0; i < count; i++)
            wrong +=
                stream_number(&s, brood_results_at(brood_future_results(future), (size_t)i)) != i;
        brood_future_destroy(future);
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_EQUAL(s.after_end, 0);
    }
    pool_end(pool);
}

static void a_stream_that_fails_makes_no_map(void)
{
    brood_pool *pool = pool_of(1);
    for (int32_t good = 0; good < 130; good += 64) {
        stream s = {.total = good, .failure = SAID_WHEN, .most = 300};
        brood_results *results = NULL;
        brood_future *future = NULL;
        CU_ASSERT_EQUAL(brood_pool_map(pool, echo, stream_items(&s), NULL, &results), SAID_WHEN);
        CU_ASSERT_PTR_NULL(results);
        s = (stream){.total = good, .failure = SAID_WHEN, .most = 300};
        CU_ASSERT_EQUAL(brood_pool_map_async(pool, echo, stream_items(&s), NULL, &future),
                        SAID_WHEN);
        CU_ASSERT_PTR_NULL(future);
    }
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    pool_end(pool);
}

static const test_case cases[] = {
    TEST_CASE(writes_a_million_structs),
    TEST_CASE(writes_in_chunks_of_every_size),
    TEST_CASE(a_result_of_another_length_fails_alone),
    TEST_CASE(an_element_has_a_length),
    TEST_CASE(writes_for_map_async_too),
    TEST_CASE(copies_what_map_async_gets),
    TEST_CASE(maps_what_a_stream_gives),
    TEST_CASE(a_stream_that_fails_makes_no_map),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "into", cases);
}
