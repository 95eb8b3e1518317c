/*
 * When a process was born, and whether it still lives. Called for the owners of locks,
 * who can be anybody. The one thing to know: a process that nobody has waited for yet is
 * dead all the same, though its number is taken and kill finds it.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

/** Nobody can tell when: only whether its number is free. */
static int birth_unknown(int64_t pid, uint64_t *birth)
{
    if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
        return BROOD_ECLOSED;
    *birth = 0;
    return 0;
}

#if defined(__linux__)

/** The words of /proc/PID/stat behind the name, counted as proc(5) does: 3 is the first. */
static const char *stat_word(const char *line, int number)
{
    // The name may hold anything, so its end is the last bracket.
    const char *at = strrchr(line, ')');
    for (int i = 2; at && i < number; i++)
        at = strchr(at + 1, ' ');
    return at ? at + 1 : NULL;
}

int brd_os_birth(int64_t pid, uint64_t *birth)
{
    enum { STATE = 3, THREADS = 20, START = 22 };
    char path[40], line[1024];
    if (pid <= 0)
        return BROOD_EINVAL;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    if (size <= 0) // none of that number, or no /proc
        return birth_unknown(pid, birth);
    line[size] = 0;
    const char *state = stat_word(line, STATE), *threads = stat_word(line, THREADS);
    const char *start = stat_word(line, START);
    if (!state || !threads || !start)
        return birth_unknown(pid, birth);
    // A first thread that has ended leaves a Z too, while the others go on.
    if (*state == 'X' || (*state == 'Z' && strtol(threads, NULL, 10) <= 1))
        return BROOD_ECLOSED;
    *birth = strtoull(start, NULL, 10);
    return 0;
}

#elif defined(__APPLE__)

int brd_os_birth(int64_t pid, uint64_t *birth)
{
    struct kinfo_proc facts;
    size_t size = sizeof facts;
    int query[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, (int)pid};
    if (pid <= 0)
        return BROOD_EINVAL;
    if (sysctl(query, 4, &facts, &size, NULL, 0) < 0)
        return birth_unknown(pid, birth);
    if (size == 0 || facts.kp_proc.p_stat == SZOMB)
        return BROOD_ECLOSED;
    *birth = (uint64_t)facts.kp_proc.p_starttime.tv_sec * 1000000 +
             (uint64_t)facts.kp_proc.p_starttime.tv_usec;
    return 0;
}

#else

int brd_os_birth(int64_t pid, uint64_t *birth)
{
    return pid > 0 ? birth_unknown(pid, birth) : BROOD_EINVAL;
}

#endif

uint64_t brd_os_pid_space(void)
{
    struct stat is;
    // Linux only, and there with /proc.
    return stat("/proc/self/ns/pid", &is) == 0 ? (uint64_t)is.st_ino : 0;
}
