/*
 * How tasks are to be run: priorities, and retries of those whose workers died. Run on
 * every system from this one source. The one thing to know: each run of a task leaves a
 * byte, in the file of its number or in the log that all share, so orders and counts are
 * read from files.
 */
#include "api/early.h"

/* --------------------------------------------------------------- priorities */

/** Appends its letter to the log. One worker only. */
static int logs(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    int status = brood_unpack(args, "si", &path, &index);
    FILE *file = status ? NULL : fopen(path, "ab");
    if (!file)
        return status ? status : brood_fail("no log");
    fputc('a' + (int)index, file);
    fclose(file);
    return brood_pack(result, "x", (int64_t)index);
}

static void check_log(const gate *log, const char *expected)
{
    char text[128] = "";
    FILE *file = fopen(log->path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    if (strcmp(text, expected) != 0)
        printf("        %s instead of %s\n", text, expected);
    CU_ASSERT_STRING_EQUAL(text, expected);
}

static void higher_ones_go_first(void)
{
    static const int32_t priorities[] = {0, -1, 5, 0, 5, -1, INT32_MAX, INT32_MIN, 0, 5};
    enum { TASKS = sizeof priorities / sizeof *priorities };
    brood_pool *pool = pool_of(1); // fresh: nothing is sent behind the task at the gate
    brood_future *futures[TASKS];
    gate g, log;
    gate_make(&g);
    gate_make(&log);
    brood_future *held = stand_at_gate(pool, &g, 0);
    for (int32_t i = 0; i < TASKS; i++)
        futures[i] = hand_in(pool, logs, &log, i, BROOD_TASK(.priority = priorities[i]));
    gate_open(&g);
    check_end(held, BROOD_OK);
    for (int32_t i = 0; i < TASKS; i++)
        check_end(futures[i], BROOD_OK);
    pool_end(pool);
    check_log(&log, "gcejadibfh");
    gate_remove(&log, 0);
    gate_remove(&g, FILES);
}

/** A map of three items: letters from `first` on. */
static brood_future *log_three(brood_pool *pool, const gate *log, int32_t first,
                               const brood_map_options *options)
{
    brood_message tuples[3] = {BROOD_MESSAGE_INIT, BROOD_MESSAGE_INIT, BROOD_MESSAGE_INIT};
    brood_future *future = NULL;
    for (int32_t i = 0; i < 3; i++)
        gate_pack(log, first + i, &tuples[i]);
    CU_ASSERT_EQUAL_FATAL(brood_pool_starmap_async(pool, logs, tuples, 3, options, &future),
                          BROOD_OK);
    for (int i = 0; i < 3; i++)
        brood_message_clear(&tuples[i]);
    return future;
}

static void tasks_and_maps_keep_one_order(void)
{
    enum { ALL = 9 };
    brood_pool *pool = pool_of(1);
    gate g, log;
    gate_make(&g);
    gate_make(&log);
    brood_future *held = stand_at_gate(pool, &g, 0);
    brood_future *all[ALL] = {
        hand_in(pool, logs, &log, 0, NULL),                                  // a
        log_three(pool, &log, 1, BROOD_MAP(.chunksize = 1)),                 // bcd
        hand_in(pool, logs, &log, 4, NULL),                                  // e
        log_three(pool, &log, 5, BROOD_MAP(.chunksize = 2, .priority = 5)),  // fgh
        hand_in(pool, logs, &log, 8, BROOD_TASK(.priority = 5)),             // i
        log_three(pool, &log, 9, BROOD_MAP(.chunksize = 3, .priority = -1)), // jkl
        hand_in(pool, logs, &log, 12, BROOD_TASK(.priority = -1)),           // m
        log_three(pool, &log, 13, BROOD_MAP(.chunksize = 1, .priority = 5)), // nop
        hand_in(pool, logs, &log, 16, BROOD_TASK(.priority = 6)),            // q
    };
    gate_open(&g);
    check_end(held, BROOD_OK);
    for (int i = 0; i < ALL; i++)
        check_end(all[i], BROOD_OK);
    pool_end(pool);
    check_log(&log, "qfghinopabcdejklm");
    gate_remove(&log, 0);
    gate_remove(&g, FILES);
}

// What comes back from a dead worker goes before its equals, and behind its betters.
static void what_comes_back_keeps_its_place(void)
{
    brood_pool *pool = NULL;
    brood_future *futures[4];
    gate g, log;
    gate_make(&g);
    gate_make(&log);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .grace = 50)));
    make_rings_deep(pool); // some of them are in the ring of the worker that will be killed
    brood_future *deaf = running(pool, is_deaf, &g, 0, NULL);
    for (int32_t i = 0; i < 4; i++)
        futures[i] = hand_in(pool, logs, &log, i, NULL);
    ASSERT_OK(brood_future_cancel(deaf));
    for (int i = 0; i < 4; i++)
        check_end(futures[i], BROOD_OK);
    check_end(deaf, BROOD_ECANCELLED);
    pool_end(pool);
    check_log(&log, "abcd");
    gate_remove(&log, 0);
    gate_remove(&g, FILES);
}

