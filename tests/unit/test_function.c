/*
 * Functions by number, on both sides. The one thing to know: a place that is learned
 * wrongly is not an error at once, but an answer when its number is asked for.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "base/function.h"
#include "harness.h"

#include <apr_general.h>
#include <apr_pools.h>
#include <stdlib.h>
#include <string.h>

static int one(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return 1;
}

static int two(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return 2;
}

static apr_pool_t *pool_open(brd_functions **table)
{
    apr_pool_t *memory = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    *table = brd_functions_make(memory);
    CU_ASSERT_PTR_NOT_NULL_FATAL(*table);
    if (!*table)
        abort();
    return memory;
}

static void gives_each_function_one_number(void)
{
    brd_functions *t;
    apr_pool_t *memory = pool_open(&t);
    uint32_t index = 99;
    for (int round = 0; round < 3; round++) {
        CU_ASSERT_EQUAL(brd_functions_index(t, one, &index), 0);
        CU_ASSERT_EQUAL(index, 0);
        CU_ASSERT_EQUAL(brd_functions_index(t, one, &index), 0);
        CU_ASSERT_EQUAL(index, 0);
        CU_ASSERT_EQUAL(brd_functions_index(t, two, &index), 0);
        CU_ASSERT_EQUAL(index, 1);
    }
    apr_pool_destroy(memory);
}

static void refuses_what_is_no_function(void)
{
    brd_functions *t;
    apr_pool_t *memory = pool_open(&t);
    uint32_t index = 99;
    int number = 0;
    void *data = &number;
    brood_function *no_function;
    memcpy(&no_function, &data, sizeof no_function);
    CU_ASSERT_EQUAL(brd_functions_index(t, no_function, &index), BROOD_EFUNCTION);
    CU_ASSERT_EQUAL(index, 99);
    // And it took no number.
    CU_ASSERT_EQUAL(brd_functions_index(t, two, &index), 0);
    CU_ASSERT_EQUAL(index, 0);
    apr_pool_destroy(memory);
}

static void knows_place_and_name(void)
{
    brd_functions *t;
    apr_pool_t *memory = pool_open(&t);
    uint32_t a = 9, b = 9;
    CU_ASSERT_EQUAL_FATAL(brd_functions_index(t, one, &a), 0);
    CU_ASSERT_EQUAL_FATAL(brd_functions_index(t, two, &b), 0);
    const brd_place *first = brd_functions_place(t, a), *second = brd_functions_place(t, b);
    CU_ASSERT_STRING_EQUAL(first->module, second->module);
    CU_ASSERT_NOT_EQUAL(first->offset, second->offset);
    CU_ASSERT_EQUAL(memcmp(first->build, second->build, sizeof first->build), 0);
    const char *name = brd_functions_name(t, a);
    CU_ASSERT_PTR_NOT_NULL(strstr(name, "+0x"));
    CU_ASSERT_STRING_NOT_EQUAL(name, brd_functions_name(t, b));
    // For people: the module's own name, not the way to it.
    CU_ASSERT_PTR_NULL(strchr(name, '/'));
    CU_ASSERT_PTR_NULL(strchr(name, '\\'));
    apr_pool_destroy(memory);
}

static void holds_its_first_when_it_grows(void)
{
    brd_functions *t;
    apr_pool_t *memory = pool_open(&t);
    uint32_t index = 0;
    unsigned char *code;
    brood_function *start = one, *inside;
    CU_ASSERT_EQUAL_FATAL(brd_functions_index(t, start, &index), 0);
    const char *name = brd_functions_name(t, 0);
    memcpy(&code, &start, sizeof code);
    for (uint32_t i = 1; i < 8; i++) { // never called: any address in the module will do
        unsigned char *at = code + i;
        memcpy(&inside, &at, sizeof inside);
        CU_ASSERT_EQUAL(brd_functions_index(t, inside, &index), 0);
        CU_ASSERT_EQUAL(index, i);
    }
    CU_ASSERT_EQUAL(brd_functions_index(t, two, &index), 0);
    CU_ASSERT_EQUAL(brd_functions_index(t, start, &index), 0);
    CU_ASSERT_EQUAL(index, 0);
    CU_ASSERT_PTR_EQUAL(brd_functions_name(t, 0), name);
    apr_pool_destroy(memory);
}

/* ------------------------------------------------------------ the worker's */

static brd_place place_of(brood_function *function)
{
    brd_place place;
    const void *code;
    memcpy(&code, &function, sizeof code);
    CU_ASSERT_EQUAL_FATAL(brd_os_module_of(code, &place), 0);
    return place;
}

/** As a worker that needs it at once. */
static int learn(brd_code *c, uint32_t index, const brd_place *place)
{
    const brd_sought sought = {.place = *place};
    brood_function *found = NULL;
    int status = brd_code_learn(c, index, &sought);
    if (!status) {
        int why = brd_code_find(place, &found);
        brd_code_settle(c, index, found, why);
    }
    return status;
}

