/**
 * What the suites of managers share: one manager for the tests that need no own, and short
 * forms for its objects.
 */
#ifndef BRD_TESTS_MANAGED_H
#define BRD_TESTS_MANAGED_H

#include "api/pools.h"

#include <brood/listener.h>
#include <brood/manager.h>
#include <stdarg.h>

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

/** Started before anything is counted, by managed_open as the suite's warm-up. */
static brood_manager *shared;

static inline int managed_close(int code)
{
    brood_manager_destroy(shared);
    return code;
}

/** Creates an object with the arguments packed by a format. */
static inline int create_as(brood_manager *m, brood_proxy **out, const char *type,
                            const char *format, va_list values)
{
    brood_message args = BROOD_MESSAGE_INIT;
    int status = brood_vpack(&args, format, values);
    if (!status)
        status = brood_manager_create(m, out, type, &args);
    brood_message_clear(&args);
    return status;
}

/** One of the shared manager. */
static inline brood_proxy *object_of(const char *type, const char *format, ...)
{
    brood_proxy *p = NULL;
    va_list values;
    va_start(values, format);
    int status = create_as(shared, &p, type, format, values);
    va_end(values);
    if (status)
        fprintf(stderr, "no %s: %d, %s\n", type, status, brood_status_text(status));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return p;
}

/** The status of an attempt. */
static inline int no_object_of(const char *type, const char *format, ...)
{
    brood_proxy *p = NULL;
    va_list values;
    va_start(values, format);
    int status = create_as(shared, &p, type, format, values);
    va_end(values);
    CU_ASSERT_PTR_NULL(p);
    brood_proxy_destroy(p);
    return status;
}

/** A result that is a number; -4711: there is none. */
static inline int64_t number_of(brood_proxy *p, const char *method)
{
    int64_t number = -4711;
    ASSERT_OK(brood_proxy_run(p, method, LONG, "x=", &number));
    return number;
}

static inline bool truth_of(brood_proxy *p, const char *method)
{
    int truth = -1;
    ASSERT_OK(brood_proxy_run(p, method, LONG, "b=", &truth));
    return truth == 1;
}

static inline bool same_message(const brood_message *a, const brood_message *b)
{
    size_t na = 0, nb = 0;
    const void *at = brood_message_bytes(a, &na), *bt = brood_message_bytes(b, &nb);
    return na == nb && memcmp(at, bt, na) == 0;
}

/** Whether the result of a method without arguments is exactly this. */
static inline bool gives(brood_proxy *p, const char *method, const char *format, ...)
{
    brood_message expected = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    va_list values;
    va_start(values, format);
    CU_ASSERT_EQUAL(brood_vpack(&expected, format, values), BROOD_OK);
    va_end(values);
    int status = brood_proxy_ask(p, method, &result, LONG, "");
    bool same = !status && same_message(&expected, &result);
    brood_message_clear(&expected);
    brood_message_clear(&result);
    return same;
}

/** The text of the error with which a call fails. */
static inline bool fails_with(brood_proxy *p, int status, const char *text, const char *method,
                              const char *format, ...)
{
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    va_list values;
    va_start(values, format);
    CU_ASSERT_EQUAL(brood_vpack(&args, format, values), BROOD_OK);
    va_end(values);
    int got = brood_proxy_call(p, method, &args, &result, 0);
    const brood_error *error = brood_message_error(&result);
    bool so = got == status && error && error->status == status && strstr(error->text, text);
    if (!so)
        fprintf(stderr, "%s: %d, %s\n", method, got, error ? error->text : "no error");
    brood_message_clear(&args);
    brood_message_clear(&result);
    return so;
}

/* ------------------------------------------------- calls in another thread */

/** One call of a method without arguments, that may wait. */
typedef struct waiting_call {
    brd_thread thread;
    brood_proxy *proxy;
    const char *method;
    int64_t timeout;
    int status;
    int64_t number; /* its result, if it has one */
} waiting_call;

static inline void run_waiting_call(void *baton)
{
    waiting_call *w = baton;
    brood_message result = BROOD_MESSAGE_INIT;
    w->status = brood_proxy_ask(w->proxy, w->method, &result, w->timeout, "");
    w->number = -4711;
    if (!w->status)
        (void)brood_unpack(&result, "x", &w->number);
    brood_message_clear(&result);
}

static inline bool waiting_call_begin(waiting_call *w, brood_proxy *p, const char *method,
                                      int64_t timeout)
{
    *w = (waiting_call){.proxy = p, .method = method, .timeout = timeout, .status = -1};
    return brd_os_thread_start(&w->thread, run_waiting_call, w) == 0;
}

static inline void waiting_call_start(waiting_call *w, brood_proxy *p, const char *method,
                                      int64_t timeout)
{
    CU_ASSERT_FATAL(waiting_call_begin(w, p, method, timeout));
}

static inline int waiting_call_end(waiting_call *w)
{
    brd_os_thread_join(&w->thread);
    return w->status;
}

/* ------------------------------------------------------------------ warm-up */

enum { MANAGED_THREADS = 4 }; /* of a test, besides its own */

/**
 * Starts the shared manager, with a connection for each thread of a test: they stay, for who
 * calls next, and are not to be taken for what a test has left behind.
 */
static inline void managed_open(void)
{
    waiting_call calls[MANAGED_THREADS];
    brood_proxy *b = NULL;
    brood_message parties = BROOD_MESSAGE_INIT;
    if (brood_manager_start(&shared, NULL) || brood_pack(&parties, "i", MANAGED_THREADS + 1) ||
        brood_manager_create(shared, &b, "Barrier", &parties))
        exit(70);
    brood_message_clear(&parties);
    for (int i = 0; i < MANAGED_THREADS; i++)
        if (!waiting_call_begin(&calls[i], b, "wait", LONG))
            exit(70);
    (void)brood_proxy_run(b, "wait", LONG, "");
    for (int i = 0; i < MANAGED_THREADS; i++)
        (void)waiting_call_end(&calls[i]);
    brood_proxy_destroy(b);
}

/** The same, with what TCP makes on first use. */
static inline void managed_open_tcp(void)
{
    static const char key[] = "a key that is long enough";
    brood_listener *l = NULL;
    brood_pipe *client = NULL, *server = NULL;
    managed_open();
    if (brood_listener_create(&l, "tcp:", BROOD_LISTENER(.key = key, .key_size = sizeof key)) ||
        brood_client_connect(&client, brood_listener_address(l),
                             BROOD_CLIENT(.key = key, .key_size = sizeof key), LONG) ||
        brood_listener_accept(l, &server, LONG))
        exit(70);
    brood_pipe_destroy(server);
    brood_pipe_destroy(client);
    brood_listener_destroy(l);
}

/** As object_of, in a manager that is not the shared one. */
static inline brood_proxy *object_at(brood_manager *m, const char *type, const char *format, ...)
{
    brood_proxy *p = NULL;
    va_list values;
    va_start(values, format);
    CU_ASSERT_EQUAL_FATAL(create_as(m, &p, type, format, values), BROOD_OK);
    va_end(values);
    return p;
}

static inline bool await_number(brood_proxy *p, const char *method, int64_t number)
{
    brd_time until = test_deadline(20000);
    while (number_of(p, method) != number && brd_os_now() < until)
        moment();
    return number_of(p, method) == number;
}

static inline bool await_truth(brood_proxy *p, const char *method)
{
    brd_time until = test_deadline(20000);
    while (!truth_of(p, method) && brd_os_now() < until)
        moment();
    return truth_of(p, method);
}

#endif