/* ------------------------------------------------------------------ retries */

/** "sii": dies as long as its file has fewer bytes than `times`; each run adds one. */
static int dies(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index, times;
    int status = brood_unpack(args, "sii", &path, &index, &times);
    if (status)
        return status;
    gate_name(name, sizeof name, path, index);
    long before = file_size(name);
    file_touch(name);
    if (before < times)
        brd_os_exit(3);
    return brood_pack(result, "x", (int64_t)index);
}

static long count_runs(const gate *g, int32_t index)
{
    char name[1100];
    gate_name(name, sizeof name, g->path, index);
    return file_size(name);
}

static brood_future *hand_in_mortal(brood_pool *pool, const gate *g, int32_t index, int32_t times,
                                    uint32_t retries)
{
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "sii", g->path, index, times));
    CU_ASSERT_EQUAL_FATAL(
        brood_pool_apply_async(pool, dies, &args, BROOD_TASK(.retries = retries), &future),
        BROOD_OK);
    brood_message_clear(&args);
    return future;
}

enum { ALWAYS = 1000 };

static void check_retries(int32_t times, uint32_t retries, int expected, long runs_expected)
{
    brood_pool *pool = pool_of(2);
    int64_t value = -1;
    gate g;
    gate_make(&g);
    brood_future *future = hand_in_mortal(pool, &g, 0, times, retries);
    check_status(future, expected);
    const brood_error *error = brood_future_error(future);
    if (error) {
        CU_ASSERT_EQUAL(error->exit_kind, BROOD_EXIT_CODE);
        CU_ASSERT_EQUAL(error->exit_code, 3);
        CU_ASSERT(error->worker > 0);
        CU_ASSERT_EQUAL(strstr(error->text, "given up") != NULL, retries >= 3);
        CU_ASSERT_EQUAL(strstr(error->text, "3 workers") != NULL, retries >= 3);
    }
    CU_ASSERT_EQUAL(take_number(future, &value), expected);
    CU_ASSERT_EQUAL(value, expected ? -1 : 0);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_runs(&g, 0), runs_expected);
    gate_remove(&g, FILES);
}

static void a_task_is_run_again(void)
{
    check_retries(0, 2, BROOD_OK, 1);
    check_retries(1, 1, BROOD_OK, 2);
    check_retries(2, 2, BROOD_OK, 3);
    check_retries(2, 10, BROOD_OK, 3);
}

static void retries_come_to_an_end(void)
{
    check_retries(1, 0, BROOD_EWORKERLOST, 1);
    check_retries(ALWAYS, 1, BROOD_EWORKERLOST, 2);
    check_retries(2, 1, BROOD_EWORKERLOST, 2);
    check_retries(ALWAYS, 2, BROOD_EWORKERLOST, 3);
}

static void a_poisonous_task_is_given_up(void)
{
    check_retries(ALWAYS, 10, BROOD_EWORKERLOST, 3);
    check_retries(3, 3, BROOD_EWORKERLOST, 3);
    check_retries(ALWAYS, UINT32_MAX, BROOD_EWORKERLOST, 3);
}

