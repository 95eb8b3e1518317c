/*
 * The limits: what two bare processes reach on this machine at this moment, without
 * a pool's bookkeeping, checks and crash handling.
 */
#include "bench.h"
#include "limit.h"
#include "w5_durations.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOO_LONG_MS = 400, FEWEST = 200 };

typedef struct team {
    brd_shm shm;
    limit_segment *shared;
    brd_handle parent_handle;
    brd_bell parent_bell;
    unsigned count;
    brd_proc procs[LIMIT_MOST];
    brd_handle handles[LIMIT_MOST];
    brd_bell bells[LIMIT_MOST];
} team;

static void start_self(brd_proc *out, const char *const *argv, const brd_handle *inherit,
                       size_t ninherit)
{
    static char program[4096];
    const char *all[12] = {program, LIMIT_ARGUMENT};
    if (!program[0])
        bench_check(brd_os_self_path(program, sizeof program), "the path of this program");
    for (size_t i = 0; argv[i]; i++)
        all[2 + i] = argv[i];
    brd_launch how = {.program = program, .argv = all, .inherit = inherit, .ninherit = ninherit};
    bench_check(brd_os_proc_start(out, &how), "starting a child");
}

static void start_member(team *t, const char *kind, unsigned index)
{
    char text[5][32];
    const char *argv[] = {kind, text[0], text[1], text[2], text[3], text[4], NULL};
    const brd_handle has[3] = {t->shm.segment, t->parent_handle, t->handles[index]};
    brd_handle inherit[3];
    brd_launch how = {.inherit = inherit};
    for (size_t i = 0; i < 3; i++)
        if (!brd_is_none(has[i]))
            inherit[how.ninherit++] = has[i];
    (void)snprintf(text[0], sizeof text[0], "%u", index);
    (void)snprintf(text[1], sizeof text[1], "%lld", (long long)brd_os_pid());
    for (size_t i = 0, next = 0; i < 3; i++) {
        brd_handle h = brd_is_none(has[i]) ? BRD_NONE : brd_os_proc_inherited(&how, next++);
        (void)snprintf(text[2 + i], sizeof text[2 + i], "%lld", (long long)h.os);
    }
    start_self(&t->procs[index], argv, inherit, how.ninherit);
}

static void team_start(team *t, const char *kind, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (brd_is_none(t->handles[i]))
            bench_check(brd_os_bell_open(&t->handles[i]), "a bell");
        t->bells[i] = (brd_bell){&t->shared->lanes[i].tasks.parked, t->handles[i]};
        start_member(t, kind, i);
    }
    t->count = count;
    brd_time limit = brd_os_now() + 20000 * BRD_MS;
    while (atomic_load(&t->shared->ready) < count) {
        if (brd_os_now() > limit)
            bench_fail("a child of a limit did not come up", BROOD_ETIMEDOUT);
        brd_os_yield();
    }
}

static void team_open(team *t)
{
    memset(t, 0, sizeof *t);
    for (unsigned i = 0; i < LIMIT_MOST; i++)
        t->handles[i] = BRD_NONE;
    bench_check(brd_os_shm_create(&t->shm, sizeof(limit_segment)), "a segment");
    bench_check(brd_os_bell_open(&t->parent_handle), "a bell");
    t->shared = t->shm.base;
    t->parent_bell = (brd_bell){&t->shared->parent_parked, t->parent_handle};
}

// The members have ended, and what they have stored is there.
static void team_end(team *t)
{
    for (unsigned i = 0; i < t->count; i++) {
        brd_exit ended;
        bench_check(brd_os_proc_wait(&t->procs[i], brd_os_now() + 20000 * BRD_MS, &ended),
                    "the end of a child");
        if (ended.kind != BROOD_EXIT_CODE || ended.code)
            bench_fail("a child of a limit failed", BROOD_EWORKERLOST);
        brd_os_proc_close(&t->procs[i]);
        brd_os_close(&t->handles[i]);
    }
    brd_os_close(&t->parent_handle);
}

