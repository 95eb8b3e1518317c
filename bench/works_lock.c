/*
 * W9: what a lock costs that nobody else wants, how it goes round among several, and how
 * long it takes to reach who sleeps for it.
 */
#include "stage.h"
#include "stats.h"
#include <stdio.h>
#include <stdlib.h>

enum { FREE_PAIRS = 1000000, CONTENDED_MS = 200, SLEEP_MS = 1, WAKES = 200 };

/* ------------------------------------------------------- what processes run */

static int contend(brood_message *args, brood_message *result)
{
    stage_role r;
    brood_lock *lock;
    (void)result;
    int status = stage_enter(&r, args);
    if (!status)
        status = brood_unpack(args, "L", &lock);
    if (status)
        return status;
    stage_wait(&r);
    r.part->began = brd_os_now();
    while (!status && !atomic_load_explicit(&r.words->stop, memory_order_relaxed)) {
        status = brood_lock_acquire(lock, BROOD_FOREVER);
        if (status)
            break;
        r.part->count++;
        r.part->sum += r.words->holder != r.index; // it was another's
        r.words->holder = r.index;
        status = brood_lock_release(lock);
    }
    r.part->ended = brd_os_now();
    brood_lock_destroy(lock);
    stage_leave(&r);
    return status;
}

// Asks for the lock each time that `go` moves on, while the parent has it.
static int sleep_for_lock(brood_message *args, brood_message *result)
{
    stage_role r;
    brood_lock *lock;
    uint32_t count;
    (void)result;
    int status = stage_enter(&r, args);
    if (!status)
        status = brood_unpack(args, "Lu", &lock, &count);
    if (status)
        return status;
    stage_wait(&r);
    for (uint32_t i = 1; !status && i <= count; i++) {
        while (atomic_load(&r.words->go) <= i)
            brd_os_yield();
        atomic_store(&r.words->asked, i);
        status = brood_lock_acquire(lock, BROOD_FOREVER);
        r.part->ended = brd_os_now();
        if (!status)
            status = brood_lock_release(lock);
        atomic_store(&r.words->taken, i);
    }
    brood_lock_destroy(lock);
    stage_leave(&r);
    return status;
}

/* ---------------------------------------------------------------- the works */

static double free_ns(uint32_t pairs)
{
    brood_lock *lock;
    int status = BROOD_OK;
    bench_check(brood_lock_create(&lock, NULL), "a lock");
    brd_time start = brd_os_now();
    for (uint32_t i = 0; !status && i < pairs; i++) {
        status = brood_lock_acquire(lock, BROOD_FOREVER);
        if (!status)
            status = brood_lock_release(lock);
    }
    double ns = (double)(brd_os_now() - start) / pairs;
    bench_check(status, "a lock");
    brood_lock_destroy(lock);
    return ns;
}

static void contended(uint32_t processes, int64_t ms)
{
    stage s;
    brood_lock *lock;
    char metric[32];
    uint64_t acquired = 0, handed = 0;
    bench_check(brood_lock_create(&lock, NULL), "a lock");
    stage_open(&s);
    for (uint32_t i = 0; i < processes; i++)
        stage_add(&s, contend, "L", lock);
    stage_go(&s);
    bench_pause_ms(ms);
    atomic_store(&s.words->stop, 1);
    stage_join(&s);
    double seconds = stage_seconds(&s);
    for (uint32_t i = 0; i < processes; i++) {
        acquired += s.words->parts[i].count;
        handed += s.words->parts[i].sum;
    }
    stage_close(&s);
    brood_lock_destroy(lock);
    (void)snprintf(metric, sizeof metric, "W9.by%u.acquired", processes);
    stats_add("brood", metric, (double)acquired / seconds, "1/s");
    (void)snprintf(metric, sizeof metric, "W9.by%u.handed", processes);
    stats_add("brood", metric, (double)handed / seconds, "1/s");
}

// From the release in this process until the other one, which sleeps, has it.
static void wake(uint32_t count)
{
    stage s;
    brood_lock *lock;
    int64_t ns[WAKES];
    bench_check(brood_lock_create(&lock, NULL), "a lock");
    stage_open(&s);
    stage_add(&s, sleep_for_lock, "Lu", lock, count);
    stage_go(&s);
    for (uint32_t i = 1; i <= count; i++) {
        bench_check(brood_lock_acquire(lock, BROOD_FOREVER), "a lock");
        atomic_store(&s.words->go, i + 1);
        while (atomic_load(&s.words->asked) != i)
            brd_os_yield();
        bench_pause_ms(SLEEP_MS);
        brd_time start = brd_os_now();
        bench_check(brood_lock_release(lock), "a lock");
        while (atomic_load(&s.words->taken) != i)
            brd_os_yield();
        ns[i - 1] = s.words->parts[0].ended - start;
    }
    stage_join(&s);
    stage_close(&s);
    brood_lock_destroy(lock);
    stats_percentiles("brood", "W9.wake", ns, count);
}

void work_lock(const bench_options *o, int round)
{
    int64_t ns[WAKES];
    uint32_t wakes = o->quick ? 20 : WAKES;
    uint32_t pairs = o->quick ? FREE_PAIRS / 20 : FREE_PAIRS;
    int64_t ms = o->quick ? 20 : CONTENDED_MS;
    stats_add("limit", "W9.free", limit_swap(pairs), "ns");
    stats_add("brood", "W9.free", free_ns(pairs), "ns");
    contended(2, ms);
    contended(4, ms);
    limit_wake(ns, wakes);
    stats_percentiles("limit", "W9.wake", ns, wakes);
    wake(wakes);
    if (round < 3)
        python_shared_run(o, "lock");
}
