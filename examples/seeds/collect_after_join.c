/*
 * 002_5836eab47717bb0a.txt: who looks at the results only when all are there needs no
 * callback. Python: Pool.apply_async, join, AsyncResult.get.
 */
#include "work.h"

static int square(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    work(1);
    return status ? status : brood_pack(result, "i", n * n);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *p;
    brood_future *results[10];
    int32_t nums[10];
    brood_message m = BROOD_MESSAGE_INIT;
    check(brood_pool_create(&p, NULL));
    for (int32_t i = 0; i < 10; i++) {
        brood_message_clear(&m);
        check(brood_pack(&m, "i", i));
        check(brood_pool_apply_async(p, square, &m, NULL, &results[i]));
    }
    check(brood_pool_close(p));
    check(brood_pool_join(p, BROOD_FOREVER));
    for (int i = 0; i < 10; i++) {
        check(brood_future_get(results[i], 0, &m));
        check(brood_unpack(&m, "i", &nums[i]));
        brood_future_destroy(results[i]);
    }
    for (int i = 0; i < 10; i++)
        print("%d", (int)nums[i]);
    brood_message_clear(&m);
    brood_pool_destroy(p);
    return 0;
}
