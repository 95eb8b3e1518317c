/*
 * Waiting for many things once: one poll over all of them. Called by the process floor.
 * The one thing to know: a child without a handle of its end has no descriptor, so while
 * there is one the poll is cut into naps, and after each somebody looks.
 */
#include "room.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_NAP = 1000 * 1000, LAST_NAP = 10 * 1000 * 1000 };

static bool is_by_pid(const brd_wait *thing)
{
    return thing->proc && brd_is_none(thing->proc->life);
}

static int descriptor_of(const brd_wait *thing)
{
    if (thing->chan)
        return brd_chan_fd(thing->chan);
    return brd_fd_of(thing->proc ? thing->proc->life : thing->handle);
}

/** Makes the lines; those by pid have none. True: there are such. */
static bool fill(struct pollfd *lines, const brd_wait *things, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || is_by_pid(&things[i]);
        lines[i] = (struct pollfd){.fd = is_by_pid(&things[i]) ? -1 : descriptor_of(&things[i]),
                                   .events = POLLIN};
    }
    return any;
}

/** A number that is no descriptor would be ready for ever. */
static int check(const struct pollfd *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (lines[i].revents & POLLNVAL)
            return EBADF;
    return 0;
}

static size_t note(const struct pollfd *lines, brd_wait *things, size_t count)
{
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        things[i].ready =
            is_by_pid(&things[i]) ? brd_proc_ended(things[i].proc->pid) : lines[i].revents != 0;
        ready += things[i].ready;
    }
    return ready;
}

static int64_t longer(int64_t nap)
{
    if (nap == 0)
        return FIRST_NAP;
    return nap < LAST_NAP / 2 ? nap * 2 : LAST_NAP;
}

int brd_os_wait_many(brd_wait *things, size_t count, brd_time until)
{
    struct pollfd *lines = calloc(count ? count : 1, sizeof *lines);
    int status = 0;
    if (!lines)
        return BROOD_ENOMEM;
    bool by_pid = fill(lines, things, count);
    // The first look is at all of them: a process that has ended hides nobody.
    for (int64_t nap = 0;; nap = longer(nap)) {
        brd_time look_again = by_pid ? brd_os_now() + nap : BRD_FOREVER;
        status = brd_fd_poll(lines, count, look_again < until ? look_again : until);
        if (!status)
            status = check(lines, count);
        if (status == EINVAL) // more lines than descriptors: some are there twice
            status = BROOD_EINVAL;
        if (status && status != BROOD_ETIMEDOUT)
            break;
        if (note(lines, things, count)) {
            status = 0;
            break;
        }
        if (until != BRD_FOREVER && brd_time_left(until) == 0) {
            status = BROOD_ETIMEDOUT;
            break;
        }
    }
    free(lines);
    return status;
}
