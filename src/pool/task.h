/**
 * A task: what was handed in, and where its outcome goes. Pure state; a task is
 * touched only under its pool's lock.
 */
#ifndef BRD_TASK_H
#define BRD_TASK_H

#include "ipc/message.h"
#include "pool/alarm.h"

typedef enum brd_task_state {
    BRD_TASK_WAITING, /* in the pool's queue */
    BRD_TASK_SENT,    /* in a worker's ring, or running there */
    BRD_TASK_DONE,    /* has its result */
    BRD_TASK_FAILED,  /* has its error */
    BRD_TASK_LOST     /* its worker died under it */
} brd_task_state;

struct brood_future;

/** Where the outcome of a single task goes. */
typedef struct brd_sink {
    _Atomic bool done; /* what stands below is then final, and may be read without the lock */
    int status;
    brood_message *result;       /* NULL: nobody wants it */
    struct brood_future *future; /* whose sink this is; NULL: of a caller who waits */
} brd_sink;

struct brd_job;

/** How a task is to be run, in the pool's own terms. */
typedef struct brd_terms {
    int32_t priority;
    uint32_t retries;
    brd_time time_limit; /* nanoseconds, 0: none */
    brd_time deadline;   /* a moment, 0: none */
} brd_terms;

/**
 * Either a single task (sink, args) or a chunk of items (job, first, count), which is
 * cut from the job's array, or carries its items packed in `own`.
 */
typedef struct brd_task {
    struct brd_task *next, *previous; /* in the queue */
    brd_task_state state;
    bool initializer; /* its failure is the worker's end */
    bool packed;      /* a chunk with its items in `own` */
    bool orphan;      /* has its outcome; what its worker says of it goes nowhere */
    int verdict;      /* not 0: the item at hand has its outcome already, and this is why */
    uint32_t function;
    uint32_t count;  /* items: 1 for a single task */
    uint32_t ended;  /* items that have their outcome */
    uint32_t deaths; /* workers that died under the item at hand */
    uint32_t seat;   /* while SENT */
    uint64_t id;
    uint64_t order; /* of handing in: the number by which users know it */
    brd_terms terms;
    brd_time started;   /* when the item at hand was seen running; 0: not yet */
    brd_alarm deadline; /* set while it has one */
    brd_sink *sink;
    struct brd_job *job;
    size_t first;
    _Atomic uint32_t *claim;   /* while SENT: in its record in the worker's ring ... */
    uint64_t at;               /* ... which stands there */
    const brood_message *args; /* the caller's, who waits; or &own */
    brood_message own;
} brd_task;

/** Takes the step, which must be allowed. */
void brd_task_enter(brd_task *task, brd_task_state next);

const char *brd_task_state_name(brd_task_state state);

/** The tasks of one priority, first in, first out. */
typedef struct brd_level {
    int32_t priority;
    brd_task *head;
    brd_task *tail;
} brd_level;

/** Higher priorities first. Levels stay once they are there: programs have few. */
typedef struct brd_queue {
    brd_level *levels;
    size_t nlevels;
    size_t count;
} brd_queue;

/** Makes the level that tasks of this priority need. Fails with: BROOD_ENOMEM. */
int brd_queue_prepare(brd_queue *q, int32_t priority);
void brd_queue_push(brd_queue *q, brd_task *task);
/** What comes back goes to the front of its level. */
void brd_queue_push_front(brd_queue *q, brd_task *task);
/** The task that goes next; NULL: none. */
brd_task *brd_queue_head(const brd_queue *q);
brd_task *brd_queue_pop(brd_queue *q);
void brd_queue_remove(brd_queue *q, brd_task *task);
void brd_queue_clear(brd_queue *q);

/** A free list of tasks: nothing that comes and goes with tasks is allocated each time. */
typedef struct brd_tasks {
    brd_task *free;
} brd_tasks;

/** NULL: out of memory. The task is WAITING. */
brd_task *brd_tasks_get(brd_tasks *t);
void brd_tasks_put(brd_tasks *t, brd_task *task);
void brd_tasks_clear(brd_tasks *t);

#endif
