/*
 * CPython's _TestPool, first part: single tasks and the life of a pool. The names are
 * CPython's; README.md lists all of them, and a comment names the row of the semantics
 * where brood differs on purpose. Run on every system from this one source.
 */
#include "python/scenes.h"

/* ------------------------------------------------------------------- apply */

static int square_of_keyword(brood_message *args, brood_message *result)
{
    int32_t x;
    int status = brood_unpack_key(args, "x", "i", &x);
    return status ? status : brood_pack(result, "x", (int64_t)x * x);
}

static void test_apply(void)
{
    brood_pool *pool = pool_of(4);
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    int64_t value = -1;
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    ASSERT_OK(brood_pack(&args, "{i}", "x", 3));
    ASSERT_OK(brood_pool_apply(pool, square_of_keyword, &args, &result));
    ASSERT_OK(brood_unpack(&result, "x", &value));
    CU_ASSERT_EQUAL(value, 9);
    brood_message_clear(&args);
    brood_message_clear(&result);
    pool_end(pool);
}

/** Takes as many milliseconds as it is told: that is its work, nobody waits by it. */
static int square_slowly(brood_message *args, brood_message *result)
{
    int32_t n, ms;
    int status = brood_unpack(args, "ii", &n, &ms);
    brd_time until = brd_os_now() + (status ? 0 : ms * BRD_MS);
    while (brd_os_now() < until)
        moment();
    return status ? status : brood_pack(result, "x", (int64_t)n * n);
}

static void test_async(void)
{
    enum { TAKES = 300 };
    brood_pool *pool = pool_of(4);
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    int64_t value = -1;
    ASSERT_OK(brood_pack(&args, "ii", 7, TAKES));
    brd_time start = brd_os_now();
    ASSERT_OK(brood_pool_apply_async(pool, square_slowly, &args, NULL, &future));
    ASSERT_OK(take_number(future, &value));
    CU_ASSERT_EQUAL(value, 49);
    CU_ASSERT(brd_os_now() - start >= TAKES * BRD_MS);
    brood_message_clear(&args);
    pool_end(pool);
}

static void test_async_timeout(void)
{
    enum { TIMEOUT = 200 };
    brood_pool *pool = pool_of(3);
    brood_message result = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    brood_future *held = stand_at_gate(pool, &g, 0);
    brd_time start = brd_os_now(), until = test_deadline(10000);
    CU_ASSERT_EQUAL(brood_future_get(held, TIMEOUT, &result), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() - start >= TIMEOUT * BRD_MS);
    CU_ASSERT(brd_os_now() < until);
    // S49: the task goes on, and can be asked again.
    CU_ASSERT_EQUAL(brood_future_status(held), BROOD_EAGAIN);
    gate_open(&g);
    ASSERT_OK(brood_future_get(held, test_ms(20000), &result));
    brood_future_destroy(held);
    ASSERT_OK(brood_pool_terminate(pool));
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    brood_pool_destroy(pool);
    brood_message_clear(&result);
    gate_remove(&g, 1);
}

/* --------------------------------------------------------------------- life */

