/**
 * The promise of a task's result: what Python calls AsyncResult and Future.
 *
 *     brood_future *future;
 *     status = brood_pool_apply_async(pool, function, &args, NULL, &future);
 *     ...
 *     status = brood_future_get(future, 1000, &result);
 *     brood_future_destroy(future);
 *
 * A future is pending, running or ended, and it ends once: with a result, with an
 * error, or cancelled. Any thread may use it; several may wait for the same one.
 */
#ifndef BROOD_FUTURE_H
#define BROOD_FUTURE_H

#include <brood/export.h>
#include <brood/items.h>
#include <brood/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_future brood_future;

/**
 * What is called when a future has ended. It runs in the pool's callback thread, or
 * in brood_pool_dispatch(); any call of this library is allowed in it, also
 * brood_pool_terminate() and brood_pool_destroy(). The future is borrowed.
 */
typedef void brood_future_callback(brood_future *future, void *baton);

/**
 * Waits up to `timeout` milliseconds (BROOD_FOREVER: without limit; 0: not at
 * all) and copies the result into `result`, which may be NULL. Returns BROOD_OK,
 * BROOD_ETIMEDOUT (the task goes on, ask again later), or the status of the
 * task's failure; then `result` carries the brood_error. Of a map_async, status and
 * error are those of the first item that failed. It may return before the callbacks of
 * the future have run.
 * Python: AsyncResult.get, Future.result.
 */
BROOD_API int brood_future_get(brood_future *future, int64_t timeout, brood_message *result);

/**
 * Waits as brood_future_get does, and reads the result's values, from the first on, as
 * brood_unpack() does; strings and arrays are borrowed from the future. One thread at
 * a time. Returns what getting or unpacking returns.
 *
 *     status = brood_future_unpack(future, BROOD_FOREVER, "s", &text);
 */
BROOD_API int brood_future_unpack(brood_future *future, int64_t timeout, const char *format, ...);

/**
 * The number of its task, by which brood_line names it: what is handed in to a pool is
 * counted from 1, a map as one. It stays the same when the task is run again.
 */
BROOD_API uint64_t brood_future_number(const brood_future *future);

/** As brood_future_get, but says only whether the task has ended. Python: wait. */
BROOD_API int brood_future_wait(brood_future *future, int64_t timeout);

/** 1 if the task has ended, in whatever way, else 0. Python: ready, done. */
BROOD_API int brood_future_ready(brood_future *future);

/** 1 while a worker runs the task: it has said that it started. Python: running. */
BROOD_API int brood_future_running(brood_future *future);

/** 1 if the task was cancelled. Python: cancelled. */
BROOD_API int brood_future_cancelled(brood_future *future);

/**
 * BROOD_OK if the task ended well, the status of its failure if not, and
 * BROOD_EAGAIN while it has not ended. Python: successful, exception.
 */
BROOD_API int brood_future_status(brood_future *future);

/**
 * Why the task failed or was cancelled; NULL if it was not, or not yet: wait first.
 * Borrowed from the future.
 */
BROOD_API const brood_error *brood_future_error(brood_future *future);

/**
 * The results of a map_async that has ended; NULL before, and of a single task.
 * Borrowed from the future.
 */
BROOD_API brood_results *brood_future_results(brood_future *future);

/**
 * Cancels the task: its future ends at once, with BROOD_ECANCELLED. If it has not
 * started, it never will. If it runs, brood_cancelled() becomes true in it, and
 * after the pool's grace its worker and all that it started is killed. Of a
 * map_async, all items that have not ended.
 * Fails with: BROOD_EEND (too late: it has ended; cancelled before is BROOD_OK).
 * Python: Future.cancel, which cannot cancel a running task.
 */
BROOD_API int brood_future_cancel(brood_future *future);

/**
 * Calls callback(future, baton) when the task has ended, once; soon if it has.
 * Several are called in the order of adding. Never from within this call.
 * Fails with: BROOD_ENOMEM.
 * Python: Future.add_done_callback.
 */
BROOD_API int brood_future_add_done_callback(brood_future *future, brood_future_callback *callback,
                                             void *baton);

/**
 * Frees the future; the task goes on, and callbacks are still called. Accepts NULL.
 */
BROOD_API void brood_future_destroy(brood_future *future);

typedef enum brood_return_when {
    BROOD_ALL_COMPLETED = 0,
    BROOD_FIRST_COMPLETED, /**< any has ended */
    BROOD_FIRST_EXCEPTION  /**< any has failed, a cancelled one not counted, or all have ended */
} brood_return_when;

/**
 * Waits up to `timeout` milliseconds for several futures, which may be of several
 * pools. NULLs are skipped.
 * Fails with: BROOD_ETIMEDOUT, BROOD_ENOMEM.
 * Python: concurrent.futures.wait; brood_future_ready() tells which are done.
 */
BROOD_API int brood_wait(brood_future *const *futures, size_t count, brood_return_when when,
                         int64_t timeout);

/** Futures in the order in which they end. */
typedef struct brood_completions brood_completions;

/**
 * Begins to look at these futures. A future must live until it was given out, the array
 * need not; NULLs are skipped, and one that is there twice is given once. *out is new:
 * brood_completions_destroy().
 * Fails with: BROOD_ENOMEM.
 * Python: concurrent.futures.as_completed.
 */
BROOD_API int brood_as_completed(brood_future *const *futures, size_t count,
                                 brood_completions **out);

/**
 * Waits up to `timeout` milliseconds; *index is the place in `futures` of the next
 * one that has ended. One thread at a time.
 * Fails with: BROOD_ETIMEDOUT, BROOD_EEND (that were all).
 */
BROOD_API int brood_completions_next(brood_completions *completions, int64_t timeout,
                                     size_t *index);

/** How many have not been given out. */
BROOD_API size_t brood_completions_left(const brood_completions *completions);

/** Accepts NULL. The futures stay. */
BROOD_API void brood_completions_destroy(brood_completions *completions);

#ifdef __cplusplus
}
#endif

#endif
