/**
 * The program as its own worker: brood_main, the shape of functions that run in
 * workers, and the context that says how workers start.
 *
 *     int main(int argc, char **argv)
 *     {
 *         brood_main(&argc, &argv);
 *         ... only the program that the user started comes here ...
 *     }
 *
 * Python: `if __name__ == '__main__'`, multiprocessing.get_context.
 */
#ifndef BROOD_CONTEXT_H
#define BROOD_CONTEXT_H

#include <brood/export.h>
#include <brood/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The only shape of code that runs in another process. 0 is success, anything
 * else is the task's error; brood_fail() makes one that carries text. Both
 * messages belong to brood: args can be read until the function returns.
 */
typedef int brood_function(brood_message *args, brood_message *result);

/**
 * Must be the first statement of main. In a worker it runs tasks and never
 * returns; in the program that the user started it returns at once. NULL, NULL
 * serves programs that have no argc and argv (WinMain, plug-in hosts).
 *
 * A process that was started with a worker's argument but without the channel
 * that belongs to it prints one line and exits with code 64.
 */
BROOD_API void brood_main(int *argc, char ***argv);

/**
 * Inside a task: the task fails with this text, formatted as by printf.
 * Returns a value for the function to return.
 *
 *     return brood_fail("cannot open %s", path);
 */
BROOD_API int brood_fail(const char *format, ...) BROOD_PRINTF(1, 2);

/**
 * Gives a function a name, in this process and for as long as it lives: 1 to 127 bytes,
 * copied. Any thread, before or after brood_main; once more the same changes nothing.
 *
 * Where the worker's program is another one (.executable of the context), a function that
 * was registered here before its first use travels by its name, and the worker runs what
 * has that name there: registered by its own main before brood_main, or by a module of the
 * context. There a function of the main program has no other way.
 * Fails with: BROOD_EBUSY (another function has the name), BROOD_EINVAL (its length, no
 * function), BROOD_ENOMEM.
 */
BROOD_API int brood_register(const char *name, brood_function *function);

/** How many cpus this process may use: affinity and quota count. Python: process_cpu_count. */
BROOD_API uint32_t brood_cpu_count(void);

/** The id of this process. Python: os.getpid. */
BROOD_API int64_t brood_pid(void);

/** How the processes of a context start. */
typedef enum brood_start_method {
    BROOD_DEFAULT_METHOD = 0, /**< what brood_get_start_method() says */
    BROOD_SPAWN,              /**< the program itself, started again */
    BROOD_FORKSERVER,         /**< forked by a helper: the program itself, started again, once */
    BROOD_FORK                /**< a copy of this process, with all that its memory holds */
} brood_start_method;

/** "spawn", "forkserver", "fork". */
BROOD_API const char *brood_start_method_name(brood_start_method method);

/**
 * The start methods of this system, at most `cap` of them, spawn first; methods may be
 * NULL. Returns how many there are. Windows and macOS have spawn alone.
 * Python: get_all_start_methods.
 */
BROOD_API size_t brood_all_start_methods(brood_start_method *methods, size_t cap);

/**
 * Sets the start method of the default context, once, before that is first used.
 * Libraries make a context of their own instead.
 * Fails with: BROOD_EBUSY (it is settled), BROOD_ENOTSUP. Python: set_start_method.
 */
BROOD_API int brood_set_start_method(brood_start_method method);

/**
 * That of the default context: what was set; else, in a child, the one by which it was
 * started; else the environment's BROOD_START_METHOD; else spawn.
 * Python: get_start_method.
 */
BROOD_API brood_start_method brood_get_start_method(void);

/** Where what a child writes goes. */
typedef enum brood_stdio {
    BROOD_STDIO_INHERIT = 0, /**< where this program's goes */
    BROOD_STDIO_NULL,        /**< nowhere */
    BROOD_STDIO_CAPTURE      /**< to on_line, line by line; of standard error the last 4 KiB are
                                  kept for the brood_error of a worker that is lost */
} brood_stdio;

/** What a child prints to. */
typedef enum brood_stream { BROOD_STREAM_OUT = 1, BROOD_STREAM_ERR } brood_stream;

/**
 * A line that a child has printed. Valid during the call only.
 *
 * task and index are those of the task that the child had begun last when the line was
 * read, which is soon after it was printed, but not at once: a line of a short task may
 * bear the number of the next one. What a child prints before its first task has task 0.
 */
