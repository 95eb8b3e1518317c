/*
 * 002_5836eab47717bb0a.txt: ten squares, one after the other; apply gives the result.
 * Python: Pool.apply.
 */
#include "work.h"

static int work(brood_message *args, brood_message *result)
{
    int32_t n;
    TRY(brood_unpack(args, "i", &n));
    print("%d run", (int)brood_pid());
    sleep_for(3);
    return brood_pack(result, "i", n * n);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *p;
    brood_message res = BROOD_MESSAGE_INIT;
    int32_t res_l[10];
    check(brood_pool_create(&p, BROOD_POOL(.processes = 3)));
    for (int i = 0; i < 10; i++) {
        check(brood_pool_run(p, work, &res, "i", i));
        check(brood_unpack(&res, "i", &res_l[i]));
    }
    print_numbers(res_l, 10);
    brood_message_clear(&res);
    brood_pool_destroy(p);
}
