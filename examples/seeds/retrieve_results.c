/*
 * 001_ab1cfce0eb245846.txt: two ways to the results of parallel work, both in order.
 * The third, a queue, is queue_results.c. Python: [r.get() for r in ...], Pool.map.
 */
#include "work.h"

static int f(brood_message *args, brood_message *result)
{
    int32_t x;
    TRY(brood_unpack(args, "i", &x));
    return brood_pack(result, "i", x * x);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    int32_t results[7];
    check(brood_pool_create(&pool, NULL));

    brood_future *results_obj[3];
    for (int32_t x = 0; x < 3; x++)
        check(brood_pool_call(pool, f, &results_obj[x], "i", x));
    for (int i = 0; i < 3; i++) {
        check(brood_future_unpack(results_obj[i], BROOD_FOREVER, "i", &results[i]));
        brood_future_destroy(results_obj[i]);
    }
    print_numbers(results, 3);

    brood_items range = brood_items_int32((const int32_t[]){0, 1, 2, 3, 4, 5, 6}, 7);
    brood_results *all;
    check(brood_pool_map(pool, f, range, NULL, &all));
    for (size_t i = 0; i < 7; i++)
        check(brood_unpack(brood_results_at(all, i), "i", &results[i]));
    print_numbers(results, 7);
    brood_results_destroy(all);
    brood_pool_destroy(pool);
}
