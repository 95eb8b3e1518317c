/*
 * 001_ab1cfce0eb245846.txt: two ways to the results of parallel work, both in order.
 * The third, a Queue, follows with Process. Python: [r.get() for r in ...], Pool.map.
 */
#include "work.h"

static int f(brood_message *args, brood_message *result)
{
    int32_t x;
    int status = brood_unpack(args, "i", &x);
    return status ? status : brood_pack(result, "i", x * x);
}

static void one_by_one(brood_pool *pool)
{
    brood_future *results[3];
    brood_message m = BROOD_MESSAGE_INIT;
    for (int32_t x = 0; x < 3; x++) {
        brood_message_clear(&m);
        check(brood_pack(&m, "i", x));
        check(brood_pool_apply_async(pool, f, &m, NULL, &results[x]));
    }
    for (int i = 0; i < 3; i++) {
        int32_t y;
        check(brood_future_get(results[i], BROOD_FOREVER, &m));
        check(brood_unpack(&m, "i", &y));
        print("apply_async: %d", (int)y);
        brood_future_destroy(results[i]);
    }
    brood_message_clear(&m);
}

static void all_at_once(brood_pool *pool)
{
    const int32_t items[] = {0, 1, 2, 3, 4, 5, 6};
    brood_results *results;
    check(brood_pool_map(pool, f, brood_items_int32(items, 7), NULL, &results));
    for (size_t i = 0; i < brood_results_count(results); i++) {
        int32_t y;
        check(brood_unpack(brood_results_at(results, i), "i", &y));
        print("map: %d", (int)y);
    }
    brood_results_destroy(results);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    check(brood_pool_create(&pool, NULL));
    one_by_one(pool);
    all_at_once(pool);
    brood_pool_destroy(pool);
    return 0;
}
