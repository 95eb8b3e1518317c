/*
 * The bar. Where standard error is no terminal, there is none: a log is not helped
 * by a thousand lines of it.
 */
#include "wordcount.h"
#include <stdio.h>

enum { WIDTH = 40, PAUSE_US = 100000 };

void progress_start(progress *p, apr_pool_t *memory)
{
    apr_file_t *file = NULL;
    apr_finfo_t info;
    *p = (progress){0};
    // APR knows no terminals; a terminal is a device of characters on every system.
    if (!apr_file_open_stderr(&file, memory) && !apr_file_info_get(&info, APR_FINFO_TYPE, file))
        p->terminal = info.filetype == APR_CHR;
}

void progress_show(size_t done, size_t count, void *baton)
{
    progress *p = baton;
    apr_time_t now = p->terminal ? apr_time_now() : 0;
    if (!p->terminal || (now < p->next && done < count))
        return;
    p->next = now + PAUSE_US;
    char bar[WIDTH + 1] = {0};
    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < done * WIDTH / count ? '#' : '.';
    fprintf(stderr, "\r[%s] %zu of %zu files", bar, done, count);
    fflush(stderr);
}

void progress_end(progress *p)
{
    if (p->terminal)
        fprintf(stderr, "\r%*s\r", WIDTH + 40, "");
    p->terminal = false;
}
