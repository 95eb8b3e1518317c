/**
 * Handles on their way: those that a message carries. They go over the channel, the
 * message's bytes through a ring, so the two meet again by the number of the task.
 */
#ifndef BRD_CARGO_H
#define BRD_CARGO_H

#include "ipc/wire.h"

enum { BRD_CARGO_MAX = 16 }; /* handles in one message: what may be under way on a channel */

typedef struct brd_cargo {
    struct brd_cargo *next; /* among those that arrived */
    uint64_t id;            /* of the task whose message it belongs to */
    unsigned generation;    /* of the process whose handles these are */
    int failed;             /* why one could not be taken in, or 0 */
    uint32_t expected;
    uint32_t count;
    brd_handle handles[BRD_CARGO_MAX]; /* none: taken out */
} brd_cargo;

/** An empty one; NULL: out of memory. */
brd_cargo *brd_cargo_make(void);

/** Whether this one is there, and this process's. */
bool brd_cargo_has(const brd_cargo *cargo, uint32_t index);

/** Whether all are. */
bool brd_cargo_is_whole(const brd_cargo *cargo);

/** Puts in a duplicate of a handle, *cargo being made if need be, and tells its index. */
int brd_cargo_add(brd_cargo **cargo, brd_handle handle, uint32_t *index);

/** Closes the handles behind the first `count`. */
void brd_cargo_cut(brd_cargo *cargo, uint32_t count);

/** *out is new; NULL of NULL. */
int brd_cargo_copy(brd_cargo **out, const brd_cargo *cargo);

/** Closes what is in it. Accepts NULL, leaves NULL. */
void brd_cargo_free(brd_cargo **cargo);

/**
 * Gives all of it to the peer, which then finds it under this id. The cargo stays.
 * Fails with: BROOD_ECLOSED (the peer does not listen), the system's error (nothing was
 * given: the system would not carry it).
 */
int brd_cargo_send(const brd_cargo *cargo, brd_frames *frames, uint64_t id, brd_time until);

/** What arrived and was not fetched yet. */
typedef struct brd_arrivals {
    brd_cargo *first;
    uint32_t handles;
} brd_arrivals;

/**
 * Takes what a BRD_FRAME_HANDLE brings; `most` handles may wait here.
 * Fails with: BROOD_EPROTOCOL, BROOD_ENOMEM.
 */
int brd_arrivals_put(brd_arrivals *arrivals, const brd_frame *frame, brd_chan *chan, uint32_t most);

/** The cargo of that id, once all of it is there; else NULL. */
brd_cargo *brd_arrivals_fetch(brd_arrivals *arrivals, uint64_t id);

void brd_arrivals_clear(brd_arrivals *arrivals);

#endif
