/**
 * What the files of the POSIX room share: descriptors that never are 0, 1 or 2,
 * waiting on descriptors until an absolute time, the errors of the system in
 * the words of the door. Included by src/posix only. Every file of the room
 * includes this first, because _GNU_SOURCE must stand before any header.
 */
#ifndef BRD_POSIX_ROOM_H
#define BRD_POSIX_ROOM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE 1
#endif

#include "os.h"

#include <poll.h>
#include <sys/stat.h>
#include <time.h>

/** glibc before 2.34, musl and the BSDs cannot close the rest in posix_spawn. */
#if defined(__APPLE__)
#define BRD_SPAWN_CLOSES 1
#elif defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define BRD_SPAWN_CLOSES 1
#endif
#endif
#ifndef BRD_SPAWN_CLOSES
#define BRD_SPAWN_CLOSES 0
#endif

static inline int brd_fd_of(brd_handle h)
{
    return (int)h.os;
}

static inline brd_handle brd_fd_handle(int fd)
{
    return (brd_handle){fd};
}

/** errno in the words of the door; never 0. */
int brd_error(int error);

/** getenv; NULL in a program that may do more than whoever started it (setuid). */
const char *brd_env_trusted(const char *name);

/** Whether the environment forces this road. */
bool brd_knob(const char *name, const char *value);

/** Closes what *fd holds and leaves -1. */
void brd_fd_close(int *fd);

/**
 * Takes over a fresh descriptor: moves it above 2 and makes it close-on-exec.
 * *fd is -1 after a failure. -1 going in means that errno tells why.
 */
int brd_fd_own(int *fd);

/** A close-on-exec duplicate that is `least` or above. *out is new. */
int brd_fd_duplicate(int fd, int least, int *out);

/** A pipe; both ends are owned. Where the system can, no other start ever sees them. */
int brd_pipe_open(int ends[2]);

int brd_fd_nonblocking(int fd);

/** Counts a descriptor among ours, or no longer; owning, duplicating and closing do it. */
void brd_fd_note(int fd);
void brd_fd_forget(int fd);

/** In a forked child: closes all that are ours, but those listed. Async-signal-safe. */
void brd_fd_close_ours(const brd_handle *but, size_t count);

/**
 * Held around what a fork in between would leave half-done in its child: the system's
 * own list of modules, our list of descriptors. Nothing under it may wait.
 */
void brd_fork_lock(void);
void brd_fork_unlock(void);

/** In a forked child: none of our threads is there any more. */
void brd_threads_forget(void);

/** Nanoseconds from now to `until`, 0 if it is over. Not for BRD_FOREVER. */
int64_t brd_time_left(brd_time until);

struct timespec brd_time_spec(int64_t nanoseconds);

/** poll() until an absolute time. Fails with: BROOD_ETIMEDOUT. */
int brd_fd_poll(struct pollfd *set, size_t count, brd_time until);

/** What a bell with a handle is made of, and the bell of a waiter. */
int brd_bell_make(int *out);
void brd_bell_signal(int fd);
void brd_bell_drain(int fd);

/** The descriptor behind a channel, for the waiter. */
int brd_chan_fd(const brd_chan *c);

/** No descriptors travel on this channel from now on; one that comes is its end. */
void brd_chan_estrange(brd_chan *c);

/** The descriptor behind a name, for the waiter. */
int brd_name_fd(const brd_name *n);

/** How the files of local names begin: what a user chose, what nobody can guess, and locks. */
#define BRD_WORD_PREFIX    "w-"
#define BRD_PRIVATE_PREFIX "p-"
#define BRD_LOCK_PREFIX    "l-"

#define BRD_SIGN_PREFIX "s-" /* of segments */

/** The path of the file for a word in the private directory. Fails with: BROOD_EINVAL. */
int brd_place_word(const char *prefix, const char *word, char *buffer, size_t cap);

/** The directory of a single name, as mkdtemp wants it. */
#define BRD_PLACE_ALONE "/tmp/brood.XXXXXX"

/** Whether this is a directory that nobody but this user can enter. */
bool brd_place_is_private(const struct stat *is);

/** Removes from the private directory what listeners with a fresh name left when they died. */
void brd_place_sweep(int directory);

/** The handle that tells of the end; none where the system has no such thing. */
brd_handle brd_life_open(int64_t pid);

/** The record of a child that was just born. */
brd_proc brd_proc_of(int64_t pid);

/** In a new child, async-signal-safe: every signal as the system has it by default. */
void brd_child_signals(void);

/** The same: /dev/null as descriptor `target`. Returns errno. */
int brd_child_null(int target, int mode);

/** The same: `source` as descriptor `target`, to which it is written; -1: /dev/null. */
int brd_child_std(int target, int source);

/** How an adopted process ended that has. False: nobody told, and nobody will. */
bool brd_news_exit(const brd_proc *p, brd_exit *out);

/** Whether our own child has ended, without reaping it; also if it is gone. */
bool brd_proc_ended(int64_t pid);

/** Makes the file of this descriptor `size` bytes long, all of them there, and maps it. */
int brd_shm_fill(int fd, size_t size, void **base);

#endif
