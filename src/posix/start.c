/*
 * Starting a process: posix_spawn, or fork and exec where it is forced. Called by the
 * process floor. The one thing to know: the listed handles become 3, 4, 5 ... in the
 * child, so sources that already lie down there are first copied upward, or placing
 * one handle would close the next.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif
#if defined(__APPLE__)
#include <crt_externs.h>
#else
extern char **environ;
#endif

enum { FIRST_TARGET = 3, ABOVE_TARGETS = 64 };

/** All that the child needs, made before it exists. */
typedef struct plan {
    const brd_launch *how;
    char *const *argv;
    char *const *env;
    int *sources; /* what becomes FIRST_TARGET + index */
    bool *copied; /* sources that are our copies */
    int std[3];   /* what becomes stdout, stderr; -1: the empty device */
    sigset_t mask;
    int report;      /* fork and exec: the pipe that brings the error home */
    int last_to_try; /* fork and exec: where closing one by one ends */
} plan;

static void plan_clear(plan *p)
{
    for (size_t i = 0; p->sources && p->copied && i < p->how->ninherit; i++) {
        if (p->copied[i])
            brd_fd_close(&p->sources[i]);
    }
    free(p->sources);
    free(p->copied);
    p->sources = NULL;
    p->copied = NULL;
}

/** Copies the sources that lie where a target will be. */
static int plan_sources(plan *p)
{
    size_t count = p->how->ninherit;
    // One more: fork and exec puts the error's pipe behind the last handle.
    int top = FIRST_TARGET + (int)count + 1;
    p->sources = calloc(count + 1, sizeof *p->sources);
    p->copied = calloc(count + 1, sizeof *p->copied);
    if (!p->sources || !p->copied)
        return BROOD_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int fd = brd_fd_of(p->how->inherit[i]);
        int status = 0;
        p->sources[i] = fd;
        if (fd < 0)
            return BROOD_EINVAL;
        if (fd >= top)
            continue;
        status = brd_fd_duplicate(fd, top > ABOVE_TARGETS ? top : ABOVE_TARGETS, &p->sources[i]);
        if (status)
            return status;
        p->copied[i] = true;
    }
    return 0;
}

/** What the child prints to: what it was given, or what this process has. */
static int std_source(const brd_handle *given, bool none, int own)
{
    if (given)
        return brd_fd_of(*given);
    return !none && fcntl(own, F_GETFD) >= 0 ? own : -1;
}

static int plan_init(plan *p, const brd_launch *how)
{
    *p = (plan){.how = how, .report = -1};
    if (!how->program || how->program[0] != '/' || !how->argv || !how->argv[0] ||
        how->ninherit > 1000)
        return BROOD_EINVAL;
    // exec takes char *const * for C's oldest sake; it writes nothing.
    p->argv = (char *const *)(uintptr_t)how->argv;
    p->env = (char *const *)(uintptr_t)how->env;
#if defined(__APPLE__)
    p->env = how->env ? p->env : *_NSGetEnviron();
#else
    p->env = how->env ? p->env : environ;
#endif
    p->std[1] = std_source(how->output, how->no_output, 1);
    p->std[2] = std_source(how->errors, how->no_errors, 2);
    sigemptyset(&p->mask);
    sigaddset(&p->mask, SIGINT);
    return plan_sources(p);
}

static int spawn_files(posix_spawn_file_actions_t *files, const plan *p)
{
    int next = FIRST_TARGET;
    int error = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    for (int fd = 1; fd < 3 && error == 0; fd++) {
        // Even onto itself: it may be close-on-exec here, and must arrive.
        error = p->std[fd] >= 0
                    ? posix_spawn_file_actions_adddup2(files, p->std[fd], fd)
                    : posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_WRONLY, 0);
    }
    for (size_t i = 0; i < p->how->ninherit && error == 0; i++, next++)
        error = posix_spawn_file_actions_adddup2(files, p->sources[i], next);
#if BRD_SPAWN_CLOSES && !defined(__APPLE__)
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(files, next);
#endif
#if BRD_SPAWN_CLOSES
    if (error == 0 && p->how->directory)
        error = posix_spawn_file_actions_addchdir_np(files, p->how->directory);
#endif
    return error;
}

static int spawn_signals(posix_spawnattr_t *attributes, const plan *p)
{
    // A group of its own: what it starts can be ended with it.
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP;
    sigset_t all;
    int error = 0;
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
#if defined(__APPLE__)
    flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
    error = posix_spawnattr_setsigdefault(attributes, &all);
    if (error == 0)
        error = posix_spawnattr_setpgroup(attributes, 0);
    if (error == 0)
        error = posix_spawnattr_setsigmask(attributes, &p->mask);
    if (error == 0)
        error = posix_spawnattr_setflags(attributes, flags);
    return error;
}

static int start_spawn(const plan *p, pid_t *out)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&files);
    if (error)
        return brd_error(error);
    error = posix_spawnattr_init(&attributes);
    if (error)
        goto no_attributes;
    error = spawn_files(&files, p);
    if (error)
        goto done;
    error = spawn_signals(&attributes, p);
    if (error)
        goto done;
    error = posix_spawn(out, p->how->program, &files, &attributes, p->argv, p->env);
done:
    posix_spawnattr_destroy(&attributes);
no_attributes:
    posix_spawn_file_actions_destroy(&files);
    return error ? brd_error(error) : 0;
}

