/**
 * Lines of waiting calls, and the watcher. See line.h.
 *
 * Locks are taken in the order object, watcher, place. The watcher's events name places that
 * may have gone meanwhile: so they carry numbers of slots, never pointers.
 */
#include "manager/line.h"
#include "ipc/pipe.h"
#include <stdlib.h>

enum { EVENTS = 16, FIRST_SLOTS = 16 };

/** Who waits; NULL: nobody. */
typedef struct slot {
    brd_waiter_place *place;
} slot;

struct brd_watcher {
    brd_waiter *waiter;
    brd_mutex lock;
    slot *slots;
    size_t nslots;
    bool stopped;
    brd_thread thread;
};

/* --------------------------------------------------------------- the watcher */

// Under the watcher's lock.
static void tell_gone(brd_waiter_place *place, bool tells)
{
    brd_os_mutex_lock(&place->lock);
    place->gone = true;
    if (tells)
        place->telling = place->told = true;
    brd_os_cond_signal(&place->woken_up);
    brd_os_mutex_unlock(&place->lock);
}

// Without the watcher's lock; the place waits for the end of it.
static void tell_of(brd_waiter_place *place)
{
    place->hung_up(place->baton);
    brd_os_mutex_lock(&place->lock);
    place->telling = false;
    brd_os_cond_signal(&place->woken_up);
    brd_os_mutex_unlock(&place->lock);
}

// A client has nothing to say while its call waits: if there is something to read, it is the
// end. An event may be about one that had the slot before, so the channel is asked again.
static void look_at(brd_watcher *w, size_t number)
{
    brd_chan *chan;
    bool ready = false, tells = false;
    brd_os_mutex_lock(&w->lock);
    brd_waiter_place *place = number < w->nslots ? w->slots[number].place : NULL;
    if (place && brd_pipe_hold(place->pipe, place, &chan, &ready) == BROOD_OK &&
        (ready || brd_os_chan_wait(chan, BRD_READ, 0) == BROOD_OK)) {
        (void)brd_os_waiter_chan(w->waiter, chan, 0, NULL);
        tells = place->runs && !place->told;
        tell_gone(place, tells);
    }
    brd_os_mutex_unlock(&w->lock);
    if (tells)
        tell_of(place);
}

static void watch(void *baton)
{
    brd_watcher *w = baton;
    brd_event events[EVENTS];
    size_t count = 0;
    for (;;) {
        int status = brd_os_waiter_wait(w->waiter, BRD_FOREVER, events, EVENTS, &count);
        for (size_t i = 0; !status && i < count; i++)
            if (events[i].tag)
                look_at(w, (size_t)((uintptr_t)events[i].tag - 1));
    }
}

int brd_watcher_open(brd_watcher **out)
{
    brd_watcher *w = calloc(1, sizeof *w);
    if (!w)
        return BROOD_ENOMEM;
    int status = brd_os_mutex_init(&w->lock);
    if (!status)
        status = brd_os_waiter_open(&w->waiter);
    if (!status)
        status = brd_os_thread_start(&w->thread, watch, w);
    if (status) {
        brd_os_waiter_close(&w->waiter);
        free(w);
        return status;
    }
    *out = w;
    return BROOD_OK;
}

void brd_watcher_stop(brd_watcher *w)
{
    brd_os_mutex_lock(&w->lock);
    w->stopped = true;
    for (size_t i = 0; i < w->nslots; i++)
        if (w->slots[i].place)
            tell_gone(w->slots[i].place, false);
    brd_os_mutex_unlock(&w->lock);
}

// Under the watcher's lock.
static int find_slot(brd_watcher *w, size_t *number)
{
    for (*number = 0; *number < w->nslots; ++*number)
        if (!w->slots[*number].place)
            return BROOD_OK;
    size_t larger = w->nslots ? w->nslots * 2 : FIRST_SLOTS;
    slot *slots = realloc(w->slots, larger * sizeof *slots);
    if (!slots)
        return BROOD_ENOMEM;
    for (size_t i = w->nslots; i < larger; i++)
        slots[i].place = NULL;
    w->slots = slots;
    w->nslots = larger;
    return BROOD_OK;
}