static void team_close(team *t)
{
    team_end(t);
    brd_os_shm_unmap(&t->shm);
}

/* --------------------------------------------------------------- ping-pong */

static void post_task(team *t, uint32_t i, uint64_t word)
{
    limit_ring *out = &t->shared->lanes[0].tasks;
    out->slots[i & 1] = word;
    limit_post(&out->tail, i, &t->bells[0]);
}

size_t limit_pingpong(int64_t *ns, size_t count, uint32_t spins, int64_t gap_ms)
{
    team t;
    team_open(&t);
    t.shared->spins = spins;
    team_start(&t, "pingpong", 1);
    // Two that talk in turn look like one to the scheduler, which leaves them on one
    // cpu: the limit of spinning is what two cpus can do. (Not earlier: a child inherits it.)
    if (spins)
        host_pin(false);
    limit_ring *in = &t.shared->lanes[0].results;
    size_t warm = count / 10, done = 0;
    uint32_t i = 0;
    brd_time limit = brd_os_now() + TOO_LONG_MS * BRD_MS;
    while (done < count && (done < FEWEST || brd_os_now() < limit)) {
        if (gap_ms)
            bench_pause_ms(gap_ms);
        brd_time start = brd_os_now();
        i++;
        post_task(&t, i, i);
        limit_await(&in->tail, i - 1, spins, &t.parent_bell);
        if (in->slots[i & 1] != i)
            bench_fail("a limit's answer is wrong", BROOD_EPROTOCOL);
        if (i > warm)
            ns[done++] = brd_os_now() - start;
    }
    post_task(&t, i + 1, LIMIT_END);
    team_close(&t);
    host_unpin();
    return done;
}

/* --------------------------------------------------------------- streaming */

typedef struct streaming {
    team t;
    uint32_t at[2], published[2], got[2];
    uint64_t sent, received, sum;
} streaming;

static void flush(streaming *s, unsigned w)
{
    _Atomic uint32_t *tail = &s->t.shared->lanes[w].tasks.tail;
    s->published[w] = s->at[w];
    if (s->t.shared->yields)
        atomic_store_explicit(tail, s->at[w], memory_order_release);
    else
        limit_post(tail, s->at[w], &s->t.bells[w]);
}

static bool exchange(streaming *s, unsigned w, size_t count)
{
    limit_lane *lane = &s->t.shared->lanes[w];
    uint32_t tail = atomic_load_explicit(&lane->results.tail, memory_order_acquire);
    bool progress = s->got[w] != tail;
    for (; s->got[w] != tail; s->received++)
        s->sum += lane->results.slots[s->got[w]++ % LIMIT_SLOTS];
    for (int k = 0; k < 64 && s->sent < count && s->at[w] - s->got[w] < LIMIT_SLOTS; k++) {
        lane->tasks.slots[s->at[w]++ % LIMIT_SLOTS] = s->sent++;
        if (s->at[w] - s->published[w] >= s->t.shared->batch)
            flush(s, w);
        progress = true;
    }
    if (s->at[w] != s->published[w])
        flush(s, w);
    return progress;
}

static bool any_result(const streaming *s)
{
    for (unsigned w = 0; w < 2; w++)
        if (atomic_load(&s->t.shared->lanes[w].results.tail) != s->got[w])
            return true;
    return false;
}

static void stream_idle(streaming *s)
{
    if (s->t.shared->yields) {
        brd_os_yield();
        return;
    }
    for (uint32_t i = 0; i < s->t.shared->spins; i++) {
        if (any_result(s))
            return;
        brd_os_pause();
    }
    atomic_store(&s->t.shared->parent_parked, 1);
    atomic_thread_fence(memory_order_seq_cst);
    if (!any_result(s))
        (void)brd_os_bell_wait(&s->t.parent_bell, BRD_FOREVER);
    atomic_store(&s->t.shared->parent_parked, 0);
}

