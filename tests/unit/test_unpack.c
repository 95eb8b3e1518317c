/*
 * brood_unpack: every letter at its limits, and bytes that nobody packed. The one thing
 * to know: hostile bytes are viewed in a heap block of exactly their size, so that
 * AddressSanitizer sees a read outside; and after an error nothing has moved.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "harness.h"
#include "ipc/format.h"
#include "ipc/message.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/** One signed number through one letter: what comes back, or the status. */
#define ROUND_SIGNED(type, letter, low, high)                                                      \
    do {                                                                                           \
        static const int64_t numbers[] = {                                                         \
            INT64_C(low), INT64_C(low) + 1,  -129,         -128, -33, -32, -1, 0, 1,               \
            127,          INT64_C(high) - 1, INT64_C(high)};                                       \
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {                            \
            brood_message m = BROOD_MESSAGE_INIT;                                                  \
            type back = 99;                                                                        \
            CU_ASSERT_EQUAL(brood_pack(&m, "x", numbers[k]), 0);                                   \
            CU_ASSERT_EQUAL(brood_unpack(&m, letter, &back), 0);                                   \
            CU_ASSERT_EQUAL(back, numbers[k]);                                                     \
            brood_message_clear(&m);                                                               \
        }                                                                                          \
    } while (0)

/** A number that was packed as "x" or "t" does not fit that letter. */
static bool misfits(const char *wide, uint64_t bits, const char *letter)
{
    brood_message m = BROOD_MESSAGE_INIT;
    uint64_t room = UINT64_C(0x7777777777777777);
    CU_ASSERT_EQUAL(brood_pack(&m, wide, bits), 0);
    int status = brood_unpack(&m, letter, &room);
    brood_message_clear(&m);
    return status == BROOD_ETYPE && room == UINT64_C(0x7777777777777777);
}

static bool misfits_signed(int64_t number, const char *letter)
{
    return misfits("x", (uint64_t)number, letter);
}

static void reads_signed_numbers_at_their_limits(void)
{
    ROUND_SIGNED(int16_t, "n", -32768, 32767);
    ROUND_SIGNED(int32_t, "i", -2147483648, 2147483647);
    ROUND_SIGNED(int64_t, "x", -9223372036854775807, 9223372036854775807);
    CU_ASSERT(misfits_signed(INT16_MAX + 1, "n"));
    CU_ASSERT(misfits_signed(INT16_MIN - 1, "n"));
    CU_ASSERT(misfits_signed((int64_t)INT32_MAX + 1, "i"));
    CU_ASSERT(misfits_signed((int64_t)INT32_MIN - 1, "i"));
    CU_ASSERT(misfits("t", (uint64_t)INT64_MAX + 1, "x"));
    CU_ASSERT(misfits("t", UINT64_MAX, "x"));
    CU_ASSERT(misfits("t", UINT64_MAX, "i"));
    CU_ASSERT(misfits_signed(INT64_MIN, "i"));
}

static void reads_unsigned_numbers_at_their_limits(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    uint8_t y = 1;
    uint16_t q = 1;
    uint32_t u = 1;
    uint64_t t = 1;
    CU_ASSERT_EQUAL(brood_pack(&m, "yqut", 0, 0, 0u, UINT64_C(0)), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "yqut", &y, &q, &u, &t), 0);
    CU_ASSERT(!y && !q && !u && !t);
    brood_message_clear(&m);
    CU_ASSERT_EQUAL(brood_pack(&m, "yqut", UINT8_MAX, UINT16_MAX, UINT32_MAX, UINT64_MAX), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "yqut", &y, &q, &u, &t), 0);
    CU_ASSERT(y == UINT8_MAX && q == UINT16_MAX && u == UINT32_MAX && t == UINT64_MAX);
    brood_message_clear(&m);
    CU_ASSERT(misfits_signed(256, "y") && misfits_signed(-1, "y"));
    CU_ASSERT(misfits_signed(65536, "q") && misfits_signed(-1, "q"));
    CU_ASSERT(misfits_signed(INT64_C(1) << 32, "u") && misfits_signed(-1, "u"));
    CU_ASSERT(misfits_signed(-1, "t") && misfits_signed(INT64_MIN, "t"));
}

