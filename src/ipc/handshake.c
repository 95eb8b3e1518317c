/**
 * The handshake's steps. A message is complete before anything in it is believed, and
 * the first thing that is wrong ends it without a word: a peer learns nothing but that.
 */
#include "ipc/handshake.h"
#include "base/bytes.h"
#include <string.h>

enum { MAGIC_SIZE = 6, VERSION = 1 };

static const unsigned char magic[MAGIC_SIZE] = {'b', 'r', 'o', 'o', 'd', '\n'};

// All labels have one length, and what follows them is no longer ambiguous either.
enum { LABEL_SIZE = 16 };
static const char keyed_label[LABEL_SIZE] = "brood v1 tag";
static const char open_label[LABEL_SIZE] = "brood v1 open";
static const char seal_label[LABEL_SIZE] = "brood v1 seal";

static const size_t sizes[] = {[BRD_SHAKING_HELLO] = BRD_HELLO_SIZE,
                               [BRD_SHAKING_ANSWER] = BRD_ANSWER_SIZE,
                               [BRD_SHAKING_PROOF] = BRD_PROOF_SIZE,
                               [BRD_SHAKING_WELCOME] = BRD_WELCOME_SIZE};

// Whose tags they are: the server makes two.
enum { CLIENT_TAG = 'C', SERVER_TAG = 'S', WELCOME_TAG = 'W' };

static bool under_way(const brd_handshake *h)
{
    return h->state <= BRD_SHAKING_WELCOME;
}

// Who says the message that is under way.
static brd_side speaker(const brd_handshake *h)
{
    return h->state == BRD_SHAKING_ANSWER || h->state == BRD_SHAKING_WELCOME ? BRD_SERVER
                                                                             : BRD_CLIENT;
}

static char letter(brd_side side)
{
    return side == BRD_SERVER ? SERVER_TAG : CLIENT_TAG;
}

/* ----------------------------------------------------------------- what is said */

static int digest(const brd_handshake *h, const char label[LABEL_SIZE], char who,
                  uint8_t tag[BRD_TAG_SIZE])
{
    unsigned char length[8];
    brd_put64(length, h->secret.endpoint.size);
    const brd_span parts[] = {{label, LABEL_SIZE},
                              {&who, 1},
                              {length, sizeof length},
                              h->secret.endpoint,
                              {h->client_nonce, BRD_NONCE_SIZE},
                              {h->server_nonce, BRD_NONCE_SIZE}};
    return brd_os_hmac(h->secret.key, parts, sizeof parts / sizeof *parts, tag);
}

static int tag_of(const brd_handshake *h, char who, uint8_t tag[BRD_TAG_SIZE])
{
    return digest(h, h->secret.key.size ? keyed_label : open_label, who, tag);
}

static void write_head(unsigned char *at, brd_side side, const uint8_t nonce[BRD_NONCE_SIZE])
{
    memcpy(at, magic, MAGIC_SIZE);
    at[MAGIC_SIZE] = VERSION;
    at[MAGIC_SIZE + 1] = (unsigned char)letter(side);
    memcpy(at + MAGIC_SIZE + 2, nonce, BRD_NONCE_SIZE);
}

static int read_head(const unsigned char *at, brd_side side, uint8_t nonce[BRD_NONCE_SIZE])
{
    if (memcmp(at, magic, MAGIC_SIZE) != 0 || at[MAGIC_SIZE] != VERSION ||
        at[MAGIC_SIZE + 1] != (unsigned char)letter(side))
        return BROOD_EPROTOCOL;
    memcpy(nonce, at + MAGIC_SIZE + 2, BRD_NONCE_SIZE);
    return BROOD_OK;
}

// Puts the message of this state into the buffer.
static int say(brd_handshake *h)
{
    switch (h->state) {
    case BRD_SHAKING_HELLO:
        write_head(h->buffer, BRD_CLIENT, h->client_nonce);
        return BROOD_OK;
    case BRD_SHAKING_ANSWER:
        write_head(h->buffer, BRD_SERVER, h->server_nonce);
        return tag_of(h, SERVER_TAG, h->buffer + BRD_HELLO_SIZE);
    case BRD_SHAKING_PROOF:
        return tag_of(h, CLIENT_TAG, h->buffer);
    default:
        return tag_of(h, WELCOME_TAG, h->buffer);
    }
}

