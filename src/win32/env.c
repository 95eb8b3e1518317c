/* The environment of a child: this process's own with changes. Called by floor 4. Names
 * differ here whatever the case of their letters, and some begin with "=": the current
 * directories of the drives.
 */
#include "room.h"

#include <stdlib.h>
#include <string.h>

static size_t name_size(const char *entry)
{
    return entry[0] == '=' ? 1 + strcspn(entry + 1, "=") : strcspn(entry, "=");
}

static bool is_changed(const char *entry, const char *const *changes)
{
    size_t size = name_size(entry);
    for (; *changes; changes++)
        if (name_size(*changes) == size && _strnicmp(entry, *changes, size) == 0)
            return true;
    return false;
}

static char *narrow(const wchar_t *text)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *out = size > 0 ? malloc((size_t)size) : NULL;
    if (out)
        WideCharToMultiByte(CP_UTF8, 0, text, -1, out, size, NULL, NULL);
    return out;
}

/* Adds a copy of the text, or the text itself if it is owned. */
static bool add(char **list, size_t *count, char *text)
{
    list[*count] = text;
    *count += text != NULL;
    return text != NULL;
}

static bool fill(char **list, const wchar_t *block, const char *const *changes)
{
    size_t count = 0;
    bool fine = true;
    for (const wchar_t *e = block; fine && *e; e += wcslen(e) + 1) {
        char *entry = narrow(e);
        if (entry && is_changed(entry, changes))
            free(entry);
        else
            fine = add(list, &count, entry);
    }
    for (const char *const *c = changes; fine && *c; c++)
        if (strchr(*c, '='))
            fine = add(list, &count, _strdup(*c));
    return fine;
}

int brd_os_env_make(const char *const *changes, const char *const **out)
{
    wchar_t *block = GetEnvironmentStringsW();
    size_t most = 1;
    if (!block)
        return BROOD_ENOMEM;
    for (const wchar_t *e = block; *e; e += wcslen(e) + 1)
        most++;
    for (const char *const *c = changes; *c; c++)
        most++;
    char **list = calloc(most, sizeof *list);
    bool fine = list && fill(list, block, changes);
    FreeEnvironmentStringsW(block);
    if (!fine) {
        brd_os_env_free((const char *const *)list);
        return BROOD_ENOMEM;
    }
    *out = (const char *const *)list;
    return 0;
}

void brd_os_env_free(const char *const *list)
{
    for (size_t i = 0; list && list[i]; i++)
        free((void *)(uintptr_t)list[i]);
    free((void *)(uintptr_t)list);
}
