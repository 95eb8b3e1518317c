/**
 * Locks that processes share: the robust lock in a segment of its own.
 *
 * How often a recursive lock was taken stands beside it and is only ever written by who
 * has the lock; who gets it from a dead owner starts anew.
 */
#include "sync/lock.h"
#include "base/clock.h"
#include "sync/robust.h"
#include <stdlib.h>
#include <string.h>

enum { RECURSIVE = 1 }; /* terms[0] */

typedef struct lock_words {
    brd_robust_words robust;
    _Atomic uint32_t depth; /* beyond the first time */
} lock_words;

struct brood_lock {
    brd_object object;
    brd_robust robust;
    _Atomic uint32_t *depth;
    bool recursive;
};

static int open_lock(brood_lock *l)
{
    lock_words *words = brd_object_body(&l->object);
    if (l->object.size < sizeof *words)
        return BROOD_EPROTOCOL;
    l->recursive = l->object.terms[0] & RECURSIVE;
    l->depth = &words->depth;
    return brd_robust_open(&l->robust, &words->robust, brd_object_head_of(&l->object)->key, 0);
}

static int finish(brood_lock **out, brood_lock *l, int status)
{
    if (!status) {
        status = open_lock(l);
        if (status)
            brd_object_close(&l->object);
    }
    if (status)
        free(l);
    else
        *out = l;
    return status;
}

int brood_lock_create(brood_lock **out, const brood_lock_options *options)
{
    brood_lock_options o = BROOD_LOCK_OPTIONS_INIT;
    if (!out)
        return BROOD_EINVAL;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    const uint64_t terms[4] = {o.recursive ? RECURSIVE : 0};
    brood_lock *l = calloc(1, sizeof *l);
    if (!l)
        return BROOD_ENOMEM;
    return finish(out, l,
                  brd_object_create(&l->object, BRD_OBJECT_LOCK, sizeof(lock_words), terms));
}

int brd_lock_attach(brood_lock **out, brd_handle segment, uint64_t size)
{
    brood_lock *l = calloc(1, sizeof *l);
    if (!l)
        return BROOD_ENOMEM;
    return finish(out, l, brd_object_attach(&l->object, BRD_OBJECT_LOCK, segment, size));
}

static bool is_ours(const brood_lock *l)
{
    return l && brd_object_is_ours(&l->object, BRD_OBJECT_LOCK);
}

const brd_object *brd_lock_object(const brood_lock *lock)
{
    return is_ours(lock) ? &lock->object : NULL;
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
    if (!is_ours(lock) || !brd_robust_is_mine(&lock->robust))
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
    if (!is_ours(lock))
        return;
    if (brd_robust_is_mine(&lock->robust)) {
        atomic_store(lock->depth, 0);
        (void)brd_robust_give(&lock->robust);
    }
    brd_robust_close(&lock->robust);
    brd_object_close(&lock->object);
    free(lock);
}
