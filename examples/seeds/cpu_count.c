/*
 * 001_ab1cfce0eb245846.txt: how many cpus there are to work with: as many as a pool has
 * workers if nobody says otherwise. Python: cpu_count().
 */
#include "work.h"

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool;
    check(brood_pool_create(&pool, BROOD_POOL(.on_demand = 1))); // starts no worker yet
    print("%d cpus", (int)brood_pool_processes(pool));
    brood_pool_destroy(pool);
    return 0;
}
