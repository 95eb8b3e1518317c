/*
 * Workers that die, each in its own way: the task that had started fails and tells how,
 * every other task ends well, the pool goes on and nothing is left. Run on every system
 * from this one source. The one thing to know: a fault is a function like any other, and
 * what its end looks like on this system is asked from acts.h.
 */
#include "api/pools.h"
#include "fault/acts.h"

#include <signal.h>

/* ------------------------------------------------------------------ faults */

static int exits_with_0(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    exit(0);
}

static int exits_with_3(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    exit(3);
}

static int aborts(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    abort();
}

static volatile uintptr_t nowhere = 16;

static int writes_nowhere(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    *(volatile int *)nowhere = 1;
    return 0;
}

static int kills_itself(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    act_kill_self();
}

static volatile int64_t deep = INT64_MAX;

static int64_t descend(int64_t depth)
{
    volatile char room[4096];
    room[depth & 4095] = 1;
    return depth < deep ? descend(depth + 1) + room[7] : 0;
}

static int overflows_its_stack(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", descend(0));
}

// A worker does not need its channel for short results, but a long one must be announced.
static int closes_its_channel(brood_message *args, brood_message *result)
{
    (void)args;
    if (!act_close(act_channel()))
        return 1;
    return brood_message_reserve(result, 1 << 20) ? 0 : 1;
}

/* ------------------------------------------------------- what must not fail */

static void check_lost(const brood_error *error, const brd_exit *expected)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_EQUAL(error->status, BROOD_EWORKERLOST);
    CU_ASSERT_EQUAL(error->code, 0);
    CU_ASSERT(error->worker > 0 && error->worker != brd_os_pid());
    CU_ASSERT_NOT_EQUAL(error->text[0], '\0');
    CU_ASSERT_NOT_EQUAL(error->function[0], '\0');
    if (!expected)
        return;
    if (error->exit_kind != expected->kind || error->exit_code != expected->code)
        printf("        %s\n", error->text);
    CU_ASSERT_EQUAL(error->exit_kind, expected->kind);
    CU_ASSERT_EQUAL(error->exit_code, expected->code);
}

/** The task in the middle of 1,000 others is the fault. */
static void check_fault(brood_function *fault, const brd_exit *expected)
{
    enum { OTHERS = 1000 };
    static brood_future *others[OTHERS];
    brood_pool *pool = pool_of(3);
    brood_future *bad = NULL;
    int wrong = 0;
    for (int32_t i = 0; i < OTHERS; i++) {
        if (i == OTHERS / 2)
            ASSERT_OK(brood_pool_apply_async(pool, fault, NULL, NULL, &bad));
        others[i] = hand_in_number(pool, square, i);
    }
    CU_ASSERT_EQUAL(brood_future_get(bad, test_ms(20000), NULL), BROOD_EWORKERLOST);
    check_lost(brood_future_error(bad), expected);
    for (int32_t i = 0; i < OTHERS; i++) {
        int64_t value = -1;
        wrong += take_number(others[i], &value) != BROOD_OK || value != (int64_t)i * i;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    for (int32_t i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(apply_number(pool, square, i), (int64_t)i * i);
    brood_future_destroy(bad);
    pool_end(pool);
}

static void a_task_exits_with_0(void)
{
    check_fault(exits_with_0, &(brd_exit){BROOD_EXIT_CODE, 0});
}

static void a_task_exits_with_3(void)
{
    check_fault(exits_with_3, &(brd_exit){BROOD_EXIT_CODE, 3});
}

static void a_task_aborts(void)
{
    brd_exit expected = act_exit(ACT_ABORT);
    check_fault(aborts, &expected);
}

static void a_task_writes_nowhere(void)
{
    brd_exit expected = act_exit(ACT_SEGFAULT);
    check_fault(writes_nowhere, &expected);
}

static void a_task_kills_itself(void)
{
    brd_exit expected = act_exit(ACT_KILL);
    check_fault(kills_itself, &expected);
}

static void a_task_overflows_its_stack(void)
{
    brd_exit expected = act_exit(ACT_STACK_OVERFLOW);
    if (act_is_wine())
        TEST_SKIP("Wine does not survive a stack overflow as Windows does");
    check_fault(overflows_its_stack, &expected);
}

static void a_task_closes_its_channel(void)
{
    check_fault(closes_its_channel, NULL);
}

/* ------------------------------------------------------------------ chunks */

static int dies_of_seven(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    if (!status && n % 7 == 0)
        abort();
    return status ? status : brood_pack(result, "x", (int64_t)n);
}

static void a_chunk_loses_one_item(void)
{
    enum { ITEMS = 18 };
    brood_pool *pool = NULL;
    brd_exit expected = act_exit(ACT_ABORT);
    int32_t in[ITEMS];
    for (int32_t i = 0; i < ITEMS; i++)
        in[i] = i + 1; // 7 and 14 are deadly
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .restarts = 100)));
    for (size_t chunk = 1; chunk <= ITEMS + 1; chunk++) {
        brood_results *results = NULL;
        CU_ASSERT_EQUAL(brood_pool_map(pool, dies_of_seven, brood_items_int32(in, ITEMS),
                                       BROOD_MAP(.chunksize = chunk), &results),
                        BROOD_EWORKERLOST);
        for (size_t i = 0; i < ITEMS; i++) {
            int64_t value = -1;
            int status = brood_unpack(brood_results_at(results, i), "x", &value);
            CU_ASSERT_EQUAL(status, in[i] % 7 ? BROOD_OK : BROOD_EWORKERLOST);
            CU_ASSERT_EQUAL(value, in[i] % 7 ? in[i] : -1);
            if (in[i] % 7 == 0)
                check_lost(brood_results_error(results, i), &expected);
        }
        brood_results_destroy(results);
    }
    pool_end(pool);
}

