/*
 * What CPython's test_future asks of a future, asked of ours: the states, and callbacks.
 * Run on every system from this one source. The names are CPython's; a note with a number
 * names the row of the table of semantics by which we differ, and README-executor.md lists
 * all.
 *
 * The one thing to know: nobody can set the state of a future by hand, so a zoo has one
 * future in each, with a worker that stands at a gate.
 */
#include "python/executors.h"

/** Asks the same of all five: pending, running, cancelled, failed, good. */
static void zoo_check(const zoo *z, int (*ask)(brood_future *future), const int *answers)
{
    CU_ASSERT_EQUAL(ask(z->pending), answers[0]);
    CU_ASSERT_EQUAL(ask(z->running), answers[1]);
    CU_ASSERT_EQUAL(ask(z->cancelled), answers[2]);
    CU_ASSERT_EQUAL(ask(z->failed), answers[3]);
    CU_ASSERT_EQUAL(ask(z->good), answers[4]);
}

/* ------------------------------------------------------------------ states */

// S69: a running one is cancelled too, and its worker killed when the grace is over
static void test_cancel(void)
{
    static const int first[] = {BROOD_OK, BROOD_OK, BROOD_OK, BROOD_EEND, BROOD_EEND};
    static const int after[] = {BROOD_ECANCELLED, BROOD_ECANCELLED, BROOD_ECANCELLED, BROOD_ETASK,
                                BROOD_OK};
    zoo z;
    zoo_make(&z);
    for (int times = 0; times < 2; times++) { // cancelled before is no failure
        zoo_check(&z, brood_future_cancel, first);
        zoo_check(&z, brood_future_status, after);
    }
    CU_ASSERT_EQUAL(number_of(submit_number(z.executor, square, 8)), 64);
    zoo_end(&z);
}

static void test_cancelled(void)
{
    zoo z;
    zoo_make(&z);
    zoo_check(&z, brood_future_cancelled, (const int[]){0, 0, 1, 0, 0});
    zoo_end(&z);
}

// S70: cancelled is done at once
static void test_done(void)
{
    zoo z;
    zoo_make(&z);
    zoo_check(&z, brood_future_ready, (const int[]){0, 0, 1, 1, 1});
    zoo_end(&z);
}

static void test_running(void)
{
    zoo z;
    zoo_make(&z);
    zoo_check(&z, brood_future_running, (const int[]){0, 1, 0, 0, 0});
    gate_open(&z.g);
    ASSERT_OK(brood_future_wait(z.running, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_future_running(z.running), 0);
    zoo_end(&z);
}

static int get_at_once(brood_future *future)
{
    brood_message result = BROOD_MESSAGE_INIT;
    int64_t value = 0;
    int status = brood_future_get(future, 0, &result);
    const brood_error *error = brood_message_error(&result);
    if (status == BROOD_OK) {
        ASSERT_OK(brood_unpack(&result, "x", &value));
        CU_ASSERT_EQUAL(value, 25);
    } else if (status != BROOD_ETIMEDOUT) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_EQUAL(error->status, status);
    }
    brood_message_clear(&result);
    return status;
}

static void test_result_with_timeout(void)
{
    static const int answers[] = {BROOD_ETIMEDOUT, BROOD_ETIMEDOUT, BROOD_ECANCELLED, BROOD_ETASK,
                                  BROOD_OK};
    zoo z;
    zoo_make(&z);
    zoo_check(&z, get_at_once, answers);
    zoo_end(&z);
}

// S50: status and error never wait: BROOD_EAGAIN, and none
static void test_exception_with_timeout(void)
{
    static const int answers[] = {BROOD_EAGAIN, BROOD_EAGAIN, BROOD_ECANCELLED, BROOD_ETASK,
                                  BROOD_OK};
    zoo z;
    zoo_make(&z);
    zoo_check(&z, brood_future_status, answers);
    CU_ASSERT_PTR_NULL(brood_future_error(z.pending));
    CU_ASSERT_PTR_NULL(brood_future_error(z.running));
    CU_ASSERT_PTR_NULL(brood_future_error(z.good));
    const brood_error *error = brood_future_error(z.failed);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_STRING_EQUAL(error->text, "test");
    zoo_end(&z);
}

