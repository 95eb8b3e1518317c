/*
 * What the benchmark asks the host: cpu time, memory, another program.
 */
#include "bench.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int64_t to_ns(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t host_thread_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return to_ns(t);
}

#if defined(__linux__)
static cpu_set_t allowed;
static bool pinned;

void host_pin(bool last)
{
    cpu_set_t one;
    size_t cpu = 0, found = CPU_SETSIZE;
    CPU_ZERO(&one);
    if (pinned || sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    for (; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && (last || found == CPU_SETSIZE))
            found = cpu;
    CPU_SET(found, &one);
    pinned = sched_setaffinity(0, sizeof one, &one) == 0;
}

void host_unpin(void)
{
    if (pinned)
        (void)sched_setaffinity(0, sizeof allowed, &allowed);
    pinned = false;
}
#else
void host_pin(bool last)
{
    (void)last;
}

void host_unpin(void)
{
}
#endif

double host_cpu_ms(int64_t pid)
{
#if defined(__linux__)
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid((pid_t)pid, &clock) == 0 && clock_gettime(clock, &t) == 0)
        return (double)to_ns(t) / 1e6;
#endif
    (void)pid;
    return -1;
}

double host_pss_kib(int64_t pid)
{
    char path[64], line[256];
    double kib = -1;
    (void)snprintf(path, sizeof path, "/proc/%lld/smaps_rollup", (long long)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    while (kib < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "Pss:", 4) == 0)
            kib = strtod(line + 4, NULL);
    (void)fclose(file);
    return kib;
}

void *host_touched(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
#ifdef MADV_NOHUGEPAGE
    (void)madvise(memory, size, MADV_NOHUGEPAGE);
#endif
    memset(memory, 1, size);
    return memory;
}

void host_release(void *memory, size_t size)
{
    if (memory)
        (void)munmap(memory, size);
}

static int keep(int fd)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? errno : BROOD_OK;
}

int host_pipe(brd_handle ends[2])
{
    int fds[2];
    if (pipe(fds) < 0)
        return errno;
    int status = keep(fds[0]);
    status = status ? status : keep(fds[1]);
    if (status) {
        (void)close(fds[0]);
        (void)close(fds[1]);
        return status;
    }
    ends[0] = (brd_handle){fds[0]};
    ends[1] = (brd_handle){fds[1]};
    return BROOD_OK;
}

int host_write(brd_handle end, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t put = write((int)end.os, at, size);
        if (put < 0 && errno != EINTR)
            return errno;
        at += put < 0 ? 0 : put;
        size -= put < 0 ? 0 : (size_t)put;
    }
    return BROOD_OK;
}

int host_read(brd_handle end, void *bytes, size_t size)
{
    for (char *at = bytes; size > 0;) {
        ssize_t got = read((int)end.os, at, size);
        if (got == 0)
            return BROOD_ECLOSED;
        if (got < 0 && errno != EINTR)
            return errno;
        at += got < 0 ? 0 : got;
        size -= got < 0 ? 0 : (size_t)got;
    }
    return BROOD_OK;
}

// The last word of the command is the file: it runs where that is.
int host_run(const char *command, const char *arguments, void (*line)(char *text))
{
    char path[PATH_MAX], shell[2 * PATH_MAX + 256], text[512];
    const char *space = strrchr(command, ' ');
    const char *file = space ? space + 1 : command;
    if (!realpath(file, path))
        return errno;
    char *name = strrchr(path, '/');
    *name++ = 0;
    int size = snprintf(shell, sizeof shell, "cd '%s' && %.*s './%s' %s", path,
                        (int)(file - command), command, name, arguments);
    if (size < 0 || (size_t)size >= sizeof shell)
        return BROOD_EINVAL;
    FILE *output = popen(shell, "r");
    if (!output)
        return errno;
    while (fgets(text, sizeof text, output))
        line(text);
    return pclose(output) == 0 ? BROOD_OK : BROOD_ETASK;
}
