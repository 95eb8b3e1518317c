/*
 * The shelf of blocks, both sides, with the door's segments. The one thing to know: what
 * is put on a receiver's shelf is taken over even when it is refused, and the harness
 * counts handles, so that a refusal that leaks is a failure.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "harness.h"
#include "sync/block.h"

#include <stdlib.h>
#include <string.h>

enum { UNIT = 64 * 1024 };

static brd_block *taken(brd_shelf *shelf, size_t size, bool expect_fresh, uint64_t expect_dropped)
{
    brd_block *block = NULL;
    bool fresh = !expect_fresh;
    uint64_t dropped = 99;
    CU_ASSERT_EQUAL_FATAL(brd_shelf_take(shelf, size, &block, &fresh, &dropped), 0);
    CU_ASSERT_EQUAL(fresh, expect_fresh);
    CU_ASSERT_EQUAL(dropped, expect_dropped);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block->shm.base);
    if (!block->shm.base)
        abort();
    CU_ASSERT(block->busy);
    CU_ASSERT(block->id != 0);
    CU_ASSERT(block->shm.size >= size);
    memset(block->shm.base, 0x5a, size);
    return block;
}

static int try_take(brd_shelf *shelf, size_t size)
{
    brd_block *block = NULL;
    bool fresh = false;
    uint64_t dropped = 0;
    return brd_shelf_take(shelf, size, &block, &fresh, &dropped);
}

static void uses_a_block_again(void)
{
    brd_shelf shelf = {0};
    brd_block *block = taken(&shelf, 100, true, 0);
    uint64_t id = block->id;
    brd_shelf_give_back(&shelf, id);
    CU_ASSERT_FALSE(block->busy);
    CU_ASSERT_EQUAL(taken(&shelf, UNIT, false, 0)->id, id);
    CU_ASSERT_PTR_EQUAL(brd_shelf_find(&shelf, id), block);
    brd_shelf_clear(&shelf);
    CU_ASSERT_PTR_NULL(brd_shelf_find(&shelf, id));
    brd_shelf_clear(&shelf);
}

static void all_busy_is_a_matter_of_time(void)
{
    brd_shelf shelf = {0};
    uint64_t ids[BRD_SHELF_SLOTS];
    for (int i = 0; i < BRD_SHELF_SLOTS; i++)
        ids[i] = taken(&shelf, 10, true, 0)->id;
    for (int i = 0; i < BRD_SHELF_SLOTS; i++)
        for (int j = 0; j < i; j++)
            CU_ASSERT_NOT_EQUAL(ids[i], ids[j]);
    CU_ASSERT_EQUAL(try_take(&shelf, 10), BROOD_EAGAIN);
    brd_shelf_give_back(&shelf, 12345);
    brd_shelf_give_back(&shelf, 0);
    CU_ASSERT_EQUAL(try_take(&shelf, 10), BROOD_EAGAIN);
    brd_shelf_give_back(&shelf, ids[5]);
    CU_ASSERT_EQUAL(taken(&shelf, 10, false, 0)->id, ids[5]);
    CU_ASSERT_EQUAL(try_take(&shelf, 10), BROOD_EAGAIN);
    brd_shelf_clear(&shelf);
}

static void takes_the_smallest_that_fits(void)
{
    static const size_t sizes[] = {3 * UNIT, UNIT, 5 * UNIT, 2 * UNIT};
    brd_shelf shelf = {0};
    uint64_t ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = taken(&shelf, sizes[i], true, 0)->id;
    for (int i = 0; i < 4; i++)
        brd_shelf_give_back(&shelf, ids[i]);
    CU_ASSERT_EQUAL(taken(&shelf, UNIT + 1, false, 0)->id, ids[3]);
    CU_ASSERT_EQUAL(taken(&shelf, UNIT + 1, false, 0)->id, ids[0]);
    CU_ASSERT_EQUAL(taken(&shelf, 1, false, 0)->id, ids[1]);
    CU_ASSERT_EQUAL(taken(&shelf, 1, false, 0)->id, ids[2]);
    brd_shelf_clear(&shelf);
}

static void an_empty_slot_comes_before_replacing(void)
{
    brd_shelf shelf = {0};
    uint64_t small = taken(&shelf, UNIT, true, 0)->id;
    brd_shelf_give_back(&shelf, small);
    uint64_t large = taken(&shelf, 2 * UNIT, true, 0)->id;
    CU_ASSERT_NOT_EQUAL(large, small);
    CU_ASSERT_PTR_NOT_NULL(brd_shelf_find(&shelf, small));
    brd_shelf_clear(&shelf);
}

static void the_smallest_makes_room(void)
{
    brd_shelf shelf = {0};
    uint64_t ids[BRD_SHELF_SLOTS];
    for (int i = 0; i < BRD_SHELF_SLOTS; i++)
        ids[i] = taken(&shelf, (i == 3 ? (size_t)1 : (size_t)2) * UNIT, true, 0)->id;
    CU_ASSERT_EQUAL(try_take(&shelf, 4 * UNIT), BROOD_EAGAIN); // busy ones never go
    for (int i = 0; i < BRD_SHELF_SLOTS; i++)
        if (i != 6)
            brd_shelf_give_back(&shelf, ids[i]);
    brd_block *block = taken(&shelf, 4 * UNIT, true, ids[3]);
    // Ids are never used again: the peer may still speak of the old one.
    for (int i = 0; i < BRD_SHELF_SLOTS; i++)
        CU_ASSERT_NOT_EQUAL(block->id, ids[i]);
    CU_ASSERT_PTR_NULL(brd_shelf_find(&shelf, ids[3]));
    CU_ASSERT_PTR_NOT_NULL(brd_shelf_find(&shelf, ids[6]));
    brd_shelf_clear(&shelf);
}

static void a_failure_leaves_the_shelf_as_it_was(void)
{
    brd_shelf shelf = {0};
    uint64_t id = taken(&shelf, 10, true, 0)->id;
    brd_shelf_give_back(&shelf, id);
    CU_ASSERT_EQUAL(try_take(&shelf, SIZE_MAX), BROOD_ENOMEM);
    CU_ASSERT_NOT_EQUAL(try_take(&shelf, SIZE_MAX - UNIT), 0);
    CU_ASSERT_NOT_EQUAL(try_take(&shelf, (size_t)1 << 46), 0);
    for (int i = 1; i < BRD_SHELF_SLOTS; i++)
        brd_shelf_give_back(&shelf, taken(&shelf, (size_t)(i + 1) * UNIT, true, 0)->id);
    // Not even when one would have had to go for it.
    CU_ASSERT_NOT_EQUAL(try_take(&shelf, (size_t)1 << 46), 0);
    CU_ASSERT_EQUAL(taken(&shelf, 10, false, 0)->id, id);
    brd_shelf_clear(&shelf);
}

/* ---------------------------------------------------------- the receiver's */

