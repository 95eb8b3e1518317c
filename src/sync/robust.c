/**
 * Taking and giving the lock. See robust.h.
 */
#include "sync/robust.h"

int brd_robust_open(brd_robust *out, brd_robust_words *words, const uint8_t key[BRD_PARK_KEY],
                    uint32_t number)
{
    brd_point point;
    int status = brd_point_open(&point, &words->point, key, number);
    if (!status)
        *out = (brd_robust){&words->owner, point};
    return status;
}

void brd_robust_close(brd_robust *r)
{
    brd_point_close(&r->point);
    r->owner = NULL;
}

static bool swap(brd_robust *r, uint64_t from, uint64_t to)
{
    return atomic_compare_exchange_strong_explicit(r->owner, &from, to, memory_order_acquire,
                                                   memory_order_relaxed);
}

static bool spin(brd_robust *r, uint64_t me)
{
    for (int i = 0; i < BRD_POINT_SPINS; i++) {
        if (atomic_load_explicit(r->owner, memory_order_relaxed) == 0 && swap(r, 0, me))
            return true;
        brd_os_pause();
    }
    return false;
}

// An owner who was seen before and after a nap is worth a look. Of several who find it
// dead, one takes its place.
static int wait_for(brd_robust *r, uint64_t me, brd_time until)
{
    uint64_t before = 0;
    int status = BROOD_OK;
    for (;;) {
        uint32_t seen = brd_point_turn(&r->point);
        uint64_t owner = atomic_load(r->owner);
        if (owner == 0) {
            if (swap(r, 0, me))
                return BROOD_OK;
            continue;
        }
        if (owner == before && !brd_owner_lives(owner) && swap(r, owner, me))
            return BROOD_EOWNERDEAD;
        if (status)
            return status;
        before = owner;
        status = brd_point_sleep(&r->point, seen, until);
    }
}

int brd_robust_take(brd_robust *r, brd_time until)
{
    uint64_t me = brd_owner_me();
    int status = BROOD_OK;
    if (!swap(r, 0, me)) {
        if (brd_robust_is_mine(r))
            return BROOD_EBUSY;
        if (!spin(r, me)) {
            brd_point_enter(&r->point);
            BRD_STEP("robust.waits");
            status = wait_for(r, me, until);
            brd_point_leave(&r->point);
        }
    }
    BRD_STEP("robust.took");
    return status;
}

int brd_robust_give(brd_robust *r)
{
    if (!brd_robust_is_mine(r))
        return BROOD_EINVAL;
    brd_robust_give_own(r);
    return BROOD_OK;
}

bool brd_robust_is_mine(const brd_robust *r)
{
    return atomic_load_explicit(r->owner, memory_order_relaxed) == brd_owner_me();
}
