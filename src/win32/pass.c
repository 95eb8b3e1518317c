/* Handles that travel over a channel. Called by whoever writes and reads tokens.
 *
 * A token is the number of the process that keeps the handle and, below, its value there.
 * No process: the handle is in the table of whoever reads the token, put there by its
 * parent. An odd value: it is a socket; one that a parent sends is a section with what
 * its child needs to open it.
 */
#include "room.h"

/* No handle of a sane process is larger: the system allows 16 million. */
#define HANDLE_LIMIT (UINT64_C(1) << 26)

enum { SOCKET_BIT = 1 };

/* Puts a duplicate into the table of another process. */
static int put_into(HANDLE peer, HANDLE h, uint64_t *value)
{
    HANDLE there = NULL;
    if (!DuplicateHandle(GetCurrentProcess(), h, peer, &there, 0, FALSE, DUPLICATE_SAME_ACCESS))
        return WaitForSingleObject(peer, 0) == WAIT_OBJECT_0 ? BROOD_ECLOSED
                                                             : brd_win32_error(GetLastError());
    *value = (uint64_t)(uintptr_t)there;
    return 0;
}

/* Sockets are no plain handles: the peer opens this one anew by a description. */
static int put_socket(HANDLE peer, HANDLE h, uint64_t *value)
{
    HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
                                        sizeof(WSAPROTOCOL_INFOW), NULL);
    if (!section)
        return brd_win32_error(GetLastError());
    int status = BROOD_ENOMEM;
    WSAPROTOCOL_INFOW *description = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    if (description)
        status = brd_win32_socket_describe(h, GetProcessId(peer), description);
    if (!status)
        status = put_into(peer, section, value);
    if (!status)
        *value |= SOCKET_BIT;
    if (description)
        UnmapViewOfFile(description);
    CloseHandle(section);
    return status;
}

/* Ends a handle in the table of the process where the token says it is. */
static void undo(HANDLE peer, uint64_t token)
{
    HANDLE value = (HANDLE)(uintptr_t)(token & UINT32_MAX & ~(uint64_t)SOCKET_BIT);
    HANDLE keeper = token >> 32 ? GetCurrentProcess() : peer;
    DuplicateHandle(keeper, value, NULL, NULL, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
}

int brd_os_chan_give(brd_chan *c, brd_handle handle, uint64_t *token)
{
    HANDLE h = brd_win32_handle(handle), peer = brd_win32_chan_process(c);
    DWORD flags;
    uint64_t value = 0;
    int status;
    if (brd_is_none(handle) || handle.os == 0 || !GetHandleInformation(h, &flags))
        return BROOD_EINVAL;
    if (brd_win32_chan_stranger(c))
        return BROOD_ENOTSUP;
    if (!peer) { // who will read this is not known, or we have no rights there
        status = put_into(GetCurrentProcess(), h, &value);
        value |= (uint64_t)GetCurrentProcessId() << 32 | (brd_win32_is_socket(h) ? SOCKET_BIT : 0U);
    } else {
        status = brd_win32_is_socket(h) ? put_socket(peer, h, &value) : put_into(peer, h, &value);
    }
    if (!status && !brd_win32_chan_note_given(c, value)) {
        undo(peer, value);
        status = BROOD_EAGAIN;
    }
    if (!status)
        *token = value;
    return status;
}

static int take_socket(HANDLE section, brd_handle *out)
{
    int status = BROOD_EPROTOCOL;
    WSAPROTOCOL_INFOW *description = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    if (description)
        status = brd_win32_socket_open(description, out);
    if (description)
        UnmapViewOfFile(description);
    CloseHandle(section);
    return status;
}

/* A socket that came as a plain handle is none to the library of sockets until it has
 * opened it itself. */
int brd_win32_socket_import(HANDLE raw, brd_handle *out)
{
    WSAPROTOCOL_INFOW description;
    int status = brd_win32_sockets_start();
    if (!status)
        status = brd_win32_socket_describe(raw, GetCurrentProcessId(), &description);
    if (!status)
        status = brd_win32_socket_open(&description, out);
    // By the library if that has got to know it, else by the system.
    if (closesocket((SOCKET)raw))
        CloseHandle(raw);
    return status;
}

/* Fetches what another process keeps for us. A child cannot name a third process. */
static int fetch(brd_chan *c, DWORD pid, HANDLE value, bool socket, brd_handle *out)
{
    HANDLE peer = brd_win32_chan_process(c), copy = NULL;
    if (peer && GetProcessId(peer) != pid)
        return BROOD_EPROTOCOL;
    HANDLE from = peer ? peer : OpenProcess(PROCESS_DUP_HANDLE, FALSE, pid);
    if (!from)
        return BROOD_EPROTOCOL;
    BOOL done = DuplicateHandle(from, value, GetCurrentProcess(), &copy, 0, FALSE,
                                DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE);
    if (!peer)
        CloseHandle(from);
    if (!done)
        return BROOD_EPROTOCOL;
    if (socket)
        return brd_win32_socket_import(copy, out);
    *out = brd_win32_wrap(copy);
    return 0;
}

int brd_os_chan_take(brd_chan *c, uint64_t token, brd_handle *out)
{
    DWORD pid = (DWORD)(token >> 32), flags;
    uint64_t number = token & UINT32_MAX;
    bool socket = number & SOCKET_BIT;
    HANDLE value = (HANDLE)(uintptr_t)(number & ~(uint64_t)SOCKET_BIT);
    // The pseudo handles (-1 is the peer itself, with all rights) are far above.
    if (number == 0 || (uintptr_t)value % 4 != 0 || number >= HANDLE_LIMIT ||
        (!pid && !brd_win32_chan_trusted(c)) || brd_win32_chan_stranger(c))
        return BROOD_EPROTOCOL;
    if (pid)
        return fetch(c, pid, value, socket, out);
    if (!GetHandleInformation(value, &flags))
        return BROOD_EPROTOCOL;
    if (socket)
        return take_socket(value, out);
    *out = brd_win32_wrap(value);
    return 0;
}

void brd_os_chan_take_back(brd_chan *c)
{
    uint64_t token;
    while (brd_win32_chan_last_given(c, &token))
        undo(brd_win32_chan_process(c), token);
}
