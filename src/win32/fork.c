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
