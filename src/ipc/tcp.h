/**
 * TCP for listeners and clients: sockets are APR's until they are ready, then the door's.
 */
#ifndef BRD_TCP_H
#define BRD_TCP_H

#include "ipc/address.h"

/**
 * Listens. *out is new; *bound is where, in numbers.
 * Fails with: BROOD_EBUSY (somebody listens there), the system's error.
 */
int brd_tcp_listen(brd_name **out, const brd_address *at, uint32_t backlog, brd_address *bound);

/**
 * Connects. *out is new; there is whom it reached, as the
 * listener finds it in brd_peer.here. Looking up a host's name takes as long as the system wants.
 * Fails with: BROOD_ECLOSED (nobody listens there), BROOD_ETIMEDOUT, the system's error.
 */
int brd_tcp_connect(brd_chan **out, const brd_address *to, brd_time until, uint8_t there[18]);

#endif
