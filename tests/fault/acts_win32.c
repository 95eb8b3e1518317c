/*
 * Acts on Windows. Whoever ends a process there also says with which code: an end by
 * TerminateProcess looks like an exit with that code.
 */
#include "fault/acts.h"
#include "harness.h"

#include <stdio.h>
#include <windows.h>

enum { KILL_CODE = 9 };

bool act_kill(int64_t pid)
{
    HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, (DWORD)pid);
    bool done = process && TerminateProcess(process, KILL_CODE);
    if (process)
        CloseHandle(process);
    return done;
}

bool act_interrupt(int64_t pid)
{
    (void)pid;
    return false;
}

_Noreturn void act_kill_self(void)
{
    for (;;)
        TerminateProcess(GetCurrentProcess(), KILL_CODE);
}

bool act_stop(int64_t pid)
{
    (void)pid;
    return false;
}

bool act_is_stopped(int64_t pid)
{
    (void)pid;
    return true;
}

bool act_continue(int64_t pid)
{
    (void)pid;
    return false;
}

static HANDLE start(const char *program, char *line, BOOL inherit)
{
    STARTUPINFOA how = {.cb = sizeof how};
    PROCESS_INFORMATION child;
    if (!CreateProcessA(program, line, NULL, NULL, inherit, 0, NULL, NULL, &how, &child))
        return NULL;
    CloseHandle(child.hThread);
    return child.hProcess;
}

bool act_start(const char *program, const char *first, const char *second)
{
    char line[4096];
    snprintf(line, sizeof line, "\"%s\" \"%s\" \"%s\"", program, first, second);
    HANDLE child = start(program, line, FALSE);
    if (child)
        CloseHandle(child);
    return child != NULL;
}

bool act_start_aside(const char *program, const char *first, const char *second)
{
    char line[4096];
    snprintf(line, sizeof line, "\"%s\" \"%s\" \"%s\"", program, first, second);
    HANDLE child = start(program, line, TRUE);
    if (child)
        CloseHandle(child);
    return child != NULL;
}

brd_handle act_stream(bool errors)
{
    return (brd_handle){(intptr_t)GetStdHandle(errors ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE)};
}

bool act_run(const char *program, const char *first)
{
    char line[4096];
    snprintf(line, sizeof line, "\"%s\" \"%s\"", program, first);
    HANDLE child = start(program, line, TRUE);
    if (!child)
        return false;
    WaitForSingleObject(child, INFINITE);
    CloseHandle(child);
    return true;
}

void act_block_signals(void)
{
}

bool act_interruptions_start(void)
{
    return false;
}

long act_interruptions_end(void)
{
    return 0;
}

bool act_is_wine(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll && GetProcAddress(ntdll, "wine_get_version");
}

brd_exit act_exit(act_end how)
{
    switch (how) {
    case ACT_ABORT:
        return (brd_exit){BROOD_EXIT_CODE, 3};
    case ACT_SEGFAULT:
        return (brd_exit){BROOD_EXIT_SIGNAL, 0xC0000005};
    case ACT_STACK_OVERFLOW:
        return (brd_exit){BROOD_EXIT_SIGNAL, 0xC00000FD};
    case ACT_TERMINATE:
        return (brd_exit){BROOD_EXIT_SIGNAL, 9}; // nobody can be asked
    default:
        return (brd_exit){BROOD_EXIT_CODE, KILL_CODE};
    }
}

bool act_watch_open(act_watch *out, int64_t pid)
{
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)pid);
    *out = (act_watch){.os = (intptr_t)process, .pid = pid};
    return process != NULL;
}

bool act_watch_gone(const act_watch *w, brd_time until)
{
    brd_time left = until - brd_os_now();
    DWORD ms = left <= 0 ? 0 : (DWORD)(left / BRD_MS) + 1;
    return WaitForSingleObject((HANDLE)w->os, ms) == WAIT_OBJECT_0;
}

void act_watch_close(act_watch *w)
{
    if (w->os)
        CloseHandle((HANDLE)w->os);
    w->os = 0;
}

bool act_thread_start(void)
{
    return false; // asked only where processes are forked
}

void act_thread_end(void)
{
}

bool act_ignore_children(void)
{
    return false; // nothing is reaped here
}

bool act_reap_children(void)
{
    return false;
}

void act_close_standard(void)
{
    static const DWORD which[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    for (size_t i = 0; i < 3; i++) {
        CloseHandle(GetStdHandle(which[i]));
        SetStdHandle(which[i], NULL);
    }
}

bool act_hide_proc(void)
{
    return false;
}

size_t act_longest_path(void)
{
    return MAX_PATH;
}

uint32_t act_some_cpu(void)
{
    return 0;
}

int act_niceness(void)
{
    return GetPriorityClass(GetCurrentProcess()) == IDLE_PRIORITY_CLASS ? 12 : 0;
}

int64_t act_parent(void)
{
    return -1;
}

bool act_open_inheritable(intptr_t *out)
{
    SECURITY_ATTRIBUTES inheritable = {sizeof inheritable, NULL, TRUE};
    HANDLE h = CreateEventW(&inheritable, TRUE, FALSE, NULL);
    *out = (intptr_t)h;
    return h != NULL;
}

brd_handle act_channel(void)
{
    static const char word[] = "--brood-worker=";
    char argument[64] = "";
    bool given = brd_os_argument(1, argument, sizeof argument) == 0;
    return given ? test_handle(argument + sizeof word - 1) : BRD_NONE;
}

bool act_write(brd_handle h, const void *bytes, size_t size)
{
    OVERLAPPED how = {0};
    DWORD put = 0;
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    // With its lowest bit set the event alone is told, and no completion port.
    how.hEvent = (HANDLE)((uintptr_t)event | 1);
    bool done = WriteFile((HANDLE)h.os, bytes, (DWORD)size, NULL, &how) ||
                GetLastError() == ERROR_IO_PENDING;
    done = done && GetOverlappedResult((HANDLE)h.os, &how, &put, TRUE);
    CloseHandle(event);
    return done && put == size;
}

bool act_close(brd_handle h)
{
    return CloseHandle((HANDLE)h.os);
}

void *act_mapping_of(const void *inside)
{
    MEMORY_BASIC_INFORMATION about;
    return VirtualQuery(inside, &about, sizeof about) ? about.AllocationBase : NULL;
}
