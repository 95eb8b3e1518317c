/*
 * The ring: its arithmetic, one stream between two threads, and what liars on either
 * side can do. The one thing to know: the bytes stand in a heap block of exactly their
 * size, so that AddressSanitizer sees the first step outside; without it, what is
 * written outside is seen by a margin.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "base/ring.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL = 256, MARGIN = 64, MARK = 0xa5 };

/** One ring, both of its sides. */
typedef struct ring {
    brd_ring_words *words;
    unsigned char *bytes;
    brd_ring_out out;
    brd_ring_in in;
} ring;

static brd_ring_words shared_words;

static void words_set(brd_ring_words *words, uint64_t value)
{
    atomic_store(&words->tail, value);
    atomic_store(&words->written, value);
    atomic_store(&words->head, value);
}

static void ring_sides(ring *r, size_t capacity)
{
    r->words = &shared_words;
    words_set(r->words, 0);
    brd_ring_out_init(&r->out, r->words, r->bytes, capacity);
    brd_ring_in_init(&r->in, r->words, r->bytes, capacity);
}

static void ring_open(ring *r, size_t capacity)
{
    *r = (ring){.bytes = malloc(capacity)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(r->bytes);
    if (!r->bytes)
        abort();
    memset(r->bytes, 0, capacity);
    ring_sides(r, capacity);
}

static void ring_close(ring *r)
{
    free(r->bytes);
    r->bytes = NULL;
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static unsigned char pattern(uint32_t seed, size_t i)
{
    return (unsigned char)(seed * 31 + i * 7 + (i >> 8));
}

/** Writes one record of that size; false: the ring is full. */
static bool put(brd_ring_out *out, size_t size, uint32_t seed)
{
    unsigned char *at = brd_ring_reserve(out, size);
    if (!at)
        return false;
    for (size_t i = 0; i < size; i++)
        at[i] = pattern(seed, i);
    brd_ring_commit(out, size, seed);
    return true;
}

/** True if the next record is the one that put wrote. */
static bool got(brd_ring_in *in, size_t size, uint32_t seed)
{
    brd_record record;
    if (brd_ring_next(in, &record) || record.kind != seed || record.size < size ||
        record.size >= size + BRD_RING_ALIGN)
        return false;
    for (size_t i = 0; i < size; i++)
        if (record.payload[i] != pattern(seed, i))
            return false;
    return true;
}

static void release(ring *r)
{
    brd_ring_release(&r->in, r->in.at);
}

/** One short record through the ring: both sides are 16 bytes further on. */
static void step(ring *r)
{
    CU_ASSERT(put(&r->out, 8, 1));
    brd_ring_publish(&r->out);
    CU_ASSERT(got(&r->in, 8, 1));
    release(r);
}

/* ------------------------------------------------------------ in good order */

static void starts_empty(void)
{
    ring r;
    brd_record record;
    ring_open(&r, SMALL);
    CU_ASSERT_EQUAL(brd_ring_next(&r.in, &record), BROOD_EAGAIN);
    CU_ASSERT_FALSE(brd_ring_has_news(&r.in));
    CU_ASSERT_FALSE(brd_ring_has_any(&r.in));
    CU_ASSERT_FALSE(brd_ring_pending(&r.out));
    CU_ASSERT(brd_ring_drained(&r.out));
    ring_close(&r);
}

static void takes_every_size_up_to_its_limit(void)
{
    ring r;
    size_t wrong = 0;
    ring_open(&r, 4096);
    CU_ASSERT_EQUAL(brd_ring_limit(4096), 2040);
    for (size_t size = 0; size <= brd_ring_limit(4096); size++) {
        wrong += !put(&r.out, size, (uint32_t)size);
        brd_ring_publish(&r.out);
        wrong += !got(&r.in, size, (uint32_t)size);
        release(&r);
        wrong += !brd_ring_drained(&r.out);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_PTR_NULL(brd_ring_reserve(&r.out, brd_ring_limit(4096) + 1));
    CU_ASSERT_PTR_NULL(brd_ring_reserve(&r.out, 4096));
    CU_ASSERT_PTR_NULL(brd_ring_reserve(&r.out, SIZE_MAX - 8));
    CU_ASSERT_PTR_NULL(brd_ring_reserve(&r.out, SIZE_MAX));
    ring_close(&r);
}

static void wraps_at_every_offset(void)
{
    ring r;
    size_t wrong = 0;
    ring_open(&r, SMALL);
    for (size_t offset = 0; offset < SMALL; offset += BRD_RING_ALIGN)
        for (size_t size = 0; size <= brd_ring_limit(SMALL); size++) {
            ring_sides(&r, SMALL);
            memset(r.bytes, MARK, SMALL);
            for (size_t at = 0; at < offset; at += BRD_RING_ALIGN)
                step(&r);
            wrong += !put(&r.out, size, 7);
            brd_ring_publish(&r.out);
            wrong += !got(&r.in, size, 7);
            release(&r);
            wrong += !brd_ring_drained(&r.out);
        }
    CU_ASSERT_EQUAL(wrong, 0);
    ring_close(&r);
}

static void is_full_and_has_room_again(void)
{
    ring r;
    uint32_t count = 0;
    ring_open(&r, SMALL);
    while (put(&r.out, 8, count))
        count++;
    CU_ASSERT_EQUAL(count, SMALL / BRD_RING_ALIGN);
    brd_ring_publish(&r.out);
    for (uint32_t i = 0; i < count; i++)
        CU_ASSERT(got(&r.in, 8, i));
    // Read, but not released: the consumer may still look at it.
    CU_ASSERT_FALSE(put(&r.out, 0, 0));
    CU_ASSERT_FALSE(brd_ring_drained(&r.out));
    brd_ring_release(&r.in, BRD_RING_ALIGN);
    CU_ASSERT(put(&r.out, 8, 90));
    CU_ASSERT_FALSE(put(&r.out, 8, 91));
    release(&r);
    CU_ASSERT(put(&r.out, 8, 92));
    brd_ring_publish(&r.out);
    CU_ASSERT(got(&r.in, 8, 90));
    CU_ASSERT(got(&r.in, 8, 92));
    ring_close(&r);
}

static void reserving_promises_nothing(void)
{
    ring r;
    brd_record record;
    ring_open(&r, SMALL);
    for (size_t at = 0; at + 32 < SMALL; at += BRD_RING_ALIGN)
        step(&r);
    // Padding may be written for a record that is then given up.
    CU_ASSERT_PTR_NOT_NULL(brd_ring_reserve(&r.out, 100));
    CU_ASSERT_PTR_NOT_NULL(brd_ring_reserve(&r.out, 4));
    brd_ring_publish(&r.out);
    CU_ASSERT_EQUAL(brd_ring_next(&r.in, &record), BROOD_EAGAIN);
    CU_ASSERT(put(&r.out, 30, 5));
    brd_ring_publish(&r.out);
    CU_ASSERT(got(&r.in, 30, 5));
    CU_ASSERT_EQUAL(brd_ring_next(&r.in, &record), BROOD_EAGAIN);
    ring_close(&r);
}

static void tells_published_from_written(void)
{
    ring r;
    brd_record record;
    ring_open(&r, SMALL);
    CU_ASSERT(put(&r.out, 3, 1));
    CU_ASSERT(put(&r.out, 3, 2));
    CU_ASSERT(brd_ring_pending(&r.out));
    CU_ASSERT_FALSE(brd_ring_has_news(&r.in));
    CU_ASSERT(brd_ring_has_any(&r.in));
    CU_ASSERT_EQUAL(brd_ring_next(&r.in, &record), BROOD_EAGAIN);
    brd_ring_look_deeper(&r.in);
    CU_ASSERT(got(&r.in, 3, 1));
    // What was seen already is no news when it is published.
    brd_ring_publish(&r.out);
    CU_ASSERT_FALSE(brd_ring_pending(&r.out));
    CU_ASSERT(got(&r.in, 3, 2));
    CU_ASSERT_FALSE(brd_ring_has_news(&r.in));
    CU_ASSERT_FALSE(brd_ring_has_any(&r.in));
    CU_ASSERT_EQUAL(brd_ring_next(&r.in, &record), BROOD_EAGAIN);
    CU_ASSERT(put(&r.out, 3, 3));
    brd_ring_publish(&r.out);
    CU_ASSERT(brd_ring_has_news(&r.in));
    CU_ASSERT(got(&r.in, 3, 3));
    ring_close(&r);
}

static void an_older_tail_is_no_news(void)
{
    ring r;
    brd_record record;
    ring_open(&r, SMALL);
    CU_ASSERT(put(&r.out, 8, 1));
    brd_ring_publish(&r.out);
    CU_ASSERT(put(&r.out, 8, 2));
    brd_ring_look_deeper(&r.in);
    CU_ASSERT(got(&r.in, 8, 1));
    CU_ASSERT(got(&r.in, 8, 2));
    // `tail` is behind what was read.
    CU_ASSERT_FALSE(brd_ring_has_news(&r.in));
    CU_ASSERT_EQUAL(brd_ring_next(&r.in, &record), BROOD_EAGAIN);
    brd_ring_look_deeper(&r.in);
    CU_ASSERT_EQUAL(brd_ring_next(&r.in, &record), BROOD_EAGAIN);
    ring_close(&r);
}

/** A long walk at random, against a list of what must come. */
static void keeps_the_order(void)
{
    enum { STEPS = 200000, MOST = 64 };
    size_t sizes[MOST];
    uint32_t first = 0, last = 0;
    uint64_t random = 1;
    size_t wrong = 0;
    ring r;
    ring_open(&r, 1024);
    for (int i = 0; i < STEPS; i++) {
        size_t size = next_random(&random) % (brd_ring_limit(1024) / 4);
        switch (next_random(&random) % 4) {
        case 0:
        case 1:
            if (last - first < MOST && put(&r.out, size, last & 0x7fff))
                sizes[last++ % MOST] = size;
            break;
        case 2:
            brd_ring_publish(&r.out);
            break;
        default:
            brd_ring_look_deeper(&r.in);
            while (first != last && next_random(&random) % 3) {
                wrong += !got(&r.in, sizes[first % MOST], first & 0x7fff);
                first++;
            }
            release(&r);
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(last > STEPS / 20);
    ring_close(&r);
}

/* ------------------------------------------------------------- two threads */

enum { STREAM = 300000, LONGEST = 96 };

typedef struct stream {
    ring ring;
    bool lazy; /* publishes only when full: the other looks deeper */
} stream;

static size_t stream_size(uint32_t i)
{
    return (i * 2654435761u >> 16) % LONGEST;
}

static void produce(void *baton)
{
    stream *s = baton;
    for (uint32_t i = 0; i < STREAM; i++) {
        while (!put(&s->ring.out, stream_size(i), i & 0x7fff)) {
            brd_ring_publish(&s->ring.out);
            brd_os_yield();
        }
        if (!s->lazy && i % 7 == 0)
            brd_ring_publish(&s->ring.out);
    }
    brd_ring_publish(&s->ring.out);
}

static void streams_between_threads(bool lazy)
{
    stream s = {.lazy = lazy};
    brd_thread producer = {0};
    size_t wrong = 0;
    ring_open(&s.ring, 4096);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&producer, produce, &s), 0);
    for (uint32_t i = 0; i < STREAM; i++) {
        brd_ring_in *in = &s.ring.in;
        while (in->at == in->tail && !brd_ring_has_news(in) && !(lazy && brd_ring_has_any(in)))
            brd_os_yield();
        if (lazy)
            brd_ring_look_deeper(in);
        wrong += !got(in, stream_size(i), i & 0x7fff);
        if (i % 5 == 0 || in->at == in->tail)
            release(&s.ring);
    }
    brd_os_thread_join(&producer);
    CU_ASSERT_EQUAL(wrong, 0);
    release(&s.ring);
    CU_ASSERT(brd_ring_drained(&s.ring.out));
    ring_close(&s.ring);
}

static void streams_what_is_published(void)
{
    streams_between_threads(false);
}

static void streams_what_is_written(void)
{
    streams_between_threads(true);
}

/* ------------------------------------------------------------------- liars */

static void write_header(unsigned char *at, uint32_t size, uint32_t kind)
{
    memcpy(at, &size, sizeof size);
    memcpy(at + 4, &kind, sizeof kind);
}

/** What the consumer makes of it: never more than the ring holds. */
static int look(ring *r, size_t capacity)
{
    brd_record record = {0};
    unsigned sum = 0;
    int status = brd_ring_next(&r->in, &record);
    if (status)
        return status;
    size_t offset = (size_t)(record.payload - r->bytes);
    CU_ASSERT_FATAL(offset <= capacity && record.size <= capacity - offset);
    for (uint32_t i = 0; i < record.size; i++)
        sum += record.payload[i];
    return sum == UINT32_MAX ? -1 : BROOD_OK;
}

static void refuses_a_tail_that_cannot_be(void)
{
    static const uint64_t tails[] = {1,
                                     8,
                                     15,
                                     17,
                                     SMALL - 1,
                                     SMALL + 16,
                                     SMALL + 1,
                                     1u << 20,
                                     UINT64_C(1) << 32,
                                     INT64_MAX,
                                     INT64_MAX - 15};
    static const uint64_t stale[] = {UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 15};
    ring r;
    ring_open(&r, SMALL);
    for (size_t at = 0; at < SMALL; at += BRD_RING_ALIGN) // the records are good
        write_header(r.bytes + at, BRD_RING_ALIGN, 1);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        ring_sides(&r, SMALL);
        atomic_store(&r.words->tail, tails[i]);
        CU_ASSERT_EQUAL(look(&r, SMALL), BROOD_EPROTOCOL);
        ring_sides(&r, SMALL);
        atomic_store(&r.words->written, tails[i]);
        brd_ring_look_deeper(&r.in);
        CU_ASSERT_EQUAL(look(&r, SMALL), BROOD_EPROTOCOL);
        // Once broken, a ring stays so.
        words_set(r.words, 0);
        CU_ASSERT_EQUAL(look(&r, SMALL), BROOD_EPROTOCOL);
    }
    for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) {
        ring_sides(&r, SMALL);
        words_set(r.words, stale[i]);
        brd_ring_look_deeper(&r.in);
        CU_ASSERT_EQUAL(look(&r, SMALL), BROOD_EAGAIN);
    }
    ring_close(&r);
}

static void refuses_a_header_that_cannot_be(void)
{
    static const uint32_t sizes[] = {0,          1,          8,          15,
                                     17,         31,         SMALL + 16, 0x7fffffff,
                                     0x7ffffff0, 0x80000000, UINT32_MAX, 0xfffffff0};
    ring r;
    ring_open(&r, SMALL);
    for (size_t at = 0; at < SMALL; at += BRD_RING_ALIGN)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            ring_sides(&r, SMALL);
            r.in.at = at;
            r.in.tail = r.in.released = at;
            atomic_store(&r.words->tail, at + SMALL);
            write_header(r.bytes + at, sizes[i], i % 2 ? 1 : BRD_RING_PAD);
            CU_ASSERT_EQUAL(look(&r, SMALL), BROOD_EPROTOCOL);
        }
    // Longer than what is announced, and over the end of the ring.
    ring_sides(&r, SMALL);
    atomic_store(&r.words->tail, 32);
    write_header(r.bytes, 48, 1);
    CU_ASSERT_EQUAL(look(&r, SMALL), BROOD_EPROTOCOL);
    ring_sides(&r, SMALL);
    r.in.at = SMALL - 32;
    r.in.tail = r.in.released = SMALL - 32;
    atomic_store(&r.words->tail, SMALL + 32);
    write_header(r.bytes + SMALL - 32, 48, 1);
    CU_ASSERT_EQUAL(look(&r, SMALL), BROOD_EPROTOCOL);
    ring_close(&r);
}

