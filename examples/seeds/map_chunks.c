/*
 * 000_81f92f842fe3ecee.txt: with a chunksize of 3, seven items are three tasks, and the
 * items of one task run in the same worker. A worker does not know its process id here, but
 * the parent hears it with the task's report. Python: Pool.map(func, items, 3).
 */
#include "work.h"

static int func(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return brood_report(1, 1, NULL); // this item is done
}

static void show(const brood_progress *progress, void *baton)
{
    const int32_t *items = baton;
    print("%d : worker %d", (int)items[progress->index], (int)progress->worker);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    int32_t items[] = {1, 2, 3, 4, 5, 6, 7};
    brood_pool *pool;
    brood_results *results;
    check(
        brood_pool_create(&pool, BROOD_POOL(.processes = 3, .on_progress = show, .baton = items)));
    check(brood_pool_map(pool, func, brood_items_int32(items, 7), BROOD_MAP(.chunksize = 3),
                         &results));
    brood_results_destroy(results);
    brood_pool_destroy(pool);
    return 0;
}
