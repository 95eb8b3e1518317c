/*
 * Shared segments: made, shared with a child, refused. Run on every system from this one
 * source. The one thing to know: what cannot be had must be an error of the call here,
 * and never a crash on first touch.
 */
#include "harness.h"

#include <string.h>

enum { SIZE = 1 << 20 };

static void is_zeroed_and_writable(void)
{
    brd_shm shm = {.segment = BRD_NONE};
    size_t dirty = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, SIZE), 0);
    CU_ASSERT_FALSE(brd_is_none(shm.segment));
    CU_ASSERT(shm.segment.os > 2);
    CU_ASSERT(shm.size >= SIZE);
    for (size_t i = 0; i < SIZE; i++)
        dirty += ((unsigned char *)shm.base)[i] != 0;
    CU_ASSERT_EQUAL(dirty, 0);
    memset(shm.base, 0xa5, SIZE);
    brd_os_shm_unmap(&shm);
    CU_ASSERT_PTR_NULL(shm.base);
    CU_ASSERT(brd_is_none(shm.segment));
    brd_os_shm_unmap(&shm);
}

static void takes_any_size_but_none(void)
{
    brd_shm shm = {.segment = BRD_NONE};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, 1), 0);
    *(char *)shm.base = 1;
    brd_os_shm_unmap(&shm);
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, brd_os_page() + 1), 0);
    ((char *)shm.base)[brd_os_page()] = 1;
    brd_os_shm_unmap(&shm);
    CU_ASSERT_NOT_EQUAL(brd_os_shm_create(&shm, 0), 0);
    CU_ASSERT_PTR_NULL(shm.base);
}

static void refuses_what_the_machine_has_not(void)
{
    brd_shm shm = {.segment = BRD_NONE};
    CU_ASSERT_NOT_EQUAL(brd_os_shm_create(&shm, (size_t)1 << 46), 0);
    CU_ASSERT_NOT_EQUAL(brd_os_shm_create(&shm, SIZE_MAX), 0);
    CU_ASSERT_NOT_EQUAL(brd_os_shm_create(&shm, SIZE_MAX / 2), 0);
    CU_ASSERT_PTR_NULL(shm.base);
    CU_ASSERT(brd_is_none(shm.segment));
}

static int child_adds_one(int argc, char **argv)
{
    brd_shm shm = {.segment = BRD_NONE};
    unsigned char *at = NULL;
    TEST_CHILD_CHECK(argc == 1);
    // Too much first: a refusal leaves the handle with us.
    TEST_CHILD_CHECK(brd_os_shm_map(&shm, test_handle(argv[0]), (size_t)SIZE * 2, true) ==
                     BROOD_EPROTOCOL);
    TEST_CHILD_CHECK(shm.base == NULL);
    TEST_CHILD_CHECK(brd_os_shm_map(&shm, test_handle(argv[0]), SIZE, true) == 0);
    TEST_CHILD_CHECK(shm.size == SIZE);
    at = shm.base;
    for (size_t i = 0; i < SIZE; i++)
        at[i]++;
    brd_os_shm_unmap(&shm);
    return 0;
}

static void is_the_same_in_a_child(void)
{
    brd_shm shm = {.segment = BRD_NONE};
    brd_proc child = {0};
    size_t wrong = 0;
    test_start how = {.child = "adds-one", .inherit = &shm.segment, .ninherit = 1};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, SIZE), 0);
    memset(shm.base, 41, SIZE);
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    CU_ASSERT_EQUAL(test_end(&child), 0);
    for (size_t i = 0; i < SIZE; i++)
        wrong += ((unsigned char *)shm.base)[i] != 42;
    CU_ASSERT_EQUAL(wrong, 0);
    brd_os_shm_unmap(&shm);
}

static void refuses_what_is_no_segment(void)
{
    brd_shm shm = {.segment = BRD_NONE};
    brd_chan *mine = NULL;
    brd_handle theirs = BRD_NONE;
    CU_ASSERT_NOT_EQUAL(brd_os_shm_map(&shm, BRD_NONE, 1, true), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
    CU_ASSERT_NOT_EQUAL(brd_os_shm_map(&shm, theirs, 1, true), 0);
    CU_ASSERT_NOT_EQUAL(brd_os_shm_map(&shm, theirs, 1, false), 0);
    CU_ASSERT_PTR_NULL(shm.base);
    brd_os_close(&theirs);
    brd_os_chan_close(&mine);
}

static const test_case cases[] = {
    TEST_CASE(is_zeroed_and_writable),
    TEST_CASE(takes_any_size_but_none),
    TEST_CASE(refuses_what_the_machine_has_not),
    TEST_CASE(is_the_same_in_a_child),
    TEST_CASE(refuses_what_is_no_segment),
    TEST_CHILD("adds-one", child_adds_one),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "shm", cases);
}