/** What was not released cannot have been written over: so no stream is endless. */
static void refuses_more_than_the_ring_holds(void)
{
    ring r;
    ring_open(&r, SMALL);
    for (size_t at = 0; at < SMALL; at += BRD_RING_ALIGN)
        write_header(r.bytes + at, BRD_RING_ALIGN, 1);
    atomic_store(&r.words->tail, SMALL);
    for (size_t at = 0; at < SMALL; at += BRD_RING_ALIGN)
        CU_ASSERT_EQUAL(look(&r, SMALL), BROOD_OK);
    atomic_store(&r.words->tail, SMALL + BRD_RING_ALIGN);
    CU_ASSERT_EQUAL(look(&r, SMALL), BROOD_EPROTOCOL);
    // Nothing but padding comes to an end too.
    ring_sides(&r, SMALL);
    for (size_t at = 0; at < SMALL; at += BRD_RING_ALIGN)
        write_header(r.bytes + at, BRD_RING_ALIGN, BRD_RING_PAD);
    atomic_store(&r.words->tail, SMALL);
    CU_ASSERT_NOT_EQUAL(look(&r, SMALL), BROOD_OK);
    ring_close(&r);
}

static void write_garbage(ring *r, uint64_t *random)
{
    uint32_t at = next_random(random) % (SMALL - 8);
    uint64_t near = r->in.at + next_random(random) % (2 * SMALL);
    switch (next_random(random) % 6) {
    case 0:
        atomic_store(&r->words->tail, near);
        break;
    case 1:
        atomic_store(&r->words->written, near & ~UINT64_C(15));
        break;
    case 2:
        atomic_store(&r->words->tail, (uint64_t)next_random(random) << (next_random(random) % 40));
        break;
    case 3:
        r->bytes[at] = (unsigned char)next_random(random);
        break;
    default:
        write_header(r->bytes + (at & ~15u), next_random(random) % (2 * SMALL) & ~15u,
                     next_random(random) % 2 ? BRD_RING_PAD : 3);
    }
}