// S26: 0 is the default, and what cannot be is BROOD_EINVAL.
static void test_make_pool(void)
{
    brood_pool *pool = NULL;
    brood_future *held[3];
    int64_t pids[3] = {0};
    gate g;
    CU_ASSERT_EQUAL(brood_pool_create(&pool, BROOD_POOL(.processes = UINT32_MAX)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_create(&pool, BROOD_POOL(.processes = 4097)), BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(pool);
    pool = pool_of(0);
    CU_ASSERT_EQUAL(brood_pool_processes(pool), brd_os_cpu_count());
    pool_end(pool);
    gate_make(&g);
    pool = pool_of(3);
    CU_ASSERT_EQUAL(brood_pool_processes(pool), 3);
    ASSERT_OK(brood_pool_prewarm(pool, 0, test_ms(60000)));
    brood_pool_counts counts = brood_pool_count(pool);
    CU_ASSERT_EQUAL(counts.workers, 3);
    CU_ASSERT_EQUAL(counts.ready, 3);
    for (int32_t i = 0; i < 3; i++)
        held[i] = stand_at_gate(pool, &g, i);
    gate_open(&g);
    for (int i = 0; i < 3; i++)
        ASSERT_OK(take_number(held[i], &pids[i]));
    CU_ASSERT(pids[0] != pids[1] && pids[0] != pids[2] && pids[1] != pids[2]);
    pool_end(pool);
    gate_remove(&g, 3);
}

/** Arguments for gate_pass, `left` times. */
typedef struct queue {
    const gate *g;
    int32_t left;
} queue;

static int next_in_queue(void *baton, brood_message *item)
{
    queue *q = baton;
    if (!q->left)
        return BROOD_EEND;
    q->left--;
    return brood_pack(item, "si", q->g->path, 0);
}

// S57: besides, no result stays pending.
static void test_terminate(void)
{
    enum { TASKS = 10000 };
    brood_pool *pool = pool_of(3);
    brood_future *future = NULL;
    size_t terminated = 0;
    gate never_opened;
    gate_make(&never_opened);
    queue q = {.g = &never_opened, .left = TASKS};
    ASSERT_OK(brood_pool_map_async(pool, gate_pass, brood_items_generator(next_in_queue, &q),
                                   BROOD_MAP(.chunksize = 1), &future));
    CU_ASSERT(gate_await(&never_opened, 0));
    brd_time until = test_deadline(20000); // each task alone would take longer
    ASSERT_OK(brood_pool_terminate(pool));
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    CU_ASSERT(brd_os_now() < until);
    CU_ASSERT_EQUAL(brood_future_status(future), BROOD_ETERMINATED);
    brood_results *results = brood_future_results(future);
    CU_ASSERT_PTR_NOT_NULL_FATAL(results);
    CU_ASSERT_EQUAL_FATAL(brood_results_count(results), TASKS);
    for (size_t i = 0; i < TASKS; i++)
        terminated += brood_results_status(results, i) == BROOD_ETERMINATED;
    CU_ASSERT_EQUAL(terminated, TASKS);
    brood_future_destroy(future);
    brood_pool_destroy(pool);
    gate_remove(&never_opened, 1);
}

// S61: what leaving `with` does is brood_pool_terminate, then brood_pool_destroy.
static void test_context(void)
{
    brood_pool *pool = pool_of(2);
    brood_future *future = NULL, *refused = NULL;
    int32_t in[10];
    count_up(in, 10);
    ASSERT_OK(brood_pool_map_async(pool, square, brood_items_int32(in, 10), NULL, &future));
    ASSERT_OK(brood_future_get(future, test_ms(20000), NULL));
    check_squares(brood_future_results(future), 10);
    ASSERT_OK(brood_pool_terminate(pool));
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    CU_ASSERT_EQUAL(brood_pool_map_async(pool, square, brood_items_int32(in, 10), NULL, &refused),
                    BROOD_ECLOSED);
    CU_ASSERT_PTR_NULL(refused);
    check_squares(brood_future_results(future), 10);
    brood_future_destroy(future);
    brood_pool_destroy(pool);
}

// S44: there is no `with` to enter; every call that would use the pool again is refused.
static void test_enter(void)
{
    brood_pool *pool = pool_of(1);
    brood_iterator *iterator = NULL;
    brood_future *future = NULL;
    const int32_t in[1] = {1};
    ASSERT_OK(brood_pool_terminate(pool));
    CU_ASSERT_EQUAL(brood_pool_apply(pool, own_pid, NULL, NULL), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_pool_apply_async(pool, own_pid, NULL, NULL, &future), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_pool_imap(pool, square, brood_items_int32(in, 1), NULL, &iterator),
                    BROOD_ECLOSED);
    CU_ASSERT_EQUAL(
        brood_pool_imap_unordered(pool, square, brood_items_int32(in, 1), NULL, &iterator),
        BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_pool_prewarm(pool, 0, test_ms(20000)), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_pool_resize(pool, 2), BROOD_ECLOSED);
    CU_ASSERT_PTR_NULL(future);
    CU_ASSERT_PTR_NULL(iterator);
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    brood_pool_destroy(pool);
}

/* ------------------------------------------------------------------- errors */

static int raises_123(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return brood_fail("runtime error %d", 123);
}

/** The failure of a stream is the caller's own: no worker has a part in it. */
static void check_stream_failure(brood_pool *pool)
{
    brood_results *results = NULL;
    brood_iterator *iterator = NULL;
    brood_message result = BROOD_MESSAGE_INIT;
    numbers n = {.total = 1, .fail_at = 0};
    CU_ASSERT_EQUAL(brood_pool_map(pool, square, brood_items_generator(next_number, &n),
                                   BROOD_MAP(.chunksize = 1), &results),
                    SAID_WHEN);
    CU_ASSERT_PTR_NULL(results);
    n = (numbers){.total = 1, .fail_at = 0};
    ASSERT_OK(
        brood_pool_imap(pool, square, brood_items_generator(next_number, &n), NULL, &iterator));
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, test_ms(20000), &result, NULL), SAID_WHEN);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT(!error || (error->worker == 0 && error->status == SAID_WHEN));
    brood_iterator_destroy(iterator);
    brood_message_clear(&result);
}

