/**
 * Seals: the count of the frame, then head and body, under the key of the direction.
 * A key is for one direction of one connection, so no frame fits anywhere else.
 */
#include "ipc/seal.h"
#include "base/bytes.h"
#include <string.h>

int brd_seal_tag(const brd_seal_way *way, brd_span head, brd_span body, uint8_t tag[BRD_SEAL_SIZE])
{
    unsigned char count[8];
    uint8_t whole[BRD_TAG_SIZE];
    brd_put64(count, way->count);
    // The head has one length, so nothing can move between it and the body.
    const brd_span parts[] = {{count, sizeof count}, head, body};
    int status = brd_os_hmac((brd_span){way->key, sizeof way->key}, parts, 3, whole);
    if (status)
        return status;
    memcpy(tag, whole, BRD_SEAL_SIZE);
    return BROOD_OK;
}

void brd_seal_pass(brd_seal_way *way)
{
    way->count++;
}

int brd_seal_check(brd_seal_way *way, brd_span head, brd_span body,
                   const uint8_t tag[BRD_SEAL_SIZE])
{
    uint8_t right[BRD_SEAL_SIZE];
    int status = brd_seal_tag(way, head, body, right);
    if (!status && !brd_os_same(right, tag, sizeof right))
        status = BROOD_EPROTOCOL;
    if (!status)
        brd_seal_pass(way);
    return status;
}

void brd_seal_clear(brd_seal *seal)
{
    brd_os_wipe(seal, sizeof *seal);
}