static void survives_a_producer_that_lies(void)
{
    enum { ROUNDS = 300000 };
    ring r;
    uint64_t random = 2;
    size_t other = 0, good = 0;
    ring_open(&r, SMALL);
    for (int i = 0; i < ROUNDS; i++) {
        write_garbage(&r, &random);
        if (next_random(&random) % 4 == 0)
            brd_ring_look_deeper(&r.in);
        (void)brd_ring_has_news(&r.in);
        (void)brd_ring_has_any(&r.in);
        int status = look(&r, SMALL);
        good += status == BROOD_OK;
        other += status != BROOD_OK && status != BROOD_EAGAIN && status != BROOD_EPROTOCOL;
        if (next_random(&random) % 8 == 0)
            release(&r);
        if (r.in.broken)
            ring_sides(&r, SMALL);
    }
    CU_ASSERT_EQUAL(other, 0);
    CU_ASSERT(good > ROUNDS / 1000); // not all of it is refused at the door
    ring_close(&r);
}

static void survives_a_consumer_that_lies(void)
{
    enum { ROUNDS = 300000 };
    unsigned char *room = malloc(SMALL + 2 * MARGIN);
    ring r = {.bytes = room + MARGIN};
    uint64_t random = 3;
    size_t outside = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(room);
    if (!room)
        abort();
    memset(room, MARK, SMALL + 2 * MARGIN);
    ring_sides(&r, SMALL);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t near = r.out.at - SMALL + next_random(&random) % (2 * SMALL);
        uint64_t far = (uint64_t)next_random(&random) << (next_random(&random) % 40);
        atomic_store(&r.words->head, next_random(&random) % 4 ? near : far);
        size_t size = next_random(&random) % (brd_ring_limit(SMALL) + 2);
        unsigned char *at = brd_ring_reserve(&r.out, size);
        if (!at)
            continue;
        outside += at < r.bytes || at + size > r.bytes + SMALL;
        memset(at, 0x11, size);
        brd_ring_commit(&r.out, size, 1);
        brd_ring_publish(&r.out);
    }
    CU_ASSERT_EQUAL(outside, 0);
    for (size_t i = 0; i < MARGIN; i++)
        outside += room[i] != MARK || room[MARGIN + SMALL + i] != MARK;
    CU_ASSERT_EQUAL(outside, 0);
    free(room);
}

