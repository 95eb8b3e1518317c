/*
 * map: every kind of items, every size of chunks, each item with its own outcome. Run on
 * every system from this one source. The one thing to know: chunks are transport only, so
 * each test runs with all sizes, and none may be seen in the results.
 */
#include "api/pools.h"

enum { ITEMS = 13 };

/** 0: Python's rule; the last is far beyond the count. */
static const size_t chunksizes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 1000};
enum { CHUNKSIZES = sizeof chunksizes / sizeof *chunksizes };

static void maps_numbers(void)
{
    brood_pool *pool = pool_of(2);
    int32_t in[ITEMS];
    for (int32_t i = 0; i < ITEMS; i++)
        in[i] = 1000 * i - 5000;
    for (size_t c = 0; c < CHUNKSIZES; c++) {
        brood_results *results = NULL;
        int64_t value = -1;
        ASSERT_OK(brood_pool_map(pool, square, brood_items_int32(in, ITEMS),
                                 BROOD_MAP(.chunksize = chunksizes[c]), &results));
        CU_ASSERT_EQUAL_FATAL(brood_results_count(results), ITEMS);
        for (size_t i = 0; i < ITEMS; i++) {
            ASSERT_OK(brood_results_status(results, i));
            CU_ASSERT_PTR_NULL(brood_results_error(results, i));
            ASSERT_OK(brood_unpack(brood_results_at(results, i), "x", &value));
            CU_ASSERT_EQUAL(value, (int64_t)in[i] * in[i]);
        }
        brood_results_destroy(results);
    }
    pool_end(pool);
}

static int shout(brood_message *args, brood_message *result)
{
    char out[64];
    const char *text;
    int status = brood_unpack(args, "s", &text);
    if (status)
        return status;
    snprintf(out, sizeof out, "%s!", text);
    return brood_pack(result, "s", out);
}

static void maps_strings(void)
{
    static const char *const in[5] = {"a", "", "gr\xc3\xbc\xc3\x9f", "1234567", "12345678"};
    brood_pool *pool = pool_of(2);
    for (size_t c = 0; c <= 6; c++) {
        brood_results *results = NULL;
        char expected[64];
        const char *text = "";
        ASSERT_OK(brood_pool_map(pool, shout, brood_items_strings(in, 5), BROOD_MAP(.chunksize = c),
                                 &results));
        for (size_t i = 0; i < 5; i++) {
            snprintf(expected, sizeof expected, "%s!", in[i]);
            ASSERT_OK(brood_unpack(brood_results_at(results, i), "s", &text));
            CU_ASSERT_STRING_EQUAL(text, expected);
        }
        brood_results_destroy(results);
    }
    pool_end(pool);
}

typedef struct point {
    double x, y;
    char name[5];
} point;

static int mirror(brood_message *args, brood_message *result)
{
    size_t size;
    const point *in = brood_message_bytes(args, &size);
    point *out = brood_message_reserve(result, sizeof *out);
    if (size != sizeof *in)
        return brood_fail("%u bytes", (unsigned)size);
    *out = (point){.x = in->y, .y = in->x};
    memcpy(out->name, in->name, sizeof out->name);
    return 0;
}

static void maps_structs(void)
{
    brood_pool *pool = pool_of(2);
    point in[ITEMS];
    memset(in, 0, sizeof in);
    for (int i = 0; i < ITEMS; i++) {
        in[i].x = i;
        in[i].y = i / 8.0;
        in[i].name[0] = (char)('a' + i);
    }
    for (size_t c = 0; c < CHUNKSIZES; c++) {
        brood_results *results = NULL;
        ASSERT_OK(brood_pool_map(pool, mirror, brood_items_structs(in, sizeof in[0], ITEMS),
                                 BROOD_MAP(.chunksize = chunksizes[c]), &results));
        for (size_t i = 0; i < ITEMS; i++) {
            size_t size = 0;
            const point *out = brood_message_bytes(brood_results_at(results, i), &size);
            CU_ASSERT_EQUAL_FATAL(size, sizeof *out);
            CU_ASSERT(out->x == in[i].y && out->y == in[i].x);
            CU_ASSERT_STRING_EQUAL(out->name, in[i].name);
        }
        brood_results_destroy(results);
    }
    pool_end(pool);
}

