/*
 * A test program for code that uses a pool: CUnit, run by CTest. The one thing to know: it
 * is its own worker, so brood_main stands first in its main as in any other program. Tests
 * assert in the tests, not in tasks: what fails in a worker, CUnit does not see.
 */
#include "prices.h"
#include <CUnit/Basic.h>
#include <brood/brood.h>

static void taxes_are_added(void)
{
    static const int32_t cents[] = {100, 250, 999, 0};
    int64_t total = 0;
    CU_ASSERT_EQUAL(prices_total(cents, 4, 20, 2, &total), BROOD_OK);
    CU_ASSERT_EQUAL(total, 120 + 300 + 1198 + 0);
}

static void nothing_costs_nothing(void)
{
    int64_t total = -1;
    CU_ASSERT_EQUAL(prices_total(NULL, 0, 20, 1, &total), BROOD_OK);
    CU_ASSERT_EQUAL(total, 0);
}

static void a_price_below_0_is_refused(void)
{
    static const int32_t cents[] = {100, -1, 100};
    int64_t total = 7;
    CU_ASSERT_EQUAL(prices_total(cents, 3, 20, 2, &total), BROOD_ETASK);
    CU_ASSERT_EQUAL(total, 7);
}

static int run_tests(void)
{
    int failures = 1;
    if (CU_initialize_registry() != CUE_SUCCESS)
        return failures;
    CU_pSuite suite = CU_add_suite("prices", NULL, NULL);
    if (suite && CU_ADD_TEST(suite, taxes_are_added) && CU_ADD_TEST(suite, nothing_costs_nothing) &&
        CU_ADD_TEST(suite, a_price_below_0_is_refused) && CU_basic_run_tests() == CUE_SUCCESS)
        failures = CU_get_number_of_failures() != 0;
    CU_cleanup_registry();
    return failures;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    return run_tests();
}
