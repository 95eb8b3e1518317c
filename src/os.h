/**
 * The door to the operating system. Whoever ports brood reads only this file and the two
 * behind it: os_shared.h, the memory that processes share, and os_facts.h, which waits for
 * nothing and moves nothing. src/posix and src/win32 are its two implementations, with a file
 * of the same name for each group below. Nothing above the rooms
 * includes a system header.
 *
 * House rules, true for every function here:
 *
 *  1. All return int unless said otherwise: 0, a BROOD_E code of
 *     <brood/status.h>, or the system's own error (errno on POSIX, 720000 +
 *     GetLastError() on Windows, as APR has it). Out of memory is BROOD_ENOMEM.
 *  2. Out-parameters are written only on success.
 *  3. Nothing blocks unless it takes `until`, an absolute time of brd_os_now();
 *     BRD_FOREVER never comes, 0 is always over. EINTR is never seen outside.
 *  4. Every handle is born non-inheritable. Only brd_os_proc_start lets handles
 *     through, and only those on its list. No handle of ours is 0, 1 or 2.
 *  5. Closers accept none, leave none, and may be called twice.
 *  6. Nothing process-global is touched: no signal handler, no disposition, no
 *     mask, no umask, no directory, no waitpid(-1); no SIGPIPE is ever raised.
 *     (brd_os_child_setup is for our own children, and says what it changes.)
 *  7. The rooms never log, never abort, and keep no state beyond what they hand
 *     out (but for the lock that serialises starts, and what a thread pool is to
 *     tell). Strings are UTF-8.
 *  8. Arguments that make no sense, such as none for a handle or a process, are
 *     BROOD_EINVAL.
 *
 * The knobs in the environment that force the road less travelled (tests):
 * BROOD_OS_WAITER=poll, BROOD_OS_BELL=handle, BROOD_OS_LIFE=pid,
 * BROOD_OS_START=forkexec, BROOD_OS_PARK=poll, BROOD_OS_SHM=file. Read when the object concerned
 * is made.
 */
#ifndef BRD_OS_H
#define BRD_OS_H

#include <brood/status.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------------------ handles */

/** An fd or a HANDLE. */
typedef struct brd_handle {
    intptr_t os;
} brd_handle;

#define BRD_NONE ((brd_handle){-1})

static inline bool brd_is_none(brd_handle h)
{
    return h.os == -1;
}

/** Closes the handle, which may also be a copy of one of the host's, and leaves none. */
void brd_os_close(brd_handle *h);

/**
 * A duplicate of a handle that the host made: of a file, a pipe, a socket. *out is new.
 * Fails with: the system's error (no such handle).
 */
int brd_os_copy(brd_handle h, brd_handle *out);

/** A handle that another library made is one of ours until it is handed over: a process
 * that is forked meanwhile does not have it. */
void brd_os_keep(brd_handle h);

/** It is the host's from now on, and stays non-inheritable; leaves none. */
intptr_t brd_os_hand_over(brd_handle *h);

/* --------------------------------------------------------------------- time */

/** Nanoseconds of a clock that never jumps. */
typedef int64_t brd_time;

#define BRD_FOREVER INT64_MAX
#define BRD_MS      INT64_C(1000000)

brd_time brd_os_now(void);

/* ----------------------------------------------------------- channels: chan */

/**
 * A stream of bytes between two processes, both ways, on which handles travel
 * too: a socket pair, or a one-instance named pipe with both ends opened here. One thread may read
 * while another writes.
 */
typedef struct brd_chan brd_chan;

/**
 * Makes a channel. *mine stays here; *theirs goes on the list of a
 * brd_os_proc_start, then it is closed. Both are new.
 */
int brd_os_chan_pair(brd_chan **mine, brd_handle *theirs);

/**
 * Makes a one-way channel for what a child prints: *mine is only ever read, and ends when
 * nobody holds the other end any more; *theirs is a plain stream, for output or errors of
 * brd_launch, then it is closed. A writer waits while it is full. Both are new.
 */
