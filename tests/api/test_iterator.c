/*
 * Iterators: what is taken in, how much of it, and in which order results come out. Run on
 * every system from this one source. The one thing to know: a slow consumer is one that
 * waits until the pool has nothing to do; then only the buffer can hold the stream back.
 */
#include "api/streams.h"

/* -------------------------------------------------------------- look-ahead */

/** After every result the buffer is full again, and never fuller. */
static void check_look_ahead(brood_pool *pool, imap *how, size_t chunk, int32_t buffer)
{
    stream s = {.total = ENDLESS, .most = 4};
    int32_t wrong = 0;
    brood_iterator *iterator = begin(how, pool, echo, stream_items(&s),
                                     BROOD_MAP(.chunksize = chunk, .buffersize = (size_t)buffer));
    wrong += s.made != buffer;
    for (int32_t i = 0; i < 25; i++) {
        int32_t number = stream_take(&s, iterator);
        wrong += number < 0 || (how == brood_pool_imap && number != i);
        CU_ASSERT(await_idle(pool));
        wrong += s.made - s.given != buffer;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(s.deepest <= buffer + 1);
    brood_iterator_destroy(iterator);
}

static void asks_for_no_more_than_the_buffer_holds(void)
{
    static const struct {
        size_t chunk;
        int32_t buffer;
    } rows[] = {{1, 1}, {1, 2}, {1, 16}, {2, 5}, {3, 6}, {4, 2}, {7, 30}, {100, 100}, {1000, 9}};
    brood_pool *pool = pool_of(2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 0; k < 2; k++)
            check_look_ahead(pool, both[k], rows[i].chunk, rows[i].buffer);
    pool_end(pool);
}

// 2 * workers * chunksize, at least 16, as the face says.
static void has_a_buffer_by_default(void)
{
    static const struct {
        size_t chunk;
        int32_t buffer;
    } rows[] = {{0, 16}, {1, 16}, {4, 16}, {5, 20}, {50, 200}};
    brood_pool *pool = pool_of(2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stream s = {.total = ENDLESS, .most = 4};
        brood_iterator *iterator = begin(brood_pool_imap, pool, echo, stream_items(&s),
                                         BROOD_MAP(.chunksize = rows[i].chunk));
        CU_ASSERT_EQUAL(s.made, rows[i].buffer);
        brood_iterator_destroy(iterator);
    }
    pool_end(pool);
}

/** `count` items of changing length: no more bytes are ever out than a full buffer has. */
static void check_memory(brood_pool *pool, imap *how, size_t chunk, int32_t count)
{
    enum { BUFFER = 24, MOST = 2000 };
    stream s = {.total = ENDLESS, .most = MOST};
    int32_t wrong = 0;
    brood_iterator *iterator = begin(how, pool, echo, stream_items(&s),
                                     BROOD_MAP(.chunksize = chunk, .buffersize = BUFFER));
    for (int32_t i = 0; i < count; i++) {
        int32_t number = stream_take(&s, iterator);
        wrong += number < 0 || (how == brood_pool_imap && number != i);
        wrong += s.made - s.given > BUFFER;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(s.deepest <= BUFFER + 1);
    CU_ASSERT(s.most_live <= (BUFFER + 1) * MOST);
    CU_ASSERT(s.most_live > MOST); // it did work ahead
    brood_iterator_destroy(iterator);
}

static void stays_small_over_many_items(void)
{
    brood_pool *pool = pool_of(2);
    check_memory(pool, brood_pool_imap, 1, 20000);
    check_memory(pool, brood_pool_imap_unordered, 7, 20000);
    check_memory(pool, brood_pool_imap, 24, 3000);
    check_memory(pool, brood_pool_imap_unordered, 1, 3000);
    pool_end(pool);
}

/* ------------------------------------------------------------------- bytes */

enum { MIB = 1024 * 1024 };

static void check_bytes(brood_pool *pool, imap *how, size_t chunk, size_t bound, int32_t most)
{
    enum { ITEMS = 24 };
    stream s = {.total = ITEMS, .most = MIB, .even = true};
    bool seen[ITEMS] = {false};
    int32_t wrong = 0, deepest;
    brood_iterator *iterator =
        begin(how, pool, echo, stream_items(&s),
              BROOD_MAP(.chunksize = chunk, .buffersize = 1000, .buffer_bytes = bound));
    deepest = s.made;
    for (int32_t i = 0; i < ITEMS; i++) {
        int32_t number = stream_take(&s, iterator);
        wrong += number < 0 || seen[number] || (how == brood_pool_imap && number != i);
        if (number >= 0)
            seen[number] = true;
        deepest = s.made - s.given > deepest ? s.made - s.given : deepest;
    }
    check_end(iterator);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(deepest, most); // not more, and not one by one either
    CU_ASSERT(s.deepest <= most + 1);
    brood_iterator_destroy(iterator);
}

static void bounds_the_bytes_of_large_items(void)
{
    brood_pool *pool = pool_of(2);
    for (int k = 0; k < 2; k++) {
        check_bytes(pool, both[k], 1, 4 * MIB, 4);
        check_bytes(pool, both[k], 3, 4 * MIB, 4);
        check_bytes(pool, both[k], 1, 4 * MIB - 1, 4); // from which on: the last one goes beyond
        check_bytes(pool, both[k], 1, 1, 1);           // one always has room
    }
    pool_end(pool);
}

static int inflate(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    unsigned char *out = status ? NULL : brood_message_reserve(result, MIB);
    if (status || !out)
        return status ? status : BROOD_ENOMEM;
    memset(out, n & 0xff, MIB);
    return 0;
}

/** The length of the next result, which is filled with one byte. */
static size_t size_of_next(brood_iterator *iterator, unsigned char filler)
{
    brood_message result = BROOD_MESSAGE_INIT;
    size_t size = 0, wrong = 0;
    ASSERT_OK(brood_iterator_next(iterator, LONG, &result, NULL));
    const unsigned char *bytes = brood_message_bytes(&result, &size);
    for (size_t i = 0; i < size; i++)
        wrong += bytes[i] != filler;
    CU_ASSERT_EQUAL(wrong, 0);
    brood_message_clear(&result);
    return size;
}

// Small items whose results are large: once those lie there, nothing more is taken in.
static void bounds_the_bytes_of_large_results(void)
{
    brood_pool *pool = pool_of(2);
    stream s = {.total = ENDLESS};
    brood_iterator *iterator = begin(brood_pool_imap, pool, inflate, stream_items(&s),
                                     BROOD_MAP(.buffersize = 6, .buffer_bytes = 2 * MIB));
    CU_ASSERT_EQUAL(s.made, 6); // nobody can know yet how large results will be
    CU_ASSERT(await_idle(pool));
    for (int32_t i = 0; i < 12; i++) {
        CU_ASSERT_EQUAL(size_of_next(iterator, (unsigned char)i), MIB);
        s.given++;
        CU_ASSERT(await_idle(pool));
        // Of six results of 1 MiB four have to go before there is room again.
        CU_ASSERT(s.made - s.given <= (i < 4 ? 6 - 1 - i : 6));
    }
    CU_ASSERT(s.made > 12);
    brood_iterator_destroy(iterator);
    pool_end(pool);
}

static int of_100_kib(brood_message *args, brood_message *result)
{
    enum { LENGTH = 100 * 1024 };
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    unsigned char *out = status ? NULL : brood_message_reserve(result, LENGTH);
    if (status || !out)
        return status ? status : BROOD_ENOMEM;
    memset(out, n & 0xff, LENGTH);
    return 0;
}

static void gives_large_results(void)
{
    brood_pool *pool = pool_of(2);
    int32_t in[150];
    count_up(in, 150);
    for (size_t chunk = 1; chunk <= 50; chunk += 49) {
        brood_iterator *iterator =
            begin(brood_pool_imap, pool, of_100_kib, brood_items_int32(in, 150),
                  BROOD_MAP(.chunksize = chunk, .buffersize = 60));
        for (int32_t i = 0; i < 150; i++)
            CU_ASSERT_EQUAL(size_of_next(iterator, (unsigned char)i), 100 * 1024);
        check_end(iterator);
        brood_iterator_destroy(iterator);
    }
    pool_end(pool);
}

/* -------------------------------------------------------------------- kinds */

static void check_same(imap *how, brood_pool *pool, brood_items items, const void *const *bytes,
                       const size_t *sizes)
{
    enum { MOST = 8 };
    for (size_t chunk = 0; chunk <= items.count + 1; chunk++) {
        bool seen[MOST] = {false};
        brood_message result = BROOD_MESSAGE_INIT;
        brood_iterator *iterator = begin(how, pool, echo, items, BROOD_MAP(.chunksize = chunk));
        for (size_t i = 0; i < items.count; i++) {
            size_t index = SIZE_MAX, size = SIZE_MAX;
            ASSERT_OK(brood_iterator_next(iterator, LONG, &result, &index));
            CU_ASSERT_FATAL(index < items.count && (how != brood_pool_imap || index == i));
            CU_ASSERT_FALSE(seen[index]);
            seen[index] = true;
            const void *out = brood_message_bytes(&result, &size);
            CU_ASSERT_EQUAL_FATAL(size, sizes[index]);
            CU_ASSERT(size == 0 || memcmp(out, bytes[index], size) == 0);
        }
        check_end(iterator);
        brood_iterator_destroy(iterator);
        brood_message_clear(&result);
    }
}

/** Every item, packed by hand as its constructor promises, is what comes back. */
static void check_kind(brood_items items, const brood_message *packed)
{
    const void *bytes[8];
    size_t sizes[8];
    brood_pool *pool = pool_of(2);
    for (size_t i = 0; i < items.count; i++)
        bytes[i] = brood_message_bytes(&packed[i], &sizes[i]);
    for (int k = 0; k < 2; k++)
        check_same(both[k], pool, items, bytes, sizes);
    pool_end(pool);
}

static void takes_numbers(void)
{
    static const int32_t in[5] = {0, -1, INT32_MAX, INT32_MIN, 300};
    brood_message packed[5] = {BROOD_MESSAGE_INIT};
    for (int i = 0; i < 5; i++)
        ASSERT_OK(brood_pack(&packed[i], "i", in[i]));
    check_kind(brood_items_int32(in, 5), packed);
    for (int i = 0; i < 5; i++)
        brood_message_clear(&packed[i]);
}

static void takes_strings(void)
{
    static const char *const in[4] = {"", "a", "gr\xc3\xbc\xc3\x9f", "a longer one, with room"};
    brood_message packed[4] = {BROOD_MESSAGE_INIT};
    for (int i = 0; i < 4; i++)
        ASSERT_OK(brood_pack(&packed[i], "s", in[i]));
    check_kind(brood_items_strings(in, 4), packed);
    for (int i = 0; i < 4; i++)
        brood_message_clear(&packed[i]);
}

typedef struct odd_size {
    char bytes[13];
} odd_size;

static void takes_structs(void)
{
    static const odd_size in[3] = {{"twelve chars"}, {""}, {"x"}};
    brood_message packed[3] = {BROOD_MESSAGE_INIT};
    for (int i = 0; i < 3; i++)
        ASSERT_OK(brood_message_set(&packed[i], &in[i], sizeof in[i]));
    check_kind(brood_items_structs(in, sizeof in[0], 3), packed);
    for (int i = 0; i < 3; i++)
        brood_message_clear(&packed[i]);
}

static void takes_messages(void)
{
    brood_message in[6] = {BROOD_MESSAGE_INIT};
    for (int i = 1; i < 5; i++) // the first one is empty
        ASSERT_OK(brood_pack(&in[i], "sd", "number", i / 2.0));
    CU_ASSERT_PTR_NOT_NULL_FATAL(brood_message_reserve(&in[5], 20000));
    memset(brood_message_reserve(&in[5], 20000), 7, 20000);
    check_kind(brood_items_messages(in, 6), in);
    for (int i = 0; i < 6; i++)
        brood_message_clear(&in[i]);
}

// An array may be gone as soon as the call is back, also what the buffer has no room for.
static void copies_arrays(void)
{
    enum { COUNT = 100 };
    brood_pool *pool = pool_of(2);
    for (int k = 0; k < 2; k++) {
        int32_t in[COUNT];
        int64_t value = -1, sum = 0;
        count_up(in, COUNT);
        brood_iterator *iterator =
            begin(both[k], pool, square, brood_items_int32(in, COUNT), BROOD_MAP(.buffersize = 2));
        memset(in, 0x5a, sizeof in);
        for (int i = 0; i < COUNT; i++) {
            ASSERT_OK(next_number(iterator, &value, NULL));
            sum += value;
        }
        CU_ASSERT_EQUAL(sum, (int64_t)(COUNT - 1) * COUNT * (2 * COUNT - 1) / 6);
        check_end(iterator);
        brood_iterator_destroy(iterator);
    }
    pool_end(pool);
}

static void takes_nothing(void)
{
    brood_pool *pool = pool_of(1);
    const int32_t in[1] = {0};
    for (int k = 0; k < 2; k++) {
        stream none = {.total = 0};
        brood_iterator *iterator = begin(both[k], pool, square, stream_items(&none), NULL);
        check_end(iterator);
        CU_ASSERT_EQUAL(none.after_end, 0);
        brood_iterator_destroy(iterator);
        iterator = begin(both[k], pool, square, brood_items_int32(k ? in : NULL, 0), NULL);
        check_end(iterator);
        brood_iterator_destroy(iterator);
    }
    brood_iterator_destroy(NULL);
    CU_ASSERT_EQUAL(brood_iterator_next(NULL, 0, NULL, NULL), BROOD_EINVAL);
    pool_end(pool);
}

static void refuses_nonsense(void)
{
    brood_pool *pool = pool_of(1);
    const int32_t in[2] = {1, 2};
    brood_items items = brood_items_int32(in, 2);
    for (int k = 0; k < 2; k++) {
        brood_iterator *iterator = NULL;
        imap *how = both[k];
        CU_ASSERT_EQUAL(how(NULL, square, items, NULL, &iterator), BROOD_EINVAL);
        CU_ASSERT_EQUAL(how(pool, NULL, items, NULL, &iterator), BROOD_EINVAL);
        CU_ASSERT_EQUAL(how(pool, square, items, NULL, NULL), BROOD_EINVAL);
        CU_ASSERT_EQUAL(how(pool, square, brood_items_int32(NULL, 2), NULL, &iterator),
                        BROOD_EINVAL);
        CU_ASSERT_EQUAL(how(pool, square, brood_items_generator(NULL, NULL), NULL, &iterator),
                        BROOD_EINVAL);
        CU_ASSERT_EQUAL(how(pool, square, items, BROOD_MAP(.deadline = -1), &iterator),
                        BROOD_EINVAL);
        CU_ASSERT_EQUAL(how(pool, square, items, BROOD_MAP(.time_limit = -1), &iterator),
                        BROOD_EINVAL);
        CU_ASSERT_PTR_NULL(iterator);
    }
    CU_ASSERT_EQUAL(apply_number(pool, square, 7), 49);
    pool_end(pool);
}

/* ---------------------------------------------------------------- in a child */

// A list of strings with a hole is refused, and stays the caller's: nothing of it may
// be freed. In a child, for a wrong free is the end of a process.
static int child_has_a_hole(int argc, char **argv)
{
    static const char *const holed[3] = {"one", NULL, "three"};
    (void)argc;
    (void)argv;
    brood_pool *pool = NULL;
    brood_iterator *iterator = NULL;
    TEST_CHILD_CHECK(brood_pool_create(&pool, BROOD_POOL(.processes = 1)) == BROOD_OK);
    for (int k = 0; k < 2; k++)
        TEST_CHILD_CHECK(both[k](pool, echo, brood_items_strings(holed, 3), NULL, &iterator) ==
                         BROOD_EINVAL);
    TEST_CHILD_CHECK(iterator == NULL);
    TEST_CHILD_CHECK(strcmp(holed[0], "one") == 0);
    brood_pool_destroy(pool);
    return 0;
}

static void refuses_a_hole_among_strings(void)
{
    brd_proc p = {0};
    test_start how = {.child = "has-a-hole"};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
}

static const test_case cases[] = {
    TEST_CASE(asks_for_no_more_than_the_buffer_holds),
    TEST_CASE(has_a_buffer_by_default),
    TEST_CASE(stays_small_over_many_items),
    TEST_CASE(bounds_the_bytes_of_large_items),
    TEST_CASE(bounds_the_bytes_of_large_results),
    TEST_CASE(gives_large_results),
    TEST_CASE(takes_numbers),
    TEST_CASE(takes_strings),
    TEST_CASE(takes_structs),
    TEST_CASE(takes_messages),
    TEST_CASE(copies_arrays),
    TEST_CASE(takes_nothing),
    TEST_CASE(refuses_nonsense),
    TEST_CASE(refuses_a_hole_among_strings),
    TEST_CHILD("has-a-hole", child_has_a_hole),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "iterator", cases);
}
