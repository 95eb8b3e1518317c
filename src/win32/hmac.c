/* HMAC-SHA-256, comparing and wiping of secrets. Called by the handshake and by sealed
 * pipes. The one thing to know: the digest is bcrypt.dll's; its algorithm is opened
 * once and stays open, because opening it costs more than a hundred tags.
 */
#include "room.h"

#include <bcrypt.h>
#include <stdatomic.h>

static _Atomic int begun;
static BCRYPT_ALG_HANDLE algorithm; // NULL: the system has none

static void begin(void)
{
    BCRYPT_ALG_HANDLE opened = NULL;
    if (BCryptOpenAlgorithmProvider(&opened, BCRYPT_SHA256_ALGORITHM, NULL,
                                    BCRYPT_ALG_HANDLE_HMAC_FLAG) >= 0)
        algorithm = opened;
}

// The parameters are not const, although nothing is written there.
static UCHAR *input(brd_span span)
{
    return (UCHAR *)(uintptr_t)span.bytes;
}

int brd_os_hmac(brd_span key, const brd_span *parts, size_t count, uint8_t tag[BRD_TAG_SIZE])
{
    BCRYPT_HASH_HANDLE hash = NULL;
    brd_os_once(&begun, begin);
    if (!algorithm)
        return BROOD_ENOTSUP;
    NTSTATUS status = BCryptCreateHash(algorithm, &hash, NULL, 0, input(key), (ULONG)key.size, 0);
    for (size_t i = 0; status >= 0 && i < count; i++) {
        brd_span left = parts[i];
        while (status >= 0 && left.size) {
            ULONG now = left.size > 1U << 30 ? 1U << 30 : (ULONG)left.size;
            status = BCryptHashData(hash, input(left), now, 0);
            left = (brd_span){(const char *)left.bytes + now, left.size - now};
        }
    }
    if (status >= 0)
        status = BCryptFinishHash(hash, tag, BRD_TAG_SIZE, 0);
    if (hash)
        BCryptDestroyHash(hash);
    return status < 0 ? BROOD_ENOMEM : 0; // nothing else can be wrong with these
}

// The system has no such comparison.
bool brd_os_same(const void *a, const void *b, size_t size)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char differs = 0;
    for (size_t i = 0; i < size; i++)
        differs = (unsigned char)(differs | (x[i] ^ y[i]));
    return differs == 0;
}

void brd_os_wipe(void *secret, size_t size)
{
    SecureZeroMemory(secret, size);
}
