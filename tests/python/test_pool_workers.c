/*
 * CPython's _TestPoolWorkerErrors and _TestPoolWorkerLifetime, their neighbours
 * TestInitializers, TestPoolNotLeakOnFailure, TestStdinBadfiledescriptor and MiscTestCase,
 * and what its main branch has of callbacks that fail. The names are CPython's; README.md
 * lists all of them, and a comment names the row of the semantics where brood differs on
 * purpose. Run on every system from this one source.
 */
#include "python/scenes.h"

/* ------------------------------------------------------------ worker errors */

/** How often each kind of event came. Read it when the pool is gone. */
typedef struct events {
    int of[BROOD_WORKER_LOST + 1];
    bool nobody; /* an event without a process id */
} events;

static void on_event(const brood_worker_event *event, void *baton)
{
    events *e = baton;
    e->of[event->kind]++;
    e->nobody = e->nobody || event->worker <= 0;
}

static brood_pool *watched_pool(events *e, uint32_t processes, uint32_t max_tasks)
{
    brood_pool *pool = NULL;
    *e = (events){.nobody = false};
    CU_ASSERT_EQUAL_FATAL(brood_pool_create(&pool, BROOD_POOL(.processes = processes,
                                                              .max_tasks_per_child = max_tasks,
                                                              .on_worker = on_event, .baton = e)),
                          BROOD_OK);
    return pool;
}

static int raising(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return brood_fail("no such key: %s", "key");
}

/** Hands in a function that fails, and waits until the record has one more bad future. */
static void check_error_callback(brood_pool *pool, brood_function *function, calls *c,
                                 const char *text)
{
    brood_future *future = NULL;
    brood_message result = BROOD_MESSAGE_INIT;
    int before = c->good + c->bad;
    ASSERT_OK(brood_pool_apply_async(
        pool, function, NULL, BROOD_TASK(.callback = on_good, .error_callback = on_bad, .baton = c),
        &future));
    CU_ASSERT_EQUAL(brood_future_get(future, test_ms(20000), &result), BROOD_ETASK);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error->text, text));
    CU_ASSERT(calls_await(c, before + 1));
    CU_ASSERT_EQUAL(c->status, BROOD_ETASK);
    CU_ASSERT(c->has_error);
    CU_ASSERT_PTR_NOT_NULL(strstr(c->text, text));
    brood_future_destroy(future);
    brood_message_clear(&result);
}

static void test_async_error_callback(void)
{
    brood_pool *pool = pool_of(2);
    calls c;
    calls_init(&c);
    check_error_callback(pool, raising, &c, "no such key: key");
    pool_end(pool); // after that nothing can be called any more
    CU_ASSERT(c.bad == 1 && c.good == 0);
    calls_clear(&c);
}

static int unpackable_result(brood_message *args, brood_message *result)
{
    (void)args;
    int status = brood_pack(result, "i", 42);
    if (!status)
        status = brood_pack(result, "?", 42);
    return status ? brood_fail("cannot pack 42: %s", brood_status_text(status)) : 0;
}

// S36: the function packs its result itself, so it is the function that fails.
static void test_unpickleable_result(void)
{
    events e;
    calls c;
    brood_pool *pool = watched_pool(&e, 2, 0);
    calls_init(&c);
    for (int i = 0; i < 20; i++)
        check_error_callback(pool, unpackable_result, &c, "cannot pack 42");
    CU_ASSERT_EQUAL(apply_number(pool, square, 4), 16);
    pool_end(pool);
    CU_ASSERT(c.bad == 20 && c.good == 0);
    calls_clear(&c);
    CU_ASSERT_EQUAL(e.of[BROOD_WORKER_STARTED], 2); // none was lost, none replaced
    CU_ASSERT_EQUAL(e.of[BROOD_WORKER_LOST], 0);
}

/* ---------------------------------------------------------- worker lifetime */

static int tasks_so_far;

/** Passes the gate; answers its process, and the number of tasks that it has had. */
static int passes_and_counts(brood_message *args, brood_message *result)
{
    int status = gate_pass(args, result);
    return status ? status : brood_pack(result, "i", ++tasks_so_far);
}

