/*
 * Lockers: handles that wait for whoever fetches them. Run on every system from this one
 * source; that the locker is another process's, and that somebody died, is asked of queues.
 */
#include "harness.h"

#include <string.h>

enum { LOTS = 5 };

/** What can be told apart after it went through the locker. */
static void make(brd_shm *shm, unsigned char sign)
{
    *shm = (brd_shm){.segment = BRD_NONE};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(shm, 4096), 0);
    memset(shm->base, sign, 4096);
}

static int sign_of(brd_handle segment)
{
    brd_shm shm = {.segment = BRD_NONE};
    int sign = -1;
    if (brd_os_shm_map(&shm, segment, 4096, true)) {
        brd_os_close(&segment);
        return -1;
    }
    sign = *(const unsigned char *)shm.base;
    brd_os_shm_unmap(&shm);
    return sign;
}

static void fetches_in_order(void)
{
    brd_locker l;
    brd_shm shm[2];
    uint64_t tokens[LOTS][2];
    CU_ASSERT_EQUAL_FATAL(brd_os_locker_open(&l), 0);
    for (uint64_t i = 0; i < LOTS; i++) {
        make(&shm[0], (unsigned char)(2 * i));
        make(&shm[1], (unsigned char)(2 * i + 1));
        const brd_handle lot[2] = {shm[0].segment, shm[1].segment};
        CU_ASSERT_EQUAL(brd_os_locker_leave(&l, i + 1, lot, 2, tokens[i]), 0);
        brd_os_shm_unmap(&shm[0]); // what is in the locker needs nobody
        brd_os_shm_unmap(&shm[1]);
    }
    for (uint64_t i = 0; i < LOTS; i++) {
        brd_handle lot[2] = {BRD_NONE, BRD_NONE};
        CU_ASSERT_EQUAL(brd_os_locker_fetch(&l, i + 1, tokens[i], 2, lot), 0);
        CU_ASSERT_EQUAL(sign_of(lot[0]), (int)(2 * i));
        CU_ASSERT_EQUAL(sign_of(lot[1]), (int)(2 * i + 1));
    }
    brd_os_locker_close(&l);
}

static void a_lot_that_is_gone_is_told(void)
{
    brd_locker l;
    brd_shm shm;
    uint64_t token = 0, other = 0;
    brd_handle got = BRD_NONE;
    CU_ASSERT_EQUAL_FATAL(brd_os_locker_open(&l), 0);
    make(&shm, 7);
    CU_ASSERT_EQUAL(brd_os_locker_leave(&l, 1, &shm.segment, 1, &token), 0);
    CU_ASSERT_EQUAL(brd_os_locker_leave(&l, 2, &shm.segment, 1, &other), 0);
    brd_os_shm_unmap(&shm);
    CU_ASSERT_EQUAL(brd_os_locker_fetch(&l, 1, &token, 1, &got), 0);
    CU_ASSERT_EQUAL(sign_of(got), 7);
    CU_ASSERT_EQUAL(brd_os_locker_fetch(&l, 1, &token, 1, &got), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brd_os_locker_fetch(&l, 2, &other, 1, &got), 0); // which kept the next one
    CU_ASSERT_EQUAL(sign_of(got), 7);
    CU_ASSERT_EQUAL(brd_os_locker_fetch(&l, 3, &other, 1, &got), BROOD_ECLOSED);
    brd_os_locker_close(&l);
}

static void refuses_nonsense(void)
{
    brd_locker l;
    brd_shm shm;
    uint64_t tokens[BRD_LOCKER_LOT + 1] = {0};
    brd_handle lot[BRD_LOCKER_LOT + 1], none = BRD_NONE;
    CU_ASSERT_EQUAL_FATAL(brd_os_locker_open(&l), 0);
    make(&shm, 1);
    for (size_t i = 0; i < BRD_LOCKER_LOT + 1; i++)
        lot[i] = shm.segment;
    CU_ASSERT_EQUAL(brd_os_locker_leave(&l, 1, lot, 0, tokens), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_locker_leave(&l, 1, lot, BRD_LOCKER_LOT + 1, tokens), BROOD_EINVAL);
    CU_ASSERT_NOT_EQUAL(brd_os_locker_leave(&l, 1, &none, 1, tokens), 0);
    CU_ASSERT_EQUAL(brd_os_locker_fetch(&l, 1, tokens, 0, lot), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_locker_leave(&l, 1, lot, BRD_LOCKER_LOT, tokens), 0);
    CU_ASSERT_EQUAL(brd_os_locker_fetch(&l, 1, tokens, BRD_LOCKER_LOT, lot), 0);
    for (size_t i = 0; i < BRD_LOCKER_LOT; i++)
        brd_os_close(&lot[i]);
    brd_os_shm_unmap(&shm);
    brd_os_locker_close(&l);
    brd_os_locker_close(&l);
}

static const test_case cases[] = {
    TEST_CASE(fetches_in_order),
    TEST_CASE(a_lot_that_is_gone_is_told),
    TEST_CASE(refuses_nonsense),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "locker", cases);
}
