/*
 * Statuses and their texts. The one thing to know: the numbers are part of the ABI, so
 * they are written out here once more.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "base/fail.h"
#include "harness.h"

#include <apr_errno.h>
#include <apr_general.h>
#include <brood/context.h>
#include <stdlib.h>
#include <string.h>

static void every_code_has_a_text_of_its_own(void)
{
    const char *unknown = brood_status_text(BROOD_EAUTH + 1);
    char none[256];
    CU_ASSERT_PTR_NOT_NULL_FATAL(unknown);
    if (!unknown)
        abort();
    strncpy(none, unknown, sizeof none - 1);
    none[sizeof none - 1] = 0;
    for (int code = BROOD_EINVAL; code <= BROOD_EAUTH; code++) {
        const char *text = brood_status_text(code);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        if (!text)
            abort();
        CU_ASSERT(strlen(text) > 3);
        CU_ASSERT_STRING_NOT_EQUAL(text, none);
        CU_ASSERT_STRING_NOT_EQUAL(text, brood_status_text(BROOD_OK));
        for (int other = BROOD_EINVAL; other < code; other++)
            CU_ASSERT_STRING_NOT_EQUAL(text, brood_status_text(other));
    }
}

static void texts_of_our_own_live_for_ever(void)
{
    const char *before = brood_status_text(BROOD_EAGAIN);
    (void)brood_status_text(APR_FROM_OS_ERROR(2));
    (void)brood_status_text(BROOD_EBUSY);
    CU_ASSERT_PTR_EQUAL(before, brood_status_text(BROOD_EAGAIN));
}

static void errors_of_the_system_pass_through(void)
{
    char expected[256], first[256];
    for (int code = 1; code < 30; code++) {
        const char *text = brood_status_text(APR_FROM_OS_ERROR(code));
        apr_strerror(APR_FROM_OS_ERROR(code), expected, sizeof expected);
        CU_ASSERT_STRING_EQUAL(text, expected);
        CU_ASSERT(strlen(text) > 3);
    }
    strncpy(first, brood_status_text(APR_FROM_OS_ERROR(2)), sizeof first - 1);
    first[sizeof first - 1] = 0;
    CU_ASSERT_STRING_NOT_EQUAL(brood_status_text(APR_FROM_OS_ERROR(13)), first);
}

static void any_number_has_some_text(void)
{
    static const int numbers[] = {-1,      INT32_MIN, INT32_MAX, BROOD_EINVAL - 1, BROOD_EAUTH + 1,
                                  APR_EOF, 999999,    720000};
    CU_ASSERT_STRING_EQUAL(brood_status_text(BROOD_OK), "no error");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CU_ASSERT_PTR_NOT_NULL(brood_status_text(numbers[i]));
}

static void the_slice_lies_in_the_range_for_users(void)
{
    CU_ASSERT_EQUAL(BROOD_OK, 0);
    CU_ASSERT_EQUAL(BROOD_EINVAL, 140001);
    CU_ASSERT_EQUAL(BROOD_EAGAIN, 140005);
    CU_ASSERT_EQUAL(BROOD_ETASK, 140010);
    CU_ASSERT_EQUAL(BROOD_EDEPTH, 140018);
    CU_ASSERT_EQUAL(BROOD_EAUTH, 140023);
    CU_ASSERT(BROOD_EINVAL >= APR_OS_START_USERERR);
    CU_ASSERT(BROOD_EAUTH < APR_OS_START_USERERR + APR_OS_ERRSPACE_SIZE);
    CU_ASSERT(BROOD_EAUTH < APR_OS_START_CANONERR);
}

/* ------------------------------------------------------------- brood_fail */

static void a_failure_has_its_text(void)
{
    brd_fail_reset();
    CU_ASSERT_STRING_EQUAL(brd_fail_text(), "");
    CU_ASSERT_EQUAL(brood_fail("cannot open %s: %d", "door", 7), BROOD_ETASK);
    CU_ASSERT_STRING_EQUAL(brd_fail_text(), "cannot open door: 7");
    CU_ASSERT_EQUAL(brood_fail("%s", ""), BROOD_ETASK);
    CU_ASSERT_STRING_EQUAL(brd_fail_text(), "");
    brd_fail_reset();
}

static void a_failure_of_any_length_is_cut(void)
{
    char *text = malloc(100000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    if (!text)
        abort();
    memset(text, 'x', 99999);
    text[99999] = 0;
    CU_ASSERT_EQUAL(brood_fail("%s", text), BROOD_ETASK);
    CU_ASSERT(strlen(brd_fail_text()) >= 255 && strlen(brd_fail_text()) < 99999);
    CU_ASSERT_EQUAL(strncmp(brd_fail_text(), text, strlen(brd_fail_text())), 0);
    brd_fail_reset();
    free(text);
}

static void fail_elsewhere(void *baton)
{
    *(bool *)baton = *brd_fail_text() == 0;
    (void)brood_fail("elsewhere");
}

static void each_thread_fails_by_itself(void)
{
    brd_thread thread = {0};
    bool clean = false;
    (void)brood_fail("here");
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, fail_elsewhere, &clean), 0);
    brd_os_thread_join(&thread);
    CU_ASSERT(clean);
    CU_ASSERT_STRING_EQUAL(brd_fail_text(), "here");
    brd_fail_reset();
}

/** The system loads its texts on first use. */
static void warm_up(void)
{
    (void)brood_status_text(APR_FROM_OS_ERROR(2));
    (void)brood_status_text(BROOD_EAUTH + 1);
}

static const test_case cases[] = {
    TEST_CASE(every_code_has_a_text_of_its_own),
    TEST_CASE(texts_of_our_own_live_for_ever),
    TEST_CASE(errors_of_the_system_pass_through),
    TEST_CASE(any_number_has_some_text),
    TEST_CASE(the_slice_lies_in_the_range_for_users),
    TEST_CASE(a_failure_has_its_text),
    TEST_CASE(a_failure_of_any_length_is_cut),
    TEST_CASE(each_thread_fails_by_itself),
    {0},
};

int main(int argc, char **argv)
{
    test_warm_up = warm_up;
    return test_main(argc, argv, "status", cases);
}
