/*
 * Descriptors: closing them, moving them above stdin, stdout and stderr, and
 * waiting on them. Used by every other file of this room. The one thing to know:
 * a host may run with 0, 1 or 2 closed, so any fresh descriptor can be one of
 * them, and a later printf of somebody else would end up in our channel.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_OURS = 3, MOST_KNOWN = 1 << 20 };

// Which descriptors are ours: a fork keeps the host's and closes these. Two words a
// cache line would do; untouched pages cost nothing.
static _Atomic uint64_t ours[MOST_KNOWN / 64];
static _Atomic int ours_top; // one above the highest that ever was

static pthread_mutex_t fork_lock = PTHREAD_MUTEX_INITIALIZER;

void brd_fork_lock(void)
{
    pthread_mutex_lock(&fork_lock);
}

void brd_fork_unlock(void)
{
    pthread_mutex_unlock(&fork_lock);
}

void brd_fd_note(int fd)
{
    int top = atomic_load(&ours_top);
    if (fd < 0 || fd >= MOST_KNOWN)
        return;
    atomic_fetch_or(&ours[fd / 64], UINT64_C(1) << (fd % 64));
    while (fd >= top && !atomic_compare_exchange_weak(&ours_top, &top, fd + 1))
        continue;
}

void brd_fd_forget(int fd)
{
    if (fd >= 0 && fd < MOST_KNOWN)
        atomic_fetch_and(&ours[fd / 64], ~(UINT64_C(1) << (fd % 64)));
}

static bool is_listed(int fd, const brd_handle *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (brd_fd_of(list[i]) == fd)
            return true;
    return false;
}

void brd_fd_close_ours(const brd_handle *but, size_t count)
{
    int top = atomic_load(&ours_top);
    for (int fd = FIRST_OURS; fd < top; fd++) {
        uint64_t word = atomic_load(&ours[fd / 64]);
        if (!(word >> (fd % 64) & 1) || is_listed(fd, but, count))
            continue;
        brd_fd_forget(fd);
        close(fd);
    }
}

int brd_error(int error)
{
    if (error == ENOMEM)
        return BROOD_ENOMEM;
    return error ? error : EIO;
}

bool brd_knob(const char *name, const char *value)
{
    const char *set = brd_env_trusted(name);
    return set && strcmp(set, value) == 0;
}

void brd_fd_close(int *fd)
{
    // EINTR of close leaves the descriptor closed on Linux: never again.
    if (*fd >= 0) {
        brd_fork_lock();
        brd_fd_forget(*fd);
        close(*fd);
        brd_fork_unlock();
    }
    *fd = -1;
}

void brd_os_close(brd_handle *h)
{
    int fd = brd_fd_of(*h);
    brd_fd_close(&fd);
    *h = BRD_NONE;
}

int brd_fd_duplicate(int fd, int least, int *out)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, least);
    if (copy < 0)
        return brd_error(errno);
    brd_fd_note(copy);
    *out = copy;
    return 0;
}

int brd_os_copy(brd_handle h, brd_handle *out)
{
    int fd = -1;
    int status = brd_fd_duplicate(brd_fd_of(h), FIRST_OURS, &fd);
    if (status == 0)
        *out = brd_fd_handle(fd);
    return status;
}

void brd_os_keep(brd_handle h)
{
    brd_fd_note(brd_fd_of(h));
}

intptr_t brd_os_hand_over(brd_handle *h)
{
    intptr_t os = h->os;
    brd_fd_forget(brd_fd_of(*h));
    *h = BRD_NONE;
    return os;
}

int brd_fd_own(int *fd)
{
    int status = 0;
    int moved = -1;
    if (*fd < 0)
        return brd_error(errno);
    if (*fd < FIRST_OURS) {
        status = brd_fd_duplicate(*fd, FIRST_OURS, &moved);
        brd_fd_close(fd);
        *fd = moved;
    } else if (fcntl(*fd, F_SETFD, FD_CLOEXEC) < 0) {
        status = brd_error(errno);
        brd_fd_close(fd);
    }
    brd_fd_note(*fd);
    return status;
}

int brd_pipe_open(int ends[2])
{
    int status = 0;
#if defined(__APPLE__)
    int made = pipe(ends);
#else
    int made = pipe2(ends, O_CLOEXEC);
#endif
    if (made < 0)
        return brd_error(errno);
    for (int i = 0; i < 2; i++) {
        int owned = brd_fd_own(&ends[i]);
        status = status ? status : owned;
    }
    if (status) {
        brd_fd_close(&ends[0]);
        brd_fd_close(&ends[1]);
    }
    return status;
}

int brd_fd_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return brd_error(errno);
    return 0;
}

int64_t brd_time_left(brd_time until)
{
    brd_time now = brd_os_now();
    return until > now ? until - now : 0;
}

struct timespec brd_time_spec(int64_t nanoseconds)
{
    struct timespec spec = {0};
    if (nanoseconds > 0) {
        spec.tv_sec = (time_t)(nanoseconds / INT64_C(1000000000));
        spec.tv_nsec = (long)(nanoseconds % INT64_C(1000000000));
    }
    return spec;
}

static int poll_once(struct pollfd *set, size_t count, brd_time until)
{
#if defined(__linux__)
    struct timespec left = {0};
    if (until != BRD_FOREVER)
        left = brd_time_spec(brd_time_left(until));
    return ppoll(set, (nfds_t)count, until == BRD_FOREVER ? NULL : &left, NULL);
#else
    int ms = -1;
    if (until != BRD_FOREVER) {
        int64_t up = (brd_time_left(until) + BRD_MS - 1) / BRD_MS;
        ms = up > 1000000 ? 1000000 : (int)up;
    }
    return poll(set, (nfds_t)count, ms);
#endif
}

int brd_fd_poll(struct pollfd *set, size_t count, brd_time until)
{
    for (;;) {
        int ready = poll_once(set, count, until);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return brd_error(errno);
        if (ready == 0 && until != BRD_FOREVER && brd_time_left(until) == 0)
            return BROOD_ETIMEDOUT;
    }
}
