/*
 * Listeners and clients, as their header promises them, on every system from this one
 * source. The one thing to know: the listener's own thread holds the handshakes, so here
 * one thread can be client and listener in turn.
 */
#include "api/pools.h"

#include <brood/listener.h>

#define LONG test_ms(30000)

static const char the_key[] = "a key of more than sixteen bytes";
#define KEY .key = the_key, .key_size = sizeof the_key - 1

typedef struct ends {
    brood_pipe *client, *server;
} ends;

static brood_listener *listen_at(const char *address)
{
    brood_listener *l = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_listener_create(&l, address, BROOD_LISTENER(KEY)), BROOD_OK);
    return l;
}

static ends meet_at(brood_listener *l, const char *address)
{
    ends e = {NULL, NULL};
    CU_ASSERT_EQUAL_FATAL(brood_client_connect(&e.client, address, BROOD_CLIENT(KEY), LONG),
                          BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_listener_accept(l, &e.server, LONG), BROOD_OK);
    return e;
}

static void part(ends *e)
{
    brood_pipe_destroy(e->client);
    brood_pipe_destroy(e->server);
}

static bool carries(brood_pipe *from, brood_pipe *to, const char *text)
{
    char got[64];
    size_t size = 0;
    return brood_pipe_send_bytes(from, text, strlen(text), LONG) == BROOD_OK &&
           brood_pipe_recv_bytes(to, got, sizeof got, &size, LONG) == BROOD_OK &&
           size == strlen(text) && memcmp(got, text, size) == 0;
}

static void works(brood_listener *l, const char *address)
{
    ends e = meet_at(l, address);
    CU_ASSERT(carries(e.client, e.server, "to the listener"));
    CU_ASSERT(carries(e.server, e.client, "to the client"));
    part(&e);
}

/** A word that no other run of this suite uses at the same time. */
static const char *own_word(void)
{
    static char address[64];
    snprintf(address, sizeof address, "local:test.%lld", (long long)brd_os_pid());
    return address;
}

/** The listener's address with another host. */
static void elsewhere(char *out, size_t cap, brood_listener *l, const char *host)
{
    const char *port = strrchr(brood_listener_address(l), ':');
    snprintf(out, cap, "tcp:%s%s", host, port ? port : "");
}

/* ------------------------------------------------------------------------ addresses */

static void every_kind_of_address_works(void)
{
    const char *const addresses[] = {NULL,   "local",         own_word(),
                                     "tcp:", "tcp:127.0.0.1", "tcp:localhost:0"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        brood_listener *l = listen_at(addresses[i]);
        works(l, brood_listener_address(l));
        brood_listener_destroy(l);
    }
}

static void a_word_is_its_address(void)
{
    brood_listener *l = listen_at(own_word()), *other = NULL;
    CU_ASSERT_STRING_EQUAL(brood_listener_address(l), own_word());
    CU_ASSERT_EQUAL(brood_listener_create(&other, own_word(), NULL), BROOD_EBUSY);
    works(l, own_word());
    brood_listener_destroy(l);
    l = listen_at(own_word()); // it is free again
    works(l, own_word());
    brood_listener_destroy(l);
}

static void fresh_names_differ(void)
{
    brood_listener *one = listen_at(NULL), *other = listen_at("local");
    CU_ASSERT_STRING_NOT_EQUAL(brood_listener_address(one), brood_listener_address(other));
    works(one, brood_listener_address(one));
    works(other, brood_listener_address(other));
    brood_listener_destroy(one);
    brood_listener_destroy(other);
}

static void a_port_is_taken_once(void)
{
    brood_listener *l = listen_at("tcp:"), *other = NULL;
    char address[128];
    snprintf(address, sizeof address, "%s", brood_listener_address(l));
    CU_ASSERT_EQUAL(brood_listener_create(&other, address, BROOD_LISTENER(KEY)), BROOD_EBUSY);
    works(l, address);
    brood_listener_destroy(l);
    l = listen_at(address); // although connections of the one before may linger
    works(l, address);
    brood_listener_destroy(l);
}

