/* Pipes for channels: a named pipe with one instance, both ends opened here, so that the
 * name, which nobody can guess, is of no use to anybody else. Called by the links.
 */
#include "room.h"

#include <ntsecapi.h>
#include <sddl.h>
#include <stdio.h>

/* A name that nobody can guess: whoever opens it first would be our peer. */
static int pipe_name(wchar_t *name, size_t cap)
{
    uint32_t r[4];
    if (!RtlGenRandom(r, sizeof r))
        return brd_win32_error(ERROR_GEN_FAILURE);
    swprintf(name, cap, L"\\\\.\\pipe\\brood-%lu-%08lx%08lx%08lx%08lx", GetCurrentProcessId(),
             (unsigned long)r[0], (unsigned long)r[1], (unsigned long)r[2], (unsigned long)r[3]);
    return 0;
}

/* Both ends of a new pipe, open to this user and the system only. One for output has a
 * client's end that is only written, and by programs that know nothing of overlapped I/O. */
static int pipe_pair(bool output, HANDLE *server, HANDLE *client)
{
    const DWORD direction = output ? PIPE_ACCESS_INBOUND : PIPE_ACCESS_DUPLEX;
    const DWORD access =
        output ? GENERIC_WRITE | FILE_READ_ATTRIBUTES : GENERIC_READ | GENERIC_WRITE;
    const DWORD overlapped = output ? 0 : FILE_FLAG_OVERLAPPED;
    wchar_t name[80];
    SECURITY_ATTRIBUTES security = {sizeof security, NULL, FALSE};
    HANDLE s = INVALID_HANDLE_VALUE, c = INVALID_HANDLE_VALUE;
    int status = pipe_name(name, sizeof name / sizeof *name);
    if (status)
        goto done;
    // Protected: SYSTEM and "owner rights" (S-1-3-4), whoever the owner may be.
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:P(A;;GA;;;SY)(A;;GA;;;S-1-3-4)",
                                                              SDDL_REVISION_1,
                                                              &security.lpSecurityDescriptor, NULL))
        goto failed;
    s = CreateNamedPipeW(name, direction | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                         PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT |
                             PIPE_REJECT_REMOTE_CLIENTS,
                         1, BRD_WIN32_PIPE_BYTES, BRD_WIN32_PIPE_BYTES, 0, &security);
    if (s == INVALID_HANDLE_VALUE)
        goto failed;
    // Anonymous: the server's end could otherwise act in the name of the client.
    c = CreateFileW(name, access, 0, NULL, OPEN_EXISTING,
                    overlapped | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    if (c == INVALID_HANDLE_VALUE)
        goto failed;
    *server = s;
    *client = c;
    goto done;
failed:
    status = brd_win32_error(GetLastError());
    if (s != INVALID_HANDLE_VALUE)
        CloseHandle(s);
done:
    if (security.lpSecurityDescriptor)
        LocalFree(security.lpSecurityDescriptor);
    return status;
}

static int make_pair(bool output, brd_chan **mine, brd_handle *theirs)
{
    HANDLE server = NULL, client = NULL;
    int status = pipe_pair(output, &server, &client);
    if (status)
        return status;
    status = brd_win32_chan_of(server, mine);
    if (status) {
        CloseHandle(server);
        CloseHandle(client);
        return status;
    }
    if (output)
        brd_win32_chan_only_read(*mine);
    *theirs = brd_win32_wrap(client);
    return 0;
}

int brd_os_chan_pair(brd_chan **mine, brd_handle *theirs)
{
    return make_pair(false, mine, theirs);
}

int brd_os_chan_output(brd_chan **mine, brd_handle *theirs)
{
    return make_pair(true, mine, theirs);
}