static int check_tag(const brd_handshake *h, char who, const unsigned char *tag)
{
    uint8_t right[BRD_TAG_SIZE];
    int status = tag_of(h, who, right);
    if (!status && !brd_os_same(tag, right, sizeof right))
        status = BROOD_EAUTH;
    brd_os_wipe(right, sizeof right);
    return status;
}

// Believes the message of this state, or not.
static int hear(brd_handshake *h)
{
    int status;
    switch (h->state) {
    case BRD_SHAKING_HELLO:
        return read_head(h->buffer, BRD_CLIENT, h->client_nonce);
    case BRD_SHAKING_ANSWER:
        status = read_head(h->buffer, BRD_SERVER, h->server_nonce);
        return status ? status : check_tag(h, SERVER_TAG, h->buffer + BRD_HELLO_SIZE);
    case BRD_SHAKING_PROOF:
        return check_tag(h, CLIENT_TAG, h->buffer);
    default:
        return check_tag(h, WELCOME_TAG, h->buffer);
    }
}

/* -------------------------------------------------------------------- the steps */

static int enter(brd_handshake *h, brd_shaking state)
{
    int status = BROOD_OK;
    h->state = state;
    h->at = 0;
    h->size = under_way(h) ? sizes[state] : 0;
    if (under_way(h) && speaker(h) == h->side)
        status = say(h);
    if (status)
        h->state = BRD_SHAKING_FAILED;
    return status;
}

void brd_handshake_begin(brd_handshake *h, brd_side side, const brd_secret *secret,
                         const uint8_t nonce[BRD_NONCE_SIZE])
{
    *h = (brd_handshake){.side = side, .secret = *secret};
    memcpy(side == BRD_CLIENT ? h->client_nonce : h->server_nonce, nonce, BRD_NONCE_SIZE);
    (void)enter(h, BRD_SHAKING_HELLO);
}

size_t brd_handshake_room(brd_handshake *h, unsigned char **room)
{
    if (!under_way(h) || speaker(h) == h->side)
        return 0;
    *room = h->buffer + h->at;
    return h->size - h->at;
}

int brd_handshake_took(brd_handshake *h, size_t size)
{
    unsigned char *room;
    if (size > brd_handshake_room(h, &room))
        return BROOD_EINVAL;
    h->at += size;
    if (h->at < h->size)
        return BROOD_OK;
    int status = hear(h);
    if (!status)
        status = enter(h, h->state + 1);
    if (status)
        h->state = BRD_SHAKING_FAILED;
    return status;
}

size_t brd_handshake_words(const brd_handshake *h, const unsigned char **bytes)
{
    if (!under_way(h) || speaker(h) != h->side)
        return 0;
    *bytes = h->buffer + h->at;
    return h->size - h->at;
}

void brd_handshake_sent(brd_handshake *h, size_t size)
{
    const unsigned char *bytes;
    if (size > brd_handshake_words(h, &bytes))
        return;
    h->at += size;
    if (h->at == h->size)
        (void)enter(h, h->state + 1); // the peer speaks next, or nobody
}

int brd_handshake_seal(const brd_handshake *h, brd_seal *seal)
{
    uint8_t keys[2][BRD_TAG_SIZE];
    if (h->state != BRD_SHAKING_DONE)
        return BROOD_EINVAL;
    int status = digest(h, seal_label, CLIENT_TAG, keys[BRD_CLIENT]);
    if (!status)
        status = digest(h, seal_label, SERVER_TAG, keys[BRD_SERVER]);
    if (!status) {
        *seal = (brd_seal){0};
        memcpy(seal->out.key, keys[h->side], BRD_TAG_SIZE);
        memcpy(seal->in.key, keys[h->side == BRD_CLIENT ? BRD_SERVER : BRD_CLIENT], BRD_TAG_SIZE);
    }
    brd_os_wipe(keys, sizeof keys);
    return status;
}

void brd_handshake_end(brd_handshake *h)
{
    brd_os_wipe(h, sizeof *h);
    h->state = BRD_SHAKING_FAILED;
}