static void reads_doubles(void)
{
    static const double numbers[] = {0.0,      -0.0,    1.5,      DBL_MAX,
                                     -DBL_MAX, DBL_MIN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        brood_message m = BROOD_MESSAGE_INIT;
        double back = 9;
        CU_ASSERT_EQUAL(brood_pack(&m, "d", numbers[i]), 0);
        CU_ASSERT_EQUAL(brood_unpack(&m, "d", &back), 0);
        // The sign of a zero too.
        CU_ASSERT(back == numbers[i] && 1 / back == 1 / numbers[i]);
        brood_message_clear(&m);
    }
    brood_message m = BROOD_MESSAGE_INIT;
    double a = 9, b = 9, c = 9, d = 9;
    int32_t none = 9;
    // A float and integers serve too; nothing else does, and no double is an integer.
    CU_ASSERT_EQUAL(brood_message_set(&m, "\xca\x3f\xc0\x00\x00\x07\xfe\xca\x7f\xc0\0\0", 12), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "dddd", &a, &b, &c, &d), 0);
    CU_ASSERT(a == 1.5 && b == 7 && c == -2 && d != d);
    brood_message_clear(&m);
    CU_ASSERT_EQUAL(brood_pack(&m, "d", 3.0), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "i", &none), BROOD_ETYPE);
    brood_message_clear(&m);
}

/** Every letter against every type that is not its own. */
static void refuses_other_types(void)
{
    static const char *const own[] = {"nqiuxytd", "b", "s", "ay", "ai", "{i}"};
    static const char *const objects[] = {"\x05",      "\xc3",     "\xa1x",
                                          "\xc4\x01x", "\x91\x05", "\x81\xa1k\x05"};
    static const char *const letters[] = {"b", "y", "n", "q",  "i",  "u",  "x",
                                          "t", "d", "s", "ay", "ai", "as", "(i)"};
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < sizeof letters / sizeof *letters; j++) {
            brood_message m = BROOD_MESSAGE_INIT;
            const void *first = NULL;
            size_t second = 0;
            double wide = 0;
            CU_ASSERT_EQUAL(brood_message_set(&m, objects[i], strlen(objects[i])), 0);
            void *out = letters[j][0] == 'a' || letters[j][0] == 's' ? (void *)&first : &wide;
            int status = brood_unpack(&m, letters[j], out, &second);
            bool mine = i ? strcmp(own[i], letters[j]) == 0 : strstr(own[i], letters[j]) != NULL;
            mine = mine || (i == 4 && strcmp(letters[j], "(i)") == 0);
            CU_ASSERT_EQUAL(status, mine ? BROOD_OK : BROOD_ETYPE);
            brood_message_clear(&m);
        }
    brood_message nil = BROOD_MESSAGE_INIT;
    int b = 5;
    CU_ASSERT_EQUAL(brood_message_set(&nil, "\xc0", 1), 0);
    CU_ASSERT_EQUAL(brood_unpack(&nil, "b", &b), BROOD_ETYPE);
    CU_ASSERT_EQUAL(b, 5);
    brood_message_clear(&nil);
}

/* --------------------------------------------------------- texts and arrays */

static void reads_texts(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    const char *a = NULL, *b = NULL;
    char long_text[300];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    CU_ASSERT_EQUAL(brood_pack(&m, "ss", "", long_text), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "ss", &a, &b), 0);
    CU_ASSERT_STRING_EQUAL(a, "");
    CU_ASSERT_STRING_EQUAL(b, long_text);
    // Borrowed until it is cleared: whatever is packed or read meanwhile.
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(brood_pack(&m, "s", "more"), 0);
    brood_message_rewind(&m);
    const char *c = NULL;
    CU_ASSERT_EQUAL(brood_unpack(&m, "s", &c), 0);
    CU_ASSERT_STRING_EQUAL(a, "");
    CU_ASSERT_STRING_EQUAL(b, long_text);
    brood_message_clear(&m);
}

