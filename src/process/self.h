/**
 * What this process knows of itself, and of how it came to be.
 */
#ifndef BRD_SELF_H
#define BRD_SELF_H

#include "base/generation.h"
#include "process/arguments.h"
#include "process/startup.h"
#include <brood/context.h>

/** Whether brood_main was called here, or in the process that this is a copy of. */
bool brd_main_called(void);

/** This copy of brood becomes that of a child, and, until brd_begun, starts no others. */
void brd_begin(void);
void brd_begun(void);

/** What this thread of a child runs until then is loaded with a library, and in every child. */
void brd_loads(bool loads);

/**
 * Whether this is a child, and what runs in this thread now runs in every one: before
 * brood_main, while its modules begin, in a constructor of a library that a task needs.
 */
bool brd_is_beginning(void);

/**
 * The argument that names this copy of brood, where that is in a library; "" where it is
 * in the program itself.
 */
int brd_own_copy(char out[BRD_ARGUMENT_SIZE]);

/**
 * How deep this process is: 0 for the program that the user started. Also for a copy of
 * brood that is in a child, but not the one that serves in it.
 */
unsigned brd_depth(void);

/** The start method of the context that made this process; 0 in the user's program. */
brood_start_method brd_method_of_birth(void);

/** What this process is told of itself by its parent, once. */
void brd_set_self(const brd_startup *startup);

#endif