/** Number `n` squared, and the number of tasks that the process has had. */
static int squares_and_counts(brood_message *args, brood_message *result)
{
    int status = square(args, result);
    return status ? status : brood_pack(result, "i", ++tasks_so_far);
}

/** The processes of three workers, which stand at a gate at the same time. */
static void list_three(brood_pool *pool, int64_t *pids)
{
    brood_future *held[3];
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    for (int32_t i = 0; i < 3; i++) {
        gate_pack(&g, i, &args);
        ASSERT_OK(brood_pool_apply_async(pool, passes_and_counts, &args, NULL, &held[i]));
    }
    for (int32_t i = 0; i < 3; i++)
        CU_ASSERT(gate_await(&g, i));
    gate_open(&g);
    for (int i = 0; i < 3; i++)
        ASSERT_OK(take_number(held[i], &pids[i]));
    brood_message_clear(&args);
    gate_remove(&g, 3);
}

/** Gets one answer of squares_and_counts. The count; 0 if anything is wrong. */
static int32_t take_count(brood_future *future, int32_t n)
{
    brood_message result = BROOD_MESSAGE_INIT;
    int64_t value = -1;
    int32_t count = 0;
    ASSERT_OK(brood_future_get(future, test_ms(20000), &result));
    ASSERT_OK(brood_unpack(&result, "xi", &value, &count));
    CU_ASSERT_EQUAL(value, (int64_t)n * n);
    brood_message_clear(&result);
    brood_future_destroy(future);
    return count;
}

static bool has(const int64_t *pids, int64_t pid)
{
    return pids[0] == pid || pids[1] == pid || pids[2] == pid;
}

