/*
 * What this process has open, from /proc. Called by the harness around every test.
 * The one thing to know: other suites run at the same time, so of what the whole
 * machine shares only what bears our name is counted.
 */
#define _GNU_SOURCE 1

#include "harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Entries of a directory whose names start like this; -1 without the directory. */
static long count_entries(const char *path, const char *start)
{
    DIR *place = opendir(path);
    const struct dirent *entry = NULL;
    long count = 0;
    if (!place)
        return -1;
    while ((entry = readdir(place))) {
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, start, strlen(start)) == 0)
            count++;
    }
    closedir(place);
    return count;
}

#if defined(__linux__)

/** The parent of a process, from the word after the name in parentheses. */
static long parent_of(const char *pid)
{
    char path[300];
    char line[512] = "";
    const char *after = NULL;
    FILE *file = NULL;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return -1;
    if (fgets(line, sizeof line, file))
        after = strrchr(line, ')');
    fclose(file);
    return after && strlen(after) > 4 ? strtol(after + 4, NULL, 10) : -1;
}

static long count_children(void)
{
    DIR *all = opendir("/proc");
    const struct dirent *entry = NULL;
    long count = 0;
    if (!all)
        return -1;
    while ((entry = readdir(all))) {
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
            parent_of(entry->d_name) == (long)getpid())
            count++;
    }
    closedir(all);
    return count;
}

static long count_mapped(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4352];
    long count = 0;
    if (!maps)
        return -1;
    while (fgets(line, sizeof line, maps)) {
        if (strstr(line, "/memfd:"))
            count++;
    }
    fclose(maps);
    return count;
}

void test_census(test_census_counts *out)
{
    long named = count_entries("/dev/shm", "brood");
    *out = (test_census_counts){
        .handles = count_entries("/proc/self/fd", ""),
        .threads = count_entries("/proc/self/task", ""),
        .children = count_children(),
        .segments = count_mapped() + (named > 0 ? named : 0),
    };
}

#else

void test_census(test_census_counts *out)
{
    *out = (test_census_counts){count_entries("/dev/fd", ""), -1, -1, -1, .may_shrink = false};
}

#endif
