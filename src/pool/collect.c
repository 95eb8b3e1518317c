/**
 * The way in: from the rings of workers to those who wait. What a worker wrote is
 * checked here against what it was given; what does not fit ends that worker.
 */
#include "pool/job.h"
#include "pool/state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void brd_task_fail(brood_pool *pool, brd_task *task, const brood_error *error)
{
    if (task->job) {
        for (; task->ended < task->count; task->ended++)
            brd_job_error(task->job, task->first + task->ended, error);
    } else if (task->sink) {
        brd_sink *sink = task->sink;
        sink->status = error->status;
        if (sink->result && brd_message_fail(sink->result, error))
            sink->status = BROOD_ENOMEM;
        sink->done = true;
    }
    brd_task_enter(task, BRD_TASK_FAILED);
    brd_tasks_put(&pool->tasks, task);
}

static void describe(brood_pool *pool, const brd_station *s, const brd_task *task,
                     const brd_result *r, char *text, size_t room, brood_error *error)
{
    *error = (brood_error){.status = BROOD_ETASK,
                           .code = r->head.status,
                           .text = text,
                           .function = brd_functions_name(pool->functions, task->function),
                           .worker = s->child.proc.pid};
    if (r->head.flags & BRD_REFUSED) {
        error->status = r->head.status;
        error->code = 0;
        (void)snprintf(text, room, "%s", brood_status_text(r->head.status));
    } else if (r->head.flags & BRD_TEXT && r->head.size) {
        size_t size = r->head.size < room ? (size_t)r->head.size : room - 1;
        memcpy(text, r->bytes, size);
        text[size] = 0;
    } else {
        (void)snprintf(text, room, "the function returned %d", r->head.status);
    }
}

static void deliver_error(brood_pool *pool, const brd_station *s, brd_task *task,
                          const brd_result *r, brood_error *error, char *text, size_t room)
{
    describe(pool, s, task, r, text, room, error);
    if (task->job) {
        brd_job_error(task->job, task->first + task->ended, error);
    } else if (task->sink) {
        task->sink->status = error->status;
        if (task->sink->result && brd_message_fail(task->sink->result, error))
            task->sink->status = BROOD_ENOMEM;
    }
}

static void deliver_bytes(brd_task *task, const brd_result *r)
{
    size_t size = (size_t)r->head.size;
    if (task->job)
        (void)brd_job_result(task->job, task->first + task->ended, r->bytes, size);
    else if (task->sink)
        task->sink->status =
            task->sink->result ? brood_message_set(task->sink->result, r->bytes, size) : BROOD_OK;
}

// The initializer's outcome decides about the worker, not about a task.
static void initialized(brood_pool *pool, brd_station *s, const brd_result *r)
{
    char text[1024];
    brood_error error;
    if (!r->head.status) {
        if (s->seat.state == BRD_SEAT_STARTING) // it may have been killed meanwhile
            brd_seat_enter(&s->seat, BRD_SEAT_IDLE);
        return;
    }
    describe(pool, s, brd_seat_front(&s->seat), r, text, sizeof text, &error);
    brood_error *copy = brd_error_copy(&error);
    if (copy) {
        free(pool->cause);
        pool->cause = copy;
    }
    brd_station_kill(pool, s, BROOD_ETASK);
}

static void end_task(brood_pool *pool, brd_station *s, brd_task *task, bool failed)
{
    brd_seat_ended(&s->seat);
    pool->in_flight--;
    if (brd_seat_flight(&s->seat) == 0)
        pool->busy--;
    if (task->sink)
        task->sink->done = true;
    brd_task_enter(task, failed ? BRD_TASK_FAILED : BRD_TASK_DONE);
    brd_tasks_put(&pool->tasks, task);
}

