/* Closing handles, and the two translations that every file of this room needs:
 * the system's errors into ours, and the door's times into the system's.
 */
#include "room.h"

int brd_win32_error(DWORD code)
{
    switch (code) {
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT:
        return BROOD_ENOMEM;
    case ERROR_SUCCESS:
        return 720000 + ERROR_GEN_FAILURE;
    default:
        return 720000 + (int)code;
    }
}

DWORD brd_win32_ms(brd_time until)
{
    if (until == BRD_FOREVER)
        return INFINITE;
    brd_time left = until - brd_os_now();
    if (until <= 0 || left <= 0)
        return 0;
    int64_t ms = left / BRD_MS + (left % BRD_MS != 0);
    // Every caller looks at the clock again, so a longer wait is only in parts.
    return ms > INT32_MAX ? (DWORD)INT32_MAX : (DWORD)ms;
}

void brd_os_close(brd_handle *h)
{
    if (!brd_is_none(*h) && h->os != 0)
        CloseHandle(brd_win32_handle(*h));
    *h = BRD_NONE;
}
