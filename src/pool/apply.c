/**
 * Handing in single tasks: apply and apply_async.
 */
#include "pool/future.h"
#include "pool/state.h"
#include <string.h>

int brd_pool_accepts(const brood_pool *pool)
{
    if (pool->state == BRD_POOL_OPEN)
        return BROOD_OK;
    return pool->state == BRD_POOL_BROKEN ? BROOD_EBROKEN : BROOD_ECLOSED;
}

// A length of time in milliseconds as one in nanoseconds, or as a moment.
static brd_time to_time(int64_t ms, brd_time from)
{
    const int64_t longest = (BRD_FOREVER - from) / BRD_MS;
    return from + (ms < longest ? ms : longest) * BRD_MS;
}

int brd_terms_read(brd_terms *terms, int64_t time_limit, int64_t deadline, int32_t priority,
                   uint32_t retries)
{
    if (time_limit < 0 || deadline < 0)
        return BROOD_EINVAL;
    *terms = (brd_terms){.priority = priority, .retries = retries};
    // Times far away are none: alarms are added to moments.
    if (time_limit && time_limit < BRD_FOREVER / BRD_MS / 4)
        terms->time_limit = time_limit * BRD_MS;
    if (deadline)
        terms->deadline = to_time(deadline, brd_os_now());
    return BROOD_OK;
}

static int new_task(brood_pool *pool, brood_function *function, brd_task **out)
{
    uint32_t index;
    int status = brd_pool_accepts(pool);
    if (!status)
        status = brd_functions_index(pool->functions, function, &index);
    if (status)
        return status;
    brd_task *task = brd_tasks_get(&pool->tasks);
    if (!task)
        return BROOD_ENOMEM;
    task->function = index;
    task->count = 1;
    task->id = ++pool->last_id;
    task->order = ++pool->last_order;
    *out = task;
    return BROOD_OK;
}

static void hand_in(brood_pool *pool, brd_task *task)
{
    pool->activity++;
    brd_queue_push(&pool->queue, task);
    brd_pool_dispatch_tasks(pool);
    if (pool->options.on_demand && pool->alive < pool->size)
        brd_pool_want_workers(pool);
}

static bool is_done(void *baton)
{
    return atomic_load_explicit(&((brd_sink *)baton)->done, memory_order_acquire);
}

static void report_refusal(const brood_pool *pool, brood_message *result, int status)
{
    brood_error error = brd_pool_error(pool, status);
    if (result)
        (void)brd_message_fail(result, &error);
}

int brood_pool_apply(brood_pool *pool, brood_function *function, const brood_message *args,
                     brood_message *result)
{
    if (!brd_pool_is_ours(pool) || !function)
        return BROOD_EINVAL;
    brd_sink sink = {.result = result};
    brd_task *task = NULL;
    brd_os_mutex_lock(&pool->lock);
    int status = new_task(pool, function, &task);
    if (!status) {
        task->sink = &sink;
        task->args = args; // the caller waits, so nothing need be copied
        hand_in(pool, task);
        (void)brd_pool_wait(pool, is_done, &sink, BRD_FOREVER);
    } else {
        report_refusal(pool, result, status);
    }
    brd_os_mutex_unlock(&pool->lock);
    return status ? status : sink.status;
}

int brood_pool_run(brood_pool *pool, brood_function *function, brood_message *result,
                   const char *format, ...)
{
    brood_message args = BROOD_MESSAGE_INIT;
    va_list values;
    if (!brd_pool_is_ours(pool) || !function || !format)
        return BROOD_EINVAL;
    va_start(values, format);
    int status = brood_vpack(&args, format, values);
    va_end(values);
    if (status)
        report_refusal(pool, result, status);
    else
        status = brood_pool_apply(pool, function, &args, result);
    brood_message_clear(&args);
    return status;
}

// The task is ready to be handed in; on failure the caller gives it back.
static int fill(brood_pool *pool, brd_task *task, const brood_message *args, const brd_terms *terms,
                brood_future *future)
{
    int status = args ? brd_message_copy(&task->own, args) : BROOD_OK;
    task->args = &task->own;
    task->terms = *terms;
    if (!status)
        status = brd_queue_prepare(&pool->queue, terms->priority);
    if (!status && future && (future->callback || future->error_callback))
        status = brd_calls_prepare(pool);
    if (!status)
        status = brd_task_set_deadline(pool, task);
    return status;
}

static int hand_in_async(brood_pool *pool, brood_function *function, const brood_message *args,
                         const brd_terms *terms, brood_future *future)
{
    brd_task *task = NULL;
    int status = new_task(pool, function, &task);
    if (status)
        return status;
    status = fill(pool, task, args, terms, future);
    if (status) {
        brd_task_over(pool, task);
        return status;
    }
    if (future) {
        task->sink = &future->sink;
        future->task = task;
        future->number = task->order;
        atomic_fetch_add(&future->references, 1); // the task's
    }
    // Whoever hands in without waiting helps on the way, or the rings would stand full.
    if (brd_pool_collect(pool) && pool->followers)
        brd_os_cond_broadcast(&pool->news);
    hand_in(pool, task);
    return BROOD_OK;
}

int brood_pool_apply_async(brood_pool *pool, brood_function *function, const brood_message *args,
                           const brood_task_options *options, brood_future **out)
{
    brood_task_options o = BROOD_TASK_OPTIONS_INIT;
    brd_terms terms;
    if (!brd_pool_is_ours(pool) || !function)
        return BROOD_EINVAL;
    BRD_READ_OPTIONS(&o, options);
    int status = brd_terms_read(&terms, o.time_limit, o.deadline, o.priority, o.retries);
    if (status)
        return status;
    bool heard = out || o.callback || o.error_callback;
    brood_future *future = heard ? brd_future_make(pool) : NULL;
    if (heard && !future)
        return BROOD_ENOMEM;
    if (future) {
        future->callback = o.callback;
        future->error_callback = o.error_callback;
        future->baton = o.baton;
    }
    brd_os_mutex_lock(&pool->lock);
    status = hand_in_async(pool, function, args, &terms, future);
    brd_os_mutex_unlock(&pool->lock);
    if (!status && out)
        *out = future;
    else if (future)
        brd_future_release(future); // not handed in, or only its callbacks matter
    return status;
}

int brd_pool_vcall(brood_pool *pool, brood_function *function, brood_future **out,
                   const char *format, va_list values)
{
    brood_message args = BROOD_MESSAGE_INIT;
    int status = format ? brood_vpack(&args, format, values) : BROOD_EINVAL;
    if (!status)
        status = brood_pool_apply_async(pool, function, &args, NULL, out);
    brood_message_clear(&args);
    return status;
}

int brood_pool_call(brood_pool *pool, brood_function *function, brood_future **out,
                    const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int status = brd_pool_vcall(pool, function, out, format, values);
    va_end(values);
    return status;
}
