/*
 * 002_5836eab47717bb0a.txt: apply_async with a text as argument and result; the messages
 * appear three by three, and the results come from the futures.
 * Python: Pool.apply_async, close, join, AsyncResult.get.
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    const char *msg;
    int status = brood_unpack(args, "s", &msg);
    if (status)
        return status;
    print("msg: %s", msg);
    work(1);
    return brood_pack(result, "s", msg);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    brood_future *results[10];
    brood_message m = BROOD_MESSAGE_INIT;
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    for (int i = 0; i < 10; i++) {
        char msg[20];
        snprintf(msg, sizeof(msg), "hello %d", i);
        brood_message_clear(&m);
        check(brood_pack(&m, "s", msg));
        check(brood_pool_apply_async(pool, func, &m, NULL, &results[i]));
    }
    print("==============================>");
    check(brood_pool_close(pool));
    check(brood_pool_join(pool, BROOD_FOREVER));
    for (int i = 0; i < 10; i++)
        print_result(results[i]); // in work.h: brood_future_get, brood_unpack
    brood_message_clear(&m);
    brood_pool_destroy(pool);
    return 0;
}
