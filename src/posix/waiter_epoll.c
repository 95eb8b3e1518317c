/*
 * The waiter's engine on epoll. Called by waiter.c only. The one thing to know: epoll
 * hands back 64 bits of ours, which hold the descriptor and the turn of its watch;
 * they are looked up in the waiter's table, never followed as a pointer.
 */
#include "waiter.h"

#if defined(__linux__)

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { AT_ONCE = 64 };

// The table's answers are in poll's words.
_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT, "epoll and poll speak alike");
_Static_assert(EPOLLHUP == POLLHUP && EPOLLERR == POLLERR, "epoll and poll speak alike");

/** What the kernel wants on every machine, whatever time_t is. */
typedef struct kernel_time {
    int64_t seconds;
    int64_t nanoseconds;
} kernel_time;

static uint64_t name_of(int fd, uint32_t turn)
{
    return (uint64_t)turn << 32 | (uint32_t)fd;
}

static int add_bell(int epoll, int bell)
{
    struct epoll_event event = {.events = EPOLLIN};
    event.data.u64 = name_of(bell, 0);
    return epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &event) < 0 ? brd_error(errno) : 0;
}

int brd_epoll_open(brd_waiter *w)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    int status = brd_fd_own(&fd);
    if (status == 0)
        status = add_bell(fd, w->bell);
    if (status)
        brd_fd_close(&fd);
    w->epoll = fd;
    return status;
}

int brd_epoll_wake(brd_waiter *w)
{
    int fd = -1;
    int status = brd_bell_make(&fd);
    if (status == 0)
        status = add_bell(w->epoll, fd);
    if (status)
        brd_fd_close(&fd);
    w->wake = fd;
    return status;
}

int brd_epoll_change(brd_waiter *w, int fd, const brd_watch *now)
{
    struct epoll_event watch = {0};
    watch.data.u64 = name_of(fd, now->turn);
    if (now->want & (BRD_READ | BRD_ENDED))
        watch.events |= EPOLLIN;
    if (now->want & BRD_WRITE)
        watch.events |= EPOLLOUT;
    if (!now->want) {
        // Closed before it was removed: then epoll forgot it by itself.
        if (epoll_ctl(w->epoll, EPOLL_CTL_DEL, fd, &watch) < 0 && errno != ENOENT && errno != EBADF)
            return brd_error(errno);
        return 0;
    }
    if (epoll_ctl(w->epoll, EPOLL_CTL_MOD, fd, &watch) == 0)
        return 0;
    if (errno == ENOENT && epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &watch) == 0)
        return 0;
    return brd_error(errno);
}

static int ask_once(int epoll, struct epoll_event *got, int cap, brd_time until)
{
    int64_t left = until == BRD_FOREVER ? -1 : brd_time_left(until);
    int64_t ms = 0;
    if (left > 0) {
#if defined(SYS_epoll_pwait2)
        kernel_time time = {left / INT64_C(1000000000), left % INT64_C(1000000000)};
        long count = syscall(SYS_epoll_pwait2, epoll, got, cap, &time, NULL, 0);
        // Some sandboxes answer EPERM to a call they do not know.
        if (count >= 0 || (errno != ENOSYS && errno != EPERM))
            return (int)count;
#endif
        ms = (left + BRD_MS - 1) / BRD_MS;
        ms = ms > 1000000 ? 1000000 : ms;
    }
    return epoll_wait(epoll, got, cap, left < 0 ? -1 : (int)ms);
}

static size_t report(brd_waiter *w, const struct epoll_event *got, int count, brd_event *events)
{
    size_t found = 0;
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < count; i++) {
        int fd = (int)(uint32_t)got[i].data.u64;
        uint32_t turn = (uint32_t)(got[i].data.u64 >> 32);
        if (fd == w->bell) {
            brd_bell_drain(fd);
            events[found++] = (brd_event){NULL, BRD_READ};
        } else if (fd == w->wake) {
            brd_bell_drain(fd);
        } else if (brd_watch_event(w, fd, turn, (short)got[i].events, &events[found])) {
            found++;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

int brd_epoll_ask(brd_waiter *w, brd_time until, brd_event *events, size_t cap, size_t *count)
{
    struct epoll_event got[AT_ONCE];
    int ready = ask_once(w->epoll, got, cap < AT_ONCE ? (int)cap : AT_ONCE, until);
    if (ready < 0)
        return errno == EINTR ? BROOD_EAGAIN : brd_error(errno);
    if (ready == 0)
        return BROOD_ETIMEDOUT;
    *count = report(w, got, ready, events);
    return *count ? 0 : BROOD_EAGAIN;
}

#else

int brd_epoll_open(brd_waiter *w)
{
    (void)w;
    return BROOD_ENOTSUP;
}

int brd_epoll_wake(brd_waiter *w)
{
    (void)w;
    return BROOD_ENOTSUP;
}

int brd_epoll_change(brd_waiter *w, int fd, const brd_watch *now)
{
    (void)w;
    (void)fd;
    (void)now;
    return BROOD_ENOTSUP;
}

int brd_epoll_ask(brd_waiter *w, brd_time until, brd_event *events, size_t cap, size_t *count)
{
    (void)w;
    (void)until;
    (void)events;
    (void)cap;
    (void)count;
    return BROOD_ENOTSUP;
}

#endif
