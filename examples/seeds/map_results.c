/*
 * 000_81f92f842fe3ecee.txt: map gives what the function returned, in the order of the
 * items. (The original's results carry os.getpid() too.) Python: Pool.map.
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    int32_t n;
    char text[16];
    int status = brood_unpack(args, "i", &n);
    if (status)
        return status;
    snprintf(text, sizeof(text), "(%d)", (int)n);
    return brood_pack(result, "s", text);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_items items = brood_items_int32((const int32_t[]){1, 2, 3, 4, 5, 6, 7}, 7);
    brood_pool *pool;
    brood_results *results;
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    check(brood_pool_map(pool, func, items, BROOD_MAP(.chunksize = 3), &results));
    for (size_t i = 0; i < brood_results_count(results); i++) {
        const char *text;
        check(brood_unpack(brood_results_at(results, i), "s", &text));
        print("%s", text);
    }
    brood_results_destroy(results);
    brood_pool_destroy(pool);
    return 0;
}
