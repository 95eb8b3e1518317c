/*
 * A Windows program of the GUI subsystem: WinMain, no argc, no argv, no console.
 *     recipe_winmain [--quiet]
 * The one thing to know: its workers are this program too, so brood_main stands before
 * anything that can be seen; they open no window, and no console flashes up.
 */
#include <brood/brood.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

enum { TASKS = 12, WORKERS = 3 };

/* What a worker looks like: whether it has a console window, and a square. */
static int look(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    return status ? status : brood_pack(result, "bx", GetConsoleWindow() != NULL, (int64_t)n * n);
}

static int ask_workers(int64_t *sum, int *consoles)
{
    int32_t in[TASKS];
    brood_pool *pool = NULL;
    brood_results *out = NULL;
    for (int i = 0; i < TASKS; i++)
        in[i] = i + 1;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = WORKERS));
    if (!status)
        status = brood_pool_map(pool, look, brood_items_int32(in, TASKS), NULL, &out);
    for (size_t i = 0; !status && i < TASKS; i++) {
        int console = 0;
        int64_t square = 0;
        status = brood_unpack(brood_results_at(out, i), "bx", &console, &square);
        *consoles += console;
        *sum += square;
    }
    brood_results_destroy(out);
    brood_pool_destroy(pool);
    return status;
}

int WINAPI WinMain(HINSTANCE instance, HINSTANCE previous, LPSTR command_line, int show)
{
    brood_main(NULL, NULL);

    char text[300];
    int64_t sum = 0;
    int consoles = 0;
    (void)instance, (void)previous, (void)show;
    int status = ask_workers(&sum, &consoles);
    if (status)
        snprintf(text, sizeof text, "%s", brood_status_text(status));
    else
        snprintf(text, sizeof text, "The sum of the first %d squares is %lld. Consoles: %d.", TASKS,
                 (long long)sum, consoles);
    if (!strstr(command_line, "--quiet"))
        MessageBoxA(NULL, text, "brood", MB_OK);
    return status || sum != 650 || consoles;
}
