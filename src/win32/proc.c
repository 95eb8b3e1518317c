/* The ends of processes: wait, kill, and what an exit code means. Called by floor 4;
 * start.c makes the records. The process handle keeps the number from being given
 * to another process, so nothing here can hit the wrong one.
 */
#include "room.h"

/* Exit code of what we killed. No program and no exception has it by chance. */
#define KILLED 0xE0B0D009u
/* What POSIX calls it, so that callers see the same on both systems. */
#define SIGNAL_KILL 9

/* An exception leaves its NTSTATUS as exit code: an error of the system (C...) or
 * of a language (E...), or one of the four debugging ones. exit(-1) looks like an
 * error too, but sets a bit that no status has. */
static bool is_exception(DWORD code)
{
    return (code & 0xD0000000u) == 0xC0000000u || (code >= 0x80000001u && code <= 0x80000004u);
}

static brd_exit exit_of(DWORD code)
{
    if (code == KILLED)
        return (brd_exit){BROOD_EXIT_SIGNAL, SIGNAL_KILL};
    if (is_exception(code))
        return (brd_exit){BROOD_EXIT_SIGNAL, (int64_t)code};
    return (brd_exit){BROOD_EXIT_CODE, (int32_t)code};
}

/* WAIT_OBJECT_0 or WAIT_TIMEOUT, and then it is really over. */
static DWORD wait_process(HANDLE process, brd_time until)
{
    for (;;) {
        DWORD rc = WaitForSingleObject(process, brd_win32_ms(until));
        if (rc != WAIT_TIMEOUT || until == 0 || brd_os_now() >= until)
            return rc;
    }
}

int brd_os_proc_wait(brd_proc *p, brd_time until, brd_exit *out)
{
    DWORD code = 0;
    if (p->pid == 0)
        return BROOD_EINVAL;
    if (!p->reaped) {
        HANDLE process = brd_win32_handle(p->life);
        DWORD rc = wait_process(process, until);
        if (rc == WAIT_TIMEOUT)
            return BROOD_ETIMEDOUT;
        if (rc != WAIT_OBJECT_0 || !GetExitCodeProcess(process, &code))
            return brd_win32_error(GetLastError());
        p->ended = exit_of(code);
        p->reaped = true;
    }
    *out = p->ended;
    return 0;
}

int brd_os_proc_kill(brd_proc *p, bool force)
{
    (void)force; // there is no way to ask a process without a window
    if (p->pid == 0)
        return BROOD_EINVAL;
    if (!TerminateJobObject(brd_win32_handle(p->group), KILLED))
        return brd_win32_error(GetLastError());
    return 0;
}

void brd_os_proc_close(brd_proc *p)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION none = {0};
    if (p->pid == 0)
        return;
    // A job's last handle takes a living process with it, and it shall go on.
    if (WaitForSingleObject(brd_win32_handle(p->life), 0) == WAIT_TIMEOUT)
        SetInformationJobObject(brd_win32_handle(p->group), JobObjectExtendedLimitInformation,
                                &none, sizeof none);
    brd_os_close(&p->group);
    brd_os_close(&p->life);
    *p = (brd_proc){0};
}
