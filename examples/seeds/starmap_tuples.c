/*
 * 000_81f92f842fe3ecee.txt: starmap, whose items are tuples of arguments, of any length
 * and type. Python: Pool.starmap.
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    const char *all = "";
    const int32_t *list;
    size_t count;
    for (int32_t n; brood_unpack(args, "i", &n) == BROOD_OK;)
        all = text_of("%s%s%d", all, *all ? ", " : "", n);
    if (brood_unpack(args, "ai", &list, &count) == BROOD_OK && count == 3)
        all = text_of("%s, [%d, %d, %d]", all, list[0], list[1], list[2]);
    return brood_pack(result, "s", text_of("(%s):%d", all, (int)brood_pid()));
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    brood_results *ret;
    brood_message tuples[3] = {BROOD_MESSAGE_INIT};
    check(brood_pack(&tuples[0], "iiiai", 1, 2, 3, (const int32_t[]){1, 2, 3}, (size_t)3));
    check(brood_pack(&tuples[1], "iiii", 4, 4, 5, 6));
    check(brood_pack(&tuples[2], "ii", 43, 432));
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    check(brood_pool_starmap(pool, func, tuples, 3, BROOD_MAP(.chunksize = 3), &ret));
    print_texts(ret); // in work.h: brood_results_at
    for (int i = 0; i < 3; i++)
        brood_message_clear(&tuples[i]);
    brood_results_destroy(ret);
    brood_pool_destroy(pool);
}
