/**
 * Outcomes: from what a worker, its death or the clock says to whoever asked for
 * the task. Nothing here starts or ends anything but tasks, jobs and futures.
 */
#include "pool/future.h"
#include "pool/job.h"
#include "pool/state.h"

static void sink_end(brd_sink *sink)
{
    if (sink->future)
        brd_future_over(sink->future);
    else
        atomic_store_explicit(&sink->done, true, memory_order_release);
}

// The handles leave the result only if somebody wants them.
static int fill(brood_message *message, brd_result *r)
{
    int status = brood_message_set(message, r->bytes, (size_t)r->head.size);
    if (!status && r->cargo) {
        status = brd_message_load(message, r->cargo);
        r->cargo = NULL;
    }
    return status;
}

void brd_outcome_result(brood_pool *pool, brd_task *task, brd_result *r)
{
    brd_sink *sink = task->sink;
    if (task->orphan || task->verdict)
        return;
    if (task->job) {
        brd_job_result(task->job, task->first + task->ended, r->bytes, (size_t)r->head.size);
    } else if (sink) {
        sink->status = sink->result ? fill(sink->result, r) : BROOD_OK;
        task->sink = NULL;
        brd_alarm_stop(&pool->alarms, &task->deadline);
        sink_end(sink);
    }
}

void brd_outcome_error(brood_pool *pool, brd_task *task, const brood_error *error)
{
    brd_sink *sink = task->sink;
    if (task->orphan || task->verdict)
        return;
    if (task->job) {
        brd_job_error(task->job, task->first + task->ended, error);
    } else if (sink) {
        sink->status = error->status;
        if (sink->result && brd_message_fail(sink->result, error))
            sink->status = BROOD_ENOMEM;
        task->sink = NULL;
        brd_alarm_stop(&pool->alarms, &task->deadline);
        sink_end(sink);
    }
}

void brd_task_over(brood_pool *pool, brd_task *task)
{
    brd_alarm_stop(&pool->alarms, &task->deadline);
    brd_tasks_put(&pool->tasks, task);
}

// A worker's output belongs to one failure: in each of a million it would fill the memory.
static void drop_output(brood_error *error)
{
    error->output = NULL;
    error->output_size = 0;
}

void brd_task_fail(brood_pool *pool, brd_task *task, const brood_error *error)
{
    brd_job *job = task->job;
    brood_error each = *error;
    if (!job)
        brd_outcome_error(pool, task, error);
    for (; job && task->ended < task->count; task->ended++) {
        brd_outcome_error(pool, task, &each);
        drop_output(&each);
        task->verdict = 0;
    }
    brd_task_enter(task, BRD_TASK_FAILED);
    brd_task_over(pool, task);
    if (job)
        brd_job_check(pool, job);
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

void brd_job_fail(brood_pool *pool, brd_job *job, const brood_error *error)
{
    brd_task *task;
    brood_error each = *error;
    job->fail_fast = job->failing = false;
    brd_job_unlist(pool, job);
    while (job->again_head) {
        task = brd_job_next(job, &pool->tasks);
        for (; task->ended < task->count; task->ended++) {
            brd_job_error(job, task->first + task->ended, &each);
            drop_output(&each);
        }
        brd_task_enter(task, BRD_TASK_FAILED);
        brd_task_over(pool, task);
    }
    for (; job->sent < job->items.count; job->sent++) {
        brd_job_error(job, job->sent, &each);
        drop_output(&each);
    }
    brd_job_check(pool, job);
}

static void fail_flight(brood_pool *pool, brd_station *s, brood_error *error)
{
    brd_task *task;
    while ((task = brd_seat_front(&s->seat))) {
        (void)brd_link_take_back(task->claim); // what has not started never will
        brd_seat_ended(&s->seat);
        pool->in_flight--;
        if (!brd_seat_flight(&s->seat))
            pool->busy--;
        if (task->job)
            task->job->fail_fast = task->job->failing = false;
        brd_task_fail(pool, task, error);
        drop_output(error);
    }
    brd_alarm_stop(&pool->alarms, &s->alarm);
    brd_station_changed(pool, s);
}

void brd_pool_fail_all(brood_pool *pool, int status)
{
    brood_error error = brd_pool_error(pool, status);
    brd_task *task;
    while ((task = brd_queue_pop(&pool->queue))) {
        brd_task_fail(pool, task, &error);
        drop_output(&error);
    }
    while (pool->jobs) {
        brd_job_fail(pool, pool->jobs, &error);
        drop_output(&error);
    }
    for (uint32_t i = 0; i < pool->places; i++)
        fail_flight(pool, pool->stations[i], &error);
    brd_pool_stir(pool); // no worker will ring for these
}
