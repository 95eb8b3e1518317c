/*
 * Records that the producer keeps: they stay as they are although the consumer has
 * released them. The one thing to know: keeping only holds back what was released, it
 * never gives room.
 */
#include "base/ring.h"
#include "harness.h"

#include <string.h>

enum { SMALL = 256, RECORD = BRD_RING_ALIGN, MOST = SMALL / RECORD };

/** One ring, both of its sides. */
typedef struct ring {
    brd_ring_out out;
    brd_ring_in in;
} ring;

static brd_ring_words words;
static unsigned char bytes[SMALL];

static void ring_open(ring *r)
{
    atomic_store(&words.tail, 0);
    atomic_store(&words.written, 0);
    atomic_store(&words.head, 0);
    brd_ring_out_init(&r->out, &words, bytes, SMALL);
    brd_ring_in_init(&r->in, &words, bytes, SMALL);
}

/** Writes a record that is its number; false: the ring is full. */
static bool put(ring *r, uint32_t number)
{
    void *at = brd_ring_reserve(&r->out, sizeof number);
    if (!at)
        return false;
    memcpy(at, &number, sizeof number);
    brd_ring_commit(&r->out, sizeof number, 1);
    brd_ring_publish(&r->out);
    return true;
}

static uint32_t fill(ring *r, uint32_t from)
{
    uint32_t count = 0;
    while (put(r, from + count))
        count++;
    return count;
}

/** The consumer reads and releases all that there is. How many of them were right. */
static uint32_t take_all(ring *r, uint32_t from)
{
    brd_record record;
    uint32_t right = 0, number = 0;
    while (brd_ring_next(&r->in, &record) == BROOD_OK) {
        memcpy(&number, record.payload, sizeof number);
        right += number == from + right;
    }
    brd_ring_release(&r->in, r->in.at);
    return right;
}

static uint32_t number_at(uint32_t place)
{
    uint32_t number = 0;
    memcpy(&number, bytes + (size_t)place * RECORD + BRD_RING_HEADER, sizeof number);
    return number;
}

static void keeps_nothing_at_first(void)
{
    ring r;
    ring_open(&r);
    CU_ASSERT_EQUAL(fill(&r, 0), MOST);
    CU_ASSERT_EQUAL(take_all(&r, 0), MOST);
    CU_ASSERT_EQUAL(fill(&r, MOST), MOST);
    CU_ASSERT_EQUAL(take_all(&r, MOST), MOST);
}

static void writes_over_nothing_that_is_kept(void)
{
    ring r;
    uint32_t next = MOST;
    ring_open(&r);
    CU_ASSERT_EQUAL(fill(&r, 0), MOST);
    CU_ASSERT_EQUAL(take_all(&r, 0), MOST);
    for (uint32_t kept = 0; kept < MOST; kept++) {
        // What stands before it is free, and no more than that.
        brd_ring_keep(&r.out, (uint64_t)kept * RECORD);
        CU_ASSERT_EQUAL(fill(&r, next), kept ? 1 : 0);
        next += kept ? 1 : 0;
        for (uint32_t i = 0; i < MOST; i++)
            CU_ASSERT_EQUAL(number_at(i), i < kept ? MOST + i : i);
    }
    brd_ring_keep(&r.out, UINT64_MAX);
    CU_ASSERT_EQUAL(fill(&r, next), 1);
    CU_ASSERT_EQUAL(take_all(&r, MOST), MOST);
}

static void keeping_gives_no_room(void)
{
    ring r;
    ring_open(&r);
    CU_ASSERT_EQUAL(fill(&r, 0), MOST);
    // Nothing was released yet, wherever it is that somebody looks.
    brd_ring_keep(&r.out, 4 * RECORD);
    CU_ASSERT_EQUAL(fill(&r, MOST), 0);
    brd_ring_keep(&r.out, UINT64_MAX);
    CU_ASSERT_EQUAL(fill(&r, MOST), 0);
    CU_ASSERT_EQUAL(take_all(&r, 0), MOST);
    // What was seen to be free stays so: it may have been written over already.
    CU_ASSERT_EQUAL(fill(&r, MOST), MOST);
    brd_ring_keep(&r.out, 0);
    CU_ASSERT_EQUAL(take_all(&r, MOST), MOST);
    CU_ASSERT_EQUAL(fill(&r, 2 * MOST), 0);
    brd_ring_keep(&r.out, UINT64_MAX);
    CU_ASSERT_EQUAL(fill(&r, 2 * MOST), MOST);
    CU_ASSERT_EQUAL(take_all(&r, 2 * MOST), MOST);
}

static void all_is_taken_although_it_is_kept(void)
{
    ring r;
    ring_open(&r);
    brd_ring_keep(&r.out, 0);
    CU_ASSERT(put(&r, 7));
    CU_ASSERT_FALSE(brd_ring_drained(&r.out));
    CU_ASSERT_EQUAL(take_all(&r, 7), 1);
    CU_ASSERT(brd_ring_drained(&r.out));
}

static const test_case cases[] = {
    TEST_CASE(keeps_nothing_at_first),
    TEST_CASE(writes_over_nothing_that_is_kept),
    TEST_CASE(keeping_gives_no_room),
    TEST_CASE(all_is_taken_although_it_is_kept),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "ring_keep", cases);
}
