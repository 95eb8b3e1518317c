/*
 * Where code is, in words that hold in another process: module, offset, build. Called
 * by the function references. The one thing to know: a place comes over a channel, so
 * its offset is believed only inside a segment that holds code, and a module is found
 * by its path, never by a search. ELF here; module_macho.c does the same for macOS, but
 * for loading, which is one for both.
 */
#include "room.h"

#include <dlfcn.h>
#include <stdio.h>

int brd_os_module_load(const char *path, const char *symbol, void **code, char *why, size_t cap)
{
    const char *text = NULL;
    void *loaded = path[0] == '/' ? dlopen(path, RTLD_NOW | RTLD_NODELETE) : NULL;
    if (!loaded && path[0] == '/')
        text = dlerror();
    (void)snprintf(why, cap, "%s", text ? text : "");
    if (!loaded)
        return BROOD_EFUNCTION;
    *code = dlsym(loaded, symbol);
    dlclose(loaded);
    return 0;
}

#if !defined(__APPLE__)

#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BUILD = 20 };

/** What is sought among the loaded modules, and what was found. */
typedef struct search {
    const void *code;   /* the module around this address, or */
    const char *module; /* the module of this path */
    bool first;         /* the one in hand is the main program */
    bool found;
    bool wrong; /* it was found, but has no code there */
    brd_place place;
    uintptr_t base;
} search;

static bool has_code(const struct dl_phdr_info *info, uint64_t offset)
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) && offset >= part->p_vaddr &&
            offset - part->p_vaddr < part->p_memsz)
            return true;
    }
    return false;
}

static const unsigned char *bytes_at(const struct dl_phdr_info *info, const ElfW(Phdr) * part)
{
    return (const unsigned char *)(uintptr_t)(info->dlpi_addr + part->p_vaddr);
}

static bool build_note(const unsigned char *at, size_t size, size_t align, uint8_t build[BUILD])
{
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        size_t name = 0;
        size_t next = 0;
        memcpy(&note, at, sizeof note);
        name = sizeof note + ((note.n_namesz + align - 1) & ~(align - 1));
        next = name + ((note.n_descsz + align - 1) & ~(align - 1));
        if (next > size)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(at + sizeof note, "GNU", 4) == 0) {
            memset(build, 0, BUILD);
            memcpy(build, at + name, note.n_descsz < BUILD ? note.n_descsz : BUILD);
            return true;
        }
        at += next;
        size -= next;
    }
    return false;
}

static uint64_t fnv(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/**
 * For a module that was linked without a build id: its headers and symbols, and the
 * size and time of its file. Not its code, in which a debugger may have put traps.
 */
static void build_hash(const struct dl_phdr_info *info, const char *file, uint8_t build[BUILD])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct stat facts;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && !(part->p_flags & PF_W)) {
            hash = fnv(hash, bytes_at(info, part), (size_t)part->p_filesz);
            break;
        }
    }
    if (stat(file, &facts) == 0) {
        hash = fnv(hash, &facts.st_size, sizeof facts.st_size);
        hash = fnv(hash, &facts.st_mtim.tv_sec, sizeof facts.st_mtim.tv_sec);
        hash = fnv(hash, &facts.st_mtim.tv_nsec, sizeof facts.st_mtim.tv_nsec);
    }
    for (size_t at = 0; at < BUILD; at += 4) {
        hash = fnv(hash, &at, sizeof at);
        memcpy(build + at, &hash, 4);
    }
}

static void build_of(const struct dl_phdr_info *info, const char *file, uint8_t build[BUILD])
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_NOTE && build_note(bytes_at(info, part), (size_t)part->p_memsz,
                                                  part->p_align == 8 ? 8 : 4, build))
            return;
    }
    build_hash(info, file, build);
}

/** Whether this is the module that is sought; fills in its name if it is. */
static bool is_sought(const struct dl_phdr_info *info, search *s)
{
    char path[PATH_MAX] = "";
    if (s->code && !has_code(info, (uint64_t)((uintptr_t)s->code - info->dlpi_addr)))
        return false;
    if (!s->first && (!*info->dlpi_name || !realpath(info->dlpi_name, path)))
        return false;
    if (s->module && strcmp(s->module, path) != 0)
        return false;
    if (strlen(path) >= sizeof s->place.module)
        return false;
    memcpy(s->place.module, path, strlen(path) + 1);
    return true;
}

static int look(struct dl_phdr_info *info, size_t size, void *baton)
{
    search *s = baton;
    (void)size;
    if (is_sought(info, s)) {
        s->found = true;
        s->base = info->dlpi_addr;
        build_of(info, s->first ? "/proc/self/exe" : s->place.module, s->place.build);
        if (s->code)
            s->place.offset = (uint64_t)((uintptr_t)s->code - info->dlpi_addr);
        else
            s->wrong = !has_code(info, s->place.offset);
    }
    s->first = false;
    return s->found;
}

// The list's lock is not set free in a fork.
static void look_around(search *s)
{
    brd_fork_lock();
    dl_iterate_phdr(look, s);
    brd_fork_unlock();
}

int brd_os_module_of(const void *code, brd_place *out)
{
    search s = {.code = code, .first = true};
    if (!code)
        return BROOD_EFUNCTION;
    look_around(&s);
    if (!s.found)
        return BROOD_EFUNCTION;
    *out = s.place;
    return 0;
}

/** Loads it for good: pointers into it are handed out. */
static bool module_load(const char *path)
{
    void *loaded = NULL;
    if (path[0] != '/')
        return false;
    loaded = dlopen(path, RTLD_NOW | RTLD_NODELETE);
    if (loaded)
        dlclose(loaded);
    return loaded != NULL;
}

int brd_os_module_at(const brd_place *place, void **code)
{
    search s = {.module = place->module, .first = true};
    s.place.offset = place->offset;
    if (!memchr(place->module, '\0', sizeof place->module))
        return BROOD_EFUNCTION;
    look_around(&s);
    if (!s.found && module_load(place->module)) {
        s.first = true;
        look_around(&s);
    }
    if (!s.found)
        return BROOD_EFUNCTION;
    if (memcmp(s.place.build, place->build, BUILD) != 0)
        return BROOD_EBUILD;
    if (s.wrong)
        return BROOD_EFUNCTION;
    *code = (void *)(s.base + (uintptr_t)place->offset); // NOLINT
    return 0;
}

int brd_os_module_build(uint8_t build[20])
{
    search s = {.module = "", .first = true};
    look_around(&s);
    if (!s.found)
        return BROOD_EFUNCTION;
    memcpy(build, s.place.build, BUILD);
    return 0;
}

#else

typedef int brd_no_elf_here;

#endif