static int accept_result(brood_pool *pool, brd_station *s, const brd_result *r)
{
    char text[1024];
    brood_error error;
    brd_task *task = brd_seat_front(&s->seat);
    if (!task || r->head.id != task->id || r->head.index != task->ended)
        return BROOD_EPROTOCOL;
    if (task->initializer)
        initialized(pool, s, r);
    else if (r->head.status)
        deliver_error(pool, s, task, r, &error, text, sizeof text);
    else
        deliver_bytes(task, r);
    s->seat.productive = s->seat.productive || !task->initializer;
    if (++task->ended == task->count)
        end_task(pool, s, task, r->head.status != 0);
    return BROOD_OK;
}

static int accept_hello(brd_station *s, const brd_hello *hello)
{
    int status = brd_child_hello(&s->child, hello);
    brd_task *front = brd_seat_front(&s->seat);
    if (status || s->seat.state != BRD_SEAT_STARTING || (front && front->initializer))
        return status;
    brd_seat_enter(&s->seat, front ? BRD_SEAT_BUSY : BRD_SEAT_IDLE);
    return BROOD_OK;
}

bool brd_station_collect(brood_pool *pool, brd_station *s)
{
    brd_link *link = &s->child.link;
    brd_hello hello;
    brd_result result;
    uint32_t kind;
    bool any = false;
    int status = BROOD_OK;
    // A worker that wrote nonsense once is not read again; and when the pool is being
    // ended its tasks have their outcome already.
    if (!link->words || s->seat.broke == BROOD_EPROTOCOL || pool->state >= BRD_POOL_BROKEN)
        return false;
    while (!status && (status = brd_link_next(link, &kind, &hello, &result)) == BROOD_OK) {
        any = true;
        if (kind == BRD_RECORD_HELLO) {
            status = accept_hello(s, &hello);
        } else if (s->child.state == BRD_CHILD_STARTING) {
            status = BROOD_EPROTOCOL;
        } else {
            status = accept_result(pool, s, &result);
            brd_link_done(link, &result);
        }
    }
    if (any) {
        brd_link_release(link);
        brd_pool_set_depth(pool, atomic_load_explicit(&link->words->task_ns, memory_order_relaxed));
        brd_station_changed(pool, s);
    }
    if (status != BROOD_EAGAIN)
        brd_station_kill(pool, s, status);
    return any;
}

bool brd_pool_collect(brood_pool *pool)
{
    bool any = false;
    for (uint32_t w = 0; w < pool->words; w++) {
        uint64_t word = atomic_load_explicit(&pool->awaited[w], memory_order_acquire);
        for (uint32_t i = w * 64; word; i++, word >>= 1) {
            brd_station *s = &pool->stations[i];
            if (word & 1 && s->child.link.words && brd_link_has_news(&s->child.link))
                any |= brd_station_collect(pool, s);
        }
    }
    return any;
}

brood_error brd_pool_error(const brood_pool *pool, int status)
{
    brood_error error = {.status = status, .text = brood_status_text(status), .function = ""};
    if (status == BROOD_EBROKEN && pool->cause) {
        error = *pool->cause;
        error.status = status;
    }
    return error;
}

void brd_pool_fail_all(brood_pool *pool, int status)
{
    brood_error error = brd_pool_error(pool, status);
    brd_task *task;
    while ((task = brd_queue_pop(&pool->queue)))
        brd_task_fail(pool, task, &error);
    for (brd_job *job = pool->jobs; job; job = job->next)
        for (; job->sent < job->items.count; job->sent++)
            brd_job_error(job, job->sent, &error);
    pool->jobs = NULL;
    for (uint32_t i = 0; i < pool->size; i++) {
        brd_station *s = &pool->stations[i];
        if (brd_seat_flight(&s->seat))
            pool->busy--;
        while ((task = brd_seat_front(&s->seat))) {
            (void)brd_link_take_back(task->claim); // what has not started never will
            brd_seat_ended(&s->seat);
            pool->in_flight--;
            brd_task_fail(pool, task, &error);
        }
        brd_station_changed(pool, s);
    }
    // No worker will ring for these: a caller that is parked must look for itself.
    brd_os_waiter_ring(pool->waiter);
    brd_os_cond_broadcast(&pool->news);
}
