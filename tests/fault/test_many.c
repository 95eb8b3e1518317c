/*
 * Many workers: 200 of them start, work and stop, by every start method. Run on every
 * system from this one source. The one thing to know: all of them stand at the gate at
 * once, so each is a process of its own.
 */
#include "api/pools.h"
#include "fault/acts.h"

enum { MANY = 200, MANY_UNDER_WINE = 100 };

static void have_many(brood_start_method method)
{
    static brood_future *held[MANY];
    static int64_t pids[MANY];
    int32_t many = act_is_wine() ? MANY_UNDER_WINE : MANY;
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    gate g;
    gate_make(&g);
    CU_ASSERT_EQUAL_FATAL(brood_context_create(&context, BROOD_CONTEXT(.method = method)), 0);
    CU_ASSERT_EQUAL_FATAL(
        brood_pool_create(&pool, BROOD_POOL(.processes = (uint32_t)many, .context = context)), 0);
    for (int32_t i = 0; i < many; i++) {
        brood_message args = BROOD_MESSAGE_INIT;
        gate_pack(&g, i, &args);
        ASSERT_OK(brood_pool_apply_async(pool, gate_pass, &args, NULL, &held[i]));
        brood_message_clear(&args);
    }
    for (int32_t i = 0; i < many; i++)
        CU_ASSERT(gate_await(&g, i));
    CU_ASSERT_EQUAL(brood_pool_count(pool).ready, (uint32_t)many);
    gate_open(&g);
    int twice = 0;
    for (int32_t i = 0; i < many; i++) {
        ASSERT_OK(take_number(held[i], &pids[i]));
        for (int32_t k = 0; k < i; k++)
            twice += pids[i] == pids[k];
    }
    CU_ASSERT_EQUAL(twice, 0);
    for (int32_t i = 0; i < 500; i++)
        CU_ASSERT_EQUAL(apply_number(pool, square, i), (int64_t)i * i);
    pool_end(pool);
    brood_context_destroy(context);
    gate_remove(&g, many);
}

static void are_spawned(void)
{
    have_many(BROOD_SPAWN);
}

static void are_forked(brood_start_method method)
{
#if defined(__SANITIZE_THREAD__)
    (void)method;
    TEST_SKIP("the sanitizer has a thread that no fork has");
#else
    if (brood_all_start_methods(NULL, 0) == 1)
        TEST_SKIP("this system forks no processes");
    have_many(method);
#endif
}

static void come_from_a_forkserver(void)
{
    are_forked(BROOD_FORKSERVER);
}

static void come_from_a_copy(void)
{
    are_forked(BROOD_FORK);
}

static const test_case cases[] = {
    TEST_CASE(are_spawned),
    TEST_CASE(come_from_a_forkserver),
    TEST_CASE(come_from_a_copy),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "many", cases);
}
