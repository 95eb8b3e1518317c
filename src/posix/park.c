/*
 * Sleeping on a word of shared memory until it changes. Called by the shared objects.
 * The one thing to know: Linux has futexes for that and macOS the same under another name,
 * both of which find each other by the memory itself; where there is nothing, a sleeper
 * looks every millisecond.
 */
#include "room.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__) && defined(__has_include)
#if __has_include(<os/os_sync_wait_on_address.h>)
#include <os/os_sync_wait_on_address.h>
#define BRD_ADDRESS_WAIT 1
#endif
#endif

enum { LOOK_AGAIN = 1000 * 1000 };

static int look_again(const brd_park *p, uint32_t seen, brd_time until)
{
    brd_time now = brd_os_now();
    brd_time nap = until - now < LOOK_AGAIN ? until - now : LOOK_AGAIN;
    if (atomic_load(p->word) != seen)
        return 0;
    if (nap <= 0)
        return BROOD_ETIMEDOUT;
    nanosleep(&(struct timespec){.tv_nsec = (long)nap}, NULL);
    return 0;
}

#if defined(__linux__)

static bool has_none(void)
{
    return brd_knob("BROOD_OS_PARK", "poll");
}

static int sleep_on(_Atomic uint32_t *word, uint32_t seen, brd_time until)
{
    struct timespec end = brd_time_spec(until);
    // Not private: the sleepers are those of all processes that map the word.
    long woken = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen,
                         until == BRD_FOREVER ? NULL : &end, NULL, FUTEX_BITSET_MATCH_ANY);
    if (woken == 0 || errno == EAGAIN || errno == EINTR)
        return 0;
    return errno == ETIMEDOUT ? BROOD_ETIMEDOUT : brd_error(errno);
}

static bool wake_on(_Atomic uint32_t *word, uint32_t count)
{
    return syscall(SYS_futex, word, FUTEX_WAKE, count < INT_MAX ? (int)count : INT_MAX, NULL, NULL,
                   0) != 0;
}

#elif defined(BRD_ADDRESS_WAIT)

static bool has_none(void)
{
    if (__builtin_available(macOS 14.4, *))
        return brd_knob("BROOD_OS_PARK", "poll");
    return true;
}

static int sleep_on(_Atomic uint32_t *word, uint32_t seen, brd_time until)
{
    int slept = -1;
    int64_t left = brd_time_left(until);
    if (left == 0)
        return atomic_load(word) == seen ? BROOD_ETIMEDOUT : 0;
    if (__builtin_available(macOS 14.4, *))
        slept = until == BRD_FOREVER
                    ? os_sync_wait_on_address((void *)word, seen, sizeof *word,
                                              OS_SYNC_WAIT_ON_ADDRESS_SHARED)
                    : os_sync_wait_on_address_with_timeout(
                          (void *)word, seen, sizeof *word, OS_SYNC_WAIT_ON_ADDRESS_SHARED,
                          OS_CLOCK_MACH_ABSOLUTE_TIME, (uint64_t)left);
    return slept < 0 && errno == ETIMEDOUT ? BROOD_ETIMEDOUT : 0;
}

static bool wake_on(_Atomic uint32_t *word, uint32_t count)
{
    int woken = 0;
    if (__builtin_available(macOS 14.4, *)) {
        if (count == 1)
            woken = os_sync_wake_by_address_any((void *)word, sizeof *word,
                                                OS_SYNC_WAKE_BY_ADDRESS_SHARED);
        else
            woken = os_sync_wake_by_address_all((void *)word, sizeof *word,
                                                OS_SYNC_WAKE_BY_ADDRESS_SHARED);
    }
    return woken == 0 || errno != ENOENT;
}

#else

static bool has_none(void)
{
    return true;
}

static int sleep_on(_Atomic uint32_t *word, uint32_t seen, brd_time until)
{
    (void)word;
    (void)seen;
    (void)until;
    return BROOD_ENOTSUP;
}

static bool wake_on(_Atomic uint32_t *word, uint32_t count)
{
    (void)word;
    (void)count;
    return true;
}

#endif

int brd_os_park_open(brd_park *out, _Atomic uint32_t *word, const uint8_t key[BRD_PARK_KEY],
                     uint32_t number)
{
    (void)key;
    (void)number;
    *out = (brd_park){.word = word, .handle = BRD_NONE, .polls = has_none()};
    return 0;
}

int brd_os_park_wait(const brd_park *p, uint32_t seen, brd_time until)
{
    return p->polls ? look_again(p, seen, until) : sleep_on(p->word, seen, until);
}

bool brd_os_park_wake(const brd_park *p, uint32_t count)
{
    return p->polls || wake_on(p->word, count);
}

void brd_os_park_close(brd_park *p)
{
    p->word = NULL;
}
