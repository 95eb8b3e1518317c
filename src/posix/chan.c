/*
 * Channels: one end of a socket pair, with descriptors that travel along. Called
 * by the links above; the waiter borrows the descriptor. The one thing to know: given
 * descriptors ride on the next byte written, so they are always here before the tokens
 * that name them; a token counts those that were given before one write. What belongs
 * to the reading thread and to the writing thread is kept apart, so no lock.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_HANDLES = 16, MOST_DISCARDS = 1024 };

#if defined(MSG_NOSIGNAL)
#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)
#else
#define SEND_FLAGS MSG_DONTWAIT
#endif
#if defined(MSG_CMSG_CLOEXEC)
#define RECEIVE_FLAGS (MSG_CMSG_CLOEXEC | MSG_DONTWAIT)
#else
#define RECEIVE_FLAGS MSG_DONTWAIT
#endif

/** A descriptor that came and was not taken yet. */
typedef struct arrival {
    uint64_t token;
    int fd;
} arrival;

struct brd_chan {
    int fd;
    bool stranger; // no descriptors travel
    bool output;   // the read end of a pipe

    // The writer's.
    int given[MOST_HANDLES];
    size_t ngiven;

    // The reader's.
    arrival came[MOST_HANDLES];
    size_t ncame;
    bool missing; // of the last that came, the system had to drop some
    bool broken;
};

/** Room for one control message with the most descriptors we accept. */
typedef union control {
    struct cmsghdr align;
    unsigned char room[CMSG_SPACE(MOST_HANDLES * sizeof(int))];
} control;

int brd_chan_fd(const brd_chan *c)
{
    return c->fd;
}

void brd_chan_estrange(brd_chan *c)
{
    c->stranger = true;
}

static int chan_make(brd_chan **out, int fd)
{
    int status = brd_fd_nonblocking(fd);
    brd_chan *c = NULL;
    if (status)
        return status;
#if defined(SO_NOSIGPIPE)
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) < 0)
        return brd_error(errno);
#endif
    c = calloc(1, sizeof *c);
    if (!c)
        return BROOD_ENOMEM;
    c->fd = fd;
    *out = c;
    return 0;
}

int brd_os_chan_pair(brd_chan **mine, brd_handle *theirs)
{
    int ends[2] = {-1, -1};
    int type = SOCK_STREAM;
    int status = 0;
#if defined(SOCK_CLOEXEC)
    type |= SOCK_CLOEXEC;
#endif
    if (socketpair(AF_UNIX, type, 0, ends) < 0)
        return brd_error(errno);
    status = brd_fd_own(&ends[0]);
    if (status)
        goto done;
    status = brd_fd_own(&ends[1]);
    if (status)
        goto done;
    status = chan_make(mine, ends[0]);
    if (status)
        goto done;
    *theirs = brd_fd_handle(ends[1]);
    ends[0] = -1;
    ends[1] = -1;
done:
    brd_fd_close(&ends[0]);
    brd_fd_close(&ends[1]);
    return status;
}

int brd_os_chan_output(brd_chan **mine, brd_handle *theirs)
{
    int ends[2] = {-1, -1};
    brd_chan *c = NULL;
    int status = brd_pipe_open(ends); // no socket: those cannot be opened as /dev/stdout
    if (status)
        return status;
    status = brd_fd_nonblocking(ends[0]); // the child's end is another description, and waits
    if (status)
        goto done;
    c = calloc(1, sizeof *c);
    if (!c) {
        status = BROOD_ENOMEM;
        goto done;
    }
    c->fd = ends[0];
    c->output = true;
    *mine = c;
    *theirs = brd_fd_handle(ends[1]);
    ends[0] = -1;
    ends[1] = -1;
done:
    brd_fd_close(&ends[0]);
    brd_fd_close(&ends[1]);
    return status;
}

/** Whether one of its ends has a name, so that its peer may be any program of this user. */
static bool is_named(int fd)
{
    struct sockaddr_un ends[2] = {{.sun_family = AF_UNSPEC}, {.sun_family = AF_UNSPEC}};
    socklen_t sizes[2] = {sizeof ends[0], sizeof ends[1]};
    bool named = false;
    (void)getsockname(fd, (struct sockaddr *)&ends[0], &sizes[0]);
    (void)getpeername(fd, (struct sockaddr *)&ends[1], &sizes[1]);
    for (int i = 0; i < 2; i++)
        named = named || (ends[i].sun_family == AF_UNIX && ends[i].sun_path[0] != '\0');
    return named;
}

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

