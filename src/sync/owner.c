/**
 * Owners: 32 bits are the process's number, 12 its birth, so that another process that got
 * the same number later is not taken for it (but once in 4,096 times, and then its lock is
 * free when that one ends too), 20 count the threads.
 */
#include "sync/owner.h"
#include "base/generation.h"
#include "os.h"

enum { THREAD_BITS = 20, BIRTH_BITS = 12, PAUSE_MS = 50 };

static uint64_t birth_bits(uint64_t birth)
{
    // 0 is for births that nobody can tell.
    return birth ? 1 + birth % ((1u << BIRTH_BITS) - 1) : 0;
}

static uint64_t make_mine(void)
{
    static _Atomic uint32_t threads;
    uint64_t pid = (uint64_t)brd_os_pid(), birth = 0;
    if (brd_os_birth((int64_t)pid, &birth))
        birth = 0;
    uint64_t thread = atomic_fetch_add(&threads, 1) & ((1u << THREAD_BITS) - 1);
    return pid << 32 | birth_bits(birth) << THREAD_BITS | thread;
}

uint64_t brd_owner_me(void)
{
    static _Thread_local uint64_t mine;
    static _Thread_local unsigned generation;
    if (!mine || generation != brd_generation()) {
        mine = make_mine();
        generation = brd_generation();
    }
    return mine;
}

bool brd_owner_is_kin(uint64_t one, uint64_t other)
{
    return one >> THREAD_BITS == other >> THREAD_BITS;
}

bool brd_owner_lives(uint64_t owner)
{
    uint64_t birth = 0, said = owner >> THREAD_BITS & ((1u << BIRTH_BITS) - 1);
    int64_t pid = (int64_t)(owner >> 32);
    int status = brd_os_birth(pid, &birth);
    if (status == BROOD_ECLOSED || status == BROOD_EINVAL)
        return false;
    // A birth that either side could not tell proves nothing.
    return status || !said || !birth || said == birth_bits(birth);
}

bool brd_roll_is_dead(brd_roll *roll, uint64_t owner)
{
    if (brd_owner_is_kin(owner, roll->me) || brd_owner_is_kin(owner, roll->last) || !roll->left)
        return false;
    roll->left--;
    if (!brd_owner_lives(owner))
        return true;
    roll->last = owner;
    return false;
}

bool brd_roll_is_due(_Atomic uint64_t *last)
{
    // What nonsense may stand there is far away, before or behind.
    uint64_t before = atomic_load(last), now = (uint64_t)brd_os_now();
    return now - before >= PAUSE_MS * (uint64_t)BRD_MS &&
           atomic_compare_exchange_strong(last, &before, now);
}