/** C would see only a part of it; as bytes it can be had. */
static void a_text_has_no_nul_inside(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    const char *text = NULL;
    CU_ASSERT_EQUAL(brood_message_set(&m,
                                      "\xa3"
                                      "a\0b",
                                      4),
                    0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "s", &text), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_message_set(&m, "\xa1", 2), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "s", &text), BROOD_ETYPE);
    CU_ASSERT_PTR_NULL(text);
    brood_message_clear(&m);
}

static void reads_arrays(void)
{
    static const int bools[] = {1, 0};
    static const int16_t n[] = {INT16_MIN, INT16_MAX};
    static const uint16_t q[] = {0, UINT16_MAX};
    static const int32_t i[] = {INT32_MIN, INT32_MAX};
    static const uint32_t u[] = {0, UINT32_MAX};
    static const int64_t x[] = {INT64_MIN, INT64_MAX};
    static const uint64_t t[] = {0, UINT64_MAX};
    static const double d[] = {-1.5, DBL_MAX};
    static const struct {
        const char *format;
        const void *values;
        size_t width;
    } kinds[] = {{"ab", bools, sizeof *bools},
                 {"an", n, 2},
                 {"aq", q, 2},
                 {"ai", i, 4},
                 {"au", u, 4},
                 {"ax", x, 8},
                 {"at", t, 8},
                 {"ad", d, 8},
                 {"ay", "yy", 1}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t count = 0; count <= 2; count++) {
            brood_message m = BROOD_MESSAGE_INIT;
            const void *back = NULL;
            size_t got = 99;
            // A text before it: what follows is then at an odd place.
            CU_ASSERT_EQUAL(brood_pack(&m, "s", ""), 0);
            CU_ASSERT_EQUAL(brood_pack(&m, kinds[k].format, kinds[k].values, count), 0);
            const char *text;
            CU_ASSERT_EQUAL(brood_unpack(&m, "s", &text), 0);
            CU_ASSERT_EQUAL(brood_unpack(&m, kinds[k].format, &back, &got), 0);
            CU_ASSERT_EQUAL(got, count);
            CU_ASSERT_EQUAL((uintptr_t)back % kinds[k].width, 0);
            CU_ASSERT(!count || memcmp(back, kinds[k].values, count * kinds[k].width) == 0);
            brood_message_clear(&m);
        }
}

static void reads_an_array_of_texts(void)
{
    static const char *const texts[] = {"one", "", "three"};
    brood_message m = BROOD_MESSAGE_INIT;
    const char *const *back = NULL;
    size_t count = 0;
    CU_ASSERT_EQUAL(brood_pack(&m, "as", texts, (size_t)3), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "as", &back, &count), 0);
    CU_ASSERT_EQUAL_FATAL(count, 3);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_STRING_EQUAL(back[i], texts[i]);
    brood_message_clear(&m);
}

static void an_array_is_of_one_type(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    const void *back = NULL;
    size_t count = 99;
    CU_ASSERT_EQUAL(brood_pack(&m, "(iis)", 1, 2, "3"), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "ai", &back, &count), BROOD_ETYPE);
    brood_message_clear(&m);
    CU_ASSERT_EQUAL(brood_pack(&m, "(xx)", INT64_C(1), INT64_C(70000)), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "an", &back, &count), BROOD_ETYPE);
    CU_ASSERT_PTR_NULL(back);
    CU_ASSERT_EQUAL(count, 99);
    CU_ASSERT_EQUAL(brood_unpack(&m, "ai", &back, &count), 0);
    CU_ASSERT_EQUAL(count, 2);
    brood_message_clear(&m);
}

/* ------------------------------------------------------------------ groups */

