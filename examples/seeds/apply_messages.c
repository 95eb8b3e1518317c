/*
 * 002_5836eab47717bb0a.txt: apply with a text as argument and result; the messages appear
 * one by one. Python: Pool.apply.
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
    brood_message res_l[10] = {BROOD_MESSAGE_INIT};
    const char *texts[10];
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    for (int i = 0; i < 10; i++) {
        check(brood_pool_run(pool, func, &res_l[i], "s", text_of("hello %d", i)));
        check(brood_unpack(&res_l[i], "s", &texts[i]));
    }
    print("===================>");
    check(brood_pool_close(pool));
    check(brood_pool_join(pool, BROOD_FOREVER));
    for (int i = 0; i < 10; i++)
        printf("%s'%s'", i ? ", " : "[", texts[i]);
    print("]");
    for (int i = 0; i < 10; i++) {
        print("%s", texts[i]);
        brood_message_clear(&res_l[i]);
    }
    brood_pool_destroy(pool);
}
