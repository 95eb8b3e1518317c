/* Processes that another process started, and waits for. Called by the process floor.
 * There are none: nothing is forked here, so there is no forkserver that could have any.
 */
#include "room.h"

int brd_os_proc_parent(brd_proc *out, int64_t parent)
{
    (void)out, (void)parent;
    return BROOD_ENOTSUP;
}

int brd_os_proc_adopt(brd_proc *out, int64_t pid, brd_handle life, brd_handle news)
{
    (void)out, (void)pid, (void)life, (void)news;
    return BROOD_ENOTSUP;
}

int brd_os_news_open(brd_handle *reader, brd_handle *writer)
{
    (void)reader, (void)writer;
    return BROOD_ENOTSUP;
}

void brd_os_news_tell(brd_handle writer, const brd_exit *ended)
{
    (void)writer, (void)ended;
}

void brd_os_line_cut(brd_handle *reader)
{
    brd_os_close(reader);
}
