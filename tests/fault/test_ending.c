/*
 * Ending a pool: never longer than its grace and a second, whatever its workers do; every
 * future has its end then, and nothing that a killed task has started is left. Run on
 * every system from this one source. The one thing to know: tasks that are deaf, stopped
 * or blocked leave a file when they are so far, and only then the pool is ended.
 */
#include "api/early.h"
#include "fault/acts.h"

enum { GRACE = 300, ROOM = 1000 };

typedef int ending(brood_pool *pool);

static int destroy(brood_pool *pool)
{
    brood_pool_destroy(pool);
    return BROOD_OK;
}

static void end_in_time(brood_pool *pool, ending *how)
{
    brd_time until = test_deadline(GRACE + ROOM);
    ASSERT_OK(how(pool));
    CU_ASSERT(brd_os_now() < until);
}

/** It has ended already: nobody would move it on. */
static void check_terminated(brood_future *future)
{
    CU_ASSERT_EQUAL(brood_future_ready(future), 1);
    CU_ASSERT_EQUAL(brood_future_status(future), BROOD_ETERMINATED);
    CU_ASSERT_PTR_NOT_NULL(brood_future_error(future));
    brood_future_destroy(future);
}

static brood_pool *pool_with_grace(uint32_t processes)
{
    brood_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(
        brood_pool_create(&pool, BROOD_POOL(.processes = processes, .grace = GRACE)), BROOD_OK);
    return pool;
}

/* ---------------------------------------------------------- who does not go */

static int blocks_signals_and_spins(brood_message *args, brood_message *result)
{
    act_block_signals();
    return is_deaf(args, result);
}

/** Leaves its file and stops; where that is not possible, it leaves the other one too. */
static int stops(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index;
    (void)result;
    if (task_place(args, &path, &index, name, sizeof name))
        return 1;
    file_touch(name);
    gate_name(name, sizeof name, path, index + SEEN);
    if (!act_stop(brd_os_pid()))
        file_touch(name);
    spin_for_ever();
}

enum { WORKERS = 3, BEHIND = 50 };

/** Each worker runs one of these, others wait. True if they are what they say they are. */
static bool check_ends(brood_function *function, ending *how)
{
    brood_future *futures[WORKERS + BEHIND];
    gate g;
    gate_make(&g);
    brood_pool *pool = pool_with_grace(WORKERS);
    for (int32_t i = 0; i < WORKERS; i++)
        futures[i] = hand_in(pool, function, &g, i, NULL);
    for (int32_t i = 0; i < WORKERS; i++)
        CU_ASSERT(gate_await(&g, i));
    for (int32_t i = WORKERS; i < WORKERS + BEHIND; i++)
        futures[i] = hand_in(pool, runs, &g, i, NULL);
    end_in_time(pool, how);
    for (int32_t i = 0; i < WORKERS + BEHIND; i++) {
        check_terminated(futures[i]);
        CU_ASSERT_EQUAL(has_run(&g, i), i < WORKERS);
    }
    bool real = !has_run(&g, SEEN);
    if (how != destroy)
        brood_pool_destroy(pool);
    gate_remove(&g, FILES);
    return real;
}

static void endless_loops_are_terminated(void)
{
    (void)check_ends(is_deaf, brood_pool_terminate);
}

static void deaf_workers_are_terminated(void)
{
    (void)check_ends(blocks_signals_and_spins, brood_pool_terminate);
}

static void stopped_workers_are_terminated(void)
{
    if (!check_ends(stops, brood_pool_terminate))
        TEST_SKIP("no process can be stopped here");
}

static void endless_loops_are_destroyed(void)
{
    (void)check_ends(is_deaf, destroy);
}

static int close_and_destroy(brood_pool *pool)
{
    ASSERT_OK(brood_pool_close(pool));
    CU_ASSERT_EQUAL(brood_pool_join(pool, 20), BROOD_ETIMEDOUT);
    brood_pool_destroy(pool);
    return BROOD_OK;
}

