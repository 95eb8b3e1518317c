/*
 * CPython's scenarios of listeners, clients and their authentication: _TestListener,
 * _TestListenerClient, ChallengeResponseTest, OtherTest, TestInvalidFamily; names as there.
 * For every family, where CPython has them all.
 */
#include "api/pools.h"
#include "fault/acts.h"
#include "ipc/handshake.h"

#include <brood/listener.h>

#define LONG test_ms(30000)

static const char authkey[] = "supadupasecretkey";
#define KEY .key = authkey, .key_size = sizeof authkey - 1

static const char *const families[] = {"local", "tcp:"};
enum { FAMILIES = 2 };

static brood_listener *listen_in(const char *family)
{
    brood_listener *l = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_listener_create(&l, family, BROOD_LISTENER(KEY)), BROOD_OK);
    return l;
}

static int send_text(brood_pipe *pipe, const char *text)
{
    brood_message message = BROOD_MESSAGE_INIT;
    int status = brood_pack(&message, "s", text);
    if (!status)
        status = brood_pipe_send(pipe, &message, LONG);
    brood_message_clear(&message);
    return status;
}

static bool receives_text(brood_pipe *pipe, const char *expected)
{
    brood_message message = BROOD_MESSAGE_INIT;
    const char *text = NULL;
    bool same = brood_pipe_recv(pipe, &message, LONG) == BROOD_OK &&
                brood_unpack(&message, "s", &text) == BROOD_OK && strcmp(text, expected) == 0;
    brood_message_clear(&message);
    return same;
}

/* ------------------------------------------------------------------- _TestListener */

static void test_multiple_bind(void)
{
    for (int i = 0; i < FAMILIES; i++) {
        brood_listener *l = listen_in(families[i]), *second = NULL;
        CU_ASSERT_EQUAL(
            brood_listener_create(&second, brood_listener_address(l), BROOD_LISTENER(KEY)),
            BROOD_EBUSY);
        CU_ASSERT_PTR_NULL(second);
        brood_listener_destroy(l);
    }
}

/** S61: there is no `with`; who has destroyed a listener has nothing to call accept on. */
static void test_context(void)
{
    brood_listener *l = listen_in(NULL);
    brood_pipe *c = NULL, *d = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    int32_t number = 0;
    char address[1024];
    snprintf(address, sizeof address, "%s", brood_listener_address(l));
    ASSERT_OK(brood_client_connect(&c, address, BROOD_CLIENT(KEY), LONG));
    ASSERT_OK(brood_listener_accept(l, &d, LONG));
    ASSERT_OK(brood_pack(&message, "i", 1729));
    ASSERT_OK(brood_pipe_send(c, &message, LONG));
    brood_message_clear(&message);
    ASSERT_OK(brood_pipe_recv(d, &message, LONG));
    ASSERT_OK(brood_unpack(&message, "i", &number));
    CU_ASSERT_EQUAL(number, 1729);
    brood_message_clear(&message);
    brood_pipe_destroy(c);
    brood_pipe_destroy(d);
    brood_listener_destroy(l);
    CU_ASSERT_EQUAL(brood_client_connect(&c, address, BROOD_CLIENT(KEY), LONG), BROOD_ECLOSED);
}

/** S108: an empty key is a mistake, and no key is said by NULL. */
static void test_empty_authkey(void)
{
    brood_listener *l = NULL;
    brood_pipe *client = NULL, *server = NULL;
    CU_ASSERT_EQUAL(brood_listener_create(&l, NULL, BROOD_LISTENER(.key = "", .key_size = 0)),
                    BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(l);
    ASSERT_OK(brood_listener_create(&l, NULL, NULL));
    CU_ASSERT_EQUAL(brood_client_connect(&client, brood_listener_address(l),
                                         BROOD_CLIENT(.key = "", .key_size = 0), LONG),
                    BROOD_EINVAL);
    ASSERT_OK(brood_client_connect(&client, brood_listener_address(l), NULL, LONG));
    ASSERT_OK(brood_listener_accept(l, &server, LONG));
    ASSERT_OK(send_text(client, "1729"));
    CU_ASSERT(receives_text(server, "1729"));
    brood_pipe_destroy(client);
    brood_pipe_destroy(server);
    brood_listener_destroy(l);
}

/* ------------------------------------------------------------- _TestListenerClient */

static int says_hello(brood_message *args, brood_message *result)
{
    const char *address = NULL;
    brood_pipe *pipe = NULL;
    int status = brood_unpack(args, "s", &address);
    (void)result;
    if (!status)
        status = brood_client_connect(&pipe, address, BROOD_CLIENT(KEY), LONG);
    if (!status)
        status = send_text(pipe, "hello");
    brood_pipe_destroy(pipe);
    return status ? 1 : 0;
}

static brood_process *start_client(brood_listener *l)
{
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, says_hello, "s", brood_listener_address(l)),
                          BROOD_OK);
    return p;
}

