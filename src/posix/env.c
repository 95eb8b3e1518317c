/*
 * The environment of a child: this process's own with changes, called by the process
 * floor; and what this process itself may believe of it. The one thing to know: the texts
 * are not copied, so a list is good for one start.
 */
#include "room.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <crt_externs.h>
#define environ (*_NSGetEnviron())
#else
extern char **environ;
#endif

static size_t name_size(const char *entry)
{
    return strcspn(entry, "=");
}

static bool is_changed(const char *entry, const char *const *changes)
{
    size_t size = name_size(entry);
    for (; *changes; changes++)
        if (name_size(*changes) == size && memcmp(entry, *changes, size) == 0)
            return true;
    return false;
}

int brd_os_env_make(const char *const *changes, const char *const **out)
{
    size_t count = 0, most = 1;
    for (char **e = environ; e && *e; e++)
        most++;
    for (const char *const *c = changes; *c; c++)
        most++;
    const char **list = calloc(most, sizeof *list);
    if (!list)
        return BROOD_ENOMEM;
    for (char **e = environ; e && *e; e++)
        if (!is_changed(*e, changes))
            list[count++] = *e;
    for (const char *const *c = changes; *c; c++)
        if (strchr(*c, '='))
            list[count++] = *c;
    *out = list;
    return 0;
}

void brd_os_env_free(const char *const *list)
{
    free((void *)(uintptr_t)list);
}

const char *brd_env_trusted(const char *name)
{
#if defined(__linux__)
    return secure_getenv(name);
#else
    return issetugid() ? NULL : getenv(name);
#endif
}
