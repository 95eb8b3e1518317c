/**
 * What the suites of listeners share: honest clients, and peers that speak byte by byte.
 */
#ifndef BRD_TESTS_FAULT_CALLERS_H
#define BRD_TESTS_FAULT_CALLERS_H

#include "api/pools.h"
#include "ipc/handshake.h"
#include "ipc/tcp.h"

#include <brood/listener.h>

#define LONG test_ms(30000)

static const char the_key[] = "a key of more than sixteen bytes";
#define KEY .key = the_key, .key_size = sizeof the_key - 1

/** A listener and what its peers need to know. */
typedef struct place {
    brood_listener *listener;
    bool tcp;
} place;

static inline place place_open(bool tcp)
{
    place p = {.tcp = tcp};
    CU_ASSERT_EQUAL_FATAL(
        brood_listener_create(&p.listener, tcp ? "tcp:" : NULL, BROOD_LISTENER(KEY)), BROOD_OK);
    return p;
}

static inline const char *place_address(const place *p)
{
    return brood_listener_address(p->listener);
}

/** Both ends of a connection that is as it should be. */
typedef struct ends {
    brood_pipe *client, *server;
} ends;

static inline bool says(brood_pipe *from, brood_pipe *to, const char *text)
{
    char got[64] = "";
    size_t size = 0;
    return brood_pipe_send_bytes(from, text, strlen(text), LONG) == BROOD_OK &&
           brood_pipe_recv_bytes(to, got, sizeof got, &size, LONG) == BROOD_OK &&
           size == strlen(text) && memcmp(got, text, size) == 0;
}

static inline ends meet(const place *p)
{
    ends e = {NULL, NULL};
    ASSERT_OK(brood_client_connect(&e.client, place_address(p), BROOD_CLIENT(KEY), LONG));
    ASSERT_OK(brood_listener_accept(p->listener, &e.server, LONG));
    CU_ASSERT_PTR_NOT_NULL_FATAL(e.client);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e.server);
    return e;
}

static inline void part(ends *e)
{
    brood_pipe_destroy(e->client);
    brood_pipe_destroy(e->server);
    *e = (ends){NULL, NULL};
}

/** An honest client comes, is served, and goes. */
static inline void serves_the_honest(const place *p)
{
    ends e = meet(p);
    CU_ASSERT(says(e.client, e.server, "here I am"));
    CU_ASSERT(says(e.server, e.client, "welcome"));
    part(&e);
}

static inline bool nobody_passed(const place *p)
{
    brood_pipe *pipe = NULL;
    return brood_listener_accept(p->listener, &pipe, 0) == BROOD_ETIMEDOUT;
}

/** What sockets and the thread pool of Windows make on first use; outside of any test. */
static inline void places_warm_up(void)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        brood_listener *l = NULL;
        brood_pipe *client = NULL, *server = NULL;
        if (brood_listener_create(&l, tcp ? "tcp:" : NULL, BROOD_LISTENER(KEY)) == BROOD_OK &&
            brood_client_connect(&client, brood_listener_address(l), BROOD_CLIENT(KEY), LONG) ==
                BROOD_OK)
            (void)brood_listener_accept(l, &server, LONG);
        brood_pipe_destroy(server);
        brood_pipe_destroy(client);
        brood_listener_destroy(l);
    }
}

/* ------------------------------------------------------------- byte by byte */

/** Somebody who connects, and no more. */
static inline brd_chan *dial(const place *p, brd_endpoint *endpoint)
{
    brd_address a;
    brd_endpoint ignored;
    brd_chan *chan = NULL;
    uint8_t there[18];
    endpoint = endpoint ? endpoint : &ignored;
    CU_ASSERT_EQUAL_FATAL(brd_address_parse(&a, place_address(p)), 0);
    if (a.family == BRD_FAMILY_TCP) {
        CU_ASSERT_EQUAL_FATAL(brd_tcp_connect(&chan, &a, test_deadline(20000), there), 0);
        brd_endpoint_of_tcp(endpoint, there);
    } else {
        CU_ASSERT_EQUAL_FATAL(brd_os_name_connect(&chan, a.text, test_deadline(20000)), 0);
        CU_ASSERT_EQUAL(brd_endpoint_of_local(endpoint, a.text), 0);
    }
    return chan;
}

