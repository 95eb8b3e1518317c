/*
 * Pools under load: many tasks, many threads, many workers, large messages, pools in
 * pools. Run on every system from this one source. The one thing to know: nothing here
 * asserts that something was fast, only that all of it is right.
 */
#include "api/pools.h"

/* ------------------------------------------------------------------- sizes */

static void pattern(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 31 + (i >> 9) + size);
}

static void check_echo(brood_pool *pool, size_t size)
{
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    unsigned char *in = brood_message_reserve(&args, size);
    size_t came = 0;
    CU_ASSERT_FATAL(in || !size);
    pattern(in, size);
    ASSERT_OK(brood_pool_apply(pool, echo, &args, &result));
    const void *out = brood_message_bytes(&result, &came);
    CU_ASSERT_EQUAL_FATAL(came, size);
    CU_ASSERT(!size || memcmp(in, out, size) == 0);
    brood_message_clear(&args);
    brood_message_clear(&result);
}

static void carries_every_size(void)
{
    static const size_t sizes[] = {
        0,     1,     7,     63,    64,    65,      1000,          16351,    16352, 16383,
        16384, 16385, 65535, 65536, 65537, 1 << 20, (1 << 20) + 1, 16 << 20, 3,     16 << 20};
    brood_pool *pool = pool_of(1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_echo(pool, sizes[i]);
    pool_end(pool);
}

/** Takes the args' bytes and answers with more. */
static int grow(brood_message *args, brood_message *result)
{
    size_t size;
    const unsigned char *in = brood_message_bytes(args, &size);
    unsigned char *out = brood_message_reserve(result, 2 * size);
    if (!out)
        return BROOD_ENOMEM;
    memcpy(out, in, size);
    memcpy(out + size, in, size);
    return 0;
}

// More of them at once than there are blocks, in sizes that do not fit each other.
static void carries_many_large_ones_at_once(void)
{
    enum { MANY = 60 };
    brood_pool *pool = pool_of(2);
    brood_future *futures[MANY];
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    for (size_t i = 0; i < MANY; i++) {
        size_t size = 15000 + i * 7919 % 200000;
        pattern(brood_message_reserve(&args, size), size);
        ASSERT_OK(brood_pool_apply_async(pool, grow, &args, NULL, &futures[i]));
    }
    for (size_t i = 0; i < MANY; i++) {
        size_t size = 15000 + i * 7919 % 200000, came = 0;
        unsigned char *in = brood_message_reserve(&args, size);
        pattern(in, size);
        ASSERT_OK(brood_future_get(futures[i], BROOD_FOREVER, &result));
        const unsigned char *out = brood_message_bytes(&result, &came);
        CU_ASSERT_EQUAL_FATAL(came, 2 * size);
        CU_ASSERT(memcmp(in, out, size) == 0 && memcmp(in, out + size, size) == 0);
        brood_future_destroy(futures[i]);
    }
    brood_message_clear(&args);
    brood_message_clear(&result);
    pool_end(pool);
}

/* -------------------------------------------------------------------- many */

static void takes_more_tasks_than_rings_hold(void)
{
    enum { MANY = 200000 };
    brood_pool *pool = pool_of(2);
    brood_future **futures = malloc(MANY * sizeof(brood_future *));
    size_t wrong = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(futures);
    for (int32_t i = 0; i < MANY; i++)
        futures[i] = hand_in_number(pool, square, i);
    for (int32_t i = 0; i < MANY; i++) {
        int64_t value = -1;
        wrong += take_number(futures[i], &value) != BROOD_OK || value != (int64_t)i * i;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(futures);
    pool_end(pool);
}

typedef struct user {
    brood_pool *pool;
    int32_t number;
    size_t wrong;
} user;

static void use_pool(void *baton)
{
    enum { TURNS = 150 };
    user *u = baton;
    brood_future *futures[TURNS];
    for (int32_t i = 0; i < TURNS; i++)
        futures[i] = hand_in_number(u->pool, i % 5 ? square : odd_fails, u->number + i);
    for (int32_t i = 0; i < TURNS; i++) {
        int32_t n = u->number + i;
        u->wrong += apply_number(u->pool, square, n) != (int64_t)n * n;
    }
    for (int32_t i = 0; i < TURNS; i++) {
        int32_t n = u->number + i;
        int64_t value = -1;
        int status = take_number(futures[i], &value);
        if (i % 5)
            u->wrong += status != BROOD_OK || value != (int64_t)n * n;
        else
            u->wrong += status != (n % 2 ? BROOD_ETASK : BROOD_OK);
    }
}

static void serves_many_threads(void)
{
    enum { THREADS = 8 };
    static user users[THREADS];
    brd_thread threads[THREADS] = {{0}};
    brood_pool *pool = pool_of(3);
    for (int32_t t = 0; t < THREADS; t++) {
        users[t] = (user){.pool = pool, .number = 1000 * t};
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[t], use_pool, &users[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        brd_os_thread_join(&threads[t]);
        CU_ASSERT_EQUAL(users[t].wrong, 0);
    }
    pool_end(pool);
}

static int waits_long(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    brd_time until = test_deadline(60000);
    while (brd_os_now() < until)
        moment();
    return 0;
}

static void apply_long(void *baton)
{
    user *u = baton;
    int status = brood_pool_apply(u->pool, waits_long, NULL, NULL);
    // A thread may come only after the end.
    u->wrong += status != BROOD_ETERMINATED && status != BROOD_ECLOSED;
}

// Those who wait hear of it at once, whether their task runs or not.
static void is_terminated_under_those_who_wait(void)
{
    enum { THREADS = 5 };
    static user users[THREADS];
    for (int round = 0; round < 5; round++) {
        brd_thread threads[THREADS] = {{0}};
        brood_pool *pool = NULL;
        gate g;
        gate_make(&g);
        ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .grace = 50)));
        brood_future *held = stand_at_gate(pool, &g, 0);
        for (int t = 0; t < THREADS; t++) {
            users[t] = (user){.pool = pool};
            ASSERT_OK(brd_os_thread_start(&threads[t], apply_long, &users[t]));
        }
        CU_ASSERT_EQUAL(brood_future_wait(held, 10 * round), BROOD_ETIMEDOUT);
        ASSERT_OK(brood_pool_terminate(pool));
        for (int t = 0; t < THREADS; t++) {
            brd_os_thread_join(&threads[t]);
            CU_ASSERT_EQUAL(users[t].wrong, 0);
        }
        brood_future_destroy(held);
        brood_pool_destroy(pool);
        gate_remove(&g, 1);
    }
}

