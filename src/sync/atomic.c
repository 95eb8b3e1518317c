/**
 * Integers that processes change at once: C's own atomics, as functions for whoever includes
 * the header, C++ programs too.
 */
#include <brood/shared.h>
#include <stdatomic.h>

_Static_assert(sizeof(_Atomic int64_t) == sizeof(int64_t), "an atomic integer is nothing more");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "and has no lock, which would be this process's own");

static _Atomic int64_t *shared(int64_t *at)
{
    return (_Atomic int64_t *)at;
}

int64_t brood_atomic_load(const int64_t *at)
{
    return atomic_load((const _Atomic int64_t *)at);
}

void brood_atomic_store(int64_t *at, int64_t value)
{
    atomic_store(shared(at), value);
}

int64_t brood_atomic_add(int64_t *at, int64_t value)
{
    return atomic_fetch_add(shared(at), value);
}

int64_t brood_atomic_exchange(int64_t *at, int64_t value)
{
    return atomic_exchange(shared(at), value);
}

int brood_atomic_compare_exchange(int64_t *at, int64_t *expected, int64_t value)
{
    return atomic_compare_exchange_strong(shared(at), expected, value);
}
