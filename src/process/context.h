/**
 * The context as the floors see it, and what this process knows of itself.
 */
#ifndef BRD_CONTEXT_H
#define BRD_CONTEXT_H

#include "process/startup.h"
#include <brood/context.h>

struct brood_context {
    brood_start_method method;
    char *executable; /* NULL: this program */
};

/** The context that is meant when none is given. Never NULL. */
const brood_context *brd_context_default(void);

/**
 * May this process start workers?
 * Fails with: BROOD_ENOMAIN, BROOD_EDEPTH.
 */
int brd_may_start(const brood_context *context);

/** How deep this process is: 0 for the program that the user started. */
unsigned brd_depth(void);

/** What this process is told of itself by its parent, once. */
void brd_set_self(const brd_startup *startup);

/** The reserved argument of a worker: this prefix, then the channel's number. */
#define BRD_WORKER_ARGUMENT "--brood-worker="

#endif