static double stream_once(size_t count, uint32_t batch, bool yields)
{
    streaming s = {.sent = 0};
    team_open(&s.t);
    s.t.shared->spins = 1000;
    s.t.shared->yields = yields;
    s.t.shared->batch = batch;
    team_start(&s.t, "stream", 2);
    brd_time start = brd_os_now();
    while (s.received < count) {
        bool progress = exchange(&s, 0, count);
        if (!(exchange(&s, 1, count) | progress))
            stream_idle(&s);
    }
    double seconds = (double)(brd_os_now() - start) / 1e9;
    for (unsigned w = 0; w < 2; w++) {
        s.t.shared->lanes[w].tasks.slots[s.at[w]++ % LIMIT_SLOTS] = LIMIT_END;
        flush(&s, w);
    }
    team_close(&s.t);
    if (s.sum != (uint64_t)count * (count - 1) / 2 + count)
        bench_fail("a limit's sum is wrong", BROOD_EPROTOCOL);
    return (double)count / seconds;
}

double limit_stream(size_t count, uint32_t batch)
{
    double parking = stream_once(count, batch, false), yielding = stream_once(count, batch, true);
    return parking > yielding ? parking : yielding;
}

/* ---------------------------------------------------------------- one way */

// The child has stored when it had the last one, and the sum of all.
static double one_way_end(team *t, uint32_t count, brd_time start)
{
    team_end(t);
    const uint64_t *answer = t->shared->lanes[0].results.slots;
    double seconds = (double)((brd_time)answer[0] - start) / 1e9;
    if (answer[1] != (uint64_t)count * (count - 1) / 2)
        bench_fail("a limit's sum is wrong", BROOD_EPROTOCOL);
    brd_os_shm_unmap(&t->shm);
    return (double)count / seconds;
}

// How far the other side is, once it has left room for one more.
static uint32_t await_room(const limit_ring *ring, uint32_t at, uint32_t head, uint32_t slots)
{
    while (at - head == slots) {
        head = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (at - head == slots)
            brd_os_yield();
    }
    return head;
}

double limit_one_way(uint32_t count)
{
    team t;
    team_open(&t);
    t.shared->count = count;
    team_start(&t, "drain", 1);
    limit_ring *ring = &t.shared->lanes[0].tasks;
    brd_time start = brd_os_now();
    for (uint32_t at = 0, head = 0; at < count; at++) {
        head = await_room(ring, at, head, LIMIT_SLOTS);
        ring->slots[at % LIMIT_SLOTS] = at;
        atomic_store_explicit(&ring->tail, at + 1, memory_order_release);
    }
    return one_way_end(&t, count, start);
}

double limit_copies(uint32_t count)
{
    team t;
    unsigned char item[LIMIT_ITEM] = {0};
    team_open(&t);
    t.shared->count = count;
    team_start(&t, "copies", 1);
    limit_ring *ring = &t.shared->lanes[0].tasks;
    brd_time start = brd_os_now();
    for (uint32_t at = 0, head = 0; at < count; at++) {
        uint64_t number = at;
        head = await_room(ring, at, head, LIMIT_ITEMS);
        memcpy(item, &number, sizeof number);
        memcpy(t.shared->items[at % LIMIT_ITEMS], item, sizeof item);
        atomic_store_explicit(&ring->tail, at + 1, memory_order_release);
    }
    return one_way_end(&t, count, start);
}

double limit_pipe(uint32_t count, size_t size)
{
    team t;
    unsigned char item[LIMIT_ITEM] = {0};
    brd_handle ends[2];
    if (size > sizeof item)
        bench_fail("an item", BROOD_EINVAL);
    bench_check(host_pipe(ends), "a pipe");
    team_open(&t);
    t.shared->count = count;
    t.shared->size = (uint32_t)size;
    t.handles[0] = ends[0];
    team_start(&t, "pipe", 1);
    brd_os_close(&t.handles[0]); // or nobody would hear of a child that failed
    brd_time start = brd_os_now();
    for (uint64_t i = 0; i < count; i++) {
        memcpy(item, &i, sizeof i);
        bench_check(host_write(ends[1], item, size), "a pipe");
    }
    double rate = one_way_end(&t, count, start);
    brd_os_close(&ends[1]);
    return rate;
}

