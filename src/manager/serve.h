/**
 * How a manager's process serves one connection.
 */
#ifndef BRD_MANAGER_SERVE_H
#define BRD_MANAGER_SERVE_H

#include "manager/line.h"
#include "manager/store.h"

typedef struct brd_server {
    brd_store store;
    brd_watcher *watcher;
    uint64_t limit; /* bytes of a request */
    _Atomic unsigned connections;
} brd_server;

int brd_server_open(brd_server *server, const unsigned char id[BRD_SERVER_ID_SIZE], uint64_t limit);

unsigned brd_server_connections(brd_server *server);

/** Starts the thread of a connection, whose pipe is taken over on success. `full`: to refuse it. */
int brd_server_begin(brd_server *server, brood_pipe *pipe, bool full);

#endif
