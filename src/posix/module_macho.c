/*
 * Where code is, on macOS: module.c in the words of Mach-O. Called by the function
 * references. The one thing to know: the linker puts LC_UUID into every image, which
 * is its build; offsets count from the image's header.
 */
#include "room.h"

#if defined(__APPLE__)

#include <dlfcn.h>
#include <limits.h>
#include <mach-o/dyld.h>
#include <mach-o/loader.h>
#include <stdlib.h>
#include <string.h>

enum { BUILD = 20 };

typedef struct mach_header_64 header;

/** Walks the load commands: the build, and whether there is code at the offset. */
static bool image_facts(const header *image, uint64_t offset, uint8_t build[BUILD])
{
    const unsigned char *at = (const unsigned char *)(image + 1);
    uint64_t start = 0;
    bool code = false;
    memset(build, 0, BUILD);
    for (uint32_t i = 0; i < image->ncmds; i++) {
        struct load_command command;
        memcpy(&command, at, sizeof command);
        if (command.cmd == LC_UUID) {
            struct uuid_command uuid;
            memcpy(&uuid, at, sizeof uuid);
            memcpy(build, uuid.uuid, sizeof uuid.uuid);
        } else if (command.cmd == LC_SEGMENT_64) {
            struct segment_command_64 part;
            memcpy(&part, at, sizeof part);
            if (strcmp(part.segname, SEG_TEXT) == 0)
                start = part.vmaddr;
            if ((part.initprot & VM_PROT_EXECUTE) && offset >= part.vmaddr - start &&
                offset - (part.vmaddr - start) < part.vmsize)
                code = true;
        }
        at += command.cmdsize;
    }
    return code;
}

int brd_os_module_of(const void *code, brd_place *out)
{
    Dl_info info;
    brd_place place = {{0}, 0, {0}};
    const header *image = NULL;
    char path[PATH_MAX] = "";
    if (!code || !dladdr(code, &info) || !info.dli_fbase)
        return BROOD_EFUNCTION;
    image = info.dli_fbase;
    place.offset = (uint64_t)((uintptr_t)code - (uintptr_t)image);
    if (!image_facts(image, place.offset, place.build))
        return BROOD_EFUNCTION;
    // A library of the system lives in the shared cache and has no file.
    if (image->filetype != MH_EXECUTE && !realpath(info.dli_fname, path))
        strlcpy(path, info.dli_fname, sizeof path);
    if (strlcpy(place.module, path, sizeof place.module) >= sizeof place.module)
        return BROOD_EFUNCTION;
    *out = place;
    return 0;
}

static const header *image_named(const char *module)
{
    for (uint32_t i = 0; i < _dyld_image_count(); i++) {
        const header *image = (const header *)_dyld_get_image_header(i);
        const char *name = _dyld_get_image_name(i);
        char path[PATH_MAX];
        if (!image || !name)
            continue;
        if (image->filetype == MH_EXECUTE ? !*module : strcmp(name, module) == 0)
            return image;
        if (*module && realpath(name, path) && strcmp(path, module) == 0)
            return image;
    }
    return NULL;
}

int brd_os_module_at(const brd_place *place, void **code)
{
    const header *image = NULL;
    uint8_t build[BUILD];
    bool here = false;
    if (!memchr(place->module, '\0', sizeof place->module))
        return BROOD_EFUNCTION;
    image = image_named(place->module);
    if (!image && place->module[0] == '/' && dlopen(place->module, RTLD_NOW | RTLD_NODELETE))
        image = image_named(place->module);
    if (!image)
        return BROOD_EFUNCTION;
    here = image_facts(image, place->offset, build);
    if (memcmp(build, place->build, BUILD) != 0)
        return BROOD_EBUILD;
    if (!here)
        return BROOD_EFUNCTION;
    *code = (void *)((uintptr_t)image + (uintptr_t)place->offset);
    return 0;
}

int brd_os_module_build(uint8_t build[20])
{
    const header *image = image_named("");
    if (!image)
        return BROOD_EFUNCTION;
    image_facts(image, 0, build);
    return 0;
}

#else

typedef int brd_no_macho_here;

#endif
