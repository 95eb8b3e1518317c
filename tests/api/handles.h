/**
 * Files and sockets for the tests that send handles, by way of APR on every system.
 *
 * The one thing to know: each test and each function of a child has an APR of its own
 * for as long as it runs, so nothing is left when handles are counted.
 */
#ifndef BRD_TESTS_HANDLES_H
#define BRD_TESTS_HANDLES_H

#include "api/pools.h"

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_network_io.h>
#include <apr_portable.h>

/* ------------------------------------------------------- APR, in every process */

static inline apr_pool_t *memory_open(void)
{
    apr_pool_t *memory = NULL;
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&memory, NULL) != APR_SUCCESS)
        abort();
    return memory;
}

static inline void memory_close(apr_pool_t *memory)
{
    apr_pool_destroy(memory);
    apr_terminate();
}

/** A file that is there only as long as it is open, with these contents. */
static inline apr_file_t *file_with(apr_pool_t *memory, const char *contents)
{
    apr_file_t *file = NULL;
    char name[1100];
    const char *directory = NULL;
    size_t size = strlen(contents);
    if (apr_temp_dir_get(&directory, memory) != APR_SUCCESS)
        abort();
    (void)snprintf(name, sizeof name, "%s/brood-handles-XXXXXX", directory);
    if (apr_file_mktemp(&file, name, 0, memory) != APR_SUCCESS ||
        apr_file_write_full(file, contents, size, NULL) != APR_SUCCESS)
        abort();
    return file;
}

static inline intptr_t handle_of_file(apr_file_t *file)
{
    apr_os_file_t os;
    (void)apr_os_file_get(&os, file);
    return (intptr_t)os;
}

static inline intptr_t handle_of_socket(apr_socket_t *socket)
{
    apr_os_sock_t os;
    (void)apr_os_sock_get(&os, socket);
    return (intptr_t)os;
}

/** The file behind a handle; the handle is closed with it. */
static inline apr_file_t *file_of(intptr_t handle, apr_pool_t *memory)
{
    apr_os_file_t os = (apr_os_file_t)handle;
    apr_file_t *file = NULL;
    return apr_os_file_put(&file, &os, APR_FOPEN_READ | APR_FOPEN_WRITE, memory) == APR_SUCCESS
               ? file
               : NULL;
}

static inline bool read_all(intptr_t handle, char *text, size_t cap)
{
    apr_pool_t *memory = memory_open();
    apr_file_t *file = file_of(handle, memory);
    apr_off_t start = 0;
    apr_size_t size = 0;
    bool done = file && apr_file_seek(file, APR_SET, &start) == APR_SUCCESS;
    if (done)
        (void)apr_file_read_full(file, text, cap - 1, &size);
    text[size] = 0;
    if (file)
        apr_file_close(file);
    memory_close(memory);
    return done;
}

/* ------------------------------------------------------------------ sockets */

/** A connection: a client's end, and the one that a server accepted. */
typedef struct connection {
    apr_socket_t *client, *server;
} connection;

// Also before there is a test.
static inline void must(apr_status_t status)
{
    if (status != APR_SUCCESS)
        abort();
}

static inline apr_socket_t *socket_of(intptr_t handle, apr_pool_t *memory)
{
    apr_os_sock_t os = (apr_os_sock_t)handle;
    apr_socket_t *made = NULL;
    return apr_os_sock_put(&made, &os, memory) == APR_SUCCESS ? made : NULL;
}

static inline apr_socket_t *listen_here(apr_pool_t *memory, uint16_t *port)
{
    apr_socket_t *listening = NULL;
    apr_sockaddr_t *address = NULL;
    must(apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, 0, 0, memory));
    must(apr_socket_create(&listening, APR_INET, SOCK_STREAM, APR_PROTO_TCP, memory));
    must(apr_socket_bind(listening, address));
    must(apr_socket_listen(listening, 8));
    must(apr_socket_addr_get(&address, APR_LOCAL, listening));
    *port = (uint16_t)address->port;
    return listening;
}

static inline apr_socket_t *connect_to(uint16_t port, apr_pool_t *memory)
{
    apr_socket_t *made = NULL;
    apr_sockaddr_t *address = NULL;
    must(apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, port, 0, memory));
    must(apr_socket_create(&made, APR_INET, SOCK_STREAM, APR_PROTO_TCP, memory));
    must(apr_socket_connect(made, address));
    return made;
}

static inline connection connect_to_self(apr_pool_t *memory)
{
    connection c = {NULL, NULL};
    uint16_t port = 0;
    apr_socket_t *listening = listen_here(memory, &port);
    c.client = connect_to(port, memory);
    must(apr_socket_accept(&c.server, listening, memory));
    must(apr_socket_close(listening));
    must(apr_socket_timeout_set(c.client, apr_time_from_sec(20)));
    return c;
}

/** A system's library of sockets keeps a handle or two from its first use on. */
static inline void handles_warm_up(void)
{
    pools_warm_up();
    apr_pool_t *memory = memory_open();
    connection c = connect_to_self(memory);
    apr_socket_close(c.server);
    apr_socket_close(c.client);
    memory_close(memory);
}

#endif
