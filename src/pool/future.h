/**
 * A future: a sink on the heap, which outlives its task and may outlive its pool.
 */
#ifndef BRD_FUTURE_H
#define BRD_FUTURE_H

#include "pool/state.h"
#include <brood/future.h>

struct brood_future {
    brood_pool *pool;
    brd_sink sink;        /* under the pool's lock */
    brood_message result; /* what the sink points to */
};

/** NULL: out of memory. Refers to the pool until it is destroyed. */
brood_future *brd_future_make(brood_pool *pool);

#endif
