/*
 * What CPython's test_deadlock asks of ProcessPoolExecutor, asked of the executor: what
 * goes wrong on the way of a task to its worker and back, and whatever once made the
 * whole stand still. Run on every system from this one source. The names are CPython's; a
 * note with a number names the row of the table of semantics by which we differ, and
 * README-executor.md lists all.
 *
 * The one thing to know: what CPython pickles behind the caller's back, here the caller
 * packs and the function reads, so a failure of that is the failure of a call.
 */
#include "python/executors.h"

/* ------------------------------------------------- messages that go wrong */

/** The executor does what it did before. */
static void check_goes_on(brood_executor *executor)
{
    for (int32_t i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(number_of(submit_number(executor, square, i)), (int64_t)i * i);
    executor_end(executor);
}

// S36: the caller packs, so that failure comes at once and meets no task
static void test_error_at_task_pickle(void)
{
    brood_executor *executor = executor_of(2);
    brood_message args = BROOD_MESSAGE_INIT;
    size_t size = 1;
    CU_ASSERT_EQUAL(brood_pack(&args, "iZ", 1, 2), BROOD_EINVAL);
    (void)brood_message_bytes(&args, &size);
    CU_ASSERT_EQUAL(size, 0);
    expect_end(submit(executor, square, &args), BROOD_ETASK); // an empty message, no half one
    brood_message_clear(&args);
    check_goes_on(executor);
}

/** Reads half of its arguments: a text that says how to go on. */
static int reads_and_dies(brood_message *args, brood_message *result)
{
    const char *how;
    (void)result;
    int status = brood_unpack(args, "s", &how);
    if (!status && strcmp(how, "exit") == 0)
        exit(1);
    if (!status && strcmp(how, "crash") == 0)
        abort();
    return status;
}

static brood_future *submit_text(brood_executor *executor, brood_function *function,
                                 const char *text)
{
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "si", text, 7));
    brood_future *future = submit(executor, function, &args);
    brood_message_clear(&args);
    return future;
}

/** A task that ends so: it alone. */
static void check_error(brood_function *function, const char *text, int status, int code)
{
    brood_executor *executor = executor_of(2);
    brood_future *future = submit_text(executor, function, text);
    CU_ASSERT_EQUAL(brood_future_get(future, LONG_WAIT, NULL), status);
    const brood_error *error = brood_future_error(future);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    if (status == BROOD_ETASK)
        CU_ASSERT_EQUAL(error->code, code);
    if (status == BROOD_EWORKERLOST && code)
        CU_ASSERT_EQUAL(error->exit_code, code);
    CU_ASSERT_EQUAL(error->exit_kind == BROOD_EXIT_NONE, status == BROOD_ETASK);
    brood_future_destroy(future);
    check_goes_on(executor);
}

// S67: the executor goes on, here and in all that follow
static void test_exit_at_task_unpickle(void)
{
    check_error(reads_and_dies, "exit", BROOD_EWORKERLOST, 1);
}

// S36: the function reads, and what it returns is the failure of its task
static void test_error_at_task_unpickle(void)
{
    check_error(square, "a text where a number should be", BROOD_ETASK, BROOD_ETYPE);
}

// S67
static void test_crash_at_task_unpickle(void)
{
    check_error(reads_and_dies, "crash", BROOD_EWORKERLOST, 0);
}

// S67
static void test_crash_during_func_exec_on_worker(void)
{
    check_error(aborts, "", BROOD_EWORKERLOST, 0);
}

static int exits_at_once(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    exit(3);
}

// S38: exit in a task is the death of its worker
static void test_exit_during_func_exec_on_worker(void)
{
    check_error(exits_at_once, "", BROOD_EWORKERLOST, 3);
}

static int returns_five(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return 5;
}

static void test_error_during_func_exec_on_worker(void)
{
    check_error(returns_five, "", BROOD_ETASK, 5);
}

/** Packs half of its result, then goes on as it was told. */
static int packs_and_dies(brood_message *args, brood_message *result)
{
    int status = brood_pack(result, "s", "half a result");
    if (!status)
        status = reads_and_dies(args, result);
    return status ? status : brood_pack(result, "Z", 1);
}

// S67
static void test_crash_during_result_pickle_on_worker(void)
{
    check_error(packs_and_dies, "crash", BROOD_EWORKERLOST, 0);
}

// S38
static void test_exit_during_result_pickle_on_worker(void)
{
    check_error(packs_and_dies, "exit", BROOD_EWORKERLOST, 1);
}

static void test_error_during_result_pickle_on_worker(void)
{
    check_error(packs_and_dies, "error", BROOD_ETASK, BROOD_EINVAL);
}

// S37: the caller reads the result; it may try again, and nothing else notices
static void test_error_during_result_unpickle_in_result_handler(void)
{
    brood_executor *executor = executor_of(2);
    brood_future *future = submit_number(executor, square, 12);
    brood_message result = BROOD_MESSAGE_INIT;
    const char *text = NULL;
    int64_t value = 0;
    ASSERT_OK(brood_future_get(future, LONG_WAIT, &result));
    CU_ASSERT_EQUAL(brood_unpack(&result, "s", &text), BROOD_ETYPE);
    CU_ASSERT_PTR_NULL(text);
    ASSERT_OK(brood_unpack(&result, "x", &value));
    CU_ASSERT_EQUAL(value, 144);
    brood_message_clear(&result);
    brood_future_destroy(future);
    check_goes_on(executor);
}

