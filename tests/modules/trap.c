/*
 * A library whose constructor does what the environment says, so that the program that
 * tests it can load it in peace, and its workers cannot. It is built twice: trap_below
 * has a brood_module_init, and trap, which depends on it, has none of its own.
 */
#include <brood/brood.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

#if TRAP_BELOW

EXPORTED int brood_module_init(void);
EXPORTED int trap_below(void);

int brood_module_init(void)
{
    return 1;
}

int trap_below(void)
{
    return 0;
}

#else

#if defined(_WIN32)
__declspec(dllimport)
#endif
    int trap_below(void);

EXPORTED brood_function trap_task;

static volatile unsigned turns;

static void stay(const char *path)
{
    FILE *file = path ? fopen(path, "wb") : NULL;
    if (file)
        fclose(file);
    while (turns != 1) // also a compiler cannot know that it never is
        turns = 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *act = getenv("BROOD_TEST_TRAP");
    if (act && strcmp(act, "exit") == 0)
        _Exit(9);
    if (act && strcmp(act, "stay") == 0)
        stay(getenv("BROOD_TEST_TRAP_FILE"));
}

int trap_task(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return trap_below();
}

#endif
