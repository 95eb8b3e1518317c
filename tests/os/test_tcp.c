/*
 * Channels over TCP, and listening sockets as names, as os.h promises them. Run on every
 * system from this one source. The one thing to know: the door makes no TCP sockets, so
 * APR does, and knows nothing of them any more once they are adopted.
 */
#include "callers.h"

#include <apr_general.h>
#include <apr_network_io.h>
#include <apr_portable.h>

enum { STREAM = 2 << 20 };

/** A TCP listener, and what reaches it. */
typedef struct tcp {
    apr_pool_t *pool;
    apr_sockaddr_t *address;
    brd_name *n;
} tcp;

/** The system's socket, which APR then knows nothing of any more. */
static brd_handle let_go(apr_socket_t *socket)
{
    apr_os_sock_t os;
    apr_os_sock_t none = (apr_os_sock_t)-1;
    CU_ASSERT_EQUAL_FATAL(apr_os_sock_get(&os, socket), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_os_sock_put(&socket, &none, apr_socket_pool_get(socket)),
                          APR_SUCCESS);
    return (brd_handle){(intptr_t)os};
}

static apr_socket_t *tcp_socket(tcp *t, int family, int type, int protocol)
{
    apr_socket_t *s = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_socket_create(&s, family, type, protocol, t->pool), APR_SUCCESS);
    return s;
}

/** Listens at an address of this machine. False: it has none of this kind. */
static bool tcp_open(tcp *t, const char *address)
{
    apr_socket_t *s = NULL;
    *t = (tcp){0};
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&t->pool, NULL), APR_SUCCESS);
    if (apr_sockaddr_info_get(&t->address, address, APR_UNSPEC, 0, 0, t->pool) ||
        apr_socket_create(&s, t->address->family, SOCK_STREAM, APR_PROTO_TCP, t->pool) ||
        apr_socket_bind(s, t->address)) {
        apr_pool_destroy(t->pool);
        return false;
    }
    CU_ASSERT_EQUAL_FATAL(apr_socket_listen(s, 50), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_socket_addr_get(&t->address, APR_LOCAL, s), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_adopt(&t->n, let_go(s)), 0);
    return true;
}

static void tcp_close(tcp *t)
{
    brd_os_name_close(&t->n);
    apr_pool_destroy(t->pool);
}

static brd_chan *dial_tcp(const void *where)
{
    tcp *t = (tcp *)(uintptr_t)where;
    brd_chan *c = NULL;
    apr_socket_t *s = tcp_socket(t, t->address->family, SOCK_STREAM, APR_PROTO_TCP);
    CU_ASSERT_EQUAL_FATAL(apr_socket_connect(s, t->address), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_adopt(&c, let_go(s)), 0);
    return c;
}

static void tcp_pair(tcp *t, brd_chan **client, brd_chan **server, brd_peer *peer)
{
    CU_ASSERT_FATAL(tcp_open(t, "127.0.0.1"));
    *client = dial_tcp(t);
    *server = accept_from(t->n, peer);
}

