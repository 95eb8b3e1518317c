/* Text for CreateProcess: UTF-8 to UTF-16, the command line, the environment.
 * Called by proc.c, info.c and module.c. Windows passes one string instead of
 * argv, and the child's C runtime takes it apart; the quoting here is the inverse
 * of what that runtime does, and the first argument follows rules of its own.
 */
#include "room.h"

#include <stdlib.h>
#include <string.h>

/* What CreateProcess takes, with the NUL at the end. */
#define COMMAND_MAX 32767

int brd_win32_wide(const char *text, wchar_t **out)
{
    wchar_t *wide = NULL;
    int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    if (n <= 0)
        return BROOD_EINVAL;
    wide = malloc((size_t)n * sizeof *wide);
    if (!wide)
        return BROOD_ENOMEM;
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, n);
    *out = wide;
    return 0;
}

int brd_win32_utf8(const wchar_t *text, char *buffer, size_t cap)
{
    int room = cap > INT32_MAX ? INT32_MAX : (int)cap;
    int need = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    if (need <= 0 || need > room)
        return BROOD_EINVAL;
    WideCharToMultiByte(CP_UTF8, 0, text, -1, buffer, room, NULL, NULL);
    return 0;
}

int brd_win32_module_path(HMODULE module, wchar_t **out)
{
    // A path cannot be longer, and the call does not tell how long it is.
    DWORD cap = 32768, n;
    wchar_t *path = malloc(cap * sizeof *path);
    if (!path)
        return BROOD_ENOMEM;
    n = GetModuleFileNameW(module, path, cap);
    if (n == 0 || n >= cap) {
        free(path);
        return brd_win32_error(n ? ERROR_INSUFFICIENT_BUFFER : GetLastError());
    }
    *out = path;
    return 0;
}

/* --------------------------------------------------------- the command line */

/* Writes when `to` is there, counts in any case. */
typedef struct line {
    wchar_t *to;
    size_t length;
} line;

static void put(line *l, wchar_t c, size_t times)
{
    for (; times; times--, l->length++) {
        if (l->to)
            l->to[l->length] = c;
    }
}

/* The program's name ends at the first quote, and backslashes mean themselves. */
static void put_first(line *l, const wchar_t *arg)
{
    put(l, L'"', 1);
    for (; *arg; arg++)
        put(l, *arg, 1);
    put(l, L'"', 1);
}

/* Backslashes count only before a quote, and then each needs another one. */
static void put_quoted(line *l, const wchar_t *arg)
{
    put(l, L'"', 1);
    for (;; arg++) {
        size_t slashes = 0;
        for (; *arg == L'\\'; arg++)
            slashes++;
        if (!*arg) {
            put(l, L'\\', 2 * slashes);
            break;
        }
        put(l, L'\\', *arg == L'"' ? 2 * slashes + 1 : slashes);
        put(l, *arg, 1);
    }
    put(l, L'"', 1);
}

static void put_argument(line *l, const wchar_t *arg)
{
    put(l, L' ', 1);
    if (*arg && !wcspbrk(arg, L" \t\n\v\""))
        for (; *arg; arg++)
            put(l, *arg, 1);
    else
        put_quoted(l, arg);
}

/* Puts all of argv; twice called: to count, and to write. */
static int put_all(line *l, const char *const *argv)
{
    for (size_t i = 0; argv[i]; i++) {
        wchar_t *arg = NULL;
        int status = brd_win32_wide(argv[i], &arg);
        if (status)
            return status;
        if (i > 0) {
            put_argument(l, arg);
        } else if (wcschr(arg, L'"')) {
            status = BROOD_EINVAL;
        } else {
            put_first(l, arg);
        }
        free(arg);
        if (status)
            return status;
    }
    put(l, 0, 1);
    return 0;
}

int brd_win32_command_line(const char *const *argv, wchar_t **out)
{
    line l = {0};
    if (!argv || !argv[0])
        return BROOD_EINVAL;
    int status = put_all(&l, argv);
    if (status)
        return status;
    if (l.length > COMMAND_MAX)
        return brd_win32_error(ERROR_FILENAME_EXCED_RANGE);
    l.to = malloc(l.length * sizeof *l.to);
    if (!l.to)
        return BROOD_ENOMEM;
    l.length = 0;
    status = put_all(&l, argv);
    if (status)
        free(l.to);
    else
        *out = l.to;
    return status;
}

/* ---------------------------------------------------------- the environment */

static int by_name(const void *left, const void *right)
{
    const wchar_t *a = *(wchar_t *const *)left, *b = *(wchar_t *const *)right;
    return CompareStringOrdinal(a, -1, b, -1, TRUE) - CSTR_EQUAL;
}

/* One block: each with its NUL, sorted as the system wants it, and one NUL more. */
static wchar_t *joined(wchar_t **entries, size_t n)
{
    size_t length = 2, at = 0;
    for (size_t i = 0; i < n; i++)
        length += wcslen(entries[i]) + 1;
    wchar_t *block = calloc(length, sizeof *block);
    for (size_t i = 0; block && i < n; i++) {
        size_t size = wcslen(entries[i]) + 1;
        memcpy(block + at, entries[i], size * sizeof *block);
        at += size;
    }
    return block;
}

int brd_win32_environment(const char *const *env, wchar_t **out)
{
    size_t n = 0, done = 0;
    wchar_t **entries = NULL, *block = NULL;
    int status = 0;
    if (!env)
        goto done;
    while (env[n])
        n++;
    status = BROOD_ENOMEM;
    entries = calloc(n + 1, sizeof *entries);
    if (!entries)
        goto done;
    for (; done < n; done++) {
        status = brd_win32_wide(env[done], &entries[done]);
        if (status)
            goto done;
    }
    qsort(entries, n, sizeof *entries, by_name);
    block = joined(entries, n);
    status = block ? 0 : BROOD_ENOMEM;
done:
    for (size_t i = 0; i < done; i++)
        free(entries[i]);
    free(entries);
    if (!status)
        *out = block;
    return status;
}
