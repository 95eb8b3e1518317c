/**
 * One function in one process of its own.
 *
 *     brood_process *process;
 *     status = brood_process_create(&process, listen, &args, BROOD_PROCESS(.name = "listener"));
 *     status = brood_process_start(process);
 *     ...
 *     status = brood_process_join(process, BROOD_FOREVER);
 *     brood_exit ended = brood_process_exit(process);
 *     brood_process_destroy(process);
 *
 * A process never outlives the program that started it: it ends at once when that
 * ends, however that comes. (One that is stopped is let go on by POSIX systems then, unless
 * a process of the same session takes in orphans.) Who wants it to finish joins it.
 *
 * Any thread may call any function here, several at the same time; only destroy must
 * be the last.
 *
 * Python: multiprocessing.Process.
 */
#ifndef BROOD_PROCESS_H
#define BROOD_PROCESS_H

#include <brood/context.h>
#include <brood/export.h>
#include <brood/message.h>
#include <brood/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_process brood_process;

/**
 * What becomes of a process when the program that started it calls exit or returns from
 * main; of one that a child started, also when the child's function has returned.
 */
typedef enum brood_at_exit {
    BROOD_AT_EXIT_END = 0, /**< it ends too; Python: daemon=True */
    BROOD_AT_EXIT_WAIT     /**< that waits for its end first (exit, in an atexit function of
                                brood's); a program that is killed takes it along all the same.
                                Captured lines are all told only if the context is destroyed.
                                Python: daemon=False */
} brood_at_exit;

/** Zero in a field means the default. */
typedef struct brood_process_options {
    size_t struct_size;
    const char *name;       /**< for people; copied, up to 63 bytes; "process-N" */
    brood_context *context; /**< how it starts; the default context */
    int64_t grace;          /**< milliseconds that destroy gives one that runs; 1,000 */
    brood_at_exit at_exit;
} brood_process_options;

/** BROOD_PROCESS(.name = "listener"): the fields named, the others default. */
#define BROOD_PROCESS(...)                                                                         \
    (&(brood_process_options){.struct_size = sizeof(brood_process_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_PROCESS_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(brood_process_options), 0, 0, 0, BROOD_AT_EXIT_END                                  \
    }

/**
 * Makes a process that is not started. args is copied and may be NULL, options may be
 * NULL. *out is new: brood_process_destroy().
 * Fails with: BROOD_EINVAL, BROOD_EFUNCTION (not a function of any module), BROOD_ENOMEM.
 * Python: Process(target=, args=, name=).
 */
BROOD_API int brood_process_create(brood_process **out, brood_function *function,
                                   const brood_message *args, const brood_process_options *options);

/**
 * Starts it; once. It runs function(args), and what that returns is its exit code (of
 * which POSIX keeps 8 bits; if those are 0, it is 1). brood_fail() in it prints its text
 * on standard error, and the code is 1. What the function puts into its result is lost.
 * Fails with: BROOD_EBUSY (it was started), BROOD_ENOMAIN, BROOD_EDEPTH, BROOD_ENOMEM, or
 * the system's error.
 */
BROOD_API int brood_process_start(brood_process *process);

/**
 * Makes a process with default options and starts it, with the arguments packed as by
 * brood_pack(). On failure *out is not touched.
 *
 *     status = brood_process_call(&process, resize, "sii", path, width, height);
 */
BROOD_API int brood_process_call(brood_process **out, brood_function *function, const char *format,
                                 ...);

/**
 * Waits up to `timeout` milliseconds for its end.
 * Fails with: BROOD_ETIMEDOUT, BROOD_EINVAL (it was not started).
 */
BROOD_API int brood_process_join(brood_process *process, int64_t timeout);

/** 1 while it runs. */
BROOD_API int brood_process_is_alive(brood_process *process);

/**
 * Asks its function to come to an end: brood_cancelled() is 1 in it from now on. Does no
 * more than that, on every system. Python: interrupt.
 */
BROOD_API int brood_process_interrupt(brood_process *process);

/**
 * Asks it to end (SIGTERM; on Windows it is ended), and all that it has started.
 * Nothing happens to one that does not run.
 */
BROOD_API int brood_process_terminate(brood_process *process);

/** Ends it and all that it has started, as nothing can stop. */
BROOD_API int brood_process_kill(brood_process *process);

/** How a process ended. */
typedef struct brood_exit {
    brood_exit_kind kind; /**< BROOD_EXIT_NONE: it has not */
    int64_t code;         /**< exit code, signal number or exception code */
    int python;           /**< as Python's exitcode: the code, minus the signal, or 255: unknown */
} brood_exit;

BROOD_API brood_exit brood_process_exit(brood_process *process);

/**
 * What it wrote to standard error last, if that is captured: copies up to cap - 1 bytes, the
 * end, and a NUL; buffer may be NULL if cap is 0. Up to 4 KiB are kept; returns how many are.
 * Any time; of one that has ended, as brood_process_join() or any other call has seen, all
 * that it wrote is there.
 */
BROOD_API size_t brood_process_output(brood_process *process, char *buffer, size_t cap);

/** Its process id; 0 before the start. Python: pid, ident. */
BROOD_API int64_t brood_process_pid(brood_process *process);

/** Its name; lives as long as it. */
BROOD_API const char *brood_process_name(const brood_process *process);

/**
 * What to poll in an event loop: an fd that is readable, or a Windows HANDLE that is
 * signalled, when it has ended, and stays so. Borrowed until it is destroyed. -1: not
 * started, or a system that has none.
 */
BROOD_API intptr_t brood_process_sentinel(brood_process *process);

/**
 * Frees it. One that still runs is asked to end, and killed after the grace. Accepts
 * NULL. Python: close, which refuses one that runs.
 */
BROOD_API void brood_process_destroy(brood_process *process);

/**
 * The processes of this program that run, at most `cap` of them; processes may be NULL.
 * Returns how many there are. Borrowed, until whoever made them destroys them. The workers
 * of pools are not among them. Python: active_children.
 */
BROOD_API size_t brood_active_children(brood_process **processes, size_t cap);

/** What a process knows of itself. */
typedef struct brood_self {
    const char *name; /**< "main" in the program that the user started; lives for ever */
    int64_t pid;
    int64_t parent; /**< process id of who started it; 0 in the user's program */
    uint32_t depth; /**< 0 in the user's program, 1 in its children ... */
} brood_self;

/** Of this process; of a pool's worker too. Python: current_process, parent_process. */
BROOD_API brood_self brood_current_process(void);

#ifdef __cplusplus
}
#endif

#endif
