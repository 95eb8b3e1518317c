/*
 * Tags and secrets, as os.h promises them: the same bytes on every system, whoever's
 * library is behind them.
 */
#include "harness.h"

#include <string.h>

/** RFC 4231, test cases 1, 2 and 6, in pieces. */
static void tags_are_hmac_sha_256(void)
{
    static const uint8_t one[] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
                                  0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83,
                                  0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7};
    static const uint8_t two[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
                                  0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
                                  0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    static const uint8_t six[] = {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f, 0x0d, 0x8a, 0x26,
                                  0xaa, 0xcb, 0xf5, 0xb7, 0x7f, 0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28,
                                  0xc5, 0x14, 0x05, 0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54};
    uint8_t tag[BRD_TAG_SIZE], bytes[131];
    memset(bytes, 0x0b, 20);
    const brd_span hi[] = {{"Hi", 2}, {NULL, 0}, {" There", 6}};
    CU_ASSERT_EQUAL(brd_os_hmac((brd_span){bytes, 20}, hi, 3, tag), 0);
    CU_ASSERT_EQUAL(memcmp(tag, one, sizeof one), 0);
    const brd_span what[] = {{"what do ya want for nothing?", 28}};
    CU_ASSERT_EQUAL(brd_os_hmac((brd_span){"Jefe", 4}, what, 1, tag), 0);
    CU_ASSERT_EQUAL(memcmp(tag, two, sizeof two), 0);
    memset(bytes, 0xaa, sizeof bytes);
    const brd_span large[] = {{"Test Using Larger Than Block-Size Key - Hash Key First", 54}};
    CU_ASSERT_EQUAL(brd_os_hmac((brd_span){bytes, sizeof bytes}, large, 1, tag), 0);
    CU_ASSERT_EQUAL(memcmp(tag, six, sizeof six), 0);
}

static void what_is_split_is_the_same(void)
{
    uint8_t whole[BRD_TAG_SIZE], split[BRD_TAG_SIZE];
    static uint8_t bytes[100000];
    memset(bytes, 7, sizeof bytes);
    const brd_span one[] = {{bytes, sizeof bytes}};
    const brd_span many[] = {{bytes, 1}, {NULL, 0}, {bytes, 63}, {bytes, 64}, {bytes, 99872}};
    CU_ASSERT_EQUAL(brd_os_hmac((brd_span){NULL, 0}, one, 1, whole), 0);
    CU_ASSERT_EQUAL(brd_os_hmac((brd_span){NULL, 0}, many, 5, split), 0);
    CU_ASSERT(brd_os_same(whole, split, sizeof whole));
    CU_ASSERT_EQUAL(brd_os_hmac((brd_span){"k", 1}, many, 5, split), 0);
    CU_ASSERT_FALSE(brd_os_same(whole, split, sizeof whole));
    CU_ASSERT_EQUAL(brd_os_hmac((brd_span){NULL, 0}, NULL, 0, split), 0);
    CU_ASSERT_FALSE(brd_os_same(whole, split, sizeof whole));
}

static void every_bit_makes_a_difference(void)
{
    uint8_t one[BRD_TAG_SIZE] = {0}, other[BRD_TAG_SIZE] = {0};
    CU_ASSERT(brd_os_same(one, other, sizeof one));
    CU_ASSERT(brd_os_same(one, other, 0));
    for (size_t i = 0; i < sizeof other * 8; i++) {
        other[i / 8] ^= (uint8_t)(1 << i % 8);
        CU_ASSERT_FALSE(brd_os_same(one, other, sizeof one));
        other[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void what_is_wiped_is_gone(void)
{
    uint8_t secret[BRD_TAG_SIZE + 2];
    memset(secret, 0x5a, sizeof secret);
    brd_os_wipe(secret + 1, BRD_TAG_SIZE);
    CU_ASSERT_EQUAL(secret[0], 0x5a);
    CU_ASSERT_EQUAL(secret[BRD_TAG_SIZE + 1], 0x5a);
    for (size_t i = 1; i <= BRD_TAG_SIZE; i++)
        CU_ASSERT_EQUAL(secret[i], 0);
}

static const test_case cases[] = {
    TEST_CASE(tags_are_hmac_sha_256),
    TEST_CASE(what_is_split_is_the_same),
    TEST_CASE(every_bit_makes_a_difference),
    TEST_CASE(what_is_wiped_is_gone),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "hmac", cases);
}