static int close_and_terminate(brood_pool *pool)
{
    ASSERT_OK(brood_pool_close(pool));
    ASSERT_OK(brood_pool_terminate(pool));
    ASSERT_OK(brood_pool_terminate(pool));
    return brood_pool_join(pool, 0);
}

static void a_closed_pool_is_ended(void)
{
    brood_future *futures[WORKERS];
    ending *const ways[] = {close_and_destroy, close_and_terminate};
    for (int way = 0; way < 2; way++) {
        gate g;
        gate_make(&g);
        brood_pool *pool = pool_with_grace(WORKERS);
        for (int32_t i = 0; i < WORKERS; i++)
            futures[i] = running(pool, is_deaf, &g, i, NULL);
        end_in_time(pool, ways[way]);
        for (int32_t i = 0; i < WORKERS; i++)
            check_terminated(futures[i]);
        if (way == 1)
            brood_pool_destroy(pool);
        gate_remove(&g, FILES);
    }
}

// They have nothing to do, and take nothing any more.
static void stopped_idle_workers_are_terminated(void)
{
    brood_future *held[WORKERS], *futures[BEHIND];
    int64_t pids[WORKERS];
    bool stopped = true;
    gate g;
    gate_make(&g);
    brood_pool *pool = pool_with_grace(WORKERS);
    for (int32_t i = 0; i < WORKERS; i++)
        held[i] = stand_at_gate(pool, &g, i);
    gate_open(&g);
    for (int32_t i = 0; i < WORKERS; i++)
        ASSERT_OK(take_number(held[i], &pids[i]));
    for (int32_t i = 0; i < WORKERS; i++)
        stopped = act_stop(pids[i]) && stopped;
    for (int32_t i = 0; stopped && i < BEHIND; i++)
        futures[i] = hand_in(pool, runs, &g, SEEN + i, NULL);
    end_in_time(pool, brood_pool_terminate);
    for (int32_t i = 0; stopped && i < BEHIND; i++)
        check_terminated(futures[i]);
    brood_pool_destroy(pool);
    gate_remove(&g, FILES);
    if (!stopped)
        TEST_SKIP("no process can be stopped here");
}

static void workers_that_never_come_up_are_terminated(void)
{
    brood_future *futures[WORKERS];
    brood_pool *pool = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    gate_pack(&g, SEEN, &args);
    ASSERT_OK(
        brood_pool_create(&pool, BROOD_POOL(.processes = WORKERS, .grace = GRACE,
                                            .initializer = is_deaf, .initializer_args = &args)));
    for (int32_t i = 0; i < WORKERS; i++)
        futures[i] = hand_in(pool, runs, &g, i, NULL);
    CU_ASSERT(gate_await(&g, SEEN));
    end_in_time(pool, brood_pool_terminate);
    for (int32_t i = 0; i < WORKERS; i++)
        check_terminated(futures[i]);
    brood_pool_destroy(pool);
    CU_ASSERT(!has_run(&g, 0));
    brood_message_clear(&args);
    gate_remove(&g, FILES);
}

/* -------------------------------------------------------------- many futures */

static void count_terminated(brood_future *future, void *baton)
{
    if (brood_future_status(future) == BROOD_ETERMINATED)
        atomic_fetch_add((atomic_int *)baton, 1);
}

