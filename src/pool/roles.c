/**
 * What children can be. The floor below finds them here by number, for a child that has
 * none of its parent's places: its program is another one.
 */
#include "pool/worker.h"

brd_child_entry *const brd_child_roles[BRD_ROLES] = {
    [BRD_ROLE_WORKER] = brd_worker_main,
    [BRD_ROLE_PROCESS] = brd_process_main,
};