int brd_os_chan_output(brd_chan **mine, brd_handle *theirs);

/**
 * The child's side: makes a channel of the handle that it inherited, and owns it on success.
 * A connected TCP socket becomes a channel too, without delay (TCP_NODELAY), and no handles travel;
 * a peer that vanished while nothing was on its way is noticed after two minutes.
 */
int brd_os_chan_adopt(brd_chan **out, brd_handle theirs);

/**
 * Reads what is there, up to cap bytes, never waiting. *got >= 1 on success.
 * Fails with: BROOD_EAGAIN (nothing there), BROOD_ECLOSED (the peer is gone and
 * all was read), BROOD_EPROTOCOL (more handles came than may be under way; the
 * channel is then of no more use).
 */
int brd_os_chan_read(brd_chan *c, void *buffer, size_t cap, size_t *got);

/**
 * Writes what fits, never waiting. *put >= 1 on success.
 * Fails with: BROOD_EAGAIN (full), BROOD_ECLOSED (the peer is gone), BROOD_EINVAL (one-way).
 */
int brd_os_chan_write(brd_chan *c, const void *bytes, size_t size, size_t *put);

/** What a channel can be ready for. */
enum { BRD_READ = 1, BRD_WRITE = 2 };

/**
 * Waits until the channel is ready for one of `want`, or its peer is gone.
 * Fails with: BROOD_ETIMEDOUT.
 */
int brd_os_chan_wait(brd_chan *c, unsigned want, brd_time until);

/**
 * Hands a duplicate of a handle to the peer. The caller then writes *token to the peer,
 * which turns it into a handle with brd_os_chan_take. At most 16 may be under way; one
 * more is BROOD_EAGAIN. (POSIX: the descriptor rides on the next byte written, the token
 * counts the handles given. Windows: a parent puts it into its child and tells its value
 * there; anybody else keeps the duplicate, and whoever takes it fetches and closes it.)
 * Fails with: BROOD_ECLOSED (the child is gone), BROOD_ENOTSUP (it came by a name, or is
 * TCP), the system's error.
 */
int brd_os_chan_give(brd_chan *c, brd_handle h, uint64_t *token);

/** Takes back what was given and is not written yet; on Windows it is the peer's at once. */
void brd_os_chan_take_back(brd_chan *c);

/** What this end is made of: to be copied for another process. Borrowed. */
brd_handle brd_os_chan_handle(const brd_chan *c);

/** The peer is the parent of this process: what it says that it put in here is believed. */
void brd_os_chan_trust(brd_chan *c);

/**
 * The handle that the peer gave. *out is new.
 * Fails with: BROOD_EPROTOCOL (no such token; a pseudo handle), the system's error (it
 * came, and this process may open no more).
 */
int brd_os_chan_take(brd_chan *c, uint64_t token, brd_handle *out);

/**
 * Closes this end. What was written and is still on its way gets up to a second
 * to leave. A channel that a waiter watches is taken from it first.
 */
void brd_os_chan_close(brd_chan **c);

/* ------------------------------------------------------------- names: name */

/** A place where channels from other processes come in: a local name, or a TCP socket. */
typedef struct brd_name brd_name;

/** Who is at the other end of a channel that came in. */
typedef struct brd_peer {
    int64_t pid;        /* a local name's peer, for people: it may be gone; 0: not known */
    uint8_t source[16]; /* TCP: its IPv6 address, or IPv4 as ::ffff:a.b.c.d; local: zeroed */
    uint8_t
        here[18]; /* TCP: the address that it reached, likewise, and the port, high byte first */
} brd_peer;

enum { BRD_LOCAL_SIZE = 256 }; /* room for every local name */

