/* Words by which other programs find a segment: a small named section, which says which handle
 * of which process it is. Called for shared blocks with a name. Whoever finds it duplicates
 * that handle and lets the small section go, so the word is gone with the process that made
 * it, or when that closes it; the segment itself has no name, and goes with its last holder.
 */
#include "room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct brd_sign {
    HANDLE section;
};

/* What stands in the small section; the process is written last. */
typedef struct directions {
    uint64_t handle, size;
    _Atomic uint32_t pid;
    uint32_t unused;
} directions;

enum { LONGEST_WORD = 64, NAME_SIZE = LONGEST_WORD + 32 };

static int name_of(const char *word, wchar_t name[NAME_SIZE])
{
    static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = word ? strlen(word) : 0;
    if (size == 0 || size > LONGEST_WORD || strspn(word, fine) != size)
        return BROOD_EINVAL;
    size_t at = (size_t)swprintf(name, NAME_SIZE, L"Local\\brood-sign-");
    for (size_t i = 0; i <= size; i++)
        name[at + i] = (wchar_t)(unsigned char)word[i];
    return 0;
}

static int sign_open(brd_sign **out, const char *word, directions **view)
{
    wchar_t name[NAME_SIZE];
    int status = name_of(word, name);
    if (status)
        return status;
    brd_sign *sign = calloc(1, sizeof *sign);
    if (!sign)
        return BROOD_ENOMEM;
    sign->section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
                                       (DWORD)sizeof(directions), name);
    if (!sign->section)
        status = brd_win32_error(GetLastError());
    else if (GetLastError() == ERROR_ALREADY_EXISTS)
        status = BROOD_EBUSY;
    else
        *view = MapViewOfFile(sign->section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0);
    if (!status && !*view)
        status = brd_win32_error(GetLastError());
    if (status)
        brd_os_sign_close(&sign);
    else
        *out = sign;
    return status;
}

void brd_os_sign_close(brd_sign **sign)
{
    if (!*sign)
        return;
    if ((*sign)->section)
        CloseHandle((*sign)->section);
    free(*sign);
    *sign = NULL;
}

int brd_os_shm_show(brd_shm *out, brd_sign **sign, size_t size, const char *word)
{
    brd_sign *made = NULL;
    directions *view = NULL;
    brd_shm shm;
    int status = size ? sign_open(&made, word, &view) : BROOD_EINVAL;
    if (status)
        return status;
    status = brd_os_shm_create(&shm, size);
    if (!status) {
        view->handle = (uint64_t)shm.segment.os;
        view->size = size;
        atomic_store(&view->pid, (uint32_t)GetCurrentProcessId());
        *out = shm;
        *sign = made;
        made = NULL;
    }
    UnmapViewOfFile(view);
    brd_os_sign_close(&made);
    return status;
}

static int read_directions(const char *word, directions *out)
{
    wchar_t name[NAME_SIZE];
    int status = name_of(word, name);
    if (status)
        return status;
    HANDLE section = OpenFileMappingW(FILE_MAP_READ, FALSE, name);
    if (!section) {
        DWORD error = GetLastError();
        return error == ERROR_FILE_NOT_FOUND ? BROOD_ECLOSED : brd_win32_error(error);
    }
    const directions *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
    if (!view) {
        status = brd_win32_error(GetLastError());
    } else {
        uint32_t pid = atomic_load(&view->pid);
        *out = (directions){.handle = view->handle, .size = view->size, .pid = pid};
        status = pid ? 0 : BROOD_ECLOSED; // it is only just being made
        UnmapViewOfFile(view);
    }
    CloseHandle(section);
    return status;
}

int brd_os_shm_find(brd_shm *out, const char *word)
{
    directions to;
    HANDLE copy = NULL;
    int status = read_directions(word, &to);
    if (status)
        return status;
    HANDLE owner = OpenProcess(PROCESS_DUP_HANDLE, FALSE, atomic_load(&to.pid));
    if (!owner)
        return GetLastError() == ERROR_INVALID_PARAMETER ? BROOD_ECLOSED
                                                         : brd_win32_error(GetLastError());
    if (!DuplicateHandle(owner, (HANDLE)(uintptr_t)to.handle, GetCurrentProcess(), &copy, 0, FALSE,
                         DUPLICATE_SAME_ACCESS))
        status = BROOD_ECLOSED; // it has closed it meanwhile
    CloseHandle(owner);
    if (status)
        return status;
    status = brd_os_shm_map(out, brd_win32_wrap(copy), (size_t)to.size, true);
    if (status)
        CloseHandle(copy);
    return status;
}
