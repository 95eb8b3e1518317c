/**
 * What tests do to processes that the library never does: each system in its own file,
 * acts_posix.c and acts_win32.c.
 */
#ifndef BRD_TESTS_ACTS_H
#define BRD_TESTS_ACTS_H

#include "os.h"

/** Ends a process, whoever's it is, as nothing can stop. False: there is none. */
bool act_kill(int64_t pid);

/** What Ctrl-C in its terminal would do to a process. False: not here. */
bool act_interrupt(int64_t pid);

/** Ends this process as act_kill does. */
_Noreturn void act_kill_self(void);

/** Stops a process where it stands. False where no system call does that. */
bool act_stop(int64_t pid);

/** Whether a process stands still, all of it. True where nobody can tell. */
bool act_is_stopped(int64_t pid);

/** Lets a process that was stopped go on. */
bool act_continue(int64_t pid);

/**
 * Starts a program in the way that programs do: not one of our children, but in whatever
 * group or job this process is. Nobody waits for its end.
 */
bool act_start(const char *program, const char *first, const char *second);

/** The same, with whatever handles it then inherits, and waits for its end. */
bool act_run(const char *program, const char *first);

/**
 * As act_start, but the program has this one's standard output and error, and is of a group
 * of its own where a program can leave the one that it was born into.
 */
bool act_start_aside(const char *program, const char *first, const char *second);

/** This process's standard output, or error. */
brd_handle act_stream(bool errors);

/** From now on no signal that can be blocked comes to this thread. */
void act_block_signals(void);

/**
 * From now on a signal comes to this process every millisecond, and breaks off whatever
 * call it waits in. False: not here.
 */
bool act_interruptions_start(void);
/** No more of them; how many came since the start. */
long act_interruptions_end(void);

/** A thread that is not brood's, until act_thread_end. False: not here. */
bool act_thread_start(void);
void act_thread_end(void);

/** Ignores the ends of all children (SIGCHLD), as some hosts do. False: not here. */
bool act_ignore_children(void);
/** Waits for whatever child ends, as some hosts do; act_thread_end. False: not here. */
bool act_reap_children(void);

/** Closes standard input, output and error. */
void act_close_standard(void);
/** From now on this process and its children have no /proc. False: not here, or not allowed. */
bool act_hide_proc(void);

/** Bytes of the longest path that programs may have. */
size_t act_longest_path(void);

/** A cpu that this process may use. */
uint32_t act_some_cpu(void);
/** How nice this process is: as what a context asked for, or as one that does the same. */
int act_niceness(void);

/**
 * Lets a process run until it has come to that many of its main thread's system calls, their
 * beginnings and ends counted alike, and ends it there. `go` is set to 2 when the count begins.
 * False: it ended by itself before that, or that cannot be done here. Of its own children only.
 */
bool act_kill_at_call(int64_t pid, long count, _Atomic int64_t *go);

/** The process whose child this one is. */
int64_t act_parent(void);

/** Something that a careless start would pass on to every child; act_close. */
bool act_open_inheritable(intptr_t *out);

/** True under Wine, which cannot do all that Windows does. */
bool act_is_wine(void);

/** Ends by which a system tells what happened. */
typedef enum act_end {
    ACT_ABORT,
    ACT_SEGFAULT,
    ACT_STACK_OVERFLOW,
    ACT_KILL,
    ACT_TERMINATE /* by the library, which asked first */
} act_end;

/** How such an end looks to the parent. */
brd_exit act_exit(act_end how);

/** Waits for the end of a process that may be anybody's child. */
typedef struct act_watch {
    intptr_t os;
    int64_t pid;
} act_watch;

/** False: there is no such process. To be closed with act_watch_close. */
bool act_watch_open(act_watch *out, int64_t pid);
/** True as soon as it has ended. */
bool act_watch_gone(const act_watch *w, brd_time until);
void act_watch_close(act_watch *w);

/** The channel to this worker's parent. */
brd_handle act_channel(void);
/** Writes to a handle, past whoever owns it. */
bool act_write(brd_handle h, const void *bytes, size_t size);
/** Closes a handle, past whoever owns it. */
bool act_close(brd_handle h);

/** Where the mapping starts that holds this address. NULL: nobody can tell. */
void *act_mapping_of(const void *inside);

#endif
