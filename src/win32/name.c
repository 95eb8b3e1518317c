/* Names: a named pipe of which there is always one more instance than clients.
 * Called by listeners and their clients. A TCP socket that listens is one too; all
 * about it is in sock.c.
 *
 * One instance waits at a time, and the thread pool makes the next as soon as it has
 * a client. None is handed out before the next is there: between two, the name would
 * be anybody's. Who may open it the system itself decides, by the access list; who
 * has made it, the client sees by its owner, which is not a process that may be gone.
 */
#include "room.h"

#include <aclapi.h>
#include <ntsecapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIPE_BYTES   65536
#define PATH_START   L"\\\\.\\pipe\\brood-"
#define LONGEST_WORD 64

/* How many clients may wait to be accepted; further ones find all instances busy. */
#define MOST_WAITING 128

/* The longest wait for a free instance before looking whether the listener is there. */
#define ONE_WAIT (250 * BRD_MS)

struct brd_name {
    brd_sock *sock; /* a TCP socket: nothing below counts */
    SRWLOCK lock;   /* all below */
    wchar_t *path;
    SECURITY_ATTRIBUTES security;
    HANDLE event; /* `connecting` has ended */
    brd_notice notice;
    HANDLE pending; /* the instance without a client */
    OVERLAPPED connecting;
    CONDITION_VARIABLE settled; /* `pending` is none, for good */
    bool closing;
    brd_source *watcher; /* to be stirred; lives as long as it stands here */
    size_t nwaiting;
    HANDLE waiting[MOST_WAITING]; /* instances with a client, the oldest first */
};

/* -------------------------------------------------------------------- names */

/* This process's user. New: free(). */
static int user_open(TOKEN_USER **out)
{
    HANDLE token = NULL;
    TOKEN_USER *user = NULL;
    DWORD size = 0;
    int status = 0;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return brd_win32_error(GetLastError());
    GetTokenInformation(token, TokenUser, NULL, 0, &size);
    user = malloc(size);
    if (!user) {
        status = BROOD_ENOMEM;
    } else if (!GetTokenInformation(token, TokenUser, user, size, &size)) {
        status = brd_win32_error(GetLastError());
        free(user);
    } else {
        *out = user;
    }
    CloseHandle(token);
    return status;
}

/* The user in letters. New: LocalFree(). */
static int user_text(wchar_t **out)
{
    TOKEN_USER *user = NULL;
    int status = user_open(&user);
    if (!status && !ConvertSidToStringSidW(user->User.Sid, out))
        status = brd_win32_error(GetLastError());
    free(user);
    return status;
}

/* Words of two users are two names. */
static int name_write(const char *kind, const char *rest, char *buffer, size_t cap)
{
    wchar_t *user = NULL;
    char name[BRD_LOCAL_SIZE];
    int status = user_text(&user);
    if (status)
        return status;
    int size = snprintf(name, sizeof name, "%ls%ls-%s-%s", PATH_START, user, kind, rest);
    LocalFree(user);
    if (size < 0 || (size_t)size >= sizeof name || (size_t)size >= cap)
        return BROOD_EINVAL;
    memcpy(buffer, name, (size_t)size + 1);
    return 0;
}

int brd_os_name_private(char *buffer, size_t cap)
{
    uint32_t r[4];
    char text[33];
    if (!RtlGenRandom(r, sizeof r))
        return brd_win32_error(ERROR_GEN_FAILURE);
    snprintf(text, sizeof text, "%08lx%08lx%08lx%08lx", (unsigned long)r[0], (unsigned long)r[1],
             (unsigned long)r[2], (unsigned long)r[3]);
    return name_write("p", text, buffer, cap);
}

int brd_os_name_local(const char *word, char *buffer, size_t cap)
{
    static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = word ? strlen(word) : 0;
    if (size == 0 || size > LONGEST_WORD || strspn(word, fine) != size)
        return BROOD_EINVAL;
    return name_write("w", word, buffer, cap);
}

