/*
 * What a limit and its bare child processes share: a segment of words and rings
 * without any protection. Private to limits.c and limit_child.c.
 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include "os.h"

#define LIMIT_ARGUMENT "--limit-child"

enum { LIMIT_SLOTS = 4096, LIMIT_MOST = 4, LIMIT_LINE = 128, LIMIT_ITEM = 4096, LIMIT_ITEMS = 256 };

/* Zeroed is empty. */
typedef struct limit_ring {
    _Alignas(LIMIT_LINE) _Atomic uint32_t tail;
    _Alignas(LIMIT_LINE) _Atomic uint32_t head;
    _Alignas(LIMIT_LINE) _Atomic uint32_t parked; /* the child's bell, in its task ring */
    _Alignas(LIMIT_LINE) uint64_t slots[LIMIT_SLOTS];
} limit_ring;

typedef struct limit_lane {
    limit_ring tasks;
    limit_ring results;
} limit_lane;

typedef struct limit_segment {
    _Alignas(LIMIT_LINE) _Atomic uint32_t ready;
    _Alignas(LIMIT_LINE) _Atomic uint32_t go;
    _Alignas(LIMIT_LINE) _Atomic uint32_t parent_parked;
    _Alignas(LIMIT_LINE) uint32_t spins; /* before it parks */
    uint32_t yields;                     /* for ever instead of spins and parking */
    uint32_t batch;
    uint32_t count;
    uint32_t size; /* of what goes through a pipe */
    limit_lane lanes[LIMIT_MOST];
    unsigned char items[LIMIT_ITEMS]
                       [LIMIT_ITEM]; /* a ring of them, by the words of the first lane */
} limit_segment;

#define LIMIT_END UINT64_MAX /* this word ends a child */

/** Waits until the word is not `old`: spins, then parks on the bell. */
static inline void limit_await(_Atomic uint32_t *word, uint32_t old, uint32_t spins,
                               const brd_bell *bell)
{
    for (uint32_t i = 0; i < spins; i++) {
        if (atomic_load_explicit(word, memory_order_acquire) != old)
            return;
        brd_os_pause();
    }
    while (atomic_load(word) == old) {
        atomic_store(bell->word, 1);
        atomic_thread_fence(memory_order_seq_cst);
        if (atomic_load(word) == old)
            (void)brd_os_bell_wait(bell, BRD_FOREVER);
        atomic_store(bell->word, 0);
    }
}

/** Publishes the word, and wakes whoever parks. */
static inline void limit_post(_Atomic uint32_t *word, uint32_t value, const brd_bell *bell)
{
    atomic_store_explicit(word, value, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    brd_os_bell_ring(bell);
}

#endif
