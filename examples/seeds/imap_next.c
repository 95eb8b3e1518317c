/*
 * 000_81f92f842fe3ecee.txt: imap gives the results one by one, while the work goes on.
 * (The original's results carry os.getpid() too.) Python: Pool.imap, next().
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    return status ? status : brood_pack(result, "i", n);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_items items = brood_items_int32((const int32_t[]){1, 2, 3, 4, 5, 6, 7}, 7);
    brood_pool *pool;
    brood_iterator *ret;
    brood_message result = BROOD_MESSAGE_INIT;
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    check(brood_pool_imap(pool, func, items, BROOD_MAP(.chunksize = 3), &ret));
    for (int i = 0; i < 2; i++) { // the first two
        int32_t n;
        check(brood_iterator_next(ret, BROOD_FOREVER, &result, NULL));
        check(brood_unpack(&result, "i", &n));
        print("%d", (int)n);
    }
    brood_message_clear(&result);
    brood_iterator_destroy(ret);
    brood_pool_destroy(pool);
    return 0;
}
