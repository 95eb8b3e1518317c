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
#include <brood/items.h>
#include <brood/message.h>
#include <brood/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_pool brood_pool;

/* ------------------------------------------------------------------ events */

typedef enum brood_worker_event_kind {
    BROOD_WORKER_STARTED = 1, /**< its process exists */
    BROOD_WORKER_READY,       /**< it is up, and its initializer has succeeded */
    BROOD_WORKER_RECYCLED,    /**< it ended after max_tasks_per_child tasks */
    BROOD_WORKER_STOPPED,     /**< it ended because the pool closed or became smaller */
    BROOD_WORKER_LOST         /**< it died, or was killed with the task that it ran */
} brood_worker_event_kind;

/** What happened to a worker. Valid during the call only. */
typedef struct brood_worker_event {
    brood_worker_event_kind kind;
    int64_t worker;           /**< process id */
    uint32_t seat;            /**< its place in the pool, from 0 */
    const brood_error *error; /**< of BROOD_WORKER_LOST, why; else NULL */
} brood_worker_event;

/** What a task told with brood_report(). Valid during the call only. */
typedef struct brood_progress {
    brood_future *future; /**< of the task, borrowed; NULL if it has none */
    size_t index;         /**< of a map, the item's number; else 0 */
    int64_t worker;       /**< process id */
    uint64_t done, total;
    const char *text; /**< never NULL */
} brood_progress;

/* -------------------------------------------------------------------- pool */

/** Zero in a field means the default. */
typedef struct brood_pool_options {
    size_t struct_size;
    uint32_t processes;           /**< workers; the cpus that this process may use */
    uint32_t max_tasks_per_child; /**< tasks, or chunks of a map, until a worker is replaced by a
                                       fresh one; never */
    brood_function *initializer;  /**< runs first in each worker; its failure ends the worker */
    const brood_message *initializer_args; /**< copied; what the initializer gets */
    brood_context *context;                /**< how workers start; the default context */
    uint32_t restarts;      /**< deaths in restart_window that break the pool, of workers that
                                 came to nothing; 10 */
    int64_t restart_window; /**< milliseconds; 10,000 */
    int64_t start_timeout;  /**< milliseconds a worker has to come up, initializer included, to
                                 begin a task that nothing stands before, and to end when it
                                 has no more to do; 60,000 */
    int64_t grace;          /**< milliseconds a worker has to end by itself; 1,000 */
    int on_demand; /**< 1: start a worker only when a task finds none idle; 0: all at once */
    int own_loop;  /**< 1: callbacks run in brood_pool_dispatch(); 0: in a thread of the pool's */
    void (*on_worker)(const brood_worker_event *event, void *baton);  /**< a callback */
    void (*on_progress)(const brood_progress *progress, void *baton); /**< a callback */
    void *baton; /**< the last argument of both */
} brood_pool_options;

