/*
 * The waiter: what is watched, under which tag, and what the system's answers mean.
 * Called by whoever waits for many things. The one thing to know: the answer for a
 * descriptor may come after somebody closed it and a new one got its number, so each
 * watch has a turn, and an answer to an older turn is dropped.
 */
#include "waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum { FIRST_NAP = 1000 * 1000, LAST_NAP = 10 * 1000 * 1000 };

int brd_os_waiter_open(brd_waiter **out)
{
    brd_waiter *w = calloc(1, sizeof *w);
    int status = BROOD_ENOMEM;
    if (!w)
        return status;
    w->bell = -1;
    w->epoll = -1;
    w->wake = -1;
    status = pthread_mutex_init(&w->lock, NULL);
    if (status) {
        free(w);
        return brd_error(status);
    }
    status = brd_bell_make(&w->bell);
    if (status)
        goto done;
    status = BROOD_ENOTSUP;
    if (!brd_knob("BROOD_OS_WAITER", "poll"))
        status = brd_epoll_open(w);
    if (status == BROOD_ENOTSUP)
        status = brd_poll_open(w);
    if (status)
        goto done;
    *out = w;
    w = NULL;
done:
    brd_os_waiter_close(&w);
    return status;
}

void brd_os_waiter_close(brd_waiter **w)
{
    brd_waiter *gone = *w;
    *w = NULL;
    if (!gone)
        return;
    brd_fd_close(&gone->bell);
    brd_fd_close(&gone->epoll);
    brd_fd_close(&gone->wake);
    pthread_mutex_destroy(&gone->lock);
    free(gone->watches);
    free(gone->pids);
    free(gone->set.lines);
    free(gone->set.turns);
    free(gone);
}

void brd_os_waiter_ring(brd_waiter *w)
{
    brd_bell_signal(w->bell);
}

brd_handle brd_os_waiter_bell(brd_waiter *w)
{
    return brd_fd_handle(w->bell);
}

/** Makes the table reach to this descriptor. */
static int watches_grow(brd_waiter *w, size_t fd)
{
    size_t count = w->nwatches ? w->nwatches : 64;
    brd_watch *more = NULL;
    if (fd < w->nwatches)
        return 0;
    while (count <= fd)
        count *= 2;
    more = realloc(w->watches, count * sizeof *more);
    if (!more)
        return BROOD_ENOMEM;
    for (size_t i = w->nwatches; i < count; i++)
        more[i] = (brd_watch){0};
    w->watches = more;
    w->nwatches = count;
    return 0;
}

static int watch_set(brd_waiter *w, int fd, brd_watch now)
{
    brd_watch old = {0};
    int status = fd < 0 ? EBADF : 0;
    pthread_mutex_lock(&w->lock);
    if (status == 0)
        status = watches_grow(w, (size_t)fd);
    if (status)
        goto done;
    old = w->watches[fd];
    if (!old.want && !now.want)
        goto done;
    w->turn++;
    now.turn = w->turn;
    w->watches[fd] = now;
    if (w->epoll >= 0)
        status = brd_epoll_change(w, fd, &now);
    else
        brd_bell_signal(w->wake);
    if (status)
        w->watches[fd] = old;
done:
    pthread_mutex_unlock(&w->lock);
    return status;
}

int brd_os_waiter_chan(brd_waiter *w, brd_chan *c, unsigned want, void *tag)
{
    if (want & ~(unsigned)(BRD_READ | BRD_WRITE))
        return BROOD_EINVAL;
    return watch_set(w, brd_chan_fd(c), (brd_watch){.tag = tag, .want = want});
}

int brd_os_waiter_name(brd_waiter *w, brd_name *n, bool want, void *tag)
{
    return watch_set(w, brd_name_fd(n), (brd_watch){.tag = tag, .want = want ? BRD_READ : 0});
}

static int pids_grow(brd_waiter *w)
{
    size_t cap = w->cap_pids ? w->cap_pids * 2 : 16;
    brd_pid_watch *more = NULL;
    if (w->npids < w->cap_pids)
        return 0;
    more = realloc(w->pids, cap * sizeof *more);
    if (!more)
        return BROOD_ENOMEM;
    w->pids = more;
    w->cap_pids = cap;
    return 0;
}

