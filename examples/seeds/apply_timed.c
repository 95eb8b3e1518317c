/*
 * 004_bd66ff833da3bf23.txt: four workers, and yet each task waits for the one before it:
 * apply blocks. Python: Pool.apply.
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
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 4)));
    for (int i = 0; i < 4; i++)
        check(brood_pool_run(pool, do_something, NULL, "i", 1));
    check(brood_pool_close(pool));
    check(brood_pool_join(pool, BROOD_FOREVER));
    print("Finished in %.2f second(s)", now() - start_time);
    brood_pool_destroy(pool);
}