static void end_client(brood_process *p)
{
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).python, 0);
    brood_process_destroy(p);
}

static void test_listener_client(void)
{
    for (int i = 0; i < FAMILIES; i++) {
        brood_listener *l = listen_in(families[i]);
        brood_process *p = start_client(l);
        brood_pipe *conn = NULL;
        CU_ASSERT_EQUAL_FATAL(brood_listener_accept(l, &conn, LONG), BROOD_OK);
        CU_ASSERT(receives_text(conn, "hello"));
        brood_pipe_destroy(conn);
        end_client(p);
        brood_listener_destroy(l);
    }
}

/** The client has connected, written, closed and ended before anybody accepts. */
static void test_issue14725(void)
{
    for (int i = 0; i < FAMILIES; i++) {
        brood_listener *l = listen_in(families[i]);
        brood_pipe *conn = NULL;
        end_client(start_client(l));
        CU_ASSERT_EQUAL_FATAL(brood_listener_accept(l, &conn, LONG), BROOD_OK);
        CU_ASSERT(receives_text(conn, "hello"));
        brood_pipe_destroy(conn);
        brood_listener_destroy(l);
    }
}

static void test_issue16955(void)
{
    for (int i = 0; i < FAMILIES; i++) {
        brood_listener *l = listen_in(families[i]);
        brood_pipe *c = NULL, *a = NULL;
        CU_ASSERT_EQUAL_FATAL(
            brood_client_connect(&c, brood_listener_address(l), BROOD_CLIENT(KEY), LONG), BROOD_OK);
        CU_ASSERT_EQUAL_FATAL(brood_listener_accept(l, &a, LONG), BROOD_OK);
        ASSERT_OK(brood_pipe_send_bytes(a, "hello", 5, LONG));
        ASSERT_OK(brood_pipe_poll(c, LONG));
        brood_pipe_destroy(a);
        brood_pipe_destroy(c);
        brood_listener_destroy(l);
    }
}

/* ------------------------------------------------- TestInvalidFamily, TestIgnoreEINTR */

static void test_invalid_family(void)
{
    brood_listener *l = NULL;
    CU_ASSERT_EQUAL(brood_listener_create(&l, "\\\\.\\test", BROOD_LISTENER(KEY)), BROOD_EINVAL);
}

static void test_invalid_family_win32(void)
{
    brood_listener *l = NULL;
    CU_ASSERT_EQUAL(brood_listener_create(&l, "/var/test.pipe", BROOD_LISTENER(KEY)), BROOD_EINVAL);
}

/** "ps": listens while it is interrupted, tells where, and welcomes who comes. */
static int welcomes(brood_message *args, brood_message *result)
{
    const char *family = NULL;
    brood_pipe *parent = NULL, *client = NULL;
    brood_listener *l = NULL;
    int status = brood_unpack(args, "ps", &parent, &family);
    (void)result;
    if (!status && !act_interruptions_start())
        status = 1;
    if (!status)
        status = brood_listener_create(&l, family, BROOD_LISTENER(KEY));
    if (!status && brood_listener_accept(l, &client, 30) != BROOD_ETIMEDOUT)
        status = 2;
    if (!status)
        status = send_text(parent, brood_listener_address(l));
    if (!status)
        status = brood_listener_accept(l, &client, LONG);
    if (!status)
        status = send_text(client, "welcome");
    if (act_interruptions_end() == 0)
        status = 3;
    brood_pipe_destroy(client);
    brood_pipe_destroy(parent);
    brood_listener_destroy(l);
    return status ? 99 : 0;
}

static void ignores_in(const char *family)
{
    brood_pipe *here = NULL, *there = NULL, *client = NULL;
    brood_process *p = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    const char *address = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_pipe_create(&here, &there, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, welcomes, "ps", there, family), BROOD_OK);
    brood_pipe_destroy(there);
    ASSERT_OK(brood_pipe_recv(here, &message, LONG));
    CU_ASSERT_EQUAL_FATAL(brood_unpack(&message, "s", &address), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_client_connect(&client, address, BROOD_CLIENT(KEY), LONG),
                          BROOD_OK);
    CU_ASSERT(receives_text(client, "welcome"));
    brood_message_clear(&message);
    brood_pipe_destroy(client);
    brood_pipe_destroy(here);
    end_client(p);
}

/** Both sides are interrupted all the time. */
static void test_ignore_listener(void)
{
    if (!act_interruptions_start())
        TEST_SKIP("nothing interrupts a call here");
    for (int i = 0; i < FAMILIES; i++)
        ignores_in(families[i]);
    CU_ASSERT(act_interruptions_end() > 0);
}

