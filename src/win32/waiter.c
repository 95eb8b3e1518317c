/* Waits for many channels and processes at once. Called by the pool's collector
 * and by whoever starts processes.
 *
 * There is no limit of 64, because nobody waits on the things themselves: the
 * thread pool stirs a source when something may have happened to it, and the
 * waiting thread looks at what was stirred. Stirring takes no lock (a stack and
 * an event), so a source can be removed while one is under way. What was
 * reported stays on the list of things to look at: that is level-triggering.
 */
#include "room.h"

#include <stdlib.h>

struct brd_source {
    brd_waiter *waiter;
    brd_source *prev, *next;  /* all of the waiter */
    brd_source *hot_next;     /* those to look at */
    brd_source *stirred_next; /* below it on the stack */
    _Atomic bool stirred;     /* on the stack */
    bool hot;                 /* on the list */
    brd_chan *chan;           /* a channel, */
    brd_name *name;           /* or a name, else a process */
    HANDLE process;           /* a duplicate of our own */
    brd_notice ending;        /* tells of its end */
    intptr_t life;            /* the caller's handle of the process */
    unsigned want;
    void *tag;
};

struct brd_waiter {
    SRWLOCK lock; /* the lists; before any channel's lock */
    HANDLE bell;  /* rung by anybody, also by other processes */
    HANDLE stir;  /* something is on the stack */
    brd_source *_Atomic stirred;
    brd_source *all;
    brd_source *hot_first, *hot_last;
};

/* -------------------------------------------------------------- the sources */

void brd_win32_source_stir(brd_source *s)
{
    brd_waiter *w = s->waiter;
    if (atomic_exchange(&s->stirred, true))
        return;
    s->stirred_next = atomic_load(&w->stirred);
    while (!atomic_compare_exchange_weak(&w->stirred, &s->stirred_next, s))
        ;
    SetEvent(w->stir);
}

static void process_ended(void *source)
{
    brd_win32_source_stir(source);
}

static void hot_append(brd_waiter *w, brd_source *s)
{
    if (s->hot)
        return;
    s->hot = true;
    s->hot_next = NULL;
    if (w->hot_last)
        w->hot_last->hot_next = s;
    else
        w->hot_first = s;
    w->hot_last = s;
}

static brd_source *hot_pop(brd_waiter *w)
{
    brd_source *s = w->hot_first;
    if (!s)
        return NULL;
    w->hot_first = s->hot_next;
    if (!w->hot_first)
        w->hot_last = NULL;
    s->hot = false;
    return s;
}

/* From the stack, where anybody puts them, to the list, which is ours. */
static void heat_stirred(brd_waiter *w)
{
    brd_source *s = atomic_exchange(&w->stirred, NULL);
    while (s) {
        brd_source *below = s->stirred_next;
        atomic_store(&s->stirred, false);
        hot_append(w, s);
        s = below;
    }
}

static brd_source *source_add(brd_waiter *w, void *tag)
{
    brd_source *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->waiter = w;
    s->tag = tag;
    s->next = w->all;
    if (s->next)
        s->next->prev = s;
    w->all = s;
    return s;
}

/* Ends a source: first nothing stirs it any more, then it leaves the lists. */
static void source_drop(brd_waiter *w, brd_source *s)
{
    if (s->chan)
        brd_win32_chan_watch(s->chan, NULL);
    if (s->name)
        brd_win32_name_watch(s->name, NULL);
    // Waits for a stir under way, which needs no lock of ours and so cannot wait for us.
    brd_win32_notice_close(&s->ending);
    if (s->process)
        CloseHandle(s->process);
    heat_stirred(w);
    while (s->hot) {
        brd_source *first = hot_pop(w);
        if (first != s)
            hot_append(w, first);
    }
    if (s->prev)
        s->prev->next = s->next;
    else
        w->all = s->next;
    if (s->next)
        s->next->prev = s->prev;
    free(s);
}

/* What happened to it; if nothing, it will be stirred. */
static unsigned source_look(const brd_source *s)
{
    if (s->chan)
        return brd_win32_chan_look(s->chan, s->want);
    if (s->name)
        return brd_win32_name_look(s->name) ? BRD_READ : 0;
    return WaitForSingleObject(s->process, 0) == WAIT_OBJECT_0 ? BRD_ENDED : 0;
}

void brd_win32_source_forget(brd_source *s)
{
    brd_waiter *w = s->waiter;
    AcquireSRWLockExclusive(&w->lock);
    source_drop(w, s);
    ReleaseSRWLockExclusive(&w->lock);
}

/* ---------------------------------------------------------- opening, adding */

int brd_os_waiter_open(brd_waiter **out)
{
    int status;
    brd_waiter *w = calloc(1, sizeof *w);
    if (!w)
        return BROOD_ENOMEM;
    InitializeSRWLock(&w->lock);
    w->bell = CreateEventW(NULL, FALSE, FALSE, NULL);
    w->stir = w->bell ? CreateEventW(NULL, FALSE, FALSE, NULL) : NULL;
    if (!w->stir) {
        status = brd_win32_error(GetLastError());
        if (w->bell)
            CloseHandle(w->bell);
        free(w);
        return status;
    }
    *out = w;
    return 0;
}