static void has_sixty_four_workers(void)
{
    enum { WORKERS = 64 };
    brood_pool *pool = pool_of(WORKERS);
    brood_future *held[WORKERS];
    int64_t pids[WORKERS] = {0};
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    CU_ASSERT_EQUAL(brood_pool_processes(pool), WORKERS);
    for (int32_t i = 0; i < WORKERS; i++) {
        gate_pack(&g, i, &args);
        ASSERT_OK(brood_pool_apply_async(pool, gate_pass, &args, NULL, &held[i]));
    }
    for (int32_t i = 0; i < WORKERS; i++) // all at once: so each has a worker of its own
        CU_ASSERT(gate_await(&g, i));
    gate_open(&g);
    for (int32_t i = 0; i < WORKERS; i++) {
        ASSERT_OK(take_number(held[i], &pids[i]));
        for (int32_t k = 0; k < i; k++)
            CU_ASSERT_NOT_EQUAL(pids[i], pids[k]);
    }
    for (int32_t i = 0; i < 500; i++)
        CU_ASSERT_EQUAL(apply_number(pool, square, i), (int64_t)i * i);
    brood_message_clear(&args);
    pool_end(pool);
    gate_remove(&g, WORKERS);
}

// Nobody waits, one worker is taken for long: the other one does the rest.
static void nothing_stands_behind_a_long_task(void)
{
    brood_pool *pool = pool_of(2);
    for (int round = 0; round < 5; round++) {
        gate g;
        int64_t value = 0;
        gate_make(&g);
        for (int32_t i = 0; i < 2000; i++) // so short that many go to one worker at once
            brood_future_destroy(hand_in_number(pool, square, i));
        CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
        for (int i = 0; i < 15; i++) // until the pool has gone to sleep
            moment();
        brood_future *held = stand_at_gate(pool, &g, 0);
        brood_future *second = stand_at_gate(pool, &g, 1);
        gate_open(&g);
        ASSERT_OK(take_number(held, &value));
        ASSERT_OK(take_number(second, &value));
        gate_remove(&g, 2);
    }
    pool_end(pool);
}