static void maps_structs_of_every_size(void)
{
    static const size_t sizes[] = {1, 3, 7, 8, 9, 100, 5000, 16384, 20001};
    brood_pool *pool = pool_of(2);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t total = 5 * sizes[s];
        unsigned char *in = malloc(total);
        CU_ASSERT_PTR_NOT_NULL_FATAL(in);
        for (size_t i = 0; i < total; i++)
            in[i] = (unsigned char)(i * 7 + i / 251);
        for (size_t c = 1; c <= 6; c++) {
            brood_results *results = NULL;
            ASSERT_OK(brood_pool_map(pool, echo, brood_items_structs(in, sizes[s], 5),
                                     BROOD_MAP(.chunksize = c), &results));
            for (size_t i = 0; i < 5; i++) {
                size_t size = 0;
                const void *out = brood_message_bytes(brood_results_at(results, i), &size);
                CU_ASSERT_EQUAL_FATAL(size, sizes[s]);
                CU_ASSERT_EQUAL(memcmp(out, in + i * sizes[s], size), 0);
            }
            brood_results_destroy(results);
        }
        free(in);
    }
    pool_end(pool);
}

static int add_up(brood_message *args, brood_message *result)
{
    const int32_t *values;
    const char *name;
    size_t count;
    int64_t sum = 0;
    int status = brood_unpack(args, "sai", &name, &values, &count);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return brood_pack(result, "sx", name, sum);
}

static void maps_messages(void)
{
    static const int32_t values[5] = {1, 20, 300, 4000, 50000};
    static const int64_t sums[6] = {0, 1, 21, 321, 4321, 54321};
    brood_pool *pool = pool_of(2);
    brood_message in[6] = {BROOD_MESSAGE_INIT};
    for (size_t i = 0; i < 6; i++)
        ASSERT_OK(brood_pack(&in[i], "sai", "sum", values, i));
    for (size_t c = 0; c <= 7; c++) {
        brood_results *results = NULL;
        const char *name = "";
        int64_t sum = -1;
        ASSERT_OK(brood_pool_map(pool, add_up, brood_items_messages(in, 6),
                                 BROOD_MAP(.chunksize = c), &results));
        for (size_t i = 0; i < 6; i++) {
            ASSERT_OK(brood_unpack(brood_results_at(results, i), "sx", &name, &sum));
            CU_ASSERT_STRING_EQUAL(name, "sum");
            CU_ASSERT_EQUAL(sum, sums[i]);
        }
        brood_results_destroy(results);
    }
    for (size_t i = 0; i < 6; i++)
        brood_message_clear(&in[i]);
    pool_end(pool);
}

static void maps_empty_messages(void)
{
    brood_pool *pool = pool_of(2);
    brood_message in[4] = {BROOD_MESSAGE_INIT};
    brood_results *results = NULL;
    size_t size = 9;
    ASSERT_OK(brood_pool_map(pool, echo, brood_items_messages(in, 4), BROOD_MAP(.chunksize = 3),
                             &results));
    for (size_t i = 0; i < 4; i++) {
        (void)brood_message_bytes(brood_results_at(results, i), &size);
        CU_ASSERT_EQUAL(size, 0);
    }
    brood_results_destroy(results);
    pool_end(pool);
}

static void maps_nothing(void)
{
    brood_pool *pool = pool_of(1);
    const int32_t in[1] = {0};
    for (size_t c = 0; c < 3; c++) {
        brood_results *results = NULL;
        ASSERT_OK(brood_pool_map(pool, square, brood_items_int32(c ? in : NULL, 0),
                                 BROOD_MAP(.chunksize = c), &results));
        CU_ASSERT_PTR_NOT_NULL(results);
        CU_ASSERT_EQUAL(brood_results_count(results), 0);
        brood_results_destroy(results);
    }
    pool_end(pool);
}

/* ---------------------------------------------------------------- failures */