/* ------------------------------------------------------------ idle workers */

enum { WORKERS = 3 };

/** The pids of all workers of a pool: each stands at the gate at the same time. */
static void list_workers(brood_pool *pool, int64_t *pids)
{
    brood_future *held[WORKERS];
    gate g;
    gate_make(&g);
    for (int32_t i = 0; i < WORKERS; i++) {
        brd_time until = test_deadline(10000);
        held[i] = stand_at_gate(pool, &g, i);
        if (brd_os_now() >= until) { // most of a minute for what takes milliseconds
            brood_pool_counts c = brood_pool_count(pool);
            fprintf(stderr, "%u workers, %u ready, %u running, %u queued\n", (unsigned)c.workers,
                    (unsigned)c.ready, (unsigned)c.running, (unsigned)c.queued);
        }
    }
    gate_open(&g);
    for (int32_t i = 0; i < WORKERS; i++)
        ASSERT_OK(take_number(held[i], &pids[i]));
    gate_remove(&g, WORKERS);
}

static void check_all_work(brood_pool *pool)
{
    brood_future *futures[60];
    int64_t value = -1;
    for (int32_t i = 0; i < 60; i++)
        futures[i] = hand_in_number(pool, square, i);
    for (int32_t i = 0; i < 60; i++) {
        ASSERT_OK(take_number(futures[i], &value));
        CU_ASSERT_EQUAL(value, (int64_t)i * i);
    }
}

static void an_idle_worker_is_killed(void)
{
    brood_pool *pool = pool_of(WORKERS);
    for (int round = 0; round < 10; round++) {
        int64_t pids[WORKERS];
        list_workers(pool, pids);
        CU_ASSERT(act_kill(pids[round % WORKERS]));
        check_all_work(pool);
    }
    pool_end(pool);
}

static void all_idle_workers_are_killed(void)
{
    brood_pool *pool = pool_of(WORKERS);
    for (int round = 0; round < 10; round++) {
        int64_t pids[WORKERS];
        list_workers(pool, pids);
        for (int i = 0; i < WORKERS; i++)
            CU_ASSERT(act_kill(pids[i]));
        check_all_work(pool);
    }
    pool_end(pool);
}

static void a_pool_ends_while_workers_are_replaced(void)
{
    for (int round = 0; round < 60; round++) {
        brood_pool *pool = pool_of(WORKERS);
        int64_t pids[WORKERS];
        list_workers(pool, pids);
        for (int i = 0; i < WORKERS; i++)
            CU_ASSERT(act_kill(pids[i]));
        // From not noticed yet to half replaced.
        for (int i = 0; i < round % 10; i++)
            moment();
        ASSERT_OK(round % 2 ? brood_pool_terminate(pool) : brood_pool_close(pool));
        if (round % 4 == 0)
            ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
        brood_pool_destroy(pool);
    }
}

/* -------------------------------------------------- whoever does not go away */

static void check_terminates(brood_pool *pool, brood_future *held)
{
    brd_time until = test_deadline(200 + 1000);
    ASSERT_OK(brood_pool_terminate(pool));
    CU_ASSERT(brd_os_now() < until);
    CU_ASSERT_EQUAL(brood_future_status(held), BROOD_ETERMINATED);
    brood_future_destroy(held);
    brood_pool_destroy(pool);
}

static brood_pool *pool_of_grace(void)
{
    brood_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .grace = 200)),
                          BROOD_OK);
    return pool;
}

