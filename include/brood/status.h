/**
 * What calls return, and what is known about a task that failed.
 *
 * Every call returns an int: BROOD_OK (0), one of the codes below, or the
 * operating system's own error passed through. brood_status_text() explains
 * all of them.
 *
 *     int status = brood_pool_create(&pool, NULL);
 *     if (status) fprintf(stderr, "%s\n", brood_status_text(status));
 */
#ifndef BROOD_STATUS_H
#define BROOD_STATUS_H

#include <brood/export.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Wait without a limit; accepted wherever a timeout in milliseconds is. */
#define BROOD_FOREVER INT64_C(-1)

/** The codes of brood itself: a slice of APR's range for users. */
enum brood_status {
    BROOD_OK = 0,
    BROOD_EINVAL = 140001, /**< an argument is out of its range */
    BROOD_ENOMEM,          /**< memory, or room for shared memory, ran out */
    BROOD_ETIMEDOUT,       /**< the time given to wait is over; the task goes on */
    BROOD_ENOTSUP,         /**< not available on this system */
    BROOD_EAGAIN,          /**< nothing there yet */
    BROOD_EBUSY,           /**< not possible while the object is in use */
    BROOD_ECLOSED,         /**< the pool, channel or peer is closed */
    BROOD_ECANCELLED,      /**< the task was cancelled before it ended */
    BROOD_ETERMINATED,     /**< the pool was terminated before the task ended */
    BROOD_ETASK,           /**< the task's function returned an error */
    BROOD_EWORKERLOST,     /**< the worker that ran the task died */
    BROOD_EBROKEN,         /**< workers die as fast as they start: the pool gave up */
    BROOD_EFUNCTION,       /**< the function cannot be found in the worker */
    BROOD_EBUILD,          /**< parent and worker are different builds */
    BROOD_EPROTOCOL,       /**< the peer sent something that makes no sense */
    BROOD_ETYPE,           /**< the message does not hold what was asked for */
    BROOD_ENOMAIN,         /**< brood_main() was not called first in main */
    BROOD_EDEPTH,          /**< workers start workers too deep */
    BROOD_ETIMELIMIT,      /**< the task ran longer than its time limit, and was ended */
    BROOD_EDEADLINE,       /**< the task had not ended at its deadline */
    BROOD_ETHREADS,        /**< a process with other threads than brood's cannot be forked */
    BROOD_EEND,            /**< it has ended: no more items come, or it is too late to cancel */
    BROOD_EAUTH,           /**< the peer does not have the same key */
    BROOD_EOWNERDEAD       /**< you have it now, from somebody who died with it in hand */
};

/** How a worker process ended. */
typedef enum brood_exit_kind {
    BROOD_EXIT_NONE = 0, /**< no process ended: the function itself failed */
    BROOD_EXIT_CODE,     /**< it called exit or returned; the code is its own */
    BROOD_EXIT_SIGNAL,   /**< a signal (POSIX) or exception (Windows) killed it */
    BROOD_EXIT_UNKNOWN   /**< it is gone, and nobody could say how */
} brood_exit_kind;

/**
 * Why a task failed. Borrowed: it lives as long as the message, future or
 * results that it was asked from.
 */
typedef struct brood_error {
    int status;                /**< BROOD_ETASK, BROOD_EWORKERLOST, ... */
    int code;                  /**< what the function returned; 0 if it did not return */
    const char *text;          /**< one sentence for people, never NULL */
    const char *function;      /**< "name" or "module+0xoffset", never NULL */
    int64_t worker;            /**< process id of the worker, 0 if none had the task */
    brood_exit_kind exit_kind; /**< how that worker ended, if it did */
    int64_t exit_code;         /**< exit code, signal number or exception code */
    const char *output;        /**< what that worker wrote to standard error last, up to 4 KiB and
                                    a NUL; NULL if it was not captured. If many tasks fail for one
                                    reason (BROOD_EBROKEN), one of them has it */
    size_t output_size;        /**< bytes of output, which may have NULs in it */
} brood_error;

/**
 * A sentence for a status. Any thread. Texts of brood's own codes live for
 * ever, those of the operating system until the thread's next call.
 */
BROOD_API const char *brood_status_text(int status);

#ifdef __cplusplus
}
#endif

#endif
