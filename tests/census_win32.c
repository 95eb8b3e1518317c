/*
 * What this process has open, from the system's tables. Called by the harness around
 * every test. The one thing to know: mapped segments cannot be counted here; a leaked one
 * shows among the handles, unless only its handle was closed.
 */
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN 1
#endif

#include "harness.h"

#include <windows.h>

#include <tlhelp32.h>

static long count_handles(void)
{
    DWORD count = 0;
    return GetProcessHandleCount(GetCurrentProcess(), &count) ? (long)count : -1;
}

static long count_threads(HANDLE tables)
{
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    long count = 0;
    BOOL more = Thread32First(tables, &entry);
    for (; more; more = Thread32Next(tables, &entry)) {
        if (entry.th32OwnerProcessID == GetCurrentProcessId())
            count++;
    }
    return count;
}

static long count_children(HANDLE tables)
{
    PROCESSENTRY32W entry = {.dwSize = sizeof entry};
    long count = 0;
    BOOL more = Process32FirstW(tables, &entry);
    for (; more; more = Process32NextW(tables, &entry)) {
        if (entry.th32ParentProcessID == GetCurrentProcessId())
            count++;
    }
    return count;
}

void test_census(test_census_counts *out)
{
    HANDLE tables = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD | TH32CS_SNAPPROCESS, 0);
    *out = (test_census_counts){-1, -1, -1, -1};
    if (tables != INVALID_HANDLE_VALUE) {
        out->threads = count_threads(tables);
        out->children = count_children(tables);
        CloseHandle(tables);
    }
    out->handles = count_handles();
}