static int pid_set(brd_waiter *w, brd_pid_watch now, bool want)
{
    size_t at = 0;
    int status = 0;
    pthread_mutex_lock(&w->lock);
    while (at < w->npids && w->pids[at].pid != now.pid)
        at++;
    if (!want) {
        if (at < w->npids)
            w->pids[at] = w->pids[--w->npids];
        goto done;
    }
    status = at == w->npids ? pids_grow(w) : 0;
    if (status == 0 && w->wake < 0)
        status = brd_epoll_wake(w);
    if (status)
        goto done;
    if (at == w->npids)
        w->npids++;
    w->pids[at] = now;
    // Whoever waits already does not know that it has to look after pids.
    brd_bell_signal(w->wake);
done:
    pthread_mutex_unlock(&w->lock);
    return status;
}

int brd_os_waiter_proc(brd_waiter *w, brd_proc *p, bool want, void *tag)
{
    if (p->pid == 0)
        return BROOD_EINVAL;
    if (brd_is_none(p->life))
        return pid_set(w, (brd_pid_watch){.pid = p->pid, .tag = tag}, want);
    return watch_set(w, brd_fd_of(p->life),
                     (brd_watch){.tag = tag, .want = want ? BRD_ENDED : 0, .process = true});
}

/** Reports the ends of children that have no handle. */
static bool pids_ask(brd_waiter *w, brd_event *events, size_t cap, size_t *count)
{
    size_t found = 0;
    bool any = false;
    pthread_mutex_lock(&w->lock);
    any = w->npids > 0;
    for (size_t i = 0; i < w->npids && found < cap; i++) {
        brd_pid_watch *one = &w->pids[i];
        // Once is for ever: the pid may belong to another child later.
        one->ended = one->ended || brd_proc_ended(one->pid);
        if (one->ended)
            events[found++] = (brd_event){one->tag, BRD_ENDED};
    }
    pthread_mutex_unlock(&w->lock);
    *count = found;
    return any;
}

bool brd_watch_event(const brd_waiter *w, int fd, uint32_t turn, short got, brd_event *out)
{
    const brd_watch *on = NULL;
    unsigned what = 0;
    int bytes = 0;
    if (fd < 0 || (size_t)fd >= w->nwatches)
        return false;
    on = &w->watches[fd];
    if (!on->want || on->turn != turn || got == 0)
        return false;
    if (on->process) {
        what = BRD_ENDED;
    } else if (got & (POLLHUP | POLLERR | POLLNVAL)) {
        // A dead peer always reads as ready; say so only if bytes are left.
        what = BRD_ENDED;
        if (ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0)
            what |= BRD_READ;
    } else {
        what = (got & POLLIN ? BRD_READ : 0U) | (got & POLLOUT ? BRD_WRITE : 0U);
        what &= on->want;
    }
    *out = (brd_event){on->tag, what};
    return what != 0;
}

static int engine_ask(brd_waiter *w, brd_time until, brd_event *events, size_t cap, size_t *count)
{
    if (w->epoll >= 0)
        return brd_epoll_ask(w, until, events, cap, count);
    return brd_poll_ask(w, until, events, cap, count);
}

int brd_os_waiter_wait(brd_waiter *w, brd_time until, brd_event *events, size_t cap, size_t *count)
{
    int64_t nap = FIRST_NAP;
    if (cap == 0)
        return BROOD_EINVAL;
    for (;;) {
        size_t ends = 0;
        size_t more = 0;
        brd_time limit = until;
        int status = 0;
        if (pids_ask(w, events, cap, &ends)) {
            brd_time look_again = brd_os_now() + nap;
            limit = look_again < until ? look_again : until;
            nap = nap < LAST_NAP / 2 ? nap * 2 : LAST_NAP;
        }
        if (ends < cap)
            status = engine_ask(w, ends ? 0 : limit, events + ends, cap - ends, &more);
        if (status && status != BROOD_ETIMEDOUT && status != BROOD_EAGAIN)
            return status;
        if (ends + more > 0) {
            *count = ends + more;
            return 0;
        }
        if (until != BRD_FOREVER && brd_time_left(until) == 0)
            return BROOD_ETIMEDOUT;
    }
}
