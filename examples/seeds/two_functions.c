/*
 * 001_ab1cfce0eb245846.txt: two different functions in a pool of two. One worker may run
 * both. (The original's first half, with Process, follows.) Python: Pool.apply_async.
 */
#include "work.h"

static int foo(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    print("foo");
    return BROOD_OK;
}

static int bar(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    print("bar");
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    brood_future *r1, *r2;
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 2)));
    check(brood_pool_apply_async(pool, foo, NULL, NULL, &r1));
    check(brood_pool_apply_async(pool, bar, NULL, NULL, &r2));
    check(brood_future_get(r1, BROOD_FOREVER, NULL));
    check(brood_future_get(r2, BROOD_FOREVER, NULL));
    brood_future_destroy(r1);
    brood_future_destroy(r2);
    brood_pool_destroy(pool);
    return 0;
}
