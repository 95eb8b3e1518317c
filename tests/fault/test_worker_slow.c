/*
 * A worker that stands still for a while before it has begun its task: the task goes to
 * another worker, and when it moves on it is as good as any. Run on every system where a
 * process can be stopped. The one thing to know: a worker that is stopped knows nothing
 * of it, so what it was sent meanwhile is all before it when it is continued.
 */
#include "api/early.h"
#include "fault/acts.h"

enum { WORKERS = 2, TASKS = 6 };

/** Two workers that have each done a task, and are idle. */
static brood_pool *pool_of_two(watched *w, int64_t start_timeout, int64_t *pids)
{
    brood_pool *pool = NULL;
    brood_future *held[WORKERS];
    gate g;
    gate_make(&g);
    int status =
        brood_pool_create(&pool, BROOD_POOL(.processes = WORKERS, .start_timeout = start_timeout,
                                            .on_worker = watch_worker, .baton = w));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    ASSERT_OK(brood_pool_prewarm(pool, WORKERS, test_ms(60000)));
    for (int32_t i = 0; i < WORKERS; i++)
        held[i] = stand_at_gate(pool, &g, i);
    gate_open(&g);
    for (int32_t i = 0; i < WORKERS; i++)
        ASSERT_OK(take_number(held[i], &pids[i]));
    gate_remove(&g, WORKERS);
    return pool;
}

/** One of two tasks goes to the one that is stopped; both are done by the other. */
static void check_moved(brood_pool *pool, int64_t other)
{
    brood_future *tasks[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        tasks[i] = hand_in_number(pool, own_pid, i);
    for (int i = 0; i < WORKERS; i++) {
        int64_t pid = 0;
        CU_ASSERT_EQUAL_FATAL(brood_future_wait(tasks[i], test_ms(20000)), BROOD_OK);
        ASSERT_OK(take_number(tasks[i], &pid));
        CU_ASSERT_EQUAL(pid, other);
    }
}

/** Waits without asking the pool anything: it must act by itself. */
static bool await_at_gate(const gate *g, int count)
{
    brd_time until = test_deadline(20000);
    for (;;) {
        int there = 0;
        for (int32_t i = 0; i < TASKS; i++)
            there += has_run(g, i);
        if (there >= count || brd_os_now() >= until)
            return there >= count;
        moment();
    }
}

// More tasks than fit at one worker: as long as some wait in the pool none is moved, so
// the worker that was slow has to be given its own.
static void check_both_work(brood_pool *pool)
{
    brood_future *held[TASKS];
    gate g;
    gate_make(&g);
    for (int32_t i = 0; i < TASKS; i++)
        held[i] = hand_in(pool, gate_pass, &g, i, NULL);
    CU_ASSERT(await_at_gate(&g, WORKERS));
    gate_open(&g);
    for (int i = 0; i < TASKS; i++)
        check_end(held[i], BROOD_OK);
    gate_remove(&g, TASKS);
}

static void skip_if_none_can_be_stopped(void)
{
    if (!act_stop(0x7fffffff) && act_is_wine())
        TEST_SKIP("no process can be stopped here");
}

static void gets_tasks_again_when_it_moves_on(void)
{
    watched w = {0};
    int64_t pids[WORKERS] = {0};
    skip_if_none_can_be_stopped();
    brood_pool *pool = pool_of_two(&w, 0, pids);
    for (int round = 0; round < 3; round++) {
        int slow = round % WORKERS;
        CU_ASSERT_FATAL(act_stop(pids[slow]));
        check_moved(pool, pids[!slow]);
        CU_ASSERT_FATAL(act_continue(pids[slow]));
        check_both_work(pool);
    }
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 0);
}

// Nobody hands in or waits between the moves and the end.
static void is_replaced_when_it_does_not(void)
{
    watched w = {0};
    int64_t pids[WORKERS] = {0};
    gate g;
    skip_if_none_can_be_stopped();
    gate_make(&g);
    brood_pool *pool = pool_of_two(&w, test_ms(2000), pids);
    CU_ASSERT_FATAL(act_stop(pids[0]));
    check_moved(pool, pids[1]);
    brood_future *held = stand_at_gate(pool, &g, 0); // at the other one, all the time
    CU_ASSERT(await_lost(&w, 1, 20000));
    gate_open(&g);
    check_end(held, BROOD_OK);
    check_both_work(pool);
    pool_end(pool);
    CU_ASSERT_EQUAL(count_lost(&w), 1);
    gate_remove(&g, 1);
}

static const test_case cases[] = {
    TEST_CASE(gets_tasks_again_when_it_moves_on),
    TEST_CASE(is_replaced_when_it_does_not),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "worker_slow", cases);
}
