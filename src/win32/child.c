/* What a child of ours does to itself, first and last. Called by the entry of worker
 * processes and by nobody else: these are the only calls of this room that change
 * something for the whole process.
 */
#include "room.h"

/* Values of _set_abort_behavior: a message (a box, without a console), a report. */
#define ABORT_MESSAGE 1u
#define ABORT_REPORT  4u

/* abort() shall end the process with code 3 at once. Looked up, because the import
 * library of the older runtime lacks the name, and several runtimes may be here. */
static void abort_quietly(void)
{
    static const wchar_t *const runtimes[] = {L"ucrtbase.dll", L"msvcrt.dll"};
    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++) {
        HMODULE runtime = GetModuleHandleW(runtimes[i]);
        FARPROC found = runtime ? GetProcAddress(runtime, "_set_abort_behavior") : NULL;
        if (found)
            ((unsigned(__cdecl *)(unsigned, unsigned))(void (*)(void))found)(0, ABORT_MESSAGE |
                                                                                    ABORT_REPORT);
    }
}

/* The job ends us with our parent; this is for who was told a wrong one. */
static bool has_ended(int64_t pid)
{
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)pid);
    if (!process)
        return GetLastError() == ERROR_INVALID_PARAMETER;
    bool ended = WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
    CloseHandle(process);
    return ended;
}

int brd_os_child_setup(int64_t parent, brd_handle last_inherited, bool alone)
{
    // The list of the start kept all else out.
    (void)last_inherited;
    (void)alone;
    if (has_ended(parent))
        return BROOD_ECLOSED;
    SetErrorMode(GetErrorMode() | SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    abort_quietly();
    SetConsoleCtrlHandler(NULL, TRUE);
    return 0;
}

int brd_os_child_limit(const brd_limits *limits)
{
    HANDLE self = GetCurrentProcess();
    if (limits->nice && !SetPriorityClass(self, limits->nice < 10 ? BELOW_NORMAL_PRIORITY_CLASS
                                                                  : IDLE_PRIORITY_CLASS))
        return brd_win32_error(GetLastError());
    // One group of processors has 64 at the most, and a process is in one by default.
    if (limits->ncpus && !SetProcessAffinityMask(self, (DWORD_PTR)limits->cpus[0]))
        return brd_win32_error(GetLastError());
    return 0;
}

_Noreturn void brd_os_exit(int code)
{
    // ExitProcess would run the libraries' endings, and wait for their locks.
    for (;;)
        TerminateProcess(GetCurrentProcess(), (UINT)code);
}

void brd_os_child_stay(void)
{
}

int brd_os_child_guard(brd_guard **out, brd_handle channel, int code)
{
    (void)channel;
    (void)code;
    *out = NULL;
    return 0;
}

void brd_os_child_guard_end(brd_guard **guard)
{
    *guard = NULL;
}
