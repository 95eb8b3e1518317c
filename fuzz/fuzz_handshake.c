/*
 * Any bytes as what a peer says, in pieces of any size. The first byte says which side is
 * ours, the second how long the pieces are. What it must keep: no handshake is ever done
 * without the key, nothing is said after it has failed, and never more is asked for than
 * belongs to it.
 */
#include "ipc/handshake.h"
#include "target.h"

#include <string.h>

static const uint8_t nonce[BRD_NONCE_SIZE] = "the same in every run";
static const uint8_t key[32] = "that the fuzzer does not know";
static const brd_secret secret = {{key, sizeof key}, {"here", 4}};

// The state machine is between two messages: what does it say?
static void speak(brd_handshake *h)
{
    const unsigned char *words;
    size_t size;
    while ((size = brd_handshake_words(h, &words)) != 0) {
        FUZZ_CHECK(size <= BRD_ANSWER_SIZE);
        FUZZ_CHECK(words >= h->buffer && words + size <= h->buffer + sizeof h->buffer);
        brd_handshake_sent(h, size > 5 ? 5 : size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    brd_handshake h;
    brd_seal seal;
    unsigned char *room;
    int status = BROOD_OK;
    if (size < 2)
        return 0;
    size_t step = 1 + bytes[1];
    brd_handshake_begin(&h, bytes[0] & 1 ? BRD_SERVER : BRD_CLIENT, &secret, nonce);
    bytes += 2;
    size -= 2;
    for (;;) {
        speak(&h);
        size_t fits = brd_handshake_room(&h, &room);
        if (!fits || !size)
            break;
        FUZZ_CHECK(!status);
        FUZZ_CHECK(room >= h.buffer && room + fits <= h.buffer + sizeof h.buffer);
        fits = fits < step ? fits : step;
        fits = fits < size ? fits : size;
        memcpy(room, bytes, fits);
        status = brd_handshake_took(&h, fits);
        FUZZ_CHECK(!status || status == BROOD_EPROTOCOL || status == BROOD_EAUTH);
        FUZZ_CHECK((status != BROOD_OK) == (h.state == BRD_SHAKING_FAILED));
        bytes += fits;
        size -= fits;
    }
    FUZZ_CHECK(h.state != BRD_SHAKING_DONE);
    FUZZ_CHECK(brd_handshake_seal(&h, &seal) == BROOD_EINVAL);
    brd_handshake_end(&h);
    return 0;
}

// What the right peer says, but for the end, which only the key can give.
size_t fuzz_seed(size_t index, uint8_t *bytes, size_t cap)
{
    static const brd_secret other = {{"another key, just as long as it", 32}, {"here", 4}};
    const unsigned char *words;
    unsigned char *room;
    brd_handshake client, server;
    if (index > 3 || cap < 2 + BRD_HELLO_SIZE + BRD_PROOF_SIZE)
        return 0;
    brd_handshake_begin(&client, BRD_CLIENT, &other, nonce);
    brd_handshake_begin(&server, BRD_SERVER, &other, nonce);
    size_t size = brd_handshake_words(&client, &words);
    bytes[0] = index < 2;                  // our side is the server
    bytes[1] = (uint8_t)(index % 2 * 200); // in single bytes, or as a whole
    memcpy(bytes + 2, words, size);
    (void)brd_handshake_room(&server, &room);
    memcpy(room, words, size);
    (void)brd_handshake_took(&server, size);
    if (index < 2) {
        memset(bytes + 2 + size, 0x5a, BRD_PROOF_SIZE);
        return 2 + size + BRD_PROOF_SIZE;
    }
    size = brd_handshake_words(&server, &words);
    memcpy(bytes + 2, words, size);
    return 2 + size;
}
