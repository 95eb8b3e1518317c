/**
 * The acceptor: one thread that takes in whoever comes to a name, and holds a handshake
 * with each. Only who has passed it is ever seen by a listener.
 *
 * A peer can be silent, slow, wrong or hostile; it has a place of fixed size among 64, and
 * ten seconds. Of one TCP address at most 8 talk at a time and others that want to wait for
 * them; of those that say nothing, all but the youngest 8 go, after a moment in which an
 * honest one would have spoken. When all places are taken the oldest goes: one that has not
 * said hello at once, one that has only after a second, so that a crowd of honest ones
 * passes in turn. While nobody can go, nobody is taken in: who comes waits in the system's
 * queue.
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
    bool per_source;       /* peers are counted by their address: TCP */
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
