/**
 * What the suites of start methods and contexts share.
 */
#ifndef BRD_TESTS_METHODS_H
#define BRD_TESTS_METHODS_H

#include "api/pools.h"

/** The start methods to be tested: the thread sanitizer has a thread that no fork has. */
static inline size_t methods(brood_start_method all[3])
{
    size_t count = brood_all_start_methods(all, 3);
#if defined(__SANITIZE_THREAD__)
    count = 1;
#endif
    return count;
}

/** Runs a function without arguments that answers "x". */
static inline int64_t run_number(brood_pool *pool, brood_function *function)
{
    brood_message result = BROOD_MESSAGE_INIT;
    int64_t value = -1;
    ASSERT_OK(brood_pool_run(pool, function, &result, ""));
    ASSERT_OK(brood_unpack(&result, "x", &value));
    brood_message_clear(&result);
    return value;
}

#endif
