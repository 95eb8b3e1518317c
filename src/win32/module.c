/* Functions as places: a module, an offset from its start, the module's build.
 * Called by the function references of floor 1. The build of an image is what its
 * linker left in it: the CodeView record (mingw writes one with --build-id, MSVC
 * always) and a digest of the headers, with nothing in it that the loader changes.
 */
#include "room.h"

#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------- the headers */

/* Headers of a module that the loader accepted, so their sizes are right. */
static const IMAGE_NT_HEADERS *headers_of(const unsigned char *base)
{
    const IMAGE_DOS_HEADER *dos = (const void *)base;
    if (dos->e_magic != IMAGE_DOS_SIGNATURE)
        return NULL;
    const IMAGE_NT_HEADERS *nt = (const void *)(base + dos->e_lfanew);
    return nt->Signature == IMAGE_NT_SIGNATURE ? nt : NULL;
}

static bool offset_is_code(const IMAGE_NT_HEADERS *nt, uint64_t offset)
{
    const IMAGE_SECTION_HEADER *s = IMAGE_FIRST_SECTION(nt);
    for (WORD i = 0; i < nt->FileHeader.NumberOfSections; i++, s++) {
        if ((s->Characteristics & IMAGE_SCN_MEM_EXECUTE) && offset >= s->VirtualAddress &&
            offset < (uint64_t)s->VirtualAddress + s->Misc.VirtualSize)
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------ the build */

/* FNV-1a. It tells builds apart; it is no proof against a forger. */
static uint64_t digest(uint64_t seed, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < size; i++)
        seed = (seed ^ p[i]) * UINT64_C(1099511628211);
    return seed;
}

/* All of the headers but ImageBase, which the loader sets to where it is. */
static uint64_t headers_digest(const IMAGE_NT_HEADERS *nt)
{
    const IMAGE_OPTIONAL_HEADER *o = &nt->OptionalHeader;
    const DWORD fields[] = {o->SizeOfCode,  o->SizeOfInitializedData, o->AddressOfEntryPoint,
                            o->SizeOfImage, o->SizeOfHeaders,         o->CheckSum};
    uint64_t d = UINT64_C(14695981039346656037);
    d = digest(d, &nt->FileHeader, sizeof nt->FileHeader);
    d = digest(d, fields, sizeof fields);
    return digest(d, IMAGE_FIRST_SECTION(nt),
                  nt->FileHeader.NumberOfSections * sizeof(IMAGE_SECTION_HEADER));
}

/* The linker's GUID and age, 20 bytes, or NULL. */
static const unsigned char *codeview_of(const unsigned char *base, const IMAGE_NT_HEADERS *nt)
{
    const IMAGE_DATA_DIRECTORY *dir =
        &nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_DEBUG];
    const IMAGE_DEBUG_DIRECTORY *entry = (const void *)(base + dir->VirtualAddress);
    size_t n = dir->VirtualAddress ? dir->Size / sizeof *entry : 0;
    for (size_t i = 0; i < n; i++, entry++) {
        if (entry->Type != IMAGE_DEBUG_TYPE_CODEVIEW || !entry->AddressOfRawData ||
            entry->SizeOfData < 24)
            continue;
        const unsigned char *record = base + entry->AddressOfRawData;
        if (memcmp(record, "RSDS", 4) == 0)
            return record + 4;
    }
    return NULL;
}

static int build_of(HMODULE module, uint8_t build[20])
{
    const unsigned char *base = (const unsigned char *)module, *codeview = NULL;
    const IMAGE_NT_HEADERS *nt = headers_of(base);
    if (!nt)
        return BROOD_EFUNCTION;
    uint64_t d = headers_digest(nt);
    codeview = codeview_of(base, nt);
    if (codeview) {
        uint32_t mixed = (uint32_t)digest(d, codeview + 16, 4);
        memcpy(build, codeview, 16);
        memcpy(build + 16, &mixed, 4);
    } else {
        uint64_t again = digest(d, &d, sizeof d);
        memcpy(build, &d, 8);
        memcpy(build + 8, &again, 8);
        memcpy(build + 16, &nt->FileHeader.TimeDateStamp, 4);
    }
    return 0;
}

int brd_os_module_build(uint8_t build[20])
{
    uint8_t own[20];
    int status = build_of(GetModuleHandleW(NULL), own);
    if (!status)
        memcpy(build, own, sizeof own);
    return status;
}

/* ------------------------------------------------------------------- places */

int brd_os_module_of(const void *code, brd_place *out)
{
    HMODULE module = NULL;
    wchar_t *path = NULL;
    brd_place place = {0};
    int status = 0;
    if (!code || !GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                         GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                                     (LPCWSTR)code, &module))
        return BROOD_EFUNCTION;
    if (module != GetModuleHandleW(NULL)) {
        status = brd_win32_module_path(module, &path);
        if (!status)
            status = brd_win32_utf8(path, place.module, sizeof place.module);
        free(path);
    }
    if (!status)
        status = build_of(module, place.build);
    place.offset = (uint64_t)((const unsigned char *)code - (const unsigned char *)module);
    if (!status && !offset_is_code(headers_of((const unsigned char *)module), place.offset))
        status = BROOD_EFUNCTION;
    if (status)
        return status == BROOD_ENOMEM ? status : BROOD_EFUNCTION;
    *out = place;
    return 0;
}

static bool path_is_full(const char *path)
{
    return path[0] == '\\' ? path[1] == '\\'
                           : path[0] && path[1] == ':' && (path[2] == '\\' || path[2] == '/');
}

/* The module, never to be unloaded: a code address must stay one. */
static int module_pinned(const char *name, HMODULE *out)
{
    HMODULE module = NULL;
    wchar_t *path = NULL;
    if (!name[0]) {
        *out = GetModuleHandleW(NULL);
        return 0;
    }
    // Without a full path, the search would find what lies in the way.
    if (!path_is_full(name))
        return BROOD_EFUNCTION;
    int status = brd_win32_wide(name, &path);
    if (status)
        return status;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN, path, &module))
        module = LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    DWORD error = module ? 0 : GetLastError();
    free(path);
    if (!module)
        return brd_win32_error(error);
    *out = module;
    return 0;
}

int brd_os_module_load(const char *path, const char *symbol, void **code, char *why, size_t cap)
{
    HMODULE module = NULL;
    FARPROC function = NULL;
    int status = path[0] ? module_pinned(path, &module) : BROOD_EFUNCTION;
    if (cap)
        why[0] = 0; // the system's error has a sentence of its own
    if (status)
        return status;
    function = GetProcAddress(module, symbol);
    memcpy(code, &function, sizeof *code);
    return 0;
}

int brd_os_module_at(const brd_place *place, void **code)
{
    HMODULE module = NULL;
    uint8_t build[20];
    if (!memchr(place->module, 0, sizeof place->module))
        return BROOD_EFUNCTION;
    int status = module_pinned(place->module, &module);
    if (status)
        return status == BROOD_ENOMEM ? status : BROOD_EFUNCTION;
    status = build_of(module, build);
    if (status)
        return status;
    if (memcmp(build, place->build, sizeof build) != 0)
        return BROOD_EBUILD;
    if (!offset_is_code(headers_of((const unsigned char *)module), place->offset))
        return BROOD_EFUNCTION;
    *code = (unsigned char *)module + place->offset;
    return 0;
}
