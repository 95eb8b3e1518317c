/* Starts processes. Called by floor 4.
 *
 * Each child is born into a job of its own, so that its whole tree dies with it
 * and with us, and receives exactly the handles of a list. Handles have to be
 * inheritable for the moment of the start; a lock keeps the starts of this
 * library apart, and the list keeps other handles out of our children. Jobs at
 * birth exist since Windows 10.
 */
#include "room.h"

#include <stdlib.h>
#include <string.h>

/* Headers hide it from programs for older systems. */
#ifndef PROC_THREAD_ATTRIBUTE_JOB_LIST
#define PROC_THREAD_ATTRIBUTE_JOB_LIST ((DWORD_PTR)0x0002000D)
#endif

enum { STARTS = 4 }; /* of one process, if the system fails on the way */

/* The one piece of state of this room: inheritable handles are process-wide. */
static SRWLOCK spawn_lock = SRWLOCK_INIT;

/* All that CreateProcess wants to be told. */
typedef struct birth {
    wchar_t *program, *command, *environment, *directory;
    HANDLE std[3]; /* inheritable duplicates: in, out, err */
    HANDLE job;
    HANDLE *list; /* what the child gets, each once */
    size_t nlist;
    DWORD *flags; /* what list[i] had before the start */
    LPPROC_THREAD_ATTRIBUTE_LIST attributes;
} birth;

/* The command interpreter would parse the arguments by rules of its own. */
static bool is_script(const char *program)
{
    size_t n = strlen(program);
    while (n > 0 && (program[n - 1] == '.' || program[n - 1] == ' '))
        n--;
    return n >= 4 && (_strnicmp(program + n - 4, ".bat", 4) == 0 ||
                      _strnicmp(program + n - 4, ".cmd", 4) == 0);
}

static int birth_texts(birth *b, const brd_launch *how)
{
    int status = is_script(how->program) ? BROOD_ENOTSUP : 0;
    if (!status)
        status = brd_win32_wide(how->program, &b->program);
    if (!status)
        status = brd_win32_command_line(how->argv, &b->command);
    if (!status)
        status = brd_win32_environment(how->env, &b->environment);
    if (!status && how->directory)
        status = brd_win32_wide(how->directory, &b->directory);
    return status;
}

/* A stream for the child: a duplicate of this one, or the empty device. */
static int inheritable_std(HANDLE stream, HANDLE *out)
{
    SECURITY_ATTRIBUTES inheritable = {sizeof inheritable, NULL, TRUE};
    HANDLE self = GetCurrentProcess(), h = NULL;
    if (stream && stream != INVALID_HANDLE_VALUE &&
        DuplicateHandle(self, stream, self, out, 0, TRUE, DUPLICATE_SAME_ACCESS))
        return 0;
    h = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                    &inheritable, OPEN_EXISTING, 0, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return brd_win32_error(GetLastError());
    *out = h;
    return 0;
}

static void list_add(birth *b, HANDLE h)
{
    // The system refuses a list that names a handle twice.
    for (size_t i = 0; i < b->nlist; i++) {
        if (b->list[i] == h)
            return;
    }
    b->list[b->nlist++] = h;
}

/* What the child prints to: what it was given, or what this process has. */
static HANDLE std_source(const brd_handle *given, bool none, DWORD own)
{
    if (given)
        return brd_win32_handle(*given);
    return none ? NULL : GetStdHandle(own);
}

static int birth_handles(birth *b, const brd_launch *how)
{
    const HANDLE streams[3] = {NULL, std_source(how->output, how->no_output, STD_OUTPUT_HANDLE),
                               std_source(how->errors, how->no_errors, STD_ERROR_HANDLE)};
    DWORD unused;
    b->list = calloc(how->ninherit + 3, sizeof *b->list);
    b->flags = calloc(how->ninherit + 3, sizeof *b->flags);
    if (!b->list || !b->flags)
        return BROOD_ENOMEM;
    for (size_t i = 0; i < 3; i++) {
        int status = inheritable_std(streams[i], &b->std[i]);
        if (status)
            return status;
        list_add(b, b->std[i]);
    }
    for (size_t i = 0; i < how->ninherit; i++) {
        HANDLE h = brd_win32_handle(how->inherit[i]);
        if (brd_is_none(how->inherit[i]) || !GetHandleInformation(h, &unused))
            return BROOD_EINVAL;
        list_add(b, h);
    }
    return 0;
}