/**
 * A fresh local name that nobody can guess: on POSIX the path of a socket in a directory
 * that only this user can enter, made here; on Windows that of a pipe.
 * Fails with: BROOD_EINVAL (it does not fit), EPERM (the directory is open to others).
 */
int brd_os_name_private(char *buffer, size_t cap);

/** The local name, in the same place, for a word: 1 to 64 characters of A-Z a-z 0-9 . _ - */
int brd_os_name_local(const char *word, char *buffer, size_t cap);

/**
 * Listens under a local name of the two above; a name whose listener died is free. *out is new.
 * Fails with: BROOD_EBUSY (somebody listens there), BROOD_EINVAL (no such name, too long).
 */
int brd_os_name_listen(brd_name **out, const char *local);

/**
 * To be called for a TCP socket before it is bound, so that no other process can take its
 * address from it, and that what is left of a dead listener does not keep it.
 */
int brd_os_name_protect(brd_handle socket);

/** The same of a TCP socket that listens already; it is taken over on success. */
int brd_os_name_adopt(brd_name **out, brd_handle socket);

/**
 * The next channel that came in, never waiting. *out is new; peer may be NULL. A local
 * peer that is another user's is refused in here. Handles do not travel on such channels.
 * Fails with: BROOD_EAGAIN (nobody there); the system's error, such as no more handles:
 * who came stays, so the name stays ready; but not one for whose channel there is no
 * memory, who is hung up on.
 */
int brd_os_name_accept(brd_name *n, brd_chan **out, brd_peer *peer);

/**
 * Connects to a local name; waits only while its listener has too many waiting. *out is new.
 * Fails with: BROOD_ECLOSED (nobody listens there), BROOD_ETIMEDOUT, the system's error
 * (EACCES: the listener is neither this user's nor the system's).
 */
int brd_os_name_connect(brd_chan **out, const char *local, brd_time until);

/**
 * Listens no longer, and removes the name. Taken from a waiter first. (Windows: the name is
 * not free before the channels that came in there are closed as well.)
 */
void brd_os_name_close(brd_name **n);

/* ---------------------------------------------------------- processes: proc */

/** How a process ended; kind is a brood_exit_kind, never BROOD_EXIT_NONE. */
typedef struct brd_exit {
    brood_exit_kind kind;
    int64_t code;
} brd_exit;

/** A child of ours, or one that was adopted. Zeroed means none. */
typedef struct brd_proc {
    brd_handle life;  /* becomes ready when the process ends; none: by pid only */
    brd_handle group; /* Windows: the job that the whole tree dies with */
    brd_handle news;  /* of another process's child: where that one tells how it ended */
    int64_t pid;      /* 0: none */
    bool reaped;      /* `ended` is known */
    bool blind;       /* adopted without a handle of its own: `life` is its news */
    brd_exit ended;
} brd_proc;

/** What to start. */
typedef struct brd_launch {
    const char *program;       /* absolute path */
    const char *const *argv;   /* ends with NULL; argv[0] is there */
    const char *const *env;    /* ends with NULL; NULL: this process's own */
    const char *directory;     /* NULL: this process's own */
    uint64_t memory;           /* Windows: bytes that it may have; 0: all */
    bool no_output, no_errors; /* an empty stdout, stderr instead of this process's */
    const brd_handle *output;  /* its stdout; NULL: as no_output says */
    const brd_handle *errors;  /* its stderr; NULL: as no_errors says */
    const brd_handle *inherit; /* what the child gets, besides stdout and stderr */
    size_t ninherit;
    brd_chan *channel; /* the parent's end, which learns who its peer is; may be NULL */
} brd_launch;

/**
 * This process's environment with changes: "NAME=value" is set, "NAME" is taken out.
 * *out is new: brd_os_env_free, before changes or the environment change.
 */
int brd_os_env_make(const char *const *changes, const char *const **out);
/** Accepts NULL. */
void brd_os_env_free(const char *const *list);

