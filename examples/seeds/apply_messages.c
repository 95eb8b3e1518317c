/*
 * 002_5836eab47717bb0a.txt: apply with a text as argument and result; the messages appear
 * one by one. Python: Pool.apply.
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
    brood_message args = BROOD_MESSAGE_INIT, results[10] = {BROOD_MESSAGE_INIT};
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    for (int i = 0; i < 10; i++) {
        char msg[20];
        snprintf(msg, sizeof(msg), "hello %d", i);
        brood_message_clear(&args);
        check(brood_pack(&args, "s", msg));
        check(brood_pool_apply(pool, func, &args, &results[i]));
    }
    print("===================>");
    check(brood_pool_close(pool));
    check(brood_pool_join(pool, BROOD_FOREVER));
    for (int i = 0; i < 10; i++) {
        const char *msg;
        check(brood_unpack(&results[i], "s", &msg));
        print("%s", msg);
        brood_message_clear(&results[i]);
    }
    brood_message_clear(&args);
    brood_pool_destroy(pool);
    return 0;
}
