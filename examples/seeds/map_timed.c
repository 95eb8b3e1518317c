/*
 * 004_bd66ff833da3bf23.txt: four tasks of different length: map waits for the longest.
 * Python: Pool.map.
 */
#include "work.h"

static int do_something(brood_message *args, brood_message *result)
{
    int32_t seconds;
    TRY(brood_unpack(args, "i", &seconds));
    print("%d Sleeping %d second", (int)brood_pid(), seconds);
    sleep_for(seconds);
    print("%d Done sleeping for %d", (int)brood_pid(), seconds);
    (void)result; // it returns nothing
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    double start_time = now();
    brood_pool *pool;
    brood_items sleep_seconds = brood_items_int32((const int32_t[]){1, 2, 3, 4}, 4);
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 4)));
    check(brood_pool_map(pool, do_something, sleep_seconds, NULL, NULL));
    check(brood_pool_close(pool));
    check(brood_pool_join(pool, BROOD_FOREVER));
    print("Finished in %.2f second(s)", now() - start_time);
    brood_pool_destroy(pool);
}
