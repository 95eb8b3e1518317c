/*
 * 000_81f92f842fe3ecee.txt: starmap, whose items are tuples of arguments, of any length
 * and type. (The original's results carry os.getpid() too.) Python: Pool.starmap.
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    char text[100] = "";
    const int32_t *list;
    size_t count = 0, used = 0;
    for (int32_t n; brood_unpack(args, "i", &n) == BROOD_OK;)
        used += (size_t)snprintf(text + used, sizeof(text) - used, used ? ", %d" : "%d", (int)n);
    if (brood_unpack(args, "ai", &list, &count) == BROOD_OK)
        snprintf(text + used, sizeof(text) - used, ", and a list of %d", (int)count);
    return brood_pack(result, "s", text);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    brood_results *results;
    brood_message tuples[3] = {BROOD_MESSAGE_INIT};
    check(brood_pack(&tuples[0], "iiiai", 1, 2, 3, (const int32_t[]){1, 2, 3}, (size_t)3));
    check(brood_pack(&tuples[1], "iiii", 4, 4, 5, 6));
    check(brood_pack(&tuples[2], "ii", 43, 432));
    check(brood_pool_create(&pool, BROOD_POOL(.processes = 3)));
    check(brood_pool_starmap(pool, func, tuples, 3, BROOD_MAP(.chunksize = 3), &results));
    for (size_t i = 0; i < brood_results_count(results); i++) {
        const char *text;
        check(brood_unpack(brood_results_at(results, i), "s", &text));
        print("%s", text);
        brood_message_clear(&tuples[i]);
    }
    brood_results_destroy(results);
    brood_pool_destroy(pool);
    return 0;
}
