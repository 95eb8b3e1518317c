/*
 * W8: how many items go through a queue, and how long one takes there and back.
 */
#include "stage.h"
#include "stats.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 4096, TOO_LONG_MS = 400, FEWEST = 200, SPINS = 1000 };

/* ------------------------------------------------------- what processes run */

// Items are numbers, from the first on, followed by zeros.
static int put_share(brood_message *args, brood_message *result)
{
    unsigned char item[LARGEST] = {0};
    stage_role r;
    brood_queue *queue;
    uint64_t first, count, size;
    (void)result;
    int status = stage_enter(&r, args);
    if (!status)
        status = brood_unpack(args, "tttQ", &first, &count, &size, &queue);
    if (status)
        return status;
    stage_wait(&r);
    r.part->began = brd_os_now();
    for (uint64_t i = 0; !status && i < count; i++) {
        uint64_t number = first + i;
        memcpy(item, &number, sizeof number);
        status = brood_queue_put_bytes(queue, item, (size_t)size, BROOD_FOREVER);
    }
    r.part->ended = brd_os_now();
    brood_queue_destroy(queue);
    stage_leave(&r);
    return status;
}

static int get_share(brood_message *args, brood_message *result)
{
    unsigned char item[LARGEST];
    stage_role r;
    brood_queue *queue;
    uint64_t count, size, number = 0;
    size_t got = 0;
    (void)result;
    int status = stage_enter(&r, args);
    if (!status)
        status = brood_unpack(args, "ttQ", &count, &size, &queue);
    if (status)
        return status;
    stage_wait(&r);
    for (uint64_t i = 0; !status && i < count; i++) {
        status = brood_queue_get_bytes(queue, item, sizeof item, &got, BROOD_FOREVER);
        memcpy(&number, item, sizeof number);
        r.part->sum += number;
        r.part->count += got == size;
    }
    r.part->ended = brd_os_now();
    brood_queue_destroy(queue);
    stage_leave(&r);
    return status;
}

static int send_back(brood_message *args, brood_message *result)
{
    brood_queue *in, *out;
    uint64_t item;
    size_t size;
    (void)result;
    int status = brood_unpack(args, "QQ", &in, &out);
    if (status)
        return status;
    do {
        status = brood_queue_get_bytes(in, &item, sizeof item, &size, BROOD_FOREVER);
        if (!status)
            status = brood_queue_put_bytes(out, &item, size, BROOD_FOREVER);
    } while (!status);
    brood_queue_destroy(in);
    brood_queue_destroy(out);
    return status == BROOD_ECLOSED ? BROOD_OK : status;
}

/* ---------------------------------------------------------------- the works */

typedef struct cell {
    const char *metric;
    uint32_t sides; /* so many put, and as many get */
    size_t size;
    uint64_t count; /* items that each of them puts or gets */
} cell;

static const cell cells[] = {{"W8.1x1.8B", 1, 8, 1000000},
                             {"W8.4x4.8B", 4, 8, 250000},
                             {"W8.1x1.4K", 1, 4096, 200000},
                             {"W8.4x4.4K", 4, 4096, 50000}};

static double queue_rate(const cell *c, uint64_t count)
{
    stage s;
    brood_queue *queue;
    uint64_t all = count * c->sides, seen = 0, sum = 0;
    bench_check(brood_queue_create(&queue, NULL), "a queue");
    stage_open(&s);
    for (uint32_t i = 0; i < c->sides; i++) {
        stage_add(&s, put_share, "tttQ", i * count, count, (uint64_t)c->size, queue);
        stage_add(&s, get_share, "ttQ", count, (uint64_t)c->size, queue);
    }
    stage_go(&s);
    stage_join(&s);
    double seconds = stage_seconds(&s);
    for (uint32_t i = 0; i < s.count; i++) {
        seen += s.words->parts[i].count;
        sum += s.words->parts[i].sum;
    }
    if (seen != all || sum != all * (all - 1) / 2)
        bench_fail("a queue gave other items", BROOD_EPROTOCOL);
    stage_close(&s);
    brood_queue_destroy(queue);
    return (double)all / seconds;
}

typedef struct trip {
    brood_queue *there, *back;
    brood_process *other;
} trip;

static void trip_open(trip *t)
{
    bench_check(brood_queue_create(&t->there, NULL), "a queue");
    bench_check(brood_queue_create(&t->back, NULL), "a queue");
    bench_check(brood_process_call(&t->other, send_back, "QQ", t->there, t->back), "a process");
}

static void trip_close(trip *t)
{
    bench_check(brood_queue_close(t->there), "close");
    bench_check(brood_process_join(t->other, 60000), "the end of a process");
    if (brood_process_exit(t->other).python)
        bench_fail("a process failed", BROOD_EWORKERLOST);
    brood_process_destroy(t->other);
    brood_queue_destroy(t->there);
    brood_queue_destroy(t->back);
}

static size_t trips(trip *t, int64_t *ns, size_t count, int64_t gap_ms)
{
    size_t warm = gap_ms ? 20 : count / 10, done = 0, size;
    uint64_t item = 0;
    brd_time limit = brd_os_now() + TOO_LONG_MS * BRD_MS;
    for (uint64_t i = 0; done < count && (done < FEWEST || brd_os_now() < limit); i++) {
        if (gap_ms)
            bench_pause_ms(gap_ms);
        brd_time start = brd_os_now();
        int status = brood_queue_put_bytes(t->there, &i, sizeof i, BROOD_FOREVER);
        if (!status)
            status = brood_queue_get_bytes(t->back, &item, sizeof item, &size, BROOD_FOREVER);
        brd_time end = brd_os_now();
        bench_check(status, "an item there and back");
        if (item != i)
            bench_fail("another item came back", BROOD_EPROTOCOL);
        if (i >= warm)
            ns[done++] = end - start;
    }
    return done;
}

static void latency(const bench_options *o)
{
    size_t count = o->quick ? 2000 : 5000, parked = o->quick ? 50 : 300;
    int64_t *ns = calloc(count, sizeof *ns);
    trip t;
    if (!ns)
        bench_fail("memory", BROOD_ENOMEM);
    trip_open(&t);
    for (int i = 0; i < (o->quick ? 1 : 4); i++) {
        stats_latency("limit", "W8.trip", ns, limit_pingpong(ns, count, SPINS, 0));
        stats_latency("brood", "W8.trip", ns, trips(&t, ns, count, 0));
    }
    stats_latency("limit", "W8.parked", ns, limit_pingpong(ns, parked, 0, 1));
    stats_latency("brood", "W8.parked", ns, trips(&t, ns, parked, 1));
    trip_close(&t);
    free(ns);
}

void work_queue(const bench_options *o, int round)
{
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        const cell *c = &cells[i];
        uint64_t count = c->count / (o->quick ? 20 : 1);
        uint64_t all = count * c->sides;
        char arguments[64];
        if (c->size == sizeof(uint64_t)) {
            stats_add("limit", c->metric, limit_one_way((uint32_t)all), "items/s");
        } else {
            stats_add("limit", c->metric, limit_copies((uint32_t)all), "items/s");
            stats_add("pipe", c->metric, limit_pipe((uint32_t)all, c->size), "items/s");
        }
        stats_add("brood", c->metric, queue_rate(c, count), "items/s");
        (void)snprintf(arguments, sizeof arguments, "queue %u %zu %s", c->sides, c->size,
                       c->metric);
        if (round < 3)
            python_shared_run(o, arguments);
    }
    latency(o);
    if (round < 3)
        python_shared_run(o, "trip");
}
