/**
 * The seal of a connection that others can reach into: each frame carries a tag over
 * its place in the stream and all its bytes, so that one that was changed, repeated,
 * left out or taken from elsewhere ends the connection.
 *
 * It keeps integrity, not secrecy. One thread at a time for each direction.
 */
#ifndef BRD_SEAL_H
#define BRD_SEAL_H

#include "os.h"

enum { BRD_SEAL_SIZE = 16 };

/** One direction: its key and how many frames have passed. */
typedef struct brd_seal_way {
    uint8_t key[BRD_TAG_SIZE];
    uint64_t count;
} brd_seal_way;

typedef struct brd_seal {
    brd_seal_way out;
    brd_seal_way in;
} brd_seal;

/** The tag of the next frame in this direction, which consists of a head and a body. */
int brd_seal_tag(const brd_seal_way *way, brd_span head, brd_span body, uint8_t tag[BRD_SEAL_SIZE]);

/** It has passed: the tag after it is another one. */
void brd_seal_pass(brd_seal_way *way);

/** Whether the tag is that of the next frame, which has passed then. Fails with: BROOD_EPROTOCOL.
 */
int brd_seal_check(brd_seal_way *way, brd_span head, brd_span body,
                   const uint8_t tag[BRD_SEAL_SIZE]);

void brd_seal_clear(brd_seal *seal);

#endif