/**
 * Has a peer that vanished without a word noticed by the two minutes, not by the two hours that
 * the system would take. False if it is no TCP socket.
 */
static bool tend_tcp(int fd)
{
    const int on = 1;
    // A frame must not wait for the next one. What is no TCP has no such option.
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        return false;
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
#if defined(TCP_KEEPIDLE)
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
#elif defined(TCP_KEEPALIVE) // macOS before 2019
    set_option(fd, IPPROTO_TCP, TCP_KEEPALIVE, 60);
#endif
#if defined(TCP_KEEPINTVL) && defined(TCP_KEEPCNT)
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 6);
#endif
    return true;
}

int brd_os_chan_adopt(brd_chan **out, brd_handle theirs)
{
    int fd = brd_fd_of(theirs);
    int type = 0;
    bool tcp = false;
    int status = 0;
    socklen_t size = sizeof type;
    if (brd_is_none(theirs))
        return BROOD_EINVAL;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
        return brd_error(errno);
    if (type != SOCK_STREAM)
        return BROOD_EINVAL;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return brd_error(errno);
    tcp = tend_tcp(fd);
    brd_fd_note(fd);
    status = chan_make(out, fd);
    if (status == 0)
        (*out)->stranger = tcp || is_named(fd);
    return status;
}

/** Keeps a descriptor that arrived, or closes it when there is no room. */
static int keep_arrival(brd_chan *c, uint64_t token, int fd)
{
    if (c->ncame == MOST_HANDLES) {
        brd_fd_close(&fd);
        return BROOD_EPROTOCOL;
    }
    c->came[c->ncame] = (arrival){token, fd};
    c->ncame++;
    return 0;
}

/** What came with one read was given before one write: the system keeps it together. */
static int keep_arrivals(brd_chan *c, struct msghdr *head)
{
    uint64_t token = 0;
    int status = 0;
    for (struct cmsghdr *m = CMSG_FIRSTHDR(head); m; m = CMSG_NXTHDR(head, m)) {
        size_t count = 0;
        if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
            continue;
        count = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        c->missing = false;
        for (size_t i = 0; i < count; i++) {
            int fd = -1;
            int kept = 0;
            memcpy(&fd, CMSG_DATA(m) + i * sizeof fd, sizeof fd);
            kept = brd_fd_own(&fd);
            if (kept == 0)
                kept = keep_arrival(c, ++token, fd);
            status = status ? status : kept;
        }
    }
    // Most often this process may open no more of them, which is not the peer's fault.
    if (head->msg_flags & MSG_CTRUNC)
        c->missing = true;
    return status == 0 && c->missing && c->stranger ? BROOD_EPROTOCOL : status;
}

