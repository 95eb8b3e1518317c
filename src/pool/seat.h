/**
 * A seat: one worker's place in a pool, refilled when its worker is gone, and the
 * tasks that are at that worker, in the order in which they were sent.
 *
 * Pure bookkeeping: no I/O, tested without any process. Under the pool's lock.
 */
#ifndef BRD_SEAT_H
#define BRD_SEAT_H

#include "pool/task.h"

enum { BRD_FLIGHT_MAX = 1024 };

typedef enum brd_seat_state {
    BRD_SEAT_EMPTY,    /* no process */
    BRD_SEAT_STARTING, /* a process that has not said hello, or runs its initializer */
    BRD_SEAT_IDLE,     /* nothing sent */
    BRD_SEAT_BUSY,     /* at least one task sent */
    BRD_SEAT_DRAINING, /* told to stop after what it has */
    BRD_SEAT_DEAD      /* killed or closed; its end is awaited */
} brd_seat_state;

typedef struct brd_seat {
    brd_seat_state state;
    uint32_t index;
    bool productive; /* its worker has ended at least one task */
    bool up;         /* its worker has said hello, and its initializer has succeeded */
    int broke;       /* why we killed it; 0: we did not */
    uint32_t handed; /* tasks that its worker was given */
    uint64_t first;  /* flight[first .. last) mod BRD_FLIGHT_MAX */
    uint64_t last;
    brd_task *flight[BRD_FLIGHT_MAX];
} brd_seat;

void brd_seat_enter(brd_seat *seat, brd_seat_state next);
const char *brd_seat_state_name(brd_seat_state state);

static inline uint32_t brd_seat_flight(const brd_seat *seat)
{
    return (uint32_t)(seat->last - seat->first);
}

/** May it take one more task, if `depth` may be in flight? */
bool brd_seat_has_room(const brd_seat *seat, uint32_t depth);

/** True if results, a hello or a death are to be expected of it. */
bool brd_seat_is_awaited(const brd_seat *seat);

/** A task was sent. */
void brd_seat_sent(brd_seat *seat, brd_task *task);

/** The task whose result comes next; NULL: none is in flight. */
brd_task *brd_seat_front(const brd_seat *seat);

/** The front task is over. */
void brd_seat_ended(brd_seat *seat);

/** The task sent last; NULL: none. */
brd_task *brd_seat_back(const brd_seat *seat);

/** The back task was taken back. */
void brd_seat_taken(brd_seat *seat);

/** A task somewhere in the flight was taken back. */
void brd_seat_remove(brd_seat *seat, const brd_task *task);

#endif