static int birth_job(birth *b, uint64_t memory)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (memory) {
        limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_PROCESS_MEMORY;
        limits.ProcessMemoryLimit = memory < SIZE_MAX ? (SIZE_T)memory : SIZE_MAX;
    }
    b->job = CreateJobObjectW(NULL, NULL);
    if (!b->job ||
        !SetInformationJobObject(b->job, JobObjectExtendedLimitInformation, &limits, sizeof limits))
        return brd_win32_error(GetLastError());
    return 0;
}

static int birth_attributes(birth *b)
{
    SIZE_T size = 0;
    LPPROC_THREAD_ATTRIBUTE_LIST a = NULL;
    InitializeProcThreadAttributeList(NULL, 2, 0, &size);
    a = malloc(size);
    if (!a)
        return BROOD_ENOMEM;
    if (!InitializeProcThreadAttributeList(a, 2, 0, &size)) {
        free(a);
        return brd_win32_error(GetLastError());
    }
    b->attributes = a;
    if (!UpdateProcThreadAttribute(a, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, b->list,
                                   b->nlist * sizeof *b->list, NULL, NULL) ||
        !UpdateProcThreadAttribute(a, 0, PROC_THREAD_ATTRIBUTE_JOB_LIST, &b->job, sizeof b->job,
                                   NULL, NULL))
        return brd_win32_error(GetLastError());
    return 0;
}

/* Lets the handles of the list through, or brings back what they had. */
static void set_inheritable(birth *b, bool on)
{
    for (size_t i = 0; i < b->nlist; i++) {
        if (on) {
            GetHandleInformation(b->list[i], &b->flags[i]);
            SetHandleInformation(b->list[i], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
        } else {
            SetHandleInformation(b->list[i], HANDLE_FLAG_INHERIT, b->flags[i]);
        }
    }
}

/* A process can die on the way, before any of its own code runs: that is the system's
 * trouble of the moment, most often of one under load, and nothing is left of it. */
static DWORD create(birth *b, STARTUPINFOW *start, PROCESS_INFORMATION *born)
{
    const DWORD flags =
        CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
    DWORD error = ERROR_INTERNAL_ERROR;
    for (int i = 0; i < STARTS && error == ERROR_INTERNAL_ERROR; i++)
        error = CreateProcessW(b->program, b->command, NULL, NULL, TRUE, flags, b->environment,
                               b->directory, start, born)
                    ? ERROR_SUCCESS
                    : GetLastError();
    return error;
}

static int give_birth(birth *b, PROCESS_INFORMATION *born)
{
    STARTUPINFOEXW start = {0};
    start.StartupInfo.cb = sizeof start;
    start.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    start.StartupInfo.hStdInput = b->std[0];
    start.StartupInfo.hStdOutput = b->std[1];
    start.StartupInfo.hStdError = b->std[2];
    start.lpAttributeList = b->attributes;
    AcquireSRWLockExclusive(&spawn_lock);
    set_inheritable(b, true);
    DWORD error = create(b, &start.StartupInfo, born);
    set_inheritable(b, false);
    ReleaseSRWLockExclusive(&spawn_lock);
    return error ? brd_win32_error(error) : 0;
}

static void birth_clear(birth *b)
{
    if (b->attributes) {
        DeleteProcThreadAttributeList(b->attributes);
        free(b->attributes);
    }
    for (size_t i = 0; i < 3; i++) {
        if (b->std[i])
            CloseHandle(b->std[i]);
    }
    if (b->job)
        CloseHandle(b->job);
    free(b->list);
    free(b->flags);
    free(b->program);
    free(b->command);
    free(b->environment);
    free(b->directory);
}

int brd_os_proc_start(brd_proc *out, const brd_launch *how)
{
    birth b = {0};
    PROCESS_INFORMATION born = {0};
    int status = birth_texts(&b, how);
    if (!status)
        status = birth_handles(&b, how);
    if (!status)
        status = birth_job(&b, how->memory);
    if (!status)
        status = birth_attributes(&b);
    if (!status)
        status = give_birth(&b, &born);
    if (status)
        goto done;
    CloseHandle(born.hThread);
    if (how->channel)
        status = brd_win32_chan_peer(how->channel, born.hProcess);
    if (status) {
        // Its job is closed below, and that ends it.
        CloseHandle(born.hProcess);
        goto done;
    }
    *out = (brd_proc){.life = brd_win32_wrap(born.hProcess),
                      .group = brd_win32_wrap(b.job),
                      .news = BRD_NONE,
                      .pid = (int64_t)born.dwProcessId};
    b.job = NULL;
done:
    birth_clear(&b);
    return status;
}

brd_handle brd_os_proc_inherited(const brd_launch *how, size_t index)
{
    return how->inherit[index];
}
