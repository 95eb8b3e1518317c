/**
 * A process's side of one server: its session, and a connection for each thread that calls.
 */
#ifndef BRD_MANAGER_CLIENT_H
#define BRD_MANAGER_CLIENT_H

#include "manager/protocol.h"
#include "os.h"
#include <brood/manager.h>

typedef struct brd_client brd_client;

/** Where a server is, and what it takes to get in. */
typedef struct brd_server_place {
    const char *address;
    const void *key; /* NULL: none */
    size_t key_size;
    const unsigned char *id; /* who is to be there; NULL: whoever it is */
} brd_server_place;

/**
 * The client of this server with one reference more, connected if it is not yet; *out is to be
 * let go with brd_client_release. Fails with: BROOD_ECLOSED, BROOD_EAUTH, BROOD_EBUSY,
 * BROOD_ETIMEDOUT, BROOD_EPROTOCOL.
 */
int brd_client_open(brd_client **out, const brd_server_place *place, brd_time until);

/** The same of the server of this id, which is on this machine or known by now. */
int brd_client_of(brd_client **out, const unsigned char id[BRD_SERVER_ID_SIZE]);

void brd_client_keep(brd_client *client);
/**
 * With the last reference it disconnects; in a child, which may have another task, with its
 * end, or when it has been at other servers since. Accepts NULL.
 */
void brd_client_release(brd_client *client);

const unsigned char *brd_client_server(const brd_client *client);
int64_t brd_client_pid(const brd_client *client);

/**
 * One request and its answer, waiting for it `until`: behind the head of an answer of
 * BROOD_OK; *code of one that a user's method has refused. The status is the answer's own, too.
 * Fails with: BROOD_ECLOSED (the server is gone), BROOD_EDEADLINE (no answer), BROOD_EINVAL (it
 * is longer than the server takes).
 */
int brd_client_ask(brd_client *client, const brd_request *request, const brood_message *args,
                   brood_message *answer, brd_time until, int *code);

/** How long an answer may take for which the server waits for nothing. */
brd_time brd_client_patience(void);

/** What an RLock belongs to: the number of the calling thread. */
uint64_t brd_client_thread(void);

#endif
