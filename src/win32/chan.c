/* Channels: an end of a private named pipe. Called by the links, and by waiter.c through
 * room.h. pair.c makes the pipes, name.c those with a name; TCP sockets only pass through,
 * on their way to sock.c.
 *
 * Readiness is an overlapped read of no bytes: it ends when there is something to
 * read or the peer is gone, and takes nothing, so that PeekNamedPipe tells the
 * truth at any time and a cancelled one loses nothing. Writes go through one
 * buffer with one overlapped write under way. Both report to the thread pool,
 * not to an event: I/O of a pipe that is bound to no pool is cancelled when the
 * thread that began it ends, and a cancelled write has lost an unknown part of its
 * bytes. Only a pipe that is bound to another process's pool reports by events.
 */
#include "room.h"

#include <stdlib.h>
#include <string.h>

/* How long close waits for what write has accepted, if the peer does not read. */
#define LINGER (1000 * BRD_MS)

/* An event, and who is told when it is set. */
typedef struct brd_signal {
    HANDLE event;
    brd_notice notice;
} brd_signal;

struct brd_chan {
    brd_sock *sock;             /* it is a TCP socket: nothing below counts */
    SRWLOCK lock;               /* all below */
    CONDITION_VARIABLE changed; /* armed, writing or ended */
    HANDLE pipe;
    HANDLE peer; /* the peer's process, known to the end that started it */
    HANDLE read_done;
    PTP_IO io;           /* NULL: the pipe is bound to another process's */
    brd_signal arm_done; /* then */
    brd_signal write_done;
    OVERLAPPED arming;   /* the read of no bytes */
    OVERLAPPED sending;  /* of buffer[0 .. */
    brd_source *watcher; /* to be stirred; lives as long as it stands here */
    DWORD sending_bytes;
    uint64_t given[BRD_WIN32_GIVEN]; /* tokens since the last write */
    size_t ngiven;
    int write_error;
    bool trusted;  /* the peer is our parent */
    bool stranger; /* the peer has come by a name, and hands nothing over */
    bool output;   /* only ever read */
    bool armed;    /* `arming` is under way */
    bool writing;  /* `sending` is under way */
    bool ended;
    bool unread; /* the watcher does not want what is there: a read stirs it */
    char nothing;
    unsigned char buffer[]; /* BRD_WIN32_PIPE_BYTES of it, for a pipe */
};

/* --------------------------------------------------------- making and ending */

/* An operation came to its end. Lock held. */
static void operation_done(brd_chan *c, bool was_arming, DWORD error, ULONG_PTR bytes)
{
    if (was_arming) {
        c->armed = false;
        c->ended = c->ended || (error && error != ERROR_OPERATION_ABORTED);
    } else {
        c->writing = false;
        // Of the write of a thread that has ended meanwhile Wine says 0 bytes; it took all.
        if (error || (bytes && bytes != c->sending_bytes))
            c->write_error = BROOD_ECLOSED;
    }
    WakeAllConditionVariable(&c->changed);
    if (c->watcher)
        brd_win32_source_stir(c->watcher);
}

static void CALLBACK io_done(PTP_CALLBACK_INSTANCE instance, void *context, void *overlapped,
                             ULONG result, ULONG_PTR bytes, PTP_IO io)
{
    brd_chan *c = context;
    (void)instance;
    (void)io;
    AcquireSRWLockExclusive(&c->lock);
    operation_done(c, overlapped == &c->arming, result, bytes);
    ReleaseSRWLockExclusive(&c->lock);
}

/* The event was set: perhaps by an operation that ended at once, and is dealt with. */
static void signalled(brd_chan *c, bool arming)
{
    OVERLAPPED *operation = arming ? &c->arming : &c->sending;
    DWORD bytes = 0, error = ERROR_SUCCESS;
    AcquireSRWLockExclusive(&c->lock);
    if (arming ? c->armed : c->writing) {
        if (!GetOverlappedResult(c->pipe, operation, &bytes, FALSE))
            error = GetLastError();
        if (error != ERROR_IO_INCOMPLETE)
            operation_done(c, arming, error, bytes);
    }
    ReleaseSRWLockExclusive(&c->lock);
}

static void arm_signalled(void *chan)
{
    signalled(chan, true);
}

static void write_signalled(void *chan)
{
    signalled(chan, false);
}

static int signal_open(brd_signal *s, void (*told)(void *), brd_chan *c)
{
    s->event = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (!s->event)
        return brd_win32_error(GetLastError());
    return brd_win32_notice_open(&s->notice, s->event, false, told, c);
}

