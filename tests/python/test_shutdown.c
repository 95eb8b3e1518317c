/*
 * What CPython's test_shutdown asks of ProcessPoolExecutor, asked of the executor: the
 * end with work under way, and the end of the program. Run on every system from this one
 * source. The names are CPython's; a note with a number names the row of the table of
 * semantics by which we differ, and README-executor.md lists all.
 *
 * The one thing to know: CPython waits for the work when the interpreter ends. A C program
 * that ends takes its workers along; what waits is brood_executor_destroy().
 */
#include "python/executors.h"

/* ---------------------------------------------------------------- shutdown */

static void test_run_after_shutdown(void)
{
    static const int32_t in[] = {1};
    brood_executor *executor = executor_of(2);
    brood_future *future = NULL;
    brood_iterator *iterator = NULL;
    ASSERT_OK(brood_executor_shutdown(executor, 1, 0));
    ASSERT_OK(brood_executor_shutdown(executor, 1, 0)); // as often as one likes
    CU_ASSERT_EQUAL(brood_executor_submit(executor, square, NULL, NULL, &future), BROOD_ECLOSED);
    CU_ASSERT_PTR_NULL(future);
    CU_ASSERT_EQUAL(brood_executor_map(executor, square, brood_items_int32(in, 1), BROOD_FOREVER,
                                       NULL, &iterator),
                    BROOD_ECLOSED);
    CU_ASSERT_PTR_NULL(iterator);
    executor_end(executor);
}

static void test_hang_issue12364(void)
{
    enum { TASKS = 50 };
    brood_future *futures[TASKS];
    brood_executor *executor = executor_of(2);
    for (int32_t i = 0; i < TASKS; i++)
        futures[i] = submit_number(executor, square, i);
    ASSERT_OK(brood_executor_shutdown(executor, 1, 0));
    for (int i = 0; i < TASKS; i++) {
        CU_ASSERT_EQUAL(brood_future_ready(futures[i]), 1);
        CU_ASSERT_EQUAL(number_of(futures[i]), (int64_t)i * i);
    }
    brood_executor_destroy(executor);
}

// S69: only what a worker has started cannot be cancelled: 2 of 50, not a few more
static void test_cancel_futures(void)
{
    enum { WORKERS = 2, TASKS = 50 };
    gate g;
    brood_future *futures[TASKS];
    int cancelled = 0, others = 0;
    gate_make(&g);
    brood_executor *executor = executor_of(WORKERS);
    for (int i = 0; i < TASKS; i++)
        futures[i] = submit_gate(executor, gate_pass, &g, 0);
    CU_ASSERT(await_running(executor, WORKERS));
    ASSERT_OK(brood_executor_shutdown(executor, 0, 1));
    for (int i = 0; i < TASKS; i++) {
        CU_ASSERT_EQUAL(brood_future_ready(futures[i]), brood_future_cancelled(futures[i]));
        cancelled += brood_future_cancelled(futures[i]);
    }
    CU_ASSERT_EQUAL(cancelled, TASKS - WORKERS);
    gate_open(&g);
    ASSERT_OK(brood_executor_shutdown(executor, 1, 0));
    for (int i = 0; i < TASKS; i++) {
        int status = brood_future_status(futures[i]);
        CU_ASSERT(status == BROOD_OK || status == BROOD_ECANCELLED);
        others += status == BROOD_OK;
        brood_future_destroy(futures[i]);
    }
    CU_ASSERT_EQUAL(others, WORKERS);
    brood_executor_destroy(executor);
    gate_remove(&g, 1);
}

static void test_hang_gh94440(void)
{
    for (int round = 0; round < 20; round++) {
        brood_executor *executor = executor_of(1);
        CU_ASSERT_EQUAL(number_of(submit_number(executor, square, 4)), 16);
        brood_future *future = submit_number(executor, square, 5);
        int status = brood_future_cancel(future);
        CU_ASSERT(status == BROOD_OK || status == BROOD_EEND);
        ASSERT_OK(brood_executor_shutdown(executor, 1, 0));
        expect_end(future, status ? BROOD_OK : BROOD_ECANCELLED);
        brood_executor_destroy(executor);
    }
}

