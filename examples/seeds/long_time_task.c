/*
 * 003_34ad78576f023423.txt: five tasks of different length in a pool of four: the last one
 * waits until a worker is idle. Python: Pool.apply_async.
 */
#include "work.h"

static int long_time_task(brood_message *args, brood_message *result)
{
    int32_t name;
    TRY(brood_unpack(args, "i", &name));
    print("Run task %d (%d)...", name, (int)brood_pid());
    double start = now();
    sleep_for(random_number() * 3);
    print("Task %d runs %.2f seconds.", name, now() - start);
    (void)result; // it returns nothing
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    print("Parent process %d.", (int)brood_pid());
    brood_pool *p;
    check(brood_pool_create(&p, BROOD_POOL(.processes = 4)));
    for (int i = 0; i < 5; i++)
        check(brood_pool_call(p, long_time_task, NULL, "i", i));
    print("Waiting for all subprocesses done...");
    check(brood_pool_close(p));
    check(brood_pool_join(p, BROOD_FOREVER));
    print("All subprocesses done.");
    brood_pool_destroy(p);
}
