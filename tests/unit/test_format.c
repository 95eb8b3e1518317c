/*
 * The shape of formats, and the size of MessagePack objects by their first bytes. The
 * one thing to know: brd_object_size stands before the decoder, so what it lets through
 * is given to the decoder here too, which must agree to the byte.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "harness.h"
#include "ipc/format.h"

#include <msgpack/unpack.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- formats */

static bool count_is(const char *format, char close, size_t expected)
{
    size_t count = 99;
    return brd_format_count(format, close, &count) && count == expected;
}

static bool is_refused(const char *format, char close)
{
    size_t count = 99;
    return !brd_format_count(format, close, &count) && count == 99;
}

static void counts_values_of_a_group(void)
{
    CU_ASSERT(count_is(")", ')', 0));
    CU_ASSERT(count_is("i)", ')', 1));
    CU_ASSERT(count_is("isd}", '}', 3));
    CU_ASSERT(count_is("aiaday)", ')', 3));
    CU_ASSERT(count_is("i(ss)x)", ')', 3));
    CU_ASSERT(count_is("{i(dd)ai}(())i)ii)", ')', 3));
    CU_ASSERT(count_is("i)}", ')', 1)); // what comes after is not its own
}

static void refuses_wrong_brackets(void)
{
    CU_ASSERT(is_refused("", ')'));
    CU_ASSERT(is_refused("iii", ')'));
    CU_ASSERT(is_refused("i(i", ')'));
    CU_ASSERT(is_refused("i(i)", ')'));
    CU_ASSERT(is_refused("i}", ')'));
    CU_ASSERT(is_refused("i)", '}'));
    CU_ASSERT(is_refused("(i})", ')'));
    CU_ASSERT(is_refused("{i)}", ')'));
    CU_ASSERT(is_refused("a", ')'));
    CU_ASSERT(is_refused("a)", ')')); // a bracket is no element
}

static void counts_to_a_depth(void)
{
    char format[2 * BRD_FORMAT_DEPTH + 8];
    for (size_t depth = 0; depth <= BRD_FORMAT_DEPTH + 1; depth++) {
        memset(format, '(', depth);
        memset(format + depth, ')', depth + 1);
        format[2 * depth + 1] = 0;
        bool counted = count_is(format, ')', depth ? 1 : 0);
        CU_ASSERT_EQUAL(counted, depth <= BRD_FORMAT_DEPTH);
        CU_ASSERT_NOT_EQUAL(counted, is_refused(format, ')'));
    }
}

/* ---------------------------------------------------------------- objects */

/** The size, asked of a heap block that ends where the bytes end. */
static size_t size_of(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, bytes, size);
    size_t result = brd_object_size(copy, size);
    free(copy);
    return result;
}

static bool decoder_agrees(const unsigned char *bytes, size_t size)
{
    msgpack_unpacked object;
    size_t at = 0;
    msgpack_unpacked_init(&object);
    msgpack_unpack_return result = msgpack_unpack_next(&object, (const char *)bytes, size, &at);
    msgpack_unpacked_destroy(&object);
    return result == MSGPACK_UNPACK_SUCCESS && at == size;
}

/** First bytes, as the specification has them, and how many bytes follow. */
static const struct head {
    unsigned char bytes[5];
    unsigned char size;
    unsigned follow;
} heads[] = {
    {{0x00}, 1, 0},
    {{0x7f}, 1, 0},
    {{0xe0}, 1, 0},
    {{0xff}, 1, 0},
    {{0xc0}, 1, 0},
    {{0xc2}, 1, 0},
    {{0xc3}, 1, 0},
    {{0x80}, 1, 0},
    {{0x81}, 1, 2},
    {{0x8f}, 1, 30},
    {{0x90}, 1, 0},
    {{0x91}, 1, 1},
    {{0x9f}, 1, 15},
    {{0xa0}, 1, 0},
    {{0xbf}, 1, 31},
    {{0xc4, 3}, 2, 3},
    {{0xc5, 1, 0}, 3, 256},
    {{0xc6, 0, 1, 0, 0}, 5, 65536},
    {{0xc7, 3}, 2, 4},
    {{0xc8, 1, 0}, 3, 257},
    {{0xc9, 0, 0, 1, 0}, 5, 257},
    {{0xca}, 1, 4},
    {{0xcb}, 1, 8},
    {{0xcc}, 1, 1},
    {{0xcd}, 1, 2},
    {{0xce}, 1, 4},
    {{0xcf}, 1, 8},
    {{0xd0}, 1, 1},
    {{0xd1}, 1, 2},
    {{0xd2}, 1, 4},
    {{0xd3}, 1, 8},
    {{0xd4}, 1, 2},
    {{0xd5}, 1, 3},
    {{0xd6}, 1, 5},
    {{0xd7}, 1, 9},
    {{0xd8}, 1, 17},
    {{0xd9, 200}, 2, 200},
    {{0xda, 1, 0}, 3, 256},
    {{0xdb, 0, 1, 0, 0}, 5, 65536},
    {{0xdc, 0, 16}, 3, 16},
    {{0xdc, 0, 0}, 3, 0},
    {{0xdd, 0, 0, 1, 0}, 5, 256},
    {{0xde, 0, 2}, 3, 4},
    {{0xdf, 0, 0, 0, 3}, 5, 6},
};

