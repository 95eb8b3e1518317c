/*
 * 002_5836eab47717bb0a.txt: ten squares, three at a time; the results are asked of the
 * futures, in order. (The original prints os.getpid() with each run.)
 * Python: Pool.apply_async, AsyncResult.get.
 */
#include "work.h"

static int square(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    print("run");
    work((double)rand() / RAND_MAX);
    return status ? status : brood_pack(result, "i", n * n);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *p;
    brood_future *results[10];
    brood_message m = BROOD_MESSAGE_INIT;
    check(brood_pool_create(&p, BROOD_POOL(.processes = 3)));
    for (int32_t i = 0; i < 10; i++) {
        brood_message_clear(&m);
        check(brood_pack(&m, "i", i));
        check(brood_pool_apply_async(p, square, &m, NULL, &results[i]));
    }
    check(brood_pool_close(p));
    check(brood_pool_join(p, BROOD_FOREVER));
    for (int i = 0; i < 10; i++) {
        int32_t n;
        check(brood_future_get(results[i], 0, &m));
        check(brood_unpack(&m, "i", &n));
        print("%d", (int)n);
        brood_future_destroy(results[i]);
    }
    brood_message_clear(&m);
    brood_pool_destroy(p);
    return 0;
}
