/**
 * What the suites of callbacks share: records that can be waited for, and a latch that
 * holds a callback until the test lets it go.
 *
 * The one thing to know: callbacks run in a thread of the pool's, and CUnit belongs to the
 * thread of the test. So callbacks assert nothing; they write down what they saw.
 */
#ifndef BRD_TESTS_LISTENERS_H
#define BRD_TESTS_LISTENERS_H

#include "api/pools.h"

#define LONG test_ms(60000)

/* ------------------------------------------------------------------- latches */

/** A mutex and a condition with something under them. */
typedef struct watch {
    brd_mutex mutex;
    brd_cond cond;
} watch;

static inline void watch_make(watch *w)
{
    CU_ASSERT_EQUAL_FATAL(brd_os_mutex_init(&w->mutex), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_cond_init(&w->cond), 0);
}

static inline void watch_clear(watch *w)
{
    brd_os_cond_clear(&w->cond);
    brd_os_mutex_clear(&w->mutex);
}

/** Waits until a number that is changed under the watch is at least that. */
static inline bool watch_await(watch *w, const int *number, int least)
{
    brd_time until = test_deadline(30000);
    brd_os_mutex_lock(&w->mutex);
    while (*number < least && brd_os_now() < until)
        (void)brd_os_cond_wait(&w->cond, &w->mutex, until);
    bool there = *number >= least;
    brd_os_mutex_unlock(&w->mutex);
    return there;
}

static inline int watch_read(watch *w, const int *number)
{
    brd_os_mutex_lock(&w->mutex);
    int now = *number;
    brd_os_mutex_unlock(&w->mutex);
    return now;
}

/** Adds to it and tells. */
static inline void watch_add(watch *w, int *number)
{
    brd_os_mutex_lock(&w->mutex);
    ++*number;
    brd_os_cond_broadcast(&w->cond);
    brd_os_mutex_unlock(&w->mutex);
}

/** Holds who comes; it is open when `open` is 1. */
typedef struct latch {
    watch w;
    int came, open;
} latch;

static inline void latch_make(latch *l)
{
    l->came = l->open = 0;
    watch_make(&l->w);
}

static inline void latch_open(latch *l)
{
    watch_add(&l->w, &l->open);
}

/** In a callback. */
static inline void latch_pass(latch *l)
{
    watch_add(&l->w, &l->came);
    (void)watch_await(&l->w, &l->open, 1);
}

/* -------------------------------------------------------- ends of futures */

enum { MOST_CALLS = 64 };

/** Which callbacks were called, in their order. */
typedef struct tally {
    watch w;
    int good, bad, count;
    int order[MOST_CALLS]; /* numbers of listeners; 0: one of the two of a task */
    int status;            /* of the last future */
    int errors;            /* futures that had a brood_error */
    int missing;           /* calls without a future */
} tally;

/** The baton of a done callback. */
typedef struct listener {
    tally *all;
    int number;
} listener;

static inline void tally_make(tally *t)
{
    memset(t, 0, sizeof *t);
    watch_make(&t->w);
}

static inline void tally_clear(tally *t)
{
    watch_clear(&t->w);
}

static inline void tally_note(tally *t, brood_future *future, int number, int *counter)
{
    int status = future ? brood_future_get(future, 0, NULL) : -1;
    bool error = future && brood_future_error(future);
    brd_os_mutex_lock(&t->w.mutex);
    t->status = status;
    t->errors += error;
    t->missing += !future;
    if (t->count < MOST_CALLS)
        t->order[t->count] = number;
    t->count++;
    if (counter)
        ++*counter;
    brd_os_cond_broadcast(&t->w.cond);
    brd_os_mutex_unlock(&t->w.mutex);
}

static inline void on_good(brood_future *future, void *baton)
{
    tally *t = baton;
    tally_note(t, future, 0, &t->good);
}

static inline void on_bad(brood_future *future, void *baton)
{
    tally *t = baton;
    tally_note(t, future, 0, &t->bad);
}

static inline void on_done(brood_future *future, void *baton)
{
    listener *l = baton;
    tally_note(l->all, future, l->number, NULL);
}

static inline bool tally_await(tally *t, int count)
{
    return watch_await(&t->w, &t->count, count);
}

#define HEARD(t) .callback = on_good, .error_callback = on_bad, .baton = (t)

/* ---------------------------------------------------------- events of workers */

enum { MOST_EVENTS = 512 };

typedef struct event {
    brood_worker_event_kind kind;
    int64_t worker;
    uint32_t seat;
    brood_error error; /* without its texts; status 0: there was none */
    char text[160];
} event;

/** What on_worker heard. */
typedef struct diary {
    watch w;
    int count;
    int of[BROOD_WORKER_LOST + 1];
    int strange; /* events of an unknown kind */
    event events[MOST_EVENTS];
} diary;

static inline void diary_make(diary *d)
{
    memset(d, 0, sizeof *d);
    watch_make(&d->w);
}

static inline void diary_clear(diary *d)
{
    watch_clear(&d->w);
}

static inline void on_event(const brood_worker_event *event_, void *baton)
{
    diary *d = baton;
    brd_os_mutex_lock(&d->w.mutex);
    if (d->count < MOST_EVENTS) {
        event *e = &d->events[d->count];
        *e = (event){.kind = event_->kind, .worker = event_->worker, .seat = event_->seat};
        if (event_->error) {
            e->error = *event_->error;
            snprintf(e->text, sizeof e->text, "%s", event_->error->text);
        }
    }
    d->count++;
    if (event_->kind >= BROOD_WORKER_STARTED && event_->kind <= BROOD_WORKER_LOST)
        d->of[event_->kind]++;
    else
        d->strange++;
    brd_os_cond_broadcast(&d->w.cond);
    brd_os_mutex_unlock(&d->w.mutex);
}

static inline bool diary_await(diary *d, brood_worker_event_kind kind, int count)
{
    return watch_await(&d->w, &d->of[kind], count);
}

/** The last event of that kind; NULL: none. When nothing more comes, or it may move on. */
static inline const event *diary_last(const diary *d, brood_worker_event_kind kind)
{
    for (int i = d->count < MOST_EVENTS ? d->count : MOST_EVENTS; i > 0; i--)
        if (d->events[i - 1].kind == kind)
            return &d->events[i - 1];
    return NULL;
}

#define WATCHED(d) .on_worker = on_event, .baton = (d)

static inline brood_pool *pool_with(const brood_pool_options *options)
{
    brood_pool *pool = NULL;
    int status = brood_pool_create(&pool, options);
    if (status)
        fprintf(stderr, "no pool: %d, %s\n", status, brood_status_text(status));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return pool;
}

/* -------------------------------------------------------------- for workers */

static inline int dies(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    brd_os_exit(17);
}

static inline int fails(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return brood_fail("on purpose");
}

#endif
