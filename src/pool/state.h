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

#include "base/clock.h"
#include "base/function.h"
#include "pool/calls.h"
#include "pool/seat.h"
#include "process/birth.h"
#include <brood/pool.h>

enum { BRD_MOST_PROCESSES = 4096 };

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
    bool filling;         /* the service thread starts a process for it */
    brd_alarm alarm;      /* it has to come up, to end a task, or to end */
    brd_call *report_due; /* its last report, until it is told */
    bool slow;            /* its only task was taken from it, not begun: it gets no other one
                             until it has emptied its ring */
    uint64_t unbegun;     /* the task at its front when it was last looked at */
    brd_time begin_by;    /* when it has to have begun it; 0: it had */
} brd_station;

struct brood_pool {
    brd_mutex lock;
    _Atomic uint32_t references; /* the user's, and one each future ...; no lock needed */
    brd_pool_state state;
    _Atomic bool ending; /* terminated: for a birth, which goes on without the lock */
    bool gone;           /* destroyed; only references keep what is left */
    unsigned generation; /* of the process that made it */
    brood_context *context;
    struct brd_forkserver *server; /* that bears its workers; NULL: they are spawned */
    struct brd_forkserver *copy;   /* the same, of start method fork: the pool's own */
    struct apr_pool_t *memory;
    struct apr_allocator_t *allocator; /* of that; goes with it */
    brd_functions *functions;

    uint32_t size;             /* workers that there are to be */
    uint32_t places;           /* stations that there are */
    brd_station **stations;    /* [BRD_MOST_PROCESSES]; a station never moves: tags point to it */
    _Atomic uint64_t *awaited; /* a bit a station of which news may come; spinners read it bare */
    uint64_t *room;            /* a bit a station that may get a task */
    _Atomic uint32_t words;    /* of the two bitmaps that are in use */
    uint32_t busy;             /* stations with a task in flight */
    uint32_t alive;            /* processes, that which is being started included */
    uint32_t cpus;

    brd_queue queue;
    struct brd_job *jobs;             /* maps with something to be sent, in the order of sending */
    struct brood_iterator *iterators; /* those that have not taken in all their items */
    brd_tasks tasks;
    brd_alarms alarms;
    uint64_t last_id;
    uint64_t last_order;
    uint64_t in_flight; /* tasks at workers */
    bool held_up;       /* a worker that has nothing to do had no room for a task yet */
    uint32_t depth;     /* tasks that may be at one worker, by measured task time */
    uint32_t current;   /* the station that got the last task */
    uint32_t unflushed; /* tasks committed to `current` and not flushed */

    brd_waiter *waiter;
    brd_turn turn;
    bool parked;           /* the holder of the turn sleeps in the waiter */
    brd_time parked_until; /* ... at the longest */
    bool unhurried;        /* ... and will not look by itself soon */
    bool unworried;        /* ... as no task was at any worker */
    brd_time quiet;        /* since when nothing came; 0: something did */
    bool late;             /* nothing came for long: a task at a worker may be stuck there */
    int parent_cpu;
    brd_time look_at;   /* not before then does one that does not wait look for deaths */
    brd_time hung_at;   /* not before then does anybody look for workers that hang */
    uint32_t waiters;   /* threads inside brd_pool_wait */
    uint32_t followers; /* those of them that wait for `news` */
    brd_cond news;
    uint64_t activity; /* counts calls, so that the service thread sees a busy caller */

    brd_thread service;
    brd_cond service_wake;
    bool service_asleep; /* waits without a limit: must be woken */
    bool quit;
    uint32_t missing;  /* stations to be filled by the service thread */
    uint32_t warm;     /* on demand: so many workers there are to be in any case */
    int start_status;  /* why the last start failed */
    brd_time retry_at; /* not before then is a failed start tried again */