static void signal_close(brd_signal *s)
{
    brd_win32_notice_close(&s->notice);
    if (s->event)
        CloseHandle(s->event);
}

/* Who is told when an operation ends. A pipe can be bound to one thread pool only, and one
 * that was in use elsewhere is bound to that process's for good: then by events. */
static int bind_pipe(brd_chan *c)
{
    c->io = CreateThreadpoolIo(c->pipe, io_done, c, NULL);
    // What ends at once is dealt with at once, without a detour by the pool.
    if (c->io && SetFileCompletionNotificationModes(c->pipe, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS))
        return 0;
    DWORD error = GetLastError();
    if (c->io || error != ERROR_INVALID_PARAMETER)
        return brd_win32_error(error);
    int status = signal_open(&c->arm_done, arm_signalled, c);
    return status ? status : signal_open(&c->write_done, write_signalled, c);
}

/* All but the pipe. Nothing is under way. */
static void chan_free(brd_chan *c)
{
    if (c->io)
        CloseThreadpoolIo(c->io);
    signal_close(&c->arm_done);
    signal_close(&c->write_done);
    if (c->read_done)
        CloseHandle(c->read_done);
    if (c->peer)
        CloseHandle(c->peer);
    free(c);
}

int brd_win32_chan_of(HANDLE pipe, brd_chan **out)
{
    brd_chan *c = calloc(1, sizeof *c + BRD_WIN32_PIPE_BYTES);
    if (!c)
        return BROOD_ENOMEM;
    InitializeSRWLock(&c->lock);
    InitializeConditionVariable(&c->changed);
    c->pipe = pipe;
    c->read_done = CreateEventW(NULL, TRUE, FALSE, NULL);
    int status = c->read_done ? bind_pipe(c) : brd_win32_error(GetLastError());
    if (status)
        chan_free(c);
    else
        *out = c;
    return status;
}

/* An operation begins: clears it, and says who is told of its end. Lock held. */
static void begin(brd_chan *c, OVERLAPPED *operation, const brd_signal *s)
{
    memset(operation, 0, sizeof *operation);
    if (c->io)
        StartThreadpoolIo(c->io);
    else // the lowest bit keeps the other process's thread pool out of it
        operation->hEvent = (HANDLE)((uintptr_t)s->event | 1);
}

/* It has ended at once: nobody need be told. Lock held. */
static void ended_at_once(brd_chan *c)
{
    if (c->io)
        CancelThreadpoolIo(c->io);
}

int brd_win32_chan_of_sock(brd_sock *s, brd_chan **out)
{
    brd_chan *c = calloc(1, sizeof *c);
    if (!c)
        return BROOD_ENOMEM;
    c->sock = s;
    *out = c;
    return 0;
}

static int adopt_socket(brd_chan **out, HANDLE socket)
{
    brd_chan *c = NULL;
    int status = brd_win32_chan_of_sock(NULL, &c);
    if (!status)
        status = brd_win32_sock_open(socket, false, &c->sock);
    if (status)
        free(c);
    else
        *out = c;
    return status;
}

int brd_os_chan_adopt(brd_chan **out, brd_handle theirs)
{
    HANDLE pipe = brd_win32_handle(theirs);
    if (brd_is_none(theirs) || GetFileType(pipe) != FILE_TYPE_PIPE)
        return BROOD_EINVAL;
    // The system calls a socket a pipe as well.
    if (!GetNamedPipeInfo(pipe, NULL, NULL, NULL, NULL))
        return adopt_socket(out, pipe);
    // What came by inheritance is inheritable still.
    SetHandleInformation(pipe, HANDLE_FLAG_INHERIT, 0);
    return brd_win32_chan_of(pipe, out);
}

/* Gives accepted bytes their time, then ends what is under way. Lock held. */
static void chan_settle(brd_chan *c)
{
    brd_time until = brd_os_now() + LINGER;
    while (c->writing && brd_os_now() < until)
        SleepConditionVariableSRW(&c->changed, &c->lock, brd_win32_ms(until), 0);
    if (c->writing || c->armed)
        CancelIoEx(c->pipe, NULL);
    while (c->writing || c->armed)
        SleepConditionVariableSRW(&c->changed, &c->lock, INFINITE, 0);
}