static void thousands_wait(void)
{
    enum { MANY = 10000 };
    static brood_future *futures[MANY];
    atomic_int heard = 0;
    int wrong = 0;
    gate g;
    gate_make(&g);
    brood_pool *pool = pool_with_grace(2); // fresh: the first two of them run, and no others
    for (int32_t i = 0; i < MANY; i++)
        futures[i] = hand_in(pool, i % 2 ? is_deaf : gate_pass, &g, i,
                             BROOD_TASK(.priority = i % 3 ? 0 : 1,
                                        .error_callback = count_terminated, .baton = &heard));
    CU_ASSERT(gate_await(&g, 0));
    end_in_time(pool, brood_pool_terminate);
    for (int32_t i = 0; i < MANY; i++) {
        wrong +=
            !brood_future_ready(futures[i]) || brood_future_status(futures[i]) != BROOD_ETERMINATED;
        brood_future_destroy(futures[i]);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    brood_pool_destroy(pool);
    CU_ASSERT_EQUAL(atomic_load(&heard), MANY);
    gate_remove(&g, FILES);
}

// What has ended keeps its end, also what was cancelled and still runs.
static void what_has_ended_stays_so(void)
{
    brood_pool *pool = pool_with_grace(2);
    brood_message tuples[3] = {BROOD_MESSAGE_INIT, BROOD_MESSAGE_INIT, BROOD_MESSAGE_INIT};
    brood_future *map = NULL;
    int64_t value = 0;
    gate g;
    gate_make(&g);
    brood_future *good = hand_in_number(pool, square, 5);
    check_status(good, BROOD_OK);
    brood_future *cancelled = running(pool, is_deaf, &g, 3, NULL);
    ASSERT_OK(brood_future_cancel(cancelled));
    for (int32_t i = 0; i < 3; i++)
        gate_pack(&g, i, &tuples[i]);
    ASSERT_OK(
        brood_pool_starmap_async(pool, gate_pass, tuples, 3, BROOD_MAP(.chunksize = 3), &map));
    CU_ASSERT(gate_await(&g, 0));
    end_in_time(pool, brood_pool_terminate);
    CU_ASSERT_EQUAL(brood_results_count(brood_future_results(map)), 3);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(brood_results_status(brood_future_results(map), i), BROOD_ETERMINATED);
    check_terminated(map);
    check_end(cancelled, BROOD_ECANCELLED);
    ASSERT_OK(take_number(good, &value));
    CU_ASSERT_EQUAL(value, 25);
    brood_pool_destroy(pool);
    for (int i = 0; i < 3; i++)
        brood_message_clear(&tuples[i]);
    gate_remove(&g, FILES);
}

// Before anything is killed, the task that runs is told: also one that runs behind others
// whose results nobody has read.
static void a_task_sees_that_its_pool_ends(void)
{
    enum { SHORT = 5, ROUNDS = 4 };
    for (int32_t round = 0; round < ROUNDS; round++) {
        brood_future *before[SHORT];
        brood_pool *pool = NULL;
        gate g;
        gate_make(&g);
        ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .grace = test_ms(30000))));
        make_rings_deep(pool);
        for (int32_t i = 0; i < SHORT; i++)
            before[i] = hand_in_number(pool, square, i);
        brood_future *future = hand_in(pool, obeys, &g, 0, NULL);
        brd_time until = test_deadline(20000);
        while (!has_run(&g, 0) && brd_os_now() < until)
            continue; // too short for anybody else to look into the ring
        ASSERT_OK(brood_pool_terminate(pool));
        CU_ASSERT(has_run(&g, SEEN));
        check_terminated(future);
        for (int32_t i = 0; i < SHORT; i++)
            brood_future_destroy(before[i]);
        brood_pool_destroy(pool);
        gate_remove(&g, FILES);
    }
}

/* ------------------------------------------------------------- other threads */

/** What one thread waits for, and what it got. */
typedef struct waiting {
    brood_pool *pool;
    brood_future *future;
    brood_iterator *iterator;
    const gate *g;
    int status;
} waiting;

static void get(void *baton)
{
    waiting *w = baton;
    w->status = brood_future_get(w->future, BROOD_FOREVER, NULL);
}

static void wait_for_all(void *baton)
{
    waiting *w = baton;
    w->status = brood_wait(&w->future, 1, BROOD_ALL_COMPLETED, BROOD_FOREVER);
}

static void next_of(void *baton)
{
    waiting *w = baton;
    w->status = brood_iterator_next(w->iterator, BROOD_FOREVER, NULL, NULL);
}

static void apply(void *baton)
{
    waiting *w = baton;
    brood_message args = BROOD_MESSAGE_INIT;
    if (brood_pack(&args, "si", w->g->path, 10) == BROOD_OK)
        w->status = brood_pool_apply(w->pool, runs, &args, NULL);
    brood_message_clear(&args);
}