static int read_output(brd_chan *c, void *buffer, size_t cap, size_t *got)
{
    ssize_t size = -1;
    do {
        size = read(c->fd, buffer, cap);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? BROOD_EAGAIN : brd_error(errno);
    if (size == 0)
        return BROOD_ECLOSED;
    *got = (size_t)size;
    return 0;
}

int brd_os_chan_read(brd_chan *c, void *buffer, size_t cap, size_t *got)
{
    control extra;
    struct iovec bytes = {.iov_base = buffer, .iov_len = cap};
    struct msghdr head = {.msg_iov = &bytes, .msg_iovlen = 1};
    ssize_t size = -1;
    int status = 0;
    if (cap == 0)
        return BROOD_EINVAL;
    if (c->broken)
        return BROOD_EPROTOCOL;
    if (c->output)
        return read_output(c, buffer, cap, got);
    do {
        head.msg_control = extra.room;
        // Without room the system closes them, and says that something is missing.
        head.msg_controllen = c->stranger ? 0 : sizeof extra.room;
        size = recvmsg(c->fd, &head, RECEIVE_FLAGS);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return BROOD_EAGAIN;
        return errno == ECONNRESET ? BROOD_ECLOSED : brd_error(errno);
    }
    status = keep_arrivals(c, &head);
    if (status) {
        // The bytes are lost with the handles, so what follows means nothing.
        c->broken = true;
        return status;
    }
    if (size == 0)
        return BROOD_ECLOSED;
    *got = (size_t)size;
    return 0;
}

static void attach_given(brd_chan *c, struct msghdr *head, control *extra)
{
    struct cmsghdr *m = &extra->align;
    if (c->ngiven == 0)
        return;
    memset(extra, 0, sizeof *extra);
    head->msg_control = extra->room;
    head->msg_controllen = CMSG_SPACE(c->ngiven * sizeof(int));
    m->cmsg_level = SOL_SOCKET;
    m->cmsg_type = SCM_RIGHTS;
    m->cmsg_len = CMSG_LEN(c->ngiven * sizeof(int));
    memcpy(CMSG_DATA(m), c->given, c->ngiven * sizeof(int));
}

static void drop_given(brd_chan *c)
{
    for (size_t i = 0; i < c->ngiven; i++)
        brd_fd_close(&c->given[i]);
    c->ngiven = 0;
}

int brd_os_chan_write(brd_chan *c, const void *bytes, size_t size, size_t *put)
{
    control extra;
    // iov_base is not const although sendmsg only reads.
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent = -1;
    if (size == 0 || c->output)
        return BROOD_EINVAL;
    attach_given(c, &head, &extra);
    do {
        sent = sendmsg(c->fd, &head, SEND_FLAGS);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            return BROOD_EAGAIN;
        return errno == EPIPE || errno == ECONNRESET ? BROOD_ECLOSED : brd_error(errno);
    }
    drop_given(c);
    *put = (size_t)sent;
    return 0;
}

int brd_os_chan_wait(brd_chan *c, unsigned want, brd_time until)
{
    struct pollfd ready = {.fd = c->fd};
    int status = 0;
    if (want & BRD_READ)
        ready.events |= POLLIN;
    if (want & BRD_WRITE)
        ready.events |= POLLOUT;
    status = brd_fd_poll(&ready, 1, until);
    if (status == 0 && (ready.revents & POLLNVAL))
        status = EBADF;
    return status;
}

int brd_os_chan_give(brd_chan *c, brd_handle h, uint64_t *token)
{
    int status = 0;
    if (brd_is_none(h))
        return BROOD_EINVAL;
    if (c->stranger)
        return BROOD_ENOTSUP;
    if (c->ngiven == MOST_HANDLES)
        return BROOD_EAGAIN;
    status = brd_fd_duplicate(brd_fd_of(h), 3, &c->given[c->ngiven]);
    if (status)
        return status;
    c->ngiven++;
    *token = c->ngiven;
    return 0;
}

void brd_os_chan_take_back(brd_chan *c)
{
    drop_given(c);
}

brd_handle brd_os_chan_handle(const brd_chan *c)
{
    return brd_fd_handle(c->fd);
}

void brd_os_chan_trust(brd_chan *c)
{
    (void)c; // the kernel carries descriptors: nobody can name one of ours
}

int brd_os_chan_take(brd_chan *c, uint64_t token, brd_handle *out)
{
    for (size_t i = 0; i < c->ncame; i++) {
        if (c->came[i].token != token)
            continue;
        *out = brd_fd_handle(c->came[i].fd);
        c->ncame--;
        // The order stays: the same token may be there once more, given later.
        memmove(&c->came[i], &c->came[i + 1], (c->ncame - i) * sizeof c->came[0]);
        return 0;
    }
    return c->missing ? EMFILE : BROOD_EPROTOCOL;
}

/** What nobody will read any more: left there, it would make TCP throw away what was sent. */
static void discard_input(const brd_chan *c)
{
    unsigned char bytes[4096];
    for (int i = 0; i < MOST_DISCARDS && recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0; i++)
        continue;
}

void brd_os_chan_close(brd_chan **c)
{
    brd_chan *gone = *c;
    *c = NULL;
    if (!gone)
        return;
    drop_given(gone);
    for (size_t i = 0; i < gone->ncame; i++)
        brd_fd_close(&gone->came[i].fd);
    if (gone->stranger)
        discard_input(gone);
    brd_fd_close(&gone->fd);
    free(gone);
}
