/**
 * The kinds of shared objects, for those that carry them in messages.
 */
#ifndef BRD_KINDS_H
#define BRD_KINDS_H

#include "sync/object.h"
#include <brood/shared.h>
#include <brood/sync.h>

extern const brd_object_class brd_lock_class;
extern const brd_object_class brd_semaphore_class;
extern const brd_object_class brd_event_class;
extern const brd_object_class brd_condition_class;
extern const brd_object_class brd_barrier_class;
extern const brd_object_class brd_shared_class;
extern const brd_object_class brd_array_class;

#endif