static void test_processes_terminate(void)
{
    enum { TASKS = 3 };
    workers w = {0};
    gate g;
    brood_future *futures[TASKS];
    gate_make(&g);
    brood_executor *executor = executor_with(BROOD_EXECUTOR(.max_workers = 5, .pool = WATCHED(&w)));
    for (int32_t i = 0; i < TASKS; i++)
        futures[i] = submit_gate(executor, gate_pass, &g, i);
    for (int32_t i = 0; i < TASKS; i++)
        CU_ASSERT(gate_await(&g, i));
    CU_ASSERT_EQUAL(brood_pool_count(brood_executor_pool(executor)).workers, TASKS);
    gate_open(&g);
    executor_end(executor);
    CU_ASSERT_EQUAL(workers_started(&w), TASKS);
    CU_ASSERT_EQUAL(workers_ended(&w), TASKS);
    for (int i = 0; i < TASKS; i++)
        CU_ASSERT(number_of(futures[i]) > 0);
    gate_remove(&g, TASKS);
}

/* ----------------------------------------------------------- ways to let go */

enum { NUMBERS = 10 };

static int absolute(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    return status ? status : brood_pack(result, "x", n < 0 ? -(int64_t)n : (int64_t)n);
}

/** Of -5 to 4. */
static brood_iterator *map_absolute(brood_executor *executor)
{
    int32_t in[NUMBERS];
    brood_iterator *iterator = NULL;
    for (int32_t i = 0; i < NUMBERS; i++)
        in[i] = i - 5;
    CU_ASSERT_EQUAL_FATAL(brood_executor_map(executor, absolute, brood_items_int32(in, NUMBERS),
                                             BROOD_FOREVER, NULL, &iterator),
                          BROOD_OK);
    return iterator;
}

static void check_absolute(brood_iterator *iterator)
{
    brood_message result = BROOD_MESSAGE_INIT;
    for (int i = 0; i < NUMBERS; i++) {
        int64_t value = -1;
        ASSERT_OK(brood_iterator_next(iterator, LONG_WAIT, &result, NULL));
        ASSERT_OK(brood_unpack(&result, "x", &value));
        CU_ASSERT_EQUAL(value, i < 5 ? 5 - i : i - 5);
    }
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, LONG_WAIT, NULL, NULL), BROOD_EEND);
    brood_message_clear(&result);
    brood_iterator_destroy(iterator);
}

// S61: destroy does what leaving `with` does
static void test_context_manager_shutdown(void)
{
    workers w = {0};
    brood_executor *executor = executor_with(BROOD_EXECUTOR(.max_workers = 5, .pool = WATCHED(&w)));
    check_absolute(map_absolute(executor));
    brood_executor_destroy(executor);
    CU_ASSERT(workers_started(&w) >= 1 && workers_started(&w) <= 5);
    CU_ASSERT_EQUAL(workers_ended(&w), workers_started(&w));
}

// S61: destroy waits; an iterator would have to go before, so here are futures
static void test_del_shutdown(void)
{
    workers w = {0};
    brood_future *futures[NUMBERS];
    brood_executor *executor = executor_with(BROOD_EXECUTOR(.max_workers = 5, .pool = WATCHED(&w)));
    for (int32_t i = 0; i < NUMBERS; i++)
        futures[i] = submit_number(executor, absolute, i - 5);
    brood_executor_destroy(executor);
    CU_ASSERT_EQUAL(workers_ended(&w), workers_started(&w));
    for (int i = 0; i < NUMBERS; i++) {
        CU_ASSERT_EQUAL(brood_future_ready(futures[i]), 1);
        CU_ASSERT_EQUAL(number_of(futures[i]), i < 5 ? 5 - i : i - 5);
    }
}

