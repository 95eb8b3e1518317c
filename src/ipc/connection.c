/**
 * What listener and client have in common.
 */
#include "ipc/connection.h"
#include "ipc/pipe.h"
#include <brood/listener.h>
#include <string.h>

enum { MOST_KEY = 4096 };

static const uint64_t default_limit = UINT64_C(64) << 20;

int brd_connection_check_key(const void *key, size_t size, const brd_address *address)
{
    if (!key)
        return size || address->family == BRD_FAMILY_TCP ? BROOD_EINVAL : BROOD_OK;
    return size < BROOD_KEY_SIZE_MIN || size > MOST_KEY ? BROOD_EINVAL : BROOD_OK;
}

int brd_connection_name(const brd_address *address, char name[BRD_LOCAL_SIZE])
{
    if (address->family == BRD_FAMILY_WORD)
        return brd_os_name_local(address->text, name, BRD_LOCAL_SIZE);
    size_t size = strlen(address->text);
    if (address->family != BRD_FAMILY_NAME || size >= BRD_LOCAL_SIZE)
        return BROOD_EINVAL;
    memcpy(name, address->text, size + 1);
    return BROOD_OK;
}

int brd_connection_pipe(brood_pipe **out, brd_chan *chan, const brd_seal *seal, uint64_t limit)
{
    const brd_pipe_terms terms = {
        .limit = limit ? limit : default_limit, .no_handles = true, .seal = seal};
    return brd_pipe_of(out, chan, &terms);
}
