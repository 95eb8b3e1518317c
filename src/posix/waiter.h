/**
 * What the waiter and its two engines share. The waiter keeps the table of what is
 * watched and says what an answer of the system means; an engine asks the system:
 * waiter_epoll.c where there is epoll, waiter_poll.c everywhere.
 */
#ifndef BRD_POSIX_WAITER_H
#define BRD_POSIX_WAITER_H

#include "room.h"

#include <pthread.h>

/** A watched descriptor; its number is its index in the table. */
typedef struct brd_watch {
    void *tag;
    unsigned want; /* 0: not watched */
    uint32_t turn; /* tells it from an earlier one with the same number */
    bool process;
} brd_watch;

/** A child without a handle that tells of its end. */
typedef struct brd_pid_watch {
    int64_t pid;
    void *tag;
    bool ended;
} brd_pid_watch;

/** One line of a poll, and which watch it was made for. */
typedef struct brd_poll_set {
    struct pollfd *lines;
    uint32_t *turns;
    size_t cap;
    size_t first; /* where reporting goes on, so that no source starves */
} brd_poll_set;

struct brd_waiter {
    pthread_mutex_t lock; /* the two tables */
    int bell;
    int epoll; /* -1: poll */
    int wake;  /* what is watched has changed: poll, and epoll with pids */
    uint32_t turn;
    brd_watch *watches;
    size_t nwatches;
    brd_pid_watch *pids;
    size_t npids;
    size_t cap_pids;
    brd_poll_set set; /* the waiting thread's alone */
};

/** Adds an event if this answer of poll means one to the watch. The lock is held. */
bool brd_watch_event(const brd_waiter *w, int fd, uint32_t turn, short got, brd_event *out);

/**
 * The engines. change: the table has the new watch; wake: makes that bell; both with
 * the lock held. ask: writes up to cap events. Fails with: BROOD_ETIMEDOUT,
 * BROOD_EAGAIN (nothing to report, ask again).
 */
int brd_epoll_open(brd_waiter *w);
int brd_epoll_change(brd_waiter *w, int fd, const brd_watch *now);
int brd_epoll_wake(brd_waiter *w);
int brd_epoll_ask(brd_waiter *w, brd_time until, brd_event *events, size_t cap, size_t *count);

int brd_poll_open(brd_waiter *w);
int brd_poll_ask(brd_waiter *w, brd_time until, brd_event *events, size_t cap, size_t *count);

#endif
