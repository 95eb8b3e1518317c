/*
 * What a child of ours does first, and its end. Called by the startup code of a
 * worker. The one thing to know: it lives and dies with its parent, and the terminal's
 * interrupt is the parent's business; SIGINT arrives here blocked, so that there is no
 * moment in which it could kill a worker that is still starting.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__linux__)
#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#if BRD_SPAWN_CLOSES

// The start closed them. Whatever is open above by now was opened in this process,
// by constructors and tools that stand before main, and is theirs.
static void close_inherited(int first)
{
    (void)first;
}

#elif defined(__linux__)

static void close_listed(int first)
{
    DIR *open = opendir("/proc/self/fd");
    struct dirent *entry = NULL;
    if (!open)
        return;
    while ((entry = readdir(open))) {
        int fd = atoi(entry->d_name);
        if (fd >= first && fd != dirfd(open))
            close(fd);
    }
    closedir(open);
}

static void close_inherited(int first)
{
#if defined(SYS_close_range)
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
        return;
#endif
    close_listed(first);
}

#else

static void close_inherited(int first)
{
    closefrom(first);
}

#endif

static int interrupt_ignore(void)
{
    struct sigaction how = {0};
    sigset_t interrupt;
    how.sa_handler = SIG_IGN;
    sigemptyset(&how.sa_mask);
    if (sigaction(SIGINT, &how, NULL) < 0)
        return brd_error(errno);
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    return pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL);
}

int brd_os_child_setup(int64_t parent, brd_handle last_inherited, bool alone)
{
    int status = 0;
#if defined(__linux__)
    if (!alone && parent && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return brd_error(errno);
#else
    (void)alone;
#endif
    // After the request, or a parent that died between the two goes unnoticed.
    if (parent && getppid() != (pid_t)parent)
        return BROOD_ECLOSED;
    status = interrupt_ignore();
    // What came through is this process's alone: a program that a task starts gets none.
    for (int fd = 3; fd <= brd_fd_of(last_inherited); fd++)
        brd_fd_note(fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : fd);
    if (status == 0 && !brd_is_none(last_inherited))
        close_inherited(brd_fd_of(last_inherited) < 2 ? 3 : brd_fd_of(last_inherited) + 1);
    return status;
}

void brd_os_child_stay(void)
{
#if defined(__linux__)
    (void)prctl(PR_SET_PDEATHSIG, 0);
#endif
}

struct brd_guard {
    brd_thread thread;
    int channel;
    int bell; /* rung at the end */
    int code;
};

/** Its end is told unasked, and what is there to be read is not looked at. */
static void guard_run(void *baton)
{
    brd_guard *g = baton;
    struct pollfd set[2] = {{.fd = g->channel}, {.fd = g->bell, .events = POLLIN}};
    if (brd_fd_poll(set, 2, BRD_FOREVER) == 0 && (set[0].revents & POLLHUP))
        _exit(g->code);
}

int brd_os_child_guard(brd_guard **out, brd_handle channel, int code)
{
    brd_guard *g = calloc(1, sizeof *g);
    if (!g)
        return BROOD_ENOMEM;
    *g = (brd_guard){.channel = brd_fd_of(channel), .bell = -1, .code = code};
    int status = brd_bell_make(&g->bell);
    if (status == 0)
        status = brd_os_thread_start(&g->thread, guard_run, g);
    if (status)
        brd_os_child_guard_end(&g);
    else
        *out = g;
    return status;
}

void brd_os_child_guard_end(brd_guard **guard)
{
    brd_guard *g = *guard;
    *guard = NULL;
    if (!g)
        return;
    if (g->thread.running) {
        brd_bell_signal(g->bell);
        brd_os_thread_join(&g->thread);
    }
    brd_fd_close(&g->bell);
    free(g);
}

static int limit_memory(uint64_t bytes)
{
#if defined(__linux__)
    const int what = RLIMIT_DATA; // what is shared does not count
#else
    const int what = RLIMIT_AS;
#endif
    const struct rlimit limit = {.rlim_cur = (rlim_t)bytes, .rlim_max = (rlim_t)bytes};
    return setrlimit(what, &limit) < 0 ? brd_error(errno) : 0;
}

#if defined(__linux__)

static int limit_cpus(const brd_limits *limits)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t cpu = 0; cpu < 64 * 16 && cpu < CPU_SETSIZE; cpu++)
        if (limits->cpus[cpu / 64] >> (cpu % 64) & 1)
            CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) < 0 ? brd_error(errno) : 0;
}

#else

static int limit_cpus(const brd_limits *limits)
{
    (void)limits;
    return BROOD_ENOTSUP;
}

#endif

int brd_os_child_limit(const brd_limits *limits)
{
    int status = limits->memory ? limit_memory(limits->memory) : 0;
    if (!status && limits->ncpus)
        status = limit_cpus(limits);
    if (!status && limits->nice && setpriority(PRIO_PROCESS, 0, (int)limits->nice) < 0)
        status = brd_error(errno);
    return status;
}

_Noreturn void brd_os_exit(int code)
{
    _exit(code);
}
