/**
 * The command line of a worker: the reserved argument that makes it one, then which copy
 * of brood is to serve, then the modules to be loaded first.
 *
 *     program --brood-worker=N,DEPTH [--brood-copy=PLACE] [--brood-module=PATH]...
 *
 * The channel's number N alone would do where a program has brood once. But a process may
 * hold several copies of it, each linked into a library of its own, with variables of
 * their own; and a program that was not built with its parent holds none of its places. So
 * whoever is asked first hands over to the copy that its parent is, before it has touched
 * the channel. What it may be of an older version than the one that it calls: this
 * command line and the arguments of brd_child_main never change.
 */
#ifndef BRD_ARGUMENTS_H
#define BRD_ARGUMENTS_H

#include "os.h"

#define BRD_WORKER_ARGUMENT "--brood-worker="
#define BRD_COPY_ARGUMENT   "--brood-copy="
#define BRD_MODULE_ARGUMENT "--brood-module="

enum {
    BRD_MOST_MODULES = 16,
    BRD_MOST_ARGUMENTS = BRD_MOST_MODULES + 3,
    BRD_ARGUMENT_SIZE = sizeof BRD_COPY_ARGUMENT + 64 + sizeof((brd_place *)0)->module
};

/** The first argument: the child's end of its channel, and how deep the child is. */
void brd_arguments_put_worker(char out[BRD_ARGUMENT_SIZE], brd_handle channel, unsigned depth);

/** Reads what follows its prefix. Fails with: BROOD_EPROTOCOL. */
int brd_arguments_read_worker(const char *text, brd_handle *channel, unsigned *depth);

/** Writes the argument that names the copy of brood at this place. */
void brd_arguments_put_copy(char out[BRD_ARGUMENT_SIZE], const brd_place *copy);

/**
 * What follows `prefix` in argument `index`, as the system tells it in UTF-8; where that
 * tells nothing, by argv, which may be NULL.
 * Fails with: BROOD_EEND (there is no such argument, or it is another one).
 */
int brd_arguments_get(int argc, char **argv, int index, const char *prefix,
                      char out[BRD_ARGUMENT_SIZE]);

/** The place in what brd_arguments_get read. Fails with: BROOD_EPROTOCOL. */
int brd_arguments_read_copy(const char *text, brd_place *out);

#endif
