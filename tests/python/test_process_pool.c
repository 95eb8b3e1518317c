/*
 * What CPython's test_process_pool asks of ProcessPoolExecutor, asked of the executor:
 * dying workers, workers that are used again, recycled, and forced to end; its maps are
 * in test_executor.c. Run on every system from this one source. The names are CPython's; a note
 * with a number names the row of the table of semantics by which we differ, and README-executor.md
 * lists all.
 */
#include "python/executors.h"

/* --------------------------------------------------------------- the limit */

// S77: there is no limit of 61; ours is 4,096 everywhere
static void test_max_workers_too_large(void)
{
    brood_executor *executor = NULL;
    CU_ASSERT_EQUAL(brood_executor_create(&executor, BROOD_EXECUTOR(.max_workers = 4097)),
                    BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(executor);
    executor = executor_of(62);
    CU_ASSERT_EQUAL(brood_pool_processes(brood_executor_pool(executor)), 62);
    CU_ASSERT_EQUAL(number_of(submit_number(executor, square, 3)), 9);
    executor_end(executor);
}

/* --------------------------------------------------------- workers that die */

// S67: only the task of the dead worker fails, and the executor goes on
static void test_killed_child(void)
{
    brood_executor *executor = executor_of(2);
    gate death, life;
    gate_make(&death);
    gate_make(&life);
    brood_future *victim = submit_gate(executor, gate_then_abort, &death, 0);
    brood_future *bystander = submit_gate(executor, gate_pass, &life, 0);
    CU_ASSERT(gate_await(&death, 0));
    CU_ASSERT(gate_await(&life, 0));
    brood_future *waiting = submit_number(executor, square, 5);
    gate_open(&death);
    expect_end(victim, BROOD_EWORKERLOST);
    CU_ASSERT_EQUAL(brood_future_ready(bystander), 0);
    CU_ASSERT_EQUAL(number_of(submit_number(executor, square, 16)), 256);
    gate_open(&life);
    CU_ASSERT(number_of(bystander) > 0);
    CU_ASSERT_EQUAL(number_of(waiting), 25);
    executor_end(executor);
    gate_remove(&death, 1);
    gate_remove(&life, 1);
}

// S67: three deaths are three failures, each told by an error of its own
static void test_broken_process_pool_traceback(void)
{
    brood_executor *executor = executor_of(3);
    brood_future *futures[3];
    for (int32_t i = 0; i < 3; i++)
        futures[i] = submit_number(executor, exits_with, 91 + i);
    for (int32_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(brood_future_get(futures[i], LONG_WAIT, NULL), BROOD_EWORKERLOST);
        const brood_error *error = brood_future_error(futures[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_EQUAL(error->exit_code, 91 + i);
    }
    CU_ASSERT_PTR_NOT_EQUAL(brood_future_error(futures[0]), brood_future_error(futures[1]));
    CU_ASSERT_PTR_NOT_EQUAL(brood_future_error(futures[1]), brood_future_error(futures[2]));
    for (int i = 0; i < 3; i++)
        brood_future_destroy(futures[i]);
    executor_end(executor);
}

// S68: who ended and how are numbers, besides the text
static void test_traceback_when_child_process_terminates_abruptly(void)
{
    brood_executor *executor = executor_of(1);
    int64_t pid = number_of(submit(executor, own_pid, NULL));
    brood_future *future = submit_number(executor, exits_with, 99);
    CU_ASSERT_EQUAL(brood_future_get(future, LONG_WAIT, NULL), BROOD_EWORKERLOST);
    const brood_error *error = brood_future_error(future);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_EQUAL(error->status, BROOD_EWORKERLOST);
    CU_ASSERT_EQUAL(error->exit_kind, BROOD_EXIT_CODE);
    CU_ASSERT_EQUAL(error->exit_code, 99);
    CU_ASSERT_EQUAL(error->worker, pid);
    CU_ASSERT_PTR_NOT_NULL(strstr(error->text, "99"));
    brood_future_destroy(future);
    executor_end(executor);
}

static int fails_with_a_number(brood_message *args, brood_message *result)
{
    int32_t n;
    (void)result;
    int status = brood_unpack(args, "i", &n);
    return status ? status : brood_fail("a failure of %d in the worker", (int)n);
}

// S35: the text, the function and the worker instead of a traceback
static void test_traceback(void)
{
    brood_executor *executor = executor_of(1);
    int64_t pid = number_of(submit(executor, own_pid, NULL));
    brood_future *future = submit_number(executor, fails_with_a_number, 123);
    CU_ASSERT_EQUAL(brood_future_get(future, LONG_WAIT, NULL), BROOD_ETASK);
    const brood_error *error = brood_future_error(future);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_EQUAL(error->status, BROOD_ETASK);
    CU_ASSERT_STRING_EQUAL(error->text, "a failure of 123 in the worker");
    CU_ASSERT_NOT_EQUAL(error->function[0], '\0');
    CU_ASSERT_EQUAL(error->worker, pid);
    brood_future_destroy(future);
    executor_end(executor);
}

/* --------------------------------------------------- workers that are there */

static void test_saturation(void)
{
    enum { WORKERS = 3, JOBS = 15 * WORKERS };
    workers w = {0};
    gate g;
    brood_future *futures[JOBS];
    gate_make(&g);
    brood_executor *executor =
        executor_with(BROOD_EXECUTOR(.max_workers = WORKERS, .pool = WATCHED(&w)));
    for (int32_t i = 0; i < JOBS; i++)
        futures[i] = submit_gate(executor, gate_pass, &g, 0);
    CU_ASSERT(await_running(executor, WORKERS));
    CU_ASSERT_EQUAL(brood_pool_count(brood_executor_pool(executor)).workers, WORKERS);
    CU_ASSERT_EQUAL(brood_pool_count(brood_executor_pool(executor)).queued, JOBS - WORKERS);
    gate_open(&g);
    for (int i = 0; i < JOBS; i++)
        CU_ASSERT(number_of(futures[i]) > 0);
    executor_end(executor);
    CU_ASSERT_EQUAL(workers_started(&w), WORKERS);
    gate_remove(&g, 1);
}

static void test_idle_process_reuse_one(void)
{
    workers w = {0};
    brood_executor *executor = executor_with(BROOD_EXECUTOR(.max_workers = 4, .pool = WATCHED(&w)));
    for (int32_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(number_of(submit_number(executor, square, i)), (int64_t)i * i);
    executor_end(executor);
    CU_ASSERT_EQUAL(workers_started(&w), 1);
}

static void test_idle_process_reuse_multiple(void)
{
    workers w = {0};
    brood_future *later[3];
    brood_executor *executor = executor_with(BROOD_EXECUTOR(.max_workers = 4, .pool = WATCHED(&w)));
    CU_ASSERT_EQUAL(number_of(submit_number(executor, square, 12)), 144);
    for (int32_t i = 0; i < 3; i++) {
        later[i] = submit_number(executor, square, i);
        if (i < 2)
            CU_ASSERT_EQUAL(number_of(submit_number(executor, square, 10 + i)),
                            (10 + i) * (10 + i));
    }
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(number_of(later[i]), i * i);
    executor_end(executor);
    CU_ASSERT(workers_started(&w) >= 1 && workers_started(&w) <= 3);
}

/* --------------------------------------------------------------- recycling */

static int ran; // tasks of this process

static int nth_task(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", (int64_t)++ran);
}

// S78: a fresh process is told by what it has run, for process ids come again;
// 0 is the default: never
static void test_max_tasks_per_child(void)
{
    static const int64_t expected[] = {1, 2, 3, 1};
    workers w = {0};
    brood_executor *executor = executor_with(
        BROOD_EXECUTOR(.max_workers = 1, .max_tasks_per_child = 3, .pool = WATCHED(&w)));
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(number_of(submit(executor, nth_task, NULL)), expected[i]);
    executor_end(executor);
    CU_ASSERT_EQUAL(workers_started(&w), 2);
    CU_ASSERT_EQUAL(w.events[BROOD_WORKER_RECYCLED], 1);
    executor = executor_with(BROOD_EXECUTOR(.max_workers = 1, .max_tasks_per_child = 0));
    for (int i = 1; i <= 30; i++)
        CU_ASSERT_EQUAL(number_of(submit(executor, nth_task, NULL)), i);
    executor_end(executor);
}

static int only_here;

static int tell_only_here(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", (int64_t)only_here);
}

// S1: spawn is the default with and without it
static void test_max_tasks_per_child_defaults_to_spawn_context(void)
{
    needs_spawn();
    only_here = 7; // what a forked worker would see
    for (uint32_t most = 0; most <= 3; most += 3) {
        brood_executor *executor =
            executor_with(BROOD_EXECUTOR(.max_workers = 1, .max_tasks_per_child = most));
        CU_ASSERT_EQUAL(number_of(submit(executor, tell_only_here, NULL)), 0);
        executor_end(executor);
    }
    only_here = 0;
}

static void test_max_tasks_early_shutdown(void)
{
    brood_future *futures[6];
    brood_executor *executor =
        executor_with(BROOD_EXECUTOR(.max_workers = 3, .max_tasks_per_child = 1));
    for (int32_t i = 0; i < 6; i++)
        futures[i] = submit_number(executor, square, i);
    executor_end(executor);
    for (int i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(brood_future_ready(futures[i]), 1);
        CU_ASSERT_EQUAL(number_of(futures[i]), i * i);
    }
}

static void test_max_tasks_per_child_pending_tasks_gh115634(void)
{
    static const uint32_t rounds[][3] = {{1, 2, 6}, {2, 2, 8}}; // workers, most, tasks
    for (int round = 0; round < 2; round++) {
        int32_t count = (int32_t)rounds[round][2];
        brood_future *futures[8];
        brood_executor *executor =
            executor_with(BROOD_EXECUTOR(.max_workers = rounds[round][0],
                                         .max_tasks_per_child = rounds[round][1]));
        for (int32_t i = 0; i < count; i++)
            futures[i] = submit_number(executor, square, i);
        for (int32_t i = 0; i < count; i++)
            CU_ASSERT_EQUAL(number_of(futures[i]), i * i);
        ASSERT_OK(brood_executor_shutdown(executor, 1, 1));
        brood_executor_destroy(executor);
    }
}

static void destroy_it(void *executor)
{
    brood_executor_destroy(executor);
}

/** A worker in its last task, two tasks behind it; then the executor is let go. */
static void check_stranded(bool shutdown, bool destroy)
{
    gate g;
    brood_future *futures[3];
    brd_thread thread = {0};
    gate_make(&g);
    brood_executor *executor =
        executor_with(BROOD_EXECUTOR(.max_workers = 1, .max_tasks_per_child = 1));
    for (int32_t i = 0; i < 3; i++)
        futures[i] = submit_gate(executor, gate_pass, &g, i);
    CU_ASSERT(gate_await(&g, 0));
    if (shutdown)
        ASSERT_OK(brood_executor_shutdown(executor, 0, 0));
    if (destroy)
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, destroy_it, executor), 0);
    gate_open(&g);
    brd_os_thread_join(&thread);
    for (int i = 0; i < 3; i++)
        CU_ASSERT(number_of(futures[i]) > 0);
    if (!destroy)
        brood_executor_destroy(executor);
    gate_remove(&g, 3);
}

static void test_shutdown_no_wait_max_tasks_gh119592(void)
{
    check_stranded(true, false);
    check_stranded(true, true);
}

// S61: destroy waits for what was handed in, so all three end well
static void test_gc_during_max_tasks_worker_exit_gh152967(void)
{
    check_stranded(false, true);
}

/* ------------------------------------------------- recycling without success */

static int force(brood_executor *executor, int kill)
{
    return kill ? brood_executor_kill_workers(executor)
                : brood_executor_terminate_workers(executor);
}

// S57: those that wait end with BROOD_ETERMINATED
static void test_force_shutdown_during_max_tasks_worker_exit(void)
{
    for (int kill = 0; kill < 2; kill++) {
        workers w = {0};
        gate first, never;
        gate_make(&first);
        gate_make(&never);
        brood_executor *executor =
            executor_with(BROOD_EXECUTOR(.max_workers = 1, .max_tasks_per_child = 1,
                                         .pool = BROOD_POOL(.grace = 100, .on_worker = count_worker,
                                                            .baton = &w)));
        brood_future *ends = submit_gate(executor, gate_pass, &first, 0);
        brood_future *waits = submit_gate(executor, gate_pass, &never, 0);
        brood_future *waits_too = submit_gate(executor, gate_pass, &never, 1);
        CU_ASSERT(gate_await(&first, 0));
        gate_open(&first);
        CU_ASSERT(number_of(ends) > 0);
        ASSERT_OK(force(executor, kill));
        expect_end(waits, BROOD_ETERMINATED);
        expect_end(waits_too, BROOD_ETERMINATED);
        executor_end(executor);
        CU_ASSERT_EQUAL(workers_ended(&w), workers_started(&w));
        gate_remove(&first, 1);
        gate_remove(&never, 2);
    }
}

static int succeeds_once(brood_message *args, brood_message *result)
{
    const char *path;
    (void)result;
    int status = brood_unpack(args, "s", &path);
    if (!status && file_exists(path))
        return brood_fail("only the first may");
    if (!status)
        file_touch(path);
    return status;
}

// S41: what cannot be done portably to the start is done to the initializer
static void test_failed_worker_replacement_breaks_pool(void)
{
    gate g, once;
    brood_future *futures[3], *refused = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_make(&g);
    gate_make(&once);
    ASSERT_OK(brood_pack(&args, "s", once.path));
    brood_executor *executor =
        executor_with(BROOD_EXECUTOR(.max_workers = 1, .max_tasks_per_child = 1,
                                     .initializer = succeeds_once, .initializer_args = &args,
                                     .pool = BROOD_POOL(.restarts = 2, .restart_window = 600000)));
    for (int32_t i = 0; i < 3; i++)
        futures[i] = submit_gate(executor, gate_pass, &g, i);
    CU_ASSERT(gate_await(&g, 0));
    gate_open(&g);
    CU_ASSERT(number_of(futures[0]) > 0);
    expect_end(futures[1], BROOD_EBROKEN);
    expect_end(futures[2], BROOD_EBROKEN);
    CU_ASSERT_EQUAL(brood_executor_submit(executor, square, NULL, NULL, &refused), BROOD_EBROKEN);
    CU_ASSERT_PTR_NULL(refused);
    brood_executor_destroy(executor);
    brood_message_clear(&args);
    gate_remove(&g, 3);
    gate_remove(&once, 0);
}

/* ------------------------------------------------------------------- force */

/** Says that it is there, and goes as soon as it is asked. */
static int goes_when_asked(brood_message *args, brood_message *result)
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
    file_touch(name);
    while (!brood_cancelled() && brd_os_now() < until)
        moment();
    if (brood_cancelled())
        file_touch(path);
    return 0;
}

static volatile int go_on = 1;

static int never_ends(brood_message *args, brood_message *result)
{
    int status = gate_pass(args, result);
    while (go_on)
        moment();
    return status;
}

// S65: the worker is asked first, and what asks a task is brood_cancelled()
static void test_terminate_workers(void)
{
    gate g;
    gate_make(&g);
    brood_executor *executor = executor_with(
        BROOD_EXECUTOR(.max_workers = 1, .pool = BROOD_POOL(.grace = test_ms(20000))));
    brood_future *future = submit_gate(executor, goes_when_asked, &g, 0);
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT_FALSE(file_exists(g.path));
    ASSERT_OK(brood_executor_terminate_workers(executor));
    expect_end(future, BROOD_ETERMINATED);
    executor_end(executor);
    CU_ASSERT(file_exists(g.path));
    gate_remove(&g, 1);
}

// S65: killed without being asked, however long the grace
static void test_kill_workers(void)
{
    gate g;
    brd_time until = test_deadline(600000);
    gate_make(&g);
    gate_open(&g);
    brood_executor *executor = executor_with(
        BROOD_EXECUTOR(.max_workers = 1, .pool = BROOD_POOL(.grace = test_ms(600000))));
    brood_future *future = submit_gate(executor, never_ends, &g, 0);
    CU_ASSERT(gate_await(&g, 0));
    ASSERT_OK(brood_executor_kill_workers(executor));
    expect_end(future, BROOD_ETERMINATED);
    executor_end(executor);
    CU_ASSERT(brd_os_now() < until);
    gate_remove(&g, 1);
}

// Two functions instead of a word; what can be wrong is the executor
static void test_force_shutdown_workers_invalid_op(void)
{
    CU_ASSERT_EQUAL(force(NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(force(NULL, 1), BROOD_EINVAL);
}

static int gate_then_finish(brood_message *args, brood_message *result)
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
    gate_name(name, sizeof name, path, index + 1);
    file_touch(name);
    return 0;
}

// S57: the future ends too
static void test_force_shutdown_workers(void)
{
    for (int kill = 0; kill < 2; kill++) {
        gate g;
        char finished[1100];
        gate_make(&g);
        gate_name(finished, sizeof finished, g.path, 1);
        brood_executor *executor =
            executor_with(BROOD_EXECUTOR(.max_workers = 1, .pool = BROOD_POOL(.grace = 100)));
        brood_future *future = submit_gate(executor, gate_then_finish, &g, 0);
        CU_ASSERT(gate_await(&g, 0));
        ASSERT_OK(force(executor, kill));
        expect_end(future, BROOD_ETERMINATED);
        ASSERT_OK(force(executor, kill));
        executor_end(executor);
        gate_open(&g); // nobody is there to see it
        CU_ASSERT_FALSE(file_exists(finished));
        gate_remove(&g, 2);
    }
}

// S67: the death broke no pool, so there is one to end
static void test_force_shutdown_workers_dead_workers(void)
{
    for (int kill = 0; kill < 2; kill++) {
        brood_executor *executor = executor_of(1);
        expect_end(submit_number(executor, exits_with, 1), BROOD_EWORKERLOST);
        ASSERT_OK(force(executor, kill));
        executor_end(executor);
    }
}

static void test_force_shutdown_workers_not_started_yet(void)
{
    for (int kill = 0; kill < 2; kill++) {
        workers w = {0};
        brood_executor *executor =
            executor_with(BROOD_EXECUTOR(.max_workers = 1, .pool = WATCHED(&w)));
        ASSERT_OK(force(executor, kill));
        executor_end(executor);
        CU_ASSERT_EQUAL(workers_started(&w) + workers_ended(&w), 0);
    }
}

static void test_force_shutdown_workers_stops_pool(void)
{
    for (int kill = 0; kill < 2; kill++) {
        workers w = {0};
        brood_future *future = NULL;
        brood_executor *executor =
            executor_with(BROOD_EXECUTOR(.max_workers = 1, .pool = WATCHED(&w)));
        CU_ASSERT_EQUAL(number_of(submit_number(executor, square, 2)), 4);
        ASSERT_OK(force(executor, kill));
        CU_ASSERT_EQUAL(brood_executor_submit(executor, square, NULL, NULL, &future),
                        BROOD_ECLOSED);
        CU_ASSERT_PTR_NULL(future);
        executor_end(executor);
        CU_ASSERT_EQUAL(workers_started(&w), 1);
        CU_ASSERT_EQUAL(workers_ended(&w), 1);
    }
}

static const test_case cases[] = {
    TEST_CASE(test_max_workers_too_large),
    TEST_CASE(test_killed_child),
    TEST_CASE(test_broken_process_pool_traceback),
    TEST_CASE(test_traceback_when_child_process_terminates_abruptly),
    TEST_CASE(test_traceback),
    TEST_CASE(test_saturation),
    TEST_CASE(test_idle_process_reuse_one),
    TEST_CASE(test_idle_process_reuse_multiple),
    TEST_CASE(test_max_tasks_per_child),
    TEST_CASE(test_max_tasks_per_child_defaults_to_spawn_context),
    TEST_CASE(test_max_tasks_early_shutdown),
    TEST_CASE(test_max_tasks_per_child_pending_tasks_gh115634),
    TEST_CASE(test_shutdown_no_wait_max_tasks_gh119592),
    TEST_CASE(test_gc_during_max_tasks_worker_exit_gh152967),
    TEST_CASE(test_force_shutdown_during_max_tasks_worker_exit),
    TEST_CASE(test_failed_worker_replacement_breaks_pool),
    TEST_CASE(test_terminate_workers),
    TEST_CASE(test_kill_workers),
    TEST_CASE(test_force_shutdown_workers_invalid_op),
    TEST_CASE(test_force_shutdown_workers),
    TEST_CASE(test_force_shutdown_workers_dead_workers),
    TEST_CASE(test_force_shutdown_workers_not_started_yet),
    TEST_CASE(test_force_shutdown_workers_stops_pool),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "process_pool", cases);
}