static void test_shutdown_no_wait(void)
{
    workers w = {0};
    brood_executor *executor = executor_with(BROOD_EXECUTOR(.max_workers = 5, .pool = WATCHED(&w)));
    brood_iterator *iterator = map_absolute(executor);
    ASSERT_OK(brood_executor_shutdown(executor, 0, 0));
    ASSERT_OK(brood_pool_join(brood_executor_pool(executor), LONG_WAIT));
    check_absolute(iterator);
    brood_executor_destroy(executor);
    CU_ASSERT_EQUAL(workers_ended(&w), workers_started(&w));
}

static void check_gh_132969(uint32_t max_workers)
{
    gate g;
    gate_make(&g);
    brood_executor *executor =
        executor_with(BROOD_EXECUTOR(.max_workers = max_workers, .max_tasks_per_child = 1));
    brood_future *good = submit_number(executor, square, 1);
    brood_future *bad = submit(executor, fails, NULL);
    brood_future *late = submit_gate(executor, gate_pass, &g, 0);
    CU_ASSERT_EQUAL(number_of(good), 1);
    expect_end(bad, BROOD_ETASK);
    CU_ASSERT(gate_await(&g, 0));
    ASSERT_OK(brood_executor_shutdown(executor, 0, 0));
    CU_ASSERT_EQUAL(brood_future_ready(late), 0);
    gate_open(&g);
    CU_ASSERT(number_of(late) > 0);
    executor_end(executor);
    gate_remove(&g, 1);
}

static void test_shutdown_gh_132969_case_1(void)
{
    check_gh_132969(2);
}

static void test_shutdown_gh_132969_case_2(void)
{
    check_gh_132969(4);
}

/* ------------------------------------------------------ the program's own end */

enum { PROGRAM_CODE = 7, REFUSED_CODE = 42 };

/** Stands at the gate, then writes: where number 1 would stand. */
static int prints_apple(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    char name[1100];
    int status = gate_pass(args, result);
    brood_message_rewind(args);
    if (!status)
        status = brood_unpack(args, "si", &path, &index);
    if (status)
        return status;
    gate_name(name, sizeof name, path, 1);
    file_touch(name);
    return 0;
}

/** Writes again and again, until the gate is open. */
static int beats(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    char name[1100];
    brd_time until = test_deadline(60000);
    (void)result;
    int status = brood_unpack(args, "si", &path, &index);
    if (status)
        return status;
    gate_name(name, sizeof name, path, index);
    while (!file_exists(path) && brd_os_now() < until) {
        file_touch(name);
        moment();
    }
    return 0;
}

static brood_executor *volatile forgotten; // but not out of reach: that is no leak

/** argv: the path of a gate; then whether to shut down, and whether to destroy. */
static int child_program(int argc, char **argv)
{
    brood_executor *executor = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    TEST_CHILD_CHECK(argc == 3);
    bool shuts_down = strcmp(argv[1], "shutdown") == 0;
    bool destroys = strcmp(argv[2], "destroy") == 0;
    TEST_CHILD_CHECK(brood_pack(&args, "si", argv[0], 0) == BROOD_OK);
    TEST_CHILD_CHECK(brood_executor_create(&executor, BROOD_EXECUTOR(.max_workers = 2)) == 0);
    TEST_CHILD_CHECK(brood_executor_submit(executor, destroys ? prints_apple : beats, &args, NULL,
                                           NULL) == BROOD_OK);
    brood_message_clear(&args);
    forgotten = executor;
    if (!destroys) {
        char name[1100];
        gate_name(name, sizeof name, argv[0], 0);
        TEST_CHILD_CHECK(await_file(name, 20000)); // the task runs
    }
    if (shuts_down)
        TEST_CHILD_CHECK(brood_executor_shutdown(executor, 0, 0) == BROOD_OK);
    if (destroys)
        brood_executor_destroy(executor);
    return PROGRAM_CODE;
}

