/*
 * HMAC-SHA-256, comparing and wiping of secrets. Called by the handshake and by sealed
 * pipes. The one thing to know: none of it is ours; macOS has CommonCrypto, the others
 * take libsodium.
 */
#include "room.h"

#if defined(__APPLE__)

#include <CommonCrypto/CommonHMAC.h>
#include <string.h>

_Static_assert(BRD_TAG_SIZE == CC_SHA256_DIGEST_LENGTH, "tags are whole digests");

int brd_os_hmac(brd_span key, const brd_span *parts, size_t count, uint8_t tag[BRD_TAG_SIZE])
{
    CCHmacContext state;
    CCHmacInit(&state, kCCHmacAlgSHA256, key.bytes, key.size);
    for (size_t i = 0; i < count; i++)
        CCHmacUpdate(&state, parts[i].bytes, parts[i].size);
    CCHmacFinal(&state, tag);
    brd_os_wipe(&state, sizeof state);
    return 0;
}

bool brd_os_same(const void *a, const void *b, size_t size)
{
    // timingsafe_bcmp: in libSystem since 10.12, with its prototype in <string.h>.
    return timingsafe_bcmp(a, b, size) == 0;
}

void brd_os_wipe(void *secret, size_t size)
{
    volatile unsigned char *at = secret;
    while (size--)
        *at++ = 0;
}

#else

#include <sodium.h>
#include <stdatomic.h>

_Static_assert(BRD_TAG_SIZE == crypto_auth_hmacsha256_BYTES, "tags are whole digests");

static _Atomic int begun;
static _Atomic bool works;

static void begin(void)
{
    atomic_store(&works, sodium_init() >= 0);
}

// The library wants an address also of nothing.
static const unsigned char *at(brd_span span)
{
    return span.size ? span.bytes : (const unsigned char *)"";
}

int brd_os_hmac(brd_span key, const brd_span *parts, size_t count, uint8_t tag[BRD_TAG_SIZE])
{
    crypto_auth_hmacsha256_state state;
    brd_os_once(&begun, begin);
    if (!atomic_load(&works))
        return BROOD_ENOTSUP;
    (void)crypto_auth_hmacsha256_init(&state, at(key), key.size);
    for (size_t i = 0; i < count; i++)
        (void)crypto_auth_hmacsha256_update(&state, at(parts[i]), parts[i].size);
    (void)crypto_auth_hmacsha256_final(&state, tag);
    brd_os_wipe(&state, sizeof state);
    return 0;
}

bool brd_os_same(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void brd_os_wipe(void *secret, size_t size)
{
    sodium_memzero(secret, size);
}

#endif