/* Between fork and exec: only async-signal-safe calls from here ... */

void brd_child_signals(void)
{
    struct sigaction how;
    memset(&how, 0, sizeof how);
    how.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &how, NULL);
}

int brd_child_null(int target, int mode)
{
    int fd = open("/dev/null", mode);
    if (fd < 0)
        return errno;
    if (fd != target) {
        if (dup2(fd, target) < 0)
            return errno;
        close(fd);
    }
    return 0;
}

int brd_child_std(int target, int source)
{
    if (source < 0)
        return brd_child_null(target, O_WRONLY);
    if (source != target)
        return dup2(source, target) < 0 ? errno : 0;
    return fcntl(target, F_SETFD, 0) < 0 ? errno : 0;
}

static int child_files(const plan *p, int *report)
{
    int next = FIRST_TARGET;
    int error = brd_child_null(0, O_RDONLY);
    for (int fd = 1; fd < 3 && error == 0; fd++) {
        error = brd_child_std(fd, p->std[fd]);
    }
    for (size_t i = 0; i < p->how->ninherit && error == 0; i++, next++) {
        if (dup2(p->sources[i], next) < 0)
            error = errno;
    }
    if (error)
        return error;
    if (dup2(p->report, next) < 0 || fcntl(next, F_SETFD, FD_CLOEXEC) < 0)
        return errno;
    *report = next;
#if defined(SYS_close_range)
    if (syscall(SYS_close_range, (unsigned)next + 1, ~0U, 0U) == 0)
        return 0;
#endif
    for (int fd = next + 1; fd <= p->last_to_try; fd++)
        close(fd);
    return 0;
}

/** The only code that runs in the child of a fork, and nothing in it may allocate. */
static _Noreturn void child_exec(const plan *p)
{
    int report = p->report;
    int error = 0;
    ssize_t put = 0;
    brd_child_signals();
    (void)setpgid(0, 0);
    error = child_files(p, &report);
    if (error == 0 && p->how->directory && chdir(p->how->directory) < 0)
        error = errno;
    if (error == 0) {
        sigprocmask(SIG_SETMASK, &p->mask, NULL);
        execve(p->how->program, p->argv, p->env);
        error = errno;
    }
    do {
        put = write(report, &error, sizeof error);
    } while (put < 0 && errno == EINTR);
    _exit(127);
}

/* ... to here. */

/** The error that the child wrote before it gave up; 0 if exec closed the pipe. */
static int report_read(int fd)
{
    int error = 0;
    ssize_t got = 0;
    do {
        got = read(fd, &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof error ? error : 0;
}

static int report_open(plan *p, int pipes[2])
{
    struct rlimit limit = {.rlim_cur = 1024};
    int top = FIRST_TARGET + (int)p->how->ninherit + 1;
    int status = 0;
    getrlimit(RLIMIT_NOFILE, &limit);
    p->last_to_try = limit.rlim_cur > 65536 ? 65536 : (int)limit.rlim_cur;
    status = brd_pipe_open(pipes);
    if (status)
        return status;
    return brd_fd_duplicate(pipes[1], top > ABOVE_TARGETS ? top : ABOVE_TARGETS, &p->report);
}

static int start_fork(plan *p, pid_t *out)
{
    int pipes[2] = {-1, -1};
    sigset_t all;
    sigset_t before;
    pid_t pid = -1;
    int error = 0;
    int status = report_open(p, pipes);
    if (status)
        goto done;
    // No handler of the host may run in the child, on the host's own state.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    error = errno;
    if (pid == 0)
        child_exec(p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        status = brd_error(error);
        goto done;
    }
    brd_fd_close(&pipes[1]);
    brd_fd_close(&p->report);
    error = report_read(pipes[0]);
    if (error) {
        status = brd_error(error);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        goto done;
    }
    *out = pid;
done:
    brd_fd_close(&pipes[0]);
    brd_fd_close(&pipes[1]);
    brd_fd_close(&p->report);
    return status;
}

brd_handle brd_life_open(int64_t pid)
{
    int fd = -1;
#if defined(SYS_pidfd_open)
    if (!brd_knob("BROOD_OS_LIFE", "pid"))
        fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd >= 0 && brd_fd_own(&fd))
        fd = -1;
#else
    (void)pid;
#endif
    return brd_fd_handle(fd);
}

brd_proc brd_proc_of(int64_t pid)
{
    return (brd_proc){.life = brd_life_open(pid), .group = BRD_NONE, .news = BRD_NONE, .pid = pid};
}

brd_handle brd_os_proc_inherited(const brd_launch *how, size_t index)
{
    (void)how;
    return brd_fd_handle(FIRST_TARGET + (int)index);
}

int brd_os_proc_start(brd_proc *out, const brd_launch *how)
{
    plan p;
    pid_t pid = 0;
    bool by_fork = brd_knob("BROOD_OS_START", "forkexec");
    int status = plan_init(&p, how);
    if (status)
        goto done;
#if !BRD_SPAWN_CLOSES
    // There posix_spawn may not know how to change the directory either.
    by_fork = by_fork || how->directory;
#endif
    status = by_fork ? start_fork(&p, &pid) : start_spawn(&p, &pid);
    if (status)
        goto done;
    *out = brd_proc_of(pid);
done:
    plan_clear(&p);
    return status;
}
