/*
 * 000_81f92f842fe3ecee.txt: apply runs one function in one worker, and waits for it.
 * Its arguments are a tuple and keywords. Python: Pool.apply.
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    int32_t first, second, a, b;
    TRY(brood_unpack(args, "(ii){ii}", &first, &second, "a", &a, "b", &b));
    print("(%d, %d)", first, second);
    print("{'a': %d, 'b': %d}", a, b);
    sleep_for(1);
    print("in func!!!!");
    (void)result; // func returns nothing
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    check(brood_pool_run(pool, func, NULL, "(ii){ii}", 123, 345, "a", 1, "b", 2));
    print("in pool!!!");
    brood_pool_destroy(pool);
}
