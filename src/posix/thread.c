/*
 * Threads, mutexes and conditions on pthreads. Called by whatever above owns a
 * thread. The one thing to know: conditions run on the clock of brd_os_now, so a
 * change of the wall clock moves no deadline, and our threads take no signals, so
 * the host's handlers run where the host expects them.
 */
#include "room.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(brd_mutex), "brd_mutex is too small");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(brd_cond), "brd_cond is too small");
_Static_assert(_Alignof(pthread_mutex_t) <= _Alignof(brd_mutex), "brd_mutex is not aligned");
_Static_assert(_Alignof(pthread_cond_t) <= _Alignof(brd_cond), "brd_cond is not aligned");
_Static_assert(sizeof(pthread_t) <= sizeof(intptr_t), "brd_thread is too small");

enum { ENDING_MS = 50 };

typedef struct start {
    void (*run)(void *);
    void *baton;
    _Atomic bool taken;
} start;

// What threads are born with. Not on the heap while there is room: a thread that frees a
// block gets an arena of its own, which costs half as much as the thread.
static start starts[16];

static _Atomic int alive; // threads that were started here and have not returned

static pthread_mutex_t *mutex_of(brd_mutex *m)
{
    return (pthread_mutex_t *)(void *)m;
}

static pthread_cond_t *cond_of(brd_cond *c)
{
    return (pthread_cond_t *)(void *)c;
}

/** One of those, or NULL: all are taken. */
static start *start_take(void)
{
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (!atomic_exchange(&starts[i].taken, true))
            return &starts[i];
    return NULL;
}

static void run_here(void (*run)(void *), void *baton)
{
    run(baton);
    atomic_fetch_sub(&alive, 1);
}

static void *run_taken(void *baton)
{
    start *first = baton;
    void (*run)(void *) = first->run;
    void *argument = first->baton;
    atomic_store(&first->taken, false);
    run_here(run, argument);
    return NULL;
}

static void *run_allocated(void *baton)
{
    start *first = baton;
    void (*run)(void *) = first->run;
    void *argument = first->baton;
    free(first);
    run_here(run, argument);
    return NULL;
}

/** All that others send; a thread's own faults must still reach the host's handler. */
static void signals_to_block(sigset_t *out)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigfillset(out);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(out, faults[i]);
}

/** stack: bytes, or 0: as much as the system gives. */
static int create_thread(pthread_t *out, size_t stack, void *(*run)(void *), start *first)
{
    pthread_attr_t attributes;
    if (!stack)
        return pthread_create(out, NULL, run, first);
    int status = pthread_attr_init(&attributes);
    if (status)
        return status;
    status = pthread_attr_setstacksize(&attributes, stack);
    if (!status)
        status = pthread_create(out, &attributes, run, first);
    pthread_attr_destroy(&attributes);
    return status;
}

int brd_os_thread_start(brd_thread *out, void (*run)(void *), void *baton)
{
    return brd_os_thread_start_small(out, 0, run, baton);
}

int brd_os_thread_start_small(brd_thread *out, size_t stack, void (*run)(void *), void *baton)
{
    sigset_t blocked;
    sigset_t before;
    pthread_t made;
    int status = 0;
    start *taken = start_take();
    start *first = taken ? taken : calloc(1, sizeof *first);
    if (!first)
        return BROOD_ENOMEM;
    first->run = run;
    first->baton = baton;
    // A thread is born with its maker's mask: no other way is portable.
    signals_to_block(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    atomic_fetch_add(&alive, 1);
    status = create_thread(&made, stack, taken ? run_taken : run_allocated, first);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status) {
        atomic_fetch_sub(&alive, 1);
        if (taken)
            atomic_store(&taken->taken, false);
        else
            free(first);
        return brd_error(status);
    }
    *out = (brd_thread){(intptr_t)made, true};
    return 0;
}

