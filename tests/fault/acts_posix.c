/*
 * Acts on POSIX. A watch is a pidfd on Linux; elsewhere the number is asked again and
 * again, which is good enough for a test.
 */
#include "fault/acts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#endif

bool act_kill(int64_t pid)
{
    return kill((pid_t)pid, SIGKILL) == 0;
}

bool act_interrupt(int64_t pid)
{
    return kill((pid_t)pid, SIGINT) == 0;
}

_Noreturn void act_kill_self(void)
{
    for (;;)
        kill(getpid(), SIGKILL);
}

bool act_stop(int64_t pid)
{
    return kill((pid_t)pid, SIGSTOP) == 0;
}

#if defined(__linux__)

static bool thread_is_stopped(int64_t pid, const char *thread)
{
    char path[300], line[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%lld/task/%s/stat", (long long)pid, thread);
    FILE *file = fopen(path, "rb");
    if (!file)
        return true; // it has ended
    const char *name = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    (void)fclose(file);
    return name && strncmp(name, ") T", 3) == 0;
}

bool act_is_stopped(int64_t pid)
{
    char path[64];
    bool stopped = true;
    (void)snprintf(path, sizeof path, "/proc/%lld/task", (long long)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return true; // it has ended, or there is no /proc
    for (struct dirent *e; (e = readdir(threads)) != NULL;)
        stopped = stopped && (e->d_name[0] == '.' || thread_is_stopped(pid, e->d_name));
    (void)closedir(threads);
    return stopped;
}

/** Waits until it stands still; false if it has ended, which is left for others to see. */
static bool traced_stops(pid_t pid)
{
    siginfo_t what = {.si_code = 0};
    int got;
    do {
        got = waitid(P_PID, (id_t)pid, &what, WEXITED | WSTOPPED | WNOWAIT | __WALL);
    } while (got < 0 && errno == EINTR);
    if (got < 0 || what.si_code == CLD_EXITED || what.si_code == CLD_KILLED ||
        what.si_code == CLD_DUMPED)
        return false;
    return waitpid(pid, NULL, __WALL) == pid;
}

bool act_kill_at_call(int64_t pid, long count, _Atomic int64_t *go)
{
    pid_t traced = (pid_t)pid;
    if (ptrace(PTRACE_SEIZE, traced, NULL, (void *)(intptr_t)PTRACE_O_TRACESYSGOOD) < 0 ||
        ptrace(PTRACE_INTERRUPT, traced, NULL, NULL) < 0 || !traced_stops(traced))
        return false;
    atomic_store(go, 2);
    for (long i = 0; i < count; i++) {
        if (ptrace(PTRACE_SYSCALL, traced, NULL, NULL) < 0 || !traced_stops(traced))
            return false;
    }
    return act_kill(pid);
}

#else

bool act_is_stopped(int64_t pid)
{
    (void)pid;
    return true;
}

bool act_kill_at_call(int64_t pid, long count, _Atomic int64_t *go)
{
    (void)pid;
    (void)count;
    (void)go;
    return false;
}

#endif

bool act_continue(int64_t pid)
{
    return kill((pid_t)pid, SIGCONT) == 0;
}

bool act_start(const char *program, const char *first, const char *second)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, first, second, (char *)NULL);
        _exit(127);
    }
    return pid > 0;
}

bool act_run(const char *program, const char *first)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, first, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0;
}

bool act_start_aside(const char *program, const char *first, const char *second)
{
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        execl(program, program, first, second, (char *)NULL);
        _exit(127);
    }
    return pid > 0;
}

brd_handle act_stream(bool errors)
{
    return (brd_handle){errors ? STDERR_FILENO : STDOUT_FILENO};
}

void act_block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static volatile sig_atomic_t interruptions;

static void count_interruption(int signal)
{
    (void)signal;
    interruptions++;
}

static bool interrupt_every(suseconds_t microseconds)
{
    const struct timeval every = {.tv_usec = microseconds};
    const struct itimerval timer = {.it_interval = every, .it_value = every};
    return setitimer(ITIMER_REAL, &timer, NULL) == 0;
}

bool act_interruptions_start(void)
{
    const struct sigaction counted = {.sa_handler = count_interruption}; // no SA_RESTART
    interruptions = 0;
    return sigaction(SIGALRM, &counted, NULL) == 0 && interrupt_every(1000);
}

long act_interruptions_end(void)
{
    (void)interrupt_every(0); // the handler stays, for one that is on its way
    return interruptions;
}

bool act_is_wine(void)
{
    return false;
}

