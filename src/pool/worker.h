/**
 * What a pool's worker runs: tasks, until the parent says stop.
 */
#ifndef BRD_WORKER_H
#define BRD_WORKER_H

#include "process/child.h"

brd_child_entry brd_worker_main;

#endif
