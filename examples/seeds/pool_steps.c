/*
 * 001_ab1cfce0eb245846.txt: the five steps of working with a pool: make it, hand in
 * functions, close it, join it, take the results. Python: Pool.apply_async, close, join, get.
 */
#include "work.h"

static int p1(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "s", "p1 is done");
}

static int p2(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "s", "p2 is done");
}

static int p3(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "s", "p3 is done");
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    brood_function *processes[] = {p1, p2, p3};
    brood_future *results[3];
    check(brood_pool_create(&pool, NULL));
    for (int i = 0; i < 3; i++)
        check(brood_pool_call(pool, processes[i], &results[i], ""));
    check(brood_pool_close(pool));
    check(brood_pool_join(pool, BROOD_FOREVER));
    for (int i = 0; i < 3; i++)
        print_result(results[i]); // in work.h: brood_future_unpack
    brood_pool_destroy(pool);
}
