/* Shared memory: sections of the page file, without a name. Called by whoever
 * needs a segment; the handle travels by inheritance or over a channel. The
 * system charges the memory when the section is made, so a full system fails
 * here and not on first touch, and a section cannot change its size.
 */
#include "room.h"

/* The mapped view is committed, writable memory of at least this size. */
static bool view_holds(const void *base, size_t size)
{
    MEMORY_BASIC_INFORMATION info;
    if (!VirtualQuery(base, &info, sizeof info))
        return false;
    // A reserved section would let the peer choose when we fault.
    return info.State == MEM_COMMIT && info.Protect == PAGE_READWRITE && info.RegionSize >= size;
}

int brd_os_shm_create(brd_shm *out, size_t size)
{
    int status = 0;
    void *base = NULL;
    HANDLE section = NULL;
    if (size == 0)
        return BROOD_EINVAL;
    section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_COMMIT,
                                 (DWORD)((uint64_t)size >> 32), (DWORD)(size & 0xFFFFFFFFu), NULL);
    if (!section)
        return brd_win32_error(GetLastError());
    base = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, size);
    if (!base) {
        status = brd_win32_error(GetLastError());
        CloseHandle(section);
        return status;
    }
    *out = (brd_shm){brd_win32_wrap(section), base, size};
    return 0;
}

int brd_os_shm_map(brd_shm *out, brd_handle segment, size_t size, bool untrusted)
{
    HANDLE section = brd_win32_handle(segment);
    void *base = NULL;
    (void)untrusted; // the check is cheap, and a trusted peer passes it
    if (size == 0 || brd_is_none(segment))
        return BROOD_EINVAL;
    base = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0);
    if (!base)
        return brd_win32_error(GetLastError());
    if (!view_holds(base, size)) {
        UnmapViewOfFile(base);
        return BROOD_EPROTOCOL;
    }
    // A handle that came by inheritance is still inheritable.
    SetHandleInformation(section, HANDLE_FLAG_INHERIT, 0);
    *out = (brd_shm){segment, base, size};
    return 0;
}

void brd_os_shm_keep(const brd_shm *s)
{
    (void)s; // nothing is forked here
}

void brd_os_shm_warm(const brd_shm *s)
{
    (void)s; // PrefetchVirtualMemory reads files ahead, and these pages are in no file
}

void brd_os_shm_unmap(brd_shm *s)
{
    if (s->base) {
        UnmapViewOfFile(s->base);
        brd_os_close(&s->segment);
    }
    *s = (brd_shm){BRD_NONE, NULL, 0};
}
