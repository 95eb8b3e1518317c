/**
 * A task: how it is to be run, and what its function can do while it runs.
 *
 *     static int render(brood_message *args, brood_message *result)
 *     {
 *         scene *s = brood_worker_state();          // what the initializer loaded
 *         for (int line = 0; line < s->lines; line++) {
 *             if (brood_cancelled())
 *                 return brood_fail("cancelled at line %d", line);
 *             render_line(s, line);
 *             brood_report(line + 1, s->lines, NULL);
 *         }
 *         return brood_message_set(result, s->image, s->size);
 *     }
 *
 * Waiting, a time limit and a deadline are three things: a wait that times out
 * leaves the task alone, a time limit counts from the moment when the task starts,
 * a deadline from the moment when it is handed in.
 */
#ifndef BROOD_TASK_H
#define BROOD_TASK_H

#include <brood/context.h>
#include <brood/export.h>
#include <brood/future.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How one task is to be run. Zero in a field means the default. */
typedef struct brood_task_options {
    size_t struct_size;
    int64_t time_limit; /**< milliseconds that the function may run; no limit */
    int64_t deadline;   /**< milliseconds from now until it must have ended; no deadline */
    int32_t priority;   /**< higher goes first; equals in the order of handing in */
    uint32_t retries;   /**< how often it is run again when its worker died: only for tasks
                             that may run more than once. One that has killed three workers
                             is given up in any case. */
    brood_future_callback *callback;       /**< called once if it ends well */
    brood_future_callback *error_callback; /**< called once if it does not */
    void *baton;                           /**< their last argument */
} brood_task_options;

/** BROOD_TASK(.time_limit = 100): the fields named, the others default. */
#define BROOD_TASK(...)                                                                            \
    (&(brood_task_options){.struct_size = sizeof(brood_task_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_TASK_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(brood_task_options), 0, 0, 0, 0, 0, 0, 0                                            \
    }

/**
 * In a task: 1 if the task was cancelled, its time is over, or its pool is terminated.
 * In a brood_process: 1 after brood_process_interrupt().
 * The function should then return, with whatever value: its future has its outcome
 * already. After the pool's grace its worker is killed, and all that it has started.
 * Any thread of the task. 0 outside of tasks.
 */
BROOD_API int brood_cancelled(void);

/**
 * In a task: tells the parent how far it is, for the pool's on_progress. text may
 * be NULL; it is cut at 255 bytes. Reports that follow each other faster than a
 * hundred a second may be left out, but never one with done == total (unless a
 * thousand callbacks are due).
 * Fails with: BROOD_EINVAL (not in a task).
 */
BROOD_API int brood_report(uint64_t done, uint64_t total, const char *text);

/**
 * In a worker: keeps a pointer for the tasks that run in it, most often in the
 * initializer. It stays the caller's.
 */
BROOD_API void brood_set_worker_state(void *state);

/** In a worker: what brood_set_worker_state() was given; NULL before. */
BROOD_API void *brood_worker_state(void);

#ifdef __cplusplus
}
#endif

#endif
