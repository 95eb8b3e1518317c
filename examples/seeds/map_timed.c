/*
 * 004_bd66ff833da3bf23.txt: four tasks of different length: map waits for the longest.
 * (os.getpid() is left out.) Python: Pool.map.
 */
#include "work.h"

static int do_something(brood_message *args, brood_message *result)
{
    int32_t seconds;
    int status = brood_unpack(args, "i", &seconds);
    if (status)
        return status;
    print("Sleeping %d second", (int)seconds);
    work(seconds);
    print("Done sleeping for %d", (int)seconds);
    (void)result; // it returns nothing
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    double start_time = now();
    const int32_t sleep_seconds[] = {1, 2, 3, 4};
    brood_pool *pool;
    brood_results *results;
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 4)));
    check(brood_pool_map(pool, do_something, brood_items_int32(sleep_seconds, 4), NULL, &results));
    check(brood_pool_close(pool));
    check(brood_pool_join(pool, BROOD_FOREVER));
    print("Finished in %.2f second(s)", now() - start_time);
    brood_results_destroy(results);
    brood_pool_destroy(pool);
    return 0;
}