    brd_calls calls;
    brood_message initializer_args;
    brood_pool_options options; /* with every default filled in */
    uint32_t fruitless;         /* deaths without a task since window_start */
    bool proven;                /* a worker has come up since then */
    brd_time window_start;
    brood_error *cause; /* of BROKEN */
};

/** Whether this process made it: one that was forked since has a copy, and may not touch it. */
static inline bool brd_pool_is_ours(const brood_pool *pool)
{
    return pool && pool->generation == brd_generation();
}

/** A task may stand behind a long one while another worker has nothing to do. */
static inline bool brd_pool_is_stuck(const brood_pool *pool)
{
    return pool->in_flight > pool->busy && pool->busy < pool->alive;
}

/** Something waits to be sent. */
static inline bool brd_pool_has_queued(const brood_pool *pool)
{
    return pool->queue.count || pool->jobs;
}

/** Something was handed in and has not ended. */
static inline bool brd_pool_has_work(const brood_pool *pool)
{
    return brd_pool_has_queued(pool) || pool->in_flight;
}

/* ----------------------------------------------------------------- station */

/** Makes stations until there are `places`. Fails with: BROOD_ENOMEM. */
int brd_stations_make(brood_pool *pool, uint32_t places);
void brd_stations_free(brood_pool *pool);

/** Keeps the bitmaps true after a change of the station. */
void brd_station_changed(brood_pool *pool, brd_station *station);

/** Its worker gets no more tasks, and ends after those that it has. */
void brd_station_drain(brood_pool *pool, brd_station *station);

/** Kills a worker and all that it started; its end is dealt with when it comes. */
void brd_station_kill(brood_pool *pool, brd_station *station, int why);

/** Its worker has come up. */
void brd_station_up(brood_pool *pool, brd_station *station);

/** Another task is at hand there: sets the alarm for its time limit. */
void brd_station_next_task(brood_pool *pool, brd_station *station);

/** A task that its worker has not begun is there no longer. */
void brd_station_forget(brood_pool *pool, brd_station *station, brd_task *task);

/** Tells on_worker. error may be NULL. */
void brd_station_event(brood_pool *pool, const brd_station *station, brood_worker_event_kind kind,
                       const brood_error *error);

/* ---------------------------------------------------------------- dispatch */

/** Sends what can be sent. */
void brd_pool_dispatch_tasks(brood_pool *pool);

/** Sends one task to this station, whatever its seat says of room. */
int brd_pool_send(brood_pool *pool, brd_station *station, brd_task *task);

/** What comes back from a worker goes before what was handed in later. */
void brd_pool_put_back(brood_pool *pool, brd_task *task);

/** Takes tasks that have not started back from loaded workers for idle ones. */
bool brd_pool_rebalance(brood_pool *pool);

/** Recomputes the depth from what a worker measured. */
void brd_pool_set_depth(brood_pool *pool, uint32_t task_ns);

/* ----------------------------------------------------------------- collect */

/** Reads all rings that have news. True if anything came. */
bool brd_pool_collect(brood_pool *pool);

/** Reads one station's ring. True if anything came. */
bool brd_station_collect(brood_pool *pool, brd_station *station);

/* ----------------------------------------------------------------- outcome */

/** The task, or the item of it at hand, has its result, from which handles may be taken. */
void brd_outcome_result(brood_pool *pool, brd_task *task, brd_result *result);

/** ... has its error. */
void brd_outcome_error(brood_pool *pool, brd_task *task, const brood_error *error);

/** The whole task failed, and is over. It is at no worker. */
void brd_task_fail(brood_pool *pool, brd_task *task, const brood_error *error);

/** The task is over: it goes to the free list. */
void brd_task_over(brood_pool *pool, brd_task *task);

/** What the pool itself says of this status; of BROOD_EBROKEN, the cause. Borrowed. */
brood_error brd_pool_error(const brood_pool *pool, int status);

/** Ends every task that has not ended with this status. */
void brd_pool_fail_all(brood_pool *pool, int status);

