/**
 * What children can be. The floors below find them here, for a child that has none of its
 * parent's places since its program is another one: entries by number, the function of a
 * manager by name.
 */
#include "manager/server.h"
#include "pool/worker.h"

brd_child_entry *const brd_child_roles[BRD_ROLES] = {
    [BRD_ROLE_WORKER] = brd_worker_main,
    [BRD_ROLE_PROCESS] = brd_process_main,
};

int brd_child_name_own(void)
{
    return brood_register(BRD_MANAGER_FUNCTION, brd_manager_serve);
}