/** Nobody writes there any more. */
static bool falls_silent(const char *path)
{
    enum { LOOKS = 200 };
    brd_time until = test_deadline(20000);
    long size = -1;
    int equal = 0;
    while (equal < LOOKS && brd_os_now() < until) {
        long now = file_size(path);
        equal = now == size ? equal + 1 : 0;
        size = now;
        moment();
    }
    return equal == LOOKS;
}

/** A program that destroys its executor at the end: the work is done. */
static void check_program_destroys(const char *shutdown)
{
    gate g;
    char apple[1100];
    brd_proc p = {0};
    gate_make(&g);
    gate_name(apple, sizeof apple, g.path, 1);
    test_start how = {.child = "program", .args = {g.path, shutdown, "destroy"}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT_FALSE(file_exists(apple));
    gate_open(&g);
    CU_ASSERT_EQUAL(test_end(&p), PROGRAM_CODE);
    CU_ASSERT(file_exists(apple));
    gate_remove(&g, 2);
}

/** A program that just ends: it does so at once, and no worker stays. */
static void check_program_forgets(const char *shutdown)
{
    gate g;
    char beat[1100];
    brd_proc p = {0};
    gate_make(&g);
    gate_name(beat, sizeof beat, g.path, 0);
    test_start how = {.child = "program", .args = {g.path, shutdown, "forget"}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), PROGRAM_CODE);
    CU_ASSERT(file_exists(beat)); // its first byte may have been on its way
    CU_ASSERT(falls_silent(beat));
    gate_open(&g);
    gate_remove(&g, 1);
}

// S62: what waits is destroy; a program that only ends takes its workers along
static void test_interpreter_shutdown(void)
{
    check_program_destroys("open");
    check_program_forgets("open");
}

// S62: the same after shutdown without waiting
static void test_hang_gh83386(void)
{
    check_program_destroys("shutdown");
    check_program_forgets("shutdown");
}

static void submit_at_the_end(void)
{
    int status = brood_executor_submit(forgotten, own_pid, NULL, NULL, NULL);
    brd_os_exit(status == BROOD_ECLOSED ? REFUSED_CODE : 1);
}

static int child_submits_late(int argc, char **argv)
{
    brood_executor *executor = NULL;
    (void)argc;
    (void)argv;
    TEST_CHILD_CHECK(atexit(submit_at_the_end) == 0);
    TEST_CHILD_CHECK(brood_executor_create(&executor, BROOD_EXECUTOR(.max_workers = 2)) == 0);
    TEST_CHILD_CHECK(brood_executor_submit(executor, own_pid, NULL, NULL, NULL) == BROOD_OK);
    TEST_CHILD_CHECK(brood_executor_shutdown(executor, 1, 0) == BROOD_OK);
    forgotten = executor;
    return PROGRAM_CODE;
}

// S62: the end of the program shuts nothing down; who did it before is refused as ever
static void test_submit_after_interpreter_shutdown(void)
{
    brd_proc p = {0};
    test_start how = {.child = "submits-late"};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), REFUSED_CODE);
}

static const test_case cases[] = {
    TEST_CASE(test_run_after_shutdown),
    TEST_CASE(test_hang_issue12364),
    TEST_CASE(test_cancel_futures),
    TEST_CASE(test_hang_gh94440),
    TEST_CASE(test_processes_terminate),
    TEST_CASE(test_context_manager_shutdown),
    TEST_CASE(test_del_shutdown),
    TEST_CASE(test_shutdown_no_wait),
    TEST_CASE(test_shutdown_gh_132969_case_1),
    TEST_CASE(test_shutdown_gh_132969_case_2),
    TEST_CASE(test_interpreter_shutdown),
    TEST_CASE(test_hang_gh83386),
    TEST_CASE(test_submit_after_interpreter_shutdown),
    TEST_CHILD("program", child_program),
    TEST_CHILD("submits-late", child_submits_late),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "shutdown", cases);
}