void brd_os_thread_join(brd_thread *t)
{
    if (t->running)
        pthread_join((pthread_t)t->os, NULL);
    *t = (brd_thread){0, false};
}

void brd_os_thread_detach(brd_thread *t)
{
    if (t->running)
        pthread_detach((pthread_t)t->os);
    *t = (brd_thread){0, false};
}

int brd_os_mutex_init(brd_mutex *m)
{
    int status = pthread_mutex_init(mutex_of(m), NULL);
    return status ? brd_error(status) : 0;
}

void brd_os_mutex_lock(brd_mutex *m)
{
    pthread_mutex_lock(mutex_of(m));
}

void brd_os_mutex_unlock(brd_mutex *m)
{
    pthread_mutex_unlock(mutex_of(m));
}

void brd_os_mutex_clear(brd_mutex *m)
{
    pthread_mutex_destroy(mutex_of(m));
}

int brd_os_cond_init(brd_cond *c)
{
    pthread_condattr_t how;
    int status = pthread_condattr_init(&how);
    if (status)
        return brd_error(status);
#if !defined(__APPLE__)
    status = pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
#endif
    if (status == 0)
        status = pthread_cond_init(cond_of(c), &how);
    pthread_condattr_destroy(&how);
    return status ? brd_error(status) : 0;
}

int brd_os_cond_wait(brd_cond *c, brd_mutex *m, brd_time until)
{
    struct timespec end;
    int status = 0;
    if (until == BRD_FOREVER) {
        status = pthread_cond_wait(cond_of(c), mutex_of(m));
    } else {
#if defined(__APPLE__)
        end = brd_time_spec(brd_time_left(until));
        status = pthread_cond_timedwait_relative_np(cond_of(c), mutex_of(m), &end);
#else
        end = brd_time_spec(until);
        status = pthread_cond_timedwait(cond_of(c), mutex_of(m), &end);
#endif
    }
    if (status == ETIMEDOUT)
        return BROOD_ETIMEDOUT;
    return status ? brd_error(status) : 0;
}

void brd_os_cond_signal(brd_cond *c)
{
    pthread_cond_signal(cond_of(c));
}

void brd_os_cond_broadcast(brd_cond *c)
{
    pthread_cond_broadcast(cond_of(c));
}

void brd_os_cond_clear(brd_cond *c)
{
    pthread_cond_destroy(cond_of(c));
}

int brd_os_thread_ours(void)
{
    return atomic_load(&alive);
}

void brd_threads_forget(void)
{
    atomic_store(&alive, 0);
}

#if defined(__linux__)

/** All threads of this process; 0 where the system does not tell. */
static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry = NULL;
    int count = 0;
    if (!tasks)
        return 0;
    while ((entry = readdir(tasks)))
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

int brd_os_thread_foreign(void)
{
    brd_time until = brd_os_now() + ENDING_MS * BRD_MS;
    int foreign = count_threads() - atomic_load(&alive);
    // One of ours that has returned is still there for a moment.
    while (foreign > 1 && brd_os_now() < until) {
        sched_yield();
        foreign = count_threads() - atomic_load(&alive);
    }
    return foreign > 1 ? foreign : 1;
}

#else

int brd_os_thread_foreign(void)
{
    return 1;
}

#endif

void brd_os_once(_Atomic int *state, void (*init)(void))
{
    enum { FRESH, BUSY, DONE };
    int seen = FRESH;
    if (atomic_load(state) == DONE)
        return;
    if (atomic_compare_exchange_strong(state, &seen, BUSY)) {
        init();
        atomic_store(state, DONE);
    }
    while (atomic_load(state) != DONE)
        sched_yield();
}

void brd_os_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield");
#endif
}

void brd_os_prefetch(const void *bytes, size_t size)
{
    enum { LINE = 64 };
    for (size_t i = 0; i < size; i += LINE)
        __builtin_prefetch((const char *)bytes + i);
}

void brd_os_yield(void)
{
    sched_yield();
}