/** Nothing that comes later changes how a future has ended. */
static void check_ends_once(const zoo *z, brood_future *future, int status)
{
    CU_ASSERT_EQUAL(brood_future_status(future), status);
    CU_ASSERT_EQUAL(brood_future_cancel(future), BROOD_EEND);
    CU_ASSERT_EQUAL(brood_future_status(future), status);
    ASSERT_OK(brood_executor_kill_workers(z->executor));
    CU_ASSERT_EQUAL(brood_future_status(future), status);
    CU_ASSERT_EQUAL(brood_future_cancelled(future), 0);
}

// S73: there is no setter; what could end it again is cancel and terminate
static void test_multiple_set_result(void)
{
    zoo z;
    zoo_make(&z);
    check_ends_once(&z, z.good, BROOD_OK);
    CU_ASSERT_EQUAL(get_at_once(z.good), BROOD_OK); // and it is 25
    CU_ASSERT_EQUAL(brood_future_status(z.running), BROOD_ETERMINATED);
    zoo_end(&z);
}

// S73: as above
static void test_multiple_set_exception(void)
{
    zoo z;
    zoo_make(&z);
    check_ends_once(&z, z.failed, BROOD_ETASK);
    CU_ASSERT_STRING_EQUAL(brood_future_error(z.failed)->text, "test");
    CU_ASSERT_EQUAL(brood_future_status(z.pending), BROOD_ETERMINATED);
    zoo_end(&z);
}

/* ---------------------------------------- waiting while another thread acts */

static void open_it(void *g)
{
    gate_open(g);
}

static void cancel_it(void *future)
{
    (void)brood_future_cancel(future);
}

/** What a task at a gate ends with, when a thread acts while it is waited for. */
static void check_get(brood_function *function, bool cancel, int expected)
{
    gate g;
    brd_thread thread = {0};
    gate_make(&g);
    brood_executor *executor =
        executor_with(BROOD_EXECUTOR(.max_workers = 1, .pool = BROOD_POOL(.grace = 100)));
    brood_future *future = submit_gate(executor, function, &g, 0);
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT_EQUAL(brood_future_get(future, 20, NULL), BROOD_ETIMEDOUT);
    int status = cancel ? brd_os_thread_start(&thread, cancel_it, future)
                        : brd_os_thread_start(&thread, open_it, &g);
    CU_ASSERT_EQUAL_FATAL(status, 0);
    CU_ASSERT_EQUAL(brood_future_get(future, LONG_WAIT, NULL), expected);
    brd_os_thread_join(&thread);
    CU_ASSERT_EQUAL(brood_future_status(future), expected);
    CU_ASSERT_EQUAL(brood_future_error(future) != NULL, expected != BROOD_OK);
    brood_future_destroy(future);
    gate_open(&g);
    executor_end(executor);
    gate_remove(&g, 1);
}

static void test_result_with_success(void)
{
    check_get(gate_pass, false, BROOD_OK);
}

static void test_result_with_cancel(void)
{
    check_get(gate_pass, true, BROOD_ECANCELLED);
}

static void test_exception_with_success(void)
{
    check_get(gate_then_fail, false, BROOD_ETASK);
}

/* --------------------------------------------------------------- callbacks */

// S71: on the pool's thread, here and in all that follow
static void test_done_callback_with_result(void)
{
    zoo z;
    calls c;
    call one = {&c, 1};
    zoo_make(&z);
    calls_make(&c);
    calls_add(&one, z.pending);
    CU_ASSERT(calls_await(&c, 0));
    gate_open(&z.g);
    CU_ASSERT(calls_await(&c, 1));
    CU_ASSERT_EQUAL(c.status, BROOD_OK);
    CU_ASSERT_EQUAL(c.value, 36);
    CU_ASSERT_STRING_EQUAL(c.text, "");
    zoo_end(&z);
    CU_ASSERT_EQUAL(c.count, 1);
    calls_clear(&c);
}

// S71
static void test_done_callback_with_exception(void)
{
    gate g;
    calls c;
    call one = {&c, 1};
    gate_make(&g);
    calls_make(&c);
    brood_executor *executor = executor_of(1);
    brood_future *future = submit_gate(executor, gate_then_fail, &g, 0);
    calls_add(&one, future);
    gate_open(&g);
    CU_ASSERT(calls_await(&c, 1));
    CU_ASSERT_EQUAL(c.status, BROOD_ETASK);
    CU_ASSERT_EQUAL(c.cancelled, 0);
    CU_ASSERT_STRING_EQUAL(c.text, "this is an exception");
    brood_future_destroy(future);
    executor_end(executor);
    CU_ASSERT_EQUAL(c.count, 1);
    calls_clear(&c);
    gate_remove(&g, 1);
}