/**
 * Starts a process that sees exactly the listed handles, stdout, stderr and an
 * empty stdin; default signal dispositions, none blocked but the terminal's
 * interrupt, which waits for brd_os_child_setup; no console window; a process group
 * or job of its own, which ends with it. A
 * program that cannot be executed is this call's error, not an exit code of the
 * child. On Linux the child dies with the *thread* that called, once it called
 * brd_os_child_setup; on Windows with this process.
 * *out is new: brd_os_proc_close ends our record of it, not the process.
 * Fails with: the system's error (ENOENT, EACCES, EAGAIN ...).
 */
int brd_os_proc_start(brd_proc *out, const brd_launch *how);

/** Whether brd_os_proc_fork is there: not on Windows, and not where the system's own
 * libraries do not survive it (macOS). */
bool brd_os_can_fork(void);

/**
 * Starts a process as a copy of this one, which goes on behind this call, with the
 * calling thread as its only one: *child tells which of the two returned. The copy has
 * default dispositions, an empty stdin, nothing in the buffers of stdout and stderr, a
 * group of its own, and of this library's handles only those listed, at their own numbers
 * (the host's are all there); program and argv are not looked at. In the copy a failure
 * means that it is not fit to go on, and *out is not written.
 * Fails with: BROOD_ENOTSUP, the system's error.
 */
int brd_os_proc_fork(brd_proc *out, const brd_launch *how, bool *child);

/**
 * The value that how->inherit[index] has in the child; callable before the
 * start, so that it can be written into argv.
 */
brd_handle brd_os_proc_inherited(const brd_launch *how, size_t index);

/**
 * Waits for the end and tells how it came. Reaps once; later calls repeat the
 * answer. If somebody else reaped the child, the kind is BROOD_EXIT_UNKNOWN
 * unless the system can still tell.
 * Fails with: BROOD_ETIMEDOUT.
 */
int brd_os_proc_wait(brd_proc *p, brd_time until, brd_exit *out);

/**
 * Ends the process and what it has started: forced, nothing can stop it (SIGKILL,
 * TerminateJobObject);
 * not forced, it is asked (SIGTERM; on Windows the same as forced). Never hits
 * another process that got the same pid. Fine on one that has ended.
 */
int brd_os_proc_kill(brd_proc *p, bool force);

/** Forgets the process, which goes on if it still runs. Taken from a waiter first. */
void brd_os_proc_close(brd_proc *p);

/* ----------------------------------------------- children of others: news */

/**
 * The record of a process that another process started, and waits for. life becomes
 * ready when it ends: a handle of it, the reader of a line, or none, and then only its
 * parent can tell. Through news that tells how it ended, with brd_os_news_tell. Both are
 * taken over. For such a one that has ended, brd_os_proc_wait may take up to half a second
 * more than it was given, to hear the news.
 */
int brd_os_proc_adopt(brd_proc *out, int64_t pid, brd_handle life, brd_handle news);

/**
 * The record of the process that started this one, good for a waiter only.
 * Fails with: BROOD_ECLOSED (it is gone), BROOD_ENOTSUP (there is no handle for it).
 */
int brd_os_proc_parent(brd_proc *out, int64_t parent);

/** A way for the news of one process. Both ends are new. */
int brd_os_news_open(brd_handle *reader, brd_handle *writer);
void brd_os_news_tell(brd_handle writer, const brd_exit *ended);

/**
 * Such a way can be a line too: nobody but the process holds its writer, and says nothing,
 * so that the reader becomes ready when it ends. Cutting a copy of the reader makes all
 * copies ready at once. Leaves none.
 */
void brd_os_line_cut(brd_handle *reader);

/* ------------------------------------------------------ in the child: child */

/**
 * Makes a child of ours fit for work: dies with its parent (PR_SET_PDEATHSIG, which
 * Linux sends when the thread that started it ends, so not if it is to be `alone`;
 * then a check that the parent is still `parent`), ignores the terminal's
 * interrupt, shows no crash dialogs, closes inherited descriptors above
 * `last_inherited` where the start could not.
 * Fails with: BROOD_ECLOSED (the parent is gone already).
 */
