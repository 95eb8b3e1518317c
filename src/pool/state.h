/**
 * The inside of a pool, shared by the files of this floor. Everything is under
 * pool->lock unless its comment says otherwise.
 *
 * Who does the work: the threads that call. A thread that waits takes the turn:
 * it reads result rings, spins and parks for all. The pool's own service thread
 * takes the turn when nobody else waits for a while, and starts processes (a
 * worker must not die with the thread that happened to need it).
 */
#ifndef BRD_POOL_STATE_H
#define BRD_POOL_STATE_H

#include "base/function.h"
#include "pool/seat.h"
#include "process/spawn.h"
#include <brood/pool.h>

typedef enum brd_pool_state {
    BRD_POOL_OPEN,
    BRD_POOL_CLOSING, /* no new tasks; ends when the last one has ended */
    BRD_POOL_BROKEN,  /* workers cannot be kept alive; every task fails */
    BRD_POOL_KILLING, /* terminated: workers are being ended */
    BRD_POOL_STOPPED  /* no worker is left, and none will come */
} brd_pool_state;

typedef enum brd_turn { BRD_TURN_FREE, BRD_TURN_CALLER, BRD_TURN_SERVICE } brd_turn;

/** What an event's tag points to. */
typedef struct brd_tag {
    struct brd_station *station;
    bool process; /* the event is the process's, not the channel's */
} brd_tag;

/** A seat with what the operating system has of it. */
typedef struct brd_station {
    brd_seat seat;
    brd_child child;
    brd_tag chan_tag, proc_tag;
    bool watched_chan, watched_proc;
} brd_station;

struct brood_pool {
    brd_mutex lock;
    _Atomic uint32_t references; /* the user's, and one each future; no lock needed */
    brd_pool_state state;
    const brood_context *context;
    struct apr_pool_t *memory;
    brd_functions *functions;

    uint32_t size;
    brd_station *stations;     /* never moves: tags point into it */
    _Atomic uint64_t *awaited; /* a bit a station of which news may come; spinners read it bare */
    uint64_t *room;            /* a bit a station that may get a task */
    uint32_t words;            /* of the two bitmaps */
    uint32_t busy;             /* stations with a task in flight */
    uint32_t alive;            /* stations that are not EMPTY */
    uint32_t cpus;

    brd_queue queue;
    struct brd_job *jobs; /* maps that are not all sent, oldest first */
    brd_tasks tasks;
    uint64_t last_id;
    uint64_t last_order;
    uint64_t in_flight; /* tasks at workers */
    bool held_up;       /* a worker that has nothing to do had no room for a task yet */
    uint32_t depth;     /* tasks that may be at one worker, by measured task time */
    uint32_t current;   /* the station that got the last task */
    uint32_t unflushed; /* tasks committed to `current` and not flushed */

    brd_waiter *waiter;
    brd_turn turn;
    bool parked;    /* the holder of the turn sleeps in the waiter */
    bool unhurried; /* ... and will not look by itself soon */
    bool late;      /* nothing came for long: a task at a worker may be stuck there */
    int parent_cpu;
    brd_time look_at;   /* not before then does one that does not wait look for deaths */
    uint32_t waiters;   /* threads inside brd_pool_wait */
    uint32_t followers; /* those of them that wait for `news` */
    brd_cond news;
    uint64_t activity; /* counts calls, so that the service thread sees a busy caller */

    brd_thread service;
    brd_cond service_wake;
    bool service_asleep; /* waits without a limit: must be woken */
    bool quit;
    uint32_t missing;  /* stations to be filled by the service thread */
    int start_status;  /* why the last start failed */
    brd_time retry_at; /* not before then is a failed start tried again */

    brood_function *initializer;
    brood_message initializer_args;
    int64_t grace;
    uint32_t restarts;
    int64_t restart_window;
    uint32_t fruitless; /* deaths without a task since window_start */
    brd_time window_start;
    brood_error *cause; /* of BROKEN */
};

/** A task may stand behind a long one while another worker has nothing to do. */
static inline bool brd_pool_is_stuck(const brood_pool *pool)
{
    return pool->in_flight > pool->busy && pool->busy < pool->alive;
}

/* ---------------------------------------------------------------- dispatch */

/** Sends what can be sent. */
void brd_pool_dispatch_tasks(brood_pool *pool);

/** Sends one task to this station, whatever its seat says of room. */
int brd_pool_send(brood_pool *pool, brd_station *station, brd_task *task);

/** Publishes what was sent last. */
void brd_pool_flush(brood_pool *pool);

/** Takes tasks that have not started back from loaded workers for idle ones. */
bool brd_pool_rebalance(brood_pool *pool);

/** Keeps the bitmaps true after a change of the station. */
void brd_station_changed(brood_pool *pool, brd_station *station);

/** Recomputes the depth from what a worker measured. */
void brd_pool_set_depth(brood_pool *pool, uint32_t task_ns);

/* ----------------------------------------------------------------- collect */

/** Reads all rings that have news. True if anything came. */
bool brd_pool_collect(brood_pool *pool);

/** Reads one station's ring. True if anything came. */
bool brd_station_collect(brood_pool *pool, brd_station *station);

/** What the pool itself says of this status; of BROOD_EBROKEN, the cause. Borrowed. */
brood_error brd_pool_error(const brood_pool *pool, int status);

/** Ends every task that has not ended with this status. */
void brd_pool_fail_all(brood_pool *pool, int status);

/** A task's item (or the single task itself) failed: the error goes where it belongs. */
void brd_task_fail(brood_pool *pool, brd_task *task, const brood_error *error);

/* ------------------------------------------------------------------- death */

/** Acts on what the waiter reported. */
void brd_pool_on_events(brood_pool *pool, const brd_event *events, size_t count);

/** Kills a worker that misbehaves; its end is dealt with when it comes. */
void brd_station_kill(brood_pool *pool, brd_station *station, int why);

/** The pool gives up: every task fails with BROOD_EBROKEN. */
void brd_pool_break(brood_pool *pool);

/** A worker came to nothing. Breaks the pool if that happens too often. */
void brd_pool_count_fruitless(brood_pool *pool, const brood_error *why);

/* ----------------------------------------------------------------- waiting */

/**
 * Waits until ended(baton), working for the pool meanwhile.
 * Fails with: BROOD_ETIMEDOUT.
 */
int brd_pool_wait(brood_pool *pool, bool (*ended)(void *baton), void *baton, brd_time until);

/** Moves the pool on when its last task or worker has ended. */
void brd_pool_advance(brood_pool *pool);

/** One park in the waiter by the holder of the turn; 0 only looks. */
void brd_pool_park(brood_pool *pool, brd_time until);

/** Wakes the service thread if it needs waking. */
void brd_pool_wake_service(brood_pool *pool);

/** The service thread. */
void brd_service_run(void *baton);

/* ------------------------------------------------------------------- tasks */

/** May tasks be handed in? */
int brd_pool_accepts(const brood_pool *pool);

/** Nobody will ask for this sink's outcome any more. */
void brd_sink_abandon(brood_pool *pool, const brd_sink *sink);

/** Frees the pool's last memory when nobody refers to it any more. */
void brd_pool_release(brood_pool *pool);

brd_time brd_until(int64_t timeout_ms);

#endif
