/**
 * What processes share to keep out of each other's way: locks, semaphores, events,
 * conditions, barriers.
 *
 *     brood_lock *lock;
 *     status = brood_lock_create(&lock, NULL);
 *     status = brood_process_call(&process, count, "L", lock);   // it has the same lock
 *     ...
 *     status = brood_lock_acquire(lock, BROOD_FOREVER);
 *     if (status == BROOD_EOWNERDEAD) mend_what_is_half_done();  // it is yours all the same
 *     ...
 *     brood_lock_release(lock);
 *
 * Each of them lives in memory that its holders share, without a name and without a
 * process that serves it, and can be put into a message (its letter of brood_pack): the
 * argument of any task or process, of any start method, an item of a queue, through a pipe.
 * Who unpacks it has the same object, and destroys its own end of it.
 *
 * An object belongs to the process that made or unpacked it: a process that is forked gets
 * its own in a message, as all do. Any thread may call any function here, several at the
 * same time; only destroy must be the last.
 *
 * A process can be killed at any place inside these calls: nobody else hangs for it. What it
 * owed to others they have at most a tenth of a second later. A thread that ends alone with
 * something in hand keeps it as long as its process lives.
 *
 * Python: multiprocessing.Lock, RLock, Semaphore, BoundedSemaphore, Event, Condition, Barrier.
 */
#ifndef BROOD_SYNC_H
#define BROOD_SYNC_H

#include <brood/export.h>
#include <brood/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------------------- locks */

/** "L" of brood_pack. */
typedef struct brood_lock brood_lock;

/** Zero in a field means the default. */
typedef struct brood_lock_options {
    size_t struct_size;
    int recursive; /**< 1: the thread that has it can take it again, and gives it back as often;
                        Python: RLock */
} brood_lock_options;

