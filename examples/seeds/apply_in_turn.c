/*
 * 002_5836eab47717bb0a.txt: five workers, and yet the tasks run one after the other:
 * apply waits for each. Python: Pool.apply.
 */
#include "work.h"

static int fc(brood_message *args, brood_message *result)
{
    int32_t i;
    TRY(brood_unpack(args, "i", &i));
    sleep_for(0.5);
    print("func%d", i);
    (void)result; // fc returns nothing
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *p;
    check(brood_pool_create(&p, BROOD_POOL(.processes = 5)));
    for (int i = 0; i < 5; i++)
        check(brood_pool_run(p, fc, NULL, "i", i));
    brood_pool_destroy(p);
}
