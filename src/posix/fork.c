/*
 * A copy of this process that goes on by itself. Called by the process floor. The one
 * thing to know: the host's memory and descriptors are all there in the copy, ours are
 * not, so that no process holds the other end of somebody else's channel open.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
#include <stdio_ext.h>
#endif

#if defined(__APPLE__)

bool brd_os_can_fork(void)
{
    return false;
}

int brd_os_proc_fork(brd_proc *out, const brd_launch *how, bool *child)
{
    (void)out, (void)how, (void)child;
    return BROOD_ENOTSUP;
}

#else

extern char **environ;

bool brd_os_can_fork(void)
{
    return true;
}

/** The copy's stdout or stderr: what it was given, none, or what the host had. */
static int begin_std(int target, const brd_handle *given, bool none)
{
    if (!given && !none)
        return 0;
    return brd_child_std(target, given ? brd_fd_of(*given) : -1);
}

/** What other threads had printed, and not written yet, is the parent's to write. */
static void forget_printed(void)
{
#if defined(__linux__)
    __fpurge(stdout);
    __fpurge(stderr);
#else
    (void)fpurge(stdout);
    (void)fpurge(stderr);
#endif
}

/** In the copy. What is of no use any more goes, what is listed stays. */
static int begin_life(const brd_launch *how)
{
    sigset_t interrupt;
    int error = 0;
    brd_child_signals();
    (void)setpgid(0, 0);
    forget_printed();
    error = brd_child_null(0, O_RDONLY);
    if (error == 0)
        error = begin_std(1, how->output, how->no_output);
    if (error == 0)
        error = begin_std(2, how->errors, how->no_errors);
    brd_fd_close_ours(how->inherit, how->ninherit); // what became a stream too
    brd_threads_forget();
    if (error == 0 && how->directory && chdir(how->directory) < 0)
        error = errno;
    if (how->env)
        environ = (char **)(uintptr_t)how->env;
    // As after an exec: the terminal's interrupt waits until the child is set up.
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_SETMASK, &interrupt, NULL);
    return error ? brd_error(error) : 0;
}

int brd_os_proc_fork(brd_proc *out, const brd_launch *how, bool *child)
{
    sigset_t all;
    sigset_t before;
    // No handler of the host may run in the copy before it is one of ours.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    brd_fork_lock();
    pid_t pid = fork();
    int error = errno;
    brd_fork_unlock(); // in the copy too: the thread that holds it is there
    if (pid == 0) {
        *child = true;
        return begin_life(how);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return brd_error(error);
    (void)setpgid(pid, pid); // whichever is first: a kill may come at once
    *out = brd_proc_of(pid);
    *child = false;
    return 0;
}

#endif
