/**
 * Queues from the inside: a circular buffer in shared memory, one lock for who puts and one
 * for who gets.
 *
 * Nobody waits with a lock in hand, and an item comes and goes with one store (see
 * base/buffer.h), so nothing has to be mended after a process that died: the next one that
 * gets its lock goes on.
 */
#ifndef BRD_QUEUE_H
#define BRD_QUEUE_H

#include "base/buffer.h"
#include "ipc/cargo.h"
#include "ipc/carried.h"
#include "sync/object.h"
#include "sync/robust.h"
#include <brood/queue.h>

/** What is in the table of the locker's keeper for an item that is not in the queue yet. */
typedef struct brd_queue_pending {
    uint64_t tail; /* where the queue ended without it */
    _Atomic uint32_t count;
    uint64_t tokens[BRD_LOCKER_LOT];
} brd_queue_pending;

/** What stands in the segment before the items. */
typedef struct brd_queue_words {
    brd_buffer_words buffer;
    _Alignas(BRD_BUFFER_LINE) brd_robust_words putting;
    _Atomic uint64_t last_tag; /* of an item with handles */
    brd_queue_pending pending;
    _Alignas(BRD_BUFFER_LINE) brd_robust_words getting;
    _Atomic uint64_t begun; /* the tag of the item whose handles were fetched last */
    _Alignas(BRD_BUFFER_LINE) brd_point_words filled;   /* where those wait who get */
    _Atomic int32_t putter;                             /* whose cpu, + 1, was this at last */
    _Alignas(BRD_BUFFER_LINE) brd_point_words freed;    /* and those who put */
    _Atomic int32_t getter;                             /* the same */
    _Alignas(BRD_BUFFER_LINE) brd_point_words finished; /* and those who join */
    _Atomic uint32_t done;                              /* items done with; wraps */
    _Atomic uint32_t closed;
    _Atomic uint32_t no_locker; /* its keeper has left */
} brd_queue_words;

struct brood_queue {
    brd_object object;
    brd_queue_words *words;
    brd_buffer buffer;
    brd_robust putting, getting;
    brd_point filled, freed, finished;
    brd_locker locker;
    uint32_t maxsize;
};

/* ------------------------------------------------------------ items: queue_item */

/** Where an item goes: into the message, or if there is none into the buffer. */
typedef struct brd_queue_sink {
    brood_message *message;
    void *buffer;
    size_t cap;
    size_t *size;
} brd_queue_sink;

/**
 * An item on its way in. If it carries handles or is large they are in a locker while it
 * is in the queue, and its bytes begin with a tag and their tokens.
 */
typedef struct brd_queue_parcel {
    const void *bytes;
    size_t size;
    brd_handle handles[BRD_LOCKER_LOT];
    uint32_t nhandles;
    bool large;
    brd_shm segment;    /* of a large one: where its bytes are; handles[0] */
    uint64_t announced; /* of a large one: how many */
} brd_queue_parcel;

enum {
    BRD_QUEUE_TAG = 8, /* of an item with handles: first of all, and then their tokens */
    BRD_QUEUE_TOKEN = 8,
    BRD_QUEUE_ANNOUNCED = 8 /* behind the tokens of a large item: its size */
};

/** Bytes before its own, of an item that has some in the locker. */
static inline size_t brd_queue_first_size(uint32_t nhandles, bool large)
{
    return nhandles ? BRD_QUEUE_TAG + BRD_QUEUE_TOKEN * (size_t)nhandles +
                          (large ? BRD_QUEUE_ANNOUNCED : 0)
                    : 0;
}

/** Bytes that it takes in the buffer. */
static inline size_t brd_queue_parcel_size(const brd_queue_parcel *p)
{
    return brd_queue_first_size(p->nhandles, p->large) + p->size;
}

/** Fails with: BROOD_ENOMEM, the system's error. New: brd_queue_unwrap. */
int brd_queue_wrap(const brood_queue *q, brd_queue_parcel *out, brd_span bytes,
                   const brd_cargo *cargo);
void brd_queue_unwrap(brd_queue_parcel *p);

/**
 * By who may put, and has found room for it. Fails with: BROOD_EAGAIN (no room in the locker),
 * BROOD_ECLOSED (no locker).
 */
int brd_queue_put_item(brood_queue *q, const brd_queue_parcel *p);

/** By who may put, after one who died: what that one has left in the keeper's table is closed. */
void brd_queue_mend(brood_queue *q);

/**
 * By who may get: the first item. Fails with: BROOD_EAGAIN (there is none, or one was passed
 * over whose handles went with somebody who died: try again).
 */
int brd_queue_take_item(brood_queue *q, const brd_queue_sink *sink, bool *lost);

/** By who may get and put, the locker's keeper: what waits in there is closed. */
void brd_queue_empty_locker(brood_queue *q);

/* -------------------------------------------------------- as a class of carried.h */

int brd_queue_describe(void *queue, brd_carried *out);
int brd_queue_make(void **out, const brd_carried *from);

#endif