/** Whoever comes next to a name that is played here. */
static inline brd_chan *wait_for_client(brd_name *name)
{
    brd_waiter *w = NULL;
    brd_chan *chan = NULL;
    brd_event event;
    size_t count = 0;
    int status = BROOD_EAGAIN;
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_open(&w), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_name(w, name, true, name), 0);
    while (status == BROOD_EAGAIN) {
        CU_ASSERT_EQUAL_FATAL(brd_os_waiter_wait(w, test_deadline(20000), &event, 1, &count), 0);
        status = brd_os_name_accept(name, &chan, NULL);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
    CU_ASSERT_EQUAL(brd_os_waiter_name(w, name, false, NULL), 0);
    brd_os_waiter_close(&w);
    return chan;
}

/** Waits until the other side has hung up; false: it said something, or it has not. */
static inline bool is_hung_up(brd_chan *chan)
{
    char byte;
    size_t got;
    if (brd_os_chan_wait(chan, BRD_READ, test_deadline(20000)))
        return false;
    return brd_os_chan_read(chan, &byte, 1, &got) == BROOD_ECLOSED;
}

/** Whether the connection is there, and the other side has nothing to say. */
static inline bool is_silent(brd_chan *chan)
{
    char byte;
    size_t got;
    return brd_os_chan_read(chan, &byte, 1, &got) == BROOD_EAGAIN;
}

/** The messages of a handshake, as they went over the wire. */
typedef struct transcript {
    unsigned char hello[BRD_HELLO_SIZE];
    unsigned char answer[BRD_ANSWER_SIZE];
    unsigned char proof[BRD_PROOF_SIZE];
    unsigned char welcome[BRD_WELCOME_SIZE];
} transcript;

static inline void write_hello(brd_chan *chan, transcript *t)
{
    static uint8_t nonce[BRD_NONCE_SIZE];
    const brd_secret none = {{NULL, 0}, {NULL, 0}};
    const unsigned char *words;
    brd_handshake h;
    nonce[0]++;
    brd_handshake_begin(&h, BRD_CLIENT, &none, nonce);
    CU_ASSERT_EQUAL_FATAL(brd_handshake_words(&h, &words), BRD_HELLO_SIZE);
    memcpy(t->hello, words, sizeof t->hello);
    CU_ASSERT_EQUAL(test_write_all(chan, t->hello, sizeof t->hello), 0);
}

/** Holds the handshake as it should be, and keeps what was said. */
static inline brd_chan *pass(const place *p, transcript *t, brd_seal *seal)
{
    uint8_t nonce[BRD_NONCE_SIZE] = "not very random";
    brd_endpoint endpoint;
    brd_handshake h;
    const unsigned char *words;
    unsigned char *room;
    brd_chan *chan = dial(p, &endpoint);
    const brd_secret secret = {{the_key, sizeof the_key - 1}, {endpoint.bytes, endpoint.size}};
    brd_handshake_begin(&h, BRD_CLIENT, &secret, nonce);
    CU_ASSERT_EQUAL_FATAL(brd_handshake_words(&h, &words), BRD_HELLO_SIZE);
    memcpy(t->hello, words, sizeof t->hello);
    brd_handshake_sent(&h, sizeof t->hello);
    CU_ASSERT_EQUAL(test_write_all(chan, t->hello, sizeof t->hello), 0);
    CU_ASSERT_EQUAL_FATAL(brd_handshake_room(&h, &room), BRD_ANSWER_SIZE);
    CU_ASSERT_EQUAL(test_read_all(chan, t->answer, sizeof t->answer), 0);
    memcpy(room, t->answer, sizeof t->answer);
    CU_ASSERT_EQUAL_FATAL(brd_handshake_took(&h, sizeof t->answer), 0);
    CU_ASSERT_EQUAL_FATAL(brd_handshake_words(&h, &words), BRD_PROOF_SIZE);
    memcpy(t->proof, words, sizeof t->proof);
    brd_handshake_sent(&h, sizeof t->proof);
    CU_ASSERT_EQUAL(test_write_all(chan, t->proof, sizeof t->proof), 0);
    CU_ASSERT_EQUAL_FATAL(brd_handshake_room(&h, &room), BRD_WELCOME_SIZE);
    CU_ASSERT_EQUAL(test_read_all(chan, t->welcome, sizeof t->welcome), 0);
    memcpy(room, t->welcome, sizeof t->welcome);
    CU_ASSERT_EQUAL_FATAL(brd_handshake_took(&h, sizeof t->welcome), 0);
    CU_ASSERT_EQUAL(brd_handshake_seal(&h, seal), 0);
    return chan;
}

#endif
