/*
 * W6 and W7: pools that do nothing, and pools of many workers.
 */
#include "bench.h"
#include "stats.h"
#include <stdio.h>

/* ---------------------------------------------------------------------- W6 */

static double sum_of(double (*what)(int64_t pid), const int64_t *pids, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double one = what(pids[i]);
        if (one < 0)
            return -1;
        sum += one;
    }
    return sum;
}

void work_idle(const bench_options *o, int round)
{
    int64_t pids[5];
    brood_pool *pool;
    double bare = limit_idle_pss();
    (void)round;
    bench_check(brood_pool_create(&pool, BROOD_POOL(.processes = 4)), "a pool");
    bench_meet_four(pool, pids);
    (void)bench_map_rate(pool, 100, 1);
    pids[4] = brd_os_pid();
    bench_pause_ms(200);
    double before = sum_of(host_cpu_ms, pids, 5);
    bench_pause_ms(o->quick ? 500 : 3000);
    double after = sum_of(host_cpu_ms, pids, 5);
    double workers = sum_of(host_pss_kib, pids, 4), all = sum_of(host_pss_kib, pids, 5);
    if (before >= 0 && after >= 0)
        stats_add("brood", "W6.cpu", after - before, "ms");
    if (workers >= 0 && all >= 0 && bare >= 0) {
        stats_add("limit", "W6.pss_workers", bare, "KiB");
        stats_add("brood", "W6.pss_workers", workers, "KiB");
        stats_add("brood", "W6.pss_all", all, "KiB");
        stats_add("brood", "W6.beyond_bare", (workers - bare) / 4, "KiB");
    } else {
        fprintf(stderr, "W6: memory is not measured on this system\n");
    }
    brood_pool_destroy(pool);
}

/* ---------------------------------------------------------------------- W7 */

void work_many(const bench_options *o, int round)
{
    static const struct {
        uint32_t workers;
        size_t count;
    } cells[] = {{1, 200000}, {2, 100000},  {2, 200000},   {2, 1000000},  {2, 2000000},
                 {8, 200000}, {64, 200000}, {64, 2000000}, {256, 200000}, {256, 2000000}};
    (void)round;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        char metric[32];
        size_t count = o->quick ? cells[i].count / 20 : cells[i].count;
        brood_pool *pool = bench_warm_pool(cells[i].workers);
        (void)snprintf(metric, sizeof metric, "W7.w%u.n%zu", cells[i].workers, cells[i].count);
        stats_add("brood", metric, bench_map_rate(pool, count, 1), "tasks/s");
        brood_pool_destroy(pool);
    }
}
