/*
 * Facts: the clock, the cpus, this process and its program. Called from everywhere.
 * The one thing to know: the number of cpus is what this process may use, not what
 * the machine has; in a container the quota of the cgroup decides, and it can be set
 * on any group above ours.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <crt_externs.h>
#include <mach-o/dyld.h>
#endif
#if defined(__linux__)
#include <sys/auxv.h>
#endif

brd_time brd_os_now(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (brd_time)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t brd_os_pid(void)
{
    return getpid();
}

size_t brd_os_page(void)
{
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
}

int brd_os_terminal_columns(void)
{
    struct winsize size = {0};
    if (!isatty(STDERR_FILENO))
        return 0;
    // A serial line says 0.
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/** Copies a path if it fits with its end. */
static int path_copy(const char *path, char *buffer, size_t cap)
{
    size_t size = strlen(path) + 1;
    if (size > cap)
        return BROOD_EINVAL;
    memcpy(buffer, path, size);
    return 0;
}

int brd_os_file_path(const char *path, bool runs, char *buffer, size_t cap)
{
    char full[PATH_MAX];
    struct stat facts;
    size_t used = 0;
    if (path[0] != '/') {
        if (!getcwd(full, sizeof full))
            return brd_error(errno);
        used = strlen(full);
        full[used++] = '/';
    }
    if (used + strlen(path) >= sizeof full)
        return BROOD_EINVAL;
    memcpy(full + used, path, strlen(path) + 1);
    if (stat(full, &facts) != 0 || access(full, runs ? X_OK : R_OK) != 0)
        return brd_error(errno);
    return S_ISREG(facts.st_mode) ? path_copy(full, buffer, cap) : EACCES;
}

#if defined(__linux__)

int brd_os_cpu(void)
{
    return sched_getcpu();
}

void brd_os_leave_cpu(void)
{
    cpu_set_t all, others;
    int cpu = sched_getcpu();
    // On a machine with more cpus than the set holds there is no need to be choosy.
    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof all, &all) != 0)
        return;
    others = all;
    CPU_CLR((size_t)cpu, &others);
    if (CPU_COUNT(&others) && sched_setaffinity(0, sizeof others, &others) == 0)
        (void)sched_setaffinity(0, sizeof all, &all);
}

/** The cpus that the scheduler lets us on. */
static unsigned cpu_affinity(void)
{
    unsigned count = 0;
    // The kernel refuses a set that is smaller than its own.
    for (int cpus = 1024; cpus <= 1 << 20 && count == 0; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        if (!set)
            break;
        if (sched_getaffinity(0, size, set) == 0)
            count = (unsigned)CPU_COUNT_S(size, set);
        else if (errno != EINVAL)
            cpus = 1 << 20;
        CPU_FREE(set);
    }
    return count;
}

static bool first_line(const char *path, char *line, size_t cap)
{
    FILE *file = fopen(path, "re");
    bool read = false;
    if (!file)
        return false;
    read = fgets(line, (int)cap, file) != NULL;
    fclose(file);
    return read;
}

/** Cpus for a quota, rounded up; 0 means no limit. */
static unsigned quota_cpus(long long quota, long long period)
{
    if (quota <= 0 || period <= 0 || quota / period >= INT_MAX)
        return 0;
    return (unsigned)((quota + period - 1) / period);
}

static unsigned quota_v2(const char *group)
{
    char path[PATH_MAX];
    char line[128];
    char *rest = NULL;
    long long quota = 0;
    int size = snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    if (size < 0 || (size_t)size >= sizeof path || !first_line(path, line, sizeof line))
        return 0;
    quota = strtoll(line, &rest, 10);
    return rest == line ? 0 : quota_cpus(quota, strtoll(rest, NULL, 10));
}

static unsigned quota_v1(const char *group)
{
    char path[PATH_MAX];
    char quota[64];
    char period[64];
    int size = snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", group);
    if (size < 0 || (size_t)size >= sizeof path || !first_line(path, quota, sizeof quota))
        return 0;
    size = snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", group);
    if (size < 0 || (size_t)size >= sizeof path || !first_line(path, period, sizeof period))
        return 0;
    return quota_cpus(strtoll(quota, NULL, 10), strtoll(period, NULL, 10));
}

