/**
 * The text of the last brood_fail of this thread.
 */
#ifndef BRD_FAIL_H
#define BRD_FAIL_H

/** Forgets the text: a new task begins. */
void brd_fail_reset(void);

/** The text; "" if there was none since the reset. */
const char *brd_fail_text(void);

#endif
