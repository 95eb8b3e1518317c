/**
 * A job: many items under one call. Items go out in chunks, which are transport
 * only; results come in one by one.
 *
 * The items of a map stand in an array, from which chunks are cut as workers get
 * room. Those of an iterator come packed in tasks that it has put on `again`.
 */
#ifndef BRD_JOB_H
#define BRD_JOB_H

#include "ipc/link.h"
#include "pool/items.h"
#include "pool/task.h"
#include <brood/pool.h>

/** One item's outcome. Short results stand in the item itself. */
typedef struct brd_outcome {
    int32_t status;
    uint32_t ended;
    uint64_t size;
    union {
        unsigned char inside[8];
        unsigned char *bytes;
        brood_error *error;
    } u;
} brd_outcome;

struct brood_results {
    size_t count;
    brood_message view; /* what brood_results_at gave last */
    brd_outcome outcomes[];
};

typedef struct brd_job {
    struct brd_job *next; /* in the pool's list */
    bool listed;
    bool fail_fast;
    bool failing; /* an item failed, and the others are to be cancelled */
    brood_items items;
    uint32_t function;
    uint32_t chunk;
    uint64_t order;
    brd_terms terms;
    brd_alarm deadline;
    size_t sent;                       /* items cut off into chunks */
    size_t ended;                      /* items that have their outcome */
    brd_task *again_head, *again_tail; /* chunks to be sent before any is cut */
    brood_results *results;
    unsigned char *into; /* NULL, or the caller's array */
    size_t into_size;
    struct brood_future *future;     /* of a map_async; it owns the job */
    struct brood_iterator *iterator; /* whose job it is; NULL: a map's */
    brood_message scratch;           /* contents of a chunk whose items must be put together */
} brd_job;

/** Is anything to be sent? */
static inline bool brd_job_has_more(const brd_job *job)
{
    return job->again_head || job->sent < job->items.count;
}

/** Have all items of a map their outcome? */
static inline bool brd_job_is_over(const brd_job *job)
{
    return !job->iterator && job->ended == job->items.count;
}

/** The chunk that goes next. NULL: out of memory. */
brd_task *brd_job_next(brd_job *job, brd_tasks *tasks);

/** A chunk to be sent; front: before all others. */
void brd_job_put(brd_job *job, brd_task *task, bool front);

/** Writes a chunk's contents into the link. Fails with: BROOD_EAGAIN, BROOD_ENOMEM. */
int brd_job_send(brd_job *job, brd_link *link, brd_task *task);

/** One item has its result. */
void brd_job_result(brd_job *job, size_t item, const unsigned char *bytes, size_t size);

/** One item failed. */
void brd_job_error(brd_job *job, size_t item, const brood_error *error);

/** Puts an outcome together. Fails with: BROOD_ENOMEM; the outcome then says so itself. */
int brd_outcome_set(brd_outcome *o, const unsigned char *bytes, size_t size);
void brd_outcome_fail(brd_outcome *o, const brood_error *error);
void brd_outcome_clear(brd_outcome *o);
/** A message that shows this outcome, and lives no longer. */
void brd_outcome_view(const brd_outcome *o, brood_message *view);

/** NULL: out of memory, or too many. */
brood_results *brd_results_make(size_t count);
/** The status of the first item that failed. */
int brd_results_first_failure(const brood_results *results);

/** iterator.c: an item of an iterator has its outcome, which the call takes over. */
void brd_iterator_put(struct brood_iterator *iterator, size_t item, brd_outcome *outcome);

/** iterator.c: the pool closes: arrays are taken in as a whole, generators not asked again. */
void brd_iterators_close(brood_pool *pool);

/** iterator.c: no more items are to be taken in. */
void brd_iterator_stop(struct brood_iterator *iterator);

/** The job is in the pool's list while it has something to send. */
void brd_job_list(brood_pool *pool, brd_job *job);
void brd_job_unlist(brood_pool *pool, brd_job *job);

/** outcome.c: all of its items that were not sent fail. */
void brd_job_fail(brood_pool *pool, brd_job *job, const brood_error *error);

/**
 * To be called after outcomes were given to a job: cancels what is left if it fails
 * fast, and ends it when all is there. The job may be gone afterwards.
 */
void brd_job_check(brood_pool *pool, brd_job *job);

#endif
