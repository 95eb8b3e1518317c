/**
 * Reports of tasks. One that is still due when the next one of the same item comes
 * is brought up to date, unless it told of an end: a slow listener hears less, and
 * nothing piles up.
 */
#include "pool/report.h"
#include "pool/future.h"
#include <stdlib.h>
#include <string.h>

typedef struct brd_report_call {
    brd_call call;
    brood_pool *pool; /* referred to */
    brd_report report;
    brood_future *future; /* referred to; NULL: none */
    size_t index;
    int64_t worker;
} report_call;

static void release(report_call *c)
{
    if (c->future)
        brd_future_release(c->future);
    brd_pool_release(c->pool);
    free(c);
}

static void tell(brd_call *call)
{
    report_call *c = (report_call *)(void *)call;
    const brood_progress progress = {.future = c->future,
                                     .index = c->index,
                                     .worker = c->worker,
                                     .done = c->report.head.done,
                                     .total = c->report.head.total,
                                     .text = c->report.text};
    c->pool->options.on_progress(&progress, c->pool->options.baton);
    release(c);
}

// Enough for whoever reports its ends; one that reports nothing else must not fill the memory.
enum { MOST_DUE = 1000 };

// The call to bring up to date: the worker's last one that is still due.
static report_call *find_due(const brood_pool *pool, const brd_station *s, const brd_report *report)
{
    report_call *c = (report_call *)(void *)s->report_due;
    if (!c || c->report.head.id != report->head.id || c->report.head.index != report->head.index)
        return NULL;
    if (c->report.head.done == c->report.head.total && pool->calls.count < MOST_DUE)
        return NULL;
    return c;
}

static brood_future *future_of(const brd_task *task)
{
    if (task->job)
        return task->job->future;
    return task->sink ? task->sink->future : NULL;
}

int brd_report_accept(brood_pool *pool, brd_station *s, const brd_report *report)
{
    const brd_task *task = brd_seat_front(&s->seat);
    if (!task || report->head.id != task->id || report->head.index != task->ended)
        return BROOD_EPROTOCOL;
    if (!pool->options.on_progress || task->orphan || task->verdict)
        return BROOD_OK;
    report_call *c = find_due(pool, s, report);
    if (c) {
        c->report = *report;
        c->worker = s->child.proc.pid; // of a task that is run again it is another one
        return BROOD_OK;
    }
    c = calloc(1, sizeof *c);
    if (!c)
        return BROOD_OK; // it is for information: without memory it is not told
    *c = (report_call){.call.run = tell,
                       .pool = pool,
                       .report = *report,
                       .future = future_of(task),
                       .index = task->first + task->ended,
                       .worker = s->child.proc.pid};
    atomic_fetch_add(&pool->references, 1);
    if (c->future)
        atomic_fetch_add(&c->future->references, 1);
    if (s->report_due)
        s->report_due->due_at = NULL;
    s->report_due = &c->call;
    c->call.due_at = &s->report_due;
    brd_calls_push(pool, &c->call);
    return BROOD_OK;
}