static void reads_groups(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    int32_t a = 0, b = 0, c = 0;
    const char *text = NULL;
    double d = 0;
    CU_ASSERT_EQUAL(brood_pack(&m, "i(s{d(i)}i)", 1, "two", "key", 2.5, "t", 3, 4), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "i(s{d(i)}i)", &a, &text, "key", &d, "t", &b, &c), 0);
    CU_ASSERT(a == 1 && b == 3 && c == 4 && d == 2.5);
    CU_ASSERT_STRING_EQUAL(text, "two");
    CU_ASSERT_EQUAL(brood_unpack(&m, "i", &a), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_unpack(&m, ""), 0);
    brood_message_clear(&m);
    CU_ASSERT_EQUAL(brood_pack(&m, "(){}"), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "(){}"), 0);
    brood_message_clear(&m);
}

static void a_tuple_has_its_length(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    int32_t a, b, c;
    CU_ASSERT_EQUAL(brood_pack(&m, "(ii)", 1, 2), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "(i)", &a), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_unpack(&m, "(iii)", &a, &b, &c), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_unpack(&m, "()"), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_unpack(&m, "{i}", "k", &a), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_unpack(&m, "(ii)", &a, &b), 0);
    brood_message_clear(&m);
}

static void keywords_come_in_any_order(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    int32_t a = 0, b = 0, c = 0;
    CU_ASSERT_EQUAL(brood_pack(&m, "{iii}", "a", 1, "bb", 2, "", 3), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "{iii}", "", &c, "bb", &b, "a", &a), 0);
    CU_ASSERT(a == 1 && b == 2 && c == 3);
    brood_message_rewind(&m);
    CU_ASSERT_EQUAL(brood_unpack(&m, "{i}", "bb", &b), 0); // some of them
    brood_message_rewind(&m);
    CU_ASSERT_EQUAL(brood_unpack(&m, "{ii}", "a", &a, "b", &b), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_unpack(&m, "{i}", "aa", &a), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_unpack(&m, "{i}", (const char *)NULL, &a), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack(&m, "{}"), 0);
    brood_message_clear(&m);
}

static void reads_one_keyword_without_moving(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    int32_t before = 0, a = 0, b = 0, c = 9;
    const char *text = NULL;
    CU_ASSERT_EQUAL(brood_pack(&m, "i{is(ii)}", 5, "n", 1, "s", "text", "t", 2, 3), 0);
    CU_ASSERT_EQUAL(brood_unpack_key(&m, "n", "i", &a), BROOD_ETYPE); // no { } is next
    CU_ASSERT_EQUAL(brood_unpack(&m, "i", &before), 0);
    for (int round = 0; round < 2; round++) {
        CU_ASSERT_EQUAL(brood_unpack_key(&m, "t", "(ii)", &a, &b), 0);
        CU_ASSERT(a == 2 && b == 3);
        CU_ASSERT_EQUAL(brood_unpack_key(&m, "s", "s", &text), 0);
        CU_ASSERT_STRING_EQUAL(text, "text");
        CU_ASSERT_EQUAL(brood_unpack_key(&m, "s", "i", &c), BROOD_ETYPE);
        CU_ASSERT_EQUAL(brood_unpack_key(&m, "x", "i", &c), BROOD_ETYPE);
    }
    CU_ASSERT_EQUAL(brood_unpack_key(&m, "n", "ii", &a, &b), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack_key(&m, "n", "", &a), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack_key(&m, "n", "z", &a), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack_key(&m, NULL, "i", &a), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack_key(&m, "n", NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack_key(NULL, "n", "i", &a), BROOD_EINVAL);
    CU_ASSERT_EQUAL(c, 9);
    brood_message_clear(&m);
}

/* ---------------------------------------------------------------- mistakes */

static void an_error_moves_nothing(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    int32_t a = 0, b = 9;
    const char *text = NULL;
    CU_ASSERT_EQUAL(brood_unpack(&m, "i", &a), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_pack(&m, "is", 1, "two"), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "ii", &a, &b), BROOD_ETYPE);
    CU_ASSERT_EQUAL(a, 1);
    CU_ASSERT_EQUAL(b, 9);
    CU_ASSERT_EQUAL(brood_unpack(&m, "isi", &a, &text, &b), BROOD_ETYPE); // past the end
    CU_ASSERT_EQUAL(brood_unpack(&m, "is", &a, &text), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "i", &b), BROOD_ETYPE);
    brood_message_rewind(&m);
    CU_ASSERT_EQUAL(brood_unpack(&m, "i", &b), 0);
    CU_ASSERT_EQUAL(b, 1);
    brood_message_clear(&m);
}

