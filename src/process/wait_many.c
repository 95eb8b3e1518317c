/**
 * brood_wait_many: pipes, processes and what the host has, in one wait.
 */
#include "base/clock.h"
#include "ipc/pipe.h"
#include "process/active.h"
#include <stdlib.h>

// What the door is to wait for; *ready if nothing need be waited for.
static int look_at(const brood_waitable *thing, brd_wait *out, bool *ready)
{
    *out = (brd_wait){.handle = BRD_NONE};
    if ((thing->pipe != NULL) + (thing->process != NULL) + (thing->handle != NULL) != 1)
        return BROOD_EINVAL;
    if (thing->pipe)
        return brd_pipe_chan(thing->pipe, &out->chan, ready);
    if (thing->process)
        return brd_process_proc(thing->process, &out->proc, ready);
    out->handle = (brd_handle){*thing->handle};
    return brd_is_none(out->handle) ? BROOD_EINVAL : BROOD_OK;
}

int brood_wait_many(brood_waitable *things, size_t count, int64_t timeout)
{
    brd_time until = brd_until(timeout);
    if (!things || !count)
        return BROOD_EINVAL;
    brd_wait *waits = calloc(count, sizeof *waits);
    bool *at_once = calloc(count, sizeof *at_once);
    bool any = false;
    int status = waits && at_once ? BROOD_OK : BROOD_ENOMEM;
    for (size_t i = 0; !status && i < count; i++) {
        status = look_at(&things[i], &waits[i], &at_once[i]);
        any = any || at_once[i];
    }
    if (!status)
        status = brd_os_wait_many(waits, count, any ? 0 : until);
    if (status == BROOD_ETIMEDOUT && any)
        status = BROOD_OK;
    for (size_t i = 0; !status && i < count; i++)
        things[i].ready = waits[i].ready || at_once[i];
    free(at_once);
    free(waits);
    return status;
}
