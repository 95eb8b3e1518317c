/*
 * Sealed pipes, and somebody in between who has no key: what he changes, repeats, leaves
 * out, sends back or hands on to another listener ends the connection. The one thing to
 * know: client and listener agree on a name for the listener, as they would through a port
 * forwarding, or he would not even come in between.
 */
#include "fault/callers.h"
#include "ipc/pipe.h"

enum { HEAD = 16, FRAME_MAX = 256 };

/* --------------------------------------------------------------- in between */

/** A client in a thread: its handshake needs who is in between to go on. */
typedef struct caller {
    char address[BRD_ADDRESS_SIZE];
    const char *endpoint;
    brood_pipe *pipe;
    int status;
} caller;

static void call(void *baton)
{
    caller *c = baton;
    c->status = brood_client_connect(&c->pipe, c->address,
                                     BROOD_CLIENT(KEY, .endpoint = c->endpoint), LONG);
}

/** The listener, its client, and the two channels of who is in between. */
typedef struct middle {
    brood_listener *listener;
    brood_pipe *client, *server;
    brd_chan *to_client, *to_server;
    int status; /* of the client */
} middle;

static void hand_on(brd_chan *from, brd_chan *to, size_t size)
{
    unsigned char bytes[FRAME_MAX];
    CU_ASSERT_EQUAL_FATAL(test_read_all(from, bytes, size), 0);
    CU_ASSERT_EQUAL(test_write_all(to, bytes, size), 0);
}

/** Lets a client dial somebody in between, who dials the listener and hands on the handshake. */
static middle come_between(const char *endpoint)
{
    middle m = {0};
    caller c = {.endpoint = endpoint};
    brd_thread thread = {0};
    brd_name *trap = NULL;
    brd_address a;
    place real = {.tcp = true};
    CU_ASSERT_EQUAL_FATAL(
        brood_listener_create(&m.listener, "tcp:", BROOD_LISTENER(KEY, .endpoint = endpoint)),
        BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brd_address_parse(&a, "tcp:"), 0);
    CU_ASSERT_EQUAL_FATAL(brd_tcp_listen(&trap, &a, 5, &a), 0);
    CU_ASSERT_EQUAL_FATAL(brd_address_print(&a, c.address, sizeof c.address), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, call, &c), 0);
    m.to_client = wait_for_client(trap);
    real.listener = m.listener;
    m.to_server = dial(&real, NULL);
    hand_on(m.to_client, m.to_server, BRD_HELLO_SIZE);
    hand_on(m.to_server, m.to_client, BRD_ANSWER_SIZE);
    if (endpoint) {
        hand_on(m.to_client, m.to_server, BRD_PROOF_SIZE);
        hand_on(m.to_server, m.to_client, BRD_WELCOME_SIZE);
        ASSERT_OK(brood_listener_accept(m.listener, &m.server, LONG));
    }
    brd_os_thread_join(&thread);
    m.client = c.pipe;
    m.status = c.status;
    brd_os_name_close(&trap);
    return m;
}

static void leave(middle *m)
{
    brood_pipe_destroy(m->client);
    brood_pipe_destroy(m->server);
    brd_os_chan_close(&m->to_client);
    brd_os_chan_close(&m->to_server);
    brood_listener_destroy(m->listener);
}

/** The client says something; he has it now. */
static size_t catch_frame(middle *m, const char *text, unsigned char frame[FRAME_MAX])
{
    size_t size = HEAD + strlen(text) + BRD_SEAL_SIZE;
    ASSERT_OK(brood_pipe_send_bytes(m->client, text, strlen(text), LONG));
    CU_ASSERT_EQUAL(test_read_all(m->to_client, frame, size), 0);
    return size;
}

static bool arrives(brood_pipe *pipe, const char *text)
{
    char got[FRAME_MAX];
    size_t size = 0;
    return brood_pipe_recv_bytes(pipe, got, sizeof got, &size, LONG) == BROOD_OK &&
           size == strlen(text) && memcmp(got, text, size) == 0;
}

/** It is refused, and so is all that follows. */
static bool is_refused(brood_pipe *pipe)
{
    brood_message message = BROOD_MESSAGE_INIT;
    bool refused = brood_pipe_recv(pipe, &message, LONG) == BROOD_EPROTOCOL &&
                   brood_pipe_recv(pipe, &message, LONG) == BROOD_EPROTOCOL;
    brood_message_clear(&message);
    return refused;
}

/* ------------------------------------------------------------------- scenes */

static void a_relay_to_another_listener_fails(void)
{
    middle m = come_between(NULL); // the client knows whom it dialled
    brood_pipe *pipe = NULL;
    CU_ASSERT_EQUAL(m.status, BROOD_EAUTH);
    CU_ASSERT_EQUAL(brood_listener_accept(m.listener, &pipe, 0), BROOD_ETIMEDOUT);
    leave(&m);
}

static void what_is_handed_on_arrives(void)
{
    unsigned char frame[FRAME_MAX];
    middle m = come_between("the hub");
    ASSERT_OK(m.status);
    for (int i = 0; i < 3; i++) {
        size_t size = catch_frame(&m, "as it was", frame);
        CU_ASSERT_EQUAL(test_write_all(m.to_server, frame, size), 0);
        CU_ASSERT(arrives(m.server, "as it was"));
    }
    leave(&m);
}

