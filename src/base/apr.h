/**
 * APR's beginning, which is not safe for two threads at a time.
 */
#ifndef BRD_APR_H
#define BRD_APR_H

/** APR can be used from now on. Any thread, any number of times; a library never takes it back. */
void brd_apr_start(void);

#endif