int brd_os_child_setup(int64_t parent, brd_handle last_inherited, bool alone);

/** From now on this child does not end with the thread that started it. */
void brd_os_child_stay(void);

/** What ends a process that is not ready to listen to its parent. */
typedef struct brd_guard brd_guard;

/**
 * Until the guard is ended, this process ends with `code` when the peer of this channel is
 * gone; nobody reads from that meanwhile. (Windows: none is needed, as the job ends a child
 * with its parent.) *out is new. Fails with: BROOD_ENOMEM, the system's error.
 */
int brd_os_child_guard(brd_guard **out, brd_handle channel, int code);
/** Accepts none, leaves none. */
void brd_os_child_guard_end(brd_guard **guard);

/** What a child keeps to. Zeroed means no limits. */
typedef struct brd_limits {
    uint64_t memory;   /* bytes of its own; on Windows the start sees to that */
    uint32_t nice;     /* 0 to 19 */
    uint32_t ncpus;    /* bits set in cpus; 0: all */
    uint64_t cpus[16]; /* which cpus it may use */
} brd_limits;

/**
 * Sets the limits of this process, for good.
 * Fails with: the system's error (no such cpu ...), BROOD_ENOTSUP.
 */
int brd_os_child_limit(const brd_limits *limits);

/** Ends this process at once: no atexit, no flush, no unwinding. */
_Noreturn void brd_os_exit(int code);

/**
 * Argument number `index` of this process's own command line.
 * Fails with: BROOD_EINVAL (no such argument, or it does not fit).
 */
int brd_os_argument(unsigned index, char *buffer, size_t cap);

/* --------------------------------------------------------------- bell: bell */

/**
 * Wakes one waiter across processes, with a word in memory that both share:
 * 0 the waiter is awake, 1 it is parked. The waiter's order is: store 1, look
 * for work once more, brd_os_bell_wait, store 0. The ringer's: make the work
 * visible, a sequentially consistent fence, brd_os_bell_ring.
 *
 * Where the system can wait on a shared word (Linux: futex), the handle is
 * none; elsewhere, and for the bell of a waiter, it is what wakes: an eventfd,
 * a pipe, an auto-reset event.
 */
typedef struct brd_bell {
    _Atomic uint32_t *word;
    brd_handle handle;
} brd_bell;

/** Makes the handle that a bell needs here: none where the word is enough. */
int brd_os_bell_open(brd_handle *out);

/**
 * Sleeps while *word is 1, at the longest `until`. May wake for no reason.
 * Fails with: BROOD_ETIMEDOUT.
 */
int brd_os_bell_wait(const brd_bell *b, brd_time until);

/** If the waiter is parked, marks it awake and wakes it; else does nothing. */
void brd_os_bell_ring(const brd_bell *b);

/* ----------------------------------------------------------- waiter: waiter */

/**
 * Waits for many things at once: channels, ends of processes, and its own bell.
 * Level-triggered, no limit of 64. One thread waits at a time; any thread adds,
 * removes and rings.
 */
typedef struct brd_waiter brd_waiter;

/** What happened to what stands behind the tag. */
typedef struct brd_event {
    void *tag;     /* NULL: the bell */
    unsigned what; /* BRD_READ, BRD_WRITE; BRD_ENDED */
} brd_event;

/**
 * The process ended, or the channel's peer is gone. The two ends of one child come
 * in either order.
 */
enum { BRD_ENDED = 4 };

int brd_os_waiter_open(brd_waiter **out);

/** Watches the channel for `want` and for its end; 0: for nothing any more. */
int brd_os_waiter_chan(brd_waiter *w, brd_chan *c, unsigned want, void *tag);