// The default is this machine, not the whole world: other addresses of it are refused too.
static void tcp_without_a_host_is_here_only(void)
{
    static const char *const defaults[] = {"tcp:", "tcp::0"};
    for (size_t i = 0; i < 2; i++) {
        brood_listener *l = listen_at(defaults[i]);
        brood_pipe *pipe = NULL;
        char address[64];
        CU_ASSERT_EQUAL(strncmp(brood_listener_address(l), "tcp:127.0.0.1:", 14), 0);
        CU_ASSERT_NOT_EQUAL(strcmp(brood_listener_address(l), "tcp:127.0.0.1:0"), 0);
        elsewhere(address, sizeof address, l, "127.0.0.2");
        CU_ASSERT_NOT_EQUAL(brood_client_connect(&pipe, address, BROOD_CLIENT(KEY), 2000),
                            BROOD_OK);
        brood_listener_destroy(l);
    }
}

// Then every address that reaches it is one that both sides know.
static void tcp_everywhere_is_reached_by_any_address(void)
{
    brood_listener *l = listen_at("tcp:0.0.0.0");
    brood_pipe *pipe = NULL;
    char address[64];
    works(l, brood_listener_address(l)); // as it is: it means this machine
    elsewhere(address, sizeof address, l, "127.0.0.1");
    works(l, address);
    elsewhere(address, sizeof address, l, "127.0.0.2"); // not every system has this one
    if (brood_client_connect(&pipe, address, BROOD_CLIENT(KEY), LONG) == BROOD_OK) {
        brood_pipe_destroy(pipe);
        ASSERT_OK(brood_listener_accept(l, &pipe, LONG));
        brood_pipe_destroy(pipe);
    }
    brood_listener_destroy(l);
}

static void tcp_has_six_too(void)
{
    brood_listener *l = NULL;
    if (brood_listener_create(&l, "tcp:[::1]", BROOD_LISTENER(KEY)) != BROOD_OK)
        TEST_SKIP("no IPv6 here");
    CU_ASSERT_EQUAL(strncmp(brood_listener_address(l), "tcp:[::1]:", 10), 0);
    works(l, brood_listener_address(l));
    brood_listener_destroy(l);
}

static void nobody_is_there(void)
{
    static const char *const addresses[] = {NULL, "tcp:"};
    brood_pipe *pipe = NULL;
    for (size_t i = 0; i < 2; i++) {
        brood_listener *l = listen_at(addresses[i]);
        char address[512];
        snprintf(address, sizeof address, "%s", brood_listener_address(l));
        brood_listener_destroy(l);
        CU_ASSERT_EQUAL(brood_client_connect(&pipe, address, BROOD_CLIENT(KEY), LONG),
                        BROOD_ECLOSED);
    }
    CU_ASSERT_EQUAL(brood_client_connect(&pipe, "local:test.nobody", NULL, 0), BROOD_ECLOSED);
    CU_ASSERT_PTR_NULL(pipe);
}

