/**
 * The handshake between a listener and a client, before any other byte is looked at.
 * It does no I/O: whoever has the channel moves the bytes, the client until it is done
 * in one go, the listener piece by piece for many peers at a time.
 *
 *     client  magic, version, 'C', nonce of the client           40 bytes
 *     server  magic, version, 'S', nonce of the server, tag S    72 bytes
 *     client  tag C                                              32 bytes
 *     server  tag W: welcome                                     32 bytes
 *
 * tag X is HMAC-SHA-256(key, label || X || endpoint || both nonces): X keeps a tag from
 * being sent back to whoever made it, the nonces from being sent again, the endpoint
 * (what both sides know the listener by) from being handed on to another listener.
 * The welcome is there so that a client knows whether it is in: a listener may hang up on
 * one that was too slow while its proof is still on the way.
 * Without a key the key is nothing and the label another: the kernel vouches then, and
 * the tags only say that both sides mean the same.
 */
#ifndef BRD_HANDSHAKE_H
#define BRD_HANDSHAKE_H

#include "ipc/seal.h"
#include "os.h"

enum {
    BRD_NONCE_SIZE = 32,
    BRD_HELLO_SIZE = 8 + BRD_NONCE_SIZE,
    BRD_ANSWER_SIZE = BRD_HELLO_SIZE + BRD_TAG_SIZE,
    BRD_PROOF_SIZE = BRD_TAG_SIZE,
    BRD_WELCOME_SIZE = BRD_TAG_SIZE
};

typedef enum brd_side { BRD_CLIENT, BRD_SERVER } brd_side;

typedef enum brd_shaking {
    BRD_SHAKING_HELLO,   /* the client's first words are under way */
    BRD_SHAKING_ANSWER,  /* the server's */
    BRD_SHAKING_PROOF,   /* the client's last ones */
    BRD_SHAKING_WELCOME, /* the server's */
    BRD_SHAKING_DONE,
    BRD_SHAKING_FAILED
} brd_shaking;

/** What both sides must agree on. Borrowed as long as the handshake lasts. */
typedef struct brd_secret {
    brd_span key; /* size 0: none */
    brd_span endpoint;
} brd_secret;

typedef struct brd_handshake {
    brd_side side;
    brd_shaking state;
    brd_secret secret;
    uint8_t client_nonce[BRD_NONCE_SIZE];
    uint8_t server_nonce[BRD_NONCE_SIZE];
    unsigned char buffer[BRD_ANSWER_SIZE]; /* the one message that is under way */
    size_t at, size;                       /* of it */
} brd_handshake;

/** Begins. The nonce is fresh random bytes. */
void brd_handshake_begin(brd_handshake *h, brd_side side, const brd_secret *secret,
                         const uint8_t nonce[BRD_NONCE_SIZE]);

/**
 * Where the peer's next bytes are to go, and how many there may be at most: never more
 * than belong to the handshake. 0: it is not the peer's turn.
 */
size_t brd_handshake_room(brd_handshake *h, unsigned char **room);

/**
 * So many bytes came there.
 * Fails with: BROOD_EPROTOCOL (no handshake of this version), BROOD_EAUTH (another key or
 * endpoint); nothing more is to be said to the peer then.
 */
int brd_handshake_took(brd_handshake *h, size_t size);

/** The bytes that the peer is to get next. 0: it is not our turn. */
size_t brd_handshake_words(const brd_handshake *h, const unsigned char **bytes);

/** So many of them are sent. */
void brd_handshake_sent(brd_handshake *h, size_t size);

/** The keys for what follows, each direction its own. Only if it is done. */
int brd_handshake_seal(const brd_handshake *h, brd_seal *seal);

/** Forgets it all. */
void brd_handshake_end(brd_handshake *h);

#endif
