/**
 * The child's side of a birth: from the reserved argument to the entry function,
 * the same for every start method.
 */
#ifndef BRD_CHILD_H
#define BRD_CHILD_H

#include "base/function.h"
#include "ipc/port.h"
#include "process/startup.h"

/** What a child runs when it is up; it ends when this returns, with its code. */
typedef int brd_child_entry(brd_port *port);

/** The entries by brd_role. The floor above, which knows them all, has the table. */
extern brd_child_entry *const brd_child_roles[BRD_ROLES];

/** Registers the functions of brood itself that run in children; there, and in their parent. */
int brd_child_name_own(void);

/** What a single process runs: process.c. */
brd_child_entry brd_process_main;

enum {
    BRD_EXIT_NO_PARENT = 64, /* the worker's argument without the worker's channel */
    BRD_EXIT_REFUSED = 65,   /* another build, no entry, out of memory: said on the channel */
    BRD_EXIT_ORPHAN = 66     /* the parent is gone */
};

/** Learns of a function what the parent tells. Fails with: BROOD_EPROTOCOL, BROOD_ENOMEM. */
int brd_child_learn(brd_code *code, const brd_function_head *head);

/**
 * The function that was learned under this number, looked for, and its library loaded, when
 * it is first asked for: the parent then knows of the task that asks. NULL and *why if there
 * is none.
 */
brood_function *brd_child_function(brd_port *port, brd_code *code, uint32_t index, int *why);

/**
 * The function of this name if it was registered in this process, which then is another
 * program than its parent; else the one at this place.
 * Fails with: BROOD_EFUNCTION, BROOD_EBUILD.
 */
int brd_child_find(const brd_place *place, const char *name, brood_function **out);

/**
 * Becomes the child that the command line says, or lets the copy of brood do it that the
 * command line names. Without argv the system is asked. Copies of other versions call it:
 * these are its arguments for good.
 */
_Noreturn void brd_child_main(int argc, char **argv);

/**
 * Becomes the child that was just forked with these handles (BRD_BORN_...). parent is
 * the process that forked it, 0 for one that may end before its child. status: whether
 * the fork left it fit.
 */
_Noreturn void brd_child_forked(const brd_handle *born, size_t count, int64_t parent, int status);

/** Tells the parent why there will be no child, and at what it failed, and ends. */
_Noreturn void brd_child_refuse(brd_chan *chan, int status, uint64_t at);

#endif