static void refuses_wrong_formats(void)
{
    static const char *const wrong[] = {"(i", "(i}", "((i)", "(a)", "(", "({i)}", "z", "az", "aa"};
    brood_message m = BROOD_MESSAGE_INIT;
    const void *first = NULL;
    size_t second = 0;
    CU_ASSERT_EQUAL(brood_pack(&m, "(i)", 7), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_EQUAL(brood_unpack(&m, wrong[i], &first, &second), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack(&m, "(i)i", &first, &second), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_unpack(&m, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack(NULL, "i", &first), BROOD_EINVAL);
    brood_message_clear(&m);
    CU_ASSERT_EQUAL(brood_pack(&m, "{i}", "k", 7), 0);
    CU_ASSERT_EQUAL(brood_unpack(&m, "{i)", "k", &first), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack(&m, "{i", "k", &first), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack(&m, ")"), BROOD_EINVAL);
    brood_message_clear(&m);
}

/* ------------------------------------------------------------ hostile bytes */

static const char whole[] = "isad(i{ss})ayx";

/** Reads all of it that can be read; the status. */
static int read_whole(const unsigned char *bytes, size_t size)
{
    brood_message m = BROOD_MESSAGE_INIT;
    unsigned char *exact = malloc(size ? size : 1);
    int32_t i, j;
    int64_t x;
    const char *s, *a, *b;
    const double *d;
    const void *y;
    size_t nd, ny;
    volatile unsigned sum = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
    if (!exact)
        abort();
    if (size)
        memcpy(exact, bytes, size);
    brd_message_view(&m, exact, size);
    int status = brood_unpack(&m, whole, &i, &s, &d, &nd, &j, "a", &a, "b", &b, &y, &ny, &x);
    if (!status)
        sum += (unsigned)(strlen(s) + strlen(a) + strlen(b));
    for (size_t k = 0; !status && k < ny; k++)
        sum += ((const unsigned char *)y)[k];
    for (size_t k = 0; !status && k < nd; k++)
        sum += d[k] > 0;
    (void)sum;
    if (status && m.position)
        status = -1;
    brood_message_clear(&m);
    free(exact);
    return status;
}

static size_t valid(unsigned char *bytes, size_t cap)
{
    static const double doubles[] = {1, 2.5, -3};
    brood_message m = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL_FATAL(brood_pack(&m, whole, 70000, "some text of more than thirty-one bytes",
                                     doubles, (size_t)3, 7, "a", "first", "b", "second", "\0\1\2",
                                     (size_t)3, INT64_MIN),
                          0);
    size_t size = m.size;
    CU_ASSERT_FATAL(size <= cap);
    memcpy(bytes, brd_message_at(&m), size);
    brood_message_clear(&m);
    return size;
}

static void survives_every_cut(void)
{
    unsigned char bytes[256];
    size_t size = valid(bytes, sizeof bytes);
    CU_ASSERT_EQUAL(read_whole(bytes, size), 0);
    for (size_t cut = 0; cut < size; cut++) {
        int status = read_whole(bytes, cut);
        CU_ASSERT(status == BROOD_EPROTOCOL || status == BROOD_ETYPE);
    }
}

static void survives_every_changed_byte(void)
{
    unsigned char bytes[256];
    size_t size = valid(bytes, sizeof bytes), strange = 0, good = 0;
    for (size_t at = 0; at < size; at++)
        for (unsigned change = 1; change < 256; change++) {
            bytes[at] ^= (unsigned char)change;
            int status = read_whole(bytes, size);
            good += status == 0;
            strange += status != 0 && status != BROOD_EPROTOCOL && status != BROOD_ETYPE;
            bytes[at] ^= (unsigned char)change;
        }
    CU_ASSERT_EQUAL(strange, 0);
    CU_ASSERT(good > 0);
}

static void a_length_of_four_billion_allocates_nothing(void)
{
    static const unsigned char types[] = {0xc6, 0xc9, 0xdb, 0xdd, 0xdf};
    static const char *const formats[] = {"ay", "s", "as", "ai", "(i)", "{i}"};
    for (size_t i = 0; i < sizeof types; i++)
        for (size_t j = 0; j < sizeof formats / sizeof *formats; j++) {
            brood_message m = BROOD_MESSAGE_INIT;
            unsigned char bytes[5] = {types[i], 0xff, 0xff, 0xff, 0xff};
            const void *first = NULL;
            size_t second = 0;
            brd_message_view(&m, bytes, sizeof bytes);
            int status = formats[j][0] == '{' ? brood_unpack(&m, "{i}", "k", &first)
                                              : brood_unpack(&m, formats[j], &first, &second);
            CU_ASSERT_EQUAL(status, BROOD_EPROTOCOL);
            CU_ASSERT_EQUAL(brood_unpack_key(&m, "k", "i", &first), BROOD_EPROTOCOL);
            CU_ASSERT_PTR_NULL(first);
            CU_ASSERT_PTR_NULL(m.extra); // no memory was asked for
            brood_message_clear(&m);
        }
}

static void a_depth_bomb_is_refused(void)
{
    static unsigned char bytes[1 << 20];
    static const unsigned char openers[] = {0x91, 0x81, 0x9f, 0x8f};
    for (size_t i = 0; i < sizeof openers; i++)
        for (size_t size = 33; size <= sizeof bytes; size *= 8) {
            brood_message m = BROOD_MESSAGE_INIT;
            int32_t number;
            memset(bytes, openers[i], size);
            brd_message_view(&m, bytes, size);
            CU_ASSERT_EQUAL(brood_unpack(&m, "i", &number), BROOD_EPROTOCOL);
            brood_message_clear(&m);
        }
    // One deeper than the decoder goes, and empty there.
    brood_message m = BROOD_MESSAGE_INIT;
    int32_t number;
    memset(bytes, 0x91, BRD_FORMAT_DEPTH);
    bytes[BRD_FORMAT_DEPTH] = 0x90;
    brd_message_view(&m, bytes, BRD_FORMAT_DEPTH + 1);
    CU_ASSERT_EQUAL(brood_unpack(&m, "i", &number), BROOD_EPROTOCOL);
    brd_message_view(&m, bytes + 1, BRD_FORMAT_DEPTH);
    CU_ASSERT_EQUAL(brood_unpack(&m, "i", &number), BROOD_ETYPE);
    brood_message_clear(&m);
}

static const test_case cases[] = {
    TEST_CASE(reads_signed_numbers_at_their_limits),
    TEST_CASE(reads_unsigned_numbers_at_their_limits),
    TEST_CASE(reads_doubles),
    TEST_CASE(refuses_other_types),
    TEST_CASE(reads_texts),
    TEST_CASE(a_text_has_no_nul_inside),
    TEST_CASE(reads_arrays),
    TEST_CASE(reads_an_array_of_texts),
    TEST_CASE(an_array_is_of_one_type),
    TEST_CASE(reads_groups),
    TEST_CASE(a_tuple_has_its_length),
    TEST_CASE(keywords_come_in_any_order),
    TEST_CASE(reads_one_keyword_without_moving),
    TEST_CASE(an_error_moves_nothing),
    TEST_CASE(refuses_wrong_formats),
    TEST_CASE(survives_every_cut),
    TEST_CASE(survives_every_changed_byte),
    TEST_CASE(a_length_of_four_billion_allocates_nothing),
    TEST_CASE(a_depth_bomb_is_refused),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "unpack", cases);
}