// S35: no stack, but the text, the function and the worker.
static void test_traceback(void)
{
    brood_pool *pool = pool_of(1);
    brood_message result = BROOD_MESSAGE_INIT;
    int64_t pid = 0;
    ASSERT_OK(brood_pool_apply(pool, own_pid, NULL, &result));
    ASSERT_OK(brood_unpack(&result, "x", &pid));
    CU_ASSERT_EQUAL(brood_pool_apply(pool, raises_123, NULL, &result), BROOD_ETASK);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_EQUAL(error->status, BROOD_ETASK);
    CU_ASSERT_STRING_EQUAL(error->text, "runtime error 123");
    CU_ASSERT_NOT_EQUAL(error->function[0], '\0');
    CU_ASSERT_EQUAL(error->worker, pid);
    CU_ASSERT_EQUAL(error->exit_kind, BROOD_EXIT_NONE);
    check_stream_failure(pool);
    brood_message_clear(&result);
    pool_end(pool);
}

/* --------------------------------------------------------------- references */

enum { OBJECTS = 10, OBJECT_SIZE = 128 * 1024 };

static void map_identity(brood_pool *pool, const unsigned char *objects)
{
    brood_results *results = NULL;
    size_t wrong = 0;
    ASSERT_OK(brood_pool_map(pool, echo, brood_items_structs(objects, OBJECT_SIZE, OBJECTS), NULL,
                             &results));
    for (size_t i = 0; i < OBJECTS; i++) {
        size_t size = 0;
        const void *back = brood_message_bytes(brood_results_at(results, i), &size);
        wrong += size != OBJECT_SIZE || memcmp(back, objects + i * OBJECT_SIZE, size) != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    brood_results_destroy(results);
}

// S47: nothing is collected here; what was kept would show as segments and handles.
static void test_release_task_refs(void)
{
    enum { WARM_UP = 10, ROUNDS = 30 };
    static unsigned char objects[OBJECTS * OBJECT_SIZE];
    brood_pool *pool = pool_of(2);
    test_census_counts before, after;
    for (size_t i = 0; i < sizeof objects; i++)
        objects[i] = (unsigned char)(i * 7 + i / OBJECT_SIZE);
    for (int i = 0; i < WARM_UP; i++)
        map_identity(pool, objects);
    test_census(&before);
    for (int i = 0; i < ROUNDS; i++)
        map_identity(pool, objects);
    test_census(&after);
    // A round that kept one object of its ten would be seen.
    CU_ASSERT(after.segments - before.segments < ROUNDS);
    CU_ASSERT(after.handles - before.handles < ROUNDS);
    pool_end(pool);
}

static const test_case cases[] = {
    TEST_CASE(test_apply),
    TEST_CASE(test_async),
    TEST_CASE(test_async_timeout),
    TEST_CASE(test_make_pool),
    TEST_CASE(test_terminate),
    TEST_CASE(test_context),
    TEST_CASE(test_enter),
    TEST_CASE(test_traceback),
    TEST_CASE(test_release_task_refs),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "_TestPool", cases);
}
