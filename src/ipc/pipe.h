/**
 * Pipes, as the floors see them: ends that are made of a channel, or come in a message.
 *
 * On the wire a message is a head of 16 bytes (magic, how many handles, size), the
 * tokens of its handles, its bytes, and in a sealed pipe a tag of 16 bytes. The head is read alone
 * and then exactly what it announces, so that nothing of the next message is ever here when an end
 * is passed on.
 */
#ifndef BRD_PIPE_H
#define BRD_PIPE_H

#include "ipc/cargo.h"
#include "ipc/seal.h"
#include <brood/pipe.h>

/** What the other end may do. */
typedef struct brd_pipe_terms {
    uint64_t limit;  /* bytes of a message; 0: no limit */
    bool no_handles; /* none can come or go */
    bool no_send, no_recv;
    const brd_seal *seal; /* every message ends with a tag; copied; NULL: none does */
} brd_pipe_terms;

/** An end of this channel, which is taken over on success. */
int brd_pipe_of(brood_pipe **out, brd_chan *chan, const brd_pipe_terms *terms);

enum { BRD_PIPE_SIZE = 16 }; /* bytes that describe an end, without its handle */

/**
 * What another process needs to have this end too: the handle (borrowed) and the bytes.
 * Fails with: BROOD_EBUSY (a message has come in part), BROOD_ENOTSUP.
 */
int brd_pipe_describe(brood_pipe *pipe, brd_handle *handle, unsigned char bytes[BRD_PIPE_SIZE]);

/** An end that is described so, and has no handle yet. */
int brd_pipe_empty(brood_pipe **out, const unsigned char bytes[BRD_PIPE_SIZE]);

/** Here it is; taken over. */
void brd_pipe_fill(brood_pipe *pipe, brd_handle *handle);

/**
 * The channel, to be waited for; *ready: there is something to receive here already. Until
 * brd_pipe_let_go nobody else receives here; `holder` may ask for the same end twice.
 * Fails with: BROOD_EINVAL (it only sends), BROOD_EBUSY.
 */
int brd_pipe_hold(brood_pipe *pipe, const void *holder, brd_chan **chan, bool *ready);

/** Fine for an end that this holder does not hold. */
void brd_pipe_let_go(brood_pipe *pipe, const void *holder);

#endif