/** Waits for ever: only its end can end it. */
static _Noreturn void hang(void)
{
    for (;;)
        moment();
}

static _Noreturn void spin(void)
{
    for (;;)
        nowhere = nowhere + 1;
}

static int blocks_signals_and_hangs(brood_message *args, brood_message *result)
{
    (void)result;
    act_block_signals();
    (void)gate_pass(args, result);
    spin();
}

static void a_deaf_worker_is_terminated(void)
{
    brood_pool *pool = pool_of_grace();
    brood_future *held = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    gate_pack(&g, 0, &args);
    gate_open(&g);
    ASSERT_OK(brood_pool_apply_async(pool, blocks_signals_and_hangs, &args, NULL, &held));
    CU_ASSERT(gate_await(&g, 0));
    check_terminates(pool, held);
    brood_message_clear(&args);
    gate_remove(&g, 1);
}

static int stops_itself(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    char name[1100];
    (void)result;
    if (brood_unpack(args, "si", &path, &index))
        return 1;
    gate_name(name, sizeof name, path, index);
    file_touch(name);
    (void)act_stop(brd_os_pid());
    hang();
}

static void a_stopped_worker_is_terminated(void)
{
    if (!act_stop(0x7fffffff) && act_is_wine())
        TEST_SKIP("no process can be stopped here");
    brood_pool *pool = pool_of_grace();
    brood_future *held = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    gate_pack(&g, 0, &args);
    ASSERT_OK(brood_pool_apply_async(pool, stops_itself, &args, NULL, &held));
    CU_ASSERT(gate_await(&g, 0));
    check_terminates(pool, held);
    brood_message_clear(&args);
    gate_remove(&g, 1);
}

// It stands still before it has begun: its tasks go to another one, while the pool is
// busy all the time, and nobody waits for these.
static void a_worker_that_never_begins_is_replaced(void)
{
    enum { HELD = 2 };
    if (!act_stop(0x7fffffff) && act_is_wine())
        TEST_SKIP("no process can be stopped here");
    brood_pool *pool = NULL;
    brood_future *held[HELD] = {NULL, NULL};
    int64_t stopped = 0, other = 0;
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .start_timeout = test_ms(400))));
    ASSERT_OK(brood_pool_prewarm(pool, 2, BROOD_FOREVER));
    stopped = apply_number(pool, own_pid, 0);
    CU_ASSERT_FATAL(act_stop(stopped));
    for (int i = 0; i < HELD; i++) // one of the two goes to the one that stands still
        held[i] = hand_in_number(pool, own_pid, i);
    brd_time until = test_deadline(20000);
    bool done = false;
    while (!done && brd_os_now() < until) {
        brood_future *busy = hand_in_number(pool, square, 3);
        (void)brood_future_wait(busy, test_ms(50));
        brood_future_destroy(busy);
        done = brood_future_ready(held[0]) && brood_future_ready(held[1]);
    }
    CU_ASSERT(done);
    for (int i = 0; i < HELD; i++) {
        ASSERT_OK(take_number(held[i], &other));
        CU_ASSERT_NOT_EQUAL(other, stopped);
    }
    pool_end(pool);
}

/* ----------------------------------------------------------- ways to learn */

static void polling_sees_a_death(void)
{
    brood_pool *pool = pool_of(1);
    for (int round = 0; round < 3; round++) {
        brood_future *bad = NULL;
        brd_time until = test_deadline(10000);
        ASSERT_OK(brood_pool_apply_async(pool, aborts, NULL, NULL, &bad));
        while (!brood_future_ready(bad) && brd_os_now() < until)
            continue; // as often as it goes
        CU_ASSERT_EQUAL(brood_future_status(bad), BROOD_EWORKERLOST);
        brood_future_destroy(bad);
    }
    pool_end(pool);
}

static void apply_sees_a_death(void)
{
    brood_pool *pool = pool_of(2);
    brood_message result = BROOD_MESSAGE_INIT;
    brd_exit expected = act_exit(ACT_ABORT);
    for (int round = 0; round < 8; round++) {
        CU_ASSERT_EQUAL(brood_pool_apply(pool, aborts, NULL, &result), BROOD_EWORKERLOST);
        check_lost(brood_message_error(&result), &expected);
        CU_ASSERT_EQUAL(apply_number(pool, square, 4), 16);
    }
    brood_message_clear(&result);
    pool_end(pool);
}

/* --------------------------------------------------------------- crash loop */

static int aborts_at_start(brood_message *args, brood_message *result)
{
    const char *path;
    (void)result;
    if (!brood_unpack(args, "s", &path))
        file_touch(path);
    abort();
}