static int begin_watching(brd_watcher *w, brd_waiter_place *place, bool runs)
{
    brd_chan *chan;
    bool ready = false;
    size_t number = 0;
    brd_os_mutex_lock(&w->lock);
    int status = w->stopped ? BROOD_ECLOSED : find_slot(w, &number);
    if (!status)
        status = brd_pipe_hold(place->pipe, place, &chan, &ready);
    if (!status && ready)
        status = BROOD_ECLOSED;
    if (!status)
        status = brd_os_waiter_chan(w->waiter, chan, BRD_READ, (void *)(uintptr_t)(number + 1));
    if (status) {
        brd_pipe_let_go(place->pipe, place);
    } else {
        w->slots[number].place = place;
        place->slot = number;
        place->runs = runs;
    }
    brd_os_mutex_unlock(&w->lock);
    return status;
}

static void end_watching(brd_watcher *w, brd_waiter_place *place)
{
    brd_chan *chan;
    bool ready;
    brd_os_mutex_lock(&w->lock);
    if (brd_pipe_hold(place->pipe, place, &chan, &ready) == BROOD_OK)
        (void)brd_os_waiter_chan(w->waiter, chan, 0, NULL);
    brd_pipe_let_go(place->pipe, place);
    w->slots[place->slot].place = NULL;
    place->runs = false;
    brd_os_mutex_unlock(&w->lock);
}

/* -------------------------------------------------------------------- places */

int brd_place_open(brd_waiter_place *place, brd_watcher *watcher, brood_pipe *pipe)
{
    *place = (brd_waiter_place){.watcher = watcher, .pipe = pipe};
    int status = brd_os_mutex_init(&place->lock);
    if (status)
        return status;
    status = brd_os_cond_init(&place->woken_up);
    if (status)
        brd_os_mutex_clear(&place->lock);
    return status;
}

void brd_place_close(brd_waiter_place *place)
{
    brd_os_cond_clear(&place->woken_up);
    brd_os_mutex_clear(&place->lock);
}

void brd_place_watch(brd_waiter_place *place)
{
    place->gone = false;
    (void)begin_watching(place->watcher, place, true);
}

void brd_place_unwatch(brd_waiter_place *place)
{
    if (!place->runs)
        return;
    end_watching(place->watcher, place);
    brd_os_mutex_lock(&place->lock);
    while (place->telling)
        (void)brd_os_cond_wait(&place->woken_up, &place->lock, BRD_FOREVER);
    brd_os_mutex_unlock(&place->lock);
}

/* --------------------------------------------------------------------- lines */

static void join_line(brd_line *line, brd_waiter_place *place)
{
    place->before = line->last;
    place->after = NULL;
    *(line->last ? &line->last->after : &line->first) = place;
    line->last = place;
    place->in_line = true;
}

static void leave_line(brd_line *line, brd_waiter_place *place)
{
    *(place->before ? &place->before->after : &line->first) = place->after;
    *(place->after ? &place->after->before : &line->last) = place->before;
    place->in_line = false;
}

void brd_line_wake_one(brd_line *line)
{
    brd_waiter_place *place = line->first;
    if (!place)
        return;
    leave_line(line, place);
    brd_os_mutex_lock(&place->lock);
    place->woken = true;
    brd_os_cond_signal(&place->woken_up);
    brd_os_mutex_unlock(&place->lock);
}

void brd_line_wake_all(brd_line *line)
{
    while (line->first)
        brd_line_wake_one(line);
}

static int sleep_here(brd_waiter_place *place, brd_time until)
{
    int status = BROOD_OK;
    brd_os_mutex_lock(&place->lock);
    while (!status && !place->woken && !place->gone)
        status = brd_os_cond_wait(&place->woken_up, &place->lock, until);
    if (place->gone)
        status = BROOD_ECLOSED;
    else if (place->woken)
        status = BROOD_OK;
    brd_os_mutex_unlock(&place->lock);
    return status;
}

int brd_line_wait(brd_line *line, brd_waiter_place *place, brd_mutex *lock, brd_time until)
{
    if (until != BRD_FOREVER && brd_os_now() >= until)
        return BROOD_ETIMEDOUT;
    place->woken = place->gone = false;
    int status = begin_watching(place->watcher, place, false);
    if (status)
        return status;
    join_line(line, place);
    brd_os_mutex_unlock(lock);
    status = sleep_here(place, until);
    end_watching(place->watcher, place);
    brd_os_mutex_lock(lock);
    bool woken = !place->in_line;
    if (!woken)
        leave_line(line, place);
    else if (status == BROOD_ETIMEDOUT)
        status = BROOD_OK; // at the last moment
    else if (status)
        brd_line_wake_one(line); // whoever woke it meant somebody who is there
    return status;
}
