/**
 * Early ends: cancelling, time limits, deadlines. The outcome is given at once; a
 * worker that runs the task is asked by a flag, and killed after the grace, with all
 * that it has started.
 */
#include "pool/job.h"
#include "pool/state.h"

enum { PROBE_AGAIN_MS = 10 }; /* until a task that should have started is looked at again */

/* ---------------------------------------------------------------- one task */

// It runs: its outcome is given now, and its worker has the grace to get done.
static void condemn(brood_pool *pool, brd_task *task, int status, bool whole)
{
    brd_station *s = pool->stations[task->seat];
    brood_error error = {.status = status,
                         .text = brood_status_text(status),
                         .function = brd_functions_name(pool->functions, task->function),
                         .worker = s->child.proc.pid};
    brd_job *job = task->job;
    uint32_t item = task->ended;
    brd_outcome_error(pool, task, &error);
    task->verdict = status;
    if (whole || item + 1 == task->count) {
        task->orphan = true;
        task->job = NULL;
        task->sink = NULL;
        item = BRD_ALL_ITEMS;
    }
    brd_alarm_stop(&pool->alarms, &task->deadline);
    brd_link_cancel(&s->child.link, task->id, item);
    if (brd_seat_front(&s->seat) == task && s->seat.state != BRD_SEAT_DEAD)
        brd_alarm_set(&pool->alarms, &s->alarm, brd_os_now() + pool->options.grace * BRD_MS);
    if (job)
        brd_job_check(pool, job);
}

// At a worker, and not begun: it never will be. False: it has been begun.
static bool take_back(brood_pool *pool, brd_task *task)
{
    if (!brd_link_take_back(task->claim))
        return false;
    brd_station_forget(pool, pool->stations[task->seat], task);
    return true;
}

void brd_task_end_early(brood_pool *pool, brd_task *task, int status)
{
    brood_error error = {.status = status,
                         .text = brood_status_text(status),
                         .function = brd_functions_name(pool->functions, task->function)};
    if (task->state == BRD_TASK_WAITING) {
        brd_queue_remove(&pool->queue, task);
        brd_task_fail(pool, task, &error);
    } else if (!task->orphan) {
        if (take_back(pool, task))
            brd_task_fail(pool, task, &error);
        else
            condemn(pool, task, status, true);
    }
    brd_pool_advance(pool);
}

int brd_task_set_deadline(brood_pool *pool, brd_task *task)
{
    if (!task->terms.deadline)
        return BROOD_OK;
    int status = brd_alarms_prepare(&pool->alarms, pool->places + 1);
    if (status)
        return status;
    task->deadline.kind = BRD_ALARM_TASK;
    brd_alarm_set(&pool->alarms, &task->deadline, task->terms.deadline);
    return BROOD_OK;
}

/* ----------------------------------------------------------------- one job */

// All items of a chunk that a worker runs: the one at hand, and those behind it.
static void condemn_chunk(brood_pool *pool, brd_task *task, const brood_error *error)
{
    for (uint32_t i = task->ended + 1; i < task->count; i++)
        brd_job_error(task->job, task->first + i, error);
    condemn(pool, task, error->status, true);
}

// As condemn_chunk, but it may run to its end; the items behind the one at hand are
// left out all the same.
static void let_go(brood_pool *pool, brd_task *task)
{
    task->orphan = true;
    task->job = NULL;
    brd_link_cancel(&pool->stations[task->seat]->child.link, task->id, BRD_ALL_ITEMS);
}

static void end_flight(brood_pool *pool, brd_station *s, brd_job *job, const brood_error *error,
                       bool kill)
{
    for (uint64_t at = s->seat.first; at < s->seat.last;) {
        brd_task *task = s->seat.flight[at % BRD_FLIGHT_MAX];
        if (task->job == job && take_back(pool, task)) {
            brd_task_fail(pool, task, error); // the flight is shorter now
            continue;
        }
        at++;
        if (task->job == job && kill)
            condemn_chunk(pool, task, error);
        else if (task->job == job)
            let_go(pool, task);
    }
}

