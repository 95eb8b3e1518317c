/**
 * What listener and client have in common: the key, the local name behind an address, and
 * the pipe that a connection becomes.
 */
#ifndef BRD_CONNECTION_H
#define BRD_CONNECTION_H

#include "ipc/address.h"
#include "ipc/seal.h"
#include <brood/pipe.h>

/** Fails with: BROOD_EINVAL (a key of a length that makes no sense; none, for TCP). */
int brd_connection_check_key(const void *key, size_t size, const brd_address *address);

/** The local name that an address means. Fails with: BROOD_EINVAL. */
int brd_connection_name(const brd_address *address, char name[BRD_LOCAL_SIZE]);

/**
 * The pipe of a connection that has passed the handshake; limit 0 is the default, seal may
 * be NULL. The channel is taken over on success.
 */
int brd_connection_pipe(brood_pipe **out, brd_chan *chan, const brd_seal *seal, uint64_t limit);

#endif
