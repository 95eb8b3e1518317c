/**
 * An iterator: a job whose items are taken in as its results are taken out.
 */
#ifndef BRD_ITERATOR_H
#define BRD_ITERATOR_H

#include "pool/job.h"
#include "pool/state.h"

/** imap, ordered or not. timeout: milliseconds for the whole of it; BROOD_FOREVER. */
int brd_iterator_make(brood_pool *pool, brood_function *function, const brood_items *items,
                      const brood_map_options *options, bool ordered, int64_t timeout,
                      brood_iterator **out);

#endif
