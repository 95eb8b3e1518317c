/* TCP sockets: those of channels, which chan.c hands on to here, and those that
 * listen, for name.c. Never a wait in here that the caller did not ask for.
 *
 * Winsock tells of changes, not of states: each network event is reported once,
 * and again only after the call that could not go on. So the state is asked for
 * (a look at the next byte, a select of no time), and the event is only the
 * reason to ask again. Whether there is room to write is the one thing that
 * cannot be asked for: there is, until a send says no, and then until FD_WRITE.
 */
#include "room.h"

#include <mstcpip.h>
#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>

/* Winsock would take megabytes at once, and keep them from whoever wants to stop. */
#define MOST_AT_ONCE 65536

enum { MOST_DISCARDS = 1024 }; /* reads at the end, of what nobody will read */

struct brd_sock {
    SRWLOCK lock;               /* all below */
    CONDITION_VARIABLE changed; /* the event came */
    SOCKET socket;
    HANDLE event;
    PTP_WAIT wait;       /* the thread pool's, for the event */
    bool closing;        /* the callback is not to wait again, */
    bool settled;        /* and has been told so */
    brd_source *watcher; /* to be stirred; lives as long as it stands here */
    bool listens;
    bool full; /* a send could not go on, and no FD_WRITE came since */
};

/* --------------------------------------------------------- making and ending */

static int sock_error(void)
{
    return brd_win32_error((DWORD)WSAGetLastError());
}

static void CALLBACK event_came(PTP_CALLBACK_INSTANCE instance, void *sock, PTP_WAIT wait,
                                TP_WAIT_RESULT result)
{
    brd_sock *s = sock;
    WSANETWORKEVENTS what = {0};
    (void)instance;
    (void)result;
    AcquireSRWLockExclusive(&s->lock);
    WSAEnumNetworkEvents(s->socket, NULL, &what);
    if (what.lNetworkEvents & (FD_WRITE | FD_CLOSE))
        s->full = false;
    WakeAllConditionVariable(&s->changed);
    if (s->watcher)
        brd_win32_source_stir(s->watcher);
    s->settled = s->closing;
    if (!s->closing)
        SetThreadpoolWait(wait, s->event, NULL);
    ReleaseSRWLockExclusive(&s->lock);
}

/* Has a peer that vanished without a word noticed: by the two minutes, not by the two hours that
 * the system would take. It fails for a peer that is gone: no matter. */
static void tend(SOCKET socket)
{
    const BOOL no_delay = TRUE;
    struct tcp_keepalive alive = {.onoff = 1, .keepalivetime = 60000, .keepaliveinterval = 6000};
    DWORD none = 0;
    // A frame must not wait for the next one.
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&no_delay, sizeof no_delay);
    (void)WSAIoctl(socket, SIO_KEEPALIVE_VALS, &alive, sizeof alive, NULL, 0, &none, NULL, NULL);
}

/* Sees that the socket is what it is said to be, and makes it one of ours. */
static int sock_prepare(SOCKET socket, bool listens)
{
    int type = 0, size = sizeof type;
    BOOL is = FALSE;
    if (getsockopt(socket, SOL_SOCKET, SO_TYPE, (char *)&type, &size))
        return WSAGetLastError() == WSAENOTSOCK ? BROOD_EINVAL : sock_error();
    size = sizeof is;
    if (type != SOCK_STREAM || getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, (char *)&is, &size) ||
        !is != !listens)
        return BROOD_EINVAL;
    if (!listens)
        tend(socket);
    SetHandleInformation((HANDLE)socket, HANDLE_FLAG_INHERIT, 0);
    return 0;
}