/** A segment's handle alone, as it comes over a channel. */
static brd_handle segment_of(size_t size, unsigned char filling)
{
    brd_shm shm = {.segment = BRD_NONE};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, size), 0);
    memset(shm.base, filling, size);
    brd_handle segment = shm.segment;
    shm.segment = BRD_NONE;
    brd_os_shm_unmap(&shm);
    return segment;
}

static void sees_what_was_put(void)
{
    brd_shelf shelf = {0};
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, 7, UNIT, segment_of(UNIT, 7)), 0);
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, UINT64_MAX, 10, segment_of(UNIT, 8)), 0);
    brd_block *seven = brd_shelf_find(&shelf, 7), *last = brd_shelf_find(&shelf, UINT64_MAX);
    CU_ASSERT_PTR_NOT_NULL_FATAL(seven);
    if (!seven)
        abort();
    CU_ASSERT_PTR_NOT_NULL_FATAL(last);
    if (!last)
        abort();
    CU_ASSERT_EQUAL(((unsigned char *)seven->shm.base)[UNIT - 1], 7);
    CU_ASSERT_EQUAL(((unsigned char *)last->shm.base)[9], 8);
    CU_ASSERT_PTR_NULL(brd_shelf_find(&shelf, 8));
    CU_ASSERT_PTR_NULL(brd_shelf_find(&shelf, 0)); // although empty slots have it
    brd_shelf_drop(&shelf, 7);
    CU_ASSERT_PTR_NULL(brd_shelf_find(&shelf, 7));
    brd_shelf_drop(&shelf, 7);
    brd_shelf_drop(&shelf, 0);
    CU_ASSERT_PTR_NOT_NULL(brd_shelf_find(&shelf, UINT64_MAX));
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, 7, UNIT, segment_of(UNIT, 9)), 0);
    brd_shelf_clear(&shelf);
}

static void refuses_what_makes_no_sense(void)
{
    brd_shelf shelf = {0};
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, 0, UNIT, segment_of(UNIT, 1)), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, 5, UNIT, segment_of(UNIT, 1)), 0);
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, 5, UNIT, segment_of(UNIT, 2)), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(((unsigned char *)brd_shelf_find(&shelf, 5)->shm.base)[0], 1);
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, 6, UNIT + 1, segment_of(UNIT, 2)), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, 6, SIZE_MAX, segment_of(UNIT, 2)), BROOD_EPROTOCOL);
    CU_ASSERT_NOT_EQUAL(brd_shelf_put(&shelf, 6, 0, segment_of(UNIT, 2)), 0);
    CU_ASSERT_NOT_EQUAL(brd_shelf_put(&shelf, 6, UNIT, BRD_NONE), 0);
    CU_ASSERT_PTR_NULL(brd_shelf_find(&shelf, 6));
    brd_shelf_clear(&shelf);
}

static void refuses_what_is_no_segment(void)
{
    brd_shelf shelf = {0};
    brd_chan *mine = NULL;
    brd_handle theirs = BRD_NONE;
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
    CU_ASSERT_NOT_EQUAL(brd_shelf_put(&shelf, 1, UNIT, theirs), 0);
    CU_ASSERT_PTR_NULL(brd_shelf_find(&shelf, 1));
    brd_os_chan_close(&mine);
}

static void refuses_one_too_many(void)
{
    brd_shelf shelf = {0};
    for (uint64_t id = 1; id <= BRD_SHELF_SLOTS; id++)
        CU_ASSERT_EQUAL(brd_shelf_put(&shelf, id, UNIT, segment_of(UNIT, 1)), 0);
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, 99, UNIT, segment_of(UNIT, 1)), BROOD_EPROTOCOL);
    brd_shelf_drop(&shelf, 4);
    CU_ASSERT_EQUAL(brd_shelf_put(&shelf, 99, UNIT, segment_of(UNIT, 1)), 0);
    brd_shelf_clear(&shelf);
}

static const test_case cases[] = {
    TEST_CASE(uses_a_block_again),
    TEST_CASE(all_busy_is_a_matter_of_time),
    TEST_CASE(takes_the_smallest_that_fits),
    TEST_CASE(an_empty_slot_comes_before_replacing),
    TEST_CASE(the_smallest_makes_room),
    TEST_CASE(a_failure_leaves_the_shelf_as_it_was),
    TEST_CASE(sees_what_was_put),
    TEST_CASE(refuses_what_makes_no_sense),
    TEST_CASE(refuses_what_is_no_segment),
    TEST_CASE(refuses_one_too_many),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "block", cases);
}
