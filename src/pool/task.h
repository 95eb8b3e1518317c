/**
 * A task: what was handed in, and where its outcome goes. Pure state; a task is
 * touched only under its pool's lock.
 */
#ifndef BRD_TASK_H
#define BRD_TASK_H

#include "ipc/message.h"
#include "os.h"

typedef enum brd_task_state {
    BRD_TASK_WAITING, /* in the pool's queue */
    BRD_TASK_SENT,    /* in a worker's ring, or running there */
    BRD_TASK_DONE,    /* has its result */
    BRD_TASK_FAILED,  /* has its error */
    BRD_TASK_LOST     /* its worker died under it */
} brd_task_state;

/** Where the outcome of a single task goes. */
typedef struct brd_sink {
    bool done;
    int status;
    brood_message *result; /* NULL: nobody wants it */
} brd_sink;

struct brd_job;

/** Either a single task (sink, args) or a chunk of a map (job, first, count). */
typedef struct brd_task {
    struct brd_task *next;
    brd_task_state state;
    bool initializer; /* its failure is the worker's end */
    uint32_t function;
    uint32_t count; /* items: 1 for a single task */
    uint32_t ended; /* items that have their outcome */
    uint64_t id;
    uint64_t order; /* of handing in */
    brd_sink *sink;
    struct brd_job *job;
    size_t first;
    _Atomic uint32_t *claim;   /* while SENT */
    const brood_message *args; /* the caller's, who waits; or &own */
    brood_message own;
} brd_task;

/** Takes the step, which must be allowed. */
void brd_task_enter(brd_task *task, brd_task_state next);

const char *brd_task_state_name(brd_task_state state);

/** First in, first out. */
typedef struct brd_queue {
    brd_task *head;
    brd_task *tail;
    size_t count;
} brd_queue;

void brd_queue_push(brd_queue *q, brd_task *task);
/** What comes back goes to the front. */
void brd_queue_push_front(brd_queue *q, brd_task *task);
brd_task *brd_queue_pop(brd_queue *q);

/** A free list of tasks: nothing that comes and goes with tasks is allocated each time. */
typedef struct brd_tasks {
    brd_task *free;
} brd_tasks;

/** NULL: out of memory. The task is WAITING. */
brd_task *brd_tasks_get(brd_tasks *t);
void brd_tasks_put(brd_tasks *t, brd_task *task);
void brd_tasks_clear(brd_tasks *t);

#endif