// One from which a task was taken is no worker that hangs, however long its own task takes.
static void a_long_task_is_not_one_that_hangs(void)
{
    brood_pool *pool = NULL;
    int64_t value = 0;
    gate g;
    gate_make(&g);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .start_timeout = test_ms(300))));
    for (int32_t i = 0; i < 2000; i++) // so short that many go to one worker at once
        brood_future_destroy(hand_in_number(pool, square, i));
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
    brood_future *held = stand_at_gate(pool, &g, 0);
    brood_future *second = stand_at_gate(pool, &g, 1);
    CU_ASSERT_EQUAL(brood_future_wait(held, test_ms(1200)), BROOD_ETIMEDOUT);
    gate_open(&g);
    ASSERT_OK(take_number(held, &value));
    ASSERT_OK(take_number(second, &value));
    gate_remove(&g, 2);
    pool_end(pool);
}

/* ---------------------------------------------------------- pools in pools */

static int sums_squares(brood_message *args, brood_message *result)
{
    int32_t in[20], n;
    int64_t sum = 0, value;
    brood_pool *pool = NULL;
    brood_results *results = NULL;
    int status = brood_unpack(args, "i", &n);
    if (!status)
        status = brood_pool_create(&pool, BROOD_POOL(.processes = 2));
    for (int32_t i = 0; i < 20; i++)
        in[i] = n + i;
    if (!status)
        status = brood_pool_map(pool, square, brood_items_int32(in, 20), NULL, &results);
    for (size_t i = 0; !status && i < 20; i++) {
        status = brood_unpack(brood_results_at(results, i), "x", &value);
        sum += value;
    }
    brood_results_destroy(results);
    brood_pool_destroy(pool);
    return status ? status : brood_pack(result, "x", sum);
}

static void has_pools_in_its_workers(void)
{
    brood_pool *pool = pool_of(2);
    brood_future *futures[6];
    for (int32_t n = 0; n < 6; n++)
        futures[n] = hand_in_number(pool, sums_squares, n);
    for (int32_t n = 0; n < 6; n++) {
        int64_t sum = 0, value = -1;
        for (int32_t i = 0; i < 20; i++)
            sum += (int64_t)(n + i) * (n + i);
        ASSERT_OK(take_number(futures[n], &value));
        CU_ASSERT_EQUAL(value, sum);
    }
    pool_end(pool);
}

static void stands_beside_other_pools(void)
{
    enum { POOLS = 5 };
    brood_pool *pools[POOLS];
    for (int p = 0; p < POOLS; p++)
        pools[p] = pool_of((uint32_t)p + 1);
    for (int32_t i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(apply_number(pools[i % POOLS], square, i), (int64_t)i * i);
    for (int p = 0; p < POOLS; p++)
        pool_end(pools[p]);
}

static const test_case cases[] = {
    TEST_CASE(carries_every_size),
    TEST_CASE(carries_many_large_ones_at_once),
    TEST_CASE(takes_more_tasks_than_rings_hold),
    TEST_CASE(serves_many_threads),
    TEST_CASE(is_terminated_under_those_who_wait),
    TEST_CASE(has_sixty_four_workers),
    TEST_CASE(nothing_stands_behind_a_long_task),
    TEST_CASE(a_long_task_is_not_one_that_hangs),
    TEST_CASE(has_pools_in_its_workers),
    TEST_CASE(stands_beside_other_pools),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "pool_load", cases);
}
