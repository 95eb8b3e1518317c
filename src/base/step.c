/**
 * Steps for tests that kill. See step.h.
 */
#include "base/step.h"

#if defined(BROOD_TESTING)
void (*brd_step_taken)(const char *name);
#else
typedef int brd_no_steps; // a file must have something in it
#endif
