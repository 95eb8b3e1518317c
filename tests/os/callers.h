/**
 * What the suites of names and of TCP share: two ends that come together at a name, speak
 * and part, and what a waiter says of it.
 */
#ifndef BRD_TESTS_CALLERS_H
#define BRD_TESTS_CALLERS_H

#include "harness.h"

#include <string.h>

/** The next channel that comes in, by event. */
static inline brd_chan *accept_from(brd_name *n, brd_peer *peer)
{
    brd_waiter *w = NULL;
    brd_chan *c = NULL;
    int status = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_open(&w), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_name(w, n, true, n), 0);
    do {
        brd_event event;
        size_t count = 0;
        status = brd_os_waiter_wait(w, test_deadline(10000), &event, 1, &count);
        if (status == 0)
            status = brd_os_name_accept(n, &c, peer);
    } while (status == BROOD_EAGAIN);
    CU_ASSERT_EQUAL_FATAL(status, 0);
    CU_ASSERT_EQUAL(brd_os_waiter_name(w, n, false, NULL), 0);
    brd_os_waiter_close(&w);
    return c;
}

/** Sends a few bytes each way. */
static inline void converse(brd_chan *one, brd_chan *other)
{
    char got[6] = "";
    CU_ASSERT_EQUAL(test_write_all(one, "hello", 6), 0);
    CU_ASSERT_EQUAL(test_read_all(other, got, 6), 0);
    CU_ASSERT_STRING_EQUAL(got, "hello");
    CU_ASSERT_EQUAL(test_write_all(other, "world", 6), 0);
    CU_ASSERT_EQUAL(test_read_all(one, got, 6), 0);
    CU_ASSERT_STRING_EQUAL(got, "world");
}

/** Closes one end, and sees that the other is told. */
static inline void part(brd_chan **one, brd_chan **other)
{
    char byte = 0;
    size_t size = 0;
    CU_ASSERT_EQUAL(test_write_all(*one, "!", 1), 0);
    brd_os_chan_close(one);
    CU_ASSERT_EQUAL(test_read_all(*other, &byte, 1), 0);
    CU_ASSERT_EQUAL(brd_os_chan_wait(*other, BRD_READ, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(*other, &byte, 1, &size), BROOD_ECLOSED);
    brd_os_chan_close(other);
}

static inline int poll_waiter(brd_waiter *w)
{
    brd_event events[8];
    size_t count = 0;
    return brd_os_waiter_wait(w, 0, events, 8, &count);
}

static inline brd_event next_event(brd_waiter *w)
{
    brd_event event = {NULL, 0};
    size_t count = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_wait(w, test_deadline(20000), &event, 1, &count), 0);
    CU_ASSERT_EQUAL(count, 1);
    return event;
}

/** Two come; the waiter says so until both are accepted, and nothing when it is not asked. */
static inline void check_name_events(brd_name *n, brd_chan *(*dial)(const void *),
                                     const void *where)
{
    brd_waiter *w = NULL;
    brd_chan *clients[2] = {0};
    brd_chan *servers[2] = {0};
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_open(&w), 0);
    CU_ASSERT_EQUAL(brd_os_waiter_name(w, n, true, &w), 0);
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    clients[0] = dial(where);
    clients[1] = dial(where);
    for (int i = 0; i < 2;) {
        brd_event event = next_event(w);
        CU_ASSERT_PTR_EQUAL(event.tag, &w);
        CU_ASSERT_EQUAL(event.what, BRD_READ);
        int status = brd_os_name_accept(n, &servers[i], NULL);
        CU_ASSERT_FATAL(status == 0 || status == BROOD_EAGAIN);
        i += status == 0;
    }
    CU_ASSERT_EQUAL(brd_os_name_accept(n, &servers[0], NULL), BROOD_EAGAIN);
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brd_os_waiter_name(w, n, false, NULL), 0);
    for (int i = 0; i < 2; i++) {
        brd_os_chan_close(&clients[i]);
        brd_os_chan_close(&servers[i]);
    }
    clients[0] = dial(where);
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brd_os_waiter_name(w, n, true, n), 0);
    CU_ASSERT_PTR_EQUAL(next_event(w).tag, n);
    CU_ASSERT_EQUAL(brd_os_waiter_name(w, n, false, NULL), 0);
    brd_os_waiter_close(&w);
    brd_os_chan_close(&clients[0]);
}

#endif
