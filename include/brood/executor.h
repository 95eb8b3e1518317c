/**
 * The other face of a pool: workers that start on demand, futures, and an end that
 * waits.
 *
 *     brood_executor *executor;
 *     brood_future *future;
 *     status = brood_executor_create(&executor, BROOD_EXECUTOR(.max_workers = 4));
 *     status = brood_executor_submit(executor, square, &args, NULL, &future);
 *     ...
 *     brood_executor_destroy(executor); // waits for what was submitted
 *
 * Any thread may call any function here; only destroy must be the last.
 *
 * Python: concurrent.futures.ProcessPoolExecutor.
 */
#ifndef BROOD_EXECUTOR_H
#define BROOD_EXECUTOR_H

#include <brood/export.h>
#include <brood/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_executor brood_executor;

/** Zero in a field means the default. */
typedef struct brood_executor_options {
    size_t struct_size;
    uint32_t max_workers;         /**< the cpus that this process may use */
    uint32_t max_tasks_per_child; /**< never */
    brood_function *initializer;
    const brood_message *initializer_args; /**< copied */
    brood_context *context;                /**< the default context */
    const brood_pool_options *pool;        /**< all else that a pool can be told; may be NULL */
} brood_executor_options;

/** BROOD_EXECUTOR(.max_workers = 4): the fields named, the others default. */
#define BROOD_EXECUTOR(...)                                                                        \
    (&(brood_executor_options){.struct_size = sizeof(brood_executor_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_EXECUTOR_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(brood_executor_options), 0, 0, 0, 0, 0, 0                                           \
    }

/**
 * Makes an executor. No worker starts yet: if none can, that is BROOD_EBROKEN for the
 * tasks. options may be NULL. Fails with: BROOD_ENOMAIN, BROOD_EDEPTH, BROOD_EINVAL,
 * BROOD_ENOMEM.
 */
BROOD_API int brood_executor_create(brood_executor **out, const brood_executor_options *options);

/** As brood_pool_apply_async(). Python: submit. */
BROOD_API int brood_executor_submit(brood_executor *executor, brood_function *function,
                                    const brood_message *args, const brood_task_options *options,
                                    brood_future **out);

/** As brood_pool_call(). */
BROOD_API int brood_executor_call(brood_executor *executor, brood_function *function,
                                  brood_future **out, const char *format, ...);

/**
 * As brood_pool_imap(): results in the order of the items. `timeout` milliseconds from
 * now the iterator gives BROOD_EDEADLINE for the rest, and cancels it; BROOD_FOREVER:
 * no such limit. What has to be bounded is in the options: chunksize, buffersize.
 * Python: Executor.map.
 */
BROOD_API int brood_executor_map(brood_executor *executor, brood_function *function,
                                 brood_items items, int64_t timeout,
                                 const brood_map_options *options, brood_iterator **out);

/**
 * No more tasks. With cancel_futures, those that have not started are cancelled; with
 * wait, it returns when the others have ended and the workers are gone. May be called
 * again. Python: shutdown.
 */
BROOD_API int brood_executor_shutdown(brood_executor *executor, int wait, int cancel_futures);

/**
 * Ends the workers and all tasks, as brood_pool_terminate() (kill: without any grace).
 * Every future that has not ended fails with BROOD_ETERMINATED. Returns when no worker is
 * left.
 * Python: terminate_workers, kill_workers.
 */
BROOD_API int brood_executor_terminate_workers(brood_executor *executor);
BROOD_API int brood_executor_kill_workers(brood_executor *executor);

/** The pool behind it, for everything else. Borrowed. */
BROOD_API brood_pool *brood_executor_pool(brood_executor *executor);

/** brood_executor_shutdown(executor, 1, 0), then frees it. Accepts NULL. Python: leaving `with`. */
BROOD_API void brood_executor_destroy(brood_executor *executor);

#ifdef __cplusplus
}
#endif

#endif