// Of the head, of the contents, of the tag.
static void what_was_changed_is_refused(void)
{
    static const size_t places[] = {0, 4, 8, HEAD, HEAD + 5, HEAD + 6, HEAD + 21};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        unsigned char frame[FRAME_MAX] = {0};
        middle m = come_between("the hub");
        size_t size = catch_frame(&m, "to pay", frame);
        frame[places[i]] ^= 1;
        // A longer length waits for the rest: he may as well send more.
        CU_ASSERT_EQUAL(test_write_all(m.to_server, frame, size + 2), 0);
        CU_ASSERT(is_refused(m.server));
        leave(&m);
    }
}

static void what_was_said_before_is_refused(void)
{
    unsigned char frame[FRAME_MAX];
    middle m = come_between("the hub");
    size_t size = catch_frame(&m, "once", frame);
    CU_ASSERT_EQUAL(test_write_all(m.to_server, frame, size), 0);
    CU_ASSERT_EQUAL(test_write_all(m.to_server, frame, size), 0);
    CU_ASSERT(arrives(m.server, "once"));
    CU_ASSERT(is_refused(m.server));
    leave(&m);
}

static void what_follows_a_gap_is_refused(void)
{
    unsigned char frame[FRAME_MAX];
    middle m = come_between("the hub");
    (void)catch_frame(&m, "do not", frame);
    size_t size = catch_frame(&m, "do it!", frame);
    CU_ASSERT_EQUAL(test_write_all(m.to_server, frame, size), 0);
    CU_ASSERT(is_refused(m.server));
    leave(&m);
}

static void ones_own_words_are_refused(void)
{
    unsigned char frame[FRAME_MAX];
    middle m = come_between("the hub");
    size_t size = catch_frame(&m, "echo", frame);
    CU_ASSERT_EQUAL(test_write_all(m.to_client, frame, size), 0);
    CU_ASSERT(is_refused(m.client));
    leave(&m);
}

static void words_of_another_connection_are_refused(void)
{
    unsigned char frame[FRAME_MAX];
    middle one = come_between("the hub"), other = come_between("the hub");
    size_t size = catch_frame(&one, "for one", frame);
    CU_ASSERT_EQUAL(test_write_all(other.to_server, frame, size), 0);
    CU_ASSERT(is_refused(other.server));
    leave(&one);
    leave(&other);
}

static void half_a_message_is_none(void)
{
    unsigned char frame[FRAME_MAX];
    middle m = come_between("the hub");
    brood_message message = BROOD_MESSAGE_INIT;
    size_t size = catch_frame(&m, "all or nothing", frame);
    CU_ASSERT_EQUAL(test_write_all(m.to_server, frame, size - 1), 0);
    brd_os_chan_close(&m.to_server);
    CU_ASSERT_EQUAL(brood_pipe_recv(m.server, &message, LONG), BROOD_ECLOSED);
    leave(&m);
}

/* ------------------------------------------------------------- without a network */

/** Both ends of a sealed pipe over a channel of this process. */
static void open_sealed(brood_pipe **one, brood_pipe **other)
{
    brd_chan *one_end = NULL, *other_end = NULL;
    brd_handle theirs = BRD_NONE;
    const brd_seal seal = {.out.key = "one way", .in.key = "the other"};
    const brd_seal mirrored = {.out = seal.in, .in = seal.out};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&one_end, &theirs), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_adopt(&other_end, theirs), 0);
    CU_ASSERT_EQUAL_FATAL(brd_pipe_of(one, one_end, &(brd_pipe_terms){.seal = &seal}), 0);
    CU_ASSERT_EQUAL_FATAL(brd_pipe_of(other, other_end, &(brd_pipe_terms){.seal = &mirrored}), 0);
}

// What had no time to leave was no frame, and has no number.
static void a_timeout_leaves_no_gap(void)
{
    static const char block[4000];
    brood_pipe *one = NULL, *other = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    int sent = 0, status = BROOD_OK;
    open_sealed(&one, &other);
    while (!status && sent < 10000) {
        status = brood_pipe_send_bytes(one, block, sizeof block, 0);
        sent += !status;
    }
    CU_ASSERT_EQUAL_FATAL(status, BROOD_ETIMEDOUT);
    CU_ASSERT(sent > 0);
    for (int i = 0; i < sent; i++)
        ASSERT_OK(brood_pipe_recv(other, &message, LONG));
    CU_ASSERT(says(one, other, "the next"));
    brood_message_clear(&message);
    brood_pipe_destroy(one);
    brood_pipe_destroy(other);
}

// Two processes could not count the frames of one stream.
static void a_sealed_end_cannot_be_passed_on(void)
{
    brood_pipe *one = NULL, *other = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    open_sealed(&one, &other);
    CU_ASSERT_EQUAL(brood_pack(&message, "p", one), BROOD_ENOTSUP);
    CU_ASSERT(says(one, other, "as before"));
    brood_message_clear(&message);
    brood_pipe_destroy(one);
    brood_pipe_destroy(other);
}

static const test_case cases[] = {
    TEST_CASE(a_relay_to_another_listener_fails),
    TEST_CASE(what_is_handed_on_arrives),
    TEST_CASE(what_was_changed_is_refused),
    TEST_CASE(what_was_said_before_is_refused),
    TEST_CASE(what_follows_a_gap_is_refused),
    TEST_CASE(ones_own_words_are_refused),
    TEST_CASE(words_of_another_connection_are_refused),
    TEST_CASE(half_a_message_is_none),
    TEST_CASE(a_timeout_leaves_no_gap),
    TEST_CASE(a_sealed_end_cannot_be_passed_on),
    {0},
};

int main(int argc, char **argv)
{
    test_warm_up = places_warm_up;
    return test_main(argc, argv, "sealed", cases);
}