/* The name as the system wants it, if it is one of ours. New: free(). */
static int path_of(const char *local, wchar_t **out)
{
    wchar_t *path = NULL;
    int status = local ? brd_win32_wide(local, &path) : BROOD_EINVAL;
    if (status)
        return status;
    // Nothing else: a pipe of another machine would have a name, too.
    if (wcsncmp(path, PATH_START, wcslen(PATH_START)) != 0 || wcslen(path) >= BRD_LOCAL_SIZE) {
        free(path);
        return BROOD_EINVAL;
    }
    *out = path;
    return 0;
}

/* ---------------------------------------------------------------- listening */

/* Open to this user, who is to be its owner, and to the system. */
static int security_make(SECURITY_ATTRIBUTES *out)
{
    wchar_t text[512];
    wchar_t *user = NULL;
    int status = user_text(&user);
    if (status)
        return status;
    swprintf(text, sizeof text / sizeof *text, L"O:%lsD:P(A;;GA;;;SY)(A;;GA;;;%ls)", user, user);
    *out = (SECURITY_ATTRIBUTES){.nLength = sizeof *out};
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1,
                                                              &out->lpSecurityDescriptor, NULL))
        status = brd_win32_error(GetLastError());
    LocalFree(user);
    return status;
}

/* Begins to wait for a client of the pending instance. Lock held.
 * Fails with: BROOD_EAGAIN (it waits), the system's error; 0: it has a client already.
 */
static int connect_begin(brd_name *n)
{
    n->connecting = (OVERLAPPED){.hEvent = n->event};
    if (ConnectNamedPipe(n->pending, &n->connecting))
        return 0;
    DWORD error = GetLastError();
    if (error == ERROR_IO_PENDING)
        return BROOD_EAGAIN;
    // No data: the client has come and gone. What it wrote is there still.
    return error == ERROR_PIPE_CONNECTED || error == ERROR_NO_DATA ? 0 : brd_win32_error(error);
}

/* The pending instance has a client. Lock held. */
static void pending_done(brd_name *n)
{
    n->waiting[n->nwaiting++] = n->pending;
    n->pending = NULL;
    if (n->watcher)
        brd_win32_source_stir(n->watcher);
}

static void pending_drop(brd_name *n)
{
    CloseHandle(n->pending);
    n->pending = NULL;
    // brd_os_name_accept tries again, and says why it cannot.
    if (n->watcher)
        brd_win32_source_stir(n->watcher);
}

/* Sees that there is a pending instance, unless too many clients wait. Lock held. */
static int pending_make(brd_name *n, DWORD first)
{
    while (!n->pending && n->nwaiting < MOST_WAITING) {
        HANDLE pipe = CreateNamedPipeW(
            n->path, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first,
            PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
            PIPE_UNLIMITED_INSTANCES, PIPE_BYTES, PIPE_BYTES, 0, &n->security);
        if (pipe == INVALID_HANDLE_VALUE)
            return brd_win32_error(GetLastError());
        first = 0;
        n->pending = pipe;
        int status = connect_begin(n);
        if (status == 0)
            pending_done(n);
        else if (status != BROOD_EAGAIN) {
            pending_drop(n);
            return status;
        }
    }
    return 0;
}

/* The pending instance has a client, or lost the thread that began to wait for one, which
 * another one then does. Lock held. */
static void pending_ended(brd_name *n)
{
    DWORD none = 0;
    int status = 0;
    if (!GetOverlappedResult(n->pending, &n->connecting, &none, FALSE) &&
        GetLastError() == ERROR_OPERATION_ABORTED)
        status = connect_begin(n);
    if (status == 0)
        pending_done(n);
    else if (status != BROOD_EAGAIN)
        pending_drop(n);
    (void)pending_make(n, 0);
}

static void event_came(void *name)
{
    brd_name *n = name;
    AcquireSRWLockExclusive(&n->lock);
    if (n->pending && HasOverlappedIoCompleted(&n->connecting)) {
        if (n->closing)
            pending_drop(n);
        else
            pending_ended(n);
        WakeAllConditionVariable(&n->settled);
    }
    ReleaseSRWLockExclusive(&n->lock);
}

/* Whether somebody listens there: so says the first-instance flag, too, but not why. */
static bool is_taken(const wchar_t *path)
{
    return WaitNamedPipeW(path, 1) || GetLastError() == ERROR_SEM_TIMEOUT;
}

