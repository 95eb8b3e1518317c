/* Handles that wait for whoever fetches them: in the table of the process that opened the
 * locker, the keeper, since a handle is nowhere but in the table of a process. Called by the
 * queue. A token is the handle's value there; an odd one is a socket's.
 */
#include "room.h"

enum { SOCKET_BIT = 1 };

/* No handle of a sane process is larger: the system allows 16 million. */
#define HANDLE_LIMIT (UINT64_C(1) << 26)

int brd_os_locker_open(brd_locker *out)
{
    *out = (brd_locker){.ends = {BRD_NONE, BRD_NONE}, .keeper = brd_os_pid()};
    return 0;
}

static int open_keeper(const brd_locker *l, HANDLE *out)
{
    HANDLE keeper = NULL;
    if (l->keeper <= 0 || l->keeper > (int64_t)UINT32_MAX)
        return BROOD_ECLOSED;
    keeper = OpenProcess(PROCESS_DUP_HANDLE, FALSE, (DWORD)l->keeper);
    if (!keeper)
        return BROOD_ECLOSED;
    *out = keeper;
    return 0;
}

/* Ends a handle in the keeper's table. */
static void drop(HANDLE keeper, uint64_t token)
{
    HANDLE value = (HANDLE)(uintptr_t)(token & ~(uint64_t)SOCKET_BIT);
    DuplicateHandle(keeper, value, NULL, NULL, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
}

int brd_os_locker_leave(brd_locker *l, uint64_t tag, const brd_handle *handles, uint32_t count,
                        uint64_t *tokens)
{
    HANDLE keeper = NULL;
    uint32_t left = 0;
    (void)tag; // the tokens say it all
    if (count == 0 || count > BRD_LOCKER_LOT)
        return BROOD_EINVAL;
    int status = open_keeper(l, &keeper);
    while (!status && left < count) {
        HANDLE there = NULL, h = brd_win32_handle(handles[left]);
        DWORD flags;
        // Of the pseudo handles one is none and another this whole process.
        if (brd_is_none(handles[left]) || !GetHandleInformation(h, &flags))
            status = BROOD_EINVAL;
        else if (!DuplicateHandle(GetCurrentProcess(), h, keeper, &there, 0, FALSE,
                                  DUPLICATE_SAME_ACCESS))
            status = brd_win32_error(GetLastError());
        else
            tokens[left++] =
                (uint64_t)(uintptr_t)there | (brd_win32_is_socket(h) ? SOCKET_BIT : 0U);
    }
    while (status && left > 0)
        drop(keeper, tokens[--left]);
    if (keeper)
        CloseHandle(keeper);
    return status;
}

static int fetch_one(HANDLE keeper, uint64_t token, brd_handle *out)
{
    HANDLE value = (HANDLE)(uintptr_t)(token & ~(uint64_t)SOCKET_BIT), here = NULL;
    // The pseudo handles (-1 is the keeper itself, with all rights) are far above.
    if (!value || (uintptr_t)value % 4 != 0 || (uintptr_t)value >= HANDLE_LIMIT)
        return BROOD_EPROTOCOL;
    if (!DuplicateHandle(keeper, value, GetCurrentProcess(), &here, 0, FALSE,
                         DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE))
        return BROOD_ECLOSED;
    if (token & SOCKET_BIT)
        return brd_win32_socket_import(here, out);
    *out = brd_win32_wrap(here);
    return 0;
}

int brd_os_locker_fetch(brd_locker *l, uint64_t tag, const uint64_t *tokens, uint32_t count,
                        brd_handle *out)
{
    brd_handle lot[BRD_LOCKER_LOT];
    HANDLE keeper = NULL;
    uint32_t got = 0;
    (void)tag;
    if (count == 0 || count > BRD_LOCKER_LOT)
        return BROOD_EINVAL;
    int status = open_keeper(l, &keeper);
    while (!status && got < count) {
        status = fetch_one(keeper, tokens[got], &lot[got]);
        got += status ? 0 : 1;
    }
    for (uint32_t i = got + (status ? 1 : 0); status && keeper && i < count; i++)
        drop(keeper, tokens[i]);
    while (status && got > 0)
        brd_os_close(&lot[--got]);
    for (uint32_t i = 0; !status && i < count; i++)
        out[i] = lot[i];
    if (keeper)
        CloseHandle(keeper);
    return status;
}

void brd_os_locker_close(brd_locker *l)
{
    l->keeper = 0;
}
