/*
 * 000_81f92f842fe3ecee.txt: map_async does not wait; its future does, and has all the
 * results. (The original's results carry os.getpid() too.) Python: Pool.map_async(...).get().
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    work(11);
    return status ? status : brood_pack(result, "i", n);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_items items = brood_items_int32((const int32_t[]){1, 2, 3, 4, 5, 6, 7}, 7);
    brood_pool *pool;
    brood_future *ret;
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    check(brood_pool_map_async(pool, func, items, BROOD_MAP(.chunksize = 5), &ret));
    check(brood_future_get(ret, BROOD_FOREVER, NULL));
    for (size_t i = 0; i < 7; i++) {
        int32_t n;
        check(brood_unpack(brood_results_at(brood_future_results(ret), i), "i", &n));
        print("%d", (int)n);
    }
    brood_future_destroy(ret);
    brood_pool_destroy(pool);
    return 0;
}