/* -------------------------------------------------------------- dead-locks */

// S67: what waited behind the death ends well
static void test_shutdown_deadlock(void)
{
    gate g;
    gate_make(&g);
    brood_executor *executor = executor_of(1);
    brood_future *bad = submit_gate(executor, gate_then_abort, &g, 0);
    brood_future *waits = submit_number(executor, square, 6);
    CU_ASSERT(gate_await(&g, 0));
    ASSERT_OK(brood_executor_shutdown(executor, 0, 0));
    gate_open(&g);
    ASSERT_OK(brood_executor_shutdown(executor, 1, 0));
    expect_end(bad, BROOD_EWORKERLOST);
    CU_ASSERT_EQUAL(number_of(waits), 36);
    brood_executor_destroy(executor);
    gate_remove(&g, 1);
}

// S36: as near as it comes: the worker cannot read it, and nobody waits at the shutdown
static void test_shutdown_deadlock_pickle(void)
{
    brood_executor *executor = executor_of(2);
    CU_ASSERT_EQUAL(number_of(submit_number(executor, square, 6)), 36);
    brood_future *bad = submit_text(executor, square, "no number");
    ASSERT_OK(brood_executor_shutdown(executor, 0, 0));
    expect_end(bad, BROOD_ETASK);
    executor_end(executor);
}

enum { BIG_ITEMS = 10, BIG_SIZE = 4 << 20 };

static int next_big(void *baton, brood_message *item)
{
    int *made = baton;
    if (*made == BIG_ITEMS)
        return BROOD_EEND;
    void *room = brood_message_reserve(item, BIG_SIZE);
    if (!room)
        return BROOD_ENOMEM;
    memset(room, ++*made, BIG_SIZE);
    return BROOD_OK;
}

// S39: each item has its own failure
static void test_crash_big_data(void)
{
    int made = 0;
    brood_iterator *iterator = NULL;
    brood_executor *executor =
        executor_with(BROOD_EXECUTOR(.max_workers = 2, .pool = BROOD_POOL(.restarts = 1000)));
    ASSERT_OK(brood_executor_map(executor, aborts, brood_items_generator(next_big, &made),
                                 BROOD_FOREVER, NULL, &iterator));
    for (int i = 0; i < BIG_ITEMS; i++)
        CU_ASSERT_EQUAL(brood_iterator_next(iterator, LONG_WAIT, NULL, NULL), BROOD_EWORKERLOST);
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, LONG_WAIT, NULL, NULL), BROOD_EEND);
    CU_ASSERT_EQUAL(made, BIG_ITEMS);
    brood_iterator_destroy(iterator);
    check_goes_on(executor);
}

static void count_call(brood_future *future, void *baton)
{
    int *count = baton;
    (void)future;
    ++*count;
}

// Nobody dispatches: what is signalled for callbacks piles up, and nobody stands still
static void test_gh105829_should_not_deadlock_if_wakeup_pipe_full(void)
{
    enum { JOBS = 20 * 1000 };
    int called = 0;
    brd_time until = test_deadline(60000);
    brood_message args = BROOD_MESSAGE_INIT;
    brood_executor *executor =
        executor_with(BROOD_EXECUTOR(.max_workers = 2, .pool = BROOD_POOL(.own_loop = 1)));
    ASSERT_OK(brood_pack(&args, "i", 2));
    for (int i = 0; i < JOBS; i++) {
        int status = brood_executor_submit(
            executor, square, &args, BROOD_TASK(.callback = count_call, .baton = &called), NULL);
        CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    }
    CU_ASSERT(await_idle(executor));
    CU_ASSERT_EQUAL(called, 0);
    CU_ASSERT_EQUAL(brood_pool_dispatch(brood_executor_pool(executor), 1), 1);
    CU_ASSERT_EQUAL(called, 1);
    while (called < JOBS && brd_os_now() < until)
        if (!brood_pool_dispatch(brood_executor_pool(executor), 0))
            moment();
    CU_ASSERT_EQUAL(called, JOBS);
    executor_end(executor);
    CU_ASSERT_EQUAL(called, JOBS);
    brood_message_clear(&args);
}

static const test_case cases[] = {
    TEST_CASE(test_error_at_task_pickle),
    TEST_CASE(test_exit_at_task_unpickle),
    TEST_CASE(test_error_at_task_unpickle),
    TEST_CASE(test_crash_at_task_unpickle),
    TEST_CASE(test_crash_during_func_exec_on_worker),
    TEST_CASE(test_exit_during_func_exec_on_worker),
    TEST_CASE(test_error_during_func_exec_on_worker),
    TEST_CASE(test_crash_during_result_pickle_on_worker),
    TEST_CASE(test_exit_during_result_pickle_on_worker),
    TEST_CASE(test_error_during_result_pickle_on_worker),
    TEST_CASE(test_error_during_result_unpickle_in_result_handler),
    TEST_CASE(test_shutdown_deadlock),
    TEST_CASE(test_shutdown_deadlock_pickle),
    TEST_CASE(test_crash_big_data),
    TEST_CASE(test_gh105829_should_not_deadlock_if_wakeup_pipe_full),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "deadlock", cases);
}