static void map(void *baton)
{
    waiting *w = baton;
    brood_results *results = NULL;
    static const int32_t numbers[40];
    w->status = brood_pool_map(w->pool, square, brood_items_int32(numbers, 40), NULL, &results);
    brood_results_destroy(results);
}

static void terminate(void *baton)
{
    waiting *w = baton;
    w->status = brood_pool_terminate(w->pool);
}

static void whoever_waits_is_let_go(void)
{
    static void (*const ways[])(void *baton) = {get, wait_for_all, next_of,   apply,
                                                map, get,          terminate, terminate};
    static const int expected[] = {BROOD_ETERMINATED, BROOD_OK,          BROOD_ETERMINATED,
                                   BROOD_ETERMINATED, BROOD_ETERMINATED, BROOD_ETERMINATED,
                                   BROOD_OK,          BROOD_OK};
    enum { THREADS = sizeof ways / sizeof *ways, WAITERS = THREADS - 2 };
    static const int32_t numbers[5];
    brd_thread threads[THREADS] = {{0}};
    waiting w[THREADS];
    brood_iterator *iterator = NULL;
    gate g;
    gate_make(&g);
    brood_pool *pool = pool_with_grace(1);
    brood_future *future = running(pool, is_deaf, &g, 0, NULL);
    brood_future *queued = hand_in(pool, runs, &g, 1, NULL);
    ASSERT_OK(brood_pool_imap(pool, square, brood_items_int32(numbers, 5), NULL, &iterator));
    uint64_t handed_in = 1 + 5 + 1 + 40;
    brd_time until = 0;
    for (int i = 0; i < THREADS; i++) {
        w[i] = (waiting){pool, i ? queued : future, iterator, &g, -1};
        if (i == WAITERS) {
            CU_ASSERT(await_counts(pool, 1, handed_in)); // of the others, each is about to wait
            until = test_deadline(GRACE + ROOM);
        }
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], ways[i], &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        brd_os_thread_join(&threads[i]);
        CU_ASSERT_EQUAL(w[i].status, expected[i]);
    }
    CU_ASSERT(brd_os_now() < until);
    brood_iterator_destroy(iterator);
    check_terminated(future);
    check_terminated(queued);
    brood_pool_destroy(pool);
    CU_ASSERT(!has_run(&g, 1) && !has_run(&g, 10));
    gate_remove(&g, FILES);
}

/* ------------------------------------------------------------------ the tree */

enum { PID = 60, THERE = 61 };

/** Tells its pid in a file, and that it is there; `path` is a gate's. */
static void tell_pid(const char *path)
{
    char name[1100];
    gate_name(name, sizeof name, path, PID);
    FILE *file = fopen(name, "wb");
    if (!file)
        return;
    fprintf(file, "%lld", (long long)brd_os_pid());
    fclose(file);
    gate_name(name, sizeof name, path, THERE);
    file_touch(name);
}

static int64_t told_pid(const gate *g)
{
    char name[1100], text[32] = "";
    gate_name(name, sizeof name, g->path, PID);
    FILE *file = fopen(name, "rb");
    if (!file)
        return 0;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return strtoll(text, NULL, 10);
}

/** A grandchild: it stays, but not after the longest test. */
static int grandchild(int argc, char **argv)
{
    brd_time until = test_deadline(60000);
    if (argc < 1)
        return 1;
    tell_pid(argv[0]);
    while (brd_os_now() < until)
        moment();
    return 0;
}

static int start_grandchild(const char *path)
{
    char self[1024];
    int status = brd_os_self_path(self, sizeof self);
    if (status)
        return status;
    return act_start(self, "--child=grandchild", path) ? BROOD_OK : brood_fail("no grandchild");
}

static int starts_a_program(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    int status = brood_unpack(args, "si", &path, &index);
    (void)result;
    if (!status)
        status = start_grandchild(path);
    if (status)
        return status;
    spin_for_ever();
}

static int tells_and_spins(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    (void)result;
    if (brood_unpack(args, "si", &path, &index))
        return 1;
    tell_pid(path);
    spin_for_ever();
}