static void end_job(brood_pool *pool, brd_job *job, int status, bool kill)
{
    brood_error error = {.status = status,
                         .text = brood_status_text(status),
                         .function = brd_functions_name(pool->functions, job->function)};
    // One item more than there are: the job must not be over, and gone, on the way.
    size_t count = job->items.count++;
    job->fail_fast = job->failing = false;
    if (job->iterator)
        brd_iterator_stop(job->iterator);
    brd_job_unlist(pool, job);
    while (job->again_head)
        brd_task_fail(pool, brd_job_next(job, &pool->tasks), &error);
    for (; job->sent < count; job->sent++)
        brd_job_error(job, job->sent, &error);
    for (uint32_t i = 0; i < pool->places; i++)
        end_flight(pool, pool->stations[i], job, &error, kill);
    job->items.count = count;
    brd_job_check(pool, job);
    brd_pool_advance(pool);
}

void brd_job_end_early(brood_pool *pool, brd_job *job, int status)
{
    end_job(pool, job, status, true);
}

void brd_job_let_go(brood_pool *pool, brd_job *job)
{
    end_job(pool, job, BROOD_ECANCELLED, false);
}

// Of a chunk that runs, the items behind the one at hand have begun with it.
void brd_pool_cancel_waiting(brood_pool *pool)
{
    const brood_error error = brd_pool_error(pool, BROOD_ECANCELLED);
    brd_task *task;
    brd_os_mutex_lock(&pool->lock);
    (void)brd_pool_collect(pool);
    while ((task = brd_queue_pop(&pool->queue)))
        brd_task_fail(pool, task, &error);
    while (pool->jobs)
        brd_job_fail(pool, pool->jobs, &error);
    for (uint32_t i = 0; i < pool->places; i++) {
        brd_seat *seat = &pool->stations[i]->seat;
        while ((task = brd_seat_back(seat)) && !task->initializer && take_back(pool, task)) {
            if (task->job) // this is no failure that would end those that run
                task->job->fail_fast = task->job->failing = false;
            brd_task_fail(pool, task, &error);
        }
    }
    brd_pool_advance(pool);
    brd_pool_stir(pool);
    brd_os_mutex_unlock(&pool->lock);
}

bool brd_pool_job_runs(const brood_pool *pool, const brd_job *job)
{
    for (uint32_t i = 0; i < pool->places; i++) {
        const brd_task *front = brd_seat_front(&pool->stations[i]->seat);
        if (front && front->job == job && brd_link_started(front->claim))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------ alarms */

static void on_time_limit(brood_pool *pool, brd_station *s, brd_task *task, brd_time now)
{
    if (task->started) {
        condemn(pool, task, BROOD_ETIMELIMIT, false);
        return;
    }
    if (brd_link_started(task->claim)) {
        task->started = now;
        brd_station_next_task(pool, s);
        return;
    }
    brd_alarm_set(&pool->alarms, &s->alarm, now + PROBE_AGAIN_MS * BRD_MS);
}

static void on_station(brood_pool *pool, brd_station *s, brd_time now)
{
    brd_task *task = brd_seat_front(&s->seat);
    if (!s->seat.up || !task)
        brd_station_kill(pool, s, BROOD_ETIMEDOUT);
    else if (task && task->verdict)
        brd_station_kill(pool, s, task->verdict);
    else if (task && task->terms.time_limit)
        on_time_limit(pool, s, task, now);
}

#define CONTAINER(pointer, type, member)                                                           \
    ((type *)(void *)((unsigned char *)(pointer)-offsetof(type, member)))

void brd_pool_on_alarms(brood_pool *pool)
{
    brd_alarm *alarm;
    if (brd_alarms_next(&pool->alarms) == BRD_FOREVER)
        return;
    brd_time now = brd_os_now();
    while ((alarm = brd_alarms_due(&pool->alarms, now))) {
        if (alarm->kind == BRD_ALARM_TASK)
            brd_task_end_early(pool, CONTAINER(alarm, brd_task, deadline), BROOD_EDEADLINE);
        else if (alarm->kind == BRD_ALARM_JOB)
            brd_job_end_early(pool, CONTAINER(alarm, brd_job, deadline), BROOD_EDEADLINE);
        else
            on_station(pool, CONTAINER(alarm, brd_station, alarm), now);
    }
}
