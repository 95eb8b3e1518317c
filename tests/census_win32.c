/*
 * What this process has open, from the system's tables. Called by the harness around
 * every test. Mapped segments cannot be counted here; a leaked one shows among the
 * handles, unless only its handle was closed. The system's own thread pool comes and
 * goes as it likes: its threads are those that start inside ntdll, and not counted.
 */
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN 1
#endif

#include "harness.h"

#include <windows.h>

#include <tlhelp32.h>

/** Asks each value in turn, until there was none for long. */
static long count_handles_one_by_one(void)
{
    long count = 0;
    DWORD flags;
    for (uintptr_t value = 4, last = 0; value < last + 4 * 256; value += 4) {
        if (GetHandleInformation((HANDLE)value, &flags)) {
            count++;
            last = value;
        }
    }
    return count;
}

static long count_handles(void)
{
    DWORD count = 0;
    if (!GetProcessHandleCount(GetCurrentProcess(), &count))
        return -1;
    // Wine always answers 0.
    return count ? (long)count : count_handles_one_by_one();
}

typedef LONG(WINAPI *query_thread)(HANDLE, int, void *, ULONG, ULONG *);

static int is_of_the_system(DWORD id, query_thread query, HMODULE ntdll)
{
    enum { QUERY_START_ADDRESS = 9 };
    void *start = NULL;
    HMODULE module = NULL;
    HANDLE thread = OpenThread(THREAD_QUERY_INFORMATION | SYNCHRONIZE, FALSE, id);
    // The list may be older than the end of one of the thread pool's: it is nobody's any more.
    if (!thread || WaitForSingleObject(thread, 0) == WAIT_OBJECT_0) {
        if (thread)
            CloseHandle(thread);
        return 1;
    }
    if (query && query(thread, QUERY_START_ADDRESS, &start, sizeof start, NULL) >= 0)
        GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                               GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           (LPCWSTR)start, &module);
    CloseHandle(thread);
    return module && module == ntdll;
}

static long count_threads(HANDLE tables)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    query_thread query =
        (query_thread)(void (*)(void))GetProcAddress(ntdll, "NtQueryInformationThread");
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    long count = 0;
    BOOL more = Thread32First(tables, &entry);
    for (; more; more = Thread32Next(tables, &entry)) {
        if (entry.th32OwnerProcessID == GetCurrentProcessId() &&
            !is_of_the_system(entry.th32ThreadID, query, ntdll))
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

static void CALLBACK nothing(void *baton, BOOLEAN timed_out)
{
    (void)baton;
    (void)timed_out;
}

/**
 * The thread pool has a few handles while it is in use: those are no leak. So it stays
 * in use, by a wait that never ends, and their number does not change under a test.
 */
static void keep_thread_pool_in_use(void)
{
    static int used;
    HANDLE event = NULL;
    HANDLE wait = NULL;
    brd_chan *mine = NULL;
    brd_handle theirs = BRD_NONE;
    if (used)
        return;
    used = 1;
    event = CreateEventW(NULL, TRUE, FALSE, NULL);
    (void)RegisterWaitForSingleObject(&wait, event, nothing, NULL, INFINITE, WT_EXECUTEONLYONCE);
    if (brd_os_chan_pair(&mine, &theirs) == 0) {
        (void)brd_os_chan_wait(mine, BRD_READ, brd_os_now() + BRD_MS);
        brd_os_close(&theirs);
        brd_os_chan_close(&mine);
    }
}

void test_census(test_census_counts *out)
{
    keep_thread_pool_in_use();
    HANDLE tables = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD | TH32CS_SNAPPROCESS, 0);
    *out = (test_census_counts){-1, -1, -1, -1, .may_shrink = true};
    if (tables != INVALID_HANDLE_VALUE) {
        out->threads = count_threads(tables);
        out->children = count_children(tables);
        CloseHandle(tables);
    }
    out->handles = count_handles();
}