static void test_pool_worker_lifetime(void)
{
    enum { TASKS = 100, EACH = 10 };
    events e;
    brood_pool *pool = watched_pool(&e, 3, EACH);
    int64_t first[3] = {0}, last[3] = {0};
    brood_future *futures[TASKS];
    int wrong = 0;
    CU_ASSERT_EQUAL(brood_pool_processes(pool), 3);
    list_three(pool, first);
    for (int32_t i = 0; i < TASKS; i++)
        futures[i] = hand_in_number(pool, squares_and_counts, i);
    for (int32_t i = 0; i < TASKS; i++) {
        int32_t count = take_count(futures[i], i);
        wrong += count < 1 || count > EACH;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    list_three(pool, last);
    CU_ASSERT_FALSE(has(first, 0) || has(last, 0));
    CU_ASSERT_FALSE(has(last, first[0]) && has(last, first[1]) && has(last, first[2]));
    pool_end(pool);
    // 106 tasks by tens: three workers may be left that have not had all of theirs.
    CU_ASSERT(e.of[BROOD_WORKER_RECYCLED] >= 7);
    CU_ASSERT(e.of[BROOD_WORKER_STARTED] >= 11);
    CU_ASSERT_EQUAL(e.of[BROOD_WORKER_LOST], 0);
    CU_ASSERT_FALSE(e.nobody);
}

static void test_pool_worker_lifetime_early_close(void)
{
    enum { TASKS = 6 };
    events e;
    brood_pool *pool = watched_pool(&e, 3, 1);
    brood_future *futures[TASKS];
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    for (int32_t i = 0; i < TASKS; i++) {
        gate_pack(&g, i, &args);
        ASSERT_OK(brood_pool_apply_async(pool, passes_and_counts, &args, NULL, &futures[i]));
    }
    ASSERT_OK(brood_pool_close(pool)); // before any of them can end
    CU_ASSERT_EQUAL(brood_pool_join(pool, 0), BROOD_ETIMEDOUT);
    gate_open(&g);
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    for (int32_t i = 0; i < TASKS; i++) {
        int64_t pid = 0;
        int32_t count = 0;
        ASSERT_OK(brood_future_get(futures[i], 0, &result));
        ASSERT_OK(brood_unpack(&result, "xi", &pid, &count));
        CU_ASSERT(pid > 0 && count == 1);
        brood_future_destroy(futures[i]);
    }
    brood_pool_destroy(pool);
    CU_ASSERT(e.of[BROOD_WORKER_STARTED] >= TASKS);
    CU_ASSERT_EQUAL(e.of[BROOD_WORKER_LOST], 0);
    brood_message_clear(&args);
    brood_message_clear(&result);
    gate_remove(&g, TASKS);
}

// S26: 0 is the default, never; anything else that is no number does not compile.
static void test_pool_maxtasksperchild_invalid(void)
{
    events e;
    brood_pool *pool = watched_pool(&e, 1, 0);
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    int wrong = 0;
    ASSERT_OK(brood_pack(&args, "i", 5));
    for (int32_t i = 1; i <= 50; i++) {
        int64_t value = -1;
        int32_t count = 0;
        ASSERT_OK(brood_pool_apply(pool, squares_and_counts, &args, &result));
        ASSERT_OK(brood_unpack(&result, "xi", &value, &count));
        wrong += value != 25 || count != i;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pool_end(pool);
    CU_ASSERT_EQUAL(e.of[BROOD_WORKER_STARTED], 1);
    CU_ASSERT_EQUAL(e.of[BROOD_WORKER_RECYCLED], 0);
    brood_message_clear(&args);
    brood_message_clear(&result);
}

/* ------------------------------------------------------------- end of program */

static brood_pool *kept_in_a_global;

static int child_leaves_its_pool(int argc, char **argv)
{
    int32_t in[10];
    brood_results *results = NULL;
    (void)argc;
    (void)argv;
    count_up(in, 10);
    TEST_CHILD_CHECK(brood_pool_create(&kept_in_a_global, BROOD_POOL(.processes = 1)) == BROOD_OK);
    TEST_CHILD_CHECK(brood_pool_map(kept_in_a_global, square, brood_items_int32(in, 10), NULL,
                                    &results) == BROOD_OK);
    TEST_CHILD_CHECK(brood_results_count(results) == 10);
    brood_results_destroy(results);
    return 0;
}

// S48, S62: a pool must be destroyed; a program that ends without it ends as it wanted to.
static void test_worker_finalization_via_atexit_handler_of_multiprocessing(void)
{
    brd_proc p = {0};
    test_start how = {.child = "leaves-its-pool"};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
}

/* -------------------------------------------------- start, initializer, stdin */

// S27: the first start fails, because no portable test can let only the third one fail.
static void test_release_unused_processes(void)
{
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    test_census_counts before, after;
    events e = {.nobody = false};
    ASSERT_OK(brood_context_create(&context, BROOD_CONTEXT(.directory = "/no/such/directory")));
    test_census(&before);
    int status = brood_pool_create(
        &pool, BROOD_POOL(.processes = 6, .context = context, .on_worker = on_event, .baton = &e));
    CU_ASSERT_NOT_EQUAL(status, BROOD_OK);
    CU_ASSERT_NOT_EQUAL(brood_status_text(status)[0], '\0');
    CU_ASSERT_PTR_NULL(pool);
    test_census(&after);
    CU_ASSERT_EQUAL(after.children, before.children);
    CU_ASSERT_EQUAL(e.of[BROOD_WORKER_READY], 0);
    brood_context_destroy(context);
}

static int leaves_a_byte(brood_message *args, brood_message *result)
{
    const char *path;
    int status = brood_unpack(args, "s", &path);
    (void)result;
    if (!status)
        file_touch(path);
    return status;
}

// What cannot be called does not compile; NULL is none. brood_pool_prewarm waits for
// initializers: a pool that is closed without a task need not.
static void test_pool_initializer(void)
{
    brood_message args = BROOD_MESSAGE_INIT;
    for (uint32_t processes = 1; processes <= 3; processes += 2) {
        brood_pool *pool = NULL;
        gate initialized; // its file has a byte for every worker
        gate_make(&initialized);
        brood_message_clear(&args);
        ASSERT_OK(brood_pack(&args, "s", initialized.path));
        ASSERT_OK(brood_pool_create(&pool,
                                    BROOD_POOL(.processes = processes, .initializer = leaves_a_byte,
                                               .initializer_args = &args)));
        ASSERT_OK(brood_pool_prewarm(pool, 0, test_ms(60000)));
        CU_ASSERT_EQUAL(file_size(initialized.path), (long)processes);
        CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
        pool_end(pool);
        CU_ASSERT_EQUAL(file_size(initialized.path), (long)processes);
        gate_remove(&initialized, 0);
    }
    brood_message_clear(&args);
}

/** In a worker that has closed its standard input: a pool of its own. */
static int pool_in_process(brood_message *args, brood_message *result)
{
    brood_pool *pool = NULL;
    brood_results *results = NULL;
    int32_t in[7];
    int64_t sum = 0;
    (void)args;
    count_up(in, 7);
    fclose(stdin);
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = 4));
    if (!status)
        status = brood_pool_map(pool, square, brood_items_int32(in, 7), NULL, &results);
    for (size_t i = 0; i < brood_results_count(results); i++) {
        int64_t value = 0;
        (void)brood_unpack(brood_results_at(results, i), "x", &value);
        sum += value;
    }
    brood_results_destroy(results);
    brood_pool_destroy(pool);
    return status ? brood_fail("%s", brood_status_text(status)) : brood_pack(result, "x", sum);
}

