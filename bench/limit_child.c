/*
 * The children of the limits: bare processes without any of brood's care.
 */
#include "bench.h"
#include "limit.h"
#include "w5_durations.h"
#include <stdlib.h>
#include <string.h>

typedef struct child {
    limit_segment *shared;
    limit_lane *lane;
    unsigned index;
    brd_bell own_bell;
    brd_bell parent_bell;
} child;

static void pingpong(child *c)
{
    limit_ring *in = &c->lane->tasks, *out = &c->lane->results;
    if (c->shared->spins)
        host_pin(true);
    for (uint32_t i = 1;; i++) {
        limit_await(&in->tail, i - 1, c->shared->spins, &c->own_bell);
        uint64_t word = in->slots[i & 1];
        if (word == LIMIT_END)
            return;
        out->slots[i & 1] = word;
        limit_post(&out->tail, i, &c->parent_bell);
    }
}

static void stream_publish(child *c, uint32_t at)
{
    atomic_store_explicit(&c->lane->results.tail, at, memory_order_release);
    atomic_store_explicit(&c->lane->tasks.head, at, memory_order_release);
}

static void stream_wait(child *c, uint32_t at)
{
    _Atomic uint32_t *tail = &c->lane->tasks.tail;
    if (c->shared->yields) {
        while (atomic_load_explicit(tail, memory_order_acquire) == at)
            brd_os_yield();
        return;
    }
    atomic_thread_fence(memory_order_seq_cst);
    brd_os_bell_ring(&c->parent_bell);
    limit_await(tail, at, c->shared->spins, &c->own_bell);
}

static void stream(child *c)
{
    limit_ring *in = &c->lane->tasks, *out = &c->lane->results;
    uint32_t at = 0, tail = 0, published = 0;
    for (;;) {
        if (at == tail) {
            if (published != at)
                stream_publish(c, published = at);
            stream_wait(c, at);
            tail = atomic_load_explicit(&in->tail, memory_order_acquire);
        }
        uint64_t word = in->slots[at % LIMIT_SLOTS];
        if (word == LIMIT_END)
            return;
        out->slots[at % LIMIT_SLOTS] = word + 1;
        if (++at - published >= c->shared->batch)
            stream_publish(c, published = at);
    }
}

// Words or writes that come one way: says when it had the last, and the sum.
static void answer_one_way(child *c, uint64_t sum)
{
    c->lane->results.slots[0] = (uint64_t)brd_os_now();
    c->lane->results.slots[1] = sum;
}

// How far the other side is, once there is something.
static uint32_t await_more(const limit_ring *ring, uint32_t at, uint32_t tail)
{
    while (at == tail) {
        tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (at == tail)
            brd_os_yield();
    }
    return tail;
}

static void drain(child *c)
{
    limit_ring *in = &c->lane->tasks;
    uint32_t at = 0, tail = 0;
    uint64_t sum = 0;
    while (at < c->shared->count) {
        tail = await_more(in, at, tail);
        sum += in->slots[at++ % LIMIT_SLOTS];
        atomic_store_explicit(&in->head, at, memory_order_release);
    }
    answer_one_way(c, sum);
}

// Items that are copied in by the one and out by the other.
static void copy_out(child *c)
{
    unsigned char item[LIMIT_ITEM];
    limit_ring *in = &c->lane->tasks;
    uint32_t tail = 0;
    uint64_t sum = 0, number;
    for (uint32_t at = 0; at < c->shared->count; at++) {
        tail = await_more(in, at, tail);
        memcpy(item, c->shared->items[at % LIMIT_ITEMS], sizeof item);
        atomic_store_explicit(&in->head, at + 1, memory_order_release);
        memcpy(&number, item, sizeof number);
        sum += number + item[sizeof item - 1];
    }
    answer_one_way(c, sum);
}

// In place of a bell of its own it has a pipe's end.
static void read_pipe(child *c)
{
    unsigned char item[LIMIT_ITEM];
    uint64_t sum = 0, number;
    for (uint32_t i = 0; i < c->shared->count; i++) {
        if (host_read(c->own_bell.handle, item, c->shared->size))
            brd_os_exit(1);
        memcpy(&number, item, sizeof number);
        sum += number;
    }
    answer_one_way(c, sum);
}

// Says when it woke.
static void wake(child *c)
{
    limit_ring *in = &c->lane->tasks, *out = &c->lane->results;
    for (uint32_t i = 1;; i++) {
        limit_await(&in->tail, i - 1, 0, &c->own_bell);
        if (in->slots[i & 1] == LIMIT_END)
            return;
        out->slots[i & 1] = (uint64_t)brd_os_now();
        atomic_store_explicit(&out->tail, i, memory_order_release);
    }
}

static int longest_first(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

// The longest first, each to the side that has less: as even as it gets.
static void burn(child *c)
{
    uint32_t lengths[W5_COUNT], mine[W5_COUNT];
    uint64_t load[2] = {0, 0};
    uint32_t count = c->shared->count, own = 0;
    memcpy(lengths, w5_durations, count * sizeof *lengths);
    qsort(lengths, count, sizeof *lengths, longest_first);
    for (uint32_t i = 0; i < count; i++) {
        unsigned side = load[1] < load[0];
        load[side] += lengths[i];
        if (side == c->index)
            mine[own++] = lengths[i];
    }
    atomic_fetch_add(&c->shared->ready, 1);
    while (!atomic_load(&c->shared->go))
        brd_os_yield();
    for (uint32_t i = 0; i < own; i++)
        bench_burn_us(mine[i]);
}

static void idle(child *c)
{
    limit_await(&c->lane->tasks.tail, 0, 0, &c->own_bell);
}

static const struct {
    const char *name;
    void (*run)(child *c);
    bool ready; /* says by itself when it is */
} kinds[] = {{"pingpong", pingpong, false}, {"stream", stream, false},  {"drain", drain, false},
             {"copies", copy_out, false},   {"pipe", read_pipe, false}, {"wake", wake, false},
             {"burn", burn, true},          {"idle", idle, false}};

// program, LIMIT_ARGUMENT, kind, index, parent, segment, parent's bell, own bell
_Noreturn void limit_child(int argc, char **argv)
{
    brd_handle handles[3];
    brd_shm shm;
    if (argc < 8)
        brd_os_exit(0); // a bare start: that was all
    for (size_t i = 0; i < 3; i++)
        handles[i] = (brd_handle){(intptr_t)strtoll(argv[5 + i], NULL, 10)};
    brd_handle last = handles[0];
    for (size_t i = 1; i < 3; i++)
        last = brd_is_none(handles[i]) ? last : handles[i];
    if (brd_os_child_setup(strtoll(argv[4], NULL, 10), last, false) ||
        brd_os_shm_map(&shm, handles[0], sizeof(limit_segment), false))
        brd_os_exit(1);
    child c = {.shared = shm.base, .index = (unsigned)strtoul(argv[3], NULL, 10)};
    c.lane = &c.shared->lanes[c.index];
    c.own_bell = (brd_bell){.word = &c.lane->tasks.parked, .handle = handles[2]};
    c.parent_bell = (brd_bell){.word = &c.shared->parent_parked, .handle = handles[1]};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[2], kinds[i].name) == 0) {
            if (!kinds[i].ready)
                atomic_fetch_add(&c.shared->ready, 1);
            kinds[i].run(&c);
        }
    brd_os_exit(0);
}