static int pipe_listen(brd_name *n)
{
    int status = security_make(&n->security);
    if (status)
        return status;
    n->event = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (!n->event)
        return brd_win32_error(GetLastError());
    status = brd_win32_notice_open(&n->notice, n->event, false, event_came, n);
    if (status)
        return status;
    if (is_taken(n->path))
        return BROOD_EBUSY;
    AcquireSRWLockExclusive(&n->lock);
    status = pending_make(n, FILE_FLAG_FIRST_PIPE_INSTANCE);
    ReleaseSRWLockExclusive(&n->lock);
    if (status == brd_win32_error(ERROR_ACCESS_DENIED) ||
        status == brd_win32_error(ERROR_PIPE_BUSY))
        return BROOD_EBUSY;
    return status;
}

int brd_os_name_listen(brd_name **out, const char *local)
{
    wchar_t *path = NULL;
    int status = path_of(local, &path);
    if (status)
        return status;
    brd_name *n = calloc(1, sizeof *n);
    if (!n) {
        free(path);
        return BROOD_ENOMEM;
    }
    InitializeSRWLock(&n->lock);
    InitializeConditionVariable(&n->settled);
    n->path = path;
    status = pipe_listen(n);
    if (status)
        brd_os_name_close(&n);
    else
        *out = n;
    return status;
}

int brd_os_name_protect(brd_handle socket)
{
    return brd_is_none(socket) ? BROOD_EINVAL : brd_win32_sock_protect(brd_win32_handle(socket));
}

int brd_os_name_adopt(brd_name **out, brd_handle socket)
{
    if (brd_is_none(socket))
        return BROOD_EINVAL;
    brd_name *n = calloc(1, sizeof *n);
    if (!n)
        return BROOD_ENOMEM;
    InitializeSRWLock(&n->lock);
    int status = brd_win32_sock_open(brd_win32_handle(socket), true, &n->sock);
    if (status)
        free(n);
    else
        *out = n;
    return status;
}

/* Ends what is under way. That it has ended the callback says: the event is the thread
 * pool's, and whoever waits for it beside the pool may find it used up. */
static void pipe_close(brd_name *n)
{
    AcquireSRWLockExclusive(&n->lock);
    n->closing = true;
    if (n->pending)
        CancelIoEx(n->pending, &n->connecting);
    while (n->pending)
        SleepConditionVariableSRW(&n->settled, &n->lock, INFINITE, 0);
    ReleaseSRWLockExclusive(&n->lock);
    brd_win32_notice_close(&n->notice);
    for (size_t i = 0; i < n->nwaiting; i++)
        CloseHandle(n->waiting[i]);
    if (n->event)
        CloseHandle(n->event);
    if (n->security.lpSecurityDescriptor)
        LocalFree(n->security.lpSecurityDescriptor);
    free(n->path);
}

void brd_os_name_close(brd_name **name)
{
    brd_name *n = *name;
    *name = NULL;
    if (!n)
        return;
    if (n->watcher)
        brd_win32_source_forget(n->watcher);
    if (n->sock)
        brd_win32_sock_close(&n->sock);
    else
        pipe_close(n);
    free(n);
}

/* ---------------------------------------------------------------- readiness */

void brd_win32_name_watch(brd_name *n, brd_source *s)
{
    if (n->sock) {
        brd_win32_sock_watch(n->sock, s);
        return;
    }
    AcquireSRWLockExclusive(&n->lock);
    n->watcher = s;
    ReleaseSRWLockExclusive(&n->lock);
}

brd_source *brd_win32_name_watcher(brd_name *n)
{
    if (n->sock)
        return brd_win32_sock_watcher(n->sock);
    AcquireSRWLockExclusive(&n->lock);
    brd_source *s = n->watcher;
    ReleaseSRWLockExclusive(&n->lock);
    return s;
}

bool brd_win32_name_look(brd_name *n)
{
    if (n->sock)
        return brd_win32_sock_look(n->sock, BRD_READ) != 0;
    AcquireSRWLockExclusive(&n->lock);
    bool ready = n->nwaiting > 0 || !n->pending;
    ReleaseSRWLockExclusive(&n->lock);
    return ready;
}

