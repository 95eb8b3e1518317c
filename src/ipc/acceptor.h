/**
 * The acceptor: one thread that takes in whoever comes to a name, and holds a handshake
 * with each. Only who has passed it is ever seen by a listener.
 *
 * A peer can be silent, slow, wrong or hostile; it has a place of fixed size among 64, and
 * ten seconds. When all places are taken one of them is emptied for whoever comes next: of
 * the source with most peers, that peer goes which has kept us waiting longest, but none
 * before it had a moment in which an honest one would have spoken. That moment is short for
 * one of a crowd, and long enough for the longest ways for one of few. Until then who comes
 * waits in the system's queue. An honest client that was too slow comes again by itself.
 */
#ifndef BRD_ACCEPTOR_H
#define BRD_ACCEPTOR_H

#include "ipc/address.h"
#include "ipc/handshake.h"

typedef struct brd_acceptor brd_acceptor;

/** Whom it takes in. */
typedef struct brd_acceptor_terms {
    brd_span key;          /* size 0: none; borrowed as long as the acceptor lives */
    brd_endpoint endpoint; /* size 0: the TCP address that each peer reached */
    uint32_t backlog;      /* how many may have passed and not been taken */
    int64_t patience;      /* milliseconds for a whole handshake; 0: ten seconds */
} brd_acceptor_terms;

/** Who has passed. */
typedef struct brd_accepted {
    brd_chan *chan;
    brd_seal seal;
} brd_accepted;

/** Starts the thread. The name is taken over on success. */
int brd_acceptor_open(brd_acceptor **out, brd_name *name, const brd_acceptor_terms *terms);

/** The next one who has passed. Any thread. *out is new. Fails with: BROOD_ETIMEDOUT. */
int brd_acceptor_take(brd_acceptor *a, brd_accepted *out, brd_time until);

/** What is signalled when brd_acceptor_take may have one. Borrowed. */
brd_handle brd_acceptor_handle(brd_acceptor *a);

/** Ends the thread, and all who have not been taken. */
void brd_acceptor_close(brd_acceptor **a);

#endif
