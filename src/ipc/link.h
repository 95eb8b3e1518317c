/**
 * The parent's end of the private link to one worker: two rings, two shelves of
 * blocks, a bell each way, and the channel. A seat needs nothing else of a
 * worker: send a task, take it back, collect results, learn of death.
 *
 * One thread at a time (the pool's lock); brd_link_has_news is for any thread.
 * Nothing that comes out of here has been believed: what the worker wrote is
 * copied once, checked, and BROOD_EPROTOCOL when it makes no sense.
 */
#ifndef BRD_LINK_H
#define BRD_LINK_H

#include "ipc/cargo.h"
#include "sync/block.h"

enum { BRD_ON_BOARD = 64 }; /* handles that a worker has before it has done their tasks */

/** Handles that belong to a record in the task ring. */
typedef struct brd_carried {
    uint64_t at; /* where the record begins */
    uint32_t handles;
} brd_carried;

typedef struct brd_link {
    brd_shm shm;
    brd_link_words *words;
    brd_ring_out tasks;
    brd_ring_in results;
    brd_bell worker_bell; /* wakes the worker */
    brd_handle theirs;    /* the worker's end of the channel, until it is started */
    brd_frames frames;
    brd_shelf outgoing;
    brd_shelf incoming;
    brd_arrivals arrivals;
    brd_carried carried[BRD_ON_BOARD + 1];
    size_t ncarried;
    uint32_t functions; /* how many functions the worker knows */
    int failure;        /* what the worker said in BRD_FRAME_FAILED */
    uint64_t failed_at; /* and there */
    /* between begin and commit */
    unsigned char *room;
    uint64_t at; /* where the record begins */
    brd_block *block;
    size_t size;
} brd_link;

/** One result, checked. bytes is shared memory: copy it out, once. */
typedef struct brd_result {
    brd_result_head head;
    const unsigned char *bytes;
    uint64_t block;   /* to be given back with brd_link_done; 0: none */
    brd_cargo *cargo; /* the same, unless it was taken out; NULL: none */
} brd_result;

/** One report, checked and copied. */
typedef struct brd_report {
    brd_report_head head;
    char text[BRD_REPORT_TEXT + 1];
} brd_report;

/** The next record of a worker. */
typedef struct brd_news {
    uint32_t kind; /* BRD_RECORD_HELLO, _RESULT or _REPORT */
    union {
        brd_hello hello;
        brd_result result;
        brd_report report;
    } u;
} brd_news;

/** Makes segment, bells and channel; the worker comes later. */
int brd_link_open(brd_link *link);
void brd_link_close(brd_link *link);

/**
 * Begins a task with `size` bytes of contents, and gives the room to write them.
 * Fails with: BROOD_EAGAIN (no room now; not an error), BROOD_ECLOSED (the worker
 * does not take it: it is dead or stuck), BROOD_ENOMEM.
 */
int brd_link_begin(brd_link *link, size_t size, void **room);

/**
 * Hands over the handles of the task `id`, which was begun; head.flags then has
 * BRD_CARGO. On failure the task was not begun. NULL: there are none.
 * Fails with: BROOD_EAGAIN (the worker has enough of them now), BROOD_ECLOSED (it does not
 * listen), the system's error (it would not carry them).
 */
int brd_link_carry(brd_link *link, const brd_cargo *cargo, brd_task_head *head);

/** The task is written. Returns its claim word, by which it can be taken back. */
_Atomic uint32_t *brd_link_commit(brd_link *link, const brd_task_head *head);

/** Tells the worker about a function; name may be "". Fails with: BROOD_EAGAIN. */
int brd_link_define(brd_link *link, uint32_t index, const brd_place *place, const char *name);

/** What was committed becomes visible, and a parked worker wakes. */
void brd_link_flush(brd_link *link);

/** True if the task had not been started; it never will be now. */
bool brd_link_take_back(_Atomic uint32_t *claim);

/** True if the worker has started the task. */
bool brd_link_started(const _Atomic uint32_t *claim);

/** True if the worker has published something new. Any thread. */
static inline bool brd_link_has_news(const brd_link *link)
{
    return brd_ring_has_news(&link->results);
}

/** The next record of the worker. Fails with: BROOD_EAGAIN, BROOD_EPROTOCOL. */
int brd_link_next(brd_link *link, brd_news *news);

/** The result was copied out. Fails with: BROOD_ETIMEDOUT (it does not listen). */
int brd_link_done(brd_link *link, brd_result *result);

/** All results that were taken make room for others. */
void brd_link_release(brd_link *link);

/** Reads what came over the channel. Fails with: BROOD_ECLOSED, BROOD_EPROTOCOL. */
int brd_link_read_frames(brd_link *link);

/**
 * What a captured worker has begun last; left as it is if that is nothing, or just being
 * changed. Any thread, as long as the link is open.
 */
void brd_link_at_hand(const brd_link_words *words, uint64_t *number, uint64_t *index);

/** The function whose code a worker looked for when it ended, counted from 1; 0: none. */
uint32_t brd_link_loading(const brd_link *link);

/** Tells the worker whether to ring when it has results. */
void brd_link_set_parked(brd_link *link, bool parked);

/** The worker has taken all that it was sent. */
static inline bool brd_link_is_drained(const brd_link *link)
{
    return !link->words || brd_ring_drained(&link->tasks);
}

/** The worker is to end after the tasks that it has. */
void brd_link_stop(brd_link *link);

/**
 * brood_cancelled() becomes true in this item of this task. BRD_ALL_ITEMS: in all;
 * BRD_ALL_TASKS: in whatever task.
 */
void brd_link_cancel(brd_link *link, uint64_t id, uint32_t item);

#endif