static void looks_for_nothing_before_it_is_asked(void)
{
    brd_code c = {0};
    brd_sought sought = {.place = place_of(one), .name = "one"};
    int why = 0;
    CU_ASSERT_EQUAL(brd_code_learn(&c, 0, &sought), 0);
    memset(&sought, 'x', sizeof sought); // it is the caller's again
    CU_ASSERT_PTR_NULL(brd_code_at(&c, 0, &why));
    CU_ASSERT_EQUAL(why, BROOD_EFUNCTION);
    CU_ASSERT_PTR_NULL(brd_code_sought(&c, 1));
    const brd_sought *kept = brd_code_sought(&c, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
    if (!kept)
        abort();
    CU_ASSERT_STRING_EQUAL(kept->name, "one");
    brd_place place = place_of(one);
    CU_ASSERT_EQUAL(kept->place.offset, place.offset);
    brd_code_settle(&c, 0, one, 0);
    CU_ASSERT_PTR_NULL(brd_code_sought(&c, 0)); // once is enough
    CU_ASSERT(brd_code_at(&c, 0, &why) == one);
    brd_code_settle(&c, 1, two, 0);
    CU_ASSERT_PTR_NULL(brd_code_at(&c, 1, &why));
    CU_ASSERT_EQUAL(brd_code_learn(&c, 1, &(brd_sought){.name = "two"}), 0);
    brd_code_clear(&c); // what was never looked for goes too
}

static void learns_and_finds(void)
{
    brd_code c = {0};
    brd_place first = place_of(one), second = place_of(two);
    int why = 99;
    CU_ASSERT_EQUAL(learn(&c, 0, &first), 0);
    CU_ASSERT_EQUAL(learn(&c, 1, &second), 0);
    brood_function *found = brd_code_at(&c, 1, &why);
    CU_ASSERT_EQUAL(why, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    if (!found)
        abort();
    CU_ASSERT_EQUAL(found(NULL, NULL), 2);
    found = brd_code_at(&c, 0, &why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    if (!found)
        abort();
    CU_ASSERT_EQUAL(found(NULL, NULL), 1);
    brd_code_clear(&c);
    CU_ASSERT_EQUAL(c.count, 0);
    brd_code_clear(&c);
}

static void learns_in_order_only(void)
{
    brd_code c = {0};
    brd_place place = place_of(one);
    CU_ASSERT_EQUAL(learn(&c, 1, &place), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(learn(&c, UINT32_MAX, &place), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(c.count, 0);
    CU_ASSERT_EQUAL(learn(&c, 0, &place), 0);
    CU_ASSERT_EQUAL(learn(&c, 0, &place), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(learn(&c, 2, &place), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(c.count, 1);
    brd_code_clear(&c);
}

static void says_why_there_is_none(void)
{
    brd_code c = {0};
    brd_place lost = place_of(one), old = place_of(one), outside = place_of(one);
    int why = 0;
    strcpy(lost.module, "/nowhere/no-such-module.so");
    old.build[0] ^= 1;
    outside.offset = UINT64_C(1) << 40;
    CU_ASSERT_EQUAL(learn(&c, 0, &lost), 0);
    CU_ASSERT_EQUAL(learn(&c, 1, &old), 0);
    CU_ASSERT_EQUAL(learn(&c, 2, &outside), 0);
    CU_ASSERT_PTR_NULL(brd_code_at(&c, 0, &why));
    CU_ASSERT_EQUAL(why, BROOD_EFUNCTION);
    CU_ASSERT_PTR_NULL(brd_code_at(&c, 1, &why));
    CU_ASSERT_EQUAL(why, BROOD_EBUILD);
    CU_ASSERT_PTR_NULL(brd_code_at(&c, 2, &why));
    CU_ASSERT_EQUAL(why, BROOD_EFUNCTION);
    CU_ASSERT_PTR_NULL(brd_code_at(&c, 3, &why));
    CU_ASSERT_EQUAL(why, BROOD_EFUNCTION);
    CU_ASSERT_PTR_NULL(brd_code_at(&c, UINT32_MAX, &why));
    CU_ASSERT_EQUAL(why, BROOD_EFUNCTION);
    brd_code_clear(&c);
}

static void learns_many(void)
{
    brd_code c = {0};
    brd_place places[2] = {place_of(one), place_of(two)};
    int why, wrong = 0;
    for (uint32_t i = 0; i < 200; i++)
        wrong += learn(&c, i, &places[i % 2]) != 0;
    for (uint32_t i = 0; i < 200; i++) {
        brood_function *found = brd_code_at(&c, i, &why);
        wrong += !found || found(NULL, NULL) != (int)(i % 2) + 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    brd_code_clear(&c);
}

static const test_case cases[] = {
    TEST_CASE(gives_each_function_one_number),
    TEST_CASE(refuses_what_is_no_function),
    TEST_CASE(knows_place_and_name),
    TEST_CASE(holds_its_first_when_it_grows),
    TEST_CASE(learns_and_finds),
    TEST_CASE(looks_for_nothing_before_it_is_asked),
    TEST_CASE(learns_in_order_only),
    TEST_CASE(says_why_there_is_none),
    TEST_CASE(learns_many),
    {0},
};

int main(int argc, char **argv)
{
    if (apr_initialize())
        return 1;
    int failures = test_main(argc, argv, "function", cases);
    apr_terminate();
    return failures;
}
