/**
 * The task machine, the queue and the free list.
 */
#include "pool/task.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

/* ------------------------------------------------------------------ queue */

// Where this priority stands, or would stand.
static size_t level_of(const brd_queue *q, int32_t priority)
{
    size_t i = 0;
    while (i < q->nlevels && q->levels[i].priority > priority)
        i++;
    return i;
}

int brd_queue_prepare(brd_queue *q, int32_t priority)
{
    size_t i = level_of(q, priority);
    if (i < q->nlevels && q->levels[i].priority == priority)
        return BROOD_OK;
    brd_level *levels = realloc(q->levels, (q->nlevels + 1) * sizeof *levels);
    if (!levels)
        return BROOD_ENOMEM;
    memmove(levels + i + 1, levels + i, (q->nlevels - i) * sizeof *levels);
    levels[i] = (brd_level){.priority = priority};
    q->levels = levels;
    q->nlevels++;
    return BROOD_OK;
}

void brd_queue_push(brd_queue *q, brd_task *task)
{
    brd_level *level = &q->levels[level_of(q, task->terms.priority)];
    task->next = NULL;
    task->previous = level->tail;
    if (level->tail)
        level->tail->next = task;
    else
        level->head = task;
    level->tail = task;
    q->count++;
}

void brd_queue_push_front(brd_queue *q, brd_task *task)
{
    brd_level *level = &q->levels[level_of(q, task->terms.priority)];
    task->previous = NULL;
    task->next = level->head;
    if (level->head)
        level->head->previous = task;
    else
        level->tail = task;
    level->head = task;
    q->count++;
}

brd_task *brd_queue_head(const brd_queue *q)
{
    for (size_t i = 0; q->count && i < q->nlevels; i++)
        if (q->levels[i].head)
            return q->levels[i].head;
    return NULL;
}

void brd_queue_remove(brd_queue *q, brd_task *task)
{
    brd_level *level = &q->levels[level_of(q, task->terms.priority)];
    if (task->previous)
        task->previous->next = task->next;
    else
        level->head = task->next;
    if (task->next)
        task->next->previous = task->previous;
    else
        level->tail = task->previous;
    task->next = task->previous = NULL;
    q->count--;
}

brd_task *brd_queue_pop(brd_queue *q)
{
    brd_task *task = brd_queue_head(q);
    if (task)
        brd_queue_remove(q, task);
    return task;
}

void brd_queue_clear(brd_queue *q)
{
    free(q->levels);
    *q = (brd_queue){0};
}

/* -------------------------------------------------------------- free list */

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
    if (task->args == &task->own || task->packed)
        brood_message_clear(&task->own);
    assert(!task->deadline.place);
    task->state = BRD_TASK_WAITING;
    task->initializer = task->packed = task->orphan = false;
    task->verdict = 0;
    task->count = task->ended = task->deaths = 0;
    task->terms = (brd_terms){0};
    task->started = 0;
    task->sink = NULL;
    task->job = NULL;
    task->first = 0;
    task->claim = NULL;
    task->args = NULL;
    task->previous = NULL;
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
