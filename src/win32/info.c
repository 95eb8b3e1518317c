/* Facts about this machine and this process, and the clock. Called from everywhere.
 * Nothing here keeps state: each call asks the system, which answers most of it
 * from memory that it shares with us.
 */
#include "room.h"

#include <shellapi.h>
#include <stdlib.h>

#define NS_PER_SECOND INT64_C(1000000000)

brd_time brd_os_now(void)
{
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    // In two parts: count * 10^9 overflows after minutes.
    int64_t whole = count.QuadPart / frequency.QuadPart;
    int64_t rest = count.QuadPart % frequency.QuadPart;
    return whole * NS_PER_SECOND + rest * NS_PER_SECOND / frequency.QuadPart;
}

static unsigned bits_of(DWORD_PTR mask)
{
    unsigned n = 0;
    for (; mask; mask &= mask - 1)
        n++;
    return n;
}

unsigned brd_os_cpu_count(void)
{
    USHORT groups[64], ngroups = 64;
    DWORD_PTR mine = 0, all = 0;
    unsigned n = 0;
    // The affinity mask says nothing about a process that spans several groups.
    if (GetProcessGroupAffinity(GetCurrentProcess(), &ngroups, groups) && ngroups > 1) {
        for (USHORT i = 0; i < ngroups; i++)
            n += GetActiveProcessorCount(groups[i]);
    } else if (GetProcessAffinityMask(GetCurrentProcess(), &mine, &all)) {
        n = bits_of(mine);
    }
    return n ? n : 1;
}

int brd_os_cpu(void)
{
    PROCESSOR_NUMBER number;
    GetCurrentProcessorNumberEx(&number);
    return number.Group * 64 + number.Number;
}

void brd_os_leave_cpu(void)
{
    // The scheduler here prefers an idle cpu for a thread that wakes; it needs no help.
}

int64_t brd_os_pid(void)
{
    return (int64_t)GetCurrentProcessId();
}

size_t brd_os_page(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwPageSize;
}

int brd_os_terminal_columns(void)
{
    HANDLE output = GetStdHandle(STD_ERROR_HANDLE);
    CONSOLE_SCREEN_BUFFER_INFO info;
    DWORD mode;
    if (!GetConsoleMode(output, &mode))
        return 0;
    // The window, which may show less than the buffer holds.
    if (!GetConsoleScreenBufferInfo(output, &info) || info.srWindow.Right < info.srWindow.Left)
        return 80;
    return info.srWindow.Right - info.srWindow.Left + 1;
}

/* The path from the current directory. New: free(). */
static int full_path(const wchar_t *path, wchar_t **out)
{
    DWORD cap = GetFullPathNameW(path, 0, NULL, NULL), size;
    wchar_t *full = cap ? malloc(cap * sizeof *full) : NULL;
    if (cap && !full)
        return BROOD_ENOMEM;
    size = cap ? GetFullPathNameW(path, cap, full, NULL) : 0;
    if (!size || size >= cap) { // another thread may have changed the directory
        int status = brd_win32_error(size ? ERROR_FILENAME_EXCED_RANGE : GetLastError());
        free(full);
        return status;
    }
    *out = full;
    return 0;
}

int brd_os_file_path(const char *path, bool runs, char *buffer, size_t cap)
{
    wchar_t *wide = NULL, *full = NULL;
    int status = brd_win32_wide(path, &wide);
    (void)runs; // whether a file can be executed, only the attempt tells
    if (!status)
        status = full_path(wide, &full);
    DWORD attributes = status ? 0 : GetFileAttributesW(full);
    if (!status && attributes == INVALID_FILE_ATTRIBUTES)
        status = brd_win32_error(GetLastError());
    else if (!status && (attributes & FILE_ATTRIBUTE_DIRECTORY))
        status = brd_win32_error(ERROR_ACCESS_DENIED);
    if (!status)
        status = brd_win32_utf8(full, buffer, cap);
    free(full);
    free(wide);
    return status;
}

int brd_os_self_path(char *buffer, size_t cap)
{
    wchar_t *path = NULL;
    int status = brd_win32_module_path(NULL, &path);
    if (!status)
        status = brd_win32_utf8(path, buffer, cap);
    free(path);
    return status;
}

int brd_os_self_program(char *buffer, size_t cap)
{
    return brd_os_self_path(buffer, cap); // a file that runs cannot be deleted
}

int brd_os_argument(unsigned index, char *buffer, size_t cap)
{
    int argc = 0, status = BROOD_EINVAL;
    LPWSTR *argv = CommandLineToArgvW(GetCommandLineW(), &argc);
    if (!argv)
        return brd_win32_error(GetLastError());
    if (index < (unsigned)argc)
        status = brd_win32_utf8(argv[index], buffer, cap);
    LocalFree(argv);
    return status;
}
