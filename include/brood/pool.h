/**
 * A pool of worker processes that run C functions.
 *
 *     brood_pool *pool;
 *     brood_results *squares;
 *     status = brood_pool_create(&pool, BROOD_POOL(.processes = 4));
 *     status = brood_pool_map(pool, square, brood_items_int32(in, 7), NULL, &squares);
 *     for (size_t i = 0; i < brood_results_count(squares); i++)
 *         brood_unpack(brood_results_at(squares, i), "x", &out[i]);
 *     brood_results_destroy(squares);
 *     brood_pool_destroy(pool);
 *
 * A worker may crash, hang or be killed: the task that it had started fails with
 * BROOD_EWORKERLOST, every other task goes on, and a new worker takes the place.
 *
 * Any thread may call any function here, several at the same time; only destroy
 * must be the last.
 *
 * Python: multiprocessing.Pool.
 */
#ifndef BROOD_POOL_H
#define BROOD_POOL_H

#include <brood/context.h>
#include <brood/export.h>
#include <brood/future.h>
#include <brood/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_pool brood_pool;

/** Zero in a field means the default. */
typedef struct brood_pool_options {
    size_t struct_size;
    uint32_t processes;          /**< workers; the cpus that this process may use */
    uint32_t restarts;           /**< deaths in restart_window that break the pool; 10 */
    int64_t restart_window;      /**< milliseconds; 10,000 */
    int64_t grace;               /**< milliseconds a worker has to end by itself; 1,000 */
    brood_function *initializer; /**< runs first in each worker; its failure ends the worker */
    const brood_message *initializer_args; /**< copied; what the initializer gets */
    brood_context *context;                /**< how workers start; the default context */
} brood_pool_options;

/** BROOD_POOL(.processes = 4): the fields named, the others default. */
#define BROOD_POOL(...)                                                                            \
    (&(brood_pool_options){.struct_size = sizeof(brood_pool_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_POOL_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(brood_pool_options), 0, 0, 0, 0, 0, 0, 0                                            \
    }

/**
 * Starts the workers. Returns as soon as their processes exist; they come up
 * while the caller goes on. options may be NULL. If a worker cannot be started,
 * those that were are ended and the system's error is returned.
 * Fails with: BROOD_ENOMAIN (call brood_main() first in main), BROOD_EDEPTH,
 * BROOD_EINVAL, BROOD_ENOMEM.
 */
BROOD_API int brood_pool_create(brood_pool **out, const brood_pool_options *options);

/**
 * Runs function(args) in a worker and waits for the result. args and result may
 * be NULL; args is copied. On failure `result` carries the brood_error.
 * Fails with: BROOD_ETASK, BROOD_EWORKERLOST, BROOD_ECLOSED, BROOD_EBROKEN.
 * Python: Pool.apply.
 */
BROOD_API int brood_pool_apply(brood_pool *pool, brood_function *function,
                               const brood_message *args, brood_message *result);

/** Zero in a field means the default. */
typedef struct brood_task_options {
    size_t struct_size;
} brood_task_options;

/**
 * Hands function(args) to the pool. The future is new: to be freed with
 * brood_future_destroy(). out may be NULL when nobody asks for the result.
 * options may be NULL.
 * Fails with: BROOD_ECLOSED, BROOD_EBROKEN, BROOD_ENOMEM.
 * Python: Pool.apply_async, Executor.submit.
 */
BROOD_API int brood_pool_apply_async(brood_pool *pool, brood_function *function,
                                     const brood_message *args, const brood_task_options *options,
                                     brood_future **out);

/** The input of a map: `count` items that stay the caller's while map runs. */
typedef struct brood_items {
    const void *data;
    size_t count;
    size_t item_size;
    uint32_t kind;
    uint32_t reserved;
} brood_items;

/** Each item arrives packed as "i". */
BROOD_API brood_items brood_items_int32(const int32_t *values, size_t count);
/** Each item arrives packed as "s". */
BROOD_API brood_items brood_items_strings(const char *const *values, size_t count);
/** Each item arrives as its raw bytes, aligned to 8: an array of C structs without packing. */
BROOD_API brood_items brood_items_structs(const void *base, size_t item_size, size_t count);
/** Each item is a message of the caller's. */
BROOD_API brood_items brood_items_messages(const brood_message *messages, size_t count);

/** What a map gave: one result or error an item, in the order of the items. */
typedef struct brood_results brood_results;

/** Zero in a field means the default. */
typedef struct brood_map_options {
    size_t struct_size;
    size_t chunksize; /**< items a task carries; Python's: ceil(count / (4 * workers)) */
    void (*progress)(size_t done, size_t count, void *baton); /**< called by the mapping thread */
    void *baton;                                              /**< the last argument of progress */
} brood_map_options;

#define BROOD_MAP(...) (&(brood_map_options){.struct_size = sizeof(brood_map_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_MAP_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(brood_map_options), 0, 0, 0                                                         \
    }

/**
 * Runs function on every item and waits for all of them. Chunks are transport
 * only: each item has its own result or error, also when a worker died in the
 * middle of a chunk. Returns BROOD_OK when every item succeeded, else the status
 * of the first item that failed; either way *out is new: to be freed with
 * brood_results_destroy(). Only when the call could not be made at all
 * (BROOD_EINVAL, BROOD_ENOMEM, BROOD_ECLOSED) *out is NULL.
 * Python: Pool.map.
 */
BROOD_API int brood_pool_map(brood_pool *pool, brood_function *function, brood_items items,
                             const brood_map_options *options, brood_results **out);

BROOD_API size_t brood_results_count(const brood_results *results);
/** BROOD_OK, or how that item failed. */
BROOD_API int brood_results_status(const brood_results *results, size_t index);
/** Why that item failed; NULL if it did not. Borrowed from the results. */
BROOD_API const brood_error *brood_results_error(const brood_results *results, size_t index);
/**
 * The result of one item, ready to be unpacked; for a failed item a message that
 * answers brood_unpack() with the failure. Borrowed until the next call with
 * these results.
 */
BROOD_API brood_message *brood_results_at(brood_results *results, size_t index);
/** Accepts NULL. */
BROOD_API void brood_results_destroy(brood_results *results);

/** No more tasks; what was handed in is finished. May be called again. Python: close. */
BROOD_API int brood_pool_close(brood_pool *pool);

/**
 * Ends the workers now: those that do not go within the pool's grace are killed.
 * Every task that has not ended fails with BROOD_ETERMINATED. Returns when no
 * worker is left. May be called again. Python: terminate.
 */
BROOD_API int brood_pool_terminate(brood_pool *pool);

/**
 * Waits up to `timeout` milliseconds until a closed pool has finished its tasks
 * and its workers are gone.
 * Fails with: BROOD_EBUSY (neither closed nor terminated), BROOD_ETIMEDOUT.
 * Python: join.
 */
BROOD_API int brood_pool_join(brood_pool *pool, int64_t timeout);

/** Terminates what is left and frees the pool. Accepts NULL. */
BROOD_API void brood_pool_destroy(brood_pool *pool);

/** How many workers the pool has places for. */
BROOD_API uint32_t brood_pool_processes(const brood_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
