/* What POSIX does with a copy of a process, and Windows cannot: there is none. Called by
 * floor 4, which offers spawn alone here.
 */
#include "room.h"

bool brd_os_can_fork(void)
{
    return false;
}

int brd_os_proc_fork(brd_proc *out, const brd_launch *how, bool *child)
{
    (void)out, (void)how, (void)child;
    return BROOD_ENOTSUP;
}

int brd_os_thread_foreign(void)
{
    return 1; // asked only before a fork
}

int brd_os_thread_ours(void)
{
    return 0;
}

void brd_os_child_stay(void)
{
}

int brd_os_proc_parent(brd_proc *out, int64_t parent)
{
    (void)out, (void)parent;
    return BROOD_ENOTSUP;
}

void brd_os_chan_take_back(brd_chan *c)
{
    (void)c; // what was given is the peer's at once
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
