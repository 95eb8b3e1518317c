/*
 * What the benchmark asks the host: cpu time and memory.
 */
#include "bench.h"
#include <stdlib.h>
#include <string.h>
#include <windows.h>

// The system counts cpu time in steps of a clock tick, much longer than a task.
int64_t host_thread_ns(void)
{
    return brd_os_now();
}

static DWORD_PTR allowed;

void host_pin(bool last)
{
    DWORD_PTR mine, all, one = 1;
    if (allowed || !GetProcessAffinityMask(GetCurrentProcess(), &mine, &all) || !mine)
        return;
    for (DWORD_PTR rest = mine; rest; rest >>= 1)
        if (last)
            one = rest == 1 ? one : one << 1;
    while (!(mine & one))
        one = last ? one >> 1 : one << 1;
    allowed = SetThreadAffinityMask(GetCurrentThread(), one);
}

void host_unpin(void)
{
    if (allowed)
        (void)SetThreadAffinityMask(GetCurrentThread(), allowed);
    allowed = 0;
}

static double to_ms(FILETIME t)
{
    return (double)((uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime) / 1e4;
}

double host_cpu_ms(int64_t pid)
{
    FILETIME born, ended, kernel, user;
    double ms = -1;
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)pid);
    if (!process)
        return -1;
    if (GetProcessTimes(process, &born, &ended, &kernel, &user))
        ms = to_ms(kernel) + to_ms(user);
    CloseHandle(process);
    return ms;
}

double host_pss_kib(int64_t pid)
{
    (void)pid;
    return -1;
}

void *host_touched(size_t size)
{
    void *memory = malloc(size);
    if (memory)
        memset(memory, 1, size);
    return memory;
}

void host_release(void *memory, size_t size)
{
    (void)size;
    free(memory);
}

int host_pipe(brd_handle ends[2])
{
    enum { ROOM = 65536 }; /* as on Linux */
    HANDLE from, to;
    if (!CreatePipe(&from, &to, NULL, ROOM))
        return BROOD_ENOMEM;
    ends[0] = (brd_handle){(intptr_t)from};
    ends[1] = (brd_handle){(intptr_t)to};
    return BROOD_OK;
}

int host_write(brd_handle end, const void *bytes, size_t size)
{
    DWORD put = 0;
    for (const char *at = bytes; size > 0; at += put, size -= put)
        if (!WriteFile((HANDLE)end.os, at, (DWORD)size, &put, NULL))
            return BROOD_ECLOSED;
    return BROOD_OK;
}

int host_read(brd_handle end, void *bytes, size_t size)
{
    DWORD got = 0;
    for (char *at = bytes; size > 0; at += got, size -= got)
        if (!ReadFile((HANDLE)end.os, at, (DWORD)size, &got, NULL) || got == 0)
            return BROOD_ECLOSED;
    return BROOD_OK;
}

int host_run(const char *command, const char *arguments, void (*line)(char *text))
{
    (void)command;
    (void)arguments;
    (void)line;
    return BROOD_ENOTSUP;
}