/* ---------------------------------------------------- accepting, connecting */

/* The oldest instance with a client. *out is new. Lock held. */
static int waiting_take(brd_name *n, HANDLE *out)
{
    int status = pending_make(n, 0);
    if (n->nwaiting == 0)
        return status ? status : BROOD_EAGAIN;
    // The last instance stays here, or the name would be gone with it.
    if (!n->pending && n->nwaiting == 1)
        return status;
    *out = n->waiting[0];
    n->nwaiting--;
    memmove(n->waiting, n->waiting + 1, n->nwaiting * sizeof *n->waiting);
    (void)pending_make(n, 0);
    return 0;
}

/* The channel of an end with a name, which it owns on success. */
static int channel_of(HANDLE pipe, brd_chan **out)
{
    int status = brd_win32_chan_of(pipe, out);
    if (!status)
        brd_win32_chan_estrange(*out);
    return status;
}

static int pipe_accept(brd_name *n, brd_chan **out, brd_peer *peer)
{
    HANDLE pipe = NULL;
    ULONG pid = 0;
    AcquireSRWLockExclusive(&n->lock);
    int status = waiting_take(n, &pipe);
    ReleaseSRWLockExclusive(&n->lock);
    if (status)
        return status;
    if (!GetNamedPipeClientProcessId(pipe, &pid))
        pid = 0;
    status = channel_of(pipe, out);
    if (status)
        CloseHandle(pipe);
    else if (peer)
        *peer = (brd_peer){.pid = (int64_t)pid};
    return status;
}

int brd_os_name_accept(brd_name *n, brd_chan **out, brd_peer *peer)
{
    brd_sock *came = NULL;
    brd_peer who = {0};
    if (!n->sock)
        return pipe_accept(n, out, peer);
    int status = brd_win32_sock_accept(n->sock, &came, &who);
    if (!status)
        status = brd_win32_chan_of_sock(came, out);
    if (status)
        brd_win32_sock_close(&came);
    else if (peer)
        *peer = who;
    return status;
}

/* Fails with: ERROR_ACCESS_DENIED (its owner is neither this user nor the system). */
static int owner_check(HANDLE pipe)
{
    TOKEN_USER *user = NULL;
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    int status = user_open(&user);
    if (status)
        return status;
    DWORD error = GetSecurityInfo(pipe, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL,
                                  NULL, NULL, &descriptor);
    if (error)
        status = brd_win32_error(error);
    else if (!EqualSid(owner, user->User.Sid) && !IsWellKnownSid(owner, WinLocalSystemSid))
        status = brd_win32_error(ERROR_ACCESS_DENIED);
    if (descriptor)
        LocalFree(descriptor);
    free(user);
    return status;
}

/* Fails with: BROOD_ECLOSED (no such pipe), BROOD_ETIMEDOUT. */
static int pipe_connect(const wchar_t *path, brd_time until, HANDLE *out)
{
    for (;;) {
        brd_time now = brd_os_now();
        // Anonymous: whoever listens there could otherwise act in our name.
        HANDLE pipe =
            CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                        FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
        if (pipe != INVALID_HANDLE_VALUE) {
            *out = pipe;
            return 0;
        }
        if (GetLastError() == ERROR_FILE_NOT_FOUND)
            return BROOD_ECLOSED;
        if (GetLastError() != ERROR_PIPE_BUSY)
            return brd_win32_error(GetLastError());
        if (until <= now)
            return BROOD_ETIMEDOUT;
        // Not 0, which is whatever the listener likes. Another client may be faster.
        DWORD ms = brd_win32_ms(until < now + ONE_WAIT ? until : now + ONE_WAIT);
        WaitNamedPipeW(path, ms ? ms : 1);
    }
}

int brd_os_name_connect(brd_chan **out, const char *local, brd_time until)
{
    wchar_t *path = NULL;
    HANDLE pipe = NULL;
    int status = path_of(local, &path);
    if (status)
        return status;
    status = pipe_connect(path, until, &pipe);
    free(path);
    if (status)
        return status;
    status = owner_check(pipe);
    if (!status)
        status = channel_of(pipe, out);
    if (status)
        CloseHandle(pipe);
    return status;
}
