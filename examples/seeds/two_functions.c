/*
 * 001_ab1cfce0eb245846.txt: two different functions in a pool of two. One worker may run
 * both. (Before that, in two processes: see two_processes.c.) Python: Pool.apply_async.
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
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 2)));
    check(brood_pool_call(pool, foo, NULL, ""));
    check(brood_pool_call(pool, bar, NULL, ""));
    check(brood_pool_close(pool)); // the original ends without waiting for them
    check(brood_pool_join(pool, BROOD_FOREVER));
    brood_pool_destroy(pool);
}