/** BROOD_POOL(.processes = 4): the fields named, the others default. */
#define BROOD_POOL(...)                                                                            \
    (&(brood_pool_options){.struct_size = sizeof(brood_pool_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_POOL_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(brood_pool_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                       \
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
 * No more tasks; what was handed in is finished, all items of an imap over an array
 * included. A generator is not asked again: its iterator gives what it has, then
 * BROOD_ECLOSED once, then BROOD_EEND. May be called again. Python: close.
 */
BROOD_API int brood_pool_close(brood_pool *pool);

/**
 * Ends the workers now. Every task that has not ended fails with BROOD_ETERMINATED at
 * once. Running tasks see brood_cancelled(); after a tenth of the pool's grace their
 * workers get SIGTERM (on Windows they end here), after all of it SIGKILL. Returns when
 * no worker is left. May be called again. Python: terminate.
 */
BROOD_API int brood_pool_terminate(brood_pool *pool);

/**
 * Waits up to `timeout` milliseconds until a closed pool has finished its tasks,
 * its workers are gone, and its callbacks have been called (not with own_loop).
 * Fails with: BROOD_EBUSY (neither closed nor terminated), BROOD_ETIMEDOUT.
 * Python: join.
 */
BROOD_API int brood_pool_join(brood_pool *pool, int64_t timeout);

/**
 * Terminates what is left, calls the callbacks that are due, and frees the pool.
 * Futures stay, and have ended. Accepts NULL. Python: leaving `with Pool()`.
 */
BROOD_API void brood_pool_destroy(brood_pool *pool);

/* ------------------------------------------------------------ single tasks */

/**
 * Runs function(args) in a worker and waits for the result. args and result may
 * be NULL; args is copied. On failure `result` carries the brood_error.
 * Fails with: BROOD_ETASK, BROOD_EWORKERLOST, BROOD_ECLOSED, BROOD_EBROKEN.
 * Python: Pool.apply.
 */
BROOD_API int brood_pool_apply(brood_pool *pool, brood_function *function,
                               const brood_message *args, brood_message *result);

/**
 * As apply, with the arguments packed as by brood_pack().
 *
 *     status = brood_pool_run(pool, resize, &result, "sii", path, width, height);
 */
BROOD_API int brood_pool_run(brood_pool *pool, brood_function *function, brood_message *result,
                             const char *format, ...);

/**
 * Hands function(args) to the pool. The future is new: to be freed with
 * brood_future_destroy(). out may be NULL when nobody asks for the result.
 * options may be NULL.
 * Fails with: BROOD_ECLOSED, BROOD_EBROKEN, BROOD_ENOMEM, BROOD_EINVAL.
 * Python: Pool.apply_async, Executor.submit.
 */
BROOD_API int brood_pool_apply_async(brood_pool *pool, brood_function *function,
                                     const brood_message *args, const brood_task_options *options,
                                     brood_future **out);

/**
 * As apply_async with default options, with the arguments packed as by brood_pack().
 *
 *     status = brood_pool_call(pool, resize, &future, "sii", path, width, height);
 *     ...
 *     status = brood_future_unpack(future, BROOD_FOREVER, "s", &name);
 */
BROOD_API int brood_pool_call(brood_pool *pool, brood_function *function, brood_future **out,
                              const char *format, ...);

/* -------------------------------------------------------------- many tasks */

/** How a map is to be run. Zero in a field means the default. */
typedef struct brood_map_options {
    size_t struct_size;
    size_t chunksize;    /**< items a task carries; Python's: ceil(count / (4 * workers)), and 1
                              for imap */
    int fail_fast;       /**< 1: the first failure cancels the items that have not ended */
    int32_t priority;    /**< as of a task */
    uint32_t retries;    /**< as of a task, for each item */
    int64_t time_limit;  /**< milliseconds that the function may run on one item */
    int64_t deadline;    /**< milliseconds from now until all items must have ended */
    void *into;          /**< of map: results are written into this array, which the caller keeps
                              alive; each must be exactly into_size bytes */
    size_t into_size;    /**< bytes of one element of `into` */
    size_t buffersize;   /**< of imap: items taken in and not yet given out;
                              2 * workers * chunksize, at least 16 */
    size_t buffer_bytes; /**< of imap: bytes of items and results in that buffer, from which on no
                              more items are taken in; 64 MiB */
    void (*progress)(size_t done, size_t count, void *baton); /**< of map: called by its thread */
    brood_future_callback *callback;       /**< of map_async: called once if all items end well */
    brood_future_callback *error_callback; /**< of map_async: called once if any fails */
    void *baton;                           /**< the last argument of the three */
} brood_map_options;

#define BROOD_MAP(...) (&(brood_map_options){.struct_size = sizeof(brood_map_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_MAP_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(brood_map_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                        \
    }

/**
 * Runs function on every item and waits for all of them. Chunks are transport
 * only: each item has its own result or error, also when a worker died in the
 * middle of a chunk. Returns BROOD_OK when every item succeeded, else the status
 * of the first item that failed; either way *out is new: to be freed with
 * brood_results_destroy(). Only when the call could not be made at all
 * (BROOD_EINVAL, BROOD_ENOMEM, BROOD_ECLOSED, a generator's own status) *out is
 * NULL. out may be NULL if only the status is wanted, or the options have `into`.
 * Python: Pool.map.
 */
BROOD_API int brood_pool_map(brood_pool *pool, brood_function *function, brood_items items,
                             const brood_map_options *options, brood_results **out);

/**
 * As brood_pool_map, without waiting; the items are copied. The results are asked of
 * the future: brood_future_results(). out may be NULL.
 * Python: Pool.map_async.
 */
BROOD_API int brood_pool_map_async(brood_pool *pool, brood_function *function, brood_items items,
                                   const brood_map_options *options, brood_future **out);

/**
 * As map, over items of several values each: tuples of arguments, packed by the
 * caller (brood_pack(&tuples[i], "is", 7, "text")).
 * Python: Pool.starmap, Pool.starmap_async.
 */
BROOD_API int brood_pool_starmap(brood_pool *pool, brood_function *function,
                                 const brood_message *tuples, size_t count,
                                 const brood_map_options *options, brood_results **out);
BROOD_API int brood_pool_starmap_async(brood_pool *pool, brood_function *function,
                                       const brood_message *tuples, size_t count,
                                       const brood_map_options *options, brood_future **out);

/**
 * Runs function on every item, and gives the results one by one, in the order of the
 * items, while the work goes on. Arrays of items are copied; a generator is asked for
 * an item when the buffer has room. *out is new: brood_iterator_destroy(), before the
 * pool is destroyed.
 * Python: Pool.imap.
 */
BROOD_API int brood_pool_imap(brood_pool *pool, brood_function *function, brood_items items,
                              const brood_map_options *options, brood_iterator **out);

/** As imap, in the order in which the items end. Python: Pool.imap_unordered. */
BROOD_API int brood_pool_imap_unordered(brood_pool *pool, brood_function *function,
                                        brood_items items, const brood_map_options *options,
                                        brood_iterator **out);

/* ----------------------------------------------------------------- workers */

/** How many workers the pool has places for. */
BROOD_API uint32_t brood_pool_processes(const brood_pool *pool);

/**
 * Changes the number of places. New workers start at once (on demand, when they are
 * needed); those that are too many end after the tasks that they have.
 * Fails with: BROOD_EINVAL (0, or more than 4,096), BROOD_ECLOSED, BROOD_EBROKEN.
 */
BROOD_API int brood_pool_resize(brood_pool *pool, uint32_t processes);

/**
 * Starts workers until `workers` of them (0: as many as there are places) are up,
 * their initializers done, and waits for that up to `timeout` milliseconds.
 * Fails with: BROOD_ETIMEDOUT, BROOD_ECLOSED, BROOD_EBROKEN.
 */
BROOD_API int brood_pool_prewarm(brood_pool *pool, uint32_t workers, int64_t timeout);

/** What a pool has at this moment. */
typedef struct brood_pool_counts {
    uint32_t workers; /**< processes, those that are coming up or ending included */
    uint32_t ready;   /**< of them, those that take tasks */
    uint32_t running; /**< tasks, or items of maps, that a worker runs */
    uint32_t reserved;
    uint64_t queued; /**< tasks, or items of maps, that have not started */
} brood_pool_counts;

BROOD_API brood_pool_counts brood_pool_count(brood_pool *pool);

/* --------------------------------------------------------------- callbacks */

/**
 * Of a pool with own_loop: what to poll in an event loop, an fd (readable) or a
 * Windows HANDLE (an auto-reset event). It is signalled when brood_pool_dispatch()
 * has something to do. Borrowed from the pool. -1: the pool has a thread for that.
 */
BROOD_API intptr_t brood_pool_handle(brood_pool *pool);

/**
 * Of a pool with own_loop: calls the callbacks that are due, at most `most` of them
 * (0: all). Returns how many it called. One of them may destroy the pool.
 */
BROOD_API uint32_t brood_pool_dispatch(brood_pool *pool, uint32_t most);

#ifdef __cplusplus
}
#endif

#endif
