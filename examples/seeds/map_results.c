/*
 * 000_81f92f842fe3ecee.txt: map gives what the function returned, in the order of the
 * items. Python: Pool.map.
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    int32_t n;
    TRY(brood_unpack(args, "i", &n));
    return brood_pack(result, "s", text_of("(%d:%d)", n, (int)brood_pid()));
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_items items = brood_items_int32((const int32_t[]){1, 2, 3, 4, 5, 6, 7}, 7);
    brood_pool *pool;
    brood_results *ret;
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    check(brood_pool_map(pool, func, items, BROOD_MAP(.chunksize = 3), &ret));
    print_texts(ret); // in work.h: brood_results_at
    brood_results_destroy(ret);
    brood_pool_destroy(pool);
}
