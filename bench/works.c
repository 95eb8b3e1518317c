/*
 * W1 to W5 by brood, each round together with its limit.
 */
#include "bench.h"
#include "stats.h"
#include "w5_durations.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOO_LONG_MS = 400, FEWEST = 200, SPINS = 1000 };

static void *memory(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p)
        bench_fail("memory", BROOD_ENOMEM);
    return p;
}

static brood_pool *make_pool(uint32_t workers)
{
    brood_pool *pool;
    bench_check(brood_pool_create(&pool, BROOD_POOL(.processes = workers)), "a pool");
    return pool;
}

brood_pool *bench_warm_pool(uint32_t workers)
{
    brood_pool *pool = make_pool(workers);
    (void)bench_map_rate(pool, (size_t)workers * 16, 1);
    (void)bench_map_rate(pool, (size_t)workers * 512, 1);
    return pool;
}

static void end_pool(brood_pool *pool)
{
    bench_check(brood_pool_close(pool), "close");
    bench_check(brood_pool_join(pool, BROOD_FOREVER), "join");
    brood_pool_destroy(pool);
}

/* ---------------------------------------------------------------------- W1 */

static size_t apply_many(brood_pool *pool, int64_t *ns, size_t count, int64_t gap_ms)
{
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    uint64_t value = 0x1234567812345678, back = 0;
    size_t warm = gap_ms ? 20 : count / 10, done = 0, size;
    bench_check(brood_message_set(&args, &value, sizeof value), "a message");
    brd_time limit = brd_os_now() + TOO_LONG_MS * BRD_MS;
    for (size_t i = 0; done < count && (done < FEWEST || brd_os_now() < limit); i++) {
        if (gap_ms)
            bench_pause_ms(gap_ms);
        brd_time start = brd_os_now();
        int status = brood_pool_apply(pool, task_echo, &args, &result);
        brd_time end = brd_os_now();
        bench_check(status, "apply");
        if (i >= warm)
            ns[done++] = end - start;
    }
    memcpy(&back, brood_message_bytes(&result, &size), sizeof back);
    if (size != sizeof value || back != value)
        bench_fail("apply gave another value", BROOD_EPROTOCOL);
    brood_message_clear(&args);
    brood_message_clear(&result);
    return done;
}

void work_latency(const bench_options *o, int round)
{
    size_t count = o->quick ? 2000 : 5000, parked = o->quick ? 50 : 300;
    int64_t *ns = memory(count, sizeof *ns);
    brood_pool *pool = bench_warm_pool(1);
    for (int i = 0; i < (o->quick ? 1 : 8); i++) {
        stats_latency("limit", "W1", ns, limit_pingpong(ns, count, SPINS, 0));
        stats_latency("brood", "W1", ns, apply_many(pool, ns, count, 0));
    }
    stats_latency("limit", "W1.parked", ns, limit_pingpong(ns, parked, 0, 1));
    stats_latency("brood", "W1.parked", ns, apply_many(pool, ns, parked, 1));
    end_pool(pool);
    free(ns);
    if (round < 3)
        python_run(o, "pool fork w1");
}

/* ---------------------------------------------------------------------- W2 */

double bench_map_rate(brood_pool *pool, size_t count, size_t chunk)
{
    uint64_t *in = memory(count, sizeof *in), *out = memory(count, sizeof *out);
    brood_results *results;
    for (size_t i = 0; i < count; i++)
        in[i] = i;
    memset(out, 1, count * sizeof *out);
    brd_time start = brd_os_now();
    bench_check(brood_pool_map(pool, task_echo, brood_items_structs(in, sizeof *in, count),
                               BROOD_MAP(.chunksize = chunk), &results),
                "map");
    for (size_t i = 0; i < count; i++) {
        size_t size;
        const void *bytes = brood_message_bytes(brood_results_at(results, i), &size);
        if (size == sizeof *out)
            memcpy(&out[i], bytes, sizeof *out);
    }
    double seconds = (double)(brd_os_now() - start) / 1e9;
    if (memcmp(in, out, count * sizeof *in) != 0)
        bench_fail("map gave other values", BROOD_EPROTOCOL);
    brood_results_destroy(results);
    free(in);
    free(out);
    return (double)count / seconds;
}

