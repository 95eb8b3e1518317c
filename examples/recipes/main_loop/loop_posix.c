/*
 * The loop on POSIX: poll.
 */
#include "loop.h"
#include <errno.h>
#include <poll.h>

int loop_run(loop *l)
{
    struct pollfd fd = {.fd = (int)l->handle, .events = POLLIN};
    while (!l->quit) {
        int ready = poll(&fd, 1, l->interval);
        if (ready < 0 && errno != EINTR)
            return 1;
        if (ready > 0)
            l->on_handle(l->baton);
        else if (ready == 0)
            l->on_idle(l->baton);
    }
    return 0;
}