void brd_os_chan_close(brd_chan **chan)
{
    brd_chan *c = *chan;
    *chan = NULL;
    if (!c)
        return;
    if (c->sock) {
        brd_win32_sock_close(&c->sock);
        free(c);
        return;
    }
    if (c->watcher)
        brd_win32_source_forget(c->watcher);
    brd_os_chan_take_back(c);
    AcquireSRWLockExclusive(&c->lock);
    chan_settle(c);
    ReleaseSRWLockExclusive(&c->lock);
    if (c->io)
        WaitForThreadpoolIoCallbacks(c->io, FALSE);
    CloseHandle(c->pipe);
    chan_free(c);
}

/* --------------------------------------------------------- reading, writing */

/* How many bytes can be read. False: none will come. Lock held. */
static bool peek(brd_chan *c, DWORD *there)
{
    *there = 0;
    return PeekNamedPipe(c->pipe, NULL, 0, NULL, there, NULL);
}

/* Begins the read of no bytes. False: it is over already. Lock held. */
static bool arm(brd_chan *c)
{
    begin(c, &c->arming, &c->arm_done);
    c->armed = true;
    BOOL at_once = ReadFile(c->pipe, &c->nothing, 0, NULL, &c->arming);
    if (!at_once && GetLastError() == ERROR_IO_PENDING)
        return true;
    ended_at_once(c);
    c->armed = false;
    c->ended = c->ended || !at_once;
    return false;
}

static bool peer_died(const brd_chan *c)
{
    return c->peer && WaitForSingleObject(c->peer, 0) == WAIT_OBJECT_0;
}

/* Reads what PeekNamedPipe saw, so this ends at once. Lock held. */
static int read_there(brd_chan *c, void *buffer, DWORD size, size_t *got)
{
    OVERLAPPED reading = {0};
    DWORD n = 0;
    // The lowest bit keeps the thread pool out of it.
    reading.hEvent = (HANDLE)((uintptr_t)c->read_done | 1);
    if (!ReadFile(c->pipe, buffer, size, NULL, &reading) && GetLastError() != ERROR_IO_PENDING)
        return BROOD_ECLOSED;
    if (!GetOverlappedResult(c->pipe, &reading, &n, TRUE) || n == 0)
        return BROOD_ECLOSED;
    *got = n;
    return 0;
}

int brd_os_chan_read(brd_chan *c, void *buffer, size_t cap, size_t *got)
{
    DWORD there = 0;
    int status = BROOD_EAGAIN;
    if (c->sock)
        return brd_win32_sock_read(c->sock, buffer, cap, got);
    if (cap == 0)
        return BROOD_EINVAL;
    AcquireSRWLockExclusive(&c->lock);
    bool open = peek(c, &there);
    // Only a read can tell an empty pipe from one that has just lost its peer.
    while (open && !there && !c->armed && !arm(c) && !c->ended)
        open = peek(c, &there);
    // The process may be seen to end before its end of the pipe; its last bytes not.
    if (open && !there && peer_died(c))
        open = peek(c, &there) && there;
    if (there)
        status = read_there(c, buffer, cap < there ? (DWORD)cap : there, got);
    else if (!open || c->ended)
        status = BROOD_ECLOSED;
    if (c->unread && c->watcher) {
        c->unread = false;
        brd_win32_source_stir(c->watcher);
    }
    ReleaseSRWLockExclusive(&c->lock);
    return status;
}

/* Begins the write of sending_bytes; it may end at once. Lock held. */
static int send_buffer(brd_chan *c)
{
    DWORD error = ERROR_SUCCESS;
    begin(c, &c->sending, &c->write_done);
    c->writing = true;
    if (!WriteFile(c->pipe, c->buffer, c->sending_bytes, NULL, &c->sending))
        error = GetLastError();
    if (error == ERROR_IO_PENDING)
        return 0;
    ended_at_once(c);
    c->writing = false;
    // Whatever went wrong: the stream has a hole from here on.
    if (error)
        c->write_error = BROOD_ECLOSED;
    return c->write_error;
}

int brd_os_chan_write(brd_chan *c, const void *bytes, size_t size, size_t *put)
{
    int status;
    if (c->sock)
        return brd_win32_sock_write(c->sock, bytes, size, put);
    if (size == 0 || c->output)
        return BROOD_EINVAL;
    AcquireSRWLockExclusive(&c->lock);
    status = c->write_error;
    if (!status && c->writing)
        status = BROOD_EAGAIN;
    if (!status) {
        c->sending_bytes = size < BRD_WIN32_PIPE_BYTES ? (DWORD)size : BRD_WIN32_PIPE_BYTES;
        memcpy(c->buffer, bytes, c->sending_bytes);
        status = send_buffer(c);
        if (!status) {
            *put = c->sending_bytes;
            c->ngiven = 0;
        }
    }
    ReleaseSRWLockExclusive(&c->lock);
    return status;
}

