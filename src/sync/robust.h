/**
 * The lock that all shared objects stand on: a word that names its owner, so that a lock
 * whose owner died passes to the next who wants it, and says so.
 *
 * A free one is taken and given back without a system call. It is not fair: who comes
 * when it is free has it, woken or not. Nothing in the word is ever used as an address or
 * an index, so a process that scribbles over it can keep others waiting, and no more.
 */
#ifndef BRD_ROBUST_H
#define BRD_ROBUST_H

#include "base/step.h"
#include "sync/owner.h"
#include "sync/point.h"

/** The shared words. Zeroed is free. */
typedef struct brd_robust_words {
    _Atomic uint64_t owner; /* 0: nobody; see owner.h */
    brd_point_words point;
} brd_robust_words;

/** One process's side. */
typedef struct brd_robust {
    _Atomic uint64_t *owner;
    brd_point point;
} brd_robust;

int brd_robust_open(brd_robust *out, brd_robust_words *words, const uint8_t key[BRD_PARK_KEY],
                    uint32_t number);
void brd_robust_close(brd_robust *r);

/**
 * Takes it. Fails with: BROOD_EOWNERDEAD (it is taken; the last owner died with it, so what
 * it protects may be half done), BROOD_ETIMEDOUT, BROOD_EBUSY (this thread has it already).
 */
int brd_robust_take(brd_robust *r, brd_time until);

/** Takes it if nobody has it. */
static inline bool brd_robust_try(brd_robust *r)
{
    uint64_t nobody = atomic_load_explicit(r->owner, memory_order_relaxed);
    if (nobody != 0 ||
        !atomic_compare_exchange_strong_explicit(r->owner, &nobody, brd_owner_me(),
                                                 memory_order_acquire, memory_order_relaxed))
        return false;
    BRD_STEP("robust.took");
    return true;
}

/**
 * Gives it back, and is a fence behind all that was done with it.
 * Fails with: BROOD_EINVAL (this thread does not have it).
 */
int brd_robust_give(brd_robust *r);

/** The same for a thread that is sure to have it. */
static inline void brd_robust_give_own(brd_robust *r)
{
    BRD_STEP("robust.gives");
    atomic_store_explicit(r->owner, 0, memory_order_release);
    BRD_STEP("robust.gave");
    brd_point_wake(&r->point, 1);
}

/** Whether the calling thread has it. */
bool brd_robust_is_mine(const brd_robust *r);

#endif
