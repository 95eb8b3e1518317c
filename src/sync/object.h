/**
 * What all shared objects are: a segment of memory that every process maps that was given
 * the object. It has no name in the system, and is gone with its last holder.
 *
 * The segment starts with a head. What a process believes of it, it checks once, when it
 * attaches, and keeps in memory of its own.
 */
#ifndef BRD_OBJECT_H
#define BRD_OBJECT_H

#include "os.h"

/** What an object is; stands in the segment and is its letter in messages. */
typedef enum brd_object_kind {
    BRD_OBJECT_LOCK = 'L',
    BRD_OBJECT_SEMAPHORE = 'S',
    BRD_OBJECT_EVENT = 'E',
    BRD_OBJECT_CONDITION = 'C',
    BRD_OBJECT_BARRIER = 'B',
    BRD_OBJECT_QUEUE = 'Q',
    BRD_OBJECT_BLOCK = 'M',
    BRD_OBJECT_ARRAY = 'A'
} brd_object_kind;

/** The first bytes of the segment. */
typedef struct brd_object_head {
    uint32_t magic;
    uint32_t kind;
    uint8_t key[BRD_PARK_KEY]; /* by which sleepers find each other */
    uint64_t size;             /* of what follows */
    uint64_t terms[4];         /* the kind's own: what never changes */
} brd_object_head;

enum { BRD_OBJECT_HEAD = 128 }; /* where the kind's own words start */

_Static_assert(sizeof(brd_object_head) <= BRD_OBJECT_HEAD, "the head has its place");

/** One process's side; the first field of what a user has. */
typedef struct brd_object {
    unsigned generation; /* of the process that has it */
    brd_object_kind kind;
    brd_shm shm;
    uint64_t size;
    uint64_t terms[4]; /* as they were when it was attached */
} brd_object;

/**
 * Makes a segment with `size` zeroed bytes behind the head, and room for these terms.
 * Fails with: BROOD_ENOMEM, the system's error.
 */
int brd_object_create(brd_object *out, brd_object_kind kind, size_t size, const uint64_t terms[4]);

/**
 * Maps a segment that came from elsewhere, of which `size` bytes behind the head are said to
 * be there, and checks that it is of this kind. The object has a handle of its own.
 * Fails with: BROOD_EPROTOCOL, BROOD_ENOMEM, the system's error.
 */
int brd_object_attach(brd_object *out, brd_object_kind kind, brd_handle segment, uint64_t size);

/** Whether this process has it: it was not only copied by a fork. */
bool brd_object_is_ours(const brd_object *o, brd_object_kind kind);

static inline brd_object_head *brd_object_head_of(const brd_object *o)
{
    return o->shm.base;
}

/** The kind's own words. */
static inline void *brd_object_body(const brd_object *o)
{
    return (unsigned char *)o->shm.base + BRD_OBJECT_HEAD;
}

/** Unmaps it. Fine for one that is closed. */
void brd_object_close(brd_object *o);

#endif