static void knows_every_type(void)
{
    static unsigned char bytes[70000];
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const struct head *h = &heads[i];
        size_t whole = h->size + h->follow;
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, h->bytes, h->size);
        CU_ASSERT_EQUAL(size_of(bytes, whole), whole);
        CU_ASSERT_EQUAL(size_of(bytes, whole + 5), whole);
        CU_ASSERT_EQUAL(size_of(bytes, whole - 1), 0);
        CU_ASSERT_EQUAL(size_of(bytes, h->size - 1), 0);
        CU_ASSERT(decoder_agrees(bytes, whole));
    }
    bytes[0] = 0xc1; // the one that is never used
    CU_ASSERT_EQUAL(size_of(bytes, 100), 0);
    CU_ASSERT_EQUAL(size_of(bytes, 0), 0);
}

static void refuses_a_length_of_four_billion(void)
{
    static const unsigned char types[] = {0xc6, 0xc9, 0xdb, 0xdd, 0xdf};
    unsigned char bytes[64] = {0};
    for (size_t i = 0; i < sizeof types; i++) {
        bytes[0] = types[i];
        memset(bytes + 1, 0xff, 4);
        CU_ASSERT_EQUAL(size_of(bytes, 5), 0);
        CU_ASSERT_EQUAL(size_of(bytes, sizeof bytes), 0);
        bytes[1] = 0x7f;
        CU_ASSERT_EQUAL(size_of(bytes, sizeof bytes), 0);
        memset(bytes + 1, 0, 4);
        bytes[4] = sizeof bytes - 1; // one more than there is
        CU_ASSERT_EQUAL(size_of(bytes, sizeof bytes), 0);
    }
}

/** `depth` arrays of one, the last one with `inner` inside. */
static size_t nest(unsigned char *bytes, unsigned char open, size_t depth, unsigned char inner)
{
    size_t at = 0;
    for (size_t i = 0; i < depth; i++) {
        bytes[at++] = open;
        if (open == 0x81)
            bytes[at++] = 0; // the key
    }
    bytes[at++] = inner;
    return at;
}

static void goes_down_to_a_depth(void)
{
    unsigned char bytes[4096];
    for (unsigned char open = 0x81; open <= 0x91; open = (unsigned char)(open + 0x10)) {
        size_t size = nest(bytes, open, BRD_FORMAT_DEPTH, 7);
        CU_ASSERT_EQUAL(size_of(bytes, size), size);
        CU_ASSERT(decoder_agrees(bytes, size));
        size = nest(bytes, open, BRD_FORMAT_DEPTH - 1, 0x90);
        CU_ASSERT_EQUAL(size_of(bytes, size), size);
        CU_ASSERT(decoder_agrees(bytes, size));
        // One more is refused, empty or not: the decoder has no room for it.
        size = nest(bytes, open, BRD_FORMAT_DEPTH + 1, 7);
        CU_ASSERT_EQUAL(size_of(bytes, size), 0);
        size = nest(bytes, open, BRD_FORMAT_DEPTH, 0x90);
        CU_ASSERT_EQUAL(size_of(bytes, size), 0);
        size = nest(bytes, open, BRD_FORMAT_DEPTH, 0x80);
        CU_ASSERT_EQUAL(size_of(bytes, size), 0);
        size = nest(bytes, open, 2000, 7);
        CU_ASSERT_EQUAL(size_of(bytes, size), 0);
    }
    memset(bytes, 0x9f, sizeof bytes); // a bomb: it all opens, and nothing is inside
    CU_ASSERT_EQUAL(size_of(bytes, sizeof bytes), 0);
}

static void takes_only_its_own_bytes(void)
{
    // [1, {2: "ab"}, []] and then 9
    static const unsigned char bytes[] = {0x93, 1, 0x81, 2, 0xa2, 'a', 'b', 0x90, 9};
    CU_ASSERT_EQUAL(size_of(bytes, sizeof bytes), sizeof bytes - 1);
    for (size_t size = 0; size < sizeof bytes - 1; size++)
        CU_ASSERT_EQUAL(size_of(bytes, size), 0);
}

static void agrees_with_the_decoder(void)
{
    enum { ROUNDS = 200000 };
    uint64_t random = 4;
    unsigned char bytes[48];
    size_t good = 0, wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        for (size_t at = 0; at < sizeof bytes; at++) {
            random = random * UINT64_C(6364136223846793005) + 1;
            bytes[at] = (unsigned char)(random >> 56);
            if (random >> 33 & 1) // more that opens and has types, less that is text
                bytes[at] = (unsigned char)(0x80 | (bytes[at] & 0x5f));
        }
        size_t size = size_of(bytes, sizeof bytes);
        good += size > 1;
        wrong += size > sizeof bytes || (size && !decoder_agrees(bytes, size));
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(good > ROUNDS / 100);
}

static const test_case cases[] = {
    TEST_CASE(counts_values_of_a_group),
    TEST_CASE(refuses_wrong_brackets),
    TEST_CASE(counts_to_a_depth),
    TEST_CASE(knows_every_type),
    TEST_CASE(refuses_a_length_of_four_billion),
    TEST_CASE(goes_down_to_a_depth),
    TEST_CASE(takes_only_its_own_bytes),
    TEST_CASE(agrees_with_the_decoder),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "format", cases);
}
