/**
 * Callbacks: the queue, the thread that calls, and the way into a user's own loop.
 *
 * A callback may do anything, also destroy its pool: so nothing of the pool but its
 * lock is touched after one, unless the pool is still there.
 */
#include "pool/calls.h"
#include "pool/state.h"

// Whose callbacks this thread is in: one may dispatch, or end, another pool's.
typedef struct inside {
    const brood_pool *pool;
    const struct inside *outer;
} inside;

static _Thread_local const inside *innermost;

bool brd_calls_inside(const brood_pool *pool)
{
    for (const inside *at = innermost; at; at = at->outer)
        if (at->pool == pool)
            return true;
    return false;
}

bool brd_calls_idle(const brood_pool *pool)
{
    uint32_t own = brd_calls_inside(pool) ? 1 : 0;
    return own || (!pool->calls.head && pool->calls.running == 0);
}

// The lock is held before and after, not during the call.
static void run_one(brood_pool *pool)
{
    brd_calls *c = &pool->calls;
    brd_call *call = c->head;
    c->head = call->next;
    if (!c->head)
        c->tail = NULL;
    c->count--;
    c->running++;
    if (call->due_at)
        *call->due_at = NULL;
    brd_os_mutex_unlock(&pool->lock);
    const inside here = {pool, innermost};
    innermost = &here;
    call->run(call);
    innermost = here.outer;
    brd_os_mutex_lock(&pool->lock);
    c->running--;
}

/* ----------------------------------------------------------------- thread */

static void run_calls(void *baton)
{
    brood_pool *pool = baton;
    brd_os_mutex_lock(&pool->lock);
    while (!pool->gone) {
        if (pool->calls.head) {
            run_one(pool);
            continue;
        }
        if (pool->calls.quit)
            break;
        brd_pool_stir(pool); // a join waits for callbacks too
        (void)brd_os_cond_wait(&pool->calls.wake, &pool->lock, BRD_FOREVER);
    }
    brd_os_mutex_unlock(&pool->lock);
    brd_pool_release(pool);
}

int brd_calls_prepare(brood_pool *pool)
{
    brd_calls *c = &pool->calls;
    if (c->own_loop || c->thread.running || c->quit)
        return BROOD_OK;
    atomic_fetch_add(&pool->references, 1); // the thread's
    int status = brd_os_thread_start(&c->thread, run_calls, pool);
    if (status)
        atomic_fetch_sub(&pool->references, 1);
    return status;
}

void brd_calls_push(brood_pool *pool, brd_call *call)
{
    brd_calls *c = &pool->calls;
    call->next = NULL;
    if (c->tail)
        c->tail->next = call;
    else
        c->head = call;
    c->tail = call;
    c->count++;
    if (c->own_loop)
        brd_os_waiter_ring(c->outbox);
    else
        brd_os_cond_signal(&c->wake);
}

void brd_calls_end(brood_pool *pool)
{
    brd_calls *c = &pool->calls;
    brd_os_mutex_lock(&pool->lock);
    c->quit = true;
    brd_os_cond_signal(&c->wake);
    // The thread does it if there is one, unless this is that thread.
    bool here = !c->thread.running || brd_calls_inside(pool);
    while (here && c->head)
        run_one(pool);
    brd_os_mutex_unlock(&pool->lock);
    if (brd_calls_inside(pool))
        brd_os_thread_detach(&c->thread);
    else
        brd_os_thread_join(&c->thread);
}

/* --------------------------------------------------------------- own loop */

intptr_t brood_pool_handle(brood_pool *pool)
{
    if (!brd_pool_is_ours(pool) || !pool->calls.outbox)
        return -1;
    return brd_os_waiter_bell(pool->calls.outbox).os;
}

uint32_t brood_pool_dispatch(brood_pool *pool, uint32_t most)
{
    if (!brd_pool_is_ours(pool) || !pool->calls.outbox)
        return 0;
    brd_event event;
    size_t events;
    uint32_t called = 0;
    atomic_fetch_add(&pool->references, 1); // a callback may destroy the pool
    brd_os_mutex_lock(&pool->lock);
    (void)brd_os_waiter_wait(pool->calls.outbox, 0, &event, 1, &events);
    uint32_t due = pool->calls.count;
    if (most && most < due)
        due = most;
    while (!pool->gone && pool->calls.head && called < due) {
        run_one(pool);
        called++;
    }
    if (!pool->gone && pool->calls.head)
        brd_os_waiter_ring(pool->calls.outbox);
    if (!pool->gone)
        brd_pool_stir(pool);
    brd_os_mutex_unlock(&pool->lock);
    brd_pool_release(pool);
    return called;
}
