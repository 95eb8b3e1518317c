/**
 * The processes that this program has started and not destroyed.
 */
#ifndef BRD_ACTIVE_H
#define BRD_ACTIVE_H

#include "os.h"
#include <brood/process.h>

/** Its place in the list, inside of each process. */
typedef struct brd_active {
    struct brd_active *next;
    brood_process *process;
    bool awaited; /* the program's exit waits for it */
    bool listed;
} brd_active;

/**
 * What to wait for of a process that was started, as long as it is not destroyed; *ended:
 * nothing any more. Fails with: BROOD_EINVAL.
 */
int brd_process_proc(brood_process *process, brd_proc **proc, bool *ended);

void brd_active_add(brd_active *one);
void brd_active_remove(brd_active *one);

/** At the end of this process: waits for those that it is to wait for. */
void brd_active_await(void);

#endif
