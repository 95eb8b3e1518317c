/*
 * Functions by name, both ways. The one thing to know: what is registered stays, so each
 * test has names of its own.
 */
#include "base/registry.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 2000, THREADS = 4 };

static int one(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return 1;
}

static int two(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return 2;
}

/** A pointer of its own for each number; never called. */
static brood_function *numbered(uintptr_t number)
{
    uintptr_t value = (uintptr_t)0x10000 + number * 16;
    brood_function *function = NULL;
    memcpy(&function, &value, sizeof function);
    return function;
}

static void is_found_both_ways(void)
{
    CU_ASSERT_PTR_NULL(brd_registry_find("one"));
    CU_ASSERT_PTR_NULL(brd_registry_name(one));
    CU_ASSERT_EQUAL(brood_register("one", one), BROOD_OK);
    CU_ASSERT(brd_registry_find("one") == one);
    CU_ASSERT_STRING_EQUAL(brd_registry_name(one), "one");
    CU_ASSERT_PTR_NULL(brd_registry_find("on"));
    CU_ASSERT_PTR_NULL(brd_registry_find("One"));
    CU_ASSERT_PTR_NULL(brd_registry_find(""));
}

static void keeps_a_copy_of_the_name(void)
{
    char name[] = "copied";
    CU_ASSERT_EQUAL(brood_register(name, numbered(1)), BROOD_OK);
    memset(name, 'x', sizeof name - 1);
    CU_ASSERT(brd_registry_find("copied") == numbered(1));
    CU_ASSERT_STRING_EQUAL(brd_registry_name(numbered(1)), "copied");
}

static void a_name_has_one_function(void)
{
    CU_ASSERT_EQUAL(brood_register("taken", one), BROOD_OK);
    CU_ASSERT_EQUAL(brood_register("taken", one), BROOD_OK);
    CU_ASSERT_EQUAL(brood_register("taken", two), BROOD_EBUSY);
    CU_ASSERT(brd_registry_find("taken") == one);
    CU_ASSERT_PTR_NULL(brd_registry_name(two));
}

static void a_function_goes_by_its_first_name(void)
{
    CU_ASSERT_EQUAL(brood_register("first", numbered(2)), BROOD_OK);
    CU_ASSERT_EQUAL(brood_register("second", numbered(2)), BROOD_OK);
    CU_ASSERT(brd_registry_find("second") == numbered(2));
    CU_ASSERT_STRING_EQUAL(brd_registry_name(numbered(2)), "first");
}

static void names_have_limits(void)
{
    char name[BRD_REGISTERED_SIZE + 1];
    memset(name, 'n', sizeof name);
    name[BRD_REGISTERED_SIZE] = '\0';
    CU_ASSERT_EQUAL(brood_register(name, one), BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(brd_registry_find(name)); // longer than any that there is
    name[BRD_REGISTERED_SIZE - 1] = '\0';
    CU_ASSERT_EQUAL(brood_register(name, numbered(3)), BROOD_OK);
    CU_ASSERT_STRING_EQUAL(brd_registry_name(numbered(3)), name);
    CU_ASSERT_EQUAL(brood_register("", one), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_register(NULL, one), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_register("nothing", NULL), BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(brd_registry_find("nothing"));
}

typedef struct rival {
    brd_thread thread;
    uintptr_t number;
    int mine, taken, lost;
} rival;

// All register the same names, each for functions of its own, and look for them at once.
static void register_many(void *baton)
{
    rival *r = baton;
    char name[32];
    for (uintptr_t i = 0; i < MANY; i++) {
        brood_function *function = numbered(1000 + i * THREADS + r->number);
        snprintf(name, sizeof name, "rival %u", (unsigned)i);
        int status = brood_register(name, function);
        r->mine += status == BROOD_OK;
        r->taken += status == BROOD_EBUSY;
        const char *found = brd_registry_name(function);
        r->lost += !brd_registry_find(name);
        r->lost += status == BROOD_OK ? !found || strcmp(found, name) != 0 : found != NULL;
    }
}

static void threads_do_not_disturb_each_other(void)
{
    rival rivals[THREADS] = {{.number = 0}};
    int mine = 0;
    for (uintptr_t i = 0; i < THREADS; i++) {
        rivals[i].number = i;
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&rivals[i].thread, register_many, &rivals[i]), 0);
    }
    for (uintptr_t i = 0; i < THREADS; i++) {
        brd_os_thread_join(&rivals[i].thread);
        CU_ASSERT_EQUAL(rivals[i].mine + rivals[i].taken, MANY);
        CU_ASSERT_EQUAL(rivals[i].lost, 0);
        mine += rivals[i].mine;
    }
    CU_ASSERT_EQUAL(mine, MANY);
}

static const test_case cases[] = {
    TEST_CASE(is_found_both_ways),
    TEST_CASE(keeps_a_copy_of_the_name),
    TEST_CASE(a_name_has_one_function),
    TEST_CASE(a_function_goes_by_its_first_name),
    TEST_CASE(names_have_limits),
    TEST_CASE(threads_do_not_disturb_each_other),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "registry", cases);
}