/** Watches the name, or no longer: BRD_READ when brd_os_name_accept may have something. */
int brd_os_waiter_name(brd_waiter *w, brd_name *n, bool want, void *tag);

/** Watches the process for its end, or no longer. */
int brd_os_waiter_proc(brd_waiter *w, brd_proc *p, bool want, void *tag);

/**
 * Waits for events, at least one on success. A ring is an event with no tag;
 * rings merge, and are over once reported.
 * Fails with: BROOD_ETIMEDOUT.
 */
int brd_os_waiter_wait(brd_waiter *w, brd_time until, brd_event *events, size_t cap, size_t *count);

/** Makes the next or current wait return. Any thread. */
void brd_os_waiter_ring(brd_waiter *w);

/**
 * The handle by which other processes ring this waiter with brd_os_bell_ring.
 * Borrowed: it lives as long as the waiter; it can be inherited.
 */
brd_handle brd_os_waiter_bell(brd_waiter *w);

void brd_os_waiter_close(brd_waiter **w);

/** Something to wait for once: one of the three. */
typedef struct brd_wait {
    brd_chan *chan;    /* bytes to read, or its end */
    brd_proc *proc;    /* its end */
    brd_handle handle; /* the host's: an fd or a socket that can be read; a HANDLE, signalled */
    bool ready;        /* is set */
} brd_wait;

/**
 * Waits until at least one of them is ready, without a waiter made before.
 * Fails with: BROOD_ETIMEDOUT, BROOD_EBUSY (a channel that somebody else waits for),
 * BROOD_EINVAL (more than this process may have open), the system's error (no such handle).
 */
int brd_os_wait_many(brd_wait *things, size_t count, brd_time until);

/* --------------------------------------------------------- threads: thread */

typedef struct brd_thread {
    intptr_t os;
    bool running;
} brd_thread;

typedef union brd_mutex {
    void *align;
    unsigned char room[64];
} brd_mutex;

typedef union brd_cond {
    void *align;
    unsigned char room[64];
} brd_cond;

/** Starts a thread; in it all signals are blocked but those of its own faults. */
int brd_os_thread_start(brd_thread *out, void (*run)(void *), void *baton);
/** The same with a stack of so many bytes: for threads of which there may be a thousand. */
int brd_os_thread_start_small(brd_thread *out, size_t stack, void (*run)(void *), void *baton);
/** Waits for its end. Accepts one that was never started. */
void brd_os_thread_join(brd_thread *t);
/** Nobody will wait for its end; it may be the calling thread itself. Accepts one never started. */
void brd_os_thread_detach(brd_thread *t);

int brd_os_mutex_init(brd_mutex *m);
void brd_os_mutex_lock(brd_mutex *m);
void brd_os_mutex_unlock(brd_mutex *m);
void brd_os_mutex_clear(brd_mutex *m);

int brd_os_cond_init(brd_cond *c);
/** May wake for no reason. Fails with: BROOD_ETIMEDOUT. */
int brd_os_cond_wait(brd_cond *c, brd_mutex *m, brd_time until);
void brd_os_cond_signal(brd_cond *c);
void brd_os_cond_broadcast(brd_cond *c);
void brd_os_cond_clear(brd_cond *c);

/**
 * How many threads run that brd_os_thread_start did not start; 1 is the one that every
 * process has. 1 also where the system does not tell.
 */
int brd_os_thread_foreign(void);

/** How many threads run that brd_os_thread_start started; 0 where nothing can be forked. */
int brd_os_thread_ours(void);

/** Runs init once in this process, whoever calls first. *state starts at 0. */
void brd_os_once(_Atomic int *state, void (*init)(void));

/** The hint for the inside of a spin loop. */
void brd_os_pause(void);
/** The hint that these bytes are about to be read. */
void brd_os_prefetch(const void *bytes, size_t size);
/** Lets another thread run on this cpu. */
void brd_os_yield(void);

#include "os_facts.h"
#include "os_shared.h"

#endif
