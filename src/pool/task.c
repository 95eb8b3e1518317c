/**
 * The task machine, the queue and the free list.
 */
#include "pool/task.h"
#include <assert.h>
#include <stdlib.h>

static const char *const names[] = {"WAITING", "SENT", "DONE", "FAILED", "LOST"};

static const bool allowed[5][5] = {
    [BRD_TASK_WAITING] = {[BRD_TASK_SENT] = true, [BRD_TASK_FAILED] = true},
    [BRD_TASK_SENT] = {[BRD_TASK_WAITING] = true,
                       [BRD_TASK_DONE] = true,
                       [BRD_TASK_FAILED] = true,
                       [BRD_TASK_LOST] = true},
    [BRD_TASK_LOST] = {[BRD_TASK_FAILED] = true, [BRD_TASK_WAITING] = true},
};

void brd_task_enter(brd_task *task, brd_task_state next)
{
    assert(allowed[task->state][next]);
    (void)allowed;
    task->state = next;
}

const char *brd_task_state_name(brd_task_state state)
{
    return names[state];
}

void brd_queue_push(brd_queue *q, brd_task *task)
{
    task->next = NULL;
    if (q->tail)
        q->tail->next = task;
    else
        q->head = task;
    q->tail = task;
    q->count++;
}

void brd_queue_push_front(brd_queue *q, brd_task *task)
{
    task->next = q->head;
    q->head = task;
    if (!q->tail)
        q->tail = task;
    q->count++;
}

brd_task *brd_queue_pop(brd_queue *q)
{
    brd_task *task = q->head;
    if (!task)
        return NULL;
    q->head = task->next;
    if (!q->head)
        q->tail = NULL;
    task->next = NULL;
    q->count--;
    return task;
}

brd_task *brd_tasks_get(brd_tasks *t)
{
    brd_task *task = t->free;
    if (task) {
        t->free = task->next;
        task->next = NULL;
        return task;
    }
    return calloc(1, sizeof *task);
}

void brd_tasks_put(brd_tasks *t, brd_task *task)
{
    // Field by field: the message's bytes are most of the struct, and need no clearing.
    if (task->args == &task->own)
        brood_message_clear(&task->own);
    task->state = BRD_TASK_WAITING;
    task->initializer = false;
    task->count = task->ended = 0;
    task->sink = NULL;
    task->job = NULL;
    task->first = 0;
    task->claim = NULL;
    task->args = NULL;
    task->next = t->free;
    t->free = task;
}

void brd_tasks_clear(brd_tasks *t)
{
    while (t->free) {
        brd_task *next = t->free->next;
        free(t->free);
        t->free = next;
    }
}