typedef struct brood_line {
    const char *text;    /**< without its end, "\n" or "\r\n"; any bytes, then a NUL */
    size_t size;         /**< bytes of text, without that NUL */
    brood_stream stream; /**< where it was printed */
    int cut;          /**< 1: it was longer than 8 KiB, and goes on in the next one of its stream */
    int64_t worker;   /**< process id */
    const char *name; /**< "worker", "forkserver", or that of the process */
    uint64_t task;    /**< of a pool: as brood_future_number(); 0: none; of a process: 0 */
    size_t index;     /**< of a map, the item's number; else 0 */
} brood_line;

/** How children start: made once, used by any number of pools and processes. */
typedef struct brood_context brood_context;

/** Zero in a field means the default. */
typedef struct brood_context_options {
    size_t struct_size;
    brood_start_method method;
    const char *executable;  /**< UTF-8 path of the worker program: brood-worker, or one of your
                                  own that calls brood_main; this program */
    brood_function *preload; /**< of a forkserver: runs once in it, before it forks; what this
                                  leaves in memory is there in every child. It may start no
                                  threads; its failure is BROOD_ETASK of whoever starts a child */
    int fork_anyway; /**< 1: fork although this program runs threads that are not brood's, which
                          are then missing in the child, and what they had locked stays locked */
    const char *const *env; /**< changes to the environment, up to NULL: "NAME=value" is set,
                                 "NAME" is taken out */
    const char *directory;  /**< UTF-8 path; this program's at the moment of the start */
    brood_stdio out, err;   /**< standard output, standard error */
    uint64_t memory; /**< bytes that each child may have of its own (Linux: RLIMIT_DATA, other
                          POSIX systems: RLIMIT_AS, Windows: of its job); no limit */
    uint32_t nice;   /**< 0 to 19, the most patient; Windows: from 1 on below normal, from
                          10 on idle */
    uint32_t ncpus;
    const uint32_t
        *cpus; /**< the `ncpus` cpus that children may use, from 0; all; Linux, Windows */
    const char *const *modules; /**< UTF-8 paths of up to 16 shared libraries, up to NULL: each
                                     child loads them first, in this order, and calls of each
                                     `int brood_module_init(void)` if that is exported. What is
                                     not 0 there ends the child. Not for a fork */
    void (*on_line)(const brood_line *line, void *baton); /**< hears what is captured; nobody */
    void *baton;                                          /**< its last argument */
} brood_context_options;

/** BROOD_CONTEXT(.executable = path): the fields named, the others default. */
#define BROOD_CONTEXT(...)                                                                         \
    (&(brood_context_options){.struct_size = sizeof(brood_context_options), __VA_ARGS__})

/** For C++, which has no compound literals: a struct with every default. */
#define BROOD_CONTEXT_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(brood_context_options), BROOD_DEFAULT_METHOD, 0, 0, 0, 0, 0, BROOD_STDIO_INHERIT,   \
            BROOD_STDIO_INHERIT, 0, 0, 0, 0, 0, 0, 0                                               \
    }

/**
 * Makes a context. options may be NULL. Any thread; the context must outlive
 * the pools and processes that use it. To be freed with brood_context_destroy().
 * All that it is given is copied.
 *
 * A context that captures has one thread, from its first child on. It calls on_line, one
 * line after another, in the order of each stream; a slow on_line keeps up only what the
 * children print, and one of them waits when its pipe (some 64 KiB) is full. on_line may
 * hand in tasks to pools that are there. It must not start or wait for children of its
 * context, which may be waiting for it, and so neither make or end their pools nor end the
 * context. With the start method fork, what it has locked is locked in the child too.
 * In a child whose standard output is captured, that is written line by line, as on a
 * terminal (on Windows after each task), and what stands in its buffer at a crash is lost.
 *
 * Fails with: BROOD_ENOTSUP (the start method), BROOD_EINVAL (preload without a
 * forkserver, a program of its own or modules for a fork, more than 16 modules, nice above
 * 19, a change of the environment without a name, a cpu above 1,023, on_line with nothing to
 * capture), the system's error (the program or a module is not there, or may not be executed
 * or read), BROOD_ENOMEM.
 * Python: multiprocessing.get_context.
 */
BROOD_API int brood_context_create(brood_context **out, const brood_context_options *options);

/**
 * Frees a context that nothing uses any more, and ends its forkserver. All that was
 * captured has been told when it returns. Not within on_line. Accepts NULL.
 */
BROOD_API void brood_context_destroy(brood_context *context);

#ifdef __cplusplus
}
#endif

#endif
