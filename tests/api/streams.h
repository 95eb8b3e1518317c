/**
 * What the suites of iterators share: streams that count what they were asked for and
 * what came back, and short forms for taking results out.
 *
 * The one thing to know: a result counts as given when brood_iterator_next() has
 * returned it, so within that call one more item than the buffer holds may be out.
 */
#ifndef BRD_TESTS_STREAMS_H
#define BRD_TESTS_STREAMS_H

#include "api/pools.h"

#define LONG test_ms(60000)

/** One of brood_pool_imap and brood_pool_imap_unordered. */
typedef int imap(brood_pool *pool, brood_function *function, brood_items items,
                 const brood_map_options *options, brood_iterator **out);

static imap *const both[2] = {brood_pool_imap, brood_pool_imap_unordered};

enum { ENDLESS = INT32_MAX, SAID_WHEN = 4711 };

/** Items of 4 bytes, their number, up to `most` bytes; all of them `most` if even. */
typedef struct stream {
    int32_t total;     /* so many, or ENDLESS */
    int failure;       /* and then this status; 0: BROOD_EEND */
    size_t most;       /* 0: the number is packed as "i" */
    bool even;         /* the same length for all */
    int32_t made;      /* items handed out */
    int32_t given;     /* results that came back */
    int32_t deepest;   /* most items that were out at the same time */
    int32_t after_end; /* how often it was asked although it had ended */
    size_t live;       /* bytes that are out */
    size_t most_live;  /* ... at the most */
    bool ended;
} stream;

static inline size_t stream_size(const stream *s, int32_t i)
{
    if (s->even || s->most <= sizeof i)
        return s->most;
    return sizeof i + ((uint32_t)i * 2654435761u >> 8) % (s->most - sizeof i + 1);
}

static inline void stream_fill(const stream *s, int32_t i, unsigned char *to)
{
    memset(to, i & 0xff, stream_size(s, i));
    memcpy(to, &i, sizeof i);
}

/** The generator. */
static inline int stream_next(void *baton, brood_message *item)
{
    stream *s = baton;
    s->after_end += s->ended;
    if (s->total != ENDLESS && s->made == s->total) {
        s->ended = true;
        return s->failure ? s->failure : BROOD_EEND;
    }
    if (s->most) {
        unsigned char *to = brood_message_reserve(item, stream_size(s, s->made));
        if (!to)
            return BROOD_ENOMEM;
        stream_fill(s, s->made, to);
    } else if (brood_pack(item, "i", s->made)) {
        return BROOD_ENOMEM;
    }
    s->live += stream_size(s, s->made);
    s->made++;
    s->deepest = s->made - s->given > s->deepest ? s->made - s->given : s->deepest;
    s->most_live = s->live > s->most_live ? s->live : s->most_live;
    return BROOD_OK;
}

static inline brood_items stream_items(stream *s)
{
    return brood_items_generator(stream_next, s);
}

/** A result is an item as it was: which one, or -1. */
static inline int32_t stream_number(const stream *s, const brood_message *result)
{
    size_t size = 0, wrong = 0;
    int32_t i = -1;
    const unsigned char *bytes = brood_message_bytes(result, &size);
    if (size < sizeof i)
        return -1;
    memcpy(&i, bytes, sizeof i);
    if (i < 0 || i >= s->made || size != stream_size(s, i))
        return -1;
    for (size_t k = sizeof i; k < size; k++)
        wrong += bytes[k] != (unsigned char)(i & 0xff);
    return wrong ? -1 : i;
}

/** Takes the echo of an item out. Its number, -1 if it is not what it should be. */
static inline int32_t stream_take(stream *s, brood_iterator *iterator)
{
    brood_message result = BROOD_MESSAGE_INIT;
    size_t index = SIZE_MAX;
    int32_t i = -1;
    if (brood_iterator_next(iterator, LONG, &result, &index) == BROOD_OK)
        i = stream_number(s, &result);
    brood_message_clear(&result);
    s->given++;
    if (i < 0 || (size_t)i != index)
        return -1;
    s->live -= stream_size(s, i);
    return i;
}

/** The next result, a number. The status of the call, or of a result that is none. */
static inline int next_number(brood_iterator *iterator, int64_t *value, size_t *index)
{
    brood_message result = BROOD_MESSAGE_INIT;
    int status = brood_iterator_next(iterator, LONG, &result, index);
    if (!status)
        status = brood_unpack(&result, "x", value);
    brood_message_clear(&result);
    return status;
}

/** It has ended, and that stays so. */
static inline void check_end(brood_iterator *iterator)
{
    size_t index = 77;
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, LONG, NULL, &index), BROOD_EEND);
    CU_ASSERT_EQUAL(brood_iterator_next(iterator, 0, NULL, NULL), BROOD_EEND);
    CU_ASSERT_EQUAL(index, 77);
}

static inline brood_iterator *begin(imap *how, brood_pool *pool, brood_function *function,
                                    brood_items items, const brood_map_options *options)
{
    brood_iterator *iterator = NULL;
    int status = how(pool, function, items, options, &iterator);
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(iterator);
    return iterator;
}

/** Waits until nothing runs and nothing waits to run. */
static inline bool await_idle(brood_pool *pool)
{
    brd_time until = test_deadline(60000);
    brood_pool_counts counts = brood_pool_count(pool);
    while (counts.running + counts.queued && brd_os_now() < until) {
        moment();
        counts = brood_pool_count(pool);
    }
    return !counts.running && !counts.queued;
}

static inline void count_up(int32_t *in, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        in[i] = i;
}

/* ------------------------------------------------------------------- gates */

/** What the tasks of one test share: a gate, and one item a task. */
typedef struct gated {
    gate g;
    brood_message items[40];
    int32_t count;
} gated;

static inline void gated_make(gated *d, int32_t count)
{
    memset(d, 0, sizeof *d);
    gate_make(&d->g);
    d->count = count;
    for (int32_t i = 0; i < count; i++)
        gate_pack(&d->g, i, &d->items[i]);
}

static inline void gated_clear(gated *d)
{
    for (int32_t i = 0; i < d->count; i++)
        brood_message_clear(&d->items[i]);
    gate_remove(&d->g, d->count);
}

static inline brood_items gated_items(const gated *d)
{
    return brood_items_messages(d->items, (size_t)d->count);
}

/** Number 0 stands at the gate; the others only answer their number. */
static inline int first_waits(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    int status = brood_unpack(args, "si", &path, &index);
    if (!status && !index) {
        brood_message_rewind(args);
        status = gate_pass(args, result);
        (void)brood_message_set(result, NULL, 0);
    }
    return status ? status : brood_pack(result, "x", (int64_t)index);
}

#endif
