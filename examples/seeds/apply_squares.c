/*
 * 002_5836eab47717bb0a.txt: ten squares, one after the other; apply gives the result.
 * (The original prints os.getpid() with each run.) Python: Pool.apply.
 */
#include "work.h"

static int square(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    print("run");
    work(3);
    return status ? status : brood_pack(result, "i", n * n);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *p;
    int32_t squares[10];
    check(brood_pool_create(&p, BROOD_POOL(.processes = 3)));
    for (int32_t i = 0; i < 10; i++) {
        brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
        check(brood_pack(&args, "i", i));
        check(brood_pool_apply(p, square, &args, &result));
        check(brood_unpack(&result, "i", &squares[i]));
        brood_message_clear(&args);
        brood_message_clear(&result);
    }
    for (int i = 0; i < 10; i++)
        print("%d", (int)squares[i]);
    brood_pool_destroy(p);
    return 0;
}
