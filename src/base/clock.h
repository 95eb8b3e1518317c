/**
 * Lengths of time as users say them, and moments as the door wants them.
 */
#ifndef BRD_CLOCK_H
#define BRD_CLOCK_H

#include "os.h"

/** The moment so many milliseconds from now; 0: at once; negative: BRD_FOREVER. */
brd_time brd_until(int64_t timeout_ms);

#endif