static void refuses_nonsense(void)
{
    static const char *const bad[] = {"", "x", "local:", "local:a b", "tcp", "tcp:a:b", "tcp:::1"};
    static const char long_key[4097] = "";
    brood_listener *l = NULL;
    brood_pipe *pipe = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT_EQUAL(brood_listener_create(&l, bad[i], BROOD_LISTENER(KEY)), BROOD_EINVAL);
        CU_ASSERT_EQUAL(brood_client_connect(&pipe, bad[i], BROOD_CLIENT(KEY), 0), BROOD_EINVAL);
    }
    CU_ASSERT_EQUAL(brood_listener_create(NULL, NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_listener_create(&l, "tcp:", NULL), BROOD_EINVAL); // no key
    const size_t sizes[] = {0, 1, 15, 4097};
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(
            brood_listener_create(&l, NULL, BROOD_LISTENER(.key = long_key, .key_size = sizes[i])),
            BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_listener_create(&l, NULL, BROOD_LISTENER(.key_size = 32)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_listener_create(&l, NULL, BROOD_LISTENER(.backlog = 4097)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_client_connect(NULL, "local:x", NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_client_connect(&pipe, NULL, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_client_connect(&pipe, "tcp:127.0.0.1", BROOD_CLIENT(KEY), 0),
                    BROOD_EINVAL); // no port
    CU_ASSERT_EQUAL(brood_client_connect(&pipe, "tcp:127.0.0.1:1", NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_listener_accept(NULL, &pipe, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_listener_handle(NULL), -1);
    CU_ASSERT_STRING_EQUAL(brood_listener_address(NULL), "");
    brood_listener_destroy(NULL);
    CU_ASSERT_PTR_NULL(l);
    CU_ASSERT_PTR_NULL(pipe);
}

/* ------------------------------------------------------------------- keys and limits */

static void keys_are_random(void)
{
    unsigned char keys[2][BROOD_KEY_SIZE] = {{0}};
    ASSERT_OK(brood_key_create(keys[0]));
    ASSERT_OK(brood_key_create(keys[1]));
    CU_ASSERT_NOT_EQUAL(memcmp(keys[0], keys[1], BROOD_KEY_SIZE), 0);
    CU_ASSERT_EQUAL(brood_key_create(NULL), BROOD_EINVAL);
}

static void a_local_name_needs_no_key(void)
{
    brood_listener *l = NULL;
    brood_pipe *client = NULL, *server = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_listener_create(&l, NULL, NULL), BROOD_OK);
    ASSERT_OK(brood_client_connect(&client, brood_listener_address(l), NULL, LONG));
    ASSERT_OK(brood_listener_accept(l, &server, LONG));
    CU_ASSERT(carries(client, server, "the system vouches"));
    brood_pipe_destroy(client);
    brood_pipe_destroy(server);
    // Who brings one expects the other to have it.
    CU_ASSERT_EQUAL(
        brood_client_connect(&client, brood_listener_address(l), BROOD_CLIENT(KEY), LONG),
        BROOD_EAUTH);
    brood_listener_destroy(l);
}

static void both_sides_must_mean_the_same_endpoint(void)
{
    static const char *const addresses[] = {NULL, "tcp:"};
    for (size_t i = 0; i < 2; i++) {
        brood_listener *l = NULL;
        brood_pipe *client = NULL, *server = NULL;
        ASSERT_OK(
            brood_listener_create(&l, addresses[i], BROOD_LISTENER(KEY, .endpoint = "the hub")));
        const char *address = brood_listener_address(l);
        ASSERT_OK(
            brood_client_connect(&client, address, BROOD_CLIENT(KEY, .endpoint = "the hub"), LONG));
        ASSERT_OK(brood_listener_accept(l, &server, LONG));
        brood_pipe_destroy(client);
        brood_pipe_destroy(server);
        CU_ASSERT_EQUAL(
            brood_client_connect(&client, address, BROOD_CLIENT(KEY, .endpoint = "the cub"), LONG),
            BROOD_EAUTH);
        CU_ASSERT_EQUAL(brood_client_connect(&client, address, BROOD_CLIENT(KEY), LONG),
                        BROOD_EAUTH);
        brood_listener_destroy(l);
    }
}

static void limits_are_of_who_receives(void)
{
    static const char bytes[1001];
    static const char *const addresses[] = {NULL, "tcp:"};
    for (size_t i = 0; i < 2; i++) {
        brood_listener *l = NULL;
        brood_message message = BROOD_MESSAGE_INIT;
        ends e = {NULL, NULL};
        ASSERT_OK(brood_listener_create(&l, addresses[i], BROOD_LISTENER(KEY, .limit = 1000)));
        ASSERT_OK(brood_client_connect(&e.client, brood_listener_address(l),
                                       BROOD_CLIENT(KEY, .limit = 2000), LONG));
        ASSERT_OK(brood_listener_accept(l, &e.server, LONG));
        ASSERT_OK(brood_pipe_send_bytes(e.server, bytes, 1001, LONG));
        ASSERT_OK(brood_pipe_recv(e.client, &message, LONG));
        CU_ASSERT_EQUAL(message.size, 1001);
        ASSERT_OK(brood_pipe_send_bytes(e.client, bytes, 1000, LONG));
        ASSERT_OK(brood_pipe_recv(e.server, &message, LONG));
        ASSERT_OK(brood_pipe_send_bytes(e.client, bytes, 1001, LONG));
        CU_ASSERT_EQUAL(brood_pipe_recv(e.server, &message, LONG), BROOD_EPROTOCOL);
        brood_message_clear(&message);
        part(&e);
        brood_listener_destroy(l);
    }
}

/* ------------------------------------------------------------------------- messages */

// About what is written as one, what memory grows by, and much.
static const size_t sizes[] = {0, 1, 4063, 4064, 4065, 4080, 65535, 65537, 3 << 20};

enum { SIZES = sizeof sizes / sizeof *sizes };

/** Sends from a thread, to either end in turn: more than fits on the way. */
typedef struct sender {
    const ends *e;
    const unsigned char *bytes;
    int failed;
} sender;

// It stays until all has come: Wine forgets to tell of a write whose thread ends meanwhile.
static void send_all(void *baton)
{
    sender *s = baton;
    char done;
    size_t size = 0;
    for (size_t i = 0; i < SIZES; i++)
        s->failed += brood_pipe_send_bytes(i % 2 ? s->e->client : s->e->server, s->bytes, sizes[i],
                                           LONG) != BROOD_OK;
    s->failed += brood_pipe_recv_bytes(s->e->server, &done, 1, &size, LONG) != BROOD_OK;
}

static void receive_all(const ends *e, const unsigned char *bytes)
{
    for (size_t i = 0; i < SIZES; i++) {
        brood_message message = BROOD_MESSAGE_INIT;
        size_t size = 0;
        ASSERT_OK(brood_pipe_recv(i % 2 ? e->server : e->client, &message, LONG));
        const void *got = brood_message_bytes(&message, &size);
        CU_ASSERT_EQUAL(size, sizes[i]);
        CU_ASSERT(size != sizes[i] || !size || memcmp(got, bytes, size) == 0);
        brood_message_clear(&message);
    }
    ASSERT_OK(brood_pipe_send_bytes(e->client, "!", 1, LONG));
}

static void carries_messages_of_any_length(void)
{
    static const char *const addresses[] = {NULL, "tcp:"};
    unsigned char *bytes = malloc(3 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    for (size_t i = 0; bytes && i < 3 << 20; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    for (size_t a = 0; a < 2; a++) {
        brood_listener *l = listen_at(addresses[a]);
        ends e = meet_at(l, brood_listener_address(l));
        brd_thread thread = {0};
        sender s = {.e = &e, .bytes = bytes};
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, send_all, &s), 0);
        receive_all(&e, bytes);
        brd_os_thread_join(&thread);
        CU_ASSERT_EQUAL(s.failed, 0);
        part(&e);
        brood_listener_destroy(l);
    }
    free(bytes);
}

static void carries_values_but_no_handles(void)
{
    static const char *const addresses[] = {NULL, "tcp:"};
    for (size_t a = 0; a < 2; a++) {
        brood_listener *l = listen_at(addresses[a]);
        ends e = meet_at(l, brood_listener_address(l));
        brood_message message = BROOD_MESSAGE_INIT;
        brood_pipe *one = NULL, *other = NULL;
        int32_t number = 0;
        const char *text = "";
        ASSERT_OK(brood_pack(&message, "is", 7, "seven"));
        ASSERT_OK(brood_pipe_send(e.client, &message, LONG));
        brood_message_clear(&message);
        ASSERT_OK(brood_pipe_recv(e.server, &message, LONG));
        ASSERT_OK(brood_unpack(&message, "is", &number, &text));
        CU_ASSERT_EQUAL(number, 7);
        CU_ASSERT_STRING_EQUAL(text, "seven");
        brood_message_clear(&message);
        ASSERT_OK(brood_pipe_create(&one, &other, NULL));
        ASSERT_OK(brood_pack(&message, "p", other));
        CU_ASSERT_EQUAL(brood_pipe_send(e.client, &message, LONG), BROOD_ENOTSUP);
        brood_message_clear(&message);
        brood_pipe_destroy(one);
        brood_pipe_destroy(other);
        CU_ASSERT(carries(e.client, e.server, "and goes on"));
        part(&e);
        brood_listener_destroy(l);
    }
}

/* -------------------------------------------------------------------------- waiting */

static bool is_signalled(brood_listener *l, int64_t timeout)
{
    intptr_t handle = brood_listener_handle(l);
    brood_waitable thing = {.handle = &handle};
    return brood_wait_many(&thing, 1, timeout) == BROOD_OK && thing.ready;
}

static void its_handle_tells_of_clients(void)
{
    brood_listener *l = listen_at(NULL);
    brood_pipe *clients[2] = {NULL}, *server = NULL;
    CU_ASSERT_FALSE(is_signalled(l, 0));
    for (int i = 0; i < 2; i++)
        ASSERT_OK(
            brood_client_connect(&clients[i], brood_listener_address(l), BROOD_CLIENT(KEY), LONG));
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(is_signalled(l, LONG));
        ASSERT_OK(brood_listener_accept(l, &server, 0));
        brood_pipe_destroy(server);
        brood_pipe_destroy(clients[i]);
    }
    CU_ASSERT_EQUAL(brood_listener_accept(l, &server, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_FALSE(is_signalled(l, 0));
    CU_ASSERT_EQUAL(brood_listener_accept(l, &server, 20), BROOD_ETIMEDOUT);
    brood_listener_destroy(l);
}

/** Threads that accept one each. */
typedef struct taker {
    brood_listener *listener;
    int status;
} taker;

static void take_one(void *baton)
{
    taker *t = baton;
    brood_pipe *pipe = NULL;
    t->status = brood_listener_accept(t->listener, &pipe, LONG);
    brood_pipe_destroy(pipe);
}

static void threads_accept_side_by_side(void)
{
    brood_listener *l = listen_at(NULL);
    brd_thread threads[4] = {0};
    taker takers[4];
    brood_pipe *clients[4] = {NULL};
    for (int i = 0; i < 4; i++) {
        takers[i] = (taker){.listener = l, .status = -1};
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], take_one, &takers[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        ASSERT_OK(
            brood_client_connect(&clients[i], brood_listener_address(l), BROOD_CLIENT(KEY), LONG));
    for (int i = 0; i < 4; i++) {
        brd_os_thread_join(&threads[i]);
        ASSERT_OK(takers[i].status);
        brood_pipe_destroy(clients[i]);
    }
    brood_listener_destroy(l);
}

static void pipes_outlive_the_listener(void)
{
    brood_listener *l = listen_at("tcp:");
    ends e = meet_at(l, brood_listener_address(l));
    brood_listener_destroy(l);
    CU_ASSERT(carries(e.client, e.server, "still"));
    CU_ASSERT(carries(e.server, e.client, "here"));
    part(&e);
}

static const test_case cases[] = {
    TEST_CASE(every_kind_of_address_works),
    TEST_CASE(a_word_is_its_address),
    TEST_CASE(fresh_names_differ),
    TEST_CASE(a_port_is_taken_once),
    TEST_CASE(tcp_without_a_host_is_here_only),
    TEST_CASE(tcp_everywhere_is_reached_by_any_address),
    TEST_CASE(tcp_has_six_too),
    TEST_CASE(nobody_is_there),
    TEST_CASE(refuses_nonsense),
    TEST_CASE(keys_are_random),
    TEST_CASE(a_local_name_needs_no_key),
    TEST_CASE(both_sides_must_mean_the_same_endpoint),
    TEST_CASE(limits_are_of_who_receives),
    TEST_CASE(carries_messages_of_any_length),
    TEST_CASE(carries_values_but_no_handles),
    TEST_CASE(its_handle_tells_of_clients),
    TEST_CASE(threads_accept_side_by_side),
    TEST_CASE(pipes_outlive_the_listener),
    {0},
};

/** What sockets and the thread pool of Windows make on first use. */
static void warm_up(void)
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

int main(int argc, char **argv)
{
    test_warm_up = warm_up;
    return test_main(argc, argv, "listener", cases);
}
