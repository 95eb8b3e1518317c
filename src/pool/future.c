/**
 * Futures. The task writes its outcome into the future's sink; whoever asks works
 * for the pool until it is there.
 */
#include "pool/future.h"
#include <stdlib.h>

brood_future *brd_future_make(brood_pool *pool)
{
    brood_future *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->pool = pool;
    f->references = 1;
    f->sink.result = &f->result;
    f->sink.future = f;
    atomic_fetch_add(&pool->references, 1);
    return f;
}

static void drop_job(brood_future *f)
{
    if (!f->job)
        return;
    brd_items_drop(&f->job->items);
    brood_message_clear(&f->job->scratch);
    free(f->job);
    f->job = NULL;
}

void brd_future_release(brood_future *f)
{
    if (atomic_fetch_sub(&f->references, 1) != 1)
        return;
    brood_pool *pool = f->pool;
    drop_job(f);
    brood_results_destroy(f->results);
    brood_message_clear(&f->result);
    free(f);
    brd_pool_release(pool);
}

/* ---------------------------------------------------------------- the end */

static void run_hook(brd_call *call)
{
    brd_hook *hook = (brd_hook *)(void *)call;
    brood_future *future = hook->future;
    hook->callback(future, hook->baton);
    if (hook->on_heap)
        free(hook);
    brd_future_release(future);
}

static void push_hook(brood_future *f, brd_hook *hook)
{
    hook->future = f;
    hook->call.run = run_hook;
    atomic_fetch_add(&f->references, 1);
    brd_calls_push(f->pool, &hook->call);
}

void brd_future_over(brood_future *f)
{
    f->task = NULL;
    f->own.callback = f->sink.status ? f->error_callback : f->callback;
    f->own.baton = f->baton;
    if (f->own.callback)
        push_hook(f, &f->own);
    while (f->hooks) {
        brd_hook *hook = f->hooks;
        f->hooks = hook->next;
        push_hook(f, hook);
    }
    atomic_store_explicit(&f->sink.done, true, memory_order_release);
    brd_watches_fire(f);
    brd_future_release(f);
}

void brd_future_job_over(brood_future *f)
{
    f->results = f->job->results;
    f->sink.status = brd_results_first_failure(f->results);
    for (size_t i = 0; f->sink.status && i < f->results->count; i++) {
        const brood_error *error = brood_results_error(f->results, i);
        if (!error)
            continue;
        (void)brd_message_fail(&f->result, error);
        break;
    }
    drop_job(f);
    brd_future_over(f);
}

/* ------------------------------------------------------------------ asking */

static bool is_done(void *baton)
{
    return brd_future_is_done(baton);
}

uint64_t brood_future_number(const brood_future *f)
{
    return f ? f->number : 0;
}

int brood_future_wait(brood_future *f, int64_t timeout)
{
    if (!f)
        return BROOD_EINVAL;
    if (brd_future_is_done(f))
        return BROOD_OK;
    brd_time until = brd_until(timeout);
    brd_os_mutex_lock(&f->pool->lock);
    int status = brd_future_is_done(f) ? BROOD_OK : brd_pool_wait(f->pool, is_done, f, until);
    brd_os_mutex_unlock(&f->pool->lock);
    return status;
}

int brood_future_get(brood_future *f, int64_t timeout, brood_message *result)
{
    int status = brood_future_wait(f, timeout);
    if (status)
        return status;
    // Done is for ever: the result can be read without the lock.
    if (result) {
        int copied = brd_message_copy(result, &f->result);
        if (copied)
            return copied;
    }
    return f->sink.status;
}

int brood_future_unpack(brood_future *f, int64_t timeout, const char *format, ...)
{
    va_list outputs;
    int status = brood_future_wait(f, timeout);
    if (status || f->sink.status)
        return status ? status : f->sink.status;
    brood_message_rewind(&f->result);
    va_start(outputs, format);
    status = brood_vunpack(&f->result, format, outputs);
    va_end(outputs);
    return status;
}

int brood_future_status(brood_future *f)
{
    int status = brood_future_wait(f, 0);
    if (status == BROOD_ETIMEDOUT)
        return BROOD_EAGAIN;
    return status ? status : f->sink.status;
}

int brood_future_ready(brood_future *f)
{
    return brood_future_wait(f, 0) == BROOD_OK;
}

int brood_future_cancelled(brood_future *f)
{
    return brood_future_status(f) == BROOD_ECANCELLED;
}

int brood_future_running(brood_future *f)
{
    if (!f || brood_future_ready(f))
        return 0;
    brd_os_mutex_lock(&f->pool->lock);
    bool running = f->task && f->task->state == BRD_TASK_SENT && brd_link_started(f->task->claim);
    if (f->job) // it has begun, and is not over
        running = f->job->ended || brd_pool_job_runs(f->pool, f->job);
    brd_os_mutex_unlock(&f->pool->lock);
    return running;
}

const brood_error *brood_future_error(brood_future *f)
{
    return brood_future_wait(f, 0) == BROOD_OK ? brood_message_error(&f->result) : NULL;
}

brood_results *brood_future_results(brood_future *f)
{
    return brood_future_wait(f, 0) == BROOD_OK ? f->results : NULL;
}

/* --------------------------------------------------------------- changing */

int brood_future_cancel(brood_future *f)
{
    if (!f)
        return BROOD_EINVAL;
    brood_pool *pool = f->pool;
    bool mine = false;
    brd_os_mutex_lock(&pool->lock);
    if (!brd_future_is_done(f)) {
        brd_pool_catch_up(pool); // what is in the rings has ended
        mine = !brd_future_is_done(f);
        if (mine && f->job)
            brd_job_end_early(pool, f->job, BROOD_ECANCELLED);
        else if (mine)
            brd_task_end_early(pool, f->task, BROOD_ECANCELLED);
        brd_pool_dispatch_tasks(pool);
        brd_pool_stir(pool);
    }
    brd_os_mutex_unlock(&pool->lock);
    return mine || f->sink.status == BROOD_ECANCELLED ? BROOD_OK : BROOD_EEND;
}

int brood_future_add_done_callback(brood_future *f, brood_future_callback *callback, void *baton)
{
    if (!f || !callback)
        return BROOD_EINVAL;
    brd_hook *hook = calloc(1, sizeof *hook);
    if (!hook)
        return BROOD_ENOMEM;
    *hook = (brd_hook){.callback = callback, .baton = baton, .on_heap = true};
    brd_os_mutex_lock(&f->pool->lock);
    int status = f->pool->gone ? BROOD_ECLOSED : brd_calls_prepare(f->pool);
    if (status) {
        free(hook);
    } else if (brd_future_is_done(f)) {
        push_hook(f, hook);
    } else {
        if (f->hooks)
            f->last_hook->next = hook;
        else
            f->hooks = hook;
        f->last_hook = hook;
    }
    brd_os_mutex_unlock(&f->pool->lock);
    return status;
}

void brood_future_destroy(brood_future *f)
{
    if (!f)
        return;
    if (!brd_future_is_done(f)) {
        brood_pool *pool = f->pool;
        brd_os_mutex_lock(&pool->lock);
        bool unheard = !f->callback && !f->error_callback && !f->hooks && !f->watches;
        if (!brd_future_is_done(f) && unheard)
            f->sink.result = NULL; // nobody will look: it need not be kept
        brd_os_mutex_unlock(&pool->lock);
    }
    brd_future_release(f);
}
