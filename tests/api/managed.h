/**
 * What the suites of managers share: a manager, short forms for its objects, and functions
 * for other processes.
 */
#ifndef BRD_TESTS_MANAGED_H
#define BRD_TESTS_MANAGED_H

#include "api/pools.h"

#include <brood/manager.h>

#define LONG test_ms(30000)

static inline brood_manager *manager_with(const brood_manager_options *options)
{
    brood_manager *m = NULL;
    int status = brood_manager_start(&m, options);
    if (status)
        fprintf(stderr, "no manager: %d, %s\n", status, brood_status_text(status));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return m;
}

/** An object, created with the arguments packed by a format. */
static inline brood_proxy *object_of(brood_manager *m, const char *type, const char *format, ...)
{
    brood_message args = BROOD_MESSAGE_INIT;
    brood_proxy *p = NULL;
    va_list values;
    va_start(values, format);
    CU_ASSERT_EQUAL_FATAL(brood_vpack(&args, format, values), BROOD_OK);
    va_end(values);
    int status = brood_manager_create(m, &p, type, &args);
    if (status)
        fprintf(stderr, "no %s: %d, %s\n", type, status, brood_status_text(status));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    brood_message_clear(&args);
    return p;
}

/** A result that is a number; -4711: there is none. */
static inline int64_t number_of(brood_proxy *p, const char *method)
{
    int64_t number = -4711;
    (void)brood_proxy_run(p, method, LONG, "x=", &number);
    return number;
}

static inline bool truth_of(brood_proxy *p, const char *method)
{
    int truth = -1;
    ASSERT_OK(brood_proxy_run(p, method, LONG, "b=", &truth));
    return truth == 1;
}

/** Whether the result of a method without arguments is exactly this. */
static inline bool gives(brood_proxy *p, const char *method, const char *format, ...)
{
    brood_message expected = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    size_t wanted = 0, got = 0;
    va_list values;
    va_start(values, format);
    CU_ASSERT_EQUAL(brood_vpack(&expected, format, values), BROOD_OK);
    va_end(values);
    int status = brood_proxy_ask(p, method, &result, LONG, "");
    const void *w = brood_message_bytes(&expected, &wanted);
    const void *g = brood_message_bytes(&result, &got);
    bool same = !status && wanted == got && memcmp(w, g, got) == 0;
    brood_message_clear(&expected);
    brood_message_clear(&result);
    return same;
}

#endif
