/**
 * What processes share to keep out of each other's way: locks.
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
 * Python: multiprocessing.Lock, RLock.
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

#ifdef __cplusplus
}
#endif

#endif