void limit_wake(int64_t *ns, uint32_t count)
{
    team t;
    team_open(&t);
    team_start(&t, "wake", 1);
    limit_ring *in = &t.shared->lanes[0].results;
    for (uint32_t i = 1; i <= count; i++) {
        bench_pause_ms(1);
        brd_time start = brd_os_now();
        post_task(&t, i, i);
        while (atomic_load_explicit(&in->tail, memory_order_acquire) != i)
            brd_os_yield();
        ns[i - 1] = (brd_time)in->slots[i & 1] - start;
    }
    post_task(&t, count + 1, LIMIT_END);
    team_close(&t);
}

/* ------------------------------------------------------------- the others */

double limit_swap(uint32_t pairs)
{
    brd_shm shm;
    bench_check(brd_os_shm_create(&shm, sizeof(_Atomic uint64_t)), "a segment");
    _Atomic uint64_t *word = shm.base;
    uint64_t missed = 0;
    brd_time start = brd_os_now();
    for (uint32_t i = 0; i < pairs; i++) {
        uint64_t nobody = 0;
        missed += !atomic_compare_exchange_strong_explicit(word, &nobody, 1, memory_order_acquire,
                                                           memory_order_relaxed);
        atomic_store_explicit(word, 0, memory_order_release);
    }
    double ns = (double)(brd_os_now() - start) / pairs;
    brd_os_shm_unmap(&shm);
    if (missed)
        bench_fail("a bare lock", BROOD_EBUSY);
    return ns;
}

double limit_memcpy(size_t size)
{
    enum { TIMES = 6 };
    unsigned char *from = host_touched(size), *to = host_touched(size);
    if (!from || !to)
        bench_fail("memory for memcpy", BROOD_ENOMEM);
    memcpy(to, from, size);
    brd_time start = brd_os_now();
    for (int i = 0; i < TIMES; i++) {
        from[i] = (unsigned char)i;
        memcpy(to, from, size);
        if (to[i] != i)
            bench_fail("memcpy", BROOD_EPROTOCOL);
    }
    double rate = (double)size * TIMES / (double)(brd_os_now() - start);
    host_release(from, size);
    host_release(to, size);
    return rate;
}

double limit_start_four(void)
{
    const char *argv[] = {"exit", NULL};
    brd_proc procs[4];
    brd_exit ended;
    brd_time start = brd_os_now();
    for (size_t i = 0; i < 4; i++)
        start_self(&procs[i], argv, NULL, 0);
    for (size_t i = 0; i < 4; i++)
        bench_check(brd_os_proc_wait(&procs[i], BRD_FOREVER, &ended), "the end of a child");
    double ms = (double)(brd_os_now() - start) / 1e6;
    for (size_t i = 0; i < 4; i++)
        brd_os_proc_close(&procs[i]);
    return ms;
}

double limit_split(uint32_t count)
{
    team t;
    brd_exit ended;
    double sum = 0;
    team_open(&t);
    t.shared->count = count;
    team_start(&t, "burn", 2);
    brd_time start = brd_os_now();
    atomic_store(&t.shared->go, 1);
    for (unsigned i = 0; i < 2; i++)
        bench_check(brd_os_proc_wait(&t.procs[i], BRD_FOREVER, &ended), "the end of a child");
    double us = (double)(brd_os_now() - start) / 1e3;
    team_close(&t);
    for (uint32_t i = 0; i < count; i++)
        sum += w5_durations[i];
    return us / (sum / 2);
}

double limit_idle_pss(void)
{
    team t;
    double sum = 0;
    team_open(&t);
    team_start(&t, "idle", 4);
    bench_pause_ms(100);
    for (unsigned i = 0; i < 4; i++) {
        double pss = host_pss_kib(t.procs[i].pid);
        sum = pss < 0 || sum < 0 ? -1 : sum + pss;
    }
    for (unsigned i = 0; i < 4; i++)
        limit_post(&t.shared->lanes[i].tasks.tail, 1, &t.bells[i]);
    team_close(&t);
    return sum;
}
