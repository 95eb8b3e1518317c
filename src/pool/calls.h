/**
 * Callbacks that are due: what the user wants to hear, in the order in which it
 * happened. They run in a thread of their own, so that a slow one keeps nothing up,
 * or in the user's loop.
 */
#ifndef BRD_CALLS_H
#define BRD_CALLS_H

#include "os.h"
#include <brood/pool.h>

/** One call. run() is without the pool's lock, and frees what the call has. */
typedef struct brd_call {
    struct brd_call *next;
    void (*run)(struct brd_call *call);
    struct brd_call **due_at; /* NULLed, under the lock, when the call is no longer due */
} brd_call;

typedef struct brd_calls {
    brd_call *head, *tail;
    uint32_t count;
    uint32_t running; /* threads inside a callback */
    bool own_loop;
    bool quit;
    brd_thread thread;
    brd_cond wake;
    brd_waiter *outbox; /* of own_loop: its bell is the user's handle */
} brd_calls;

/** Makes sure that calls can run. Under the pool's lock. */
int brd_calls_prepare(brood_pool *pool);

/** Adds a call; brd_calls_prepare() has succeeded before. Under the pool's lock. */
void brd_calls_push(brood_pool *pool, brd_call *call);

/** True in a callback of this pool. */
bool brd_calls_inside(const brood_pool *pool);

/** Nothing is due and nothing runs: of this pool, or everything but the caller's own. */
bool brd_calls_idle(const brood_pool *pool);

/** Runs what is due, and ends the thread. Without the lock. */
void brd_calls_end(brood_pool *pool);

#endif
