/**
 * The way in: from the rings of workers to those who wait. What a worker wrote is
 * checked here against what it was given; what does not fit ends that worker.
 */
#include "pool/job.h"
#include "pool/report.h"
#include "pool/state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a worker may say of a function that it did not run; all else is for us to say,
// or for the system.
static bool may_refuse(int status)
{
    switch (status) {
    case BROOD_EFUNCTION:
    case BROOD_EBUILD:
    case BROOD_EINVAL: // as a system calls a size that it cannot make
    case BROOD_ENOMEM:
    case BROOD_ECANCELLED:
        return true;
    default:
        return status < BROOD_EINVAL || status > BROOD_EAUTH;
    }
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
        brd_functions_explain(pool->functions, task->function, r->head.status, text, room);
    } else if (r->head.flags & BRD_TEXT && r->head.size) {
        size_t size = r->head.size < room ? (size_t)r->head.size : room - 1;
        memcpy(text, r->bytes, size);
        text[size] = 0;
    } else {
        (void)snprintf(text, room, "the function returned %d", r->head.status);
    }
}

// The results of items are bytes, side by side; and this process may have too many handles.
static void no_handles(const brood_pool *pool, const brd_station *s, const brd_task *task,
                       const brd_result *r, brood_error *error)
{
    int failed = r->cargo->failed;
    *error = (brood_error){.status = failed ? failed : BROOD_ENOTSUP,
                           .text = failed ? "a handle of the result could not be taken in"
                                          : "the result of an item of map cannot carry handles",
                           .function = brd_functions_name(pool->functions, task->function),
                           .worker = s->child.proc.pid};
}

// The initializer's outcome decides about the worker, not about a task.
static void initialized(brood_pool *pool, brd_station *s, const brd_result *r)
{
    char text[1024];
    brood_error error;
    if (!r->head.status) {
        if (s->seat.state == BRD_SEAT_STARTING) // it may have been killed meanwhile
            brd_seat_enter(&s->seat, BRD_SEAT_IDLE);
        brd_station_up(pool, s);
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
    const brd_task *next = brd_seat_front(&s->seat);
    if (!next)
        pool->busy--;
    brd_task_enter(task, failed ? BRD_TASK_FAILED : BRD_TASK_DONE);
    brd_task_over(pool, task);
    if (s->alarm.place || s->seat.state == BRD_SEAT_DRAINING ||
        (next && (next->terms.time_limit || next->verdict)))
        brd_station_next_task(pool, s);
}

// Behind it in the same chunk comes another item, and starts at once.
static void next_item(brood_pool *pool, brd_station *s, brd_task *task)
{
    task->deaths = 0;
    if (task->orphan)
        return;
    task->verdict = 0;
    if (!task->terms.time_limit)
        return;
    task->started = brd_os_now();
    brd_station_next_task(pool, s);
}

static bool makes_sense(const brd_task *task, const brd_result *r)
{
    if (!task || r->head.id != task->id || r->head.index != task->ended)
        return false;
    // A chunk that is half done and not begun could be taken from it, and given to another.
    if (task->count > 1 && task->ended == 0 && !brd_link_started(task->claim))
        return false;
    return !(r->head.flags & BRD_REFUSED) || may_refuse(r->head.status);
}

static int accept_result(brood_pool *pool, brd_station *s, brd_result *r)
{
    char text[1024];
    brood_error error;
    brd_task *task = brd_seat_front(&s->seat);
    if (!makes_sense(task, r))
        return BROOD_EPROTOCOL;
    brd_job *job = task->job;
    if (task->initializer) {
        initialized(pool, s, r);
    } else if (r->head.status) {
        describe(pool, s, task, r, text, sizeof text, &error);
        brd_outcome_error(pool, task, &error);
    } else if (r->cargo && (job || r->cargo->failed)) {
        no_handles(pool, s, task, r, &error);
        brd_outcome_error(pool, task, &error);
    } else {
        brd_outcome_result(pool, task, r);
    }
    s->seat.productive = s->seat.productive || !task->initializer;
    if (++task->ended == task->count)
        end_task(pool, s, task, r->head.status != 0);
    else
        next_item(pool, s, task);
    if (job)
        brd_job_check(pool, job);
    return BROOD_OK;
}

static int accept_hello(brood_pool *pool, brd_station *s, const brd_hello *hello)
{
    int status = brd_child_hello(&s->child, hello);
    brd_task *front = brd_seat_front(&s->seat);
    if (status || (front && front->initializer))
        return status;
    if (s->seat.state == BRD_SEAT_STARTING)
        brd_seat_enter(&s->seat, front ? BRD_SEAT_BUSY : BRD_SEAT_IDLE);
    brd_station_up(pool, s);
    return BROOD_OK;
}

static int accept(brood_pool *pool, brd_station *s, brd_news *news)
{
    if (news->kind == BRD_RECORD_HELLO)
        return accept_hello(pool, s, &news->u.hello);
    if (s->child.state == BRD_CHILD_STARTING)
        return BROOD_EPROTOCOL;
    if (news->kind == BRD_RECORD_REPORT)
        return brd_report_accept(pool, s, &news->u.report);
    int status = accept_result(pool, s, &news->u.result);
    // An honest worker has room for every block that it is owed. One that is dying is
    // noticed elsewhere.
    int told = brd_link_done(&s->child.link, &news->u.result);
    return !status && told == BROOD_ETIMEDOUT ? BROOD_EPROTOCOL : status;
}

bool brd_station_collect(brood_pool *pool, brd_station *s)
{
    brd_link *link = &s->child.link;
    brd_news news;
    bool any = false;
    int status = BROOD_OK;
    // A worker that wrote nonsense once is not read again; and when the pool is being
    // ended its tasks have their outcome already.
    if (!link->words || s->seat.broke == BROOD_EPROTOCOL || pool->state >= BRD_POOL_BROKEN)
        return false;
    while (!status && (status = brd_link_next(link, &news)) == BROOD_OK) {
        any = true;
        status = accept(pool, s, &news);
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
    uint32_t words = atomic_load_explicit(&pool->words, memory_order_relaxed);
    for (uint32_t w = 0; w < words; w++) {
        uint64_t word = atomic_load_explicit(&pool->awaited[w], memory_order_acquire);
        for (uint32_t i = w * 64; word; i++, word >>= 1) {
            if (!(word & 1))
                continue;
            brd_station *s = pool->stations[i];
            if (s->child.link.words && brd_link_has_news(&s->child.link))
                any |= brd_station_collect(pool, s);
        }
    }
    return any;
}
