/**
 * What all shared objects are: a segment of memory that every process maps that was given
 * the object. It has no name in the system, and is gone with its last holder.
 *
 * The segment starts with a head. What a process believes of it, it checks once, when it
 * attaches, and keeps in memory of its own.
 */
#ifndef BRD_OBJECT_H
#define BRD_OBJECT_H

#include "base/generation.h"
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
    _Atomic uint32_t magic; /* written last */
    uint32_t kind;
    uint8_t key[BRD_PARK_KEY]; /* by which sleepers find each other */
    uint64_t size;             /* of what follows */
    uint64_t terms[4];         /* the kind's own: what never changes */
    uint64_t space;            /* in which its owners have their numbers; 0: nobody knows */
} brd_object_head;

enum { BRD_OBJECT_HEAD = 128 }; /* where the kind's own words start */

_Static_assert(sizeof(brd_object_head) <= BRD_OBJECT_HEAD, "the head has its place");

/** One process's side; the first field of what a user has. */
typedef struct brd_object {
    unsigned generation; /* of the process that has it */
    brd_object_kind kind;
    bool part; /* of another object, with which it comes and goes */
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
 * Fails with: BROOD_EPROTOCOL, BROOD_ENOTSUP (it is of another container, where processes have
 * other numbers, so that an owner would seem dead), BROOD_ENOMEM, the system's error.
 */
int brd_object_attach(brd_object *out, brd_object_kind kind, brd_handle segment, uint64_t size);

/**
 * The two with a word for it, as of brd_os_shm_show and brd_os_shm_find; `size` is then what
 * was made, and terms are zero. Fails with: also BROOD_EPROTOCOL (it is something else).
 */
int brd_object_show(brd_object *out, brd_sign **sign, brd_object_kind kind, size_t size,
                    const char *word);
int brd_object_find(brd_object *out, brd_object_kind kind, const char *word);

/** Whether this process has it: it was not only copied by a fork. */
static inline bool brd_object_is_ours(const brd_object *o, brd_object_kind kind)
{
    return o && o->kind == kind && o->generation == brd_generation() && o->shm.base;
}

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

/**
 * A kind whose objects are a struct that starts with the brd_object, and one segment: how
 * such a struct is made, received, carried by messages and freed is the same for all.
 */
typedef struct brd_object_class {
    brd_object_kind kind;
    size_t size; /* of the struct */
    /**
     * Makes what stands behind the brd_object, which is open. Size and terms may come from a
     * stranger: they are checked here, once. Fails with: BROOD_EPROTOCOL, the system's error.
     */
    int (*open)(void *object);
    /** Undoes that. */
    void (*close)(void *object);
    /** It is mostly read or written as a whole: who attaches it wants all pages at hand. */
    bool bulk;
} brd_object_class;

/** brd_object_create into a new struct. */
int brd_object_new(void **out, const brd_object_class *class, size_t size, const uint64_t terms[4]);

/** brd_object_attach into a new struct. */
int brd_object_receive(void **out, const brd_object_class *class, brd_handle segment,
                       uint64_t size);

/** Closes it and frees the struct. Leaves alone what is not this process's; accepts NULL. */
void brd_object_free(const brd_object_class *class, void *object);

#endif
