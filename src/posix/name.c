/*
 * Names: a listening socket, its file, and a lock that says who the file's owner is.
 * Called by listeners and their clients; place.c says where the files are. The one thing
 * to know: whoever holds the lock may remove and make the file, and a lock ends with its
 * process, so that the name of a dead listener is free and that of a living one is not.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_REFUSED = 64 };

struct brd_name {
    int fd;
    bool local;

    // Of a local name.
    int directory;
    int lock;
    pid_t owner;      // a copy of this process must not remove it
    struct stat made; // the file
    char path[BRD_LOCAL_SIZE];
    const char *file; // the end of path
};

int brd_name_fd(const brd_name *n)
{
    return n->fd;
}

/* ------------------------------------------------------------------ sockets */

static int socket_open(int *out)
{
    int type = SOCK_STREAM;
    int fd = -1;
    int status = 0;
#if defined(SOCK_CLOEXEC)
    type |= SOCK_CLOEXEC;
#endif
    fd = socket(AF_UNIX, type, 0);
    status = brd_fd_own(&fd);
    if (status == 0)
        *out = fd;
    return status;
}

/** Where a socket is. Fails with: BROOD_EINVAL (the path is too long). */
static int address_of(const char *path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    // Not an abstract name either, which anybody could reach.
    if (path[0] != '/' || strlen(path) >= sizeof out->sun_path)
        return BROOD_EINVAL;
    memcpy(out->sun_path, path, strlen(path) + 1);
    return 0;
}

/** Who is at the other end, as the system knows it from when they connected or listened. */
static int peer_of(int fd, uid_t *user, int64_t *pid)
{
#if defined(SO_PEERCRED) && defined(__linux__)
    struct ucred who;
    socklen_t size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
        return brd_error(errno);
    *user = who.uid;
    *pid = who.pid;
#else
    gid_t group = 0;
    if (getpeereid(fd, user, &group) < 0)
        return brd_error(errno);
    *pid = 0;
#if defined(LOCAL_PEERPID)
    pid_t number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, &number, &size) == 0)
        *pid = number;
#endif
#endif
    return 0;
}

/* ---------------------------------------------------------------- listening */