static void fails_item_by_item(void)
{
    brood_pool *pool = pool_of(2);
    int32_t in[ITEMS];
    for (int32_t i = 0; i < ITEMS; i++)
        in[i] = i;
    for (size_t c = 0; c < CHUNKSIZES; c++) {
        brood_results *results = NULL;
        CU_ASSERT_EQUAL(brood_pool_map(pool, odd_fails, brood_items_int32(in, ITEMS),
                                       BROOD_MAP(.chunksize = chunksizes[c]), &results),
                        BROOD_ETASK);
        CU_ASSERT_EQUAL_FATAL(brood_results_count(results), ITEMS);
        for (size_t i = 0; i < ITEMS; i++) {
            const brood_error *error = brood_results_error(results, i);
            char text[32];
            int64_t value = -1;
            snprintf(text, sizeof text, "%d is odd", (int)i);
            CU_ASSERT_EQUAL(brood_results_status(results, i), i % 2 ? BROOD_ETASK : BROOD_OK);
            CU_ASSERT_EQUAL(error != NULL, i % 2);
            if (error)
                CU_ASSERT_STRING_EQUAL(error->text, text);
            CU_ASSERT_EQUAL(brood_unpack(brood_results_at(results, i), "x", &value),
                            i % 2 ? BROOD_ETASK : BROOD_OK);
            CU_ASSERT_EQUAL(value, i % 2 ? -1 : (int64_t)i);
        }
        brood_results_destroy(results);
    }
    pool_end(pool);
}