// S79: the process in which it is, is a worker.
static void test_pool_in_process(void)
{
    brood_pool *pool = pool_of(1);
    CU_ASSERT_EQUAL(apply_number(pool, pool_in_process, 0), 0 + 1 + 4 + 9 + 16 + 25 + 36);
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
    pool_end(pool);
}

static void test_large_pool(void)
{
    enum { WORKERS = 200, ITEMS = 1000 };
    brood_pool *pool = NULL;
    brood_results *results = NULL;
    int32_t in[ITEMS];
    int64_t sum = 0;
    count_up(in, ITEMS);
    ASSERT_OK(brood_pool_create(
        &pool, BROOD_POOL(.processes = WORKERS, .start_timeout = test_ms(100000))));
    CU_ASSERT_EQUAL(brood_pool_processes(pool), WORKERS);
    CU_ASSERT_EQUAL(brood_pool_count(pool).workers, WORKERS);
    ASSERT_OK(brood_pool_map(pool, square, brood_items_int32(in, ITEMS), NULL, &results));
    check_squares(results, ITEMS);
    for (size_t i = 0; i < ITEMS; i++) {
        int64_t value = 0;
        (void)brood_unpack(brood_results_at(results, i), "x", &value);
        sum += value;
    }
    CU_ASSERT_EQUAL(sum, 332833500);
    brood_results_destroy(results);
    pool_end(pool);
}

/* ------------------------------------------------------- callbacks that fail */

/** A callback, what it does to the pool and what came of it. */
typedef struct misuse {
    calls c;
    brood_pool *pool;
    int got, mapped, terminated; /* statuses */
} misuse;

/** Waits for its own future, and for a map: each would hang CPython's pool. */
static void waits_inside(brood_future *future, void *baton)
{
    misuse *m = baton;
    brood_results *results = NULL;
    int32_t in[10];
    count_up(in, 10);
    m->got = brood_future_get(future, BROOD_FOREVER, NULL);
    m->mapped = brood_pool_map(m->pool, square, brood_items_int32(in, 10), NULL, &results);
    brood_results_destroy(results);
    calls_note(&m->c, future, &m->c.good);
}

