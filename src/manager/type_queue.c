/**
 * Queue and JoinableQueue. Items are whole messages; who waits is served in the order of
 * coming. An item whose answer did not leave goes back to the front.
 */
#include "base/fail.h"
#include "manager/type.h"

typedef struct queue {
    brd_value *first, *last; /* by `next` */
    int64_t count, most;     /* most 0: no limit */
    int64_t unfinished;      /* items that task_done was not called for */
    bool closed;
    brd_line getters, putters, joiners;
} queue;

static int create(brd_call *call, void *state)
{
    queue *q = state;
    int status = brd_call_integer(call, &q->most);
    if (q->most < 0)
        q->most = 0; // as in Python
    return status;
}

static int closed(void)
{
    (void)brood_fail("the queue is closed");
    return BROOD_ECLOSED;
}

static bool is_full(const queue *q)
{
    return q->most && q->count >= q->most;
}

static int put(brd_call *call, void *state)
{
    queue *q = state;
    brd_value *item = NULL;
    int status = BROOD_OK;
    while (!status && is_full(q) && !q->closed)
        status = brd_line_wait(&q->putters, call->place, call->object->guard, call->until);
    if (!status)
        status = q->closed ? closed() : brd_call_take_item(call, &item);
    if (status && !is_full(q))
        brd_line_wake_one(&q->putters); // the room that it was woken for is the next one's
    if (status)
        return status;
    *(q->last ? &q->last->next : &q->first) = item;
    q->last = item;
    q->count++;
    q->unfinished++;
    brd_line_wake_one(&q->getters);
    return BROOD_OK;
}

static int get(brd_call *call, void *state)
{
    queue *q = state;
    int status = BROOD_OK;
    while (!status && !q->first)
        status = q->closed
                     ? BROOD_ECLOSED
                     : brd_line_wait(&q->getters, call->place, call->object->guard, call->until);
    if (!status)
        status = brd_call_give(call, q->first);
    if (status && q->first)
        brd_line_wake_one(&q->getters); // as above
    if (status)
        return status;
    call->taken = q->first;
    q->first = q->first->next;
    if (!q->first)
        q->last = NULL;
    call->taken->next = NULL;
    q->count--;
    brd_line_wake_one(&q->putters);
    return BROOD_OK;
}

static void put_back(brd_call *call, void *state)
{
    queue *q = state;
    if (!call->taken)
        return;
    call->taken->next = q->first;
    q->first = call->taken;
    if (!q->last)
        q->last = q->first;
    q->count++;
    call->taken = NULL;
    brd_line_wake_one(&q->getters);
}

static int size(brd_call *call, void *state)
{
    return brd_call_give_integer(call, ((const queue *)state)->count);
}

static int is_empty(brd_call *call, void *state)
{
    return brd_call_give_bool(call, ((const queue *)state)->count == 0);
}

static int tell_full(brd_call *call, void *state)
{
    return brd_call_give_bool(call, is_full(state));
}

static int close_queue(brd_call *call, void *state)
{
    queue *q = state;
    (void)call;
    q->closed = true;
    brd_line_wake_all(&q->getters);
    brd_line_wake_all(&q->putters);
    return BROOD_OK;
}

static int task_done(brd_call *call, void *state)
{
    queue *q = state;
    (void)call;
    if (q->unfinished == 0) {
        (void)brood_fail("task_done was called more often than there were items");
        return BROOD_EINVAL;
    }
    if (--q->unfinished == 0)
        brd_line_wake_all(&q->joiners);
    return BROOD_OK;
}

static int join(brd_call *call, void *state)
{
    queue *q = state;
    int status = BROOD_OK;
    while (!status && q->unfinished)
        status = brd_line_wait(&q->joiners, call->place, call->object->guard, call->until);
    return status;
}

static void destroy(void *state, brd_remains *left)
{
    left->values = ((queue *)state)->first;
}

static const brd_method methods[] = {
    {"close", close_queue, 0, 0, NULL},
    {"empty", is_empty, 0, 0, NULL},
    {"full", tell_full, 0, 0, NULL},
    {"get", get, 0, 0, put_back},
    {"put", put, BRD_ITEM, BRD_ITEM, NULL},
    {"qsize", size, 0, 0, NULL},
    {0},
};

static const brd_method joinable_methods[] = {
    {"close", close_queue, 0, 0, NULL},
    {"empty", is_empty, 0, 0, NULL},
    {"full", tell_full, 0, 0, NULL},
    {"get", get, 0, 0, put_back},
    {"join", join, 0, 0, NULL},
    {"put", put, BRD_ITEM, BRD_ITEM, NULL},
    {"qsize", size, 0, 0, NULL},
    {"task_done", task_done, 0, 0, NULL},
    {0},
};

const brd_type brd_type_queue = {.name = "Queue",
                                 .size = sizeof(queue),
                                 .methods = methods,
                                 .most = 1,
                                 .create = create,
                                 .destroy = destroy};

const brd_type brd_type_joinable = {.name = "JoinableQueue",
                                    .size = sizeof(queue),
                                    .methods = joinable_methods,
                                    .most = 1,
                                    .create = create,
                                    .destroy = destroy};