static double async_rate(brood_pool *pool, size_t count)
{
    brood_future **futures = memory(count, sizeof(brood_future *));
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    uint64_t *out = memory(count, sizeof *out);
    size_t size;
    brd_time start = brd_os_now();
    for (uint64_t i = 0; i < count; i++) {
        bench_check(brood_message_set(&args, &i, sizeof i), "a message");
        bench_check(brood_pool_apply_async(pool, task_echo, &args, NULL, &futures[i]), "async");
    }
    for (size_t i = 0; i < count; i++) {
        bench_check(brood_future_get(futures[i], BROOD_FOREVER, &result), "get");
        memcpy(&out[i], brood_message_bytes(&result, &size), sizeof *out);
    }
    double seconds = (double)(brd_os_now() - start) / 1e9;
    for (size_t i = 0; i < count; i++) {
        if (out[i] != i)
            bench_fail("async gave another value", BROOD_EPROTOCOL);
        brood_future_destroy(futures[i]);
    }
    brood_message_clear(&args);
    brood_message_clear(&result);
    free(futures);
    free(out);
    return (double)count / seconds;
}

void work_throughput(const bench_options *o, int round)
{
    size_t count = o->quick ? 20000 : 200000, words = o->quick ? 200000 : 2000000;
    brood_pool *pool = bench_warm_pool(2);
    for (int i = 0; i < (o->quick ? 1 : 3); i++) {
        stats_add("limit", "W2.c1", limit_stream(words, 1), "tasks/s");
        stats_add("brood", "W2.c1", bench_map_rate(pool, count, 1), "tasks/s");
        stats_add("brood", "W2.async", async_rate(pool, count), "tasks/s");
        stats_add("limit", "W2.c64", limit_stream(words, 64), "tasks/s");
        stats_add("brood", "W2.c64", bench_map_rate(pool, count, 64), "tasks/s");
    }
    end_pool(pool);
    if (round < 3) {
        python_run(o, "pool fork w2 c1");
        python_run(o, "pool fork w2 c64");
        python_run(o, "pool fork w2 async");
    }
}

/* ---------------------------------------------------------------------- W3 */

static double echo_rate(brood_pool *pool, size_t size, int times)
{
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    unsigned char *bytes = brood_message_reserve(&args, size);
    size_t got = 0;
    brd_time start = 0;
    if (!bytes)
        bench_fail("memory", BROOD_ENOMEM);
    memset(bytes, 3, size);
    for (int i = -2; i < times; i++) { // two to make the blocks warm
        if (i == 0)
            start = brd_os_now();
        bytes[size - 1] = (unsigned char)i;
        bench_check(brood_pool_apply(pool, task_echo, &args, &result), "echo");
        const unsigned char *back = brood_message_bytes(&result, &got);
        if (got != size || back[0] != bytes[0] || back[size - 1] != (unsigned char)i)
            bench_fail("echo gave other bytes", BROOD_EPROTOCOL);
    }
    double rate = (double)size * times / (double)(brd_os_now() - start);
    brood_message_clear(&args);
    brood_message_clear(&result);
    return rate;
}

// A block that was built in place goes to a task, which reads and writes a byte on each page,
// and back; without the building. A worker maps it anew each time.
static double block_ms(brood_pool *pool, size_t size)
{
    brood_shared *block;
    brood_future *future;
    uint64_t sum;
    bench_check(brood_shared_create(&block, size, NULL), "a block");
    unsigned char *bytes = brood_shared_data(block);
    memset(bytes, 3, size);
    brd_time start = brd_os_now();
    bench_check(brood_pool_call(pool, task_touch, &future, "M", block), "a task");
    bench_check(brood_future_unpack(future, BROOD_FOREVER, "t", &sum), "its result");
    double ms = (double)(brd_os_now() - start) / 1e6;
    if (sum != size / BENCH_PAGE * 3 || bytes[1] != 4 || bytes[size - BENCH_PAGE + 1] != 4)
        bench_fail("the task saw another block", BROOD_EPROTOCOL);
    brood_future_destroy(future);
    brood_shared_destroy(block);
    return ms;
}

