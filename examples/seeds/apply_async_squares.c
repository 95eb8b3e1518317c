/*
 * 002_5836eab47717bb0a.txt: ten squares, three at a time; the results are asked of the
 * futures, in order. Python: Pool.apply_async, AsyncResult.get.
 */
#include "work.h"

static int work(brood_message *args, brood_message *result)
{
    int32_t n;
    TRY(brood_unpack(args, "i", &n));
    print("%d run", (int)brood_pid());
    sleep_for(random_number());
    return brood_pack(result, "i", n * n);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *p;
    brood_future *res_l[10];
    check(brood_pool_create(&p, BROOD_POOL(.processes = 3)));
    for (int i = 0; i < 10; i++)
        check(brood_pool_call(p, work, &res_l[i], "i", i));
    check(brood_pool_close(p));
    check(brood_pool_join(p, BROOD_FOREVER));
    for (int i = 0; i < 10; i++) {
        int32_t n;
        check(brood_future_unpack(res_l[i], 0, "i", &n));
        print("%d", n);
        brood_future_destroy(res_l[i]);
    }
    brood_pool_destroy(p);
}
