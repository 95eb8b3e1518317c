/*
 * Handles that wait for whoever fetches them: in a socket pair of which every holder has
 * both ends. Called by the queue. The one thing to know: a lot is one packet, so it is
 * there whole or not at all, and the kernel keeps its descriptors while nobody does.
 */
#include "room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#if defined(MSG_CMSG_CLOEXEC)
#define RECEIVE_FLAGS (MSG_CMSG_CLOEXEC | MSG_DONTWAIT)
#else
#define RECEIVE_FLAGS MSG_DONTWAIT
#endif
#if defined(MSG_NOSIGNAL)
#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)
#else
#define SEND_FLAGS MSG_DONTWAIT
#endif

/** Packets that keep their order and get lost nowhere; of macOS's kinds that is the other. */
#if defined(__APPLE__)
#define PACKETS SOCK_DGRAM
#else
#define PACKETS SOCK_SEQPACKET
#endif

typedef union control {
    struct cmsghdr align;
    unsigned char room[CMSG_SPACE(BRD_LOCKER_LOT * sizeof(int))];
} control;

int brd_os_locker_open(brd_locker *out)
{
    int ends[2] = {-1, -1};
    int type = PACKETS;
#if defined(SOCK_CLOEXEC)
    type |= SOCK_CLOEXEC;
#endif
    if (socketpair(AF_UNIX, type, 0, ends) < 0)
        return brd_error(errno);
    int status = brd_fd_own(&ends[0]);
    int other = brd_fd_own(&ends[1]);
    status = status ? status : other;
    if (status) {
        brd_fd_close(&ends[0]);
        brd_fd_close(&ends[1]);
        return status;
    }
    *out = (brd_locker){.ends = {brd_fd_handle(ends[0]), brd_fd_handle(ends[1])}};
    return 0;
}

int brd_os_locker_leave(brd_locker *l, uint64_t tag, const brd_handle *handles, uint32_t count,
                        uint64_t *tokens)
{
    control extra = {.room = {0}};
    struct iovec part = {.iov_base = &tag, .iov_len = sizeof tag};
    struct msghdr head = {.msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = extra.room,
                          .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *m = &extra.align;
    ssize_t sent = -1;
    if (count == 0 || count > BRD_LOCKER_LOT)
        return BROOD_EINVAL;
    m->cmsg_level = SOL_SOCKET;
    m->cmsg_type = SCM_RIGHTS;
    m->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (uint32_t i = 0; i < count; i++) {
        int fd = brd_fd_of(handles[i]);
        memcpy(CMSG_DATA(m) + i * sizeof fd, &fd, sizeof fd);
        tokens[i] = i;
    }
    do {
        sent = sendmsg(brd_fd_of(l->ends[0]), &head, SEND_FLAGS);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    // The last: more are under way than this user may have open.
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ETOOMANYREFS)
        return BROOD_EAGAIN;
    return brd_error(errno);
}

/** The descriptors of a packet, of which those that nobody wants are closed. */
static int unload(struct msghdr *head, uint32_t want, brd_handle *out)
{
    uint32_t got = 0;
    int status = head->msg_flags & MSG_CTRUNC ? EMFILE : 0;
    for (struct cmsghdr *m = CMSG_FIRSTHDR(head); m; m = CMSG_NXTHDR(head, m)) {
        size_t count = 0;
        if (m->cmsg_level == SOL_SOCKET && m->cmsg_type == SCM_RIGHTS)
            count = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(m) + i * sizeof fd, sizeof fd);
            int owned = brd_fd_own(&fd);
            status = status ? status : owned;
            if (!owned && got < want)
                out[got++] = brd_fd_handle(fd);
            else
                brd_fd_close(&fd);
        }
    }
    if (!status && got < want)
        status = BROOD_ECLOSED;
    for (uint32_t i = 0; status && i < got; i++)
        brd_os_close(&out[i]);
    return status;
}

/** Takes the next packet out; want 0: closes what is in it. */
static int take_packet(int fd, uint32_t want, brd_handle *out)
{
    control extra;
    uint64_t tag;
    struct iovec part = {.iov_base = &tag, .iov_len = sizeof tag};
    struct msghdr head = {.msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = extra.room,
                          .msg_controllen = sizeof extra.room};
    ssize_t size = -1;
    do {
        size = recvmsg(fd, &head, RECEIVE_FLAGS);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? BROOD_ECLOSED : brd_error(errno);
    return unload(&head, want, out);
}

/** Reads the next packet's tag without its descriptors, and leaves it there. */
static int look(int fd, uint64_t *tag)
{
    ssize_t size = -1;
    do {
        size = recv(fd, tag, sizeof *tag, MSG_PEEK | MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? BROOD_ECLOSED : brd_error(errno);
    return size == (ssize_t)sizeof *tag ? 0 : BROOD_EPROTOCOL;
}

int brd_os_locker_fetch(brd_locker *l, uint64_t tag, const uint64_t *tokens, uint32_t count,
                        brd_handle *out)
{
    brd_handle lot[BRD_LOCKER_LOT];
    int fd = brd_fd_of(l->ends[1]);
    (void)tokens; // they are in the order in which they were left
    if (count == 0 || count > BRD_LOCKER_LOT)
        return BROOD_EINVAL;
    for (;;) {
        uint64_t next;
        int status = look(fd, &next);
        if (status)
            return status;
        if (next > tag) // ours went with somebody who died
            return BROOD_ECLOSED;
        status = take_packet(fd, next == tag ? count : 0, lot);
        if (next != tag)
            continue;
        if (!status)
            memcpy(out, lot, count * sizeof *out);
        return status;
    }
}

void brd_os_locker_close(brd_locker *l)
{
    brd_os_close(&l->ends[0]);
    brd_os_close(&l->ends[1]);
}
