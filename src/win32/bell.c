/* The cross-process wake-up: an auto-reset event beside the shared word. Called by
 * the rings' two ends. WaitOnAddress would need no handle, but it works within
 * one process only. A ring that came too late leaves the event set, and the
 * next wait returns at once for no reason, which the contract allows.
 */
#include "room.h"

int brd_os_bell_open(brd_handle *out)
{
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (!event)
        return brd_win32_error(GetLastError());
    *out = brd_win32_wrap(event);
    return 0;
}

int brd_os_bell_wait(const brd_bell *b, brd_time until)
{
    while (atomic_load(b->word) == 1) {
        DWORD rc = WaitForSingleObject(brd_win32_handle(b->handle), brd_win32_ms(until));
        if (rc == WAIT_OBJECT_0)
            return 0;
        if (rc != WAIT_TIMEOUT)
            return brd_win32_error(GetLastError());
        if (until == 0 || brd_os_now() >= until)
            return atomic_load(b->word) == 1 ? BROOD_ETIMEDOUT : 0;
    }
    return 0;
}

void brd_os_bell_ring(const brd_bell *b)
{
    uint32_t parked = 1;
    if (atomic_compare_exchange_strong(b->word, &parked, 0))
        SetEvent(brd_win32_handle(b->handle));
}
