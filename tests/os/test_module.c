/*
 * Code addresses in words that hold in another process. Run on every system from this
 * one source. The one thing to know: the round trip is tried in a child too, where the
 * main program lies at another address.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

typedef int (*number_function)(void);

static int forty_two(void)
{
    return 42;
}

/** ISO C has no cast from a function to an object pointer, every system of ours has. */
static void *address_of(number_function function)
{
    void *address = NULL;
    memcpy(&address, &function, sizeof address);
    return address;
}

static int call(void *code)
{
    number_function function = NULL;
    memcpy(&function, &code, sizeof function);
    return function();
}

static void finds_its_own_code(void)
{
    brd_place place;
    uint8_t build[20];
    void *code = NULL;
    memset(&place, 0xff, sizeof place);
    CU_ASSERT_EQUAL_FATAL(brd_os_module_of(address_of(forty_two), &place), 0);
    CU_ASSERT_STRING_EQUAL(place.module, "");
    CU_ASSERT(place.offset > 0);
    CU_ASSERT_EQUAL(brd_os_module_build(build), 0);
    CU_ASSERT_EQUAL(memcmp(build, place.build, sizeof build), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_module_at(&place, &code), 0);
    CU_ASSERT_PTR_EQUAL(code, address_of(forty_two));
    CU_ASSERT_EQUAL(call(code), 42);
}

static void build_is_not_empty(void)
{
    uint8_t build[20];
    uint8_t again[20];
    uint8_t sum = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_module_build(build), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_module_build(again), 0);
    CU_ASSERT_EQUAL(memcmp(build, again, sizeof build), 0);
    for (size_t i = 0; i < sizeof build; i++)
        sum |= build[i];
    CU_ASSERT_NOT_EQUAL(sum, 0);
}

static void finds_code_of_a_library(void)
{
    brd_place place;
    void *code = NULL;
    void *address = NULL;
    int (*function)(const void *, const void *, size_t) = memcmp;
    memcpy(&address, &function, sizeof address);
    CU_ASSERT_EQUAL_FATAL(brd_os_module_of(address, &place), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_module_at(&place, &code), 0);
    CU_ASSERT_PTR_EQUAL(code, address);
}

static void refuses_what_is_no_code(void)
{
    static int data;
    brd_place place;
    void *heap = malloc(16);
    CU_ASSERT_EQUAL(brd_os_module_of(NULL, &place), BROOD_EFUNCTION);
    CU_ASSERT_EQUAL(brd_os_module_of(heap, &place), BROOD_EFUNCTION);
    CU_ASSERT_EQUAL(brd_os_module_of(&data, &place), BROOD_EFUNCTION);
    CU_ASSERT_EQUAL(brd_os_module_of(&place, &place), BROOD_EFUNCTION);
    free(heap);
}

static void refuses_another_build(void)
{
    brd_place place;
    void *code = &place;
    CU_ASSERT_EQUAL_FATAL(brd_os_module_of(address_of(forty_two), &place), 0);
    place.build[7] ^= 1;
    CU_ASSERT_EQUAL(brd_os_module_at(&place, &code), BROOD_EBUILD);
    CU_ASSERT_PTR_EQUAL(code, &place);
}

static void refuses_offsets_outside_the_code(void)
{
    static const uint64_t outside[] = {0, UINT64_MAX, UINT64_C(1) << 40, UINT64_C(1) << 63};
    static int data;
    brd_place place;
    void *code = &place;
    uint64_t to_data = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_module_of(address_of(forty_two), &place), 0);
    to_data =
        place.offset + ((uint64_t)(uintptr_t)&data - (uint64_t)(uintptr_t)address_of(forty_two));
    for (size_t i = 0; i < 4; i++) {
        place.offset = outside[i];
        CU_ASSERT_EQUAL(brd_os_module_at(&place, &code), BROOD_EFUNCTION);
    }
    place.offset = to_data;
    CU_ASSERT_EQUAL(brd_os_module_at(&place, &code), BROOD_EFUNCTION);
    CU_ASSERT_PTR_EQUAL(code, &place);
}