static void ignores_a_head_that_never_was(void)
{
    ring r;
    ring_open(&r, SMALL);
    step(&r);
    for (uint32_t i = 0; i < SMALL / BRD_RING_ALIGN; i++)
        CU_ASSERT(put(&r.out, 8, i));
    const uint64_t lies[] = {0, 15, r.out.at + 1, r.out.at + 16, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        atomic_store(&r.words->head, lies[i]);
        CU_ASSERT_FALSE(put(&r.out, 8, 99));
        CU_ASSERT_FALSE(put(&r.out, brd_ring_limit(SMALL), 99));
        CU_ASSERT_FALSE(brd_ring_drained(&r.out));
    }
    brd_ring_publish(&r.out);
    for (uint32_t i = 0; i < SMALL / BRD_RING_ALIGN; i++)
        CU_ASSERT(got(&r.in, 8, i));
    ring_close(&r);
}

static const test_case cases[] = {
    TEST_CASE(starts_empty),
    TEST_CASE(takes_every_size_up_to_its_limit),
    TEST_CASE(wraps_at_every_offset),
    TEST_CASE(is_full_and_has_room_again),
    TEST_CASE(reserving_promises_nothing),
    TEST_CASE(tells_published_from_written),
    TEST_CASE(an_older_tail_is_no_news),
    TEST_CASE(keeps_the_order),
    TEST_CASE(streams_what_is_published),
    TEST_CASE(streams_what_is_written),
    TEST_CASE(refuses_a_tail_that_cannot_be),
    TEST_CASE(refuses_a_header_that_cannot_be),
    TEST_CASE(refuses_more_than_the_ring_holds),
    TEST_CASE(survives_a_producer_that_lies),
    TEST_CASE(survives_a_consumer_that_lies),
    TEST_CASE(ignores_a_head_that_never_was),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "ring", cases);
}
