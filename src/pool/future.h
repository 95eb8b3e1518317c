/**
 * A future: an outcome on the heap, which outlives its task and may outlive its
 * pool. Referred to by its user, by its task or job until that is over, and by each
 * callback that is due.
 */
#ifndef BRD_FUTURE_H
#define BRD_FUTURE_H

#include "pool/job.h"
#include "pool/state.h"
#include <brood/future.h>

/** A callback of a future. */
typedef struct brd_hook {
    brd_call call;
    struct brd_hook *next; /* while it waits for the end */
    brood_future *future;
    brood_future_callback *callback;
    void *baton;
    bool on_heap;
} brd_hook;

/** A group that waits for a future. */
typedef struct brd_watch {
    struct brd_watch *next; /* of the same future */
    brood_future *future;   /* NULL: it has ended */
    brood_pool *pool;       /* referred to */
    struct brood_completions *group;
    size_t index;
} brd_watch;

struct brood_future {
    brood_pool *pool;
    _Atomic uint32_t references;
    brd_sink sink;        /* under the pool's lock until it is done */
    brood_message result; /* what the sink points to */
    brd_task *task;       /* while a single task goes on */
    brd_job *job;         /* while a map goes on; the future frees it */
    brood_results *results;
    brood_future_callback *callback, *error_callback;
    void *baton;
    brd_hook own; /* for one of these two */
    brd_hook *hooks, *last_hook;
    brd_watch *watches;
    uint64_t number; /* of its task or map: the order of handing in */
    uint64_t mark;   /* the number of the group that looked at it last */
};

/** NULL: out of memory. Refers to the pool until it is destroyed. One reference. */
brood_future *brd_future_make(brood_pool *pool);

/** A reference less. */
void brd_future_release(brood_future *future);

/** The sink has its outcome: tells everybody, and drops the task's reference. */
void brd_future_over(brood_future *future);

/** All items of its job have their outcome. */
void brd_future_job_over(brood_future *future);

static inline bool brd_future_is_done(const brood_future *future)
{
    return atomic_load_explicit(&future->sink.done, memory_order_acquire);
}

/** completion.c: the groups that wait for it hear of its end. */
void brd_watches_fire(brood_future *future);

#endif