static void takes_channels_from_tcp(void)
{
    static const uint8_t loopback[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    tcp t;
    brd_peer peer = {.pid = -1};
    brd_chan *client = NULL, *server = NULL;
    tcp_pair(&t, &client, &server, &peer);
    CU_ASSERT_EQUAL(peer.pid, 0);
    CU_ASSERT_EQUAL(memcmp(peer.source, loopback, sizeof loopback), 0);
    CU_ASSERT_EQUAL(memcmp(peer.here, loopback, sizeof loopback), 0);
    CU_ASSERT_EQUAL(peer.here[16] << 8 | peer.here[17], t.address->port);
    converse(client, server);
    uint64_t token = 0;
    CU_ASSERT_EQUAL(brd_os_chan_give(client, brd_os_chan_handle(server), &token), BROOD_ENOTSUP);
    part(&client, &server);
    client = dial_tcp(&t);
    server = accept_from(t.n, NULL);
    part(&server, &client);
    tcp_close(&t);
}

static void tells_sources_of_ipv6(void)
{
    static const uint8_t loopback[16] = {[15] = 1};
    tcp t;
    brd_peer peer = {0};
    if (!tcp_open(&t, "::1"))
        TEST_SKIP("this machine has no IPv6");
    brd_chan *client = dial_tcp(&t);
    brd_chan *server = accept_from(t.n, &peer);
    CU_ASSERT_EQUAL(memcmp(peer.source, loopback, sizeof loopback), 0);
    CU_ASSERT_EQUAL(memcmp(peer.here, loopback, sizeof loopback), 0);
    CU_ASSERT_EQUAL(peer.here[16] << 8 | peer.here[17], t.address->port);
    converse(client, server);
    part(&client, &server);
    tcp_close(&t);
}

static void reports_who_comes_by_tcp(void)
{
    tcp t;
    CU_ASSERT_FATAL(tcp_open(&t, "127.0.0.1"));
    check_name_events(t.n, dial_tcp, &t);
    tcp_close(&t);
}

static void reads_from_tcp_only_what_is_there(void)
{
    tcp t;
    brd_chan *client = NULL, *server = NULL;
    char got[4] = "";
    size_t size = 77;
    tcp_pair(&t, &client, &server, NULL);
    CU_ASSERT_EQUAL(brd_os_chan_read(server, got, sizeof got, &size), BROOD_EAGAIN);
    CU_ASSERT_EQUAL(size, 77);
    CU_ASSERT_EQUAL(brd_os_chan_read(server, got, 0, &size), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_chan_write(server, got, 0, &size), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_chan_wait(server, BRD_READ, brd_os_now() + BRD_MS), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(test_write_all(client, "ab", 2), 0);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(brd_os_chan_wait(server, BRD_READ, test_deadline(10000)), 0);
        CU_ASSERT_EQUAL(brd_os_chan_read(server, got, 1, &size), 0);
        CU_ASSERT(size == 1 && got[0] == "ab"[i]);
    }
    CU_ASSERT_EQUAL(brd_os_chan_read(server, got, sizeof got, &size), BROOD_EAGAIN);
    part(&client, &server);
    tcp_close(&t);
}

/** Writes until there is no room, and stays so for a moment: the system moves bytes on. */
static size_t fill(brd_chan *c)
{
    static char block[65536];
    size_t all = 0;
    do {
        size_t put = 0;
        while (brd_os_chan_write(c, block, sizeof block, &put) == 0)
            all += put;
    } while (brd_os_chan_wait(c, BRD_WRITE, brd_os_now() + 20 * BRD_MS) == 0);
    return all;
}

static void fills_tcp_up_and_empties_it(void)
{
    static char block[65536];
    tcp t;
    brd_chan *client = NULL, *server = NULL;
    brd_waiter *w = NULL;
    tcp_pair(&t, &client, &server, NULL);
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_open(&w), 0);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, client, BRD_WRITE, &client), 0);
    for (int turn = 0; turn < 2; turn++) {
        size_t left = fill(client);
        CU_ASSERT(left > 0);
        CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
        while (left > 0) {
            size_t part_of_it = left < sizeof block ? left : sizeof block;
            CU_ASSERT_EQUAL_FATAL(test_read_all(server, block, part_of_it), 0);
            left -= part_of_it;
        }
        brd_event event = next_event(w);
        CU_ASSERT(event.tag == &client && event.what == BRD_WRITE);
    }
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, client, 0, NULL), 0);
    part(&client, &server);
    brd_os_waiter_close(&w);
    tcp_close(&t);
}

static void reports_what_happens_over_tcp(void)
{
    tcp t;
    brd_chan *client = NULL, *server = NULL;
    brd_waiter *w = NULL;
    char byte = 0;
    size_t size = 0;
    tcp_pair(&t, &client, &server, NULL);
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_open(&w), 0);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, server, BRD_READ, &t), 0);
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    for (int turn = 0; turn < 2; turn++) {
        CU_ASSERT_EQUAL(test_write_all(client, "ab", 2), 0);
        for (int i = 0; i < 2; i++) {
            brd_event event = next_event(w);
            CU_ASSERT(event.tag == &t && event.what == BRD_READ);
            CU_ASSERT_EQUAL(test_read_all(server, &byte, 1), 0);
        }
        CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    }
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, server, BRD_READ | BRD_WRITE, &w), 0);
    CU_ASSERT_EQUAL(next_event(w).what, BRD_WRITE);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, server, BRD_READ, &w), 0);
    brd_os_chan_close(&client);
    CU_ASSERT(next_event(w).what & (BRD_READ | BRD_ENDED));
    CU_ASSERT_EQUAL(brd_os_chan_read(server, &byte, 1, &size), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, server, 0, NULL), 0);
    brd_os_waiter_close(&w);
    brd_os_chan_close(&server);
    tcp_close(&t);
}

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 2654435761U >> 13);
}

/** Sends the whole stream, in a thread of its own. */
static void send_stream(void *baton)
{
    static unsigned char bytes[STREAM];
    for (size_t i = 0; i < STREAM; i++)
        bytes[i] = byte_at(i);
    (void)test_write_all(baton, bytes, STREAM);
}

/** Sends back what comes, until no more does. */
static void echo(void *baton)
{
    static char block[50000];
    brd_chan *c = baton;
    int status = 0;
    while (status == 0) {
        size_t got = 0;
        status = brd_os_chan_read(c, block, sizeof block, &got);
        if (status == 0)
            status = test_write_all(c, block, got);
        else if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(c, BRD_READ, test_deadline(20000));
    }
}

