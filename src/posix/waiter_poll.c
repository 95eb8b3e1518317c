/*
 * The waiter's engine on poll, for systems without epoll and for the knob. Called by
 * waiter.c only. The one thing to know: poll works on a copy of the table, so every
 * change of the table rings `wake`, a bell that is never reported.
 */
#include "waiter.h"

#include <errno.h>
#include <stdlib.h>

enum { BELL, WAKE, FIRST_WATCH };

int brd_poll_open(brd_waiter *w)
{
    return brd_bell_make(&w->wake);
}

static int set_grow(brd_poll_set *set, size_t count)
{
    size_t cap = set->cap ? set->cap : 64;
    struct pollfd *lines = NULL;
    uint32_t *turns = NULL;
    if (count <= set->cap)
        return 0;
    while (cap < count)
        cap *= 2;
    lines = realloc(set->lines, cap * sizeof *lines);
    if (!lines)
        return BROOD_ENOMEM;
    set->lines = lines;
    turns = realloc(set->turns, cap * sizeof *turns);
    if (!turns)
        return BROOD_ENOMEM;
    set->turns = turns;
    set->cap = cap;
    return 0;
}

/** Copies the table into lines for poll. The lock is held. */
static int set_fill(brd_waiter *w, size_t *count)
{
    size_t used = FIRST_WATCH;
    int status = set_grow(&w->set, w->nwatches + FIRST_WATCH);
    if (status)
        return status;
    w->set.lines[BELL] = (struct pollfd){.fd = w->bell, .events = POLLIN};
    w->set.lines[WAKE] = (struct pollfd){.fd = w->wake, .events = POLLIN};
    for (size_t fd = 0; fd < w->nwatches; fd++) {
        const brd_watch *on = &w->watches[fd];
        struct pollfd line = {.fd = (int)fd};
        if (!on->want)
            continue;
        if (on->want & (BRD_READ | BRD_ENDED))
            line.events |= POLLIN;
        if (on->want & BRD_WRITE)
            line.events |= POLLOUT;
        w->set.lines[used] = line;
        w->set.turns[used] = on->turn;
        used++;
    }
    *count = used;
    return 0;
}

/** Reports from where the last report ended. The lock is held. */
static size_t report(brd_waiter *w, size_t lines, brd_event *events, size_t cap)
{
    brd_poll_set *set = &w->set;
    size_t watched = lines - FIRST_WATCH;
    size_t found = 0;
    if (set->lines[BELL].revents) {
        brd_bell_drain(w->bell);
        events[found++] = (brd_event){NULL, BRD_READ};
    }
    for (size_t i = 0; i < watched && found < cap; i++) {
        size_t at = FIRST_WATCH + (set->first + i) % watched;
        struct pollfd *line = &set->lines[at];
        if (!brd_watch_event(w, line->fd, set->turns[at], line->revents, &events[found]))
            continue;
        found++;
        if (found == cap)
            set->first = (at - FIRST_WATCH + 1) % watched;
    }
    return found;
}

int brd_poll_ask(brd_waiter *w, brd_time until, brd_event *events, size_t cap, size_t *count)
{
    size_t lines = 0;
    int status = 0;
    pthread_mutex_lock(&w->lock);
    status = set_fill(w, &lines);
    pthread_mutex_unlock(&w->lock);
    if (status)
        return status;
    status = brd_fd_poll(w->set.lines, lines, until);
    if (status)
        return status;
    if (w->set.lines[WAKE].revents)
        brd_bell_drain(w->wake);
    pthread_mutex_lock(&w->lock);
    *count = report(w, lines, events, cap);
    pthread_mutex_unlock(&w->lock);
    return *count ? 0 : BROOD_EAGAIN;
}
