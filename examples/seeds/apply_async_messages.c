/*
 * 002_5836eab47717bb0a.txt: apply_async with a text as argument and result; the messages
 * appear three by three, and the results come from the futures.
 * Python: Pool.apply_async, close, join, AsyncResult.get.
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    const char *msg;
    TRY(brood_unpack(args, "s", &msg));
    print("msg: %s", msg);
    sleep_for(1);
    return brood_pack(result, "s", msg);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    brood_future *res_l[10];
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    for (int i = 0; i < 10; i++)
        check(brood_pool_call(pool, func, &res_l[i], "s", text_of("hello %d", i)));
    print("==============================>");
    check(brood_pool_close(pool));
    check(brood_pool_join(pool, BROOD_FOREVER));
    for (int i = 0; i < 10; i++)
        print_result(res_l[i]); // in work.h: brood_future_unpack
    brood_pool_destroy(pool);
}
