/*
 * 003_34ad78576f023423.txt: five tasks of different length in a pool of four: the last one
 * waits until a worker is idle. (os.getpid() is left out.) Python: Pool.apply_async.
 */
#include "work.h"

static int long_time_task(brood_message *args, brood_message *result)
{
    int32_t name;
    int status = brood_unpack(args, "i", &name);
    if (status)
        return status;
    print("Run task %d...", (int)name);
    double start = now();
    work(3.0 * rand() / RAND_MAX);
    print("Task %d runs %.2f seconds.", (int)name, now() - start);
    (void)result; // it returns nothing
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *p;
    print("Parent process.");
    check(brood_pool_create(&p, BROOD_POOL(.processes = 4)));
    for (int32_t i = 0; i < 5; i++) {
        brood_message args = BROOD_MESSAGE_INIT;
        check(brood_pack(&args, "i", i));
        check(brood_pool_apply_async(p, long_time_task, &args, NULL, NULL));
        brood_message_clear(&args);
    }
    print("Waiting for all subprocesses done...");
    check(brood_pool_close(p));
    check(brood_pool_join(p, BROOD_FOREVER));
    print("All subprocesses done.");
    brood_pool_destroy(p);
    return 0;
}