// More deaths than `restarts`: they are the tasks' fault, and do not break the pool.
static void poison_does_not_break_the_pool(void)
{
    enum { POISON = 12, OTHERS = 100 };
    brood_pool *pool = NULL;
    brood_future *bad[POISON], *good[OTHERS];
    int64_t value;
    gate g;
    gate_make(&g);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .restarts = 2)));
    for (int32_t i = 0; i < OTHERS; i++) {
        if (i < POISON)
            bad[i] = hand_in_mortal(pool, &g, i, ALWAYS, 10);
        good[i] = hand_in_number(pool, square, i);
    }
    for (int i = 0; i < POISON; i++)
        check_end(bad[i], BROOD_EWORKERLOST);
    for (int i = 0; i < OTHERS; i++) {
        ASSERT_OK(take_number(good[i], &value));
        CU_ASSERT_EQUAL(value, (int64_t)i * i);
    }
    pool_end(pool);
    for (int32_t i = 0; i < POISON; i++)
        CU_ASSERT_EQUAL(count_runs(&g, i), 3);
    gate_remove(&g, FILES);
}

// Only a death is a reason to run it again.
static void what_ended_otherwise_is_not_run_again(void)
{
    watched w = {0};
    brood_future *failed = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    brood_pool *pool = watched_pool(&w, 1, 50);
    ASSERT_OK(brood_pack(&args, "i", 7));
    ASSERT_OK(brood_pool_apply_async(pool, odd_fails, &args, BROOD_TASK(.retries = 5), &failed));
    check_end(failed, BROOD_ETASK);
    brood_future *cancelled = running(pool, is_deaf, &g, 0, BROOD_TASK(.retries = 5));
    ASSERT_OK(brood_future_cancel(cancelled));
    check_end(cancelled, BROOD_ECANCELLED);
    check_end(hand_in(pool, is_deaf, &g, 1, BROOD_TASK(.retries = 5, .time_limit = 50)),
              BROOD_ETIMELIMIT);
    check_end(hand_in(pool, is_deaf, &g, 2, BROOD_TASK(.retries = 5, .deadline = test_ms(400))),
              BROOD_EDEADLINE);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 3);
    for (int32_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(count_runs(&g, i), 1);
    brood_message_clear(&args);
    gate_remove(&g, FILES);
}

// Cancelled between two lives: it is in the queue then, and never starts again.
static void one_that_died_is_cancelled(void)
{
    brood_pool *pool = pool_of(1);
    gate g;
    gate_make(&g);
    for (int32_t round = 0; round < 20; round++) {
        brood_future *future = hand_in_mortal(pool, &g, round, 2, 2);
        CU_ASSERT(gate_await(&g, round));
        for (int i = 0; i < round % 5; i++)
            moment();
        int answer = brood_future_cancel(future);
        check_end(future, answer == BROOD_OK ? BROOD_ECANCELLED : BROOD_OK);
        CU_ASSERT(answer == BROOD_OK || answer == BROOD_EEND);
        CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
        CU_ASSERT(count_runs(&g, round) <= 3);
    }
    pool_end(pool);
    gate_remove(&g, FILES);
}

/** A map over items of which each dies `times[i]` times. */
static int map_mortals(brood_pool *pool, const gate *g, const int32_t *times, int32_t count,
                       const brood_map_options *options, brood_results **results)
{
    brood_message *tuples = calloc((size_t)count, sizeof *tuples);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tuples);
    for (int32_t i = 0; i < count; i++)
        ASSERT_OK(brood_pack(&tuples[i], "sii", g->path, i, times[i]));
    int status = brood_pool_starmap(pool, dies, tuples, (size_t)count, options, results);
    CU_ASSERT_PTR_NOT_NULL_FATAL(*results);
    drop(tuples, count);
    return status;
}

