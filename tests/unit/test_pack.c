/*
 * brood_pack: the bytes, as the specification of MessagePack has them, and what a
 * mistake in the format does. The one thing to know: after an error the message is as
 * it was before, so each refusal is tried on a message that holds something.
 */
#include "harness.h"
#include "ipc/format.h"
#include "ipc/message.h"

#include <stdlib.h>
#include <string.h>

/** True if the message holds these bytes; clears it. */
static bool is(brood_message *m, const char *bytes, size_t size)
{
    size_t have = 0;
    const void *at = brood_message_bytes(m, &have);
    bool same = have == size && memcmp(at, bytes, size) == 0;
    brood_message_clear(m);
    return same;
}

#define PACKS(golden, ...)                                                                         \
    do {                                                                                           \
        brood_message packed = BROOD_MESSAGE_INIT;                                                 \
        CU_ASSERT_EQUAL(brood_pack(&packed, __VA_ARGS__), 0);                                      \
        CU_ASSERT(is(&packed, golden, sizeof(golden) - 1));                                        \
    } while (0)

static void packs_integers_as_specified(void)
{
    PACKS("\xc2\xc3\xc3\xc3", "bbbb", 0, 1, -1, 256);
    PACKS("\x00\x7f", "yy", 0, 127);
    PACKS("\xcc\x80\xcc\xff", "yy", 128, 255);
    PACKS("\x00\x7f\xcc\x80\xcc\xff\xcd\x01\x00\xcd\xff\xff", "qqqqqq", 0, 127, 128, 255, 256,
          65535);
    PACKS("\xff\xe0\xd0\xdf\xd0\x80\xd1\xff\x7f\xd1\x80\x00", "nnnnnn", -1, -32, -33, -128, -129,
          INT16_MIN);
    PACKS("\xcd\x7f\xff", "n", INT16_MAX);
    PACKS("\xd2\x80\x00\x00\x00\xce\x7f\xff\xff\xff", "ii", INT32_MIN, INT32_MAX);
    PACKS("\xd2\xff\xff\x7f\xff\xce\x00\x01\x00\x00", "ii", INT16_MIN - 1, 65536);
    PACKS("\xce\xff\xff\xff\xff", "u", UINT32_MAX);
    PACKS("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "x", INT64_MIN);
    PACKS("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", "x", INT64_MAX);
    PACKS("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "t", UINT64_MAX);
    PACKS("\xcf\x00\x00\x00\x01\x00\x00\x00\x00\x05", "tx", UINT64_C(1) << 32, INT64_C(5));
}

static void packs_doubles_as_specified(void)
{
    PACKS("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "d", 1.5);
    PACKS("\xcb\x80\x00\x00\x00\x00\x00\x00\x00", "d", -0.0);
}

static void packs_texts_as_specified(void)
{
    char text[70000];
    static const struct {
        size_t size, head;
        const char *golden;
    } borders[] = {
        {31, 1, "\xbf"},          {32, 2, "\xd9\x20"},        {255, 2, "\xd9\xff"},
        {256, 3, "\xda\x01\x00"}, {65535, 3, "\xda\xff\xff"}, {65536, 5, "\xdb\x00\x01\x00\x00"}};
    PACKS("\xa0", "s", "");
    PACKS("\xa2\xc3\xa4", "s", "\xc3\xa4");
    for (size_t i = 0; i < sizeof borders / sizeof *borders; i++) {
        brood_message m = BROOD_MESSAGE_INIT;
        size_t size = 0;
        memset(text, 'x', borders[i].size);
        text[borders[i].size] = 0;
        CU_ASSERT_EQUAL(brood_pack(&m, "s", text), 0);
        const char *at = brood_message_bytes(&m, &size);
        CU_ASSERT_EQUAL(size, borders[i].head + borders[i].size);
        CU_ASSERT_EQUAL(memcmp(at, borders[i].golden, borders[i].head), 0);
        CU_ASSERT_EQUAL(memcmp(at + borders[i].head, text, borders[i].size), 0);
        brood_message_clear(&m);
    }
}

static void packs_arrays_as_specified(void)
{
    static const int bools[] = {1, 0};
    static const int16_t shorts[] = {-1, INT16_MIN};
    static const uint16_t ushorts[] = {65535};
    static const int32_t ints[] = {1, -33, 70000};
    static const uint32_t uints[] = {UINT32_MAX};
    static const int64_t longs[] = {-1};
    static const uint64_t ulongs[] = {UINT64_MAX};
    static const double doubles[] = {1.5};
    static const char *const texts[] = {"a", ""};
    const size_t none = 0;
    PACKS("\xc4\x03\x00\xff\x61", "ay", "\0\xff\x61", (size_t)3);
    PACKS("\xc4\x00", "ay", NULL, none);
    PACKS("\x92\xc3\xc2", "ab", bools, (size_t)2);
    PACKS("\x92\xff\xd1\x80\x00", "an", shorts, (size_t)2);
    PACKS("\x91\xcd\xff\xff", "aq", ushorts, (size_t)1);
    PACKS("\x93\x01\xd0\xdf\xce\x00\x01\x11\x70", "ai", ints, (size_t)3);
    PACKS("\x91\xce\xff\xff\xff\xff", "au", uints, (size_t)1);
    PACKS("\x91\xff", "ax", longs, (size_t)1);
    PACKS("\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "at", ulongs, (size_t)1);
    PACKS("\x91\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "ad", doubles, (size_t)1);
    PACKS("\x92\xa1\x61\xa0", "as", texts, (size_t)2);
    PACKS("\x90\x07", "aii", NULL, none, 7);
}

static void packs_groups_as_specified(void)
{
    PACKS("\x90", "()");
    PACKS("\x80", "{}");
    PACKS("\x92\x01\xa1\x62", "(is)", 1, "b");
    PACKS("\x81\xa1\x6b\x05", "{i}", "k", 5);
    PACKS("\x01\x82\xa1\x61\x02\xa1\x62\x92\x03\x81\xa1\x63\x90", "i{i(i{()})}", 1, "a", 2, "b", 3,
          "c");
    PACKS("\x91\x91\xc4\x01\x78", "((ay))", "x", (size_t)1);
    // Sixteen need the long form.
    PACKS("\xdc\x00\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "(yyyyyyyyyyyyyyyy)", 0, 0, 0, 0, 0, 0, 0,
          0, 0, 0, 0, 0, 0, 0, 0, 0);
    PACKS("", "");
}

static void appends_over_the_border(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    size_t size = 0;
    for (uint32_t i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(brood_pack(&m, "u", i % 100), 0);
    const unsigned char *at = brood_message_bytes(&m, &size);
    CU_ASSERT_EQUAL_FATAL(size, 200);
    for (uint32_t i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(at[i], i % 100);
    brood_message_clear(&m);
}

static void appends_to_a_view_elsewhere(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    unsigned char kept[2] = {1, 2};
    brd_message_view(&m, kept, 1);
    CU_ASSERT_EQUAL(brood_pack(&m, "i", 7), 0);
    CU_ASSERT_EQUAL(kept[1], 2);
    CU_ASSERT(is(&m, "\x01\x07", 2));
}

/* ---------------------------------------------------------------- mistakes */

#define REFUSES(...)                                                                               \
    do {                                                                                           \
        brood_message packed = BROOD_MESSAGE_INIT;                                                 \
        CU_ASSERT_EQUAL(brood_pack(&packed, "is", 7, "before"), 0);                                \
        CU_ASSERT_EQUAL(brood_pack(&packed, __VA_ARGS__), BROOD_EINVAL);                           \
        CU_ASSERT(is(&packed,                                                                      \
                     "\x07\xa6"                                                                    \
                     "before",                                                                     \
                     8));                                                                          \
    } while (0)

static void refuses_wrong_formats(void)
{
    const size_t none = 0;
    REFUSES("z", 1);
    REFUSES("iz", 1, 1);
    REFUSES("i i", 1, 1);
    REFUSES("a", "x", none);
    REFUSES("ia", 1, "x", none);
    REFUSES("az", "x", none); // although there is no element to fail
    REFUSES("aa", "x", none);
    REFUSES("a(", "x", none);
    REFUSES("(a)", "x", none);
}

static void refuses_wrong_brackets(void)
{
    REFUSES("(");
    REFUSES("(i", 1);
    REFUSES(")");
    REFUSES("i)", 1);
    REFUSES("}");
    REFUSES("{i", "k", 1);
    REFUSES("(i}", 1);
    REFUSES("{i)", "k", 1);
    REFUSES("(i(i)", 1, 1);
    REFUSES("((i})", 1);
    REFUSES("({i)}", "k", 1);
}

static void refuses_what_is_not_there(void)
{
    const char *const texts[] = {"a", NULL};
    REFUSES("s", (const char *)NULL);
    REFUSES("is", 1, (const char *)NULL);
    REFUSES("{i}", (const char *)NULL, 1);
    REFUSES("as", texts, (size_t)2);
    REFUSES("ay", (const void *)NULL, (size_t)1);
    REFUSES("ai", (const void *)NULL, (size_t)1);
    CU_ASSERT_EQUAL(brood_pack(NULL, "i", 1), BROOD_EINVAL);
    brood_message m = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_pack(&m, NULL), BROOD_EINVAL);
    brood_message_clear(&m);
}

static void refuses_a_count_that_has_no_form(void)
{
    static const int32_t one = 1;
    if (SIZE_MAX > UINT32_MAX) {
        size_t count = (size_t)UINT32_MAX + 1;
        REFUSES("ai", &one, count);
        REFUSES("ay", &one, count);
    }
}

static void a_failure_far_behind_undoes_all(void)
{
    static char long_text[1000];
    memset(long_text, 'l', sizeof long_text - 1);
    REFUSES("ssss(i{s", long_text, long_text, long_text, long_text, 1, "k", "v");
    REFUSES("ssss(i{sz})", long_text, long_text, long_text, long_text, 1, "k", "v", "l", 1);
}

/** What can be packed can be read: so no deeper than a reader goes. */
static void goes_down_to_a_depth(void)
{
    char format[2 * BRD_FORMAT_DEPTH + 8];
    static const char *const inner[] = {"", "ai", "ay"};
    const size_t none = 0;
    for (size_t depth = 1; depth <= BRD_FORMAT_DEPTH + 1; depth++)
        for (size_t i = 0; i < 3; i++) {
            brood_message m = BROOD_MESSAGE_INIT;
            memset(format, '(', depth);
            size_t at = depth + strlen(inner[i]);
            memcpy(format + depth, inner[i], at - depth);
            memset(format + at, ')', depth);
            format[at + depth] = 0;
            int status = brood_pack(&m, format, "", none);
            bool fits = depth + (i == 1) <= BRD_FORMAT_DEPTH;
            CU_ASSERT_EQUAL(status, fits ? BROOD_OK : BROOD_EINVAL);
            if (fits)
                CU_ASSERT_EQUAL(brd_object_size(brd_message_at(&m), m.size), m.size);
            brood_message_clear(&m);
        }
}

static const test_case cases[] = {
    TEST_CASE(packs_integers_as_specified),
    TEST_CASE(packs_doubles_as_specified),
    TEST_CASE(packs_texts_as_specified),
    TEST_CASE(packs_arrays_as_specified),
    TEST_CASE(packs_groups_as_specified),
    TEST_CASE(appends_over_the_border),
    TEST_CASE(appends_to_a_view_elsewhere),
    TEST_CASE(refuses_wrong_formats),
    TEST_CASE(refuses_wrong_brackets),
    TEST_CASE(refuses_what_is_not_there),
    TEST_CASE(refuses_a_count_that_has_no_form),
    TEST_CASE(a_failure_far_behind_undoes_all),
    TEST_CASE(goes_down_to_a_depth),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "pack", cases);
}
