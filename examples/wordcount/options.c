/*
 * The command line.
 */
#include "wordcount.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: wordcount [option ...] file-or-directory ...\n"
    "\n"
    "Counts the words of text files with a pool of worker processes, then once more\n"
    "in one process, and compares the times. Directories are walked; symbolic links\n"
    "in them are not followed. Files with a NUL in their first 8 KiB are left out.\n"
    "A word is a run of ASCII letters, digits, underscores and bytes from 0x80 up;\n"
    "capital ASCII letters count as small ones, and words longer than 64 bytes by\n"
    "their first 64.\n"
    "\n"
    "  --workers N    worker processes; default: one for each cpu\n"
    "  --top N        how many words to print; default 10\n"
    "  --no-compare   do not count in one process\n"
    "  --crash FILE   the worker that gets this file aborts; all else is counted\n"
    "  --help         this text\n"
    "\n"
    "Exit status: 0 when every file was counted but for the one of --crash; 1 when\n"
    "another one could not be, or the two ways differ; 2 when nothing was counted.\n";

static bool read_number(const char *text, unsigned long most, unsigned long *out)
{
    char *end = NULL;
    if (!text || *text < '0' || *text > '9')
        return false;
    *out = strtoul(text, &end, 10);
    return !*end && *out <= most;
}

static bool complain(const char *about, int *code)
{
    fprintf(stderr, "wordcount: %s: what is meant? Try wordcount --help\n", about);
    *code = EXIT_NOTHING;
    return false;
}

// Reads the option at argv[*i], and its value.
static bool read_option(options *o, const char *const *argv, int *i, int *code)
{
    const char *name = argv[*i];
    const char *value = argv[*i + 1]; // argv ends with NULL
    unsigned long number = 0;
    if (strcmp(name, "--help") == 0) {
        fputs(help, stdout);
        *code = 0;
        return false;
    }
    if (strcmp(name, "--no-compare") == 0) {
        o->compare = false;
        return true;
    }
    ++*i;
    if (strcmp(name, "--workers") == 0 && read_number(value, 1024, &number) && number)
        o->workers = (uint32_t)number;
    else if (strcmp(name, "--top") == 0 && read_number(value, 1000000, &number))
        o->top = number;
    else if (strcmp(name, "--crash") == 0 && value)
        o->crash = value;
    else
        return complain(name, code);
    return true;
}

bool options_read(options *o, int argc, const char *const *argv, int *code)
{
    *o = (options){.top = 10, .compare = true};
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (!read_option(o, argv, &i, code))
            return false;
    }
    o->paths = argv + i;
    o->count = (size_t)(argc - i);
    return o->count ? true : complain("no files", code);
}
