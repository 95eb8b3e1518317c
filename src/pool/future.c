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
    f->sink.result = &f->result;
    atomic_fetch_add(&pool->references, 1);
    return f;
}

static bool is_done(void *baton)
{
    return ((const brd_sink *)baton)->done;
}

int brood_future_wait(brood_future *f, int64_t timeout)
{
    if (!f)
        return BROOD_EINVAL;
    brd_time until = brd_until(timeout);
    brd_os_mutex_lock(&f->pool->lock);
    int status = f->sink.done ? BROOD_OK : brd_pool_wait(f->pool, is_done, &f->sink, until);
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

const brood_error *brood_future_error(brood_future *f)
{
    return brood_future_wait(f, 0) == BROOD_OK ? brood_message_error(&f->result) : NULL;
}

void brood_future_destroy(brood_future *f)
{
    if (!f)
        return;
    brood_pool *pool = f->pool;
    brd_os_mutex_lock(&pool->lock);
    brd_sink_abandon(pool, &f->sink);
    brd_os_mutex_unlock(&pool->lock);
    brood_message_clear(&f->result);
    free(f);
    brd_pool_release(pool);
}
