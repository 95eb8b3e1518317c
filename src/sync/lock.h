/**
 * Locks, as messages and other shared objects see them.
 */
#ifndef BRD_LOCK_H
#define BRD_LOCK_H

#include "sync/object.h"
#include <brood/sync.h>

/** The lock that this segment holds, which came from elsewhere. *out is new. */
int brd_lock_attach(brood_lock **out, brd_handle segment, uint64_t size);

/** The object behind it; NULL: it is none of this process. */
const brd_object *brd_lock_object(const brood_lock *lock);

#endif