/** The least quota from this group up to the root; 0 means no limit. */
static unsigned quota_upward(char *group, unsigned (*quota)(const char *))
{
    unsigned least = 0;
    for (;;) {
        char *slash = NULL;
        unsigned here = quota(group);
        if (here && (!least || here < least))
            least = here;
        slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/** Whether "cpu" is one of the controllers in a line like "4:cpu,cpuacct:/a". */
static bool names_cpu(const char *line)
{
    const char *from = strchr(line, ':');
    const char *to = from ? strchr(from + 1, ':') : NULL;
    for (; from && to && from < to; from = strpbrk(from + 1, ",:")) {
        if (strncmp(from + 1, "cpu", 3) == 0 && (from[4] == ',' || from[4] == ':'))
            return true;
    }
    return false;
}

static unsigned cpu_quota(void)
{
    FILE *groups = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX];
    unsigned least = 0;
    if (!groups)
        return 0;
    while (fgets(line, sizeof line, groups)) {
        unsigned here = 0;
        char *path = strrchr(line, ':');
        line[strcspn(line, "\n")] = '\0';
        if (path && strncmp(line, "0::", 3) == 0)
            here = quota_upward(line + 3, quota_v2);
        else if (path && names_cpu(line))
            here = quota_upward(path + 1, quota_v1);
        if (here && (!least || here < least))
            least = here;
    }
    fclose(groups);
    return least;
}

int brd_os_self_path(char *buffer, size_t cap)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    const char *name = NULL;
    if (size > 0) {
        path[size] = '\0';
        return path_copy(path, buffer, cap);
    }
    // Without /proc: what exec was called with.
    name = (const char *)(uintptr_t)getauxval(AT_EXECFN); // NOLINT
    if (!name || !realpath(name, path))
        return errno ? brd_error(errno) : ENOENT;
    return path_copy(path, buffer, cap);
}

int brd_os_argument(unsigned index, char *buffer, size_t cap)
{
    FILE *line = fopen("/proc/self/cmdline", "re");
    size_t size = 0;
    int byte = 0;
    if (!line)
        return brd_error(errno);
    for (unsigned at = 0; at < index && byte != EOF; at++) {
        do {
            byte = getc(line);
        } while (byte != EOF && byte != '\0');
    }
    // Counted first, because the buffer is written only on success.
    long start = ftell(line);
    do {
        byte = getc(line);
        size++;
    } while (byte != EOF && byte != '\0');
    int status = byte == EOF || size > cap ? BROOD_EINVAL : 0;
    if (status == 0 && (fseek(line, start, SEEK_SET) < 0 || fread(buffer, 1, size, line) != size))
        status = EIO;
    fclose(line);
    return status;
}

#else

int brd_os_cpu(void)
{
    return -1;
}

void brd_os_leave_cpu(void)
{
}

static unsigned cpu_affinity(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 0;
}

static unsigned cpu_quota(void)
{
    return 0;
}

#if defined(__APPLE__)

int brd_os_self_path(char *buffer, size_t cap)
{
    char raw[PATH_MAX];
    char path[PATH_MAX];
    uint32_t size = sizeof raw;
    if (_NSGetExecutablePath(raw, &size) != 0)
        return BROOD_EINVAL;
    if (!realpath(raw, path))
        return brd_error(errno);
    return path_copy(path, buffer, cap);
}

int brd_os_argument(unsigned index, char *buffer, size_t cap)
{
    int count = *_NSGetArgc();
    if (count < 0 || index >= (unsigned)count)
        return BROOD_EINVAL;
    return path_copy((*_NSGetArgv())[index], buffer, cap);
}

#else

int brd_os_self_path(char *buffer, size_t cap)
{
    char path[PATH_MAX];
    if (!realpath("/proc/curproc/file", path) && !realpath("/proc/self/exe", path))
        return brd_error(errno);
    return path_copy(path, buffer, cap);
}

int brd_os_argument(unsigned index, char *buffer, size_t cap)
{
    (void)index;
    (void)buffer;
    (void)cap;
    return BROOD_ENOTSUP;
}

#endif
#endif

int brd_os_self_program(char *buffer, size_t cap)
{
    int status = brd_os_self_path(buffer, cap);
#if defined(__linux__)
    static const char gone[] = " (deleted)", image[] = "/proc/self/exe";
    size_t size = status ? 0 : strlen(buffer), end = sizeof gone - 1;
    if (size > end && memcmp(buffer + size - end, gone, end) == 0 && access(buffer, X_OK) != 0 &&
        access(image, X_OK) == 0)
        status = path_copy(image, buffer, cap);
#endif
    return status;
}

unsigned brd_os_cpu_count(void)
{
    unsigned count = cpu_affinity();
    unsigned quota = cpu_quota();
    if (quota && quota < count)
        count = quota;
    return count ? count : 1;
}