/** BROOD_LOCK(.recursive = 1): the fields named, the others default. */
#define BROOD_LOCK(...)                                                                            \
    (&(brood_lock_options){.struct_size = sizeof(brood_lock_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_LOCK_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(brood_lock_options), 0                                                              \
    }

/**
 * Makes a lock that nobody has. options may be NULL. *out is new: brood_lock_destroy().
 * Fails with: BROOD_ENOMEM, the system's error. Python: Lock(), RLock().
 */
BROOD_API int brood_lock_create(brood_lock **out, const brood_lock_options *options);

/**
 * Takes the lock for this thread, waiting up to `timeout` milliseconds. One that is free
 * costs no system call. Who waits for a lock whose owner's process dies gets it within a
 * tenth of a second.
 * Fails with: BROOD_EOWNERDEAD (it is taken, and is to be released like any other: its last
 * owner died with it in hand), BROOD_ETIMEDOUT, BROOD_EBUSY (this thread has it already, and
 * it is not recursive). Python: acquire.
 */
BROOD_API int brood_lock_acquire(brood_lock *lock, int64_t timeout);

/** Gives it back. Fails with: BROOD_EINVAL (this thread does not have it). Python: release. */
BROOD_API int brood_lock_release(brood_lock *lock);

/** Whether anybody has it just now. Python: locked. */
BROOD_API int brood_lock_is_locked(const brood_lock *lock);

/** Frees this process's end; if this thread has the lock, gives it back first. Accepts NULL. */
BROOD_API void brood_lock_destroy(brood_lock *lock);

/* --------------------------------------------------------------- semaphores */

/** "S" of brood_pack. */
typedef struct brood_semaphore brood_semaphore;

/** Zero in a field means the default. */
typedef struct brood_semaphore_options {
    size_t struct_size;
    int bounded; /**< 1: never more than at first, and each unit knows who has it;
                      Python: BoundedSemaphore */
} brood_semaphore_options;

/** BROOD_SEMAPHORE(.bounded = 1): the fields named, the others default. */
#define BROOD_SEMAPHORE(...)                                                                       \
    (&(brood_semaphore_options){.struct_size = sizeof(brood_semaphore_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_SEMAPHORE_OPTIONS_INIT                                                               \
    {                                                                                              \
        sizeof(brood_semaphore_options), 0                                                         \
    }

/**
 * Makes a semaphore of `value` units: up to 2^31 - 1, a bounded one up to 65,536. options may
 * be NULL. *out is new: brood_semaphore_destroy().
 * Fails with: BROOD_EINVAL (too many), BROOD_ENOMEM, the system's error.
 * Python: Semaphore(value), BoundedSemaphore(value).
 */
BROOD_API int brood_semaphore_create(brood_semaphore **out, uint32_t value,
                                     const brood_semaphore_options *options);

/**
 * Takes a unit, waiting up to `timeout` milliseconds for one. One that is there costs no
 * system call. The units of a plain semaphore are signals, and nobody's. Those of a bounded
 * one have owners: what a process had when it died goes to those who wait.
 * Fails with: BROOD_EOWNERDEAD (bounded: you have a unit, and its last owner died with it),
 * BROOD_ETIMEDOUT. Python: acquire.
 */
BROOD_API int brood_semaphore_acquire(brood_semaphore *semaphore, int64_t timeout);

/**
 * Gives a unit back, or adds one to a plain semaphore; any process may. A bounded one takes the
 * unit that this thread took, else one that this process took, else anybody's, whose death
 * then concerns it no more.
 * Fails with: BROOD_EINVAL (bounded: all are there; plain: 2^31 - 1 are). Python: release.
 */
BROOD_API int brood_semaphore_release(brood_semaphore *semaphore);

/** How many units are there just now, on every system. Python: get_value. */
BROOD_API uint32_t brood_semaphore_value(const brood_semaphore *semaphore);

/** Frees this process's end; what it took stays taken. Accepts NULL. */
BROOD_API void brood_semaphore_destroy(brood_semaphore *semaphore);

/* ------------------------------------------------------------------- events */

/** "E" of brood_pack. */
typedef struct brood_event brood_event;

/**
 * Makes an event that is not set. *out is new: brood_event_destroy().
 * Fails with: BROOD_ENOMEM, the system's error. Python: Event().
 */
BROOD_API int brood_event_create(brood_event **out);

/**
 * Sets it: all who wait go on, also if it is cleared right behind that.
 * Fails with: BROOD_EINVAL. Python: set.
 */
BROOD_API int brood_event_set(brood_event *event);

/** Who waits from now on waits for the next set. Fails with: BROOD_EINVAL. Python: clear. */
BROOD_API int brood_event_clear(brood_event *event);

/** Whether it is set just now. Python: is_set. */
BROOD_API int brood_event_is_set(const brood_event *event);

/**
 * Waits up to `timeout` milliseconds for it to be set; one that is costs no system call.
 * Fails with: BROOD_ETIMEDOUT. Python: wait.
 */
BROOD_API int brood_event_wait(brood_event *event, int64_t timeout);

/** Frees this process's end. Accepts NULL. */
BROOD_API void brood_event_destroy(brood_event *event);

/* --------------------------------------------------------------- conditions */

/**
 * "C" of brood_pack. Goes with a lock, as in POSIX: whoever waits names the lock that guards
 * what is waited for. To wait until it is so:
 *
 *     status = brood_lock_acquire(lock, BROOD_FOREVER);
 *     while (!status && !it_is_so())
 *         status = brood_condition_wait(condition, lock, timeout);
 *
 * Python: Condition; the loop is its wait_for.
 */
typedef struct brood_condition brood_condition;

/**
 * Makes a condition that nobody waits for. *out is new: brood_condition_destroy().
 * Fails with: BROOD_ENOMEM, the system's error. Python: Condition().
 */
BROOD_API int brood_condition_create(brood_condition **out);

/**
 * Gives the lock back, waits up to `timeout` milliseconds to be notified, and takes the lock
 * again, however long that takes. A recursive lock that this thread took several times is
 * given back wholly, and taken as often again. The lock is this thread's after every return
 * but BROOD_EINVAL and BROOD_EAGAIN, when nothing happened to it.
 *
 * A notification goes to one who waits, once: if its process is killed before it acts on it,
 * the notification goes with it.
 * Fails with: BROOD_ETIMEDOUT (not notified), BROOD_EOWNERDEAD (as of
 * brood_lock_acquire; notified or not), BROOD_EINVAL (this thread does not have the lock),
 * BROOD_EAGAIN (1,024 wait already). Python: wait.
 */
BROOD_API int brood_condition_wait(brood_condition *condition, brood_lock *lock, int64_t timeout);

/**
 * Wakes up to `count` of those who wait already, the ones first that wait longest; who has
 * died is passed over. The lock should be held, or a waiter that is just about to wait misses
 * it. With nobody there it is forgotten.
 * Fails with: BROOD_EINVAL. Python: notify.
 */
BROOD_API int brood_condition_notify(brood_condition *condition, uint32_t count);

/** The same for all who wait. Python: notify_all. */
BROOD_API int brood_condition_notify_all(brood_condition *condition);

/** Frees this process's end; nobody in it may still wait. Accepts NULL. */
BROOD_API void brood_condition_destroy(brood_condition *condition);

/* ----------------------------------------------------------------- barriers */

/**
 * "B" of brood_pack. Holds `parties` threads, of any processes, until all of them have come.
 * What one of them is to do for all before the next part is done between two waits:
 *
 *     status = brood_barrier_wait(barrier, timeout, &index);
 *     if (!status && index == 0) prepare();
 *     if (!status) status = brood_barrier_wait(barrier, timeout, NULL);
 *
 * Python: Barrier.
 */
typedef struct brood_barrier brood_barrier;

/**
 * Makes a barrier for 1 to 4,096 parties. *out is new: brood_barrier_destroy().
 * Fails with: BROOD_EINVAL, BROOD_ENOMEM, the system's error. Python: Barrier(parties).
 */
BROOD_API int brood_barrier_create(brood_barrier **out, uint32_t parties);

/**
 * Waits up to `timeout` milliseconds for all others to come. *index, which may be NULL, is one
 * of 0 to parties - 1, another one for each.
 *
 * One that does not come through breaks the barrier for all, until brood_barrier_reset: a wait
 * whose time is over, and one whose process is killed, are failures of all who wait. To tell
 * who lives costs the last one some 10 microseconds for each other process.
 * Fails with: BROOD_ETIMEDOUT (this wait's time is over), BROOD_EBROKEN (it is broken, or
 * was reset meanwhile). Python: wait, BrokenBarrierError.
 */
BROOD_API int brood_barrier_wait(brood_barrier *barrier, int64_t timeout, uint32_t *index);

/** Breaks it: who waits and who comes gets BROOD_EBROKEN. Fails with: BROOD_EINVAL. Python: abort.
 */
BROOD_API int brood_barrier_abort(brood_barrier *barrier);

/** Makes it whole and empty; who waits gets BROOD_EBROKEN. Fails with: BROOD_EINVAL. Python: reset.
 */
BROOD_API int brood_barrier_reset(brood_barrier *barrier);

/** How many must come. Python: parties. */
BROOD_API uint32_t brood_barrier_parties(const brood_barrier *barrier);

/** How many wait just now. Python: n_waiting. */
BROOD_API uint32_t brood_barrier_waiting(const brood_barrier *barrier);

/** Whether it is broken. Python: broken. */
BROOD_API int brood_barrier_is_broken(const brood_barrier *barrier);

/** Frees this process's end; nobody in it may still wait. Accepts NULL. */
BROOD_API void brood_barrier_destroy(brood_barrier *barrier);

#ifdef __cplusplus
}
#endif

#endif
