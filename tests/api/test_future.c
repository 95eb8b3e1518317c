/*
 * Futures: every way to ask for a result, and every moment to stop asking. Run on every
 * system from this one source. The one thing to know: gates decide when a task ends, so
 * "not yet" is never a matter of luck.
 */
#include "api/pools.h"

/** A pool whose only worker stands at a gate. */
typedef struct blocked {
    brood_pool *pool;
    gate g;
    brood_future *held;
} blocked;

static blocked block(void)
{
    blocked b = {.pool = pool_of(1)};
    gate_make(&b.g);
    b.held = stand_at_gate(b.pool, &b.g, 0);
    return b;
}

static void unblock(blocked *b)
{
    gate_open(&b->g);
    ASSERT_OK(brood_future_wait(b->held, BROOD_FOREVER));
}

static void blocked_end(blocked *b)
{
    brood_future_destroy(b->held);
    pool_end(b->pool);
    gate_remove(&b->g, 1);
}

static void says_not_yet(void)
{
    blocked b = block();
    brood_message result = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_future_ready(b.held), 0);
    CU_ASSERT_EQUAL(brood_future_status(b.held), BROOD_EAGAIN);
    CU_ASSERT_PTR_NULL(brood_future_error(b.held));
    CU_ASSERT_EQUAL(brood_future_get(b.held, 0, &result), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_future_get(b.held, 0, NULL), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_future_wait(b.held, 0), BROOD_ETIMEDOUT);
    brd_time start = brd_os_now();
    CU_ASSERT_EQUAL(brood_future_get(b.held, 60, &result), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() - start >= 60 * BRD_MS);
    start = brd_os_now();
    CU_ASSERT_EQUAL(brood_future_wait(b.held, 60), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() - start >= 60 * BRD_MS);
    unblock(&b);
    brood_message_clear(&result);
    blocked_end(&b);
}

static void gives_its_result_again_and_again(void)
{
    blocked b = block();
    brood_message result = BROOD_MESSAGE_INIT;
    int64_t first = 0, second = 0;
    unblock(&b);
    CU_ASSERT_EQUAL(brood_future_ready(b.held), 1);
    ASSERT_OK(brood_future_status(b.held));
    CU_ASSERT_PTR_NULL(brood_future_error(b.held));
    ASSERT_OK(brood_future_get(b.held, 0, &result));
    ASSERT_OK(brood_unpack(&result, "x", &first));
    ASSERT_OK(brood_future_get(b.held, BROOD_FOREVER, &result));
    ASSERT_OK(brood_unpack(&result, "x", &second));
    ASSERT_OK(brood_future_get(b.held, 5, NULL));
    CU_ASSERT(first > 0 && first == second);
    brood_message_clear(&result);
    blocked_end(&b);
}

static void tells_the_failure(void)
{
    brood_pool *pool = pool_of(2);
    brood_future *future = hand_in_number(pool, odd_fails, 7);
    brood_message result = BROOD_MESSAGE_INIT;
    int64_t value;
    ASSERT_OK(brood_future_wait(future, BROOD_FOREVER));
    CU_ASSERT_EQUAL(brood_future_ready(future), 1);
    CU_ASSERT_EQUAL(brood_future_status(future), BROOD_ETASK);
    CU_ASSERT_EQUAL(brood_future_get(future, 0, NULL), BROOD_ETASK);
    CU_ASSERT_EQUAL(brood_future_get(future, 0, &result), BROOD_ETASK);
    const brood_error *own = brood_future_error(future);
    CU_ASSERT_PTR_NOT_NULL_FATAL(own);
    CU_ASSERT_STRING_EQUAL(own->text, "7 is odd");
    CU_ASSERT_EQUAL(own->status, BROOD_ETASK);
    CU_ASSERT(own->worker > 0);
    brood_future_destroy(future);
    pool_end(pool);
    // The copy outlives both.
    const brood_error *copy = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    CU_ASSERT_STRING_EQUAL(copy->text, "7 is odd");
    CU_ASSERT_EQUAL(brood_unpack(&result, "x", &value), BROOD_ETASK);
    brood_message_clear(&result);
}

static void is_forgotten_before_the_end(void)
{
    blocked b = block();
    brood_future *waiting[10];
    int64_t value = 0;
    for (int32_t i = 0; i < 10; i++)
        waiting[i] = hand_in_number(b.pool, square, i);
    for (int i = 0; i < 10; i += 2) // while they wait in the queue
        brood_future_destroy(waiting[i]);
    brood_future_destroy(b.held); // while it runs
    b.held = NULL;
    gate_open(&b.g);
    for (int i = 1; i < 10; i += 2) {
        ASSERT_OK(take_number(waiting[i], &value));
        CU_ASSERT_EQUAL(value, (int64_t)i * i);
    }
    CU_ASSERT_EQUAL(apply_number(b.pool, square, 9), 81);
    brood_future_destroy(NULL);
    blocked_end(&b);
}

static void nobody_asks(void)
{
    brood_pool *pool = pool_of(2);
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "i", 4));
    for (int i = 0; i < 500; i++)
        ASSERT_OK(brood_pool_apply_async(pool, i % 3 ? square : odd_fails, &args, NULL, NULL));
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    brood_message_clear(&args);
    pool_end(pool);
}