static void items_are_run_again(void)
{
    static const int32_t times[] = {0, 0, 2, 0, 1, 2, 0};
    enum { ITEMS = sizeof times / sizeof *times };
    for (size_t chunk = 1; chunk <= ITEMS; chunk++) {
        brood_pool *pool = pool_of(1 + chunk % 2);
        brood_results *results = NULL;
        gate g;
        gate_make(&g);
        ASSERT_OK(map_mortals(pool, &g, times, ITEMS, BROOD_MAP(.chunksize = chunk, .retries = 2),
                              &results));
        for (int32_t i = 0; i < ITEMS; i++) {
            int64_t value = -1;
            ASSERT_OK(brood_unpack(brood_results_at(results, (size_t)i), "x", &value));
            CU_ASSERT_EQUAL(value, i);
            CU_ASSERT_EQUAL(count_runs(&g, i), times[i] + 1);
        }
        brood_results_destroy(results);
        pool_end(pool);
        gate_remove(&g, FILES);
    }
}

// The item before it has died as well: what is counted is the item's, not the chunk's.
static void poisonous_items_are_given_up(void)
{
    static const int32_t times[] = {0, 2, ALWAYS, 0, 2, ALWAYS, 1, 0};
    enum { ITEMS = sizeof times / sizeof *times };
    for (size_t chunk = 1; chunk <= ITEMS; chunk += 7) {
        brood_pool *pool = pool_of(1);
        brood_results *results = NULL;
        gate g;
        gate_make(&g);
        CU_ASSERT_EQUAL(map_mortals(pool, &g, times, ITEMS,
                                    BROOD_MAP(.chunksize = chunk, .retries = 10), &results),
                        BROOD_EWORKERLOST);
        for (int32_t i = 0; i < ITEMS; i++) {
            bool poison = times[i] == ALWAYS;
            CU_ASSERT_EQUAL(brood_results_status(results, (size_t)i),
                            poison ? BROOD_EWORKERLOST : BROOD_OK);
            CU_ASSERT_EQUAL(count_runs(&g, i), poison ? 3 : times[i] + 1);
            if (poison)
                CU_ASSERT_PTR_NOT_NULL(
                    strstr(brood_results_error(results, (size_t)i)->text, "given up"));
        }
        CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
        brood_results_destroy(results);
        pool_end(pool);
        gate_remove(&g, FILES);
    }
}

// fail_fast counts the death only when there are no retries left.
static void fail_fast_waits_for_the_retries(void)
{
    static const int32_t times[] = {0, 1, 0, 2, 0, 0};
    enum { ITEMS = sizeof times / sizeof *times };
    brood_pool *pool = pool_of(1);
    brood_results *results = NULL;
    gate g;
    gate_make(&g);
    CU_ASSERT_EQUAL(map_mortals(pool, &g, times, ITEMS,
                                BROOD_MAP(.chunksize = ITEMS, .retries = 1, .fail_fast = 1),
                                &results),
                    BROOD_EWORKERLOST);
    for (int32_t i = 0; i < ITEMS; i++) {
        int expected = i < 3 ? BROOD_OK : i == 3 ? BROOD_EWORKERLOST : BROOD_ECANCELLED;
        CU_ASSERT_EQUAL(brood_results_status(results, (size_t)i), expected);
        CU_ASSERT_EQUAL(count_runs(&g, i), i < 3 ? times[i] + 1 : i == 3 ? 2 : 0);
    }
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    brood_results_destroy(results);
    pool_end(pool);
    gate_remove(&g, FILES);
}

static const test_case cases[] = {
    TEST_CASE(higher_ones_go_first),
    TEST_CASE(tasks_and_maps_keep_one_order),
    TEST_CASE(what_comes_back_keeps_its_place),
    TEST_CASE(a_task_is_run_again),
    TEST_CASE(retries_come_to_an_end),
    TEST_CASE(a_poisonous_task_is_given_up),
    TEST_CASE(poison_does_not_break_the_pool),
    TEST_CASE(what_ended_otherwise_is_not_run_again),
    TEST_CASE(one_that_died_is_cancelled),
    TEST_CASE(items_are_run_again),
    TEST_CASE(poisonous_items_are_given_up),
    TEST_CASE(fail_fast_waits_for_the_retries),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "terms", cases);
}