/** Has a pool of its own, whose worker is as deaf as itself. */
static int starts_a_pool(brood_message *args, brood_message *result)
{
    brood_pool *pool = NULL;
    (void)result;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = 1));
    if (!status)
        status = brood_pool_apply_async(pool, tells_and_spins, args, NULL, NULL);
    if (status)
        return status;
    spin_for_ever();
}

/** What becomes of the task that has started something. */
typedef enum fate { CANCELLED, OVER_ITS_LIMIT, TERMINATED, KILLED } fate;

static void check_tree(brood_function *function, fate how)
{
    static const int statuses[] = {BROOD_ECANCELLED, BROOD_ETIMELIMIT, BROOD_ETERMINATED,
                                   BROOD_EWORKERLOST};
    const int64_t limit = how == OVER_ITS_LIMIT ? test_ms(2000) : 0;
    act_watch watch;
    gate g;
    gate_make(&g);
    brood_pool *pool = pool_with_grace(1);
    int64_t worker = pid_of_worker(pool);
    brood_future *future = hand_in(pool, function, &g, 0, BROOD_TASK(.time_limit = limit));
    CU_ASSERT_FATAL(gate_await(&g, THERE));
    CU_ASSERT_FATAL(told_pid(&g) > 0 && told_pid(&g) != worker);
    CU_ASSERT_FATAL(act_watch_open(&watch, told_pid(&g)));
    CU_ASSERT(!act_watch_gone(&watch, 0));
    if (how == CANCELLED) {
        ASSERT_OK(brood_future_cancel(future));
    } else if (how == TERMINATED) {
        ASSERT_OK(brood_pool_terminate(pool));
    } else if (how == KILLED) {
        CU_ASSERT(act_kill(worker));
    }
    CU_ASSERT_EQUAL(brood_future_get(future, test_ms(20000), NULL), statuses[how]);
    bool gone = act_watch_gone(&watch, test_deadline(GRACE + ROOM));
    CU_ASSERT(gone);
    if (!gone)
        (void)act_kill(told_pid(&g));
    act_watch_close(&watch);
    brood_future_destroy(future);
    if (how != TERMINATED)
        CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    brood_pool_destroy(pool);
    gate_remove(&g, FILES);
}

static void what_a_cancelled_task_started_is_gone(void)
{
    check_tree(starts_a_program, CANCELLED);
}

static void what_a_late_task_started_is_gone(void)
{
    check_tree(starts_a_program, OVER_ITS_LIMIT);
}

static void what_a_terminated_task_started_is_gone(void)
{
    check_tree(starts_a_program, TERMINATED);
}

static void what_a_killed_worker_started_is_gone(void)
{
    check_tree(starts_a_program, KILLED);
}

static void the_pool_of_a_cancelled_task_is_gone(void)
{
    check_tree(starts_a_pool, CANCELLED);
}

static void the_pool_of_a_terminated_task_is_gone(void)
{
    check_tree(starts_a_pool, TERMINATED);
}

static const test_case cases[] = {
    TEST_CASE(endless_loops_are_terminated),
    TEST_CASE(deaf_workers_are_terminated),
    TEST_CASE(stopped_workers_are_terminated),
    TEST_CASE(endless_loops_are_destroyed),
    TEST_CASE(a_closed_pool_is_ended),
    TEST_CASE(stopped_idle_workers_are_terminated),
    TEST_CASE(workers_that_never_come_up_are_terminated),
    TEST_CASE(thousands_wait),
    TEST_CASE(what_has_ended_stays_so),
    TEST_CASE(a_task_sees_that_its_pool_ends),
    TEST_CASE(whoever_waits_is_let_go),
    TEST_CASE(what_a_cancelled_task_started_is_gone),
    TEST_CASE(what_a_late_task_started_is_gone),
    TEST_CASE(what_a_terminated_task_started_is_gone),
    TEST_CASE(what_a_killed_worker_started_is_gone),
    TEST_CASE(the_pool_of_a_cancelled_task_is_gone),
    TEST_CASE(the_pool_of_a_terminated_task_is_gone),
    TEST_CHILD("grandchild", grandchild),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "ending", cases);
}
