/*
 * A child's end: waiting for it, reaping it, bringing it about. Called by the process
 * floor; start.c gives birth. The one thing to know: other code in this process may
 * reap our child first (a wait for any child, an ignored SIGCHLD), so "no such child"
 * is an ordinary answer here, and a pid is only used while the child is not reaped.
 */
#include "room.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/ioctl.h>
#include <sys/syscall.h>
#endif
#if defined(__APPLE__)
#include <sys/event.h>
#endif

enum { FIRST_NAP = 100 * 1000, LAST_NAP = 10 * 1000 * 1000 };

#if defined(__linux__)

/** struct pidfd_info of Linux 6.15, which our headers may not have. */
typedef struct end_info {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t ids[11];
    int32_t exit_code;
} end_info;

_Static_assert(sizeof(end_info) == 64, "the size is part of the request's number");

#define GET_INFO  _IOWR(0xFF, 11, end_info)
#define INFO_EXIT (UINT64_C(1) << 3)

/** What the kernel still knows of a child that somebody else reaped. */
static brd_exit exit_of_reaped(const brd_proc *p)
{
    end_info info = {.mask = INFO_EXIT};
    if (brd_is_none(p->life) || ioctl(brd_fd_of(p->life), GET_INFO, &info) < 0 ||
        !(info.mask & INFO_EXIT))
        return (brd_exit){BROOD_EXIT_UNKNOWN, 0};
    if (WIFSIGNALED(info.exit_code))
        return (brd_exit){BROOD_EXIT_SIGNAL, WTERMSIG(info.exit_code)};
    return (brd_exit){BROOD_EXIT_CODE, WEXITSTATUS(info.exit_code)};
}

#else

static brd_exit exit_of_reaped(const brd_proc *p)
{
    (void)p;
    return (brd_exit){BROOD_EXIT_UNKNOWN, 0};
}

#endif

static int wait_any_way(const brd_proc *p, siginfo_t *info, int flags)
{
    idtype_t by = P_PID;
    id_t id = (id_t)p->pid;
    int result = 0;
#if defined(__linux__)
    if (!brd_is_none(p->life) && !p->blind) {
        by = (idtype_t)3; // P_PIDFD, an enumerator that old headers lack
        id = (id_t)p->life.os;
    }
#endif
    do {
        info->si_pid = 0;
        result = waitid(by, id, info, WEXITED | WNOHANG | flags);
    } while (result < 0 && errno == EINTR);
#if defined(__linux__)
    // Linux 5.3 has pidfd_open, but cannot wait by it before 5.4.
    if (result < 0 && errno == EINVAL && by != P_PID) {
        info->si_pid = 0;
        result = waitid(P_PID, (id_t)p->pid, info, WEXITED | WNOHANG | flags);
    }
#endif
    return result;
}

static brd_exit exit_of(const siginfo_t *info)
{
    bool by_itself = info->si_code == CLD_EXITED;
    return (brd_exit){by_itself ? BROOD_EXIT_CODE : BROOD_EXIT_SIGNAL, info->si_status};
}

bool brd_proc_ended(int64_t pid)
{
    brd_proc p = {.life = BRD_NONE, .pid = pid};
    siginfo_t info;
    return wait_any_way(&p, &info, WNOWAIT) < 0 || info.si_pid != 0;
}

static int life_wait(const brd_proc *p, brd_time until)
{
    struct pollfd ended = {.fd = brd_fd_of(p->life), .events = POLLIN};
    return brd_fd_poll(&ended, 1, until);
}

/*
 * What a child has started ends with it. The number of its group can belong to nobody
 * else as long as it is not reaped.
 */
static void end_descendants(const brd_proc *p)
{
    siginfo_t info;
    if (wait_any_way(p, &info, WNOWAIT) == 0 && info.si_pid != 0)
        (void)kill(-(pid_t)p->pid, SIGKILL);
}

/** The same for one that is somebody else's child, who reaps it. */
static int reap_adopted(brd_proc *p)
{
    if (life_wait(p, 0) == BROOD_ETIMEDOUT)
        return BROOD_EAGAIN;
    // Its parent may be gone too, and if this process is who inherits orphans, it is ours.
    if (!brd_news_exit(p, &p->ended)) {
        siginfo_t info;
        bool ours = wait_any_way(p, &info, 0) == 0 && info.si_pid != 0;
        p->ended = ours ? exit_of(&info) : exit_of_reaped(p);
    }
    p->reaped = true;
    return 0;
}