/* ------------------------------------------------------------------- early */

/** Sets the alarm of a task's deadline. Fails with: BROOD_ENOMEM. */
int brd_task_set_deadline(brood_pool *pool, brd_task *task);

/**
 * The task ends now with this status, wherever it is. If a worker runs it, that is
 * asked to stop, and killed after the grace.
 */
void brd_task_end_early(brood_pool *pool, brd_task *task, int status);

/** All items of the job that have not ended get this status. */
void brd_job_end_early(brood_pool *pool, struct brd_job *job, int status);

/** Nobody will ask for the job any more: what has not started never will. */
void brd_job_let_go(brood_pool *pool, struct brd_job *job);

/** All that no worker has begun is cancelled. */
void brd_pool_cancel_waiting(brood_pool *pool);

/** Does a worker run an item of this job? */
bool brd_pool_job_runs(const brood_pool *pool, const struct brd_job *job);

/** Ends workers that do not begin the task before them. */
void brd_pool_look_for_hung(brood_pool *pool);

/** Acts on the alarms that are due. */
void brd_pool_on_alarms(brood_pool *pool);

/* ------------------------------------------------------------------- death */

/** Acts on what the waiter reported. */
void brd_pool_on_events(brood_pool *pool, const brd_event *events, size_t count);

/** A worker came to nothing. Breaks the pool if that happens too often. */
void brd_pool_count_fruitless(brood_pool *pool, const brood_error *why);

/* ----------------------------------------------------------------- waiting */

/**
 * Waits until ended(baton), working for the pool meanwhile.
 * Fails with: BROOD_ETIMEDOUT.
 */
int brd_pool_wait(brood_pool *pool, bool (*ended)(void *baton), void *baton, brd_time until);

/** Reads what has come, and does what follows from it. True if anything came. */
bool brd_pool_work(brood_pool *pool);

/** As brd_pool_work(), also with what is written and not announced. */
void brd_pool_catch_up(brood_pool *pool);

/** Whoever is parked sleeps no longer than what has changed since allows. */
void brd_pool_hurry(brood_pool *pool);

/** Moves the pool on when its last task or worker has ended. */
void brd_pool_advance(brood_pool *pool);

/** One park in the waiter by the holder of the turn; 0 only looks. */
void brd_pool_park(brood_pool *pool, brd_time until);

/** Whoever is parked looks again: what it waits for may have changed. */
void brd_pool_stir(brood_pool *pool);

/** Decides how many workers are missing, and wakes the service thread for them. */
void brd_pool_want_workers(brood_pool *pool);

/** Wakes the service thread if it needs waking. */
void brd_pool_wake_service(brood_pool *pool);

/** The service thread. */
void brd_service_run(void *baton);

/* ------------------------------------------------------------------- tasks */

/** May tasks be handed in? */
int brd_pool_accepts(const brood_pool *pool);

/** brood_pool_call with the values in a list. */
int brd_pool_vcall(brood_pool *pool, brood_function *function, brood_future **out,
                   const char *format, va_list values);

/** What a user asks of a task, in the pool's terms. Fails with: BROOD_EINVAL. */
int brd_terms_read(brd_terms *terms, int64_t time_limit, int64_t deadline, int32_t priority,
                   uint32_t retries);

/** As brood_pool_terminate, with a grace of its own. */
int brd_pool_terminate(brood_pool *pool, int64_t grace_ms);

/** Frees the pool's last memory when nobody refers to it any more. */
void brd_pool_release(brood_pool *pool);

/** Copies a struct of options that may be of an older or newer library. */
#define BRD_READ_OPTIONS(to, from)                                                                 \
    do {                                                                                           \
        if (from)                                                                                  \
            memcpy((to), (from),                                                                   \
                   (from)->struct_size < sizeof *(to) ? (from)->struct_size : sizeof *(to));       \
    } while (0)

#endif
