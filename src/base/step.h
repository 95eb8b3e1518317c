/**
 * Places in the code at which a test can kill the process: a step is nothing but its name.
 * Only the library that tests link has them.
 */
#ifndef BRD_STEP_H
#define BRD_STEP_H

#if defined(BROOD_TESTING)
/** Is called at every step, if it is set. */
extern void (*brd_step_taken)(const char *name);
#define BRD_STEP(name) (brd_step_taken ? brd_step_taken(name) : (void)0)
#else
#define BRD_STEP(name) ((void)0)
#endif

#endif