/* Ends what belongs to the socket, but not the socket. */
static void sock_clear(brd_sock *s)
{
    if (s->wait) {
        // Each wait ends in one callback, and the last one is ours to bring about: Wine can
        // deliver one that is under way even after the wait was cancelled and waited for.
        AcquireSRWLockExclusive(&s->lock);
        s->closing = true;
        SetEvent(s->event);
        while (!s->settled)
            SleepConditionVariableSRW(&s->changed, &s->lock, INFINITE, 0);
        ReleaseSRWLockExclusive(&s->lock);
        WaitForThreadpoolWaitCallbacks(s->wait, FALSE);
        CloseThreadpoolWait(s->wait);
    }
    if (s->event)
        CloseHandle(s->event);
    free(s);
}

/* Has the event set by what happens to the socket, which never waits from then on. */
static int sock_select(brd_sock *s)
{
    s->event = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (!s->event)
        return brd_win32_error(GetLastError());
    s->wait = CreateThreadpoolWait(event_came, s, NULL);
    if (!s->wait)
        return brd_win32_error(GetLastError());
    SetThreadpoolWait(s->wait, s->event, NULL);
    // One that was accepted has this from its listener: it is replaced.
    if (WSAEventSelect(s->socket, s->event, s->listens ? FD_ACCEPT : FD_READ | FD_WRITE | FD_CLOSE))
        return sock_error();
    return 0;
}

int brd_win32_sock_open(HANDLE socket, bool listens, brd_sock **out)
{
    int status = brd_win32_sockets_start();
    if (!status)
        status = sock_prepare((SOCKET)socket, listens);
    if (status)
        return status;
    brd_sock *s = calloc(1, sizeof *s);
    if (!s)
        return BROOD_ENOMEM;
    InitializeSRWLock(&s->lock);
    InitializeConditionVariable(&s->changed);
    s->socket = (SOCKET)socket;
    s->listens = listens;
    status = sock_select(s);
    if (status)
        sock_clear(s);
    else
        *out = s;
    return status;
}

void brd_win32_sock_close(brd_sock **sock)
{
    brd_sock *s = *sock;
    char bytes[4096];
    *sock = NULL;
    if (!s)
        return;
    if (s->watcher)
        brd_win32_source_forget(s->watcher);
    // What was sent and is on its way still is the system's business, which throws it away if
    // something is left unread.
    SOCKET socket = s->socket;
    sock_clear(s);
    for (int i = 0; i < MOST_DISCARDS && recv(socket, bytes, sizeof bytes, 0) > 0; i++)
        ;
    closesocket(socket);
}

HANDLE brd_win32_sock_handle(const brd_sock *s)
{
    return (HANDLE)s->socket;
}

/* --------------------------------------------------------- reading, writing */

int brd_win32_sock_read(brd_sock *s, void *buffer, size_t cap, size_t *got)
{
    int status = 0;
    if (cap == 0)
        return BROOD_EINVAL;
    AcquireSRWLockExclusive(&s->lock);
    int n = recv(s->socket, buffer, cap < INT32_MAX ? (int)cap : INT32_MAX, 0);
    if (n > 0)
        *got = (size_t)n;
    else if (n < 0 && WSAGetLastError() == WSAEWOULDBLOCK)
        status = BROOD_EAGAIN;
    else
        status = BROOD_ECLOSED;
    ReleaseSRWLockExclusive(&s->lock);
    return status;
}

int brd_win32_sock_write(brd_sock *s, const void *bytes, size_t size, size_t *put)
{
    int status = 0;
    if (size == 0)
        return BROOD_EINVAL;
    AcquireSRWLockExclusive(&s->lock);
    int n = send(s->socket, bytes, size < MOST_AT_ONCE ? (int)size : MOST_AT_ONCE, 0);
    if (n > 0) {
        *put = (size_t)n;
    } else if (n < 0 && WSAGetLastError() == WSAEWOULDBLOCK) {
        s->full = true;
        status = BROOD_EAGAIN;
    } else {
        status = BROOD_ECLOSED;
    }
    ReleaseSRWLockExclusive(&s->lock);
    return status;
}