/* ---------------------------------------------------------------- readiness */

/* What is so just now. Lock held. */
static unsigned look(brd_chan *c, unsigned want)
{
    unsigned ready = c->writing ? 0 : BRD_WRITE;
    DWORD there;
    bool open = peek(c, &there);
    c->unread = open && there > 0;
    if (c->unread)
        ready |= BRD_READ;
    else if (!open || c->ended)
        return want | BRD_ENDED;
    return ready & want;
}

/* The same; if nothing is so, io_done tells when it may be. Lock held. */
static unsigned look_or_arm(brd_chan *c, unsigned want)
{
    unsigned ready;
    do
        ready = look(c, want);
    while (!ready && !c->unread && !c->armed && !arm(c));
    return ready;
}

unsigned brd_win32_chan_look(brd_chan *c, unsigned want)
{
    if (c->sock)
        return brd_win32_sock_look(c->sock, want);
    AcquireSRWLockExclusive(&c->lock);
    unsigned ready = look_or_arm(c, want);
    ReleaseSRWLockExclusive(&c->lock);
    return ready;
}

int brd_os_chan_wait(brd_chan *c, unsigned want, brd_time until)
{
    int status = 0;
    if (c->sock)
        return brd_win32_sock_wait(c->sock, want, until);
    AcquireSRWLockExclusive(&c->lock);
    while (!look_or_arm(c, want)) {
        if (until == 0 || brd_os_now() >= until) {
            status = BROOD_ETIMEDOUT;
            break;
        }
        SleepConditionVariableSRW(&c->changed, &c->lock, brd_win32_ms(until), 0);
    }
    ReleaseSRWLockExclusive(&c->lock);
    return status;
}

void brd_win32_chan_watch(brd_chan *c, brd_source *s)
{
    if (c->sock) {
        brd_win32_sock_watch(c->sock, s);
        return;
    }
    AcquireSRWLockExclusive(&c->lock);
    c->watcher = s;
    ReleaseSRWLockExclusive(&c->lock);
}

brd_source *brd_win32_chan_watcher(brd_chan *c)
{
    if (c->sock)
        return brd_win32_sock_watcher(c->sock);
    AcquireSRWLockExclusive(&c->lock);
    brd_source *s = c->watcher;
    ReleaseSRWLockExclusive(&c->lock);
    return s;
}

/* ------------------------------------------------------------------ handles */

int brd_win32_chan_peer(brd_chan *c, HANDLE process)
{
    HANDLE mine = GetCurrentProcess(), copy = NULL;
    if (!DuplicateHandle(mine, process, mine, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
        return brd_win32_error(GetLastError());
    AcquireSRWLockExclusive(&c->lock);
    if (c->peer)
        CloseHandle(c->peer);
    c->peer = copy;
    ReleaseSRWLockExclusive(&c->lock);
    return 0;
}

brd_handle brd_os_chan_handle(const brd_chan *c)
{
    return brd_win32_wrap(c->sock ? brd_win32_sock_handle(c->sock) : c->pipe);
}

void brd_os_chan_trust(brd_chan *c)
{
    c->trusted = true;
}

bool brd_win32_chan_note_given(brd_chan *c, uint64_t token)
{
    if (c->ngiven == BRD_WIN32_GIVEN)
        return false;
    c->given[c->ngiven++] = token;
    return true;
}

bool brd_win32_chan_last_given(brd_chan *c, uint64_t *token)
{
    if (c->ngiven == 0)
        return false;
    *token = c->given[--c->ngiven];
    return true;
}

void brd_win32_chan_only_read(brd_chan *c)
{
    c->output = true;
}

void brd_win32_chan_estrange(brd_chan *c)
{
    c->stranger = true;
}

bool brd_win32_chan_stranger(const brd_chan *c)
{
    return c->sock || c->stranger;
}

bool brd_win32_chan_trusted(brd_chan *c)
{
    return c->trusted;
}

HANDLE brd_win32_chan_process(brd_chan *c)
{
    AcquireSRWLockExclusive(&c->lock);
    HANDLE peer = c->peer;
    ReleaseSRWLockExclusive(&c->lock);
    return peer;
}