static void check_gives_up(brood_pool *pool)
{
    brood_message result = BROOD_MESSAGE_INIT;
    brd_exit expected = act_exit(ACT_ABORT);
    for (int call = 0; call < 2; call++) {
        CU_ASSERT_EQUAL(brood_pool_apply(pool, square, NULL, &result), BROOD_EBROKEN);
        const brood_error *error = brood_message_error(&result);
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_EQUAL(error->exit_kind, expected.kind);
        CU_ASSERT_EQUAL(error->exit_code, expected.code);
        CU_ASSERT(error->worker > 0);
    }
    brood_message_clear(&result);
}

static void a_crash_loop_ends(void)
{
    enum { RESTARTS = 4 };
    brood_pool *pool = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate starts; // its file has a byte for every start
    gate_make(&starts);
    ASSERT_OK(brood_pack(&args, "s", starts.path));
    ASSERT_OK(brood_pool_create(
        &pool, BROOD_POOL(.processes = 1, .restarts = RESTARTS, .restart_window = 600000,
                          .initializer = aborts_at_start, .initializer_args = &args)));
    check_gives_up(pool);
    CU_ASSERT_EQUAL(file_size(starts.path), RESTARTS + 1);
    brood_pool_destroy(pool);
    gate_remove(&starts, 0);
    brood_message_clear(&args);
}

/** Leaves a byte for the start, then does what it is told. */
static int never_succeeds(brood_message *args, brood_message *result)
{
    const char *path, *how;
    (void)result;
    if (brood_unpack(args, "ss", &path, &how))
        return 1;
    file_touch(path);
    if (strcmp(how, "exits") == 0)
        exit(3);
    if (strcmp(how, "hangs") == 0)
        hang();
    return brood_fail("no license");
}

// One clear error for whoever asks, and no more starts than the budget has.
static void check_initializer(const char *how, const char *why)
{
    enum { RESTARTS = 2 };
    brood_pool *pool = NULL;
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    gate starts;
    gate_make(&starts);
    ASSERT_OK(brood_pack(&args, "ss", starts.path, how));
    ASSERT_OK(brood_pool_create(
        &pool, BROOD_POOL(.processes = 1, .restarts = RESTARTS, .restart_window = 600000,
                          .initializer = never_succeeds, .initializer_args = &args,
                          .start_timeout = strcmp(how, "hangs") ? test_ms(60000) : test_ms(300))));
    CU_ASSERT_EQUAL(brood_pool_apply(pool, square, NULL, &result), BROOD_EBROKEN);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error->text, why));
    CU_ASSERT_EQUAL(brood_pool_prewarm(pool, 0, BROOD_FOREVER), BROOD_EBROKEN);
    long started = file_size(starts.path); // one that hangs may be killed before its byte
    CU_ASSERT(started <= RESTARTS + 1 && (started == RESTARTS + 1 || strcmp(how, "hangs") == 0));
    brood_pool_destroy(pool);
    gate_remove(&starts, 0);
    brood_message_clear(&result);
    brood_message_clear(&args);
}

static void an_initializer_that_fails(void)
{
    check_initializer("fails", "no license");
}

static void an_initializer_that_exits(void)
{
    check_initializer("exits", "exited with code 3");
}

static void an_initializer_that_hangs(void)
{
    check_initializer("hangs", "in time");
}

static const test_case cases[] = {
    TEST_CASE(a_task_exits_with_0),
    TEST_CASE(a_task_exits_with_3),
    TEST_CASE(a_task_aborts),
    TEST_CASE(a_task_writes_nowhere),
    TEST_CASE(a_task_kills_itself),
    TEST_CASE(a_task_overflows_its_stack),
    TEST_CASE(a_task_closes_its_channel),
    TEST_CASE(a_chunk_loses_one_item),
    TEST_CASE(an_idle_worker_is_killed),
    TEST_CASE(all_idle_workers_are_killed),
    TEST_CASE(a_pool_ends_while_workers_are_replaced),
    TEST_CASE(a_deaf_worker_is_terminated),
    TEST_CASE(a_stopped_worker_is_terminated),
    TEST_CASE(a_worker_that_never_begins_is_replaced),
    TEST_CASE(polling_sees_a_death),
    TEST_CASE(apply_sees_a_death),
    TEST_CASE(a_crash_loop_ends),
    TEST_CASE(an_initializer_that_fails),
    TEST_CASE(an_initializer_that_exits),
    TEST_CASE(an_initializer_that_hangs),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "worker_death", cases);
}
