/* Waiting for many things once. Called by the process floor.
 *
 * Nobody waits on the things themselves, so there is no limit of 64: channels stir a
 * waiter, the thread pool waits for handles, and sockets, which may be the host's and are
 * not to be changed, are polled by a thread that lives as long as the call. What the
 * thread pool saw signalled counts even if it is not so any more: an event that resets
 * itself was used up by that.
 */
#include "room.h"

#include <stdlib.h>

/* What the system is to tell of one thing. */
typedef struct listening {
    brd_waiter *waiter;
    brd_notice notice;
    _Atomic bool fired;
    bool socket;
} listening;

typedef struct socket_watch {
    brd_waiter *waiter;
    brd_wait *things;
    listening *all;
    size_t count;
    WSAPOLLFD *lines; /* of the sockets, and last of `cancel` */
    ULONG nlines;
    SOCKET cancel;     /* is sent a byte when the call is over */
    _Atomic bool over; /* in case that the byte is lost */
    _Atomic int failed;
    brd_thread thread;
} socket_watch;

enum { SLICE_MS = 1000 };

static HANDLE handle_of(const brd_wait *thing)
{
    return brd_win32_handle(thing->proc ? thing->proc->life : thing->handle);
}

/* ----------------------------------------------------------------- sockets */

/* Marks the sockets that an answer is for. */
static bool note_sockets(socket_watch *s)
{
    bool any = false;
    ULONG line = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!s->all[i].socket)
            continue;
        if (s->lines[line++].revents) {
            atomic_store(&s->all[i].fired, true);
            any = true;
        }
    }
    return any;
}

static void poll_sockets(void *baton)
{
    socket_watch *s = baton;
    int ready = 0;
    while (!atomic_load(&s->over) && ready == 0)
        ready = WSAPoll(s->lines, s->nlines, SLICE_MS);
    if (ready < 0)
        atomic_store(&s->failed, brd_win32_error((DWORD)WSAGetLastError()));
    if (ready < 0 || (ready > 0 && note_sockets(s)))
        brd_os_waiter_ring(s->waiter);
}

/* A socket that can be told to become readable. */
static int open_cancel(SOCKET *out)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    int size = sizeof own;
    SOCKET s = WSASocketW(AF_INET, SOCK_DGRAM, 0, NULL, 0,
                          WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (s != INVALID_SOCKET && !bind(s, (struct sockaddr *)&own, size) &&
        !getsockname(s, (struct sockaddr *)&own, &size) &&
        !connect(s, (struct sockaddr *)&own, size)) {
        *out = s;
        return 0;
    }
    int status = brd_win32_error((DWORD)WSAGetLastError());
    if (s != INVALID_SOCKET)
        closesocket(s);
    return status;
}

/* Looks at the sockets once; if none is ready, a thread goes on looking. */
static int start_sockets(socket_watch *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->all[i].socket)
            s->lines[s->nlines++] =
                (WSAPOLLFD){.fd = (SOCKET)s->things[i].handle.os, .events = POLLRDNORM};
    if (!s->nlines)
        return 0;
    int ready = WSAPoll(s->lines, s->nlines, 0);
    if (ready < 0)
        return brd_win32_error((DWORD)WSAGetLastError());
    if (ready > 0 && note_sockets(s))
        return 0;
    int status = open_cancel(&s->cancel);
    if (status)
        return status;
    s->lines[s->nlines++] = (WSAPOLLFD){.fd = s->cancel, .events = POLLRDNORM};
    return brd_os_thread_start(&s->thread, poll_sockets, s);
}

static void stop_sockets(socket_watch *s)
{
    atomic_store(&s->over, true);
    if (s->thread.running)
        send(s->cancel, "", 1, 0);
    brd_os_thread_join(&s->thread);
    if (s->cancel != INVALID_SOCKET)
        closesocket(s->cancel);
}

/* ---------------------------------------------------------- handles, channels */

static void on_signal(void *baton)
{
    listening *l = baton;
    atomic_store(&l->fired, true);
    brd_os_waiter_ring(l->waiter);
}

static int listen_to(listening *l, brd_wait *thing)
{
    DWORD flags;
    if (thing->chan)
        return brd_os_waiter_chan(l->waiter, thing->chan, BRD_READ, thing->chan);
    // Not every system's thread pool minds a number that is no handle.
    if (!GetHandleInformation(handle_of(thing), &flags))
        return brd_win32_error(GetLastError());
    if (l->socket)
        return 0;
    // At once: the thread pool takes its time to look.
    if (WaitForSingleObject(handle_of(thing), 0) == WAIT_OBJECT_0) {
        atomic_store(&l->fired, true);
        return 0;
    }
    return brd_win32_notice_open(&l->notice, handle_of(thing), true, on_signal, l);
}

static void note_event(const brd_event *event, brd_wait *things, size_t count)
{
    for (size_t i = 0; event->tag && i < count; i++)
        things[i].ready = things[i].ready || things[i].chan == event->tag;
}

/* Until something rings or a channel has news. */
static int wait_for_news(brd_waiter *w, brd_wait *things, size_t count, brd_time until)
{
    size_t n = 0;
    brd_event *events = calloc(count + 1, sizeof *events);
    if (!events)
        return BROOD_ENOMEM;
    int status = brd_os_waiter_wait(w, until, events, count + 1, &n);
    for (size_t i = 0; !status && i < n; i++)
        note_event(&events[i], things, count);
    free(events);
    return status;
}

static bool note_fired(listening *all, brd_wait *things, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        things[i].ready = things[i].ready || atomic_load(&all[i].fired);
        any = any || things[i].ready;
    }
    return any;
}

static void listen_no_more(listening *all, brd_wait *things, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        brd_win32_notice_close(&all[i].notice);
        if (things[i].chan && all[i].waiter)
            (void)brd_os_waiter_chan(all[i].waiter, things[i].chan, 0, NULL);
    }
}

static int wait_with(socket_watch *s, brd_time until)
{
    int status = 0;
    for (size_t i = 0; !status && i < s->count; i++) {
        s->things[i].ready = false;
        s->all[i].socket = !s->things[i].chan && !s->things[i].proc &&
                           brd_win32_is_socket(handle_of(&s->things[i]));
        s->all[i].waiter = s->waiter;
        status = listen_to(&s->all[i], &s->things[i]);
    }
    if (!status)
        status = start_sockets(s);
    for (bool any = false; !status && !any;) {
        any = note_fired(s->all, s->things, s->count);
        status = wait_for_news(s->waiter, s->things, s->count, any ? 0 : until);
        if (!status)
            status = atomic_load(&s->failed);
    }
    stop_sockets(s);
    listen_no_more(s->all, s->things, s->count);
    // What came at the last moment counts too.
    return note_fired(s->all, s->things, s->count) ? 0 : status;
}

int brd_os_wait_many(brd_wait *things, size_t count, brd_time until)
{
    socket_watch s = {.things = things, .count = count, .cancel = INVALID_SOCKET};
    s.all = calloc(count + 1, sizeof *s.all);
    s.lines = calloc(count + 1, sizeof *s.lines);
    int status = s.all && s.lines ? brd_os_waiter_open(&s.waiter) : BROOD_ENOMEM;
    if (!status)
        status = wait_with(&s, until);
    brd_os_waiter_close(&s.waiter);
    free(s.lines);
    free(s.all);
    return status;
}
