/*
 * The bell: one process wakes another that parked on a word in shared memory.
 * Called by the links and the shared objects above, and by the waiter for its own
 * bell. The one thing to know: on Linux the word is a futex and needs no handle;
 * a handle is an eventfd, elsewhere a fifo without a name, and in both the same
 * eight bytes are written, so the ringer need not know which one it inherited.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#ifndef BRD_NO_EVENTFD
#include <sys/eventfd.h>
#endif
#else
#define BRD_NO_EVENTFD 1
#endif

_Static_assert(sizeof(_Atomic uint32_t) == 4, "a futex is four bytes");

#if defined(BRD_NO_EVENTFD)

// One descriptor must both ring and wait, so no pipe: a fifo opened for both.
static int fifo_open(int *out)
{
    const char *base = brd_env_trusted("TMPDIR");
    char place[PATH_MAX - 8];
    char path[PATH_MAX];
    int fd = -1;
    int error = 0;
    int size = snprintf(place, sizeof place, "%s/brood-XXXXXX", base && *base ? base : "/tmp");
    if (size < 0 || (size_t)size >= sizeof place)
        return ENAMETOOLONG;
    if (!mkdtemp(place))
        return brd_error(errno);
    snprintf(path, sizeof path, "%s/bell", place);
    if (mkfifo(path, 0600) == 0) {
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        error = errno;
        unlink(path);
    } else {
        error = errno;
    }
    rmdir(place);
    errno = error;
    *out = fd;
    return brd_fd_own(out);
}

int brd_bell_make(int *out)
{
    int fd = -1;
    int status = fifo_open(&fd);
    if (status == 0)
        *out = fd;
    return status;
}

#else

int brd_bell_make(int *out)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int status = brd_fd_own(&fd);
    if (status == 0)
        *out = fd;
    return status;
}

#endif

void brd_bell_signal(int fd)
{
    const uint64_t one = 1;
    ssize_t put = 0;
    // EAGAIN means that it is ringing already, and then one more says nothing.
    do {
        put = write(fd, &one, sizeof one);
    } while (put < 0 && errno == EINTR);
}

void brd_bell_drain(int fd)
{
    uint64_t rings[64];
    ssize_t got = 0;
    do {
        got = read(fd, rings, sizeof rings);
    } while ((got < 0 && errno == EINTR) || got == (ssize_t)sizeof rings);
}

int brd_os_bell_open(brd_handle *out)
{
    int fd = -1;
    int status = 0;
#if defined(__linux__)
    if (!brd_knob("BROOD_OS_BELL", "handle")) {
        *out = BRD_NONE;
        return 0;
    }
#endif
    status = brd_bell_make(&fd);
    if (status == 0)
        *out = brd_fd_handle(fd);
    return status;
}

static int word_wait(_Atomic uint32_t *word, brd_time until)
{
#if defined(__linux__)
    struct timespec end = brd_time_spec(until);
    // WAIT_BITSET, because its time is absolute on the clock of brd_os_now.
    long woken = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, 1, until == BRD_FOREVER ? NULL : &end,
                         NULL, FUTEX_BITSET_MATCH_ANY);
    if (woken == 0 || errno == EAGAIN || errno == EINTR)
        return 0;
    return errno == ETIMEDOUT ? BROOD_ETIMEDOUT : brd_error(errno);
#else
    (void)word;
    (void)until;
    return BROOD_EINVAL;
#endif
}

static void word_wake(_Atomic uint32_t *word)
{
#if defined(__linux__)
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
#else
    (void)word;
#endif
}

int brd_os_bell_wait(const brd_bell *b, brd_time until)
{
    struct pollfd rung = {.fd = brd_fd_of(b->handle), .events = POLLIN};
    int status = 0;
    if (atomic_load(b->word) != 1)
        return 0;
    if (brd_is_none(b->handle))
        return word_wait(b->word, until);
    status = brd_fd_poll(&rung, 1, until);
    if (status == 0 && (rung.revents & POLLNVAL))
        status = EBADF;
    if (status == 0)
        brd_bell_drain(rung.fd);
    return status;
}

void brd_os_bell_ring(const brd_bell *b)
{
    // The load first: most rings find the waiter awake, and must not write.
    if (atomic_load(b->word) != 1 || atomic_exchange(b->word, 0) != 1)
        return;
    if (brd_is_none(b->handle))
        word_wake(b->word);
    else
        brd_bell_signal(brd_fd_of(b->handle));
}