// S71
static void test_done_callback_with_cancel(void)
{
    zoo z;
    calls c;
    call one = {&c, 1};
    zoo_make(&z);
    calls_make(&c);
    calls_add(&one, z.pending);
    ASSERT_OK(brood_future_cancel(z.pending));
    CU_ASSERT(calls_await(&c, 1));
    CU_ASSERT_EQUAL(c.status, BROOD_ECANCELLED);
    CU_ASSERT_EQUAL(c.cancelled, 1);
    zoo_end(&z);
    CU_ASSERT_EQUAL(c.count, 1);
    calls_clear(&c);
}

/** Does what is refused, adds one more callback, and writes down itself. */
static void make_trouble(brood_future *future, void *baton)
{
    call *both = baton;
    (void)brood_future_cancel(future);
    (void)brood_future_get(future, 0, NULL);
    (void)brood_future_get(NULL, 0, NULL);
    (void)brood_future_add_done_callback(future, write_down, &both[1]);
    write_down(future, &both[0]);
}

// S42: a callback in C throws nothing; the worst that it can do hinders no other
static void test_done_callback_raises(void)
{
    enum { AFTER = 3 };
    zoo z;
    calls c;
    call trouble[2] = {{&c, 0}, {&c, 99}};
    call others[AFTER];
    zoo_make(&z);
    calls_make(&c);
    ASSERT_OK(brood_future_add_done_callback(z.running, make_trouble, trouble));
    for (int i = 0; i < AFTER; i++) {
        others[i] = (call){&c, i + 1};
        calls_add(&others[i], z.running);
    }
    gate_open(&z.g);
    CU_ASSERT(calls_await(&c, 2 + AFTER));
    for (int i = 0; i <= AFTER; i++) // in the order of adding
        CU_ASSERT_EQUAL(c.order[i], i);
    CU_ASSERT_EQUAL(c.order[AFTER + 1], 99);
    ASSERT_OK(brood_future_status(z.running));
    zoo_end(&z);
    CU_ASSERT_EQUAL(c.count, 2 + AFTER);
    calls_clear(&c);
}

/** A callback that comes when all is over: it is called, though not from within the call. */
static void check_already(brood_future *future, calls *c)
{
    call one = {c, 1};
    calls_make(c);
    calls_add(&one, future);
    CU_ASSERT(calls_await(c, 1));
    CU_ASSERT_FALSE(c->was_inside);
    CU_ASSERT_EQUAL(c->status, brood_future_status(future));
}

// S71: never from within the call that adds it
static void test_done_callback_already_successful(void)
{
    zoo z;
    calls c;
    zoo_make(&z);
    check_already(z.good, &c);
    CU_ASSERT_EQUAL(c.value, 25);
    zoo_end(&z);
    calls_clear(&c);
}

// S71: as above
static void test_done_callback_already_failed(void)
{
    zoo z;
    calls c;
    zoo_make(&z);
    check_already(z.failed, &c);
    CU_ASSERT_STRING_EQUAL(c.text, "test");
    zoo_end(&z);
    calls_clear(&c);
}

// S71: as above
static void test_done_callback_already_cancelled(void)
{
    zoo z;
    calls c;
    zoo_make(&z);
    check_already(z.cancelled, &c);
    CU_ASSERT_EQUAL(c.cancelled, 1);
    zoo_end(&z);
    calls_clear(&c);
}

static const test_case cases[] = {
    TEST_CASE(test_cancel),
    TEST_CASE(test_cancelled),
    TEST_CASE(test_done),
    TEST_CASE(test_running),
    TEST_CASE(test_result_with_timeout),
    TEST_CASE(test_exception_with_timeout),
    TEST_CASE(test_multiple_set_result),
    TEST_CASE(test_multiple_set_exception),
    TEST_CASE(test_result_with_success),
    TEST_CASE(test_result_with_cancel),
    TEST_CASE(test_exception_with_success),
    TEST_CASE(test_done_callback_with_result),
    TEST_CASE(test_done_callback_with_exception),
    TEST_CASE(test_done_callback_with_cancel),
    TEST_CASE(test_done_callback_raises),
    TEST_CASE(test_done_callback_already_successful),
    TEST_CASE(test_done_callback_already_failed),
    TEST_CASE(test_done_callback_already_cancelled),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "futures", cases);
}
