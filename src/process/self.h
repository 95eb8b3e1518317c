/**
 * What this process knows of itself, and of how it came to be.
 */
#ifndef BRD_SELF_H
#define BRD_SELF_H

#include "base/generation.h"
#include "process/startup.h"
#include <brood/context.h>

/** Whether brood_main was called here, or in the process that this is a copy of. */
bool brd_main_called(void);

/** How deep this process is: 0 for the program that the user started. */
unsigned brd_depth(void);

/** The start method of the context that made this process; 0 in the user's program. */
brood_start_method brd_method_of_birth(void);

/** What this process is told of itself by its parent, once. */
void brd_set_self(const brd_startup *startup);

/** The reserved argument of a worker: this prefix, then the channel's number. */
#define BRD_WORKER_ARGUMENT "--brood-worker="

#endif
