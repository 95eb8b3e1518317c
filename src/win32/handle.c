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

bool brd_win32_is_socket(HANDLE h)
{
    int type, size = sizeof type;
    // Pipes are asked too: nothing else tells the two apart.
    return GetFileType(h) == FILE_TYPE_PIPE &&
           getsockopt((SOCKET)h, SOL_SOCKET, SO_TYPE, (char *)&type, &size) == 0;
}

int brd_win32_socket_describe(HANDLE h, DWORD pid, WSAPROTOCOL_INFOW *out)
{
    return WSADuplicateSocketW((SOCKET)h, pid, out) ? brd_win32_error((DWORD)WSAGetLastError()) : 0;
}

/* A worker that has used no socket yet has no sockets. It is never undone: the host may
 * rely on them by then. */
static BOOL CALLBACK start_sockets(INIT_ONCE *once, void *parameter, void **context)
{
    WSADATA unused;
    (void)once;
    (void)parameter;
    (void)context;
    return WSAStartup(MAKEWORD(2, 2), &unused) == 0;
}

int brd_win32_sockets_start(void)
{
    static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
    return InitOnceExecuteOnce(&once, start_sockets, NULL, NULL) ? 0
                                                                 : brd_win32_error(WSASYSNOTREADY);
}

int brd_win32_socket_open(WSAPROTOCOL_INFOW *description, brd_handle *out)
{
    int status = brd_win32_sockets_start();
    if (status)
        return status;
    SOCKET s = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, description,
                          0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (s == INVALID_SOCKET)
        return brd_win32_error((DWORD)WSAGetLastError());
    *out = brd_win32_wrap((HANDLE)s);
    return 0;
}

void brd_os_close(brd_handle *h)
{
    HANDLE gone = brd_win32_handle(*h);
    *h = BRD_NONE;
    if (gone == NULL || gone == INVALID_HANDLE_VALUE)
        return;
    if (brd_win32_is_socket(gone))
        closesocket((SOCKET)gone);
    else
        CloseHandle(gone);
}

int brd_os_copy(brd_handle h, brd_handle *out)
{
    HANDLE self = GetCurrentProcess(), from = brd_win32_handle(h), copy = NULL;
    DWORD flags;
    WSAPROTOCOL_INFOW description;
    if (brd_is_none(h) || from == NULL || !GetHandleInformation(from, &flags))
        return brd_win32_error(ERROR_INVALID_HANDLE);
    if (brd_win32_is_socket(from)) {
        int status = brd_win32_socket_describe(from, GetCurrentProcessId(), &description);
        return status ? status : brd_win32_socket_open(&description, out);
    }
    if (!DuplicateHandle(self, from, self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
        return brd_win32_error(GetLastError());
    *out = brd_win32_wrap(copy);
    return 0;
}

void brd_os_keep(brd_handle h)
{
    (void)h; // nothing is forked here
}

intptr_t brd_os_hand_over(brd_handle *h)
{
    intptr_t os = h->os;
    *h = BRD_NONE;
    return os;
}