/** Reaps. Fails with: BROOD_EAGAIN (it lives). */
static int reap(brd_proc *p)
{
    siginfo_t info;
    if (!brd_is_none(p->news))
        return reap_adopted(p);
    end_descendants(p);
    if (wait_any_way(p, &info, 0) < 0) {
        if (errno != ECHILD)
            return brd_error(errno);
        // In a fork of the parent, somebody's living child looks like this too.
        if (!brd_is_none(p->life) && life_wait(p, 0) == BROOD_ETIMEDOUT)
            return BROOD_EAGAIN;
        p->ended = exit_of_reaped(p);
    } else if (info.si_pid == 0) {
        return BROOD_EAGAIN;
    } else {
        p->ended = exit_of(&info);
    }
    p->reaped = true;
    return 0;
}

#if defined(__APPLE__)

/** Sleeps until the child ends, or for `most`; both are fine for the caller. */
static void pid_wait(const brd_proc *p, int64_t most)
{
    struct timespec time = brd_time_spec(most);
    struct kevent watch;
    int queue = kqueue();
    if (brd_fd_own(&queue) == 0) {
        EV_SET(&watch, (uintptr_t)p->pid, EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, 0, NULL);
        if (kevent(queue, &watch, 1, &watch, 1, &time) >= 0)
            most = 0;
    }
    brd_fd_close(&queue);
    time = brd_time_spec(most);
    nanosleep(&time, NULL);
}

#else

static void pid_wait(const brd_proc *p, int64_t most)
{
    struct timespec time = brd_time_spec(most);
    (void)p;
    nanosleep(&time, NULL);
}

#endif

/** Waits until the process may have ended. Fails with: BROOD_ETIMEDOUT. */
static int end_wait(const brd_proc *p, brd_time until, int64_t *nap)
{
    int64_t left = until == BRD_FOREVER ? BRD_FOREVER : brd_time_left(until);
    if (left == 0)
        return BROOD_ETIMEDOUT;
    if (!brd_is_none(p->life))
        return life_wait(p, until);
    pid_wait(p, left < *nap ? left : *nap);
    *nap = *nap < LAST_NAP / 2 ? *nap * 2 : LAST_NAP;
    return 0;
}

int brd_os_proc_wait(brd_proc *p, brd_time until, brd_exit *out)
{
    int64_t nap = FIRST_NAP;
    int status = 0;
    if (p->pid == 0)
        return BROOD_EINVAL;
    if (!p->reaped)
        status = reap(p);
    while (status == BROOD_EAGAIN) {
        status = end_wait(p, until, &nap);
        if (status == 0)
            status = reap(p);
    }
    if (status == 0)
        *out = p->ended;
    return status;
}

/** Whether its pid may belong to somebody else by now. */
static bool has_ended(const brd_proc *p)
{
    return brd_is_none(p->news) ? brd_proc_ended(p->pid) : life_wait(p, 0) != BROOD_ETIMEDOUT;
}

/** Fails with: ENOSYS where a process can only be hit by its pid. */
static int life_kill(const brd_proc *p, int signal)
{
    errno = ENOSYS;
#if defined(SYS_pidfd_send_signal)
    if (!brd_is_none(p->life) && !p->blind &&
        syscall(SYS_pidfd_send_signal, brd_fd_of(p->life), signal, NULL, 0) == 0)
        return 0;
#else
    (void)p;
    (void)signal;
#endif
    return errno;
}

int brd_os_proc_kill(brd_proc *p, bool force)
{
    int signal = force ? SIGKILL : SIGTERM;
    int error = ENOSYS;
    if (p->pid == 0)
        return BROOD_EINVAL;
    if (p->reaped)
        return 0;
    error = life_kill(p, signal);
    if (error == ENOSYS) {
        // A child that nobody reaped keeps its pid, so it can only be ours.
        error = ESRCH;
        if (!has_ended(p))
            error = kill((pid_t)p->pid, signal) == 0 ? 0 : errno;
    }
    // The rest of its group, which has its number as long as it is there itself; of an
    // adopted one that is known to the moment only.
    if (brd_is_none(p->news) || !has_ended(p))
        (void)kill(-(pid_t)p->pid, signal);
    return error == 0 || error == ESRCH ? 0 : brd_error(error);
}

void brd_os_proc_close(brd_proc *p)
{
    if (p->pid) {
        brd_os_close(&p->life);
        brd_os_close(&p->news);
    }
    *p = (brd_proc){0};
}
