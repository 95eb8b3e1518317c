/*
 * Managers in one process: every type and every method, what they refuse, and the life of
 * the manager itself. The one thing to know: what a manager does to other processes is in
 * test_manager_proxy.c.
 */
#include "api/managed.h"

/* -------------------------------------------------------------- the manager */

static void starts_and_ends(void)
{
    brood_manager *m = manager_with(NULL);
    CU_ASSERT(brood_manager_pid(m) > 0);
    CU_ASSERT_NOT_EQUAL(brood_manager_pid(m), brood_pid());
    brood_proxy *list = object_of(m, "list", "");
    CU_ASSERT_STRING_EQUAL(brood_proxy_type(list), "list");
    ASSERT_OK(brood_manager_shutdown(m));
    ASSERT_OK(brood_manager_shutdown(m));
    CU_ASSERT_EQUAL(brood_manager_pid(m), 0);
    CU_ASSERT_EQUAL(brood_proxy_run(list, "append", LONG, "i", 1), BROOD_ECLOSED);
    brood_manager_destroy(m);
    CU_ASSERT_EQUAL(brood_proxy_run(list, "append", LONG, "i", 1), BROOD_ECLOSED);
    brood_proxy_destroy(list);
    brood_manager_destroy(NULL);
    brood_proxy_destroy(NULL);
}

static void lists(void)
{
    brood_manager *m = manager_with(NULL);
    brood_proxy *l = object_of(m, "list", "iii", 3, 1, 2);
    ASSERT_OK(brood_proxy_run(l, "append", 0, "i", 9));
    CU_ASSERT_EQUAL(number_of(l, "len"), 4);
    CU_ASSERT(gives(l, "copy", "iiii", 3, 1, 2, 9));
    brood_proxy_destroy(l);
    brood_manager_destroy(m);
}

static const test_case cases[] = {
    TEST_CASE(starts_and_ends),
    TEST_CASE(lists),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    return test_main(argc, argv, "manager", cases);
}
