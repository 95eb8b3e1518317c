/*
 * The startup record: there and back, and every way in which it can be wrong. The one
 * thing to know: it is written by a parent of perhaps another version, so what is read
 * stands in a heap block of exactly its size.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "harness.h"
#include "process/startup.h"

#include <stdlib.h>
#include <string.h>

enum { MAGIC = 8, VERSION_END = 12, PATH_SIZE = 20, PATH = 136 };

static brd_startup example(void)
{
    brd_startup s = {.depth = 3,
                     .cpus = 64,
                     .parent = INT64_C(0x123456789),
                     .segment = {5},
                     .segment_size = UINT64_C(0x1122334455),
                     .worker_bell = BRD_NONE,
                     .parent_bell = {7},
                     .last_inherited = {9},
                     .chosen = true,
                     .role = BRD_ROLE_PROCESS,
                     .name = "a name",
                     .function = "a function's name",
                     .entry = {.module = "/usr/lib/libsome.so", .offset = UINT64_C(0xfedcba98)}};
    for (size_t i = 0; i < 20; i++) {
        s.build[i] = (uint8_t)(i + 1);
        s.entry.build[i] = (uint8_t)(200 - i);
    }
    for (size_t i = 0; i < 16; i++)
        s.token[i] = (uint8_t)(100 + i);
    return s;
}

static bool same(const brd_startup *a, const brd_startup *b)
{
    return a->depth == b->depth && a->cpus == b->cpus && a->parent == b->parent &&
           memcmp(a->token, b->token, sizeof a->token) == 0 &&
           memcmp(a->build, b->build, sizeof a->build) == 0 && a->segment.os == b->segment.os &&
           a->segment_size == b->segment_size && a->worker_bell.os == b->worker_bell.os &&
           a->parent_bell.os == b->parent_bell.os && a->last_inherited.os == b->last_inherited.os &&
           strcmp(a->entry.module, b->entry.module) == 0 && a->entry.offset == b->entry.offset &&
           memcmp(a->entry.build, b->entry.build, sizeof a->entry.build) == 0 &&
           a->chosen == b->chosen && a->server == b->server && a->alone == b->alone &&
           a->role == b->role && strcmp(a->name, b->name) == 0 &&
           strcmp(a->function, b->function) == 0;
}

static unsigned char *encoded(const brd_startup *s)
{
    unsigned char *bytes = malloc(BRD_STARTUP_SIZE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    if (!bytes)
        abort();
    memset(bytes, 0xff, BRD_STARTUP_SIZE);
    brd_startup_encode(s, bytes);
    return bytes;
}

static void comes_back_as_it_was(void)
{
    brd_startup s = example(), back;
    unsigned char *bytes = encoded(&s);
    memset(&back, 0xee, sizeof back);
    CU_ASSERT_EQUAL(brd_startup_decode(&back, bytes), 0);
    CU_ASSERT(same(&s, &back));
    free(bytes);
}

static void carries_extremes(void)
{
    brd_startup s = {.depth = UINT32_MAX,
                     .cpus = UINT32_MAX,
                     .parent = INT64_MIN,
                     .segment = {INTPTR_MAX},
                     .segment_size = UINT64_MAX,
                     .worker_bell = {INTPTR_MIN},
                     .role = UINT32_MAX,
                     .entry.offset = UINT64_MAX};
    memset(s.name, 'n', sizeof s.name - 1);
    memset(s.function, 'f', sizeof s.function - 1);
    brd_startup back;
    unsigned char *bytes = encoded(&s);
    CU_ASSERT_EQUAL(brd_startup_decode(&back, bytes), 0);
    CU_ASSERT(same(&s, &back));
    free(bytes);
}

static void carries_a_path_of_every_length(void)
{
    brd_startup s = example(), back;
    size_t wrong = 0;
    for (size_t size = 0; size < sizeof s.entry.module; size++) {
        memset(s.entry.module, 'p', size);
        s.entry.module[size] = 0;
        unsigned char *bytes = encoded(&s);
        memset(&back, 0xee, sizeof back);
        wrong += brd_startup_decode(&back, bytes) != 0 || !same(&s, &back);
        free(bytes);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void leaves_no_old_bytes(void)
{
    brd_startup s = {.entry.module = ""};
    unsigned char *bytes = encoded(&s);
    size_t dirty = 0;
    for (size_t i = PATH; i < BRD_STARTUP_SIZE; i++)
        dirty += bytes[i] != 0;
    CU_ASSERT_EQUAL(dirty, 0);
    free(bytes);
}

static void is_the_same_on_every_machine(void)
{
    static const unsigned char start[] = {'b', 'r', 'o',  'o',  'd',  1,    '\r', '\n', 1, 0,  0,
                                          0,   3,   0,    0,    0,    64,   0,    0,    0, 19, 0,
                                          0,   0,   0x89, 0x67, 0x45, 0x23, 1,    0,    0, 0};
    brd_startup s = example();
    unsigned char *bytes = encoded(&s);
    CU_ASSERT_EQUAL(memcmp(bytes, start, sizeof start), 0);
    CU_ASSERT_EQUAL(memcmp(bytes + PATH, "/usr/lib/libsome.so", 20), 0);
    free(bytes);
}

static void refuses_another_magic_or_version(void)
{
    brd_startup s = example(), back;
    unsigned char *bytes = encoded(&s);
    size_t accepted = 0;
    for (size_t i = 0; i < VERSION_END; i++)
        for (unsigned change = 1; change < 256; change++) {
            bytes[i] ^= (unsigned char)change;
            accepted += brd_startup_decode(&back, bytes) != BROOD_EPROTOCOL;
            bytes[i] ^= (unsigned char)change;
        }
    CU_ASSERT_EQUAL(accepted, 0);
    CU_ASSERT_EQUAL(brd_startup_decode(&back, bytes), 0);
    free(bytes);
}

static void refuses_a_path_that_is_too_long(void)
{
    static const uint32_t sizes[] = {1024,       1025,       BRD_STARTUP_SIZE,
                                     0x7fffffff, 0x80000000, UINT32_MAX};
    brd_startup s = example(), back;
    unsigned char *bytes = encoded(&s);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int byte = 0; byte < 4; byte++)
            bytes[PATH_SIZE + byte] = (unsigned char)(sizes[i] >> (8 * byte));
        CU_ASSERT_EQUAL(brd_startup_decode(&back, bytes), BROOD_EPROTOCOL);
    }
    free(bytes);
}

static void survives_every_cut(void)
{
    brd_startup s = example(), back;
    unsigned char *bytes = encoded(&s), *cut = malloc(BRD_STARTUP_SIZE);
    size_t wrong = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
    if (!cut)
        abort();
    for (size_t size = 0; size <= BRD_STARTUP_SIZE; size++) {
        memset(cut, 0, BRD_STARTUP_SIZE);
        memcpy(cut, bytes, size);
        int status = brd_startup_decode(&back, cut);
        wrong += size <= MAGIC ? status != BROOD_EPROTOCOL : status != BROOD_OK;
        wrong += !status && !memchr(back.entry.module, 0, sizeof back.entry.module);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(cut);
    free(bytes);
}

static void survives_every_changed_byte(void)
{
    brd_startup s = example(), back;
    unsigned char *bytes = encoded(&s);
    size_t wrong = 0;
    for (size_t i = 0; i < BRD_STARTUP_SIZE; i++)
        for (unsigned change = 1; change < 256; change += 2) {
            bytes[i] ^= (unsigned char)change;
            int status = brd_startup_decode(&back, bytes);
            wrong += status != BROOD_OK && status != BROOD_EPROTOCOL;
            wrong += !status && !memchr(back.entry.module, 0, sizeof back.entry.module);
            bytes[i] ^= (unsigned char)change;
        }
    CU_ASSERT_EQUAL(wrong, 0);
    free(bytes);
}

static const test_case cases[] = {
    TEST_CASE(comes_back_as_it_was),
    TEST_CASE(carries_extremes),
    TEST_CASE(carries_a_path_of_every_length),
    TEST_CASE(leaves_no_old_bytes),
    TEST_CASE(is_the_same_on_every_machine),
    TEST_CASE(refuses_another_magic_or_version),
    TEST_CASE(refuses_a_path_that_is_too_long),
    TEST_CASE(survives_every_cut),
    TEST_CASE(survives_every_changed_byte),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "startup", cases);
}