void brd_os_waiter_close(brd_waiter **waiter)
{
    brd_waiter *w = *waiter;
    *waiter = NULL;
    if (!w)
        return;
    while (w->all)
        source_drop(w, w->all);
    CloseHandle(w->stir);
    CloseHandle(w->bell);
    free(w);
}

/* Changes who watches a thing: *s is who does, before and after; NULL: nobody. */
static int source_change(brd_waiter *w, brd_source **s, unsigned want, void *tag)
{
    if (*s && (*s)->waiter != w)
        return BROOD_EBUSY;
    if (want == 0) {
        if (*s)
            source_drop(w, *s);
        *s = NULL;
        return 0;
    }
    if (!*s)
        *s = source_add(w, tag);
    if (!*s)
        return BROOD_ENOMEM;
    (*s)->want = want;
    (*s)->tag = tag;
    return 0;
}

int brd_os_waiter_chan(brd_waiter *w, brd_chan *c, unsigned want, void *tag)
{
    AcquireSRWLockExclusive(&w->lock);
    brd_source *s = brd_win32_chan_watcher(c);
    int status = source_change(w, &s, want, tag);
    if (!status && s) {
        s->chan = c;
        brd_win32_chan_watch(c, s);
        brd_win32_source_stir(s);
    }
    ReleaseSRWLockExclusive(&w->lock);
    return status;
}

int brd_os_waiter_name(brd_waiter *w, brd_name *n, bool want, void *tag)
{
    AcquireSRWLockExclusive(&w->lock);
    brd_source *s = brd_win32_name_watcher(n);
    int status = source_change(w, &s, want ? BRD_READ : 0, tag);
    if (!status && s) {
        s->name = n;
        brd_win32_name_watch(n, s);
        brd_win32_source_stir(s);
    }
    ReleaseSRWLockExclusive(&w->lock);
    return status;
}

static brd_source *source_of_process(brd_waiter *w, intptr_t life)
{
    brd_source *s = w->all;
    while (s && (!s->process || s->life != life))
        s = s->next;
    return s;
}

/* The caller may close its handle while we watch: we have one of our own. */
static int process_watch(brd_source *s, HANDLE process)
{
    HANDLE mine = GetCurrentProcess();
    if (!DuplicateHandle(mine, process, mine, &s->process, SYNCHRONIZE, FALSE, 0))
        return brd_win32_error(GetLastError());
    return brd_win32_notice_open(&s->ending, s->process, true, process_ended, s);
}

int brd_os_waiter_proc(brd_waiter *w, brd_proc *p, bool want, void *tag)
{
    int status = 0;
    if (p->pid == 0)
        return BROOD_EINVAL;
    AcquireSRWLockExclusive(&w->lock);
    brd_source *s = source_of_process(w, p->life.os);
    // Anew also if it is there: the number may belong to another process by now.
    if (s)
        source_drop(w, s);
    if (want) {
        s = source_add(w, tag);
        status = BROOD_ENOMEM;
        if (s) {
            s->life = p->life.os;
            status = process_watch(s, brd_win32_handle(p->life));
            if (status)
                source_drop(w, s);
        }
    }
    ReleaseSRWLockExclusive(&w->lock);
    return status;
}

/* ------------------------------------------------------------------ waiting */

/* Looks at everything that may be ready, once. */
static size_t collect(brd_waiter *w, brd_event *events, size_t cap)
{
    size_t count = 0;
    AcquireSRWLockExclusive(&w->lock);
    heat_stirred(w);
    brd_source *last = w->hot_last, *s = NULL;
    while (last && count < cap && s != last) {
        s = hot_pop(w);
        unsigned what = source_look(s);
        if (what) {
            events[count++] = (brd_event){s->tag, what};
            hot_append(w, s);
        }
    }
    ReleaseSRWLockExclusive(&w->lock);
    return count;
}

int brd_os_waiter_wait(brd_waiter *w, brd_time until, brd_event *events, size_t cap, size_t *count)
{
    HANDLE both[2] = {w->bell, w->stir};
    bool rung = false;
    if (cap == 0)
        return BROOD_EINVAL;
    for (;;) {
        size_t n = 0;
        if (rung || WaitForSingleObject(w->bell, 0) == WAIT_OBJECT_0)
            events[n++] = (brd_event){NULL, BRD_READ};
        n += collect(w, events + n, cap - n);
        if (n) {
            *count = n;
            return 0;
        }
        if (until == 0 || brd_os_now() >= until)
            return BROOD_ETIMEDOUT;
        DWORD rc = WaitForMultipleObjects(2, both, FALSE, brd_win32_ms(until));
        if (rc == WAIT_FAILED)
            return brd_win32_error(GetLastError());
        rung = rc == WAIT_OBJECT_0;
    }
}

void brd_os_waiter_ring(brd_waiter *w)
{
    SetEvent(w->bell);
}

brd_handle brd_os_waiter_bell(brd_waiter *w)
{
    return brd_win32_wrap(w->bell);
}