static void outlives_its_pool(void)
{
    brood_pool *pool = NULL;
    gate g;
    int64_t value = 0;
    gate_make(&g);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .grace = 100)));
    brood_future *done = hand_in_number(pool, square, 8);
    ASSERT_OK(brood_future_wait(done, BROOD_FOREVER));
    brood_future *failed = hand_in_number(pool, odd_fails, 3);
    ASSERT_OK(brood_future_wait(failed, BROOD_FOREVER));
    brood_future *running = stand_at_gate(pool, &g, 0);
    brood_future *waiting = hand_in_number(pool, square, 9);
    brood_pool_destroy(pool);
    CU_ASSERT_EQUAL(brood_future_ready(running), 1);
    CU_ASSERT_EQUAL(brood_future_status(running), BROOD_ETERMINATED);
    CU_ASSERT_PTR_NOT_NULL(brood_future_error(running));
    CU_ASSERT_EQUAL(brood_future_status(waiting), BROOD_ETERMINATED);
    CU_ASSERT_PTR_NOT_NULL(brood_future_error(failed));
    ASSERT_OK(take_number(done, &value));
    CU_ASSERT_EQUAL(value, 64);
    CU_ASSERT_EQUAL(take_number(failed, &value), BROOD_ETASK);
    brood_future_destroy(running);
    brood_future_destroy(waiting);
    gate_remove(&g, 1);
}

static void may_be_asked_in_any_order(void)
{
    enum { MANY = 1000 };
    brood_pool *pool = pool_of(3);
    brood_future *futures[MANY];
    int64_t value = 0;
    int wrong = 0;
    for (int32_t i = 0; i < MANY; i++)
        futures[i] = hand_in_number(pool, square, i);
    for (int i = 0; i < MANY; i++) {
        int at = (i * 607 + 13) % MANY;
        wrong += take_number(futures[at], &value) != BROOD_OK || value != (int64_t)at * at;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pool_end(pool);
}

static void polling_sees_the_end(void)
{
    brood_pool *pool = pool_of(2);
    brd_time until = test_deadline(20000);
    for (int32_t i = 0; i < 50; i++) {
        brood_future *future = hand_in_number(pool, square, i);
        int64_t value = -1;
        while (!brood_future_ready(future) && brd_os_now() < until)
            brd_os_yield();
        CU_ASSERT_EQUAL(brood_future_status(future), BROOD_OK);
        ASSERT_OK(take_number(future, &value));
        CU_ASSERT_EQUAL(value, (int64_t)i * i);
    }
    pool_end(pool);
}

typedef struct waiting {
    brood_future *future;
    int64_t value;
    int status;
} waiting;

static void wait_in_a_thread(void *baton)
{
    waiting *w = baton;
    brood_message result = BROOD_MESSAGE_INIT;
    w->status = brood_future_get(w->future, BROOD_FOREVER, &result);
    if (!w->status)
        w->status = brood_unpack(&result, "x", &w->value);
    brood_message_clear(&result);
}

static void serves_several_who_wait(void)
{
    enum { THREADS = 6 };
    blocked b = block();
    brood_future *other = hand_in_number(b.pool, square, 12);
    brd_thread threads[THREADS] = {{0}};
    waiting waits[THREADS];
    int64_t pid = 0;
    for (int i = 0; i < THREADS; i++) {
        waits[i] = (waiting){.future = i % 2 ? b.held : other, .value = -1, .status = -1};
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], wait_in_a_thread, &waits[i]), 0);
    }
    CU_ASSERT_EQUAL(brood_future_wait(b.held, 20), BROOD_ETIMEDOUT);
    unblock(&b);
    for (int i = 0; i < THREADS; i++) {
        brd_os_thread_join(&threads[i]);
        CU_ASSERT_EQUAL(waits[i].status, BROOD_OK);
        if (i % 2 == 0)
            CU_ASSERT_EQUAL(waits[i].value, 144);
        if (i % 2)
            CU_ASSERT(waits[i].value > 0 && (!pid || pid == waits[i].value));
        if (i % 2)
            pid = waits[i].value;
    }
    brood_future_destroy(other);
    blocked_end(&b);
}

static void refuses_nothing(void)
{
    CU_ASSERT_EQUAL(brood_future_get(NULL, 0, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_future_wait(NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_future_ready(NULL), 0);
    CU_ASSERT_PTR_NULL(brood_future_error(NULL));
}

static const test_case cases[] = {
    TEST_CASE(says_not_yet),
    TEST_CASE(gives_its_result_again_and_again),
    TEST_CASE(tells_the_failure),
    TEST_CASE(is_forgotten_before_the_end),
    TEST_CASE(nobody_asks),
    TEST_CASE(outlives_its_pool),
    TEST_CASE(may_be_asked_in_any_order),
    TEST_CASE(polling_sees_the_end),
    TEST_CASE(serves_several_who_wait),
    TEST_CASE(refuses_nothing),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "future", cases);
}
