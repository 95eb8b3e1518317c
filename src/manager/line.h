/**
 * Lines of calls that wait for something of an object: an item, room, a lock.
 *
 * Each connection has one place to wait at. While a call waits, a watcher looks whether its
 * client is still there: one that is gone waits for nothing, and gets nothing. A call that runs
 * and cannot be stopped is watched, too, so that somebody hears of it.
 */
#ifndef BRD_MANAGER_LINE_H
#define BRD_MANAGER_LINE_H

#include "os.h"
#include <brood/pipe.h>

typedef struct brd_watcher brd_watcher;

/** Where the calls of one connection wait. */
typedef struct brd_waiter_place {
    brd_watcher *watcher;
    brood_pipe *pipe; /* of the client */
    brd_mutex lock;   /* all below, but for what the line has */
    brd_cond woken_up;
    bool woken, gone;
    bool runs;    /* a call that is watched; under the watcher's lock, as slot */
    bool telling; /* the watcher tells of its end just now */
    bool told;    /* it has, once and for all */
    void (*hung_up)(void *baton);
    void *baton;
    size_t slot;  /* under the watcher's lock */
    bool in_line; /* under the lock of the object, as the two that follow */
    struct brd_waiter_place *before, *after;
} brd_waiter_place;

/** Calls in the order in which they came. In the state of an object, under its lock. */
typedef struct brd_line {
    brd_waiter_place *first, *last;
} brd_line;

/** The watcher's thread; one for a server. */
int brd_watcher_open(brd_watcher **out);

/** All who wait, now or later, are told that there is nothing to wait for. */
void brd_watcher_stop(brd_watcher *w);

int brd_place_open(brd_waiter_place *place, brd_watcher *watcher, brood_pipe *pipe);

/**
 * Until brd_place_unwatch a call runs: if its client is gone the watcher's thread calls the
 * place's hung_up, at most once. Without the lock of an object. What cannot be watched is not.
 */
void brd_place_watch(brd_waiter_place *place);
/** Waits until hung_up has returned, if it runs. Fine if it was not watched. */
void brd_place_unwatch(brd_waiter_place *place);
void brd_place_close(brd_waiter_place *place);

/**
 * Waits in the line until woken, with the object's lock, which is free meanwhile.
 * Fails with: BROOD_ETIMEDOUT, BROOD_ECLOSED (the client is gone, or the server ends).
 */
int brd_line_wait(brd_line *line, brd_waiter_place *place, brd_mutex *lock, brd_time until);

void brd_line_wake_one(brd_line *line);
void brd_line_wake_all(brd_line *line);

static inline bool brd_line_is_empty(const brd_line *line)
{
    return !line->first;
}

#endif
