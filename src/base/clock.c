#include "base/clock.h"

brd_time brd_until(int64_t timeout_ms)
{
    if (timeout_ms < 0)
        return BRD_FOREVER;
    brd_time now = brd_os_now();
    if (timeout_ms > (BRD_FOREVER - now) / BRD_MS)
        return BRD_FOREVER;
    return timeout_ms ? now + timeout_ms * BRD_MS : 0;
}

int64_t brd_milliseconds_until(brd_time moment)
{
    brd_time now = brd_os_now();
    if (moment == BRD_FOREVER)
        return BROOD_FOREVER;
    return moment > now ? (moment - now - 1) / BRD_MS + 1 : 0;
}
