/*
 * The CPython contender: another program that prints rows of the same form.
 */
#include "bench.h"
#include "stats.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// who <tab> metric <tab> value <tab> unit
static void take_row(char *text)
{
    char *field[4] = {text, NULL, NULL, NULL};
    text[strcspn(text, "\r\n")] = 0;
    for (size_t i = 1; i < 4; i++) {
        char *tab = strchr(field[i - 1], '\t');
        if (!tab)
            return;
        *tab = 0;
        field[i] = tab + 1;
    }
    stats_add(field[0], field[1], strtod(field[2], NULL), field[3]);
}

static void run(const char *command, const char *arguments)
{
    if (!command)
        return;
    int status = host_run(command, arguments, take_row);
    if (status)
        fprintf(stderr, "%s %s: %s\n", command, arguments, brood_status_text(status));
}

void python_run(const bench_options *o, const char *arguments)
{
    run(o->python, arguments);
}

void python_shared_run(const bench_options *o, const char *arguments)
{
    run(o->python_shared, arguments);
}