/* The address in 16 bytes, and its port in the two behind, if they are wanted. */
static void bytes_of(const struct sockaddr_storage *address, uint8_t bytes[16], uint8_t *port)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    bool is_six = address->ss_family == AF_INET6;
    memset(bytes, 0, 16);
    if (is_six) {
        memcpy(bytes, &six->sin6_addr, 16);
    } else {
        bytes[10] = bytes[11] = 0xff;
        memcpy(bytes + 12, &four->sin_addr, 4);
    }
    if (port) // high byte first, as it is in there
        memcpy(port, is_six ? &six->sin6_port : &four->sin_port, 2);
}

int brd_win32_sock_accept(brd_sock *s, brd_sock **out, brd_peer *peer)
{
    struct sockaddr_storage from = {0}, here = {0};
    int size = sizeof from, size_here = sizeof here;
    int error = 0;
    SOCKET came;
    do {
        came = accept(s->socket, (struct sockaddr *)&from, &size);
        error = came == INVALID_SOCKET ? WSAGetLastError() : 0;
        // One that has gone before it was its turn.
    } while (error == WSAECONNRESET || error == WSAECONNABORTED);
    if (error)
        return error == WSAEWOULDBLOCK ? BROOD_EAGAIN : brd_win32_error((DWORD)error);
    int status = 0;
    if (getsockname(came, (struct sockaddr *)&here, &size_here))
        status = BROOD_EAGAIN; // it has gone; there may be others
    if (!status)
        status = brd_win32_sock_open((HANDLE)came, false, out);
    if (status) {
        closesocket(came);
        return status;
    }
    bytes_of(&from, peer->source, NULL);
    bytes_of(&here, peer->here, peer->here + 16);
    return 0;
}

int brd_win32_sock_protect(HANDLE socket)
{
    BOOL on = TRUE;
    // Without it whoever asks for it can bind to the same address, and be connected to.
    return setsockopt((SOCKET)socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&on, sizeof on)
               ? sock_error()
               : 0;
}

/* ---------------------------------------------------------------- readiness */

/* Whether somebody waits to be accepted. Lock held. */
static bool somebody_came(brd_sock *s)
{
    fd_set these;
    struct timeval none = {0, 0};
    FD_ZERO(&these);
    these.fd_array[0] = s->socket;
    these.fd_count = 1;
    return select(0, &these, NULL, NULL, &none) != 0;
}

/* What is so just now; if nothing, the event tells when it may be. Lock held. */
static unsigned look(brd_sock *s, unsigned want)
{
    unsigned ready = s->full ? 0 : BRD_WRITE;
    char next;
    if (s->listens)
        return somebody_came(s) ? want & BRD_READ : 0;
    int n = recv(s->socket, &next, 1, MSG_PEEK);
    if (n > 0)
        ready |= BRD_READ;
    else if (n == 0 || WSAGetLastError() != WSAEWOULDBLOCK)
        return want | BRD_ENDED;
    return ready & want;
}

unsigned brd_win32_sock_look(brd_sock *s, unsigned want)
{
    AcquireSRWLockExclusive(&s->lock);
    unsigned ready = look(s, want);
    ReleaseSRWLockExclusive(&s->lock);
    return ready;
}

int brd_win32_sock_wait(brd_sock *s, unsigned want, brd_time until)
{
    int status = 0;
    AcquireSRWLockExclusive(&s->lock);
    while (!look(s, want)) {
        if (until == 0 || brd_os_now() >= until) {
            status = BROOD_ETIMEDOUT;
            break;
        }
        SleepConditionVariableSRW(&s->changed, &s->lock, brd_win32_ms(until), 0);
    }
    ReleaseSRWLockExclusive(&s->lock);
    return status;
}

void brd_win32_sock_watch(brd_sock *s, brd_source *source)
{
    AcquireSRWLockExclusive(&s->lock);
    s->watcher = source;
    ReleaseSRWLockExclusive(&s->lock);
}

brd_source *brd_win32_sock_watcher(brd_sock *s)
{
    AcquireSRWLockExclusive(&s->lock);
    brd_source *source = s->watcher;
    ReleaseSRWLockExclusive(&s->lock);
    return source;
}
