/**
 * What the ports of CPython's Pool scenarios share: a record of callbacks that can be
 * waited for, a stream of numbers that can fail, short forms for results and iterators.
 *
 * The one thing to know: callbacks run in a thread of the pool's, and CUnit belongs to the
 * thread of the test. So callbacks assert nothing; they write down what they saw.
 */
#ifndef BRD_TESTS_SCENES_H
#define BRD_TESTS_SCENES_H

#include "api/pools.h"

/* --------------------------------------------------------------- callbacks */

/** What callbacks saw. calls_init before, calls_clear after; await before reading. */
typedef struct calls {
    brd_mutex mutex;
    brd_cond cond;
    int good, bad;  /* how often each callback was called */
    int status;     /* of the last future */
    int64_t value;  /* its result, or the first one of a map */
    size_t count;   /* how many results its map had */
    bool has_error; /* it has a brood_error ... */
    char text[300]; /* ... with this text */
} calls;

static inline void calls_init(calls *c)
{
    *c = (calls){.value = -1};
    CU_ASSERT_EQUAL_FATAL(brd_os_mutex_init(&c->mutex), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_cond_init(&c->cond), 0);
}

static inline void calls_clear(calls *c)
{
    brd_os_cond_clear(&c->cond);
    brd_os_mutex_clear(&c->mutex);
}

/** In a callback: writes down the future, then counts and wakes the test. */
static inline void calls_note(calls *c, brood_future *future, int *counter)
{
    brood_results *results = brood_future_results(future);
    const brood_error *error = brood_future_error(future);
    brood_message result = BROOD_MESSAGE_INIT;
    brd_os_mutex_lock(&c->mutex);
    c->status = brood_future_status(future);
    c->count = results ? brood_results_count(results) : 0;
    c->has_error = error != NULL;
    if (error)
        snprintf(c->text, sizeof c->text, "%s", error->text);
    if (c->count)
        (void)brood_unpack(brood_results_at(results, 0), "x", &c->value);
    else if (brood_future_get(future, 0, &result) == BROOD_OK)
        (void)brood_unpack(&result, "x", &c->value);
    ++*counter;
    brd_os_cond_broadcast(&c->cond);
    brd_os_mutex_unlock(&c->mutex);
    brood_message_clear(&result);
}

static inline void on_good(brood_future *future, void *baton)
{
    calls *c = baton;
    calls_note(c, future, &c->good);
}

static inline void on_bad(brood_future *future, void *baton)
{
    calls *c = baton;
    calls_note(c, future, &c->bad);
}

/** Waits until that many callbacks were called, of either kind. */
static inline bool calls_await(calls *c, int total)
{
    brd_time until = test_deadline(20000);
    bool enough;
    brd_os_mutex_lock(&c->mutex);
    while (c->good + c->bad < total && brd_os_now() < until)
        (void)brd_os_cond_wait(&c->cond, &c->mutex, until);
    enough = c->good + c->bad >= total;
    brd_os_mutex_unlock(&c->mutex);
    return enough;
}

/* ------------------------------------------------------------------ streams */

/** The status by which a stream of numbers fails: none of brood's own. */
enum { SAID_WHEN = 4711 };

/** The numbers from 0: `total` of them, or SAID_WHEN instead of number fail_at. */
typedef struct numbers {
    int32_t total;
    int32_t fail_at; /* -1: never */
    int32_t made;    /* numbers that were given */
    int32_t asked;   /* calls */
} numbers;

static inline int next_number(void *baton, brood_message *item)
{
    numbers *n = baton;
    n->asked++;
    if (n->made == n->fail_at)
        return SAID_WHEN;
    if (n->made == n->total)
        return BROOD_EEND;
    return brood_pack(item, "i", n->made++);
}

/** The next result, waited for. The status of the call, or of a result that is no number. */
static inline int next_value(brood_iterator *iterator, int64_t *value)
{
    brood_message result = BROOD_MESSAGE_INIT;
    int status = brood_iterator_next(iterator, test_ms(20000), &result, NULL);
    if (!status)
        status = brood_unpack(&result, "x", value);
    brood_message_clear(&result);
    return status;
}

/* ------------------------------------------------------------------ results */

/** Fills `in` with 0, 1, 2, ... */
static inline void count_up(int32_t *in, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        in[i] = i;
}

/** The results are the squares of 0, 1, 2, ... */
static inline void check_squares(brood_results *results, size_t count)
{
    size_t wrong = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(results);
    CU_ASSERT_EQUAL_FATAL(brood_results_count(results), count);
    for (size_t i = 0; i < count; i++) {
        int64_t value = -1;
        wrong += brood_unpack(brood_results_at(results, i), "x", &value) != BROOD_OK ||
                 value != (int64_t)(i * i);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

#endif
