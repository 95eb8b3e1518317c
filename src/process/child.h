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

enum {
    BRD_EXIT_NO_PARENT = 64, /* the worker's argument without the worker's channel */
    BRD_EXIT_REFUSED = 65,   /* another build, no entry, out of memory: said on the channel */
    BRD_EXIT_ORPHAN = 66     /* the parent is gone */
};

/** Learns a function that the parent tells of. Fails with: BROOD_EPROTOCOL, BROOD_ENOMEM. */
int brd_child_learn(brd_code *code, const brd_function_head *head);

/** Becomes the worker whose channel has this number. Never returns. */
_Noreturn void brd_child_main(const char *channel_number);

#endif
