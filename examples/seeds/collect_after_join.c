/*
 * 002_5836eab47717bb0a.txt: who looks at the results only when all are there needs no
 * callback. Python: Pool.apply_async, join, AsyncResult.get.
 */
#include "work.h"

static int work(brood_message *args, brood_message *result)
{
    int32_t n;
    TRY(brood_unpack(args, "i", &n));
    sleep_for(1);
    return brood_pack(result, "i", n * n);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *p;
    brood_future *res_l[10];
    int32_t nums[10];
    check(brood_pool_create(&p, NULL));
    for (int i = 0; i < 10; i++)
        check(brood_pool_call(p, work, &res_l[i], "i", i));
    check(brood_pool_close(p));
    check(brood_pool_join(p, BROOD_FOREVER));
    for (int i = 0; i < 10; i++) {
        check(brood_future_unpack(res_l[i], 0, "i", &nums[i]));
        brood_future_destroy(res_l[i]);
    }
    print_numbers(nums, 10);
    brood_pool_destroy(p);
}
