/**
 * The promise of one task's result: what Python calls AsyncResult and Future.
 *
 *     brood_future *future;
 *     status = brood_pool_apply_async(pool, function, &args, NULL, &future);
 *     ...
 *     status = brood_future_get(future, 1000, &result);
 *     brood_future_destroy(future);
 *
 * Any thread may use a future; several may wait for the same one.
 */
#ifndef BROOD_FUTURE_H
#define BROOD_FUTURE_H

#include <brood/export.h>
#include <brood/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_future brood_future;

/**
 * Waits up to `timeout` milliseconds (BROOD_FOREVER: without limit; 0: not at
 * all) and copies the result into `result`, which may be NULL. Returns BROOD_OK,
 * BROOD_ETIMEDOUT (the task goes on, ask again later), or the status of the
 * task's failure; then `result` carries the brood_error.
 * Python: AsyncResult.get, Future.result.
 */
BROOD_API int brood_future_get(brood_future *future, int64_t timeout, brood_message *result);

/** As brood_future_get, but says only whether the task has ended. Python: wait. */
BROOD_API int brood_future_wait(brood_future *future, int64_t timeout);

/** 1 if the task has ended, in whatever way, else 0. Python: ready, done. */
BROOD_API int brood_future_ready(brood_future *future);

/**
 * BROOD_OK if the task ended well, the status of its failure if not, and
 * BROOD_EAGAIN while it has not ended. Python: successful, exception.
 */
BROOD_API int brood_future_status(brood_future *future);

/** Why the task failed; NULL if it did not, or not yet. Borrowed from the future. */
BROOD_API const brood_error *brood_future_error(brood_future *future);

/** Frees the future; the task goes on. Accepts NULL. */
BROOD_API void brood_future_destroy(brood_future *future);

#ifdef __cplusplus
}
#endif

#endif