/* ------------------------------------------------- ChallengeResponseTest, OtherTest */

/** S109: one algorithm, and both sides answer at once; so the whole exchange is asked. */
static void test_challengeresponse(void)
{
    static const uint8_t nonce[BRD_NONCE_SIZE] = "is-twenty-bytes-long";
    const brd_secret secret = {{authkey, sizeof authkey - 1}, {"here", 4}};
    brd_handshake client, server;
    const unsigned char *words;
    unsigned char *room;
    size_t size;
    brd_handshake_begin(&client, BRD_CLIENT, &secret, nonce);
    brd_handshake_begin(&server, BRD_SERVER, &secret, nonce);
    for (int i = 0; i < 4; i++) {
        brd_handshake *speaker = i % 2 ? &server : &client;
        brd_handshake *hearer = i % 2 ? &client : &server;
        size = brd_handshake_words(speaker, &words);
        CU_ASSERT_EQUAL_FATAL(brd_handshake_room(hearer, &room), size);
        memcpy(room, words, size);
        brd_handshake_sent(speaker, size);
        CU_ASSERT_EQUAL(brd_handshake_took(hearer, size), BROOD_OK);
    }
    CU_ASSERT_EQUAL(client.state, BRD_SHAKING_DONE);
    CU_ASSERT_EQUAL(server.state, BRD_SHAKING_DONE);
    brd_handshake_end(&client);
    brd_handshake_end(&server);
}

/** A peer that answers whatever it is asked with something bogus. */
static int answer_bogus(brd_side side)
{
    static const uint8_t nonce[BRD_NONCE_SIZE];
    const brd_secret secret = {{authkey, sizeof authkey - 1}, {"here", 4}};
    brd_handshake own, bogus;
    const unsigned char *words;
    unsigned char *room;
    brd_handshake_begin(&own, side, &secret, nonce);
    if (side == BRD_CLIENT) {
        brd_handshake_sent(&own, brd_handshake_words(&own, &words));
    } else { // its first words are no answer yet
        brd_handshake_begin(&bogus, BRD_CLIENT, &secret, nonce);
        size_t size = brd_handshake_words(&bogus, &words);
        CU_ASSERT_EQUAL_FATAL(brd_handshake_room(&own, &room), size);
        memcpy(room, words, size);
        CU_ASSERT_EQUAL(brd_handshake_took(&own, size), BROOD_OK);
        brd_handshake_sent(&own, brd_handshake_words(&own, &words));
    }
    size_t size = brd_handshake_room(&own, &room);
    for (size_t i = 0; i < size; i++)
        room[i] = (unsigned char)"something bogus"[i % 15];
    int status = brd_handshake_took(&own, size);
    CU_ASSERT_EQUAL(brd_handshake_words(&own, &words), 0); // and nothing more is said
    brd_handshake_end(&own);
    return status;
}

static void test_deliver_challenge_auth_failure(void)
{
    CU_ASSERT_EQUAL(answer_bogus(BRD_SERVER), BROOD_EAUTH);
}

/** The bogus answer does not even look like a listener's. */
static void test_answer_challenge_auth_failure(void)
{
    CU_ASSERT_EQUAL(answer_bogus(BRD_CLIENT), BROOD_EPROTOCOL);
}

static const test_case cases[] = {
    TEST_CASE(test_multiple_bind),
    TEST_CASE(test_context),
    TEST_CASE(test_empty_authkey),
    TEST_CASE(test_listener_client),
    TEST_CASE(test_issue14725),
    TEST_CASE(test_issue16955),
    TEST_CASE(test_invalid_family),
    TEST_CASE(test_invalid_family_win32),
    TEST_CASE(test_ignore_listener),
    TEST_CASE(test_challengeresponse),
    TEST_CASE(test_deliver_challenge_auth_failure),
    TEST_CASE(test_answer_challenge_auth_failure),
    {0},
};

/** What sockets and the thread pool of Windows make on first use. */
static void warm_up(void)
{
    pools_warm_up();
    for (int i = 0; i < FAMILIES; i++) {
        brood_listener *l = NULL;
        brood_pipe *client = NULL, *server = NULL;
        if (brood_listener_create(&l, families[i], BROOD_LISTENER(KEY)) == BROOD_OK &&
            brood_client_connect(&client, brood_listener_address(l), BROOD_CLIENT(KEY), LONG) ==
                BROOD_OK)
            (void)brood_listener_accept(l, &server, LONG);
        brood_pipe_destroy(server);
        brood_pipe_destroy(client);
        brood_listener_destroy(l);
    }
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = warm_up;
    return test_main(argc, argv, "connection_listener", cases);
}