/** Splits the path, and opens its directory if that is private. */
static int directory_open(brd_name *n)
{
    char *slash = strrchr(n->path, '/');
    struct stat is;
    int status = 0;
    n->file = slash + 1;
    if (strncmp(n->file, BRD_WORD_PREFIX, strlen(BRD_WORD_PREFIX)) != 0 &&
        strncmp(n->file, BRD_PRIVATE_PREFIX, strlen(BRD_PRIVATE_PREFIX)) != 0)
        return BROOD_EINVAL;
    *slash = '\0';
    n->directory = open(n->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    status = brd_fd_own(&n->directory);
    *slash = '/';
    if (status)
        return status;
    if (fstat(n->directory, &is) < 0)
        return brd_error(errno);
    return brd_place_is_private(&is) ? 0 : EPERM;
}

static void lock_name(const brd_name *n, char *buffer, size_t cap)
{
    snprintf(buffer, cap, BRD_LOCK_PREFIX "%s", n->file);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/**
 * Takes the lock of the name. Who held it before may have removed its file after we had
 * opened it: then we hold a lock that nobody else will ever see, and begin again.
 */
static int lock_take(brd_name *n)
{
    char file[BRD_LOCAL_SIZE];
    struct stat held;
    struct stat named;
    int status = 0;
    lock_name(n, file, sizeof file);
    for (;;) {
        n->lock = openat(n->directory, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        status = brd_fd_own(&n->lock);
        if (status)
            return status;
        if (flock(n->lock, LOCK_EX | LOCK_NB) < 0) {
            status = errno == EWOULDBLOCK ? BROOD_EBUSY : brd_error(errno);
            brd_fd_close(&n->lock);
            return status;
        }
        if (fstat(n->lock, &held) == 0 &&
            fstatat(n->directory, file, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
            same_file(&held, &named))
            return 0;
        brd_fd_close(&n->lock);
    }
}

/** Lets go of the lock, and of its file. */
static void lock_drop(brd_name *n)
{
    char file[BRD_LOCAL_SIZE];
    if (n->lock < 0)
        return;
    lock_name(n, file, sizeof file);
    (void)unlinkat(n->directory, file, 0);
    // By word: a child that is just about to exec holds the descriptor as well.
    (void)flock(n->lock, LOCK_UN);
    brd_fd_close(&n->lock);
}

/** Whether somebody listens there although nobody held the lock: its file was deleted. */
static int is_listening(const struct sockaddr_un *address, bool *out)
{
    int fd = -1;
    int status = socket_open(&fd);
    if (status)
        return status;
    status = brd_fd_nonblocking(fd);
    if (status == 0)
        *out = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
               errno == EAGAIN || errno == EINPROGRESS;
    brd_fd_close(&fd);
    return status;
}

/** Makes the file, which the lock allows, and listens. */
static int file_make(brd_name *n, const struct sockaddr_un *address)
{
    bool alive = false;
    int status = is_listening(address, &alive);
    if (status || alive)
        return status ? status : BROOD_EBUSY;
    if (unlinkat(n->directory, n->file, 0) < 0 && errno != ENOENT)
        return brd_error(errno);
    if (bind(n->fd, (const struct sockaddr *)address, sizeof *address) < 0)
        return brd_error(errno);
    // Through the directory: it proves that the path led there.
    if (fstatat(n->directory, n->file, &n->made, AT_SYMLINK_NOFOLLOW) < 0)
        return brd_error(errno);
    // Whatever the umask took; the directory protects it.
    if (fchmodat(n->directory, n->file, 0600, 0) < 0 || listen(n->fd, SOMAXCONN) < 0)
        return brd_error(errno);
    return 0;
}

static brd_name *name_new(void)
{
    brd_name *n = calloc(1, sizeof *n);
    if (n) {
        n->fd = -1;
        n->directory = -1;
        n->lock = -1;
    }
    return n;
}

int brd_os_name_listen(brd_name **out, const char *local)
{
    struct sockaddr_un address;
    brd_name *n = NULL;
    int status = local ? address_of(local, &address) : BROOD_EINVAL;
    if (status)
        goto done;
    n = name_new();
    status = n ? 0 : BROOD_ENOMEM;
    if (status)
        goto done;
    n->local = true;
    n->owner = getpid();
    memcpy(n->path, address.sun_path, strlen(address.sun_path) + 1);
    status = directory_open(n);
    if (status == 0 && strncmp(n->file, BRD_PRIVATE_PREFIX, strlen(BRD_PRIVATE_PREFIX)) == 0)
        brd_place_sweep(n->directory);
    if (status == 0)
        status = lock_take(n);
    if (status == 0)
        status = socket_open(&n->fd);
    if (status == 0)
        status = brd_fd_nonblocking(n->fd);
    if (status == 0)
        status = file_make(n, &address);
    if (status)
        goto done;
    *out = n;
    n = NULL;
done:
    brd_os_name_close(&n);
    return status;
}

/** Whether this is a TCP socket that listens, as far as the system tells. */
static bool is_tcp_listener(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    int type = 0;
    int listens = 1;
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
        (address.ss_family != AF_INET && address.ss_family != AF_INET6))
        return false;
    size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
        return false;
    size = sizeof listens;
    // Not every system answers this one.
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || listens;
}

int brd_os_name_protect(brd_handle socket)
{
    int on = 1;
    if (brd_is_none(socket))
        return BROOD_EINVAL;
    // Nobody can bind where somebody listens, with this or without; it is for the dead.
    if (setsockopt(brd_fd_of(socket), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return brd_error(errno);
    return 0;
}

int brd_os_name_adopt(brd_name **out, brd_handle socket)
{
    int fd = brd_fd_of(socket);
    brd_name *n = NULL;
    int status = 0;
    if (brd_is_none(socket) || !is_tcp_listener(fd))
        return BROOD_EINVAL;
    status = brd_fd_nonblocking(fd);
    if (status)
        return status;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return brd_error(errno);
    n = name_new();
    if (!n)
        return BROOD_ENOMEM;
    brd_fd_note(fd);
    n->fd = fd;
    *out = n;
    return 0;
}

/** Removes the file if it is the one that we made, as the lock still allows, and the lock. */
static void file_remove(brd_name *n)
{
    static const char alone[] = BRD_PLACE_ALONE;
    char *slash = strrchr(n->path, '/');
    struct stat now;
    if (n->lock >= 0 && fstatat(n->directory, n->file, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
        same_file(&now, &n->made))
        (void)unlinkat(n->directory, n->file, 0);
    lock_drop(n);
    // Its own directory goes with it.
    *slash = '\0';
    if (strlen(n->path) == strlen(alone) && strncmp(n->path, alone, strcspn(alone, "X")) == 0)
        (void)rmdir(n->path);
}

void brd_os_name_close(brd_name **n)
{
    brd_name *gone = *n;
    *n = NULL;
    if (!gone)
        return;
    if (gone->local && gone->owner == getpid())
        file_remove(gone);
    brd_fd_close(&gone->fd);
    brd_fd_close(&gone->lock);
    brd_fd_close(&gone->directory);
    free(gone);
}

/* ---------------------------------------------------- accepting, connecting */

/** Whether it is the peer that failed, not this process: accept tells what became of them. */
static bool is_of_the_peer(int status)
{
    return status != EMFILE && status != ENFILE && status != ENOBUFS && status != BROOD_ENOMEM &&
           status != EBADF && status != EINVAL && status != ENOTSOCK;
}

/** The address in 16 bytes, and its port in the two behind, if they are wanted. */
static void bytes_of(const struct sockaddr_storage *address, uint8_t bytes[16], uint8_t *port)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    in_port_t number = 0;
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
        memcpy(bytes, &six->sin6_addr, 16);
        number = six->sin6_port;
    } else if (address->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        memcpy(bytes, mapped, sizeof mapped);
        memcpy(bytes + sizeof mapped, &four->sin_addr, 4);
        number = four->sin_port;
    }
    if (port)
        memcpy(port, &number, sizeof number); // high byte first, as it is in there
}

/** Where a TCP peer comes from, and what it has reached. */
static int peer_addresses(int fd, const struct sockaddr_storage *from, brd_peer *who)
{
    struct sockaddr_storage here = {0};
    socklen_t size = sizeof here;
    if (getsockname(fd, (struct sockaddr *)&here, &size) < 0)
        return brd_error(errno);
    bytes_of(from, who->source, NULL);
    bytes_of(&here, who->here, who->here + 16);
    return 0;
}

/** Who it is. Fails with: EACCES (somebody who has no business here). */
static int peer_check(const brd_name *n, int fd, const struct sockaddr_storage *from, brd_peer *who)
{
    uid_t user = 0;
    int status = 0;
    if (!n->local)
        return peer_addresses(fd, from, who);
    status = peer_of(fd, &user, &who->pid);
    if (status == 0 && user != geteuid())
        status = EACCES;
    return status;
}

/** The next connection, whoever it is of. *fd is new. */
static int accept_one(const brd_name *n, int *fd, struct sockaddr_storage *from)
{
    socklen_t size = sizeof *from;
    int came = -1;
    int status = 0;
#if defined(SOCK_CLOEXEC)
    came = accept4(n->fd, (struct sockaddr *)from, &size, SOCK_CLOEXEC);
#else
    came = accept(n->fd, (struct sockaddr *)from, &size);
#endif
    if (came < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return BROOD_EAGAIN;
    status = brd_fd_own(&came);
    if (status == 0)
        *fd = came;
    return status;
}

/** The channel of a connection, which is closed if there is none. */
static int channel_of(int fd, brd_chan **out)
{
    int status = brd_os_chan_adopt(out, brd_fd_handle(fd));
    if (status)
        brd_fd_close(&fd);
    else
        brd_chan_estrange(*out);
    return status;
}

int brd_os_name_accept(brd_name *n, brd_chan **out, brd_peer *peer)
{
    int status = 0;
    for (int refused = 0; refused < MOST_REFUSED; refused++) {
        struct sockaddr_storage from = {0};
        brd_peer who = {0};
        int fd = -1;
        status = accept_one(n, &fd, &from);
        if (status == BROOD_EAGAIN || (status && !is_of_the_peer(status)))
            return status;
        if (status || peer_check(n, fd, &from, &who)) {
            brd_fd_close(&fd);
            continue;
        }
        status = channel_of(fd, out);
        if (status == 0 && peer)
            *peer = who;
        return status;
    }
    // There may be more; the name is ready still.
    return BROOD_EAGAIN;
}

/** One connect, which waits for a place until then. Fails with: BROOD_EAGAIN (none came). */
static int connect_once(int fd, const struct sockaddr_un *address, brd_time until)
{
    int64_t left = until == BRD_FOREVER ? 0 : brd_time_left(until);
    struct timeval limit = {.tv_sec = (time_t)(left / INT64_C(1000000000)),
                            .tv_usec = (suseconds_t)(left / 1000 % 1000000)};
    int status = 0;
    // Zero means no limit to the system, so less than it can say is no time at all.
    if (until != BRD_FOREVER && left < 1000)
        status = brd_fd_nonblocking(fd);
    else if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        status = brd_error(errno);
    if (status)
        return status;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return 0;
    if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)
        return BROOD_EAGAIN;
    // On some systems a listener with too many waiting refuses as well.
    return errno == ENOENT || errno == ECONNREFUSED ? BROOD_ECLOSED : brd_error(errno);
}

int brd_os_name_connect(brd_chan **out, const char *local, brd_time until)
{
    struct sockaddr_un address;
    uid_t user = 0;
    int64_t pid = 0;
    int fd = -1;
    int status = local ? address_of(local, &address) : BROOD_EINVAL;
    if (status == 0)
        status = socket_open(&fd);
    if (status)
        return status;
    for (;;) {
        bool over = until != BRD_FOREVER && brd_time_left(until) < 1000;
        status = connect_once(fd, &address, until);
        if (status != BROOD_EAGAIN)
            break;
        if (over) {
            status = BROOD_ETIMEDOUT;
            break;
        }
    }
    if (status == 0)
        status = peer_of(fd, &user, &pid);
    if (status == 0 && user != geteuid() && user != 0)
        status = EACCES;
    if (status == 0)
        return channel_of(fd, out);
    brd_fd_close(&fd);
    return status;
}
