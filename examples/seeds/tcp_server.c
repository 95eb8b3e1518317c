/*
 * 002_5836eab47717bb0a.txt: a server that answers in capitals; the workers of its pool
 * serve the connections that it accepts. The seed's client is here too: six processes that
 * check what they get. Sockets are APR's.
 * Python: Pool.apply_async with a connection as argument; Process.
 */
#include <apr_general.h>
#include <apr_network_io.h>
#include <apr_portable.h>

#include "work.h" // behind APR, which on Windows wants to be the first to include sockets
#include <ctype.h>
#include <string.h>

enum { CLIENTS = 6, MESSAGES = 3 };

/* In every process that uses sockets. */
static apr_pool_t *memory_open(void)
{
    apr_pool_t *memory = NULL;
    check(apr_initialize());
    check(apr_pool_create(&memory, NULL));
    return memory;
}

static int talk(brood_message *args, brood_message *result)
{
    intptr_t handle;
    char msg[1024];
    apr_socket_t *conn = NULL;
    apr_size_t size = sizeof msg;
    TRY(brood_unpack(args, "h", &handle)); // it is ours now, to be closed
    apr_pool_t *memory = memory_open();
    apr_os_sock_t os = (apr_os_sock_t)handle;
    check(apr_os_sock_put(&conn, &os, memory));
    while (apr_socket_recv(conn, msg, &size) == APR_SUCCESS && size > 0) {
        for (apr_size_t i = 0; i < size; i++)
            msg[i] = (char)toupper((unsigned char)msg[i]);
        check(apr_socket_send(conn, msg, &size));
        size = sizeof msg;
    }
    apr_socket_close(conn);
    apr_pool_destroy(memory);
    apr_terminate();
    return brood_pack(result, "x", brood_pid());
}

static int client(brood_message *args, brood_message *result)
{
    uint16_t port;
    int number;
    apr_sockaddr_t *address;
    apr_socket_t *conn;
    TRY(brood_unpack(args, "qi", &port, &number));
    (void)result;
    apr_pool_t *memory = memory_open();
    check(apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, port, 0, memory));
    check(apr_socket_create(&conn, APR_INET, SOCK_STREAM, APR_PROTO_TCP, memory));
    check(apr_socket_connect(conn, address));
    for (int i = 0; i < MESSAGES; i++) {
        char msg[64] = "";
        const char *text = text_of("client %d says hello %d", number, i);
        apr_size_t size = strlen(text);
        check(apr_socket_send(conn, text, &size));
        size = sizeof msg - 1;
        check(apr_socket_recv(conn, msg, &size));
        print("%s", msg);
    }
    apr_socket_close(conn);
    apr_pool_destroy(memory);
    apr_terminate();
    return 0;
}

static apr_socket_t *listen_at(uint16_t *port, apr_pool_t *memory)
{
    apr_socket_t *server;
    apr_sockaddr_t *address;
    check(apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, 0, 0, memory));
    check(apr_socket_create(&server, APR_INET, SOCK_STREAM, APR_PROTO_TCP, memory));
    check(apr_socket_bind(server, address));
    check(apr_socket_listen(server, 5));
    check(apr_socket_addr_get(&address, APR_LOCAL, server));
    *port = address->port;
    return server;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    uint16_t port;
    brood_pool *p;
    brood_process *clients[CLIENTS];
    apr_pool_t *memory = memory_open();
    apr_socket_t *server = listen_at(&port, memory);
    check(brood_pool_create(&p, BROOD_POOL(.processes = 4)));
    for (int i = 0; i < CLIENTS; i++)
        check(brood_process_call(&clients[i], client, "qi", port, i));
    for (int i = 0; i < CLIENTS; i++) {
        apr_socket_t *conn;
        apr_os_sock_t os;
        check(apr_socket_accept(&conn, server, memory));
        check(apr_os_sock_get(&os, conn));
        check(brood_pool_call(p, talk, NULL, "h", (intptr_t)os));
        check(apr_socket_close(conn)); // the worker has one of its own
    }
    for (int i = 0; i < CLIENTS; i++) {
        check(brood_process_join(clients[i], BROOD_FOREVER));
        if (brood_process_exit(clients[i]).python != 0)
            return 1;
        brood_process_destroy(clients[i]);
    }
    check(brood_pool_close(p));
    check(brood_pool_join(p, BROOD_FOREVER));
    brood_pool_destroy(p);
    apr_socket_close(server);
    apr_pool_destroy(memory);
    apr_terminate();
    print("%d clients served", CLIENTS);
}
