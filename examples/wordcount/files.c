/*
 * Which files there are. As with grep -r, a symbolic link that is met in a directory
 * is not followed, one on the command line is; so there are no loops.
 */
#include "wordcount.h"
#include <apr_file_info.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void complain(files *f, const char *path, apr_status_t status)
{
    f->problems++;
    fprintf(stderr, "wordcount: %s: %s\n", path, brood_status_text(status));
}

static int add(files *f, const char *path)
{
    if (f->count == f->room) {
        size_t room = f->room ? f->room * 2 : 1024;
        const char **paths = realloc(f->paths, room * sizeof *paths);
        if (!paths)
            return BROOD_ENOMEM;
        f->paths = paths;
        f->room = room;
    }
    f->paths[f->count++] = path;
    return BROOD_OK;
}

static const char *joined(const char *directory, const char *name, apr_pool_t *memory)
{
    size_t length = strlen(directory);
    bool slash = length && (directory[length - 1] == '/' || directory[length - 1] == '\\');
    return apr_pstrcat(memory, directory, slash ? "" : "/", name, NULL);
}

static int walk(files *f, const char *path, apr_pool_t *memory);

static int add_entry(files *f, const char *path, const apr_finfo_t *entry, apr_pool_t *memory)
{
    if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
        return BROOD_OK;
    if (entry->filetype == APR_REG)
        return add(f, joined(path, entry->name, memory));
    if (entry->filetype == APR_DIR)
        return walk(f, joined(path, entry->name, memory), memory);
    return BROOD_OK; // a link, a device
}

static int walk(files *f, const char *path, apr_pool_t *memory)
{
    apr_pool_t *own = NULL; // for the open directory, which is closed on the way out
    apr_dir_t *directory = NULL;
    apr_finfo_t entry;
    int status = BROOD_OK;
    if (apr_pool_create(&own, memory))
        return BROOD_ENOMEM;
    apr_status_t got = apr_dir_open(&directory, path, own);
    while (!status && !got) {
        got = apr_dir_read(&entry, APR_FINFO_TYPE | APR_FINFO_NAME, directory);
        if (got == APR_INCOMPLETE)
            got = APR_SUCCESS;
        if (!got)
            status = add_entry(f, path, &entry, memory);
    }
    if (got && !(directory && APR_STATUS_IS_ENOENT(got))) // the end is "no such entry"
        complain(f, path, got);
    apr_pool_destroy(own);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int find_below(files *f, const char *path, apr_pool_t *memory)
{
    size_t first = f->count;
    apr_finfo_t info;
    apr_status_t found = apr_stat(&info, path, APR_FINFO_TYPE, memory);
    if (found && found != APR_INCOMPLETE) {
        complain(f, path, found);
        return BROOD_OK;
    }
    if (info.filetype != APR_DIR)
        return add(f, path);
    int status = walk(f, path, memory);
    if (f->count > first)
        qsort(f->paths + first, f->count - first, sizeof *f->paths, by_name);
    return status;
}

int files_find(files *f, const options *o, apr_pool_t *memory)
{
    int status = BROOD_OK;
    for (size_t i = 0; !status && i < o->count; i++)
        status = find_below(f, o->paths[i], memory);
    return status;
}

const char *files_same(const files *f, const char *path, apr_pool_t *memory)
{
    char *wanted = NULL, *one = NULL;
    apr_pool_t *own = NULL;
    const char *found = NULL;
    if (apr_pool_create(&own, memory))
        return NULL;
    if (!apr_filepath_merge(&wanted, NULL, path, 0, own))
        for (size_t i = 0; !found && i < f->count; i++)
            if (!apr_filepath_merge(&one, NULL, f->paths[i], 0, own) && strcmp(wanted, one) == 0)
                found = f->paths[i];
    apr_pool_destroy(own);
    return found;
}

void files_clear(files *f)
{
    free(f->paths);
    *f = (files){0};
}
