/*
 * 000_81f92f842fe3ecee.txt: with a chunksize of 3, seven items are three tasks, and the
 * items of one task run in the same worker. Python: Pool.map(func, items, 3).
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    int32_t n;
    TRY(brood_unpack(args, "i", &n));
    print("%d : %d", n, (int)brood_pid());
    (void)result; // func returns nothing
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_items items = brood_items_int32((const int32_t[]){1, 2, 3, 4, 5, 6, 7}, 7);
    brood_pool *pool;
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    check(brood_pool_map(pool, func, items, BROOD_MAP(.chunksize = 3), NULL));
    brood_pool_destroy(pool);
}
