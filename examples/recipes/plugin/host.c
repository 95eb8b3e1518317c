/*
 * A program that loads plug-ins and knows nothing of brood.
 *     host DIRECTORY NAME
 * It asks the plug-in for something that works, then for something that crashes where it is
 * computed, and then again for something that works.
 */
#include "plugin.h"

#include <stdio.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

static void *load(const char *path)
{
#if defined(_WIN32)
    return (void *)LoadLibraryA(path);
#else
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
#endif
}

/* Writes the function of this name, whatever its type, to where `out` points. */
static int find(void *library, const char *name, void *out)
{
#if defined(_WIN32)
    FARPROC function = GetProcAddress((HMODULE)library, name);
#else
    void *function = dlsym(library, name);
#endif
    memcpy(out, &function, sizeof function);
    return function != NULL;
}

static int ask(plugin_count_function *count, plugin_text_function *why, long below)
{
    long primes = count(below);
    if (primes < 0)
        printf("below %ld: %s\n", below, why());
    else
        printf("below %ld: %ld primes\n", below, primes);
    fflush(stdout);
    return primes >= 0;
}

int main(int argc, char **argv)
{
    char path[1024];
    plugin_open_function *open = NULL;
    plugin_count_function *count = NULL;
    plugin_text_function *why = NULL;
    plugin_close_function *close = NULL;
    if (argc != 3)
        return fprintf(stderr, "usage: host DIRECTORY NAME\n"), 2;
    snprintf(path, sizeof path, "%s/%s", argv[1], argv[2]);
    void *library = load(path);
    if (!library || !find(library, "plugin_open", &open) ||
        !find(library, "plugin_count", &count) || !find(library, "plugin_text", &why) ||
        !find(library, "plugin_close", &close))
        return fprintf(stderr, "%s is no plug-in\n", path), 2;
    if (open(argv[1]))
        return fprintf(stderr, "%s\n", why()), 1;
    int well = ask(count, why, 200000);
    int crashed = !ask(count, why, -1);
    well = ask(count, why, 1000) && well;
    close();
    return well && crashed ? 0 : 1;
}
