/**
 * The process of a manager: it listens, and has a thread for each connection.
 *
 * The main thread accepts, and ends it all when the pipe to its parent says so or breaks. What
 * clients are served with is in serve.c.
 */
#include "manager/server.h"
#include "base/clock.h"
#include "manager/serve.h"
#include "manager/type.h"
#include <brood/listener.h>
#include <stdlib.h>
#include <string.h>

enum { AT_THE_DOOR = 32 /* connections beyond the limit, to be told so */ };

typedef struct options {
    const unsigned char *id, *key;
    size_t id_size, key_size;
    const char *address;
    uint64_t limit;
    uint32_t clients;
    brood_pipe *parent;
} options;

/** Ends of the two places where it listens: the local one, and the user's. */
typedef struct doors {
    brood_listener *own, *users;
} doors;

static int read_options(brood_message *args, options *o)
{
    int status =
        brood_unpack(args, "ayaystup", (const void **)&o->id, &o->id_size, (const void **)&o->key,
                     &o->key_size, &o->address, &o->limit, &o->clients, &o->parent);
    return status || o->id_size == BRD_SERVER_ID_SIZE ? status : BROOD_EPROTOCOL;
}

static int open_doors(doors *d, const options *o)
{
    char own[BRD_SERVER_ADDRESS_SIZE];
    brd_server_address(o->id, own);
    int status = brood_listener_create(&d->own, own, BROOD_LISTENER(.limit = o->limit));
    if (!status && *o->address)
        status = brood_listener_create(&d->users, o->address,
                                       BROOD_LISTENER(.key = o->key_size ? o->key : NULL,
                                                      .key_size = o->key_size, .limit = o->limit));
    return status;
}

static int say_open(const options *o, const doors *d, int status)
{
    brood_message hello = BROOD_MESSAGE_INIT;
    const char *address = status ? "" : brood_listener_address(d->users ? d->users : d->own);
    int sent = brood_pack(&hello, "is", status, address);
    if (!sent)
        sent = brood_pipe_send(o->parent, &hello, BROOD_FOREVER);
    brood_message_clear(&hello);
    return status ? status : sent;
}

// Everybody who is at this door now.
static void let_in(brd_server *server, brood_listener *door, uint32_t most)
{
    brood_pipe *pipe;
    while (brood_listener_accept(door, &pipe, 0) == BROOD_OK) {
        unsigned connections = brd_server_connections(server);
        if (connections >= most + AT_THE_DOOR ||
            brd_server_begin(server, pipe, connections >= most) != BROOD_OK)
            brood_pipe_destroy(pipe);
    }
}

// Until the parent says something, or is gone.
static int accept_until_told(brd_server *server, const options *o, const doors *d)
{
    intptr_t own = brood_listener_handle(d->own);
    intptr_t users = d->users ? brood_listener_handle(d->users) : -1;
    brood_waitable things[] = {{.pipe = o->parent}, {.handle = &own}, {.handle = &users}};
    size_t count = d->users ? 3 : 2;
    for (;;) {
        brd_time next = brd_tickets_expire(&server->store, brd_os_now());
        int status = brood_wait_many(things, count, brd_milliseconds_until(next));
        if (status && status != BROOD_ETIMEDOUT)
            return status;
        if (!status && things[0].ready)
            return BROOD_OK;
        let_in(server, d->own, o->clients);
        if (d->users)
            let_in(server, d->users, o->clients);
    }
}

static void end_objects(brd_server *server)
{
    uint64_t at = 0;
    for (brd_managed *m; (m = brd_store_next(&server->store, brd_is_users, &at)) != NULL;)
        brd_user_end(m);
}

// What is left goes with the process: threads, connections, memory.
int brd_manager_serve(brood_message *args, brood_message *result)
{
    static brd_server server;
    options o = {.parent = NULL};
    doors d = {NULL, NULL};
    (void)result;
    int status = read_options(args, &o);
    if (status)
        return status;
    status = brd_server_open(&server, o.id, o.limit);
    if (!status)
        status = open_doors(&d, &o);
    status = say_open(&o, &d, status);
    if (!status)
        status = accept_until_told(&server, &o, &d);
    brood_listener_destroy(d.own);
    brood_listener_destroy(d.users);
    if (server.watcher)
        brd_watcher_stop(server.watcher);
    end_objects(&server);
    return status;
}
