/**
 * Waiting for several futures: brood_wait and brood_as_completed. A group is told
 * by each future that ends, so that nobody looks at all of them again and again.
 *
 * The futures may be of several pools. Of one, whoever waits works for it, as
 * always; of several, their service threads do the work.
 */
#include "pool/future.h"
#include <stdlib.h>

struct brood_completions {
    uint64_t number;
    brd_mutex lock; /* inside of the pools' locks */
    brd_cond news;
    brood_pool *pool; /* of all of them; NULL: they are of several */
    size_t left;      /* not given out */
    size_t *ended;    /* indexes, in the order of ending */
    size_t nended, given;
    size_t failed;
    size_t enough;     /* brood_wait: so many ends are enough ... */
    bool failure_does; /* ... and so is a failure */
    size_t nwatches;
    brd_watch watches[];
};

static void note_end(brood_completions *c, const brood_future *f, size_t index)
{
    brd_os_mutex_lock(&c->lock);
    c->ended[c->nended++] = index;
    c->failed += f->sink.status && f->sink.status != BROOD_ECANCELLED;
    brd_os_cond_signal(&c->news);
    brd_os_mutex_unlock(&c->lock);
}

void brd_watches_fire(brood_future *f)
{
    while (f->watches) {
        brd_watch *watch = f->watches;
        f->watches = watch->next;
        watch->future = NULL;
        note_end(watch->group, f, watch->index);
    }
}

/* ------------------------------------------------------------------ making */

static brood_completions *make(size_t count)
{
    if (count > (SIZE_MAX / 2) / sizeof(brd_watch))
        return NULL;
    brood_completions *c = calloc(1, sizeof *c + count * sizeof(brd_watch));
    if (!c)
        return NULL;
    c->ended = malloc((count ? count : 1) * sizeof *c->ended);
    if (!c->ended || brd_os_mutex_init(&c->lock) || brd_os_cond_init(&c->news)) {
        free(c->ended);
        free(c);
        return NULL;
    }
    return c;
}

// One group at a time is made: the mark of a future is that of the last one.
static brd_mutex making;

static void begin_making(void)
{
    (void)brd_os_mutex_init(&making);
}

static void add(brood_completions *c, brood_future *f, size_t index)
{
    brd_os_mutex_lock(&f->pool->lock);
    if (f->mark != c->number) {
        f->mark = c->number;
        c->left++;
        if (brd_future_is_done(f)) {
            note_end(c, f, index);
        } else {
            brd_watch *watch = &c->watches[c->nwatches++];
            *watch = (brd_watch){
                .next = f->watches, .future = f, .pool = f->pool, .group = c, .index = index};
            f->watches = watch;
            atomic_fetch_add(&f->pool->references, 1);
        }
    }
    brd_os_mutex_unlock(&f->pool->lock);
}

int brood_as_completed(brood_future *const *futures, size_t count, brood_completions **out)
{
    if (!out || (count && !futures))
        return BROOD_EINVAL;
    static _Atomic int made;
    static uint64_t numbers;
    brood_completions *c = make(count);
    if (!c)
        return BROOD_ENOMEM;
    brd_os_once(&made, begin_making);
    brd_os_mutex_lock(&making);
    c->number = ++numbers;
    for (size_t i = 0; i < count; i++)
        if (futures[i])
            add(c, futures[i], i);
    brd_os_mutex_unlock(&making);
    c->pool = c->nwatches ? c->watches[0].pool : NULL;
    for (size_t i = 1; i < c->nwatches; i++)
        if (c->watches[i].pool != c->pool)
            c->pool = NULL;
    c->enough = 1;
    *out = c;
    return BROOD_OK;
}

void brood_completions_destroy(brood_completions *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->nwatches; i++) {
        brd_watch *watch = &c->watches[i];
        brd_os_mutex_lock(&watch->pool->lock);
        if (watch->future) {
            brd_watch **at = &watch->future->watches;
            while (*at != watch)
                at = &(*at)->next;
            *at = watch->next;
        }
        brd_os_mutex_unlock(&watch->pool->lock);
        brd_pool_release(watch->pool);
    }
    brd_os_cond_clear(&c->news);
    brd_os_mutex_clear(&c->lock);
    free(c->ended);
    free(c);
}

/* ----------------------------------------------------------------- waiting */

static bool has_enough(const brood_completions *c)
{
    return c->nended - c->given >= c->enough || (c->failure_does && c->failed);
}

static bool is_enough(void *baton)
{
    brood_completions *c = baton;
    brd_os_mutex_lock(&c->lock);
    bool enough = has_enough(c);
    brd_os_mutex_unlock(&c->lock);
    return enough;
}

static int wait_for_news(brood_completions *c, brd_time until)
{
    int status = BROOD_OK;
    brd_os_mutex_lock(&c->lock);
    while (!status && !has_enough(c))
        status = brd_os_cond_wait(&c->news, &c->lock, until);
    if (has_enough(c))
        status = BROOD_OK;
    brd_os_mutex_unlock(&c->lock);
    return status;
}

static int wait_for_enough(brood_completions *c, int64_t timeout)
{
    brd_time until = brd_until(timeout);
    if (is_enough(c))
        return BROOD_OK;
    if (!c->pool)
        return wait_for_news(c, until);
    brd_os_mutex_lock(&c->pool->lock);
    int status = brd_pool_wait(c->pool, is_enough, c, until);
    brd_os_mutex_unlock(&c->pool->lock);
    return status;
}

int brood_completions_next(brood_completions *c, int64_t timeout, size_t *index)
{
    if (!c || !index)
        return BROOD_EINVAL;
    if (!c->left)
        return BROOD_EEND;
    int status = wait_for_enough(c, timeout);
    if (status)
        return status;
    brd_os_mutex_lock(&c->lock);
    *index = c->ended[c->given++];
    c->left--;
    brd_os_mutex_unlock(&c->lock);
    return BROOD_OK;
}

size_t brood_completions_left(const brood_completions *c)
{
    return c ? c->left : 0;
}

int brood_wait(brood_future *const *futures, size_t count, brood_return_when when, int64_t timeout)
{
    brood_completions *c;
    int status = brood_as_completed(futures, count, &c);
    if (status)
        return status;
    c->enough = when == BROOD_FIRST_COMPLETED && c->left ? 1 : c->left;
    c->failure_does = when == BROOD_FIRST_EXCEPTION;
    status = wait_for_enough(c, timeout);
    brood_completions_destroy(c);
    return status;
}
