/**
 * A job in progress. Chunks are how items travel, nothing more: each item has its
 * own outcome.
 */
#include "pool/job.h"
#include "pool/future.h"
#include "pool/state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ chunks */

void brd_job_put(brd_job *job, brd_task *task, bool front)
{
    if (front) {
        task->next = job->again_head;
        job->again_head = task;
        if (!job->again_tail)
            job->again_tail = task;
        return;
    }
    task->next = NULL;
    if (job->again_tail)
        job->again_tail->next = task;
    else
        job->again_head = task;
    job->again_tail = task;
}

static brd_task *cut(brd_job *job, brd_tasks *tasks)
{
    brd_task *task = brd_tasks_get(tasks);
    if (!task)
        return NULL;
    size_t left = job->items.count - job->sent;
    task->job = job;
    task->function = job->function;
    task->order = job->order;
    task->terms = job->terms;
    task->first = job->sent;
    task->count = left < job->chunk ? (uint32_t)left : job->chunk;
    job->sent += task->count;
    return task;
}

brd_task *brd_job_next(brd_job *job, brd_tasks *tasks)
{
    brd_task *task = job->again_head;
    if (!task)
        return cut(job, tasks);
    job->again_head = task->next;
    if (!job->again_head)
        job->again_tail = NULL;
    task->next = NULL;
    return task;
}

static int send_structs(brd_job *job, brd_link *link, brd_task *task, brd_task_head *head)
{
    size_t bytes = head->count * job->items.item_size;
    brd_items_head items = {.stride = job->items.item_size};
    bool chunk = head->count > 1;
    void *room = NULL;
    int status = brd_link_begin(link, bytes + (chunk ? sizeof items : 0), &room);
    if (status)
        return status;
    if (chunk) {
        memcpy(room, &items, sizeof items);
        room = (unsigned char *)room + sizeof items;
        head->flags = BRD_ITEMS;
    }
    memcpy(room, (const unsigned char *)job->items.data + task->first * job->items.item_size,
           bytes);
    task->claim = brd_link_commit(link, head);
    return BROOD_OK;
}

static int send_packed(const brood_message *pack, brd_link *link, brd_task *task,
                       brd_task_head *head)
{
    void *room = NULL;
    int status = brd_link_begin(link, pack->size, &room);
    if (status)
        return status;
    memcpy(room, brd_message_at(pack), pack->size);
    head->flags = BRD_ITEMS;
    task->claim = brd_link_commit(link, head);
    return BROOD_OK;
}

int brd_job_send(brd_job *job, brd_link *link, brd_task *task)
{
    brd_task_head head = {.function = task->function,
                          .id = task->id,
                          .count = task->count,
                          .number = task->order,
                          .first = task->first};
    if (task->packed)
        return send_packed(&task->own, link, task, &head);
    if (job->items.kind == BRD_ITEMS_STRUCTS)
        return send_structs(job, link, task, &head);
    int status = brd_pack_array(&job->scratch, &job->items, task->first, task->count);
    return status ? status : send_packed(&job->scratch, link, task, &head);
}

/* ---------------------------------------------------------------- outcomes */

int brd_outcome_set(brd_outcome *o, const unsigned char *bytes, size_t size)
{
    unsigned char *room = o->u.inside;
    o->ended = 1;
    o->size = size;
    if (size > sizeof o->u.inside) {
        room = o->u.bytes = malloc(size);
        if (!room) {
            o->status = BROOD_ENOMEM;
            return BROOD_ENOMEM;
        }
    }
    if (size)
        memcpy(room, bytes, size);
    return BROOD_OK;
}

void brd_outcome_fail(brd_outcome *o, const brood_error *error)
{
    o->ended = 1;
    o->status = error->status;
    o->u.error = brd_error_copy(error); // without memory, the status alone must do
}

void brd_outcome_clear(brd_outcome *o)
{
    if (o->status)
        free(o->u.error);
    else if (o->size > sizeof o->u.inside)
        free(o->u.bytes);
    *o = (brd_outcome){0};
}

// Straight into the caller's array: a result of another length has no place there.
static void write_into(brd_job *job, size_t item, const unsigned char *bytes, size_t size,
                       brd_outcome *o)
{
    if (size == job->into_size) {
        memcpy(job->into + item * job->into_size, bytes, size);
        o->ended = 1;
        return;
    }
    char text[128];
    (void)snprintf(text, sizeof text, "the result has %llu bytes, and an element of `into` %llu",
                   (unsigned long long)size, (unsigned long long)job->into_size);
    brood_error error = {.status = BROOD_ETYPE, .text = text, .function = ""};
    brd_outcome_fail(o, &error);
}

void brd_job_result(brd_job *job, size_t item, const unsigned char *bytes, size_t size)
{
    job->ended++;
    if (job->iterator) {
        brd_outcome outcome = {0};
        (void)brd_outcome_set(&outcome, bytes, size);
        brd_iterator_put(job->iterator, item, &outcome);
        return;
    }
    brd_outcome *o = &job->results->outcomes[item];
    if (job->into)
        write_into(job, item, bytes, size, o);
    else
        (void)brd_outcome_set(o, bytes, size);
    job->failing = job->failing || (o->status && job->fail_fast);
}

void brd_job_error(brd_job *job, size_t item, const brood_error *error)
{
    job->ended++;
    job->failing = job->failing || job->fail_fast;
    if (!job->iterator) {
        brd_outcome_fail(&job->results->outcomes[item], error);
        return;
    }
    brd_outcome outcome = {0};
    brd_outcome_fail(&outcome, error);
    brd_iterator_put(job->iterator, item, &outcome);
}

/* ---------------------------------------------------------------- the list */

static bool goes_before(const brd_job *a, const brd_job *b)
{
    if (a->terms.priority != b->terms.priority)
        return a->terms.priority > b->terms.priority;
    return a->order < b->order;
}

void brd_job_list(brood_pool *pool, brd_job *job)
{
    if (job->listed)
        return;
    brd_job **at = &pool->jobs;
    while (*at && goes_before(*at, job))
        at = &(*at)->next;
    job->next = *at;
    *at = job;
    job->listed = true;
}

void brd_job_unlist(brood_pool *pool, brd_job *job)
{
    brd_job **at = &pool->jobs;
    while (*at && *at != job)
        at = &(*at)->next;
    if (*at)
        *at = job->next;
    job->next = NULL;
    job->listed = false;
}

void brd_job_check(brood_pool *pool, brd_job *job)
{
    if (job->failing) {
        job->failing = job->fail_fast = false;
        brd_job_end_early(pool, job, BROOD_ECANCELLED);
        return; // which checks again
    }
    if (!brd_job_is_over(job))
        return;
    brd_job_unlist(pool, job);
    brd_alarm_stop(&pool->alarms, &job->deadline);
    if (job->future)
        brd_future_job_over(job->future);
}