static void answers_beyond_the_end(void)
{
    brood_pool *pool = pool_of(1);
    const int32_t in[2] = {2, 4};
    brood_results *results = NULL;
    int64_t value;
    ASSERT_OK(brood_pool_map(pool, square, brood_items_int32(in, 2), NULL, &results));
    CU_ASSERT_EQUAL(brood_results_status(results, 2), BROOD_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(brood_results_error(results, 2));
    CU_ASSERT_EQUAL(brood_unpack(brood_results_at(results, 2), "x", &value), BROOD_EINVAL);
    ASSERT_OK(brood_unpack(brood_results_at(results, 1), "x", &value));
    CU_ASSERT_EQUAL(value, 16);
    brood_results_destroy(results);
    brood_results_destroy(NULL);
    CU_ASSERT_EQUAL(brood_results_count(NULL), 0);
    pool_end(pool);
}

static void refuses_nonsense(void)
{
    brood_pool *pool = pool_of(1);
    const int32_t in[2] = {2, 4};
    brood_results *results = NULL;
    brood_items zero = {0};
    CU_ASSERT_EQUAL(brood_pool_map(NULL, square, brood_items_int32(in, 2), NULL, &results),
                    BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_map(pool, square, brood_items_int32(NULL, 2), NULL, &results),
                    BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_map(pool, square, brood_items_structs(in, 0, 2), NULL, &results),
                    BROOD_EINVAL);
    zero.data = in;
    zero.count = 2;
    CU_ASSERT_EQUAL(brood_pool_map(pool, square, zero, NULL, &results), BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(results);
    pool_end(pool);
}

/* ---------------------------------------------------------------- progress */

typedef struct heard {
    size_t last, calls, count;
    bool backwards;
} heard;

static void hear(size_t done, size_t count, void *baton)
{
    heard *h = baton;
    h->backwards = h->backwards || done <= h->last || done > count;
    h->last = done;
    h->count = count;
    h->calls++;
}

static void reports_progress(void)
{
    brood_pool *pool = pool_of(2);
    int32_t in[200];
    for (int32_t i = 0; i < 200; i++)
        in[i] = i;
    for (size_t c = 0; c < 4; c++) {
        heard h = {0};
        brood_results *results = NULL;
        (void)brood_pool_map(pool, c % 2 ? square : odd_fails, brood_items_int32(in, 200),
                             BROOD_MAP(.chunksize = c * 60, .progress = hear, .baton = &h),
                             &results);
        CU_ASSERT_EQUAL(h.last, 200);
        CU_ASSERT_EQUAL(h.count, 200);
        CU_ASSERT(h.calls >= 1 && h.calls <= 200);
        CU_ASSERT_FALSE(h.backwards);
        brood_results_destroy(results);
    }
    pool_end(pool);
}

typedef struct busy_baton {
    brood_pool *pool;
    int64_t sum;
    size_t calls;
} busy_baton;

static void work_meanwhile(size_t done, size_t count, void *baton)
{
    busy_baton *b = baton;
    (void)done;
    (void)count;
    b->sum += apply_number(b->pool, square, 2);
    b->calls++;
}

static void progress_may_use_the_pool(void)
{
    brood_pool *pool = pool_of(2);
    int32_t in[50] = {0};
    busy_baton b = {.pool = pool};
    brood_results *results = NULL;
    ASSERT_OK(brood_pool_map(pool, square, brood_items_int32(in, 50),
                             BROOD_MAP(.chunksize = 1, .progress = work_meanwhile, .baton = &b),
                             &results));
    CU_ASSERT(b.calls >= 1);
    CU_ASSERT_EQUAL(b.sum, (int64_t)b.calls * 4);
    brood_results_destroy(results);
    pool_end(pool);
}

/* -------------------------------------------------------------------- many */

static void check_squares(brood_pool *pool, const int32_t *in, size_t count, size_t chunksize)
{
    brood_results *results = NULL;
    size_t wrong = 0;
    ASSERT_OK(brood_pool_map(pool, square, brood_items_int32(in, count),
                             BROOD_MAP(.chunksize = chunksize), &results));
    for (size_t i = 0; i < count; i++) {
        int64_t value = -1;
        wrong += brood_unpack(brood_results_at(results, i), "x", &value) != BROOD_OK ||
                 value != (int64_t)in[i] * in[i];
    }
    CU_ASSERT_EQUAL(wrong, 0);
    brood_results_destroy(results);
}

static void maps_very_many(void)
{
    enum { MANY = 100000 };
    brood_pool *pool = pool_of(2);
    int32_t *in = malloc(MANY * sizeof *in);
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    for (int32_t i = 0; i < MANY; i++)
        in[i] = i;
    check_squares(pool, in, MANY, 0);
    check_squares(pool, in, MANY, 1);
    check_squares(pool, in, MANY, 7777);
    check_squares(pool, in, MANY, MANY);
    free(in);
    pool_end(pool);
}

static int inflate(brood_message *args, brood_message *result)
{
    int32_t size;
    int status = brood_unpack(args, "i", &size);
    unsigned char *out = status ? NULL : brood_message_reserve(result, (size_t)size);
    if (status || !out)
        return status ? status : BROOD_ENOMEM;
    for (int32_t i = 0; i < size; i++)
        out[i] = (unsigned char)(i + size);
    return 0;
}

// More long results in a chunk than there are blocks for them.
static void maps_to_long_results(void)
{
    enum { LONG = 20 };
    brood_pool *pool = pool_of(2);
    int32_t in[LONG];
    for (int32_t i = 0; i < LONG; i++)
        in[i] = 100000 + i;
    for (size_t c = 1; c <= LONG; c += 19) {
        brood_results *results = NULL;
        ASSERT_OK(brood_pool_map(pool, inflate, brood_items_int32(in, LONG),
                                 BROOD_MAP(.chunksize = c), &results));
        for (size_t i = 0; i < LONG; i++) {
            size_t size = 0, wrong = 0;
            const unsigned char *out = brood_message_bytes(brood_results_at(results, i), &size);
            CU_ASSERT_EQUAL_FATAL(size, (size_t)in[i]);
            for (size_t k = 0; k < size; k++)
                wrong += out[k] != (unsigned char)(k + size);
            CU_ASSERT_EQUAL(wrong, 0);
        }
        brood_results_destroy(results);
    }
    pool_end(pool);
}

typedef struct mapper {
    brood_pool *pool;
    int32_t in[300];
} mapper;

static void map_in_a_thread(void *baton)
{
    mapper *m = baton;
    for (size_t chunk = 0; chunk < 8; chunk++)
        check_squares(m->pool, m->in, 300, chunk);
}

static void maps_from_several_threads(void)
{
    enum { THREADS = 5 };
    static mapper mappers[THREADS];
    brd_thread threads[THREADS] = {{0}};
    brood_pool *pool = pool_of(3);
    for (int t = 0; t < THREADS; t++) {
        mappers[t].pool = pool;
        for (int32_t i = 0; i < 300; i++)
            mappers[t].in[i] = 1000 * t + i;
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[t], map_in_a_thread, &mappers[t]), 0);
    }
    for (int t = 0; t < THREADS; t++)
        brd_os_thread_join(&threads[t]);
    pool_end(pool);
}

static const test_case cases[] = {
    TEST_CASE(maps_numbers),
    TEST_CASE(maps_strings),
    TEST_CASE(maps_structs),
    TEST_CASE(maps_structs_of_every_size),
    TEST_CASE(maps_messages),
    TEST_CASE(maps_empty_messages),
    TEST_CASE(maps_nothing),
    TEST_CASE(fails_item_by_item),
    TEST_CASE(answers_beyond_the_end),
    TEST_CASE(refuses_nonsense),
    TEST_CASE(reports_progress),
    TEST_CASE(progress_may_use_the_pool),
    TEST_CASE(maps_very_many),
    TEST_CASE(maps_to_long_results),
    TEST_CASE(maps_from_several_threads),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "map", cases);
}