static void streams_over_tcp_both_ways_at_once(void)
{
    static unsigned char back[STREAM];
    tcp t;
    brd_thread sender = {0}, other = {0};
    brd_chan *client = NULL, *server = NULL;
    size_t wrong = 0;
    tcp_pair(&t, &client, &server, NULL);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&other, echo, server), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&sender, send_stream, client), 0);
    CU_ASSERT_EQUAL(test_read_all(client, back, STREAM), 0);
    brd_os_thread_join(&sender);
    for (size_t i = 0; i < STREAM; i++)
        wrong += back[i] != byte_at(i);
    CU_ASSERT_EQUAL(wrong, 0);
    brd_os_chan_close(&client);
    brd_os_thread_join(&other);
    brd_os_chan_close(&server);
    tcp_close(&t);
}

static void adopts_only_tcp_that_listens(void)
{
    tcp t;
    brd_name *n = NULL;
    brd_chan *client = NULL, *server = NULL, *c = NULL;
    brd_handle theirs = BRD_NONE;
    apr_os_sock_t os;
    tcp_pair(&t, &client, &server, NULL);
    CU_ASSERT_EQUAL(brd_os_name_adopt(&n, BRD_NONE), BROOD_EINVAL);
    apr_socket_t *s = tcp_socket(&t, APR_INET, SOCK_STREAM, APR_PROTO_TCP);
    CU_ASSERT_EQUAL_FATAL(apr_os_sock_get(&os, s), APR_SUCCESS);
    CU_ASSERT_EQUAL(brd_os_name_adopt(&n, (brd_handle){(intptr_t)os}), BROOD_EINVAL);
    s = tcp_socket(&t, APR_INET, SOCK_DGRAM, APR_PROTO_UDP);
    CU_ASSERT_EQUAL_FATAL(apr_os_sock_get(&os, s), APR_SUCCESS);
    CU_ASSERT_EQUAL(brd_os_name_adopt(&n, (brd_handle){(intptr_t)os}), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_chan_adopt(&c, (brd_handle){(intptr_t)os}), BROOD_EINVAL);
    brd_chan *mine = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
    CU_ASSERT_EQUAL(brd_os_name_adopt(&n, theirs), BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(n);
    CU_ASSERT_PTR_NULL(c);
    brd_os_close(&theirs);
    brd_os_chan_close(&mine);
    brd_os_chan_close(&client);
    brd_os_chan_close(&server);
    tcp_close(&t);
}

// Not by one more that is protected, nor by one that asks to share it.
static void a_protected_address_is_taken_once(void)
{
    tcp t = {0};
    apr_os_sock_t os;
    apr_socket_t *sockets[3] = {NULL};
    CU_ASSERT_EQUAL(brd_os_name_protect(BRD_NONE), BROOD_EINVAL);
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&t.pool, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_sockaddr_info_get(&t.address, "127.0.0.1", APR_UNSPEC, 0, 0, t.pool),
                          APR_SUCCESS);
    for (int i = 0; i < 3; i++) {
        sockets[i] = tcp_socket(&t, APR_INET, SOCK_STREAM, APR_PROTO_TCP);
        CU_ASSERT_EQUAL_FATAL(apr_os_sock_get(&os, sockets[i]), APR_SUCCESS);
        if (i < 2)
            CU_ASSERT_EQUAL(brd_os_name_protect((brd_handle){(intptr_t)os}), 0);
    }
    CU_ASSERT_EQUAL(apr_socket_bind(sockets[0], t.address), APR_SUCCESS);
    CU_ASSERT_EQUAL(apr_socket_listen(sockets[0], 5), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(apr_socket_addr_get(&t.address, APR_LOCAL, sockets[0]), APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(apr_socket_bind(sockets[1], t.address), APR_SUCCESS);
    CU_ASSERT_EQUAL(apr_socket_opt_set(sockets[2], APR_SO_REUSEADDR, 1), APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(apr_socket_bind(sockets[2], t.address), APR_SUCCESS);
    apr_pool_destroy(t.pool);
}

/** What the system makes with the first socket that is bound, and keeps. */
static void warm_up(void)
{
    apr_pool_t *pool = NULL;
    apr_sockaddr_t *address = NULL;
    apr_socket_t *s = NULL;
    if (apr_initialize() || apr_pool_create(&pool, NULL))
        return;
    if (apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, 0, 0, pool) == 0 &&
        apr_socket_create(&s, APR_INET, SOCK_STREAM, APR_PROTO_TCP, pool) == 0)
        (void)apr_socket_bind(s, address);
    apr_pool_destroy(pool);
}

static const test_case cases[] = {
    TEST_CASE(takes_channels_from_tcp),
    TEST_CASE(tells_sources_of_ipv6),
    TEST_CASE(reports_who_comes_by_tcp),
    TEST_CASE(reads_from_tcp_only_what_is_there),
    TEST_CASE(fills_tcp_up_and_empties_it),
    TEST_CASE(reports_what_happens_over_tcp),
    TEST_CASE(streams_over_tcp_both_ways_at_once),
    TEST_CASE(adopts_only_tcp_that_listens),
    TEST_CASE(a_protected_address_is_taken_once),
    {0},
};

int main(int argc, char **argv)
{
    test_warm_up = warm_up;
    return test_main(argc, argv, "tcp", cases);
}
