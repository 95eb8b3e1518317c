/**
 * A map in progress: items go out in chunks, results come in one by one.
 */
#ifndef BRD_JOB_H
#define BRD_JOB_H

#include "ipc/link.h"
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
    struct brd_job *next;
    brood_items items;
    uint32_t function;
    uint32_t chunk;
    uint64_t order;
    size_t sent;  /* items cut off into chunks */
    size_t ended; /* items that have their outcome */
    brood_results *results;
    brood_message scratch; /* contents of a chunk whose items must be put together */
} brd_job;

/** Cuts the next chunk off. NULL: out of memory. */
brd_task *brd_job_cut(brd_job *job, brd_tasks *tasks);

/** Writes a chunk's contents into the link. Fails with: BROOD_EAGAIN, BROOD_ENOMEM. */
int brd_job_send(brd_job *job, brd_link *link, brd_task *task);

/** One item has its result. Fails with: BROOD_ENOMEM. */
int brd_job_result(brd_job *job, size_t item, const unsigned char *bytes, size_t size);

/** One item failed. */
void brd_job_error(brd_job *job, size_t item, const brood_error *error);

#endif
