/**
 * The inside of a lock: for messages, for objects that have one in their own segment, and
 * for who gives it back for a while.
 */
#ifndef BRD_LOCK_H
#define BRD_LOCK_H

#include "sync/kinds.h"
#include "sync/robust.h"

/** The shared words. Zeroed is free. */
typedef struct brd_lock_words {
    brd_robust_words robust;
    _Atomic uint32_t depth; /* of a recursive one, beyond the first time */
} brd_lock_words;

struct brood_lock {
    brd_object object;
    brd_robust robust;
    _Atomic uint32_t *depth;
    bool recursive;
};

/** A recursive lock by words in the segment of that object. New: brd_lock_part_close. */
int brd_lock_part_open(brood_lock *out, const brd_object *whole, brd_lock_words *words);
void brd_lock_part_close(brood_lock *lock);

/** Whether this process has the lock, and the calling thread holds it. */
bool brd_lock_is_held(const brood_lock *lock);

/** Gives it back however often it was taken. The calling thread holds it. */
void brd_lock_leave(brood_lock *lock, uint32_t *depth);

/** Takes it as often again. Fails with: BROOD_EOWNERDEAD (taken as often all the same). */
int brd_lock_return(brood_lock *lock, uint32_t depth);

#endif
