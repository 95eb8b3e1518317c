/**
 * Locks that processes share: the robust lock in a segment of its own, or in another's.
 *
 * How often a recursive lock was taken stands beside it and is only ever written by who
 * has the lock; who gets it from a dead owner starts anew.
 */
#include "sync/lock.h"
#include "base/clock.h"
#include <string.h>

enum { RECURSIVE = 1 }; /* terms[0] */

static int open_words(brood_lock *l, brd_lock_words *words)
{
    l->depth = &words->depth;
    return brd_robust_open(&l->robust, &words->robust, brd_object_head_of(&l->object)->key, 0);
}

static int open_lock(void *object)
{
    brood_lock *l = object;
    if (l->object.size < sizeof(brd_lock_words))
        return BROOD_EPROTOCOL;
    l->recursive = l->object.terms[0] & RECURSIVE;
    return open_words(l, brd_object_body(&l->object));
}

static void give_back(brood_lock *l)
{
    uint32_t depth;
    if (brd_robust_is_mine(&l->robust))
        brd_lock_leave(l, &depth);
}

static void close_lock(void *object)
{
    brood_lock *l = object;
    give_back(l);
    brd_robust_close(&l->robust);
}

const brd_object_class brd_lock_class = {BRD_OBJECT_LOCK, sizeof(brood_lock), open_lock, close_lock,
                                         .bulk = false};

int brood_lock_create(brood_lock **out, const brood_lock_options *options)
{
    brood_lock_options o = BROOD_LOCK_OPTIONS_INIT;
    void *made = NULL;
    if (!out)
        return BROOD_EINVAL;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    const uint64_t terms[4] = {o.recursive ? RECURSIVE : 0};
    int status = brd_object_new(&made, &brd_lock_class, sizeof(brd_lock_words), terms);
    if (!status)
        *out = made;
    return status;
}

static bool is_ours(const brood_lock *l)
{
    return l && brd_object_is_ours(&l->object, BRD_OBJECT_LOCK);
}

int brood_lock_acquire(brood_lock *lock, int64_t timeout)
{
    if (!is_ours(lock))
        return BROOD_EINVAL;
    int status = brd_robust_take(&lock->robust, brd_until(timeout));
    if (status == BROOD_EBUSY && lock->recursive) {
        atomic_fetch_add(lock->depth, 1);
        return BROOD_OK;
    }
    if (status == BROOD_EOWNERDEAD)
        atomic_store(lock->depth, 0);
    return status;
}

int brood_lock_release(brood_lock *lock)
{
    if (!brd_lock_is_held(lock))
        return BROOD_EINVAL;
    if (lock->recursive && atomic_load(lock->depth)) {
        atomic_fetch_sub(lock->depth, 1);
        return BROOD_OK;
    }
    return brd_robust_give(&lock->robust);
}

int brood_lock_is_locked(const brood_lock *lock)
{
    return is_ours(lock) && atomic_load(lock->robust.owner) != 0;
}

void brood_lock_destroy(brood_lock *lock)
{
    brd_object_free(&brd_lock_class, lock);
}

/* ---------------------------------------------------- for the rest of sync */

int brd_lock_part_open(brood_lock *out, const brd_object *whole, brd_lock_words *words)
{
    brood_lock l = {.object = *whole, .recursive = true};
    l.object.kind = BRD_OBJECT_LOCK;
    l.object.part = true;
    int status = open_words(&l, words);
    if (!status)
        *out = l;
    return status;
}

void brd_lock_part_close(brood_lock *lock)
{
    close_lock(lock);
    lock->object.shm.base = NULL; // the mapping is the whole's
}

bool brd_lock_is_held(const brood_lock *lock)
{
    return is_ours(lock) && brd_robust_is_mine(&lock->robust);
}

void brd_lock_leave(brood_lock *lock, uint32_t *depth)
{
    *depth = atomic_exchange(lock->depth, 0);
    (void)brd_robust_give(&lock->robust);
}

int brd_lock_return(brood_lock *lock, uint32_t depth)
{
    int status = brd_robust_take(&lock->robust, BRD_FOREVER);
    if (!status || status == BROOD_EOWNERDEAD)
        atomic_store(lock->depth, depth);
    return status;
}
