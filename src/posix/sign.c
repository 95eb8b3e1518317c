/*
 * Words by which other programs find a segment: a small file in the private directory, which
 * its owner keeps locked. Called for shared blocks with a name. The one thing to know: a lock
 * ends with its process, so the word of a dead owner is free, whatever its file says.
 *
 * On Linux the file says where the segment is: which descriptor of which process. So the
 * memory itself has no name, is sealed like all, and goes with its last holder. Elsewhere
 * nobody can open another process's descriptor, and the file is the memory.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct brd_sign {
    int lock;
    char path[BRD_LOCAL_SIZE];
};

/** Whether the path still leads to the file that is open here. */
static bool is_at(const char *path, int fd)
{
    struct stat here;
    struct stat there;
    return fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

/** One try at the word: *lock is the descriptor of an empty file that is ours alone. */
static int sign_try(const char *path, int *lock)
{
    struct stat is;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int status = brd_fd_own(&fd);
    if (status)
        return status;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        status = errno == EWOULDBLOCK ? BROOD_EBUSY : brd_error(errno);
    else if (!is_at(path, fd))
        status = BROOD_EAGAIN;
    else if (fstat(fd, &is) < 0 || fchmod(fd, 0600) < 0) // whatever the umask took
        status = brd_error(errno);
    else if (is.st_size > 0)
        // A dead owner's. Its file may still be somebody's memory: it goes, as it is.
        status = unlink(path) < 0 ? brd_error(errno) : BROOD_EAGAIN;
    if (status)
        brd_fd_close(&fd);
    else
        *lock = fd;
    return status;
}

static int sign_open(brd_sign **out, const char *word)
{
    brd_sign *sign = calloc(1, sizeof *sign);
    if (!sign)
        return BROOD_ENOMEM;
    int status = brd_place_word(BRD_SIGN_PREFIX, word, sign->path, sizeof sign->path);
    while (!status) {
        status = sign_try(sign->path, &sign->lock);
        if (status != BROOD_EAGAIN)
            break;
        status = 0;
    }
    if (status)
        free(sign);
    else
        *out = sign;
    return status;
}

void brd_os_sign_close(brd_sign **sign)
{
    brd_sign *s = *sign;
    if (!s)
        return;
    if (is_at(s->path, s->lock))
        (void)unlink(s->path);
    // By word: a child that is just about to exec holds the descriptor as well.
    (void)flock(s->lock, LOCK_UN);
    brd_fd_close(&s->lock);
    free(s);
    *sign = NULL;
}

/** Opens the file of a word. Fails with: BROOD_ECLOSED, BROOD_EINVAL. */
static int file_open(const char *word, int mode, int *out)
{
    char path[BRD_LOCAL_SIZE];
    struct stat is;
    int status = brd_place_word(BRD_SIGN_PREFIX, word, path, sizeof path);
    if (status)
        return status;
    int fd = open(path, mode | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return BROOD_ECLOSED;
    status = brd_fd_own(&fd);
    if (!status && (fstat(fd, &is) < 0 || !S_ISREG(is.st_mode) || is.st_uid != geteuid()))
        status = EPERM;
    if (status)
        brd_fd_close(&fd);
    else
        *out = fd;
    return status;
}

/* ------------------------------------------------- the file is the memory */

static int show_file(brd_shm *out, const brd_sign *sign, size_t size)
{
    void *base = NULL;
    // Not a duplicate: that would keep the lock where the memory is taken along.
    int fd = open(sign->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    int status = brd_fd_own(&fd);
    if (!status)
        status = brd_shm_fill(fd, size, &base);
    if (status)
        brd_fd_close(&fd);
    else
        *out = (brd_shm){brd_fd_handle(fd), base, size};
    return status;
}

static int find_file(brd_shm *out, const char *word)
{
    int fd = -1;
    struct stat is;
    int status = file_open(word, O_RDWR, &fd);
    if (status)
        return status;
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) // nobody has it locked: its owner is gone
        status = BROOD_ECLOSED;
    else if (errno != EWOULDBLOCK || fstat(fd, &is) < 0)
        status = brd_error(errno);
    else if (is.st_size <= 0) // it is only just being made
        status = BROOD_ECLOSED;
    else
        status = brd_os_shm_map(out, brd_fd_handle(fd), (size_t)is.st_size, false);
    if (status)
        brd_fd_close(&fd);
    return status;
}

/* --------------------------------------- the file says where the memory is */

#if defined(__linux__)

/** What stands in the file. */
typedef struct directions {
    long long pid, fd;
    unsigned long long size, inode;
} directions;

static bool takes_file(void)
{
    return brd_knob("BROOD_OS_SHM", "file");
}

static int show_memory(brd_shm *out, const brd_sign *sign, size_t size)
{
    char text[96];
    struct stat is;
    brd_shm shm;
    int status = brd_os_shm_create(&shm, size);
    if (status)
        return status;
    const int fd = brd_fd_of(shm.segment);
    if (fstat(fd, &is) < 0) {
        status = brd_error(errno);
    } else {
        int length = snprintf(text, sizeof text, "%lld %d %llu %llu\n", (long long)getpid(), fd,
                              (unsigned long long)size, (unsigned long long)is.st_ino);
        ssize_t put = pwrite(sign->lock, text, (size_t)length, 0);
        if (put != length)
            status = put < 0 ? brd_error(errno) : ENOSPC;
    }
    if (status)
        brd_os_shm_unmap(&shm);
    else
        *out = shm;
    return status;
}

static int read_directions(const char *word, directions *out)
{
    char text[96];
    int fd = -1;
    int status = file_open(word, O_RDONLY, &fd);
    if (status)
        return status;
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    brd_fd_close(&fd);
    if (size <= 0 || text[size - 1] != '\n') // it is only just being written
        return BROOD_ECLOSED;
    text[size] = '\0';
    char *at = text;
    out->pid = strtoll(at, &at, 10);
    out->fd = strtoll(at, &at, 10);
    out->size = strtoull(at, &at, 10);
    out->inode = strtoull(at, &at, 10);
    return *at == '\n' && out->pid > 0 && out->fd > 2 && out->size > 0 ? 0 : BROOD_ECLOSED;
}

static int find_memory(brd_shm *out, const char *word)
{
    directions to;
    char path[64];
    struct stat is;
    int status = read_directions(word, &to);
    if (status)
        return status;
    snprintf(path, sizeof path, "/proc/%lld/fd/%lld", to.pid, to.fd);
    // Looked at before it is opened: the number may be another thing's by now.
    if (stat(path, &is) < 0)
        return errno == ENOENT ? BROOD_ECLOSED : brd_error(errno);
    if (!S_ISREG(is.st_mode) || is.st_ino != to.inode)
        return BROOD_ECLOSED;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    status = brd_fd_own(&fd);
    if (!status)
        status = brd_os_shm_map(out, brd_fd_handle(fd), (size_t)to.size, true);
    if (status)
        brd_fd_close(&fd);
    return status;
}

#else

static bool takes_file(void)
{
    return true;
}

static int show_memory(brd_shm *out, const brd_sign *sign, size_t size)
{
    return show_file(out, sign, size);
}

static int find_memory(brd_shm *out, const char *word)
{
    return find_file(out, word);
}

#endif

int brd_os_shm_show(brd_shm *out, brd_sign **sign, size_t size, const char *word)
{
    brd_sign *made = NULL;
    int status = size ? sign_open(&made, word) : BROOD_EINVAL;
    if (!status)
        status = takes_file() ? show_file(out, made, size) : show_memory(out, made, size);
    if (status)
        brd_os_sign_close(&made);
    else
        *sign = made;
    return status;
}

int brd_os_shm_find(brd_shm *out, const char *word)
{
    return takes_file() ? find_file(out, word) : find_memory(out, word);
}
