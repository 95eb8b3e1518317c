/**
 * Functions by name, for the whole process: what was registered, asked both ways.
 */
#ifndef BRD_REGISTRY_H
#define BRD_REGISTRY_H

#include <brood/context.h>

enum { BRD_REGISTERED_SIZE = 128 }; /* of a name, with the NUL at its end */

/** The function of this name; NULL: none has it. Any thread. */
brood_function *brd_registry_find(const char *name);

/** The name of this function, its first one if it has several; NULL: none. Lives for ever. */
const char *brd_registry_name(brood_function *function);

#endif
