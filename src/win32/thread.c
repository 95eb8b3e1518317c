/* Threads, locks and conditions inside one process. Called by every floor. The
 * system's own slim locks and condition variables are one pointer wide and need
 * no cleaning up, which is why init cannot fail and clear does nothing.
 */
#include "room.h"

#include <limits.h>
#include <process.h>
#include <stdlib.h>

_Static_assert(sizeof(SRWLOCK) <= sizeof(brd_mutex), "a lock fits");
_Static_assert(sizeof(CONDITION_VARIABLE) <= sizeof(brd_cond), "a condition fits");

static SRWLOCK *lock_of(brd_mutex *m)
{
    return (SRWLOCK *)(void *)m;
}

static CONDITION_VARIABLE *condition_of(brd_cond *c)
{
    return (CONDITION_VARIABLE *)(void *)c;
}

/* ------------------------------------------------------------------ threads */

typedef struct errand {
    void (*run)(void *);
    void *baton;
} errand;

static unsigned __stdcall thread_main(void *arg)
{
    errand e = *(errand *)arg;
    free(arg);
    e.run(e.baton);
    return 0;
}

int brd_os_thread_start(brd_thread *out, void (*run)(void *), void *baton)
{
    return brd_os_thread_start_small(out, 0, run, baton); // as the program's head says
}

int brd_os_thread_start_small(brd_thread *out, size_t stack, void (*run)(void *), void *baton)
{
    if (stack > UINT_MAX)
        return BROOD_EINVAL;
    errand *e = malloc(sizeof *e);
    if (!e)
        return BROOD_ENOMEM;
    *e = (errand){run, baton};
    // Not CreateThread: the C runtime has data of its own for each thread.
    uintptr_t thread = _beginthreadex(NULL, (unsigned)stack, thread_main, e,
                                      stack ? STACK_SIZE_PARAM_IS_A_RESERVATION : 0, NULL);
    if (!thread) {
        free(e);
        return brd_win32_error(_doserrno ? _doserrno : ERROR_NOT_ENOUGH_MEMORY);
    }
    *out = (brd_thread){(intptr_t)thread, true};
    return 0;
}

void brd_os_thread_join(brd_thread *t)
{
    if (!t->running)
        return;
    WaitForSingleObject((HANDLE)t->os, INFINITE);
    CloseHandle((HANDLE)t->os);
    *t = (brd_thread){0};
}

void brd_os_thread_detach(brd_thread *t)
{
    if (t->running)
        CloseHandle((HANDLE)t->os);
    *t = (brd_thread){0};
}

/* -------------------------------------------------------------------- locks */

int brd_os_mutex_init(brd_mutex *m)
{
    InitializeSRWLock(lock_of(m));
    return 0;
}

void brd_os_mutex_lock(brd_mutex *m)
{
    AcquireSRWLockExclusive(lock_of(m));
}

void brd_os_mutex_unlock(brd_mutex *m)
{
    ReleaseSRWLockExclusive(lock_of(m));
}

void brd_os_mutex_clear(brd_mutex *m)
{
    (void)m;
}

int brd_os_cond_init(brd_cond *c)
{
    InitializeConditionVariable(condition_of(c));
    return 0;
}

int brd_os_cond_wait(brd_cond *c, brd_mutex *m, brd_time until)
{
    if (SleepConditionVariableSRW(condition_of(c), lock_of(m), brd_win32_ms(until), 0))
        return 0;
    // The system's timer may be early by a tick; that counts as no reason.
    return until == 0 || brd_os_now() >= until ? BROOD_ETIMEDOUT : 0;
}

void brd_os_cond_signal(brd_cond *c)
{
    WakeConditionVariable(condition_of(c));
}

void brd_os_cond_broadcast(brd_cond *c)
{
    WakeAllConditionVariable(condition_of(c));
}

void brd_os_cond_clear(brd_cond *c)
{
    (void)c;
}

/* --------------------------------------------------------------------- rest */

enum { ONCE_NEW, ONCE_RUNNING, ONCE_DONE };

void brd_os_once(_Atomic int *state, void (*init)(void))
{
    int seen = ONCE_NEW;
    if (atomic_load(state) == ONCE_DONE)
        return;
    if (atomic_compare_exchange_strong(state, &seen, ONCE_RUNNING)) {
        init();
        atomic_store(state, ONCE_DONE);
        return;
    }
    // Sleep, not only yield: the one that runs init may have a lower priority.
    while (atomic_load(state) != ONCE_DONE)
        Sleep(1);
}

void brd_os_pause(void)
{
    YieldProcessor();
}

void brd_os_prefetch(const void *bytes, size_t size)
{
    enum { LINE = 64 };
    for (size_t i = 0; i < size; i += LINE)
        PreFetchCacheLine(PF_TEMPORAL_LEVEL_1, (const char *)bytes + i);
}

void brd_os_yield(void)
{
    SwitchToThread();
}

int brd_os_thread_foreign(void)
{
    return 1; // asked only before a fork
}

int brd_os_thread_ours(void)
{
    return 0; // the same
}