brd_exit act_exit(act_end how)
{
    static const int signals[] = {
        [ACT_ABORT] = SIGABRT, [ACT_SEGFAULT] = SIGSEGV,  [ACT_STACK_OVERFLOW] = SIGSEGV,
        [ACT_KILL] = SIGKILL,  [ACT_TERMINATE] = SIGTERM,
    };
    return (brd_exit){BROOD_EXIT_SIGNAL, signals[how]};
}

static pthread_t stranger;
static int stranger_end[2];

static void *stay(void *baton)
{
    char byte;
    while (read(stranger_end[0], &byte, 1) < 0)
        continue;
    return baton;
}

bool act_thread_start(void)
{
    return pipe(stranger_end) == 0 && pthread_create(&stranger, NULL, stay, NULL) == 0;
}

void act_thread_end(void)
{
    close(stranger_end[1]);
    pthread_join(stranger, NULL);
    close(stranger_end[0]);
}

bool act_ignore_children(void)
{
    return signal(SIGCHLD, SIG_IGN) != SIG_ERR;
}

static void *reap(void *baton)
{
    struct pollfd end = {.fd = stranger_end[0], .events = POLLIN};
    while (poll(&end, 1, 1) <= 0)
        (void)waitpid(-1, NULL, WNOHANG);
    return baton;
}

bool act_reap_children(void)
{
    return pipe(stranger_end) == 0 && pthread_create(&stranger, NULL, reap, NULL) == 0;
}

void act_close_standard(void)
{
    for (int fd = 0; fd < 3; fd++)
        close(fd);
}

bool act_hide_proc(void)
{
#if defined(__linux__)
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           umount2("/proc", MNT_DETACH) == 0;
#else
    return false;
#endif
}

size_t act_longest_path(void)
{
    return PATH_MAX;
}

uint32_t act_some_cpu(void)
{
#if defined(__linux__)
    return (uint32_t)sched_getcpu();
#else
    return 0;
#endif
}

int act_niceness(void)
{
    return getpriority(PRIO_PROCESS, 0);
}

int64_t act_parent(void)
{
    return getppid();
}

bool act_open_inheritable(intptr_t *out)
{
    *out = open("/dev/null", O_RDONLY);
    return *out >= 0;
}

brd_handle act_channel(void)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.ss_family == AF_UNIX)
            return (brd_handle){fd};
    }
    return BRD_NONE;
}

bool act_write(brd_handle h, const void *bytes, size_t size)
{
    return write((int)h.os, bytes, size) == (ssize_t)size;
}

bool act_close(brd_handle h)
{
    return close((int)h.os) == 0;
}

static int milliseconds_to(brd_time until)
{
    brd_time left = until - brd_os_now();
    return left <= 0 ? 0 : (int)(left / BRD_MS) + 1;
}

#if defined(__linux__) && defined(SYS_pidfd_open)

bool act_watch_open(act_watch *out, int64_t pid)
{
    long fd = syscall(SYS_pidfd_open, (pid_t)pid, 0u);
    *out = (act_watch){.os = (intptr_t)fd, .pid = pid};
    return fd >= 0;
}

bool act_watch_gone(const act_watch *w, brd_time until)
{
    struct pollfd one = {.fd = (int)w->os, .events = POLLIN};
    int rc;
    do
        rc = poll(&one, 1, milliseconds_to(until));
    while (rc < 0 && errno == EINTR);
    return rc == 1;
}

void act_watch_close(act_watch *w)
{
    if (w->os >= 0)
        close((int)w->os);
    w->os = -1;
}

void *act_mapping_of(const void *inside)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4352];
    void *found = NULL;
    while (maps && !found && fgets(line, sizeof line, maps)) {
        char *end = NULL;
        unsigned long long from = strtoull(line, &end, 16);
        unsigned long long to = *end == '-' ? strtoull(end + 1, NULL, 16) : 0;
        if (from <= (uintptr_t)inside && (uintptr_t)inside < to)
            found = (void *)(uintptr_t)from;
    }
    if (maps)
        fclose(maps);
    return found;
}

#else

bool act_watch_open(act_watch *out, int64_t pid)
{
    *out = (act_watch){.os = -1, .pid = pid};
    return kill((pid_t)pid, 0) == 0;
}

bool act_watch_gone(const act_watch *w, brd_time until)
{
    while (kill((pid_t)w->pid, 0) == 0 && milliseconds_to(until) > 0)
        (void)poll(NULL, 0, 2);
    return kill((pid_t)w->pid, 0) < 0;
}

void act_watch_close(act_watch *w)
{
    w->pid = 0;
}

void *act_mapping_of(const void *inside)
{
    (void)inside;
    return NULL;
}

#endif