static void refuses_unknown_modules(void)
{
    brd_place place;
    void *code = &place;
    CU_ASSERT_EQUAL_FATAL(brd_os_module_of(address_of(forty_two), &place), 0);
    strcpy(place.module, "/no/such/library");
    CU_ASSERT_EQUAL(brd_os_module_at(&place, &code), BROOD_EFUNCTION);
    // A bare name would be looked for in places that others may write to.
    strcpy(place.module, "no-such-library-anywhere");
    CU_ASSERT_EQUAL(brd_os_module_at(&place, &code), BROOD_EFUNCTION);
    memset(place.module, 'a', sizeof place.module);
    CU_ASSERT_EQUAL(brd_os_module_at(&place, &code), BROOD_EFUNCTION);
    CU_ASSERT_PTR_EQUAL(code, &place);
}

/** A library that is loaded already, by its path; false where its code is the program's. */
static bool some_library(brd_place *place)
{
    void *address = NULL;
    int (*function)(const char *) = atoi;
    memcpy(&address, &function, sizeof address);
    CU_ASSERT_EQUAL_FATAL(brd_os_module_of(address, place), 0);
    return place->module[0];
}

static void loads_a_library(void)
{
    brd_place place;
    char why[100] = "x";
    void *code = &place;
    int (*function)(const char *) = NULL;
    if (!some_library(&place))
        TEST_SKIP("the C library is in the program");
    CU_ASSERT_EQUAL_FATAL(brd_os_module_load(place.module, "atoi", &code, why, sizeof why), 0);
    CU_ASSERT_STRING_EQUAL(why, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(code);
    memcpy(&function, &code, sizeof function);
    CU_ASSERT_EQUAL(function("77"), 77);
    CU_ASSERT_EQUAL(brd_os_module_load(place.module, "no_such_name", &code, why, sizeof why), 0);
    CU_ASSERT_PTR_NULL(code);
}

// A library is named by its full path, so that no search finds another.
static void loads_nothing_else(void)
{
    static const char *const paths[] = {"/no/such/library", "no-such-library-anywhere", "", "."};
    char why[100];
    int here = 0;
    void *code = &here;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        CU_ASSERT_NOT_EQUAL(brd_os_module_load(paths[i], "atoi", &code, why, sizeof why), 0);
    CU_ASSERT_PTR_EQUAL(code, &here);
}

static int child_calls(int argc, char **argv)
{
    brd_chan *c = NULL;
    brd_place place;
    void *code = NULL;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&c, test_handle(argv[0])) == 0);
    TEST_CHILD_CHECK(test_read_all(c, &place, sizeof place) == 0);
    brd_os_chan_close(&c);
    TEST_CHILD_CHECK(brd_os_module_at(&place, &code) == 0);
    return call(code);
}

static void holds_in_another_process(void)
{
    brd_chan *c = NULL;
    brd_handle theirs = BRD_NONE;
    brd_proc child = {0};
    brd_place place;
    test_start how = {.child = "calls", .inherit = &theirs, .ninherit = 1};
    CU_ASSERT_EQUAL_FATAL(brd_os_module_of(address_of(forty_two), &place), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&c, &theirs), 0);
    how.channel = c;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL(test_write_all(c, &place, sizeof place), 0);
    CU_ASSERT_EQUAL(test_end(&child), 42);
    brd_os_chan_close(&c);
}

static const test_case cases[] = {
    TEST_CASE(finds_its_own_code),      TEST_CASE(build_is_not_empty),
    TEST_CASE(finds_code_of_a_library), TEST_CASE(refuses_what_is_no_code),
    TEST_CASE(refuses_another_build),   TEST_CASE(refuses_offsets_outside_the_code),
    TEST_CASE(loads_a_library),         TEST_CASE(loads_nothing_else),
    TEST_CASE(refuses_unknown_modules), TEST_CASE(holds_in_another_process),
    TEST_CHILD("calls", child_calls),   {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "module", cases);
}
