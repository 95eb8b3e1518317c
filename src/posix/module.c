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
#include <string.h>

/** dlsym goes on in what a module depends on; one file may have several names. */
static bool is_of(const void *code, const char *path)
{
    struct stat module;
    struct stat asked;
    brd_place place;
    if (brd_os_module_of(code, &place))
        return false;
    return strcmp(place.module, path) == 0 ||
           (stat(place.module, &module) == 0 && stat(path, &asked) == 0 &&
            module.st_dev == asked.st_dev && module.st_ino == asked.st_ino);
}

int brd_os_module_load(const char *path, const char *symbol, void **code, char *why, size_t cap)
{
    const char *text = NULL;
    void *found = NULL;
    void *loaded = path[0] == '/' ? dlopen(path, RTLD_NOW | RTLD_NODELETE) : NULL;
    if (!loaded && path[0] == '/')
        text = dlerror();
    (void)snprintf(why, cap, "%s", text ? text : "");
    if (!loaded)
        return BROOD_EFUNCTION;
    found = dlsym(loaded, symbol);
    *code = found && is_of(found, path) ? found : NULL;
    dlclose(loaded);
    return 0;
}

#if !defined(__APPLE__)

#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>

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

/** What is mapped there, as a line of maps has it: the path last. */
static bool is_mapping_of(const char *line, uintptr_t code, char path[PATH_MAX])
{
    unsigned long long from = 0;
    unsigned long long to = 0;
    int name = 0;
    if (sscanf(line, "%llx-%llx %*s %*s %*s %*s %n", &from, &to, &name) < 2 || code < from ||
        code >= to)
        return false;
    (void)snprintf(path, PATH_MAX, "%.*s", (int)strcspn(line + name, "\n"), line + name);
    return true;
}

/**
 * The path of a module that was loaded by a relative one, which says nothing any more once
 * the directory is another: the system remembers what it mapped.
 */
static bool mapped_path(const struct dl_phdr_info *info, char path[PATH_MAX])
{
    char line[PATH_MAX + 128];
    uintptr_t code = 0;
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return realpath(info->dlpi_name, path) != NULL;
    for (unsigned i = 0; i < info->dlpi_phnum && !code; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            code = (uintptr_t)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    while (!found && fgets(line, sizeof line, maps))
        found = is_mapping_of(line, code, path);
    (void)fclose(maps);
    return found && path[0] == '/';
}

static bool path_of(const struct dl_phdr_info *info, char path[PATH_MAX])
{
    const char *name = info->dlpi_name;
    return *name == '/' ? realpath(name, path) != NULL : *name && mapped_path(info, path);
}

/** Whether this is the module that is sought; fills in its name if it is. */
static bool is_sought(const struct dl_phdr_info *info, search *s)
{
    char path[PATH_MAX] = "";
    if (s->code && !has_code(info, (uint64_t)((uintptr_t)s->code - info->dlpi_addr)))
        return false;
    if (!s->first && !path_of(info, path))
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
