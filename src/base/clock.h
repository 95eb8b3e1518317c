/**
 * Lengths of time as users say them, and moments as the door wants them.
 */
#ifndef BRD_CLOCK_H
#define BRD_CLOCK_H

#include "os.h"

/** The moment so many milliseconds from now; 0: at once; negative: BRD_FOREVER. */
brd_time brd_until(int64_t timeout_ms);

/** The other way, rounded up; 0: it is over; BRD_FOREVER: BROOD_FOREVER. */
int64_t brd_milliseconds_until(brd_time moment);

#endif