void work_large(const bench_options *o, int round)
{
    static const struct {
        size_t mib;
        int times;
    } sizes[] = {{1, 64}, {16, 16}, {64, 6}};
    (void)round;
    brood_pool *pool = bench_warm_pool(1);
    for (size_t i = 0; i < (o->quick ? 1 : sizeof sizes / sizeof *sizes); i++) {
        char metric[32];
        size_t size = sizes[i].mib << 20;
        (void)snprintf(metric, sizeof metric, "W3.echo%zuM", sizes[i].mib);
        stats_add("limit", metric, limit_memcpy(size), "GB/s");
        stats_add("brood", metric, echo_rate(pool, size, sizes[i].times), "GB/s");
    }
    for (int i = 0; i < (o->quick ? 1 : 5); i++) {
        size_t size = (size_t)(o->quick ? 1 : 64) << 20;
        stats_add("limit", "W3.block64M", (double)size / limit_memcpy(size) / 1e6, "ms");
        stats_add("brood", "W3.block64M", block_ms(pool, size), "ms");
    }
    end_pool(pool);
}

/* ---------------------------------------------------------------------- W4 */

static bool note_pid(int64_t pids[4], int64_t pid)
{
    for (size_t i = 0; i < 4; i++) {
        if (pids[i] == pid)
            break;
        if (!pids[i]) {
            pids[i] = pid;
            break;
        }
    }
    return pids[3] != 0;
}

void bench_meet_four(brood_pool *pool, int64_t pids[4])
{
    brood_future *futures[4];
    bool all = false;
    memset(pids, 0, 4 * sizeof *pids);
    while (!all) {
        for (size_t i = 0; i < 4; i++)
            bench_check(brood_pool_apply_async(pool, task_pid, NULL, NULL, &futures[i]), "async");
        for (size_t i = 0; i < 4; i++) {
            brood_message result = BROOD_MESSAGE_INIT;
            int64_t pid;
            bench_check(brood_future_get(futures[i], BROOD_FOREVER, &result), "get");
            bench_check(brood_unpack(&result, "x", &pid), "unpack");
            all = note_pid(pids, pid);
            brood_message_clear(&result);
            brood_future_destroy(futures[i]);
        }
    }
}

static void start_and_stop(const char *ready, const char *stop)
{
    int64_t pids[4];
    brd_time start = brd_os_now();
    brood_pool *pool = make_pool(4);
    bench_meet_four(pool, pids);
    brd_time met = brd_os_now();
    bench_check(brood_pool_close(pool), "close");
    bench_check(brood_pool_join(pool, BROOD_FOREVER), "join");
    brd_time stopped = brd_os_now();
    brood_pool_destroy(pool);
    stats_add("brood", ready, (double)(met - start) / 1e6, "ms");
    stats_add("brood", stop, (double)(stopped - met) / 1e6, "ms");
}

void work_start(const bench_options *o, int round)
{
    size_t size = (size_t)1 << (o->quick ? 26 : 30);
    for (int i = 0; i < (o->quick ? 1 : 5); i++) {
        stats_add("limit", "W4.spawn.ready", limit_start_four(), "ms");
        start_and_stop("W4.spawn.ready", "W4.spawn.stop");
    }
    void *touched = host_touched(size);
    if (!touched)
        fprintf(stderr, "no memory for a large parent: W4.spawn.1G is left out\n");
    for (int i = 0; touched && i < (o->quick ? 1 : 5); i++) {
        stats_add("limit", "W4.spawn.1G.ready", limit_start_four(), "ms");
        start_and_stop("W4.spawn.1G.ready", "W4.spawn.1G.stop");
    }
    host_release(touched, size);
    if (round < 3)
        python_run(o, "pool spawn w4");
}

/* ---------------------------------------------------------------------- W5 */

static double makespan(brood_pool *pool, uint32_t count, size_t chunk)
{
    uint64_t *lengths = memory(count, sizeof *lengths);
    brood_results *results;
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        lengths[i] = w5_durations[i];
        sum += w5_durations[i];
    }
    brd_time start = brd_os_now();
    bench_check(brood_pool_map(pool, task_burn,
                               brood_items_structs(lengths, sizeof *lengths, count),
                               BROOD_MAP(.chunksize = chunk), &results),
                "map");
    double us = (double)(brd_os_now() - start) / 1e3;
    brood_results_destroy(results);
    free(lengths);
    return us / (sum / 2);
}

void work_uneven(const bench_options *o, int round)
{
    uint32_t count = o->quick ? 200 : W5_COUNT;
    (void)round;
    brood_pool *pool = bench_warm_pool(2);
    stats_add("limit", "W5.c1", limit_split(count), "x ideal");
    stats_add("brood", "W5.c1", makespan(pool, count, 1), "x ideal");
    stats_add("brood", "W5.c250", makespan(pool, count, o->quick ? 25 : 250), "x ideal");
    end_pool(pool);
}