// S42: a C function throws nothing. The worst that it can do is wait; that changes nothing
// for its future, and the pool goes on.
static void test_callback_raises(void)
{
    brood_pool *pool = pool_of(2);
    brood_future *single = NULL, *map = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    misuse m = {.pool = pool, .got = -1, .mapped = -1};
    const int32_t in[2] = {3, 4};
    int64_t value = -1;
    calls_init(&m.c);
    ASSERT_OK(brood_pack(&args, "i", 9));
    ASSERT_OK(brood_pool_apply_async(pool, square, &args,
                                     BROOD_TASK(.callback = waits_inside, .baton = &m), &single));
    CU_ASSERT(calls_await(&m.c, 1));
    CU_ASSERT(m.got == BROOD_OK && m.mapped == BROOD_OK);
    CU_ASSERT_EQUAL(m.c.value, 81);
    m.got = m.mapped = -1;
    ASSERT_OK(brood_pool_map_async(pool, square, brood_items_int32(in, 2),
                                   BROOD_MAP(.callback = waits_inside, .baton = &m), &map));
    CU_ASSERT(calls_await(&m.c, 2));
    CU_ASSERT(m.got == BROOD_OK && m.mapped == BROOD_OK);
    CU_ASSERT_EQUAL(m.c.count, 2);
    CU_ASSERT_EQUAL(m.c.value, 9);
    ASSERT_OK(take_number(single, &value));
    CU_ASSERT_EQUAL(value, 81);
    ASSERT_OK(brood_future_get(map, 0, NULL));
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
    pool_end(pool);
    CU_ASSERT_EQUAL(m.c.good, 2);
    brood_future_destroy(map);
    brood_message_clear(&args);
    calls_clear(&m.c);
}

static void terminates(brood_future *future, void *baton)
{
    misuse *m = baton;
    m->terminated = brood_pool_terminate(m->pool);
    calls_note(&m->c, future, &m->c.bad);
}

// S42: an error callback may even terminate the pool; its future keeps its own error.
static void test_error_callback_raises(void)
{
    enum { OTHERS = 50 };
    brood_pool *pool = pool_of(2);
    brood_future *bad = NULL, *others[OTHERS];
    misuse m = {.pool = pool, .terminated = -1};
    int wrong = 0;
    calls_init(&m.c);
    ASSERT_OK(brood_pool_apply_async(pool, raising, NULL,
                                     BROOD_TASK(.error_callback = terminates, .baton = &m), &bad));
    for (int32_t i = 0; i < OTHERS; i++) {
        others[i] = NULL;
        brood_message args = BROOD_MESSAGE_INIT;
        ASSERT_OK(brood_pack(&args, "i", i));
        int status = brood_pool_apply_async(pool, square, &args, NULL, &others[i]);
        wrong += status != BROOD_OK && status != BROOD_ECLOSED;
        brood_message_clear(&args);
    }
    CU_ASSERT(calls_await(&m.c, 1));
    CU_ASSERT_EQUAL(m.terminated, BROOD_OK);
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    CU_ASSERT_EQUAL(brood_future_get(bad, 0, NULL), BROOD_ETASK);
    CU_ASSERT_STRING_EQUAL(m.c.text, "no such key: key");
    for (int i = 0; i < OTHERS; i++) {
        int status = others[i] ? brood_future_get(others[i], 0, NULL) : BROOD_OK;
        wrong += status != BROOD_OK && status != BROOD_ETERMINATED;
        brood_future_destroy(others[i]);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    brood_pool_destroy(pool);
    CU_ASSERT_EQUAL(m.c.bad, 1);
    brood_future_destroy(bad);
    calls_clear(&m.c);
}

static const test_case cases[] = {
    TEST_CASE(test_async_error_callback),
    TEST_CASE(test_unpickleable_result),
    TEST_CASE(test_pool_worker_lifetime),
    TEST_CASE(test_pool_worker_lifetime_early_close),
    TEST_CASE(test_pool_maxtasksperchild_invalid),
    TEST_CASE(test_worker_finalization_via_atexit_handler_of_multiprocessing),
    TEST_CASE(test_release_unused_processes),
    TEST_CASE(test_pool_initializer),
    TEST_CASE(test_pool_in_process),
    TEST_CASE(test_large_pool),
    TEST_CASE(test_callback_raises),
    TEST_CASE(test_error_callback_raises),
    TEST_CHILD("leaves-its-pool", child_leaves_its_pool),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "_TestPoolWorkers", cases);
}
