/*
 * Anonymous shared memory: memfd on Linux, a POSIX object that loses its name at
 * once elsewhere. Called by the blocks and rings above. The one thing to know: a
 * page that cannot be had is a SIGBUS on first touch, in code that knows nothing
 * of it. So everything is allocated here, and nothing that could shrink is mapped.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/vfs.h>
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 // Linux 5.14; before that it is refused
#endif
enum { TMPFS = 0x01021994 };
#endif

/** So much at a time: an interrupted allocation starts again with its step. */
#define STEP (INT64_C(16) << 20)
/** From here on it is worth a look at what the machine has left. */
#define LARGE (INT64_C(64) << 20)

#if defined(__linux__)

static int segment_open(int *out)
{
    int fd = memfd_create("brood", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("brood", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    *out = fd;
    return brd_fd_own(out);
}

static int segment_seal(int fd)
{
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return brd_error(errno);
    return 0;
}

/** A segment that a stranger made: plain memory, which cannot shrink. */
static int segment_check(int fd)
{
    struct statfs home;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return BROOD_EPROTOCOL;
    // Huge pages can be sealed too, and still run out on first touch.
    if (fstatfs(fd, &home) < 0 || (long)home.f_type != TMPFS)
        return BROOD_EPROTOCOL;
    return 0;
}

/** Bytes that the machine could still give; a memfd knows no limit of its own. */
static int64_t memory_left(void)
{
    FILE *info = fopen("/proc/meminfo", "re");
    char line[128];
    int64_t left = 0;
    bool known = false;
    if (!info)
        return INT64_MAX;
    while (fgets(line, sizeof line, info)) {
        bool free_ram = strncmp(line, "MemAvailable:", 13) == 0;
        if (free_ram || strncmp(line, "SwapFree:", 9) == 0)
            left += strtoll(strchr(line, ':') + 1, NULL, 10) * 1024;
        known = known || free_ram;
    }
    fclose(info);
    return known ? left : INT64_MAX;
}

static int segment_fill(int fd, off_t size)
{
    for (off_t at = 0; at < size;) {
        off_t step = size - at < STEP ? size - at : STEP;
        int error = posix_fallocate(fd, at, step);
        if (error == EINTR)
            continue;
        if (error)
            return brd_error(error);
        at += step;
    }
    return 0;
}

#else

static int segment_open(int *out)
{
    int fd = -1;
    for (int turn = 0; turn < 16 && fd < 0; turn++) {
        char name[32];
        snprintf(name, sizeof name, "/brood-%08x%08x", (unsigned)arc4random(),
                 (unsigned)arc4random());
        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0)
            shm_unlink(name);
        else if (errno != EEXIST)
            break;
    }
    *out = fd;
    return brd_fd_own(out);
}

static int segment_seal(int fd)
{
    (void)fd;
    return 0;
}

static int segment_check(int fd)
{
    (void)fd;
    return 0;
}

static int64_t memory_left(void)
{
    return INT64_MAX;
}

// Nothing of the kind there: ftruncate reserves what it can.
static int segment_fill(int fd, off_t size)
{
    (void)fd;
    (void)size;
    return 0;
}

#endif

static int segment_grow(int fd, size_t size)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    int result = 0;
    if ((int64_t)size >= LARGE && (int64_t)size > memory_left())
        return BROOD_ENOMEM;
    // Beyond this limit ftruncate raises a signal instead of failing.
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        size > limit.rlim_cur)
        return EFBIG;
    do {
        result = ftruncate(fd, (off_t)size);
    } while (result < 0 && errno == EINTR);
    if (result < 0)
        return brd_error(errno);
    return segment_fill(fd, (off_t)size);
}

static int segment_map(int fd, size_t size, void **base)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return brd_error(errno);
    *base = at;
    return 0;
}

int brd_shm_fill(int fd, size_t size, void **base)
{
    int status = BROOD_ENOMEM;
    if (size > (size_t)PTRDIFF_MAX)
        return status;
    status = segment_grow(fd, size);
    return status ? status : segment_map(fd, size, base);
}

int brd_os_shm_create(brd_shm *out, size_t size)
{
    int fd = -1;
    void *base = NULL;
    int status = BROOD_EINVAL;
    if (size == 0)
        return status;
    status = segment_open(&fd);
    if (status)
        goto done;
    status = brd_shm_fill(fd, size, &base);
    if (status)
        goto done;
    status = segment_seal(fd);
    if (status)
        goto done;
    *out = (brd_shm){brd_fd_handle(fd), base, size};
    fd = -1;
    base = NULL;
done:
    if (base)
        munmap(base, size);
    brd_fd_close(&fd);
    return status;
}

int brd_os_shm_map(brd_shm *out, brd_handle segment, size_t size, bool untrusted)
{
    struct stat facts;
    int fd = brd_fd_of(segment);
    void *base = NULL;
    int status = 0;
    if (brd_is_none(segment) || size == 0)
        return BROOD_EINVAL;
    // The seals first: only then does the size that fstat tells stay true.
    if (untrusted)
        status = segment_check(fd);
    if (status)
        return status;
    if (fstat(fd, &facts) < 0)
        return brd_error(errno);
    if (facts.st_size < 0 || (uint64_t)facts.st_size < size)
        return BROOD_EPROTOCOL;
    status = segment_map(fd, size, &base);
    if (status)
        return status;
    *out = (brd_shm){segment, base, size};
    return 0;
}

void brd_os_shm_keep(const brd_shm *s)
{
#if defined(MADV_DONTFORK)
    (void)madvise(s->base, s->size, MADV_DONTFORK);
#else
    (void)s;
#endif
}

void brd_os_shm_warm(const brd_shm *s)
{
#if defined(__linux__)
    // Many pages a fault instead of one: of shared memory they can be written as well.
    (void)madvise(s->base, s->size, MADV_POPULATE_READ);
#else
    (void)s;
#endif
}

void brd_os_shm_unmap(brd_shm *s)
{
    if (!s->base)
        return;
    munmap(s->base, s->size);
    brd_os_close(&s->segment);
    s->base = NULL;
    s->size = 0;
}
