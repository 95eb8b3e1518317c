/**
 * The context as the floors see it, and what this process knows of itself.
 */
#ifndef BRD_CONTEXT_H
#define BRD_CONTEXT_H

#include "process/self.h"
#include <brood/context.h>

struct brood_context {
    brood_start_method method; /* never BROOD_DEFAULT_METHOD */
    char *executable;          /* NULL: this program */
    char **modules;            /* arguments of the worker's command line, up to NULL; or NULL */
    size_t nmodules;
    brood_function *preload; /* NULL: none */
    bool fork_anyway;
    char **env;      /* changes, up to NULL; or NULL */
    char *directory; /* NULL: this process's own */
    brood_stdio out, err;
    struct brd_capture *capture; /* NULL: nothing is captured */
    brd_limits limits;
    _Atomic uint32_t cpus; /* how many there are, as asked when it was first used; 0: not yet */
    _Atomic unsigned generation; /* of the process that the rest belongs to */
    brd_mutex lock;
    struct brd_forkserver *server; /* once one was needed */
};

/** The context that is meant when none is given. Never NULL. */
brood_context *brd_context_default(void);

/** In a process that was just forked, before its second thread: the default is settled anew. */
void brd_context_forget(void);

/**
 * May this process start children?
 * Fails with: BROOD_ENOMAIN, BROOD_EDEPTH, BROOD_ETHREADS.
 */
int brd_may_start(const brood_context *context);

/**
 * The forkserver of a context, started when it is first asked for; NULL if its start
 * method has none. It belongs to the context.
 */
int brd_context_server(brood_context *context, struct brd_forkserver **out);

#endif
