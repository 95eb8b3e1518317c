/**
 * A forkserver: a process with one thread that forks others on request, so that each
 * is cheap, and none is a copy of a moment in which another thread held a lock.
 *
 * It is a program started afresh (start method forkserver), or a copy of this process
 * made once, at a moment of the caller's choice (fork).
 */
#ifndef BRD_FORKSERVER_H
#define BRD_FORKSERVER_H

#include "process/context.h"
#include "process/startup.h"

typedef struct brd_forkserver brd_forkserver;

/**
 * Starts one and waits until it is ready; *out is new. For start method fork, the caller
 * decides when the copy is made. The context must outlive it.
 * Fails with: BROOD_ETASK (its preload function failed), BROOD_ETHREADS (that started
 * threads), and as brd_give_life.
 */
int brd_forkserver_open(brd_forkserver **out, brood_context *context);

/**
 * Has a process forked that gets the handles of how->inherit; first starts the server
 * again if it is gone. Any thread; waits for the server's answer, some 10 s at the most, and
 * half a second once *unneeded is true (NULL: it never is). A server that does not answer is
 * ended.
 * Fails with: BROOD_ECLOSED (the server went meanwhile: there may be a process, which
 * ends with its channel), BROOD_EBROKEN (it was a copy, and cannot be made again),
 * BROOD_ETIMEDOUT, BROOD_ECANCELLED (it was not asked).
 */
int brd_forkserver_bear(brd_forkserver *f, const brd_launch *how, const _Atomic bool *unneeded,
                        brd_proc *out);

/** Ends it. Its children must have ended. Accepts NULL. */
void brd_forkserver_close(brd_forkserver **server);

/** In the process that is one: serves until the parent is gone. */
_Noreturn void brd_forkserver_run(brd_chan *chan, const brd_startup *startup);

#endif
